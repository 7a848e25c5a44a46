"""HAC checkpoints behind the `Tokenizer` interface: `hac:FOLDER` or `hac:OWNER/NAME` on the hub.

Utterances go through the model one by one unless `batched=true` asks otherwise. The model masks padding, so
a padded batch means the same; but a matrix product's rounding depends on the size of its operands, and on a
near tie between two codes that can tip a token. One by one, an utterance's tokens are the same bits in
whatever company it comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hac.data.tokens.stream_options import StreamSpec
from hac.errors import HacError
from hac.hub import checked_device, open_checkpoint
from hac.tokenizers.base import mono

if TYPE_CHECKING:
    from hac.model.hac_model import HacModel

OPTIONS = ("n_quantizers", "batched", "revision")


class HacTokenizer:
    """A `HacModel` as a tokenizer: `ceil(n / hop_length)` tokens of every stream for n samples.

    Attributes:
        name: `hac:where`.
        sample_rate: Hz the model wants.
        streams: `acoustic.0`, ..., `phonetic`, `lexical`, as far as the model has them.
        provenance: what a result must record to be repeated.
    """

    def __init__(
        self,
        name: str,
        model: HacModel,
        provenance: Mapping[str, Any],
        n_quantizers: int | None = None,
        batched: bool = False,
    ) -> None:
        config = model.config
        depth = config.acoustic_codebooks if n_quantizers is None else n_quantizers
        dropped = {f"acoustic.{k}" for k in range(depth, config.acoustic_codebooks)}
        self.name = name
        self.sample_rate = config.sample_rate
        self.hop_samples = config.hop_length
        self.streams = tuple(
            StreamSpec(stream, size, config.frame_rate)
            for stream, size in config.codebook_sizes.items()
            if stream not in dropped
        )
        self.provenance = {**provenance, "n_quantizers": depth, "batched": batched}
        self._model = model
        self._n_quantizers = n_quantizers
        self._batched = batched

    def encode(self, batch: Sequence[NDArray[np.float32]]) -> list[dict[str, NDArray[np.int32]]]:
        """Encode utterances, each float32 [n_samples] mono at `sample_rate`; an empty one has no tokens.

        Raises:
            HacError: audio that is not mono, or holds NaN or infinite samples.
        """
        checked = [mono(samples) for samples in batch]
        spoken = [index for index, samples in enumerate(checked) if len(samples)]
        groups = [spoken] if self._batched and spoken else [[index] for index in spoken]
        results: list[dict[str, NDArray[np.int32]]] = [
            {spec.name: np.empty(0, dtype=np.int32) for spec in self.streams} for _ in checked
        ]
        for group in groups:
            for index, codes in zip(group, self._encode_together([checked[i] for i in group]), strict=True):
                results[index] = codes
        return results

    def embed(self, samples: NDArray[np.float32], quantized: bool = False) -> dict[str, NDArray[np.float32]]:
        """Vectors of every stream, float32 [n_frames, d], d its own for each stream; see `HacModel.embed`.

        Raises:
            HacError: audio that is not mono, is empty, or holds NaN or infinite samples.
        """
        import torch

        checked = mono(samples)
        if not len(checked):
            raise HacError("audio without samples has no vectors")
        audio = torch.from_numpy(checked.copy())[None].to(self._model.device)
        vectors = self._model.embed(audio, quantized=quantized).streams
        return {spec.name: np.ascontiguousarray(vectors[spec.name][0].float().cpu().numpy()) for spec in self.streams}

    def _encode_together(self, batch: list[NDArray[np.float32]]) -> list[dict[str, NDArray[np.int32]]]:
        import torch

        lengths = torch.tensor([len(samples) for samples in batch])
        width = int(lengths.max())
        audio = torch.from_numpy(np.stack([np.pad(samples, (0, width - len(samples))) for samples in batch]))
        exists = torch.arange(width) < lengths[:, None]
        device = self._model.device
        tokens = self._model.encode(audio.to(device), exists.to(device), self._n_quantizers)
        return [
            {
                name: np.ascontiguousarray(codes.cpu().numpy(), dtype=np.int32)
                for name, codes in tokens.item(index).items()
            }
            for index in range(len(batch))
        ]


def load(where: str, device: str = "cpu", **options: str) -> HacTokenizer:
    """Load `hac:where`.

    Args:
        where: folder or hub id.
        options: `n_quantizers` (acoustic streams to make; all by default), `batched` (`true`: utterances
            share padded batches, faster on a GPU; `false` by default), `revision` (of a hub id).

    Raises:
        HacError: no such model, another kind of model, weights missing or pickled, an unknown option.
    """
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise HacError(f"hac:{where}: unknown option {unknown[0]!r}; known are {', '.join(OPTIONS)}")
    target = checked_device(device)
    batched = _flag(where, options.get("batched", "false"))
    checkpoint = open_checkpoint(where, options.get("revision"))
    from hac.model.hac_model import HacModel
    from hac.model.inputs import check_depth

    model: Any = HacModel.from_pretrained(checkpoint.folder, local_files_only=True)
    n_quantizers = check_depth(model.config, _number(where, options.get("n_quantizers")))
    model.to(target).eval().requires_grad_(False)
    return HacTokenizer(f"hac:{where}", model, checkpoint.provenance(), n_quantizers, batched)


def _number(where: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise HacError(f"hac:{where}: n_quantizers is {text!r}, expected a whole number") from error


def _flag(where: str, text: str) -> bool:
    choices = {"true": True, "1": True, "false": False, "0": False}
    if str(text).lower() not in choices:
        raise HacError(f"hac:{where}: batched is {text!r}, expected true or false")
    return choices[str(text).lower()]

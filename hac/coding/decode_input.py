"""Tokens and the model that decodes them, brought together: found by provenance, checked to belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from hac.coding.decoders import Decoder, checkpoint_place, load_decoder
from hac.data.tokens.formats import read_tokens
from hac.data.tokens.token_store import TokenStore
from hac.errors import HacError
from hac.hub import model_folder
from hac.parallel.pool import everywhere


def open_tokens(path: Path, checkpoint: str | Decoder | None, device: str) -> tuple[TokenStore, str | Decoder]:
    """The tokens, and the checkpoint that is to decode them: the given one, or the one that made them.

    Raises:
        HacError: the tokens cannot be read, or no checkpoint is given and their provenance names none.
    """
    if checkpoint is None:
        store = read_tokens(path)
        return store, _maker(store, path)
    try:
        return read_tokens(path), checkpoint
    except HacError:
        # formats that do not say sizes and rates get the model's; any other trouble comes up again
        specs = loaded_decoder(checkpoint, device).streams
        sizes = {spec.name: spec.codebook_size for spec in specs}
        rates = {spec.name: spec.frame_rate for spec in specs}
        return read_tokens(path, codebook_size=sizes, frame_rate=rates), checkpoint


@lru_cache(maxsize=1)
def _load(name: str, device: str) -> Decoder:
    return load_decoder(name, device)


def loaded_decoder(decoder: str | Decoder, device: str) -> Decoder:
    """The decoder, loaded once per process."""
    return _load(decoder, device) if isinstance(decoder, str) else decoder


def _forget() -> None:
    _load.cache_clear()


def release_decoder() -> None:
    """Let go of the loaded decoder, here and in idle processes, so that the next model is alone in memory."""
    from joblib.externals.loky import get_reusable_executor

    _load.cache_clear()
    everywhere(_forget)
    get_reusable_executor(max_workers=1).shutdown(wait=True)


def check_weights(store: TokenStore, decoder: Decoder, path: Path) -> None:
    """Refuse tokens that other weights made; tokens that do not say what made them pass.

    Raises:
        HacError: the store's provenance has another hash than the decoder.
    """
    for name, weights in _provenance(store):
        if weights is not None and weights != decoder.weights_sha256:
            raise HacError(
                f"{path}: made by {name} with weights {weights[:12]}..., and {decoder.name} has weights "
                f"{decoder.weights_sha256[:12]}...; give the model that made the tokens with --ckpt, or insist on "
                "this one with --force"
            )


def check_streams(store: TokenStore, decoder: Decoder, streams: Sequence[str], path: Path) -> None:
    """Refuse tokens that lack one of `streams`, or whose streams are not those of the decoder.

    Raises:
        HacError: a stream is missing on either side, or differs in codebook size or frame rate.
    """
    specs = {spec.name: spec for spec in decoder.streams}
    for name in streams:
        if name not in specs:
            raise HacError(
                f"{path}: has a stream {name!r}, and {decoder.name} has none; give the model that made these tokens "
                "with --ckpt, or use fewer quantizers with --n-quantizers"
            )
        if name not in store.streams:
            raise HacError(
                f"{path}: has no stream {name!r}, which {decoder.name} is to decode from; there are "
                f"{', '.join(store.streams)}: encode it, or say what is to be heard with --streams or --n-quantizers"
            )
        stream, spec = store[name], specs[name]
        found = f"{stream.codebook_size} codes at {stream.frame_rate} Hz"
        expected = f"{spec.codebook_size} codes at {spec.frame_rate} Hz"
        if found != expected:
            raise HacError(
                f"{path}: stream {name!r} has {found}, and that of {decoder.name} {expected}; "
                "give the model that made these tokens with --ckpt"
            )


def _maker(store: TokenStore, path: Path) -> str:
    """The one tokenizer that the provenance names."""
    names = {name for name, _ in _provenance(store)}
    name = next(iter(names))
    if len(names) > 1 or name is None:
        found = "no tokenizer" if len(names) == 1 else "several tokenizers"
        raise HacError(f"{path}: its provenance names {found}; say with --ckpt which model decodes these tokens")
    try:
        model_folder(*checkpoint_place(name))
    except HacError as error:
        raise HacError(f"{path}: its provenance names {name} ({error}); say with --ckpt where its model is") from error
    return name


def _provenance(store: TokenStore) -> list[tuple[str | None, str | None]]:
    """Tokenizer and hash of its weights, as the provenance gives them: one pair, or several for joined stores."""
    found: dict[tuple[str | None, str | None], None] = {}
    parts = store.provenance.get("parts")
    for part in parts if isinstance(parts, list) and parts else [store.provenance]:
        record = part if isinstance(part, Mapping) else {}
        details = record.get("tokenizer_provenance")
        weights = details.get("weights_sha256") if isinstance(details, Mapping) else None
        name = record.get("tokenizer")
        found[name if isinstance(name, str) else None, weights if isinstance(weights, str) else None] = None
    return list(found)

"""What is compared: references by id, and one reconstruction of each under every condition.

A condition is a way of making audio: a codec's tokens decoded with so many quantizers (`rvq-3`), or somebody else's
files. All conditions are scored on the utterances that every one of them has, so that their numbers compare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.reconstruction.bit_rates import check_rate
from hac.coding.decoded_audio import safe_name
from hac.data.audio.audio import FORMATS
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest
from hac.errors import FailureLog, HacError

if TYPE_CHECKING:
    from hac.coding.decoders import Decoder
    from hac.data.tokens.token_store import TokenStore

REFERENCE = "reference"
"""Name under which the references' own scores stand; no condition may have it."""


@dataclass(frozen=True)
class Condition:
    """Reconstructions of one kind.

    Attributes:
        name: part of every record's id.
        files: audio by utterance id.
        streams: the token streams that are decoded; empty where they are not known.
        n_quantizers: residual quantizers in use; None where there is no telling.
        tokens: that it was decoded from, which hold `streams`; None where they are not known.
        kbps: nominal kilobits per second as given; None where they are not, or follow from the tokens.
    """

    name: str
    files: Mapping[str, Path]
    streams: tuple[str, ...] = ()
    n_quantizers: int | None = None
    tokens: TokenStore | None = field(default=None, repr=False)
    kbps: float | None = None


@dataclass(frozen=True)
class Material:
    """References and reconstructions of the same utterances.

    Attributes:
        manifest: the utterances that every condition has.
        references: audio by utterance id.
        conditions: with audio for exactly these ids.
        n_in_manifest: utterances of the manifest that was given.
    """

    manifest: Manifest
    references: Mapping[str, Path]
    conditions: tuple[Condition, ...]
    n_in_manifest: int

    @property
    def tokens(self) -> TokenStore | None:
        """The tokens that conditions were decoded from; None where none are known, or those of several codecs."""
        stores = {id(one.tokens): one.tokens for one in self.conditions if one.tokens is not None}
        return next(iter(stores.values())) if len(stores) == 1 else None


def material(manifest: Manifest, conditions: Sequence[Condition], failures: FailureLog) -> Material:
    """Bring references and reconstructions together by id; what one of them lacks is noted and left out.

    Raises:
        HacError: two conditions have one name, or no utterance is in all of them.
    """
    _check_names([condition.name for condition in conditions])
    references: dict[str, Path] = {}
    for utterance in manifest.utterances:
        lacking = [condition.name for condition in conditions if utterance.id not in condition.files]
        if lacking:
            detail = f"there is no reconstruction under {', '.join(lacking)}; it is left out everywhere"
            failures.add(utterance.id, "reconstruction-missing", detail)
            continue
        try:
            references[utterance.id] = manifest.audio_path(utterance)
        except HacError as error:
            failures.add(utterance.id, "audio-path", str(error))
    if not references:
        found = {condition.name: sorted(condition.files)[:1] for condition in conditions}
        raise HacError(
            f"no utterance of the manifest ({manifest.ids[0]!r}, ...) has a reconstruction under every condition "
            f"(found: {found}); reconstructions are named by id, as `hac decode` names them, or listed in a manifest"
        )
    chosen = tuple(replace(c, files={id: c.files[id] for id in references}) for c in conditions)
    return Material(manifest.subset(references), references, chosen, len(manifest))


def given_conditions(
    places: Mapping[str, Path],
    ids: Collection[str],
    tokens: Mapping[str, TokenStore] | None = None,
    kbps: Mapping[str, float] | None = None,
) -> list[Condition]:
    """Somebody's reconstructions, by name of the condition.

    Args:
        places: a folder of audio files or a manifest each.
        ids: of the utterances.
        tokens: that they were decoded from, all streams of them, where known.
        kbps: nominal kilobits per second, where they do not follow from tokens.

    Raises:
        HacError: there is no such place, it holds no audio, two files could be of one utterance, tokens or a rate of
            what is not among the places, or a rate that is none or not that of the tokens.
    """
    stores, rates = tokens or {}, kbps or {}
    for option, given in (("--tokens", stores), ("--kbps", rates)):
        if unknown := [name for name in given if name not in places]:
            raise HacError(f"{option}: there is no --decoded {unknown[0]!r}; there are {', '.join(places) or 'none'}")
    conditions = []
    for name, place in places.items():
        store, rate = stores.get(name), rates.get(name)
        check_rate(name, rate, store)
        streams = tuple(store.streams) if store is not None else ()
        conditions.append(Condition(name, _files_of(Path(place), ids), streams, tokens=store, kbps=rate))
    return conditions


def _files_of(place: Path, ids: Collection[str]) -> dict[str, Path]:
    if place.is_dir() and (place / "manifest.jsonl").is_file():
        place = place / "manifest.jsonl"
    if place.is_file():
        listed = read_manifest(place)
        return {utterance.id: listed.audio_path(utterance) for utterance in listed.utterances}
    if not place.is_dir():
        raise HacError(f"{place}: no such folder or manifest of reconstructions; give --decoded a folder of audio")
    files = sorted(path for path in place.rglob("*") if path.suffix.lower() in FORMATS)
    if not files:
        raise HacError(f"{place}: holds no audio ({', '.join(FORMATS)}); expected one file an utterance, named by id")
    by_name = {name: id for id in ids for name in (safe_name(id), id)}
    found: dict[str, Path] = {}
    for path in files:
        inner = path.relative_to(place).with_suffix("").as_posix()
        id = by_name.get(inner, by_name.get(path.stem))
        if id is None:
            continue
        if id in found:
            raise HacError(f"{place}: {found[id]} and {path} could both be of utterance {id!r}; keep one of them")
        found[id] = path
    return found


def coded_conditions(
    tokens: Path,
    checkpoint: str | None,
    manifest: Manifest,
    out: Path,
    *,
    levels: Sequence[str] | None,
    depths: Sequence[int] | None,
    device: str,
    jobs: int,
    failures: FailureLog,
) -> list[Condition]:
    """Decode tokens with every number of quantizers that is asked for; what is decoded already is kept.

    Args:
        tokens: a token store.
        checkpoint: the model that made the tokens; None: what their provenance names.
        manifest: of the audio that was encoded.
        out: folder for one folder of audio for each condition.
        levels: the levels of a HAC model to be decoded; None: all.
        depths: numbers of quantizers; None: all that the tokens and the model have.
        device: where the decoder computes.
        jobs: processes.
        failures: utterances that cannot be decoded.

    Raises:
        HacError: as `hac.coding.decode.decode_corpus`.
    """
    from hac.coding.decode import decode_corpus
    from hac.coding.decode_input import loaded_decoder, open_tokens

    store, name = open_tokens(tokens, checkpoint, device)
    decoder = loaded_decoder(name, device)
    wanted = _depths(decoder, store.streams, levels) if depths is None else list(dict.fromkeys(depths))
    ids = [id for id in store.ids if id in manifest.by_id]
    if not ids:
        raise HacError(f"{tokens}: no utterance of the tokens is in the manifest; give the manifest that was encoded")
    conditions = []
    for depth in wanted:
        made = decode_corpus(
            tokens,
            out / condition_name(depth, levels),
            checkpoint=checkpoint,
            levels=levels,
            n_quantizers=depth,
            ids=ids,
            manifest=manifest,
            device=device,
            jobs=jobs,
            failures=failures,
        )
        files = {utterance.id: made.manifest.audio_path(utterance) for utterance in made.manifest.utterances}
        conditions.append(Condition(condition_name(depth, levels), files, made.streams, depth, store))
    return conditions


def condition_name(depth: int | None, levels: Iterable[str] | None) -> str:
    """`rvq-3`, `rvq-3+phonetic` where not all levels are decoded, or the levels alone."""
    named = [level for level in levels or () if not (depth is not None and level == "acoustic")]
    return "+".join([*([] if depth is None else [f"rvq-{depth}"]), *named]) or "all"


def _depths(decoder: Decoder, present: Mapping[str, object], levels: Sequence[str] | None) -> list[int | None]:
    """All numbers of quantizers that differ in what is decoded; None alone where the number changes nothing."""
    found: dict[tuple[str, ...], int] = {}
    for depth in range(1, len(decoder.streams) + 1):
        try:
            chosen = decoder.choose(present, levels, depth)
        except HacError:
            continue  # a codec with semantic quantizers has a least number of them, and any has a greatest
        if all(stream in present for stream in chosen):
            found.setdefault(chosen, depth)
    return list(found.values()) if len(found) > 1 else [None]


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if not name or name == REFERENCE or any(mark in name for mark in "[]\n,"):
            raise HacError(
                f"a condition is called {name!r}; expected a name other than {REFERENCE!r}, without [ ] or ,"
            )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise HacError(f"two conditions are called {twice[0]!r}; give each its own name, as in --decoded name=folder")
    if not names:
        raise HacError("there is nothing to compare: give --ckpt or --tokens of a codec, or --decoded")

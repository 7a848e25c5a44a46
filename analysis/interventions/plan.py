"""Which utterances are decoded in which conditions, and the audio that comes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hac.coding.decode import decode_corpus
from hac.coding.decoded_audio import file_names
from hac.coding.decoders import Decoder
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from probes.tokens.interventions import (
    ALL,
    ALONE,
    DROP,
    INTERVENTIONS,
    KEEP,
    SHUFFLE,
    SWAP,
    Partners,
    shuffled,
    swapped,
)
from probes.utterance_keys import utterance_keys

FORMAT = "flac"


@dataclass(frozen=True)
class Condition:
    """One way to decode the corpus.

    Attributes:
        level: name of the level that is changed; `all` for the references.
        intervention: `drop`, `alone`, `shuffle`, `swap`; `keep` or `original` for the references.
        streams: the streams of the level.
        decoded: the streams that are decoded.
        levels, n_quantizers: how the decoder is told which these are; see `hac.coding.decode.decode_corpus`.
    """

    level: str
    intervention: str
    streams: tuple[str, ...] = ()
    decoded: tuple[str, ...] = ()
    levels: tuple[str, ...] | None = None
    n_quantizers: int | None = None

    @property
    def name(self) -> str:
        """`keep`, `original`, or `<level>.<intervention>`."""
        return self.intervention if self.level == ALL else f"{self.level}.{self.intervention}"


@dataclass(frozen=True)
class Plan:
    """What is to be decoded.

    Attributes:
        levels: the streams of each level.
        conditions: the reference `keep`, then level by level; the original is not decoded.
        left_out: condition -> why it cannot be had.
    """

    levels: Mapping[str, tuple[str, ...]]
    conditions: tuple[Condition, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def make_plan(
    decoder: Decoder, present: Collection[str], levels: Mapping[str, tuple[str, ...]], interventions: Sequence[str]
) -> Plan:
    """The conditions that this decoder can make.

    Args:
        decoder: as loaded.
        present: the streams that the tokens have, in order.
        levels: from `probes.tokens.interventions.choose_levels`.
        interventions: names, in order.

    Raises:
        HacError: the tokens are not the decoder's.
    """
    everything = decoder.choose(present)
    keep = _decodable(decoder, present, Condition(ALL, KEEP, decoded=everything))
    if keep is None:  # a decoder always decodes all that it chose
        raise HacError(f"{decoder.name}: does not decode the streams {', '.join(everything)} together")
    conditions, left_out = [keep], {}
    for level, streams in levels.items():
        for intervention in interventions:
            decoded = {
                DROP: tuple(name for name in everything if name not in streams),
                ALONE: tuple(name for name in everything if name in streams),
            }.get(intervention, everything)
            asked = Condition(level, intervention, streams, decoded)
            made = _decodable(decoder, present, asked) if decoded else None
            if made is not None:
                conditions.append(made)
            elif not decoded:
                left_out[asked.name] = "nothing would be heard"
            else:
                left_out[asked.name] = f"{decoder.name} cannot decode {', '.join(decoded)} without the other streams"
    return Plan(levels, tuple(conditions), left_out)


def _decodable(decoder: Decoder, present: Collection[str], asked: Condition) -> Condition | None:
    """The condition with what makes the decoder decode just its streams; None where nothing does."""
    names = tuple(dict.fromkeys(name.split(".")[0] for name in asked.decoded))
    n_residual = sum(name.startswith("acoustic.") for name in asked.decoded) or None
    ways: list[tuple[tuple[str, ...] | None, int | None]]
    ways = [(None, None), (names, None), (names, n_residual), (None, len(asked.decoded))]
    for levels, n_quantizers in ways:
        try:
            chosen = decoder.choose(present, levels, n_quantizers)
        except HacError:
            continue
        if set(chosen) == set(asked.decoded):
            return Condition(asked.level, asked.intervention, asked.streams, asked.decoded, levels, n_quantizers)
    return None


def choose_utterances(manifest: Manifest, ids: Collection[str], limit: int | None, seed: int = 0) -> tuple[str, ...]:
    """Up to `limit` utterances, sorted by id: speakers in turn, each one's utterances in an order by hash.

    Args:
        manifest: which knows the speakers; an unknown speaker is one.
        ids: utterances to choose from.
        limit: how many; None: all.
        seed: another one chooses others.
    """
    if limit is None or limit >= len(ids):
        return tuple(sorted(ids))
    ordered = sorted(ids)
    keys = utterance_keys([f"{seed} {id}" for id in ordered])
    by_speaker: dict[tuple[str, str], list[str]] = defaultdict(list)
    for _, id in sorted(zip(keys.tolist(), ordered, strict=True)):
        row = manifest.by_id[id]
        by_speaker[row.language or "", row.speaker or ""].append(id)
    turns = [(place, first, id) for first, mine in by_speaker.items() for place, id in enumerate(mine)]
    return tuple(sorted(id for _, _, id in sorted(turns)[:limit]))


@dataclass(frozen=True)
class Setting:
    """What all conditions of a run have in common.

    Attributes:
        tokens: the chosen utterances.
        manifest: of the chosen utterances.
        partners: of the chosen utterances, in the order of the tokens; None where nothing is swapped.
        decoder: as given: a name, or a decoder.
        folder: where `tokens/` and `audio/` go.
        device, jobs, seed: see `hac.coding.decode.decode_corpus` and `probes.tokens.interventions`.
        force: decode tokens of other weights.
    """

    tokens: TokenStore
    manifest: Manifest
    partners: Partners | None
    decoder: str | Decoder
    folder: Path
    device: str = "cpu"
    jobs: int = 1
    seed: int = 0
    force: bool = False


def changed_tokens(setting: Setting, condition: Condition) -> TokenStore:
    """The tokens that a condition is decoded from; `drop` and `alone` change none, they decode fewer."""
    if condition.intervention == SHUFFLE:
        return shuffled(setting.tokens, condition.streams, setting.seed)
    if condition.intervention == SWAP:
        if setting.partners is None:
            raise ValueError("swap needs partners")
        return swapped(setting.tokens, condition.streams, setting.partners.of)
    return setting.tokens


def decode_all(setting: Setting, plan: Plan, failures: FailureLog) -> dict[str, Manifest]:
    """Decode every condition, resumably; what came of it, by name of the condition.

    Args:
        setting: what they have in common.
        plan: the conditions.
        failures: takes what `keep` could not decode, once, and what another condition could not decode beyond it.
    """
    audio: dict[str, Manifest] = {}
    lost: set[str] = set()
    for condition, folder in zip(plan.conditions, condition_folders(plan), strict=True):
        log = FailureLog(failures.strict)
        made = decode_corpus(
            _kept_tokens(setting, condition, setting.folder / "tokens" / f"{folder}.parquet"),
            setting.folder / "audio" / folder,
            checkpoint=setting.decoder,
            levels=condition.levels,
            n_quantizers=condition.n_quantizers,
            format=FORMAT,
            manifest=setting.manifest,
            device=setting.device,
            jobs=setting.jobs,
            force=setting.force,
            failures=log,
        )
        for failure in log:
            if failure.id not in lost:
                failures.add(failure.id, failure.reason, f"{condition.name}: {failure.detail}")
        lost |= log.ids
        audio[condition.name] = made.manifest
    return audio


def condition_folders(plan: Plan) -> list[str]:
    """A folder's name for each condition."""
    return file_names(condition.name for condition in plan.conditions)


def _kept_tokens(setting: Setting, condition: Condition, path: Path) -> Path:
    """The condition's tokens as a file."""
    if condition.intervention in (DROP, ALONE):
        return path.with_name(f"{KEEP}.parquet")
    write_tokens(changed_tokens(setting, condition), path)
    return path


def checked_interventions(names: Sequence[str]) -> tuple[str, ...]:
    """The interventions by name, all for none; the reference is always there.

    Raises:
        HacError: there is no such intervention.
    """
    for name in names:
        if name not in (*INTERVENTIONS, KEEP):
            raise HacError(f"--interventions {name!r}: there is none of that name; expected {', '.join(INTERVENTIONS)}")
    return tuple(name for name in INTERVENTIONS if not names or name in names)


def files_of(manifest: Manifest) -> dict[str, Path]:
    """The audio file of each utterance."""
    return {row.id: manifest.audio_path(row) for row in manifest.utterances}

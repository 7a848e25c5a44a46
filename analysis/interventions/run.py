"""What each level does: decode with it silent, alone, shuffled or swapped, and measure what changes.

The causal side of disentanglement: a level that carries the words changes the word error rate when it is swapped, one
that carries the voice changes the voice; a level whose loss changes nothing does nothing, whatever could be read out
of its codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.audio_quality.pairs import Measure
from analysis.inputs.corpus import manifest_key, voices_of
from analysis.inputs.request import Request, about_of
from analysis.interventions.compare import Job, Protocol
from analysis.interventions.judged import gather
from analysis.interventions.phone_content import train_phone_classifiers
from analysis.interventions.plan import Condition, Plan, Setting, choose_utterances, decode_all, make_plan
from analysis.interventions.scores import PROTOCOL
from analysis.results.builder import make_results
from analysis.results.schema import Results, StreamInfo
from hac.coding.decode_input import check_streams, check_weights, loaded_decoder, release_decoder
from hac.coding.decoders import Decoder
from hac.data.alignments.alignment import Alignments
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.token_store import TokenStore
from hac.errors import HacError
from probes.nulls.circular_shift import OVER_SPEAKERS
from probes.tokens.interventions import ORIGINAL, PARTNERS, SWAP, Partners, choose_levels, choose_partners

COMMAND = "intervene"
ONE_SPEAKER = (
    "swap: no utterance could be swapped with one of a speaker known to be another, so the partner's voice may be the "
    "same"
)


@dataclass(frozen=True)
class Machine:
    """Where and with what it is computed; moves no number.

    Attributes:
        folder: for audio, tokens, verdicts and rows.
        device: of decoder and judges.
        jobs: processes; -1: one per core.
        force: decode tokens of other weights.
    """

    folder: Path
    device: str = "cpu"
    jobs: int = 1
    force: bool = False


@dataclass(frozen=True)
class Outcome:
    """Results, and what they were made of.

    Attributes:
        results: the results.
        conditions: all that was measured, the original and `keep` first.
        measures: of each condition, by its name.
        ids: the utterances, in the order of the measures.
        partners: whom each was swapped with; empty where nothing was swapped.
        audio: of each condition, by its name.
    """

    results: Results
    conditions: tuple[Condition, ...]
    measures: Mapping[str, Mapping[str, Measure]]
    ids: tuple[str, ...]
    partners: tuple[str, ...]
    audio: Mapping[str, Manifest]


def run(request: Request[Protocol], decoder: str | Decoder, machine: Machine) -> Outcome:
    """Decode every condition and measure it.

    Args:
        request: tokens, manifest (needed) and alignments (phone content is left out without), and how to measure.
        decoder: name of the model that decodes, or a decoder.
        machine: where.

    Raises:
        HacError: no manifest, no such level, tokens of another model, nothing in common, nothing to swap with.
    """
    whole = request.labels.manifest
    if whole is None:
        raise HacError("interventions need --manifest, which says where the recordings are")
    protocol, labels = request.protocol, request.labels
    tokens = _chosen(request.tokens, whole, protocol)
    plan = _plan(tokens, decoder, protocol, machine, request.inputs.get("tokens"))
    chosen = whole.subset(tokens.ids)
    swaps = any(condition.intervention == SWAP for condition in plan.conditions)
    partners = _partners(tokens.ids, chosen, protocol.seed) if swaps else None
    setting = Setting(
        tokens, chosen, partners, decoder, machine.folder, machine.device, machine.jobs, protocol.seed, machine.force
    )
    audio = {ORIGINAL: chosen, **decode_all(setting, plan, request.failures)}
    release_decoder()
    classifiers = train_phone_classifiers(labels, whole, tokens.ids, protocol.phone_policy, machine.jobs)
    judgements = gather(audio, chosen, tokens.ids, protocol.judges, machine.folder, machine.device, machine.jobs)
    job = Job(setting, plan, protocol, judgements, classifiers, audio)
    scored = job.scored()
    coverage = _coverage(labels.alignments, whole, chosen, len(request.tokens))
    results = make_results(
        COMMAND,
        about_of(request, coverage, _warnings(job)),
        job.records(scored),
        {PROTOCOL: _protocol(job)},
        streams={name: StreamInfo.of(stream) for name, stream in tokens.streams.items()},
    )
    names = () if partners is None else tuple(tokens.ids[p] for p in partners.of)
    measured = {one.condition.name: one.measures for one in scored}
    return Outcome(results, tuple(one.condition for one in scored), measured, tokens.ids, names, audio)


def _chosen(tokens: TokenStore, manifest: Manifest, protocol: Protocol) -> TokenStore:
    """The tokens of the utterances that are decoded."""
    ids = [id for id in tokens.ids if id in manifest.by_id]
    if not ids:
        raise HacError(
            f"no utterance of the tokens ({tokens.ids[0]!r}, ...) is in the manifest ({manifest.ids[0]!r}, ...); give "
            "the manifest that was encoded"
        )
    return tokens.select(choose_utterances(manifest, ids, protocol.limit, protocol.seed))


def _plan(
    tokens: TokenStore, decoder: str | Decoder, protocol: Protocol, machine: Machine, tokens_file: Path | None
) -> Plan:
    """The conditions; tokens without a file were encoded to the machine's folder."""
    where = tokens_file or machine.folder / "tokens.parquet"
    loaded = loaded_decoder(decoder, machine.device)
    if not machine.force:
        check_weights(tokens, loaded, where)
    decoded = loaded.choose(tokens.streams)
    check_streams(tokens, loaded, decoded, where)
    levels = choose_levels(decoded, protocol.levels)
    return make_plan(loaded, tokens.streams, levels, protocol.interventions)


def _partners(ids: Sequence[str], manifest: Manifest, seed: int) -> Partners:
    languages, speakers = zip(*voices_of(ids, manifest), strict=True)
    return choose_partners(ids, languages, speakers, seed)


def _warnings(job: Job) -> list[str]:
    warnings = [f"{name}: left out, {why}" for name, why in job.plan.left_out.items()]
    warnings += job.judgements.notes
    partners = job.setting.partners
    if partners is not None and int(partners.kinds.min()) > 1:
        warnings.append(f"{ONE_SPEAKER} ({', '.join(f'{n} x {kind}' for kind, n in partners.counts().items())})")
    if isinstance(job.classifiers, str):
        warnings.append(f"phone content is left out: {job.classifiers}")
    if len(job.ids) < 2:
        warnings.append("one utterance only: there is no null, as there is no other to compare with")
    note = job.samples[0].clusters.note
    return [*warnings, note] if note else warnings


def _protocol(job: Job) -> dict[str, Any]:
    """What was done, in words that a reader can follow without the code."""
    partners, protocol = job.setting.partners, job.protocol
    return {
        "levels": {level: list(streams) for level, streams in job.plan.levels.items()},
        "shuffle": "runs of equal frames of the level permuted within each utterance",
        "swap": "codes of the partner, cut to the length or begun anew",
        "swap_partners": None if partners is None else partners.counts(),
        "swap_partner_choice": f"the best of: {'; '.join(PARTNERS)}; among those, by hash of the ids",
        "null": f"the same audio against other utterances, looped or cut to its length; phones: {OVER_SPEAKERS}",
        "n_nulls": protocol.n_nulls,
        "interval": "95 %, cluster-jackknife-t; differences to keep are paired",
        "seed": protocol.seed,
        "utterances": "all" if protocol.limit is None else f"{len(job.ids)}, speakers in turn, by hash of the ids",
        "phones": job.classifiers if isinstance(job.classifiers, str) else job.classifiers.describe(),
        **job.judgements.protocol,
    }


def _coverage(alignments: Alignments, whole: Manifest, chosen: Manifest, n_tokens: int) -> dict[str, Any]:
    aligned = {id for tier in alignments.tiers.values() for id in tier.ids}
    return {
        "utterances": {
            "counted": len(chosen),
            "key": manifest_key(chosen),
            "in_manifest": len(whole),
            "with_alignment": len(aligned & set(chosen.ids)),
            "with_tokens": n_tokens,
        },
        "hours": {"counted": round(chosen.hours, 6), "in_manifest": round(whole.hours, 6)},
        "speakers": len(chosen.speakers),
        "languages": list(chosen.languages),
    }

"""Tokens that need no labels: utterances with their clusters, and what a manifest says of them."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.inputs.corpus import NO_MANIFEST, TokenCorpus, coverage_of_voices, utterance_key, voices_of
from hac.data.manifest.manifest import Manifest
from hac.data.timeline import US_PER_S
from hac.data.tokens.manifest_match import check_rate, match_ids
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from probes.clusters import assign_rows


def token_corpus(manifest: Manifest | None, tokens: TokenStore, failures: FailureLog) -> TokenCorpus:
    """The utterances that have tokens and, where there is a manifest, a row in it; the rest is counted.

    Raises:
        HacError: no utterance has both, or the tokens are of another rate than they say.
    """
    ids = tuple(sorted(tokens.ids))
    if manifest is not None:
        ids = _in_manifest(manifest, tokens, failures)
    kept = tokens.select(ids)
    if not any(kept.n_frames(name) for name in kept.streams):
        raise HacError("the tokens hold no frame in any utterance; was the encoding interrupted?")
    voices = tuple(voices_of(ids, manifest))
    coverage = {
        "utterances": {
            "counted": len(ids),
            "key": utterance_key(ids, voices),
            "in_manifest": len(manifest.ids) if manifest else None,
            "with_tokens": len(tokens.ids),
        },
        "hours": {"counted": round(_seconds(kept, manifest) / 3600, 6)},
        **coverage_of_voices(voices, manifest),
    }
    rows = assign_rows(ids, [language for language, _ in voices], [speaker for _, speaker in voices])
    return TokenCorpus(ids, voices, kept, rows, coverage, [] if manifest else [NO_MANIFEST])


def _in_manifest(manifest: Manifest, tokens: TokenStore, failures: FailureLog) -> tuple[str, ...]:
    met = match_ids(tokens, manifest.ids)
    said = failures.ids
    failures.extend(failure for failure in met.failures() if failure.id not in said)
    off = check_rate(tokens.select(met.matched), manifest.durations_us)
    failures.extend(off)
    return tuple(sorted(set(met.matched) - {failure.id for failure in off}))


def _seconds(tokens: TokenStore, manifest: Manifest | None) -> float:
    if manifest is not None:
        return sum(manifest.durations_us[id] for id in tokens.ids) / US_PER_S
    return max(float(tokens.n_frames(name) / stream.frame_rate) for name, stream in tokens.streams.items())


def check_streams(tokens: TokenStore, names: Sequence[str]) -> tuple[str, ...]:
    """The streams asked for, all for none.

    Raises:
        HacError: there is no such stream.
    """
    for name in names:
        if name not in tokens.streams:
            raise HacError(f"there is no stream {name!r}; the tokens have {', '.join(tokens.streams)}")
    return tuple(names) or tuple(tokens.streams)

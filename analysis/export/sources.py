"""Whose tokens are exported: token files, or the runs that were made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.clips.time_tiers import TimeLabels
from analysis.export.textgrids import Export
from analysis.inputs.corpus import alignments_if_any
from analysis.inputs.request import parts_of, streams_of
from analysis.results.schema import FILE, read_results, runs_below
from hac.data.alignments.alignment import Alignments, read_alignments
from hac.data.manifest.formats import read_manifest
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.formats import read_tokens
from hac.data.tokens.manifest_match import check_rate, match_ids
from hac.data.tokens.token_store import Stream, TokenStore
from hac.errors import Failure, FailureLog, HacError
from hac.files.atomic import distinct, sha256_file

DEEPEST = 3
"""Folders below a given one in which runs are looked for."""


@dataclass(frozen=True)
class Source:
    """Tokens, what to call them, and where the run that they are of found its labels (None: it does not say)."""

    name: str
    tokens: TokenStore
    manifest: Path | None = None
    alignments: Path | None = None


def open_source(path: Path, **token_options: Any) -> Source:
    """Open a token file, or a run's folder: the tokens that the run made or was given.

    Args:
        path: the file or folder.
        token_options: see `hac.data.tokens.formats.read_tokens`.

    Raises:
        HacError: neither, or a file that the run names is gone or another one by now.
    """
    path = Path(path)
    if not (path / FILE).is_file():
        tokens = read_tokens(path, **token_options)
        return Source(str(tokens.provenance.get("tokenizer") or path.stem), tokens)
    results = read_results(path)
    inputs = results.provenance.get("inputs", {})
    file = _token_file(path, inputs)
    if file is None:
        raise HacError(f"{path}: this run names no tokens and made none; give the token file instead of the run")
    tokens = read_tokens(file, **token_options)
    return Source(results.system, tokens, _input(path, inputs, "manifest"), _input(path, inputs, "alignments"))


def open_sources(paths: Sequence[Path], **token_options: Any) -> list[Source]:
    """Open token files, runs, and folders that hold runs; runs of the same tokens are one source.

    Args:
        paths: the files and folders.
        token_options: see `hac.data.tokens.formats.read_tokens`.

    Raises:
        HacError: as `open_source`; or no run in a folder of runs names its tokens.
    """
    sources: list[Source] = []
    for path in map(Path, paths):
        runs = _runs_below(path)
        if not runs:
            sources.append(open_source(path, **token_options))
            continue
        by_tokens: dict[Path, Path] = {}
        for run in runs:
            file = _token_file(run, read_results(run).provenance.get("inputs", {}))
            if file is not None:
                by_tokens.setdefault(file.resolve(), run)
        if not by_tokens:
            raise HacError(f"{path}: none of the {len(runs)} runs in it names its tokens; give the token file")
        sources += _largest([open_source(run, **token_options) for run in by_tokens.values()])
    return sources


def _largest(sources: Sequence[Source]) -> list[Source]:
    """Without tokens of a few utterances, such as a reconstruction reads, where the same system has them all."""
    ids = {id(one): set(one.tokens.ids) for one in sources}
    return [
        one for one in sources if not any(other.name == one.name and ids[id(one)] < ids[id(other)] for other in sources)
    ]


def _runs_below(path: Path) -> list[Path]:
    """Runs in a folder that is itself neither a run nor a token store: `runs/<system>/<command>`."""
    if not path.is_dir() or (path / FILE).is_file() or any(path.glob("*.parquet")):
        return []
    return list(runs_below(path, DEEPEST))


def _token_file(run: Path, inputs: Mapping[str, Any]) -> Path | None:
    """The tokens that a run was given or made."""
    made = run / "tokens.parquet"
    return _input(run, inputs, "tokens") or (made if made.is_file() else None)


def _input(run: Path, inputs: Mapping[str, Any], role: str) -> Path | None:
    """A file that a run says it read; None where it says nothing.

    Raises:
        HacError: it is not there, or is another file now.
    """
    recorded = inputs.get(role)
    if not isinstance(recorded, dict) or not isinstance(recorded.get("path"), str):
        return None
    path = Path(recorded["path"])
    if not path.exists():
        raise HacError(
            f"{run}: its {role} {path} are not there; run this from the folder in which the run was made, or give the "
            "token file instead of the run"
        )
    if path.is_file() and recorded.get("sha256") not in (None, sha256_file(path)):
        raise HacError(f"{run}: its {role} {path} have changed since; make the run again, or give the token file")
    return path


def make_export(
    sources: Sequence[Source],
    manifest_path: Path | None,
    alignments_path: Path | None,
    streams: Sequence[str],
    every_frame: bool,
    failures: FailureLog,
) -> Export:
    """Bring tokens, words and phones together; utterances without tokens are failures, those without labels are not.

    Args:
        sources: whose tokens.
        manifest_path, alignments_path: as given; None: what the runs name, and alignments beside the manifest.
        streams: which to write, `a+b` for joint ones; empty: all.
        every_frame: an interval for each frame, not for each run of equal codes.
        failures: takes what cannot be used.

    Raises:
        HacError: no source has a stream of that name, or none has an utterance of the manifest.
    """
    manifest_path = manifest_path or next((one.manifest for one in sources if one.manifest), None)
    alignments_path = alignments_path or next((one.alignments for one in sources if one.alignments), None)
    manifest = read_manifest(manifest_path, failures=failures) if manifest_path else None
    alignments = _alignments(alignments_path, manifest_path, manifest)
    ids = _ids(sources, manifest, failures)
    chosen = _chosen(sources, streams)
    systems = {
        name: TimeLabels(alignments, one.tokens, chosen[i], every_frame)
        for i, (name, one) in enumerate(zip(distinct(one.name for one in sources), sources, strict=True))
        if chosen[i]
    }
    durations = {} if manifest is None else manifest.durations_us
    return Export(ids, TimeLabels(alignments), systems, durations)


def _alignments(given: Path | None, manifest_path: Path | None, manifest: Manifest | None) -> Alignments:
    if manifest is not None and manifest_path is not None:
        return alignments_if_any(given, manifest_path, manifest)
    return Alignments({}, {}) if given is None else read_alignments(given, failures=FailureLog())


def _chosen(sources: Sequence[Source], names: Sequence[str]) -> list[list[Stream]]:
    """The streams of each source; where there are several, one may lack what another has."""
    if len(sources) == 1 or not names:
        return [streams_of(one.tokens, names) for one in sources]
    has = [
        [name for name in names if all(part in one.tokens.streams for part in parts_of(one.tokens, name))]
        for one in sources
    ]
    for name in names:
        if not any(name in mine for mine in has):
            streams_of(sources[0].tokens, [name])  # which says what there is
    return [streams_of(one.tokens, mine) if mine else [] for one, mine in zip(sources, has, strict=True)]


def _ids(sources: Sequence[Source], manifest: Manifest | None, failures: FailureLog) -> list[str]:
    """The utterances that some source has tokens of, in the manifest's order or sorted."""
    if manifest is None:
        return sorted({id for one in sources for id in one.tokens.ids})
    met = [match_ids(one.tokens, manifest.ids) for one in sources]
    there = {id for found in met for id in found.matched}
    bad: dict[str, Failure] = {}
    for one, found in zip(sources, met, strict=True):
        off = check_rate(one.tokens.select(found.matched), manifest.durations_us)
        for failure in (*found.failures(), *off):
            if failure in off or failure.id not in there:  # what one source lacks, another may have
                bad.setdefault(failure.id, failure)
    failures.extend(bad.values())
    return [id for id in manifest.ids if id in there and id not in bad]

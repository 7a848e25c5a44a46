"""Montreal Forced Aligner, driven through its own program.

MFA lives in an environment of its own (it needs a conda-built Kaldi). It is given a temporary corpus folder, one
folder a speaker, and writes TextGrids, which are read back and given their utterances' ids. File names are numbers:
ids and speakers come from the corpus and could be any text.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import joblib

from hac.data.alignments.alignment import Alignments, Tier, read_alignments
from hac.data.audio.audio import AudioError, read_utterance, write_audio
from hac.data.manifest.manifest import Manifest
from hac.errors import FailureLog, HacError

INSTALL = (
    "get it with `conda create -n aligner -c conda-forge montreal-forced-aligner`, then "
    "`mfa model download acoustic english_us_arpa` and `mfa model download dictionary english_us_arpa`; "
    "give its path with --mfa if it is in an environment of its own. `--aligner builtin` works without it"
)

SAMPLE_RATE = 16_000
"""Hz, of the audio handed to MFA, whose models are trained at this rate."""

_LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class MfaOptions:
    """Which models, and which program.

    Attributes:
        dictionary: name of a dictionary that MFA knows, or a file.
        acoustic_model: name of an acoustic model that MFA knows, or a file.
        program: the program; by default `mfa` on the PATH.
    """

    dictionary: str
    acoustic_model: str
    program: Path | None = None

    def __post_init__(self) -> None:
        for name in (self.dictionary, self.acoustic_model):
            if name.startswith("-"):  # mfa would take it for an option
                raise HacError(f"{name!r} is no name of a model; expected one such as english_us_arpa, or ./{name}")


def find_program(program: Path | None = None) -> str:
    """Path of the `mfa` program.

    Raises:
        HacError: it is not there; the sentence says how to get it.
    """
    # a file here is no name to be looked for on the PATH
    found = shutil.which(str(program.absolute() if program is not None and program.is_file() else program or "mfa"))
    if found is None:
        where = f"{program}: no program there" if program else "Montreal Forced Aligner (mfa) is not on the PATH"
        raise HacError(f"{where}; {INSTALL}")
    return found


def align(manifest: Manifest, options: MfaOptions, jobs: int, failures: FailureLog) -> Alignments:
    """Align a manifest whose utterances have transcripts.

    Raises:
        HacError: MFA is not installed or fails (the end of its log is shown), or no audio can be read.
    """
    program = find_program(options.program)
    with tempfile.TemporaryDirectory(prefix="hac-mfa-") as folder:
        corpus, out, work = (Path(folder) / name for name in ("corpus", "out", "work"))
        names = _write_corpus(manifest, corpus, failures)
        command = [program, "align", "--clean", "--output_format", "long_textgrid"]
        command += ["-j", str(joblib.effective_n_jobs(jobs)), "--temporary_directory", str(work)]
        _run([*command, str(corpus), options.dictionary, options.acoustic_model, str(out)])
        return _read(manifest, out, names, options, failures)


def _write_corpus(manifest: Manifest, corpus: Path, failures: FailureLog) -> dict[str, str]:
    """Write audio and transcripts as MFA wants them; returns each file's stem and its utterance's id."""
    speakers = {speaker: f"s{index:05d}" for index, speaker in enumerate(manifest.speakers)}
    names: dict[str, str] = {}
    for index, item in enumerate(manifest.utterances):
        stem = f"u{index:08d}"
        try:
            audio = read_utterance(manifest, item, SAMPLE_RATE)
        except AudioError as error:
            failures.add(item.id, error.reason, str(error))
            continue
        folder = corpus / (speakers[item.speaker] if item.speaker is not None else "unknown")
        write_audio(folder / f"{stem}.flac", audio.samples, SAMPLE_RATE)
        (folder / f"{stem}.lab").write_text(" ".join((item.text or "").split()) + "\n", encoding="utf-8")
        names[stem] = item.id
    if not names:
        raise HacError("no audio of the manifest can be read, so there is nothing for MFA to align")
    return names


def _run(command: list[str]) -> None:
    """Run MFA; on failure show the end of what it said."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise HacError(f"{command[0]} cannot be started ({error.strerror}); {INSTALL}") from error
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
        tail = " | ".join(lines[-_LOG_LINES:]) or "it said nothing"
        raise HacError(f"mfa align failed with exit code {done.returncode}; the end of its log: {tail}")


def _version(program: str) -> str:
    done = subprocess.run([program, "version"], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120)
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else "unknown"


def _read(
    manifest: Manifest, out: Path, names: Mapping[str, str], options: MfaOptions, failures: FailureLog
) -> Alignments:
    """Read MFA's TextGrids and put the ids back; utterances that MFA left out are failures."""
    if not any(out.rglob("*.TextGrid")):
        raise HacError("mfa align ended without an error but wrote no TextGrid; run it by hand to see why")
    found = read_alignments(out)
    tiers = {name: _renamed(tier, names) for name, tier in found.tiers.items()}
    aligned = {id for tier in tiers.values() for id in tier.ids}
    for id in names.values():
        if id not in aligned:
            failures.add(id, "mfa-unaligned", "MFA wrote no TextGrid for it; its beam may be too narrow for the audio")
    order = [id for id in manifest.ids if id in aligned]
    provenance = {
        "aligner": "mfa",
        "mfa_version": _version(find_program(options.program)),
        "dictionary": options.dictionary,
        "acoustic_model": options.acoustic_model,
    }
    kept = {name: tier.select([id for id in order if id in set(tier.ids)]) for name, tier in tiers.items()}
    return Alignments(kept, provenance)


def _renamed(tier: Tier, names: Mapping[str, str]) -> Tier:
    return replace(tier, ids=tuple(names[Path(id).name] for id in tier.ids))

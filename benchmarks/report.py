"""How fast a report is made: `python -m benchmarks.report [--systems 6] [--languages 8] [--keep FOLDER]`.

Systems of seven streams of 1,024 codes over made-up speech in several languages: 60 phones, words, 24 speakers. What is
counted (pnmi, words, boundaries, leakage, usage) is counted by the analyses themselves; reconstruction, interventions
and stability have records drawn at random, in the form that those commands write, since no number of theirs matters to
the time. Then `hac-analyze report` runs in a process of its own: clock, core-seconds, peak memory, size of the page;
with `--pdf` in a second one. On a machine that others use too, core-seconds say more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from analysis.inputs.corpus import Labels
from analysis.interventions.effects import CHANGE, EFFECTS
from analysis.metrics.registry import metric_of
from analysis.results.schema import Record, Results, StreamInfo
from analysis.statistics.jackknife import corrected, jackknife
from benchmarks.timing import timed
from hac.data.alignments.alignment import Alignments, tier_from_rows
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.token_store import Stream
from reports.render.result_files import write_numbers
from tests.analysis.leakage.worlds import FRAME_US, RATE, Spoken
from tests.reports.report_worlds import write_counted

IPA = (
    *("sil", "p", "b", "t", "d", "k", "ɡ", "q", "f", "v", "θ", "ð", "s", "z", "ʃ", "ʒ", "ç", "x", "ɣ", "χ", "h", "m"),
    *("n", "ɲ", "ŋ", "l", "ʎ", "r", "ɾ", "ʁ", "j", "w", "ɥ", "ts", "tʃ", "dʒ", "pf", "i", "y", "ɨ", "u", "ɪ", "ʏ", "ʊ"),
    *("e", "ø", "o", "ə", "ɛ", "œ", "ɔ", "ɐ", "a", "ɑ", "aɪ", "aʊ", "ɔɪ", "eɪ", "oʊ", "ɜ"),
)
LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pl", "pt")
K = 1024
STREAMS = ("phonetic", "lexical", *(f"acoustic.{i}" for i in range(5)))
PERTURBATIONS = (*(f"noise-white-{db}dB" for db in (30, 20, 10)), "gain-6dB", "gain+6dB", "codec-opus", "codec-mp3")


class Speech(Spoken):
    """Utterances of 60 phones in several languages; each phone lasts three frames, each word has two."""

    def __init__(self, n_languages: int, n_utterances: int = 96, n_speakers: int = 24, n_phones: int = 80) -> None:
        super().__init__(n_utterances, n_speakers, n_phones)
        self.languages = LANGUAGES[:n_languages]
        self.per_utterance = self.rng.zipf(1.3, (n_utterances, n_phones)) % len(IPA)
        self.phone = np.repeat(self.per_utterance.ravel(), 3)

    def spoken(self) -> Labels:
        """Manifest and alignments."""
        utterances, phones, words = [], [], []
        us = 3 * FRAME_US
        for id, voice, row in zip(self.ids, self.voice.tolist(), self.per_utterance.tolist(), strict=True):
            language = self.languages[voice % len(self.languages)]
            gender = "female" if voice % 2 else "male"
            utterances.append(Utterance(id, f"{id}.wav", us * len(row) / 1e6, f"s{voice:02d}", language, gender=gender))
            phones += [(id, IPA[p], i * us, (i + 1) * us) for i, p in enumerate(row)]
            pairs = zip(row[::2], row[1::2], strict=True)
            words += [(id, IPA[a] + IPA[b], 2 * i * us, 2 * (i + 1) * us) for i, (a, b) in enumerate(pairs)]
        tiers = {"phones": tier_from_rows("phones", phones), "words": tier_from_rows("words", words)}
        return Labels(Manifest(Path(), tuple(utterances)), Alignments(tiers, {}))

    def tokens(self, kept: float) -> list[Stream]:
        """Streams of phones, words and speakers, true in a share of the frames."""
        word = np.repeat((self.per_utterance[:, ::2] * len(IPA) + self.per_utterance[:, 1::2]).ravel(), 6)
        truths = [self.phone * 16, word, *[self.speaker * 40 + i for i in range(len(STREAMS) - 2)]]
        noisy = [self.noisy(truth % K, K, kept / (1 + i % 3)) for i, truth in enumerate(truths)]
        return [Stream(n, K, RATE, c.astype(np.int32), self.bounds) for n, c in zip(STREAMS, noisy, strict=True)]


def write_made_up(folder: Path, system: str, rng: np.random.Generator) -> None:
    """Reconstruction, interventions and stability, with numbers drawn at random."""
    rates = {f"rvq-{i}": {"n_quantizers": i} for i in range(1, 7)}
    metrics = ("pesq_wb", "stoi", "estoi", "si_sdr", "mel_distance", "wer", "speaker_similarity", "f0_corr")
    records = [record(rng, f"{name}.{metric}", name) for name in rates for metric in metrics]
    records += [record(rng, f"{name}.kbps[nominal]", name, float(i)) for i, name in enumerate(rates, 1)]
    write_run(folder / "recon", "recon", system, records, {"signal": {}}, {"conditions": rates, "lengths": {}})
    levels = ("acoustic", "phonetic", "lexical")
    conditions = [("all", "original"), ("all", "keep")]
    conditions += [(level, how) for level in levels for how in ("drop", "alone", "shuffle", "swap")]
    ids = [
        (f"{level}.{effect}{tail}[{how}]", level)
        for effect in EFFECTS
        for tail in ("", CHANGE)
        for level, how in conditions
    ]
    write_run(
        folder / "intervene",
        "intervene",
        system,
        [record(rng, id, stream) for id, stream in ids],
        {"interventions": {}},
        {},
    )
    names = [f"{metric}[{name}]" for name in PERTURBATIONS for metric in ("ued", "frame_ued", "frame_agreement")]
    records = [record(rng, f"{stream}.{name}", stream) for stream in STREAMS for name in names]
    write_run(folder / "stability", "stability", system, records, {"stability": {"perturbations": PERTURBATIONS}}, {})


def record(rng: np.random.Generator, id: str, stream: str, value: float | None = None) -> Record:
    """A record with interval, null, and its value without each of 24 speakers."""
    middle = float(rng.random()) if value is None else value
    null, is_corrected = middle / 3, metric_of(id).is_corrected
    estimate = corrected(middle, null) if is_corrected else middle
    around = jackknife(estimate, rng.normal(estimate, 0.004, 24))
    return Record(
        id=id,
        stream=stream,
        estimate=estimate,
        ci_low=around.low,
        ci_high=around.high,
        is_corrected=is_corrected,
        value=middle,
        null_mean=null,
        null_sd=0.01,
        n_nulls=20,
        n=1000,
        protocol="made-up",
        ci_method=around.method,
        left_out=around.left_out,
    )


def write_run(folder: Path, command: str, system: str, records: list[Record], protocols: dict, coverage: dict) -> None:
    """One run's numbers."""
    counted = {"utterances": {"counted": 96, "in_manifest": 96, "key": "made-up"}, "hours": {"counted": 0.13}}
    info = {"codebook_size": K, "frame_rate": "50", "used_codes": K, "n_frames": 1000, "hours": 0.13}
    streams = {} if command == "recon" else {name: StreamInfo(**info) for name in STREAMS}
    results = Results(
        command=command,
        system=system,
        metrics=records,
        protocols=protocols,
        streams=streams,
        coverage={**counted, **coverage},
    )
    write_numbers(results, folder)


def measure(words: list[str]) -> dict[str, float]:
    """Clock, core-seconds and peak memory of a command."""
    took = timed("-m", "reports", "report", *words)
    return {"seconds": took.wall_s, "core_seconds": took.cpu_s, "peak_gb": took.peak_gb}


def said(taken: dict[str, float]) -> str:
    """The same for a person."""
    return "{seconds:.1f} s, {core_seconds:.1f} core-seconds, at most {peak_gb:.2f} GB".format(**taken)


def main() -> None:
    """Make the runs, then the reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=6)
    parser.add_argument("--languages", type=int, default=8)
    parser.add_argument("--keep", type=Path, help="folder for the runs, which are not made again if they are there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        if not (folder / "runs").is_dir():
            make_runs(folder / "runs", given.systems, given.languages)
        print(f"load {os.getloadavg()[0]:.1f}; {given.systems} systems, {given.languages} languages")
        page, pdf = folder / "report.html", folder / "report.pdf"
        alone = measure([str(folder / "runs"), "-o", str(page)])
        alone["mb"] = page.stat().st_size / 1e6
        print("HTML:", said(alone), f"{alone['mb']:.2f} MB", flush=True)
        both = measure([str(folder / "runs"), "-o", str(page), "--pdf", str(pdf)])
        both["mb"] = pdf.stat().st_size / 1e6
        print("HTML and PDF:", said(both), f"{both['mb']:.2f} MB")
        print(json.dumps({"html": alone, "html and pdf": both}))


def make_runs(folder: Path, n_systems: int, n_languages: int) -> None:
    """All runs of all systems."""
    for i in range(n_systems):
        world = Speech(n_languages)
        place, system = folder / f"system-{i}", f"system-{i}"
        write_counted(place, world, world.tokens(0.9 - 0.1 * i), system, world.spoken())
        write_made_up(place, system, np.random.default_rng(i))
        print(f"made {system}", flush=True)


if __name__ == "__main__":
    main()

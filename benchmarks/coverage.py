"""Do intervals hold what they promise? `python -m benchmarks.coverage [--corpora 100] [--only SPEAKERS:K:MINUTES]`.

Corpora drawn from a population whose PNMI is known exactly: 41 phones of 80 ms, tokens of 50 Hz that are a product
quantization (4 levels in each of log4 K dimensions) of Gaussian features. Within a phone, 75 % of the variance is noise
with a correlation of .4 s, 15 % the speaker's, 10 % the speaker's in that phone. Every corpus is counted and scored by
the functions of `hac-analyze pnmi`, with 20 circular shifts.

Three targets, never to be mixed: the population (endless speech of endless speakers), what another corpus of this size
of other speakers scores on average (the mean over the corpora: what `±` promises), and these speakers (not shown).
With --old beside: the interval of result files of version 1, a basic bootstrap of 1,000 draws of whole clusters
around the value as counted.

Then comparisons, of tokens that know the same: two tokenizers of one law, whose speakers differ in each (how often is a
difference called real that is none?), and one tokenizer against itself with digits that know nothing put on (codebooks
of unlike size).

With --nothing: tokens that know nothing over utterances of 1.4 s, with silence at their edges and without. Under
circular shifts within each utterance and over each speaker's utterances: the number, whose truth is 0, and how often
the value lies beyond the null, and the number's interval beyond 0 as well.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.comparison.differences import difference
from analysis.pnmi.counting import CountedStream, Protocol, label_frames
from analysis.pnmi.scores import Settings, score_stream
from analysis.results.records import DROPPED, beyond_nulls, nulls_of
from analysis.results.schema import Record
from analysis.statistics.information import pnmi_tables
from hac.data.ragged import bounds_of
from hac.data.tiers import Tier
from hac.data.tokens.token_store import Stream
from probes.clusters import assign_rows, clusters_of
from probes.joint_counts.frame_labels import ticks_of
from probes.nulls.circular_shift import ShiftedStream, speaker_rings, utterance_rings
from reports.document.claim_rule import beyond_chance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RATE = Fraction(50)
N_PHONES, PHONE_FRAMES, LEVELS = 41, 4, 4
UTTERANCE_PHONES = 50
"""Phones of an utterance: 4 s."""
NOISE, SPEAKER, SPEAKER_PHONE = 0.75, 0.15, 0.10
MEMORY = math.exp(-1 / 20)
"""Correlation of the noise from frame to frame: .4 s."""
GRID = ((1, 64), (3, 64), (4, 64), (4, 1024), (6, 1024), (10, 16), (10, 64), (10, 1024), (40, 64), (40, 1024))
"""Speakers and codes of the default run, ten minutes each."""
N_DRAWS = 1000


@dataclass(frozen=True)
class Population:
    """Endless speech of endless speakers.

    Attributes:
        means: float64 [N_PHONES, n_dims], of the features of each phone.
        cuts: float64 [LEVELS - 1], between the levels of a dimension.
        share: float64 [N_PHONES], how often each phone is spoken.
    """

    means: Floats
    cuts: Floats
    share: Floats

    @property
    def pnmi(self) -> float:
        """Of all its speech: dimensions are independent within a phone."""
        ends = np.concatenate([[-np.inf], self.cuts, [np.inf]])
        levels = np.diff(special.ndtr(ends - self.means[:, :, None]), axis=2)
        joint = self.share[:, None]
        for dimension in range(levels.shape[1]):
            joint = (joint[:, :, None] * levels[:, dimension][:, None, :]).reshape(N_PHONES, -1)
        return float(pnmi_tables(joint.T[None])[0])


def population(size: int, seed: int = 1) -> Population:
    """The population of codebooks with `size` codes, a power of 4; later dimensions tell less of phones."""
    n_dims = round(math.log(size, LEVELS))
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(N_PHONES, 4.0))
    spread = 2.2 * 0.75 ** np.arange(n_dims)
    return Population(rng.normal(size=(N_PHONES, n_dims)) * spread, np.array([-1.0, 0.0, 1.0]), share)


@dataclass(frozen=True)
class Speech:
    """What speakers say, without tokens.

    Attributes:
        speaker: int64 [n_utterances].
        phones: int64 [n_utterances, UTTERANCE_PHONES].
    """

    speaker: Ints
    phones: Ints

    @property
    def tier(self) -> Tier:
        """The phones as aligned."""
        n, ids = len(self.speaker), tuple(f"u{i:06d}" for i in range(len(self.speaker)))
        onset = np.tile(np.arange(UTTERANCE_PHONES) * PHONE_FRAMES * 20_000, n)
        bounds = bounds_of(np.full(n, UTTERANCE_PHONES))
        names = tuple(f"p{i:02d}" for i in range(N_PHONES))
        labels = self.phones.ravel().astype(np.int32)
        return Tier("phones", ids, bounds, labels, onset, onset + PHONE_FRAMES * 20_000, names)


def speech(people: Population, n_speakers: int, minutes: float, rng: np.random.Generator) -> Speech:
    """So much speech of so many speakers, alike much of each."""
    n = max(n_speakers, round(minutes * 60 / (UTTERANCE_PHONES * PHONE_FRAMES / float(RATE))))
    phones = rng.choice(N_PHONES, size=(n, UTTERANCE_PHONES), p=people.share)
    return Speech(np.arange(n) % n_speakers, phones)


def tokens(people: Population, said: Speech, rng: np.random.Generator) -> Ints:
    """A tokenizer's codes, int64 [n_utterances, n_frames]; its speaker effects are drawn here."""
    n_dims = people.means.shape[1]
    n_speakers = int(said.speaker.max()) + 1
    voice = rng.normal(size=(n_speakers, n_dims)) * math.sqrt(SPEAKER)
    accent = rng.normal(size=(n_speakers, N_PHONES, n_dims)) * math.sqrt(SPEAKER_PHONE)
    frames = np.repeat(said.phones, PHONE_FRAMES, axis=1)
    codes = np.zeros(frames.shape, np.int64)
    for dimension in range(n_dims):
        shock = rng.normal(size=frames.shape) * math.sqrt(NOISE * (1 - MEMORY**2))
        noise = np.empty(frames.shape)
        noise[:, 0] = rng.normal(size=len(frames)) * math.sqrt(NOISE)
        for t in range(1, frames.shape[1]):
            noise[:, t] = MEMORY * noise[:, t - 1] + shock[:, t]
        who = said.speaker[:, None]
        x = people.means[frames, dimension] + voice[who, dimension] + accent[who, frames, dimension] + noise
        codes = codes * LEVELS + np.searchsorted(people.cuts, x)
    return codes


def scored(said: Speech, codes: Ints, size: int, seed: int = 0) -> tuple[Record, CountedStream]:
    """PNMI of a corpus as `hac-analyze pnmi` scores it."""
    bounds = bounds_of(np.full(len(codes), codes.shape[1]))
    return pnmi_of(said.tier, Stream("units", size, RATE, codes.ravel().astype(np.int32), bounds), said.speaker, seed)


def pnmi_of(
    tier: Tier, stream: Stream, speaker: Ints, seed: int, *, within: bool = False
) -> tuple[Record, CountedStream]:
    """PNMI of a stream; `within`: chance by shifts within each utterance, not over each speaker's."""
    speakers, languages = [f"s{i:03d}" for i in speaker], ["en"] * len(speaker)
    rings = utterance_rings(tier.ids) if within else speaker_rings(tier.ids, languages, speakers)
    rows, clock, protocol = assign_rows(tier.ids, languages, speakers), ticks_of([RATE]), Protocol(seed=seed)
    cells = label_frames(tier, stream, protocol, clock)
    source = CountedStream(ShiftedStream(stream, rings), tier, cells, clock, rows, protocol)
    records = score_stream(source, Settings((), parts=False)).records
    return next(r for r in records if r.id.endswith(".pnmi") and DROPPED not in r.id), source


def old_interval(source: CountedStream, value: float, rng: np.random.Generator) -> tuple[float, float]:
    """Basic bootstrap of whole clusters around the value as counted; utterances below ten speakers."""
    counts = source.draw(0)
    clusters = clusters_of(counts.rows)
    few = len({row.speaker for row in counts.rows}) < 10
    of_row = np.arange(len(counts.rows)) if few else clusters.of_row
    n = len(counts.rows) if few else clusters.n
    by_cluster = counts.clustered(np.arange(len(counts.rows)), of_row, n)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=N_DRAWS).astype(np.float64)
    shape = (-1, len(counts.codes), len(counts.labels))
    draws = np.concatenate(
        [pnmi_tables(np.asarray(part @ by_cluster).reshape(shape)) for part in np.array_split(weights, 50)]
    )
    z = special.stdtrit(n - 1, 0.975) * math.sqrt(n / (n - 1))
    low, high = np.quantile(draws - value, [special.ndtr(-z), special.ndtr(z)])
    return value - high, value - low


def coverage(n_speakers: int, size: int, minutes: float, corpora: int, old: bool, seed: int = 0) -> dict[str, float]:
    """Bias and coverage over corpora of this make."""
    people = population(size)
    rng = np.random.default_rng([seed, n_speakers, size, round(minutes)])
    found, intervals = [], []
    for _ in range(corpora):
        said = speech(people, n_speakers, minutes, rng)
        record, source = scored(said, tokens(people, said, rng), size)
        found.append(record)
        if old:
            intervals.append(old_interval(source, record.value, rng))
    estimates = np.array([record.estimate for record in found])
    ends = np.array([(record.ci_low, record.ci_high) for record in found])
    counted = np.array([record.value for record in found])
    truth = people.pnmi
    row = {
        "truth": truth,
        "counted": float(counted.mean()),
        "chance": float(np.mean([record.null_mean for record in found])),
        "corrected": float(estimates.mean()),
        "holds its number": _share(ends, estimates),
        "holds the expected": _share(ends, estimates.mean()),
        "holds the population": _share(ends, truth),
        "half-width": float(np.mean(ends[:, 1] - ends[:, 0])) / 2,
        "error / sd": float(np.mean(ends[:, 1] - ends[:, 0]))
        / 2
        / _t(n_speakers, len(said.speaker))
        / float(estimates.std(ddof=1)),
    }
    if old:
        was = np.array(intervals)
        row |= {
            "old: its number": _share(was, counted),
            "old: expected": _share(was, counted.mean()),
            "old: population": _share(was, truth),
        }
    return row


def _t(n_speakers: int, n_utterances: int) -> float:
    clusters = n_speakers if n_speakers > 2 else min(n_utterances, 128)
    return float(special.stdtrit(clusters - 1, 0.975))


def _share(ends: Floats, target: Floats | float) -> float:
    return float(((ends[:, 0] <= target) & (target <= ends[:, 1])).mean())


def comparisons(n_speakers: int, size: int, minutes: float, corpora: int, digits: int, seed: int = 0) -> float:
    """Share of corpora in which tokens that know the same differ at p < .05.

    Args:
        n_speakers, size, minutes: of each corpus.
        corpora: pairs.
        digits: 1: two tokenizers of one law; more: the first against itself with so many times as many codes.
        seed: of the corpora.
    """
    people = population(size)
    rng = np.random.default_rng([seed, 7, n_speakers, size, round(minutes), digits])
    real = 0
    for _ in range(corpora):
        said = speech(people, n_speakers, minutes, rng)
        first = tokens(people, said, rng)
        if digits == 1:
            other, _ = scored(said, tokens(people, said, rng), size)
        else:
            drawn = rng.integers(0, digits, (len(first), first.shape[1] // 2)).repeat(2, axis=1)
            other, _ = scored(said, first * digits + drawn, size * digits)
        one, _ = scored(said, first, size)
        real += difference(one, other, "other", paired=True).p < 0.05
    return real / corpora


def knowing_nothing(size: int, silence: bool, rng: np.random.Generator) -> tuple[Tier, Stream]:
    """Ten minutes of utterances of 1.4 s: phones of 40 to 120 ms, and tokens that last 60 ms on average."""
    n = round(600 / 1.44)
    n_phones = rng.integers(13, 24, n)
    bounds = bounds_of(n_phones)
    share = population(64).share
    labels = rng.choice(N_PHONES - 1, size=bounds[-1], p=share[1:] / share[1:].sum()) + 1
    lengths = rng.integers(2, 7, len(labels))
    edges = np.append(bounds[:-1], bounds[1:] - 1)
    if silence:
        labels[edges], lengths[edges] = 0, rng.integers(5, 16, 2 * n)
    ends = np.cumsum(lengths)
    frames = bounds_of(np.diff(np.append(0, ends)[bounds]))
    offset = (ends - np.repeat(frames[:-1], n_phones)) * 20_000
    names, ids = tuple(f"p{i:02d}" for i in range(N_PHONES)), tuple(f"u{i:06d}" for i in range(n))
    tier = Tier("phones", ids, bounds, labels.astype(np.int32), offset - lengths * 20_000, offset, names)
    begins = rng.random(frames[-1]) < 1 / 3
    begins[frames[:-1]] = True
    codes = rng.integers(0, size, int(begins.sum()))[np.cumsum(begins) - 1]
    return tier, Stream("units", size, RATE, codes.astype(np.int32), frames)


def nothing(n_speakers: int, size: int, corpora: int, silence: bool, seed: int = 0) -> dict[str, float]:
    """Scores of tokens that know nothing under both circular shifts.

    Args:
        n_speakers, size: of each corpus.
        corpora: how many.
        silence: whether utterances begin and end with silence.
        seed: of the corpora.
    """
    rng = np.random.default_rng([seed, 11, n_speakers, size, silence])
    found: dict[str, list[Record]] = {"within": [], "over": []}
    for i in range(corpora):
        tier, stream = knowing_nothing(size, silence, rng)
        for name, of in found.items():
            speaker = np.arange(len(tier.ids)) % n_speakers
            of.append(pnmi_of(tier, stream, speaker, i, within=name == "within")[0])
    row = {}
    for name, of in found.items():
        estimates = np.array([record.estimate for record in of])
        row |= {
            f"{name}: chance": float(np.mean([record.null_mean for record in of])),
            f"{name}: number": float(estimates.mean()),
            f"{name}: its error": float(estimates.std(ddof=1)) / math.sqrt(corpora),
            f"{name}: beyond the null": float(np.mean([beyond_nulls(r.value, nulls_of(r)) for r in of])),
            f"{name}: supported": float(np.mean([beyond_chance(r) == "supported" for r in of])),
        }
    return row


def rows_of(cells: Iterator[tuple[str, dict[str, float]]], digits: int = 3) -> Iterator[str]:
    """A Markdown table, a line as soon as it is had."""
    head: list[str] = []
    for name, row in cells:
        if not head:
            head = list(row)
            yield "| speakers, codes, minutes | " + " | ".join(head) + " |"
            yield "|" + "---|" * (len(head) + 1)
        yield f"| {name} | " + " | ".join(f"{row[key]:.{digits}f}" for key in head) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=[], metavar="SPEAKERS:K:MINUTES")
    parser.add_argument("--old", action="store_true", help="and the bootstrap of result files of version 1")
    parser.add_argument("--pairs", action="store_true", help="comparisons instead")
    parser.add_argument("--nothing", action="store_true", help="tokens that know nothing, under both circular shifts")
    asked = parser.parse_args()
    if asked.nothing:
        grid = [(s, k, silence) for silence in (True, False) for s in (1, 12) for k in (64, 1024)]
        named = ((f"{s}, {k:,}, 10{', silence' * silence}", (s, k, asked.corpora, silence)) for s, k, silence in grid)
        for line in rows_of(((name, nothing(*cell)) for name, cell in named), digits=4):
            print(line, flush=True)
        return
    cells = [tuple(map(float, text.split(":"))) for text in asked.only] or [(s, k, 10.0) for s, k in GRID]
    if asked.pairs:
        for s, k, m in cells:
            for digits in (1, 4, 16):
                found = comparisons(int(s), int(k), m, asked.corpora, digits)
                print(f"{s:.0f} speakers, {k:.0f} codes, {m:g} min, {digits} times as many: {found:.3f}", flush=True)
        return
    for line in rows_of(
        (f"{s:.0f}, {k:,.0f}, {m:g}", coverage(int(s), int(k), m, asked.corpora, asked.old)) for s, k, m in cells
    ):
        print(line, flush=True)


if __name__ == "__main__":
    main()

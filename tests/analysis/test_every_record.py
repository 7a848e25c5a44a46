"""Every number of every analysis is what it is said to be: inside its interval, and corrected by its own null."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.boundaries.run import run as run_boundaries
from analysis.leakage.run import run as run_leakage
from analysis.leakage.with_probes import further, with_summary
from analysis.pnmi.run import run as run_pnmi
from analysis.probing.tasks import ProbeProtocol
from analysis.reconstruction.run import run as run_recon
from analysis.results.schema import Results
from analysis.words.run import run as run_words
from tests.analysis.boundaries.test_run import request as boundaries_request
from tests.analysis.discovery.worlds import make_world as make_segments
from tests.analysis.discovery.worlds import random_segments, score
from tests.analysis.laws import check
from tests.analysis.leakage.worlds import Spoken
from tests.analysis.reconstruction.worlds import world as decoded
from tests.analysis.usage.test_run import measure as measure_usage
from tests.analysis.words.worlds import make_words
from tests.analysis.worlds import make_world


def pnmi(n_speakers: int) -> Results:
    world = make_world(n_speakers, n_utterances=24)
    streams = (world.knowing(), replace(world.independent(64), name="chance"), _constant(world.knowing()))
    return run_pnmi(world.request(*streams), jobs=1).results


def boundaries(n_speakers: int) -> Results:
    world = make_world(n_speakers, n_utterances=24)
    streams = (world.knowing(), replace(world.independent(64), name="chance"), _constant(world.knowing()))
    return run_boundaries(boundaries_request(world, *streams), jobs=1).results


def usage(n_speakers: int) -> Results:
    world = make_world(n_speakers, n_utterances=24)
    streams = (world.knowing(), replace(world.independent(64), name="chance"), _constant(world.knowing()))
    return measure_usage(world, *streams).results


def words(n_speakers: int) -> Results:
    world = make_words(n_speakers, n_utterances=30)
    streams = (world.knowing(corrupt=0.3), world.random(64, name="chance"), world.random(1, name="constant"))
    return run_words(world.request(*streams), jobs=1).results


def leakage(n_speakers: int) -> Results:
    world = Spoken(n_utterances=24, n_speakers=n_speakers, n_phones=20)
    streams = (
        world.stream("phones", world.noisy(world.phone, 8, 0.8), 8),
        world.stream("voice", world.noisy(world.speaker, max(2, n_speakers), 0.8), max(2, n_speakers)),
        world.stream("constant", np.zeros_like(world.phone), 8),
    )
    request = world.request(*streams)
    probes = ProbeProtocol(n_shuffles=2, n_given_nulls=2)
    return with_summary(run_leakage(request, 1, further=further(request.labels.manifest, probes, jobs=1))).results


def discovery(n_speakers: int) -> Results:
    return score(random_segments(make_segments(n_speakers))).results


def _constant(stream):
    return replace(stream, name="constant", codes=np.zeros_like(stream.codes))


ANALYSES: dict[str, Callable[[int], Results]] = {
    one.__name__: one for one in (pnmi, boundaries, usage, words, leakage, discovery)
}


@pytest.mark.parametrize("n_speakers", [1, 2, 3, 12])
@pytest.mark.parametrize("analysis", ANALYSES)
def test_every_record_holds(analysis: str, n_speakers: int) -> None:
    results = ANALYSES[analysis](n_speakers)
    check(results.metrics)
    whole = [one for one in results.metrics if not one.group and math.isfinite(one.ci_low)]
    assert whole, "some number has an interval"
    other = "(utterance)" if n_speakers >= 3 else "(speaker)"
    assert not any(other in one.note for one in whole)


def test_every_record_of_reconstructions_holds(tmp_path: Path) -> None:
    check(run_recon(decoded(tmp_path, {"rvq-1": 0.5, "exact": 0.0}), jobs=1).results.metrics)

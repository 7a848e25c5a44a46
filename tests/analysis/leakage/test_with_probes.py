"""Probes and the summary beside the counts of leakage."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from analysis.leakage.run import Outcome, run
from analysis.leakage.with_probes import SUMMARY, further, vectors_of, with_summary
from analysis.metrics.registry import metric_of
from analysis.probing.tasks import ProbeProtocol
from hac.data.embedding_store import EmbeddingSpec, EmbeddingStore
from hac.errors import HacError
from reports.leakage.files import leakage_files
from reports.leakage.probing_tables import probing_tables
from reports.render.result_files import write_run
from tests.analysis.leakage.worlds import QUICK, Spoken

PROBES = ProbeProtocol(n_shuffles=2, n_given_nulls=2)


@pytest.fixture(scope="module")
def world() -> Spoken:
    return Spoken(n_utterances=24, n_speakers=6, n_phones=20)


@pytest.fixture(scope="module")
def outcome(world: Spoken) -> Outcome:
    phones = world.stream("phones", world.noisy(world.phone, 8, 0.8), 8)
    voice = world.stream("voice", world.noisy(world.speaker, 6, 0.8), 6)
    protocol = replace(QUICK, factors=("phone", "speaker"), given=())
    request = replace(world.request(phones, voice, protocol=protocol), streams=("phones", "voice", "phones+voice"))
    return with_summary(run(request, 1, further=further(request.labels.manifest, PROBES, jobs=1)))


def test_probes_and_counts_agree_on_who_tells_what(outcome: Outcome) -> None:
    for stream, factor, other in (("phones", "phone", "speaker"), ("voice", "speaker", "phone")):
        told = outcome.results.get(f"{stream}.probe_information[{factor}]")
        assert told.value > 0.3
        assert outcome.results.get(f"{stream}.leakage[{factor}]").estimate == pytest.approx(told.value, abs=0.15)
        assert abs(outcome.results.get(f"{stream}.probe_information[{other}]").value) < 0.05
        for source in ("probe", "leakage"):
            assert outcome.results.get(f"{stream}.dci_disentanglement[{source}]").value > 0.8
            assert outcome.results.get(f"all.dci_completeness[{source}|{factor}]").value > 0.8


def test_a_joint_stream_is_probed_but_adds_to_nothing(outcome: Outcome) -> None:
    joint = outcome.results.get("phones+voice.probe_information[phone]")
    # 48 codes for the same frames: less can be learnt of each
    assert 0.3 < joint.value < outcome.results.get("phones.probe_information[phone]").value
    ids = {record.id for record in outcome.results.metrics}
    assert "phones.probe_information[phone|given=others]" in ids
    assert not any(id.startswith("phones+voice.") and ("given" in id or "dci" in id) for id in ids)


def test_every_record_has_its_protocol_and_metric(outcome: Outcome) -> None:
    for record in outcome.results.metrics:
        assert metric_of(record.id).name == record.id.split("[")[0].rsplit(".", 1)[-1]
        if "dci" in record.id or "probe" in record.id:
            assert record.protocol in outcome.results.protocols
    assert SUMMARY in outcome.results.protocols
    assert outcome.results.protocols["probe"]["splits"] == {
        "phone": "held-out speakers",
        "speaker": "held-out utterances",
    }


def test_files_and_tables_have_the_probes(outcome: Outcome, tmp_path: Path) -> None:
    written = [path.name for path in write_run(outcome.results, leakage_files(outcome), tmp_path)]
    assert "probes.csv" in written and written[-1] == "results.json"
    assert len(probing_tables(outcome.results)) == 3
    bare = replace(
        outcome,
        results=outcome.results.model_copy(
            update={"metrics": [r for r in outcome.results.metrics if "probe" not in r.id]}
        ),
    )
    assert len(probing_tables(bare.results)) == 1
    assert "probes.csv" not in [path.name for path in write_run(bare.results, leakage_files(bare), tmp_path / "bare")]


def test_vectors_must_be_those_of_the_tokens(world: Spoken, tmp_path: Path) -> None:
    stream = world.stream("phones", world.phone, 8)
    lengths = {"phones": stream.lengths}
    spec = EmbeddingSpec("phones", 3, Fraction(50))

    class Held(EmbeddingStore):
        def vectors(self, stream: str, ids: object) -> np.ndarray:
            return np.zeros((int(self.lengths[stream].sum()), 3), np.float16)

    store = Held(tmp_path, world.ids, {"phones": spec}, lengths, {}, ())
    assert vectors_of(store, [stream], world.ids)["phones"].shape == (len(stream.codes), 3)
    with pytest.raises(HacError, match="holds vectors of phones, but the streams are other"):
        vectors_of(store, [replace(stream, name="other")], world.ids)
    with pytest.raises(HacError, match=r"vectors of 'phones' at 50 Hz, but \d+ tokens at 25 Hz"):
        vectors_of(store, [replace(stream, frame_rate=Fraction(25))], world.ids)
    with pytest.raises(HacError, match=r"holds no embeddings\.json"):
        further(world.request(stream).labels.manifest, PROBES, tmp_path)

"""Commands on a Dask cluster of real processes, one killed midway and one joined late: the bytes of one process."""

from __future__ import annotations

import csv
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis.sweeps.launch import THREADS
from hac.coding.encode import encode_corpus
from hac.corpora.synthetic.corpus import Settings, synthetic_corpus
from hac.data.manifest.formats import read_manifest
from hac.features.mfcc import MfccFeatures
from hac.parallel.dask_cluster import on_cluster
from hac.tokenizers import kmeans
from tests.analysis.reconstruction.worlds import decode
from tests.analysis.sweeps.worlds import make_files, write_sweep
from tests.bad import test_bad_input as bad
from tests.bad.test_bad_input import Run
from tests.hac.coding import test_encode as encoding
from tests.hac.dask_world import SlowLoudness, World, dask_world, until

corpus, run = bad.corpus, bad.run
__all__ = ["dask_world"]


@pytest.fixture(scope="module")
def three_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("dask"))
    try:
        for _ in range(3):
            world.worker()
        yield world
    finally:
        world.close()


def test_encoding_survives_a_killed_worker_and_takes_a_late_one(dask_world: World, tmp_path: Path) -> None:
    manifest = encoding.make_corpus(tmp_path / "audio", n=40)
    alone = encode_corpus(manifest, SlowLoudness(tmp_path / "alone"), tmp_path / "alone.parquet", shard_s=1)
    first = [dask_world.worker() for _ in range(3)]
    late = []
    made = tmp_path / "many.shards"
    # work is left for the late one until it has begun, however slow the machine is
    log, gate = tmp_path / "log", tmp_path / "late-has-begun"
    encoder = SlowLoudness(log, delay_s=0.1, gate=gate)

    def encoded_by() -> list[int]:
        return [int(line) for line in log.read_text().split()] if log.exists() else []

    def trouble() -> None:
        until(lambda: len(list(made.glob("*.parquet"))) > 3 and first[0].pid in encoded_by())
        first[0].kill()
        late.append(dask_world.worker())
        until(lambda: late[0].pid in encoded_by())
        gate.touch()

    happening = threading.Thread(target=trouble)
    happening.start()
    with on_cluster(str(dask_world.file), tmp_path / "many.parquet"):
        many = encode_corpus(manifest, encoder, tmp_path / "many.parquet", shard_s=1, jobs=1)
    happening.join()
    assert many.read_bytes() == alone.read_bytes()
    by = encoded_by()
    assert late[0].pid in by
    assert set(by) == {worker.pid for worker in (*first, *late)}
    n_shards = len(list(made.glob("*.parquet")))
    assert n_shards == len(list(tmp_path.glob("alone.shards/*.parquet"))) > 20
    # only the shard that the killed worker was at was begun twice
    assert n_shards <= len(by) <= n_shards + 1
    # and what is finished is not done again
    with on_cluster(dask_world.address, tmp_path / "many.parquet"):
        encode_corpus(manifest, encoder, tmp_path / "many.parquet", shard_s=1)
    assert encoded_by() == by
    assert not [path for path in tmp_path.rglob(".*") if path.name.endswith(".part") or "hac-cluster" in path.name]


def written(folder: Path) -> dict[str, bytes]:
    """Every file by its name; of results.json what does not tell the command line and its options."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    results = json.loads(found.pop("results.json"))
    del results["provenance"]["run"]["argv"]
    results["provenance"]["options"].pop("out", None)
    return {**found, "results.json": json.dumps(results).encode()}


TOKENS = ("--tokens", "tokens.parquet", "--manifest", "manifest.jsonl", "-j", "1")
DRAWS = ("--nulls", "2")
RECON = ("recon", "--decoded", "theirs", "--manifest", "manifest.jsonl", "-j", "1", "--null-pairs", "2")
COMMANDS: list[tuple[str, ...]] = [
    ("pnmi", *TOKENS, *DRAWS),
    ("words", *TOKENS, *DRAWS),
    ("boundaries", *TOKENS, *DRAWS),
    ("usage", *TOKENS, *DRAWS),
    ("discovery", *TOKENS, "--streams", "units", *DRAWS),
    ("leakage", *TOKENS, "--nulls", "2", "--probes", "--probe-frames", "1000"),
    (*RECON, *DRAWS, "--asr", "none", "--speaker", "none"),
    ("stability", "--ckpt", "units", *TOKENS[2:], "--nulls", "2", "--perturb", "gain-6dB"),
]


def same_on(cluster: str, words: tuple[str, ...], run: Run, corpus: Path) -> None:
    """Run a command in one process and on a cluster; all files must be equal."""
    manifest = read_manifest(corpus / "manifest.jsonl")
    if words[0] == "recon":
        decode(manifest, corpus / "theirs", 0.2)
    if words[0] == "stability":
        kmeans.save(kmeans.fit("mfcc-kmeans", manifest, MfccFeatures(), 8, seed=0), corpus / "units")
    code, error = run(*words, "-o", "many", "--cluster", cluster)
    assert code == 0, error
    code, error = run(*words, "-o", "one")
    assert code == 0, error
    one, many = written(corpus / "one"), written(corpus / "many")
    assert sorted(one) == sorted(many)
    assert [name for name in one if one[name] != many[name]] == []
    with (corpus / "many" / "metrics.csv").open() as stream:
        assert sum(1 for _ in csv.DictReader(stream)) > 3


def test_counting_writes_the_same_bytes(three_workers: World, run: Run, corpus: Path) -> None:
    same_on(three_workers.address, COMMANDS[0], run, corpus)


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_commands_survive_a_killed_worker(words: tuple[str, ...], dask_world: World, run: Run, corpus: Path) -> None:
    from distributed import Client

    for _ in range(3):
        dask_world.worker()
    killed = []

    def trouble() -> None:
        with Client(dask_world.address, set_as_default=False) as client:
            client.wait_for_workers(3)
            pids = client.run(os.getpid)
            until(lambda: any(client.processing().values()))
            busy = next(address for address, tasks in client.processing().items() if tasks)
            os.kill(pids[busy], signal.SIGKILL)
            killed.append(pids[busy])
            dask_world.worker()

    happening = threading.Thread(target=trouble)
    happening.start()
    same_on(dask_world.address, words, run, corpus)
    happening.join()
    assert killed


def test_encoding_by_the_command_line(three_workers: World, run: Run, corpus: Path) -> None:
    fitted = kmeans.fit("mfcc-kmeans", read_manifest(corpus / "manifest.jsonl"), MfccFeatures(), 8, seed=0)
    kmeans.save(fitted, corpus / "units")
    words = ("encode", "manifest.jsonl", "-t", "mfcc-kmeans:units")
    assert run(*words, "-o", "one.parquet", program="hac")[0] == 0
    code, error = run(*words, "-o", "new/many.parquet", "--cluster", str(three_workers.file), program="hac")
    assert code == 0, error
    assert (corpus / "one.parquet").read_bytes() == (corpus / "new" / "many.parquet").read_bytes()


def test_bad_input_is_one_sentence_on_a_cluster_too(three_workers: World, run: Run, corpus: Path) -> None:
    (corpus / "tokens.parquet").write_bytes(b"nothing")
    bad.refused(run, "pnmi", *TOKENS, "-o", "out", "--cluster", three_workers.address, says=("tokens.parquet",))
    assert not list(corpus.glob(".hac-cluster*"))


def test_no_cluster_is_one_sentence(run: Run) -> None:
    bad.refused(run, *bad.PNMI, "--cluster", "nowhere.json", says=("nowhere.json", "scheduler file"))


@pytest.mark.slow
def test_aligning_by_the_command_line(three_workers: World, run: Run, corpus: Path) -> None:
    synthetic_corpus(corpus / "spoken", Settings(0.4, 2, ("en", "es"), "none", 0))
    words = ("align", "spoken/manifest.jsonl", "-j", "1")
    assert run(*words, "-o", "one/a.parquet", program="hac")[0] == 0
    code, error = run(*words, "-o", "many/a.parquet", "--cluster", str(three_workers.file), program="hac")
    assert code == 0, error
    assert (corpus / "one" / "a.parquet").read_bytes() == (corpus / "many" / "a.parquet").read_bytes()


def sweep_numbers(folder: Path) -> dict[str, object]:
    """What was learned and found: weights, and tokens and results without the places where they were made."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.name in ("model.safetensors", "metrics.csv", "differences.csv"):
            found[name] = path.read_bytes()
        elif path.name == "tokens.parquet":
            found[name] = pq.read_table(path).to_pydict()
        elif path.name == "results.json":
            found[name] = json.loads(path.read_text())["metrics"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sweep_survives_a_killed_worker(
    dask_world: World, run: Run, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in THREADS:
        monkeypatch.setenv(name, "1")
    world = make_files(corpus / "world")
    sweep = write_sweep(world, variants=["untaught.yaml"], seeds=[0, 1], analyses={"usage": {"nulls": 2}})
    assert run("ablate", str(sweep), "-o", "one")[0] == 0
    first = [dask_world.worker() for _ in range(2)]

    def trouble() -> None:
        progress = corpus / "many" / "sweep.json"
        until(lambda: progress.exists() and '"running"' in progress.read_text())
        first[0].kill()
        dask_world.worker()

    happening = threading.Thread(target=trouble)
    happening.start()
    code, error = run("ablate", str(sweep), "-o", "many", "--cluster", dask_world.address)
    happening.join()
    assert code == 0, error
    one, many = sweep_numbers(corpus / "one"), sweep_numbers(corpus / "many")
    assert sorted(one) == sorted(many) and len(one) > 8
    assert [name for name in one if one[name] != many[name]] == []
    states = json.loads((corpus / "many" / "sweep.json").read_text())["cells"].values()
    assert {cell["state"] for cell in states} == {"done"}
    assert not list((corpus / "many").glob(".stop-*"))

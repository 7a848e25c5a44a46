"""Shards of own stores: parts that were never together add up to what one run over everything finds."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.boundaries import run as boundaries
from analysis.boundaries import shards
from analysis.boundaries.counting import BoundaryProtocol
from analysis.inputs.request import Request
from analysis.pnmi.run import run
from analysis.pnmi.shards import merge, run_shard
from analysis.results.schema import Results
from analysis.shards.count_file import NAME
from hac.errors import HacError
from probes import sparse_counts
from probes.clusters import MAX_CLUSTERS
from probes.nulls.circular_shift import OVER_SPEAKERS
from tests.analysis.worlds import QUICK, World, make_world

MANY = 2 * MAX_CLUSTERS + 30
"""Speakers of two languages, each with more of them than there are groups."""


def world_of(n_speakers: int) -> World:
    return make_world(n_speakers, max(48, n_speakers + 10), 6)


def parts_of(world: World, n: int, by_speaker: bool = True, protocol: Any = QUICK) -> list[Request]:
    """The request in parts, each holding a share of the speakers (or of the utterances) and nothing else."""
    whole = world.request(world.knowing(), protocol=protocol)
    assert whole.labels.manifest is not None
    parts = []
    for i in range(n):
        utterances = enumerate(whole.labels.manifest.utterances)
        ids = [u.id for j, u in utterances if (int(str(u.speaker)[1:]) if by_speaker else j) % n == i]
        tiers = {name: tier.select(ids) for name, tier in whole.labels.alignments.tiers.items()}
        # what a part lacks is not in its vocabulary
        seen = sorted({tiers["phones"].vocabulary[k] for k in tiers["phones"].labels})
        place = {name: k for k, name in enumerate(seen)}
        labels = np.array([place[tiers["phones"].vocabulary[k]] for k in tiers["phones"].labels], np.int32)
        tiers["phones"] = replace(tiers["phones"], labels=labels, vocabulary=tuple(seen))
        about = replace(
            whole.labels,
            manifest=whole.labels.manifest.subset(ids),
            alignments=replace(whole.labels.alignments, tiers=tiers),
        )
        parts.append(replace(whole, tokens=whole.tokens.select(ids), labels=about))
    return parts


def counted(parts: list[Request], folder: Path) -> list[Path]:
    for i, part in enumerate(parts):
        run_shard(part, i, len(parts), folder / str(i) / NAME, own_stores=True)
    return [folder / str(i) for i in range(len(parts))]


def numbers(results: Results) -> dict:
    """Everything but where it came from, and the key of the utterances, which is one of keys here."""
    found = json.loads(results.model_dump_json())
    del found["provenance"], found["coverage"]["utterances"]["key"]
    return found


@pytest.mark.parametrize("n_speakers", [6, 24, MANY])
@pytest.mark.parametrize("n_parts", [1, 3])
def test_parts_add_up_to_one_run(n_speakers: int, n_parts: int, tmp_path: Path) -> None:
    world = world_of(n_speakers)
    merged = merge(counted(parts_of(world, n_parts), tmp_path)[::-1], jobs=1)
    whole = run(world.request(world.knowing()), jobs=1)
    assert numbers(merged.results) == numbers(whole.results)
    assert merged.classes == whole.classes
    for ours, theirs in zip(merged.streams, whole.streams, strict=True):
        assert np.array_equal(ours.table, theirs.table)


@pytest.mark.parametrize("n_speakers", [6, 24, MANY])
def test_boundaries_of_parts_add_up_to_one_run(n_speakers: int, tmp_path: Path) -> None:
    world, protocol = world_of(n_speakers), BoundaryProtocol(n_nulls=2, tolerances_ms=(20,))
    for i, part in enumerate(parts_of(world, 3, protocol=protocol)):
        shards.run_shard(part, i, 3, tmp_path / str(i) / NAME, jobs=1, own_stores=True)
    merged = shards.merge([tmp_path / str(i) for i in range(3)], jobs=1)
    whole = boundaries.run(world.request(world.knowing(), protocol=protocol), jobs=1)
    assert numbers(merged.results) == numbers(whole.results)


def test_a_table_too_large_to_lay_out_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = counted(parts_of(world_of(24), 4), tmp_path)
    laid_out = merge(paths, jobs=1).results
    monkeypatch.setattr(sparse_counts, "MAX_DENSE", 100)
    monkeypatch.setattr(sparse_counts, "MAX_KEPT", 100)
    assert numbers(merge(paths, jobs=1).results) == numbers(laid_out)


def test_values_do_not_need_speakers_to_stand_together_and_nulls_say_so(tmp_path: Path) -> None:
    """What a speaker has in each shard is shifted by itself: another draw of the same chance."""
    world = world_of(24)
    whole = run(world.request(world.knowing()), jobs=1).results
    parts = merge(counted(parts_of(world, 5, by_speaker=False), tmp_path), jobs=1).results
    for ours, theirs in zip(parts.metrics, whole.metrics, strict=True):
        assert (ours.id, ours.group) == (theirs.id, theirs.group)
        assert repr((ours.value, ours.n)) == repr((theirs.value, theirs.n))
    ours, theirs = parts.get("units.pnmi"), whole.get("units.pnmi")
    assert 0 < abs(ours.null_mean - theirs.null_mean) < 0.05
    said = [results.protocols["silence-kept"]["null"] for results in (parts, whole)]
    assert said == [f"{OVER_SPEAKERS}; what a speaker has in another shard apart", OVER_SPEAKERS]


def test_an_utterance_in_two_shards_is_refused(tmp_path: Path) -> None:
    first, second, third = parts_of(world_of(24), 3)
    paths = counted([first, second, second], tmp_path)
    assert third is not second
    with pytest.raises(HacError, match="of the same utterances") as error:
        merge(paths, jobs=1)
    assert {str(paths[1] / NAME), str(paths[2] / NAME)} == {word for word in str(error.value).split() if "/" in word}


def test_few_speakers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HacError, match="too few for --own-stores"):
        merge(counted(parts_of(world_of(4), 2), tmp_path), jobs=1)


def test_parts_of_another_protocol_do_not_add(tmp_path: Path) -> None:
    first, second = parts_of(world_of(24), 2)
    paths = counted([first, replace(second, protocol=replace(second.protocol, seed=1))], tmp_path)
    with pytest.raises(HacError, match="different jobs"):
        merge(paths, jobs=1)


def test_speakers_must_be_known(tmp_path: Path) -> None:
    request = parts_of(world_of(24), 2)[0]
    request = replace(request, labels=replace(request.labels, manifest=None))
    with pytest.raises(HacError, match="--own-stores needs --manifest"):
        run_shard(request, 0, 2, tmp_path / NAME, own_stores=True)
    assert list(tmp_path.iterdir()) == []


def test_the_slurm_script_counts_what_is_not_there(tmp_path: Path) -> None:
    script = Path(__file__).parents[3] / "scripts" / "slurm" / "count_parts.sbatch"
    program = tmp_path / "bin" / "hac-analyze"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/said"\n')
    program.chmod(0o755)
    done = tmp_path / "counts" / "0033"
    done.mkdir(parents=True)
    (done / NAME).touch()
    env = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "3"}
    subprocess.run(["bash", str(script), "parts", "counts"], check=True, cwd=tmp_path, env=env)
    said = (tmp_path / "said").read_text().splitlines()
    places = [line.split("--shard ")[1].split()[0] for line in said]
    assert places == [f"{i}/1000" for i in range(31, 41) if i != 33]
    assert said[0] == (
        "pnmi --tokens parts/0031/tokens.parquet --manifest parts/0031/manifest.parquet --shard 31/1000 --own-stores "
        "-o counts/0031"
    )

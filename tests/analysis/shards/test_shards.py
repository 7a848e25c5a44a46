"""Shards on disk: they hold what was counted, and only shards of one job add."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from analysis.pnmi.shards import merge, run_shard
from analysis.shards import joint_counts as joint
from analysis.shards.count_file import GROUPS, META, NAME, SCHEMA, VERSION, Block, Shard, ShardMeta, write_shard
from analysis.shards.merged import open_shards
from hac.errors import HacError
from probes.joint_counts.counts import JointCounts, canonical
from probes.nulls.circular_shift import OVER_SPEAKERS, OVER_UTTERANCES
from tests.analysis.worlds import QUICK, World, make_world
from tests.probes.joint_counts.test_counts import bits, counted
from tests.strategies import Case, Utterance


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(3, 9, 8)


@pytest.fixture(scope="module")
def shards(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("shards")
    for i in range(3):
        run_shard(world.request(world.knowing()), i, 3, folder / str(i) / NAME)
    return [folder / str(i) for i in range(3)]


def meta_of(case: Case, **more) -> ShardMeta:
    rows = [{"language": r.language, "speaker": r.speaker, "bin": r.bin, "grouped": r.grouped} for r in case.rows.rows]
    facts = {"codebook_size": 2, "frame_rate": "50", "n_frames": 4}
    extra = {"labels": sorted(case.labels), "units_per_s": {"units": str(counted(case).units_per_s)}, "n_lags": 0}
    about = {"command": "pnmi", "tables": joint.tables(0), "rows": rows, "streams": {"units": facts}, "extra": extra}
    rest = {"protocol": {}, "shard": [0, 1], "job": "j", "about": {}}
    return ShardMeta(**{**about, **rest, **more})


def block(counts: JointCounts, draw: int = 0) -> Block:
    return Block(0, draw, joint.JOINT, counts.entries(counts.rows, sorted(counts.labels)))


def read(shard: Shard, draw: int) -> JointCounts:
    return joint.MergedCounts("units", 0, (shard,)).draw(draw)


@pytest.fixture
def case() -> Case:
    intervals = (("AA", 0, 30_001), ("T", 30_001, 80_000))
    utterances = tuple(Utterance(f"u{i}", "en", f"s{i % 2}", intervals, (0, 1, 1, i % 2)) for i in range(5))
    return Case(utterances, Fraction(50), 2)


def test_a_shard_holds_what_was_written(case: Case, tmp_path: Path) -> None:
    counts = counted(case)
    write_shard(tmp_path / NAME, meta_of(case), [block(counts), block(counts + counts, 1)])
    shard = Shard(tmp_path)
    assert bits(read(shard, 0)) == bits(canonical(counts))
    assert bits(read(shard, 1)) == bits(canonical(counts + counts))


def test_a_draw_without_counts_is_a_zero(case: Case, tmp_path: Path) -> None:
    counts = counted(case)
    write_shard(tmp_path / NAME, meta_of(case), [block(counts)])
    nothing = read(Shard(tmp_path), 7)
    assert nothing.table.sum() == 0
    assert bits(canonical(nothing + counts)) == bits(canonical(counts))


def test_the_same_shard_is_the_same_bytes(world: World, shards: list[Path], tmp_path: Path) -> None:
    run_shard(world.request(world.knowing()), 1, 3, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == (shards[1] / NAME).read_bytes()


def test_shards_open_in_their_own_order(shards: list[Path]) -> None:
    assert [shard.meta.shard[0] for shard in open_shards(shards[::-1])] == [0, 1, 2]


def test_a_missing_shard_is_named(shards: list[Path]) -> None:
    with pytest.raises(HacError, match=r"1 of 3 shards are missing \(2/3\)"):
        merge([shards[0], shards[2]], jobs=1)


def test_a_shard_given_twice_is_named(shards: list[Path]) -> None:
    with pytest.raises(HacError, match="shard 2 of 3 is given twice"):
        merge([*shards, shards[1]], jobs=1)


@pytest.mark.parametrize("what", ["tokens", "labels", "protocol", "speakers"])
def test_shards_of_another_job_do_not_add(what: str, world: World, shards: list[Path], tmp_path: Path) -> None:
    stream, protocol, other = world.knowing(), QUICK, world
    if what == "tokens":
        codes = stream.codes.copy()
        codes[-1] = (codes[-1] + 1) % 8
        stream = replace(stream, codes=codes)
    elif what == "labels":
        moved = [tuple(("AA" if i == 1 else p, a, b) for i, (p, a, b) in enumerate(u)) for u in world.intervals]
        other = replace(world, intervals=tuple(moved))
    elif what == "protocol":
        protocol = replace(QUICK, seed=1)
    else:
        other = replace(world, speakers=("x", *world.speakers[1:]))
    run_shard(other.request(stream, protocol=protocol), 1, 3, tmp_path / NAME)
    with pytest.raises(HacError, match="different jobs"):
        merge([shards[0], tmp_path, shards[2]], jobs=1)


def older(shard: Path, folder: Path) -> Path:
    """The shard as versions wrote it that shifted within utterances."""
    table = pq.read_table(shard / NAME)
    meta = json.loads(table.schema.metadata[META])
    del meta["protocol"]["null"]
    groups = pq.ParquetFile(shard / NAME).metadata
    with pq.ParquetWriter(folder / NAME, SCHEMA.with_metadata({META: json.dumps(meta).encode()})) as writer:
        for g in range(groups.num_row_groups):
            writer.write_table(
                pq.ParquetFile(shard / NAME).read_row_group(g).cast(writer.schema), row_group_size=1 << 62
            )
        writer.add_key_value_metadata({GROUPS: groups.metadata[GROUPS]})
    return folder


def test_shards_of_older_versions_merge_and_say_that_they_shift_within_utterances(
    shards: list[Path], tmp_path: Path
) -> None:
    old = []
    for i, shard in enumerate(shards):
        (tmp_path / str(i)).mkdir()
        old.append(older(shard, tmp_path / str(i)))
    said = [merge(paths, jobs=1).results.protocols["silence-kept"]["null"] for paths in (old, shards)]
    assert said == [OVER_UTTERANCES, OVER_SPEAKERS]
    with pytest.raises(HacError, match="have other nulls") as error:
        merge([shards[0], old[1], shards[2]], jobs=1)
    assert "write them again with --shard" in str(error.value)


def test_no_shard_and_no_file_are_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(HacError, match="no such shard"):
        Shard(tmp_path / "nowhere.parquet")
    with pytest.raises(HacError, match="no such shard"):
        Shard(tmp_path)


@pytest.mark.parametrize("spoil", ["empty", "cut", "text"])
def test_a_spoilt_shard_is_one_clear_sentence(spoil: str, shards: list[Path], tmp_path: Path) -> None:
    data = (shards[0] / NAME).read_bytes()
    path = tmp_path / NAME
    path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "text": b"hello"}[spoil])
    with pytest.raises(HacError, match="not a whole shard") as error:
        Shard(path)
    assert str(error.value).startswith(str(path))


def test_a_shard_of_a_newer_format_says_upgrade(case: Case, tmp_path: Path) -> None:
    write_shard(tmp_path / NAME, meta_of(case, version=VERSION + 1), [block(counted(case))])
    with pytest.raises(HacError, match="upgrade"):
        Shard(tmp_path)


def test_the_bootstrap_of_older_shards_is_no_part_of_the_protocol(case: Case) -> None:
    meta = meta_of(case, protocol={"n_nulls": 4, "n_bootstrap": 1000, "tolerances_ms": [10, 20]})
    assert meta.protocol_values() == {"n_nulls": 4, "tolerances_ms": (10, 20)}


def test_a_shard_of_an_older_format_is_written_again(case: Case, tmp_path: Path) -> None:
    write_shard(tmp_path / NAME, meta_of(case, version=VERSION - 1), [block(counted(case))])
    with pytest.raises(HacError, match="write it again with --shard"):
        Shard(tmp_path)


def test_no_damage_of_the_footer_ends_the_process(case: Case, tmp_path: Path) -> None:
    """pyarrow lets a C++ exception end the process where damaged metadata of columns are looked at."""
    path = tmp_path / NAME
    write_shard(path, meta_of(case), [block(counted(case))])
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if (child := os.fork()) == 0:
        n_refused = 0
        for place in range(footer, len(data)):
            for flip in (0x02, 0x10):
                path.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
                try:
                    Shard(path).counts(0, 0, joint.JOINT)
                except HacError:
                    n_refused += 1
        os._exit(0 if n_refused > 100 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_writer_that_fails_leaves_nothing(case: Case, tmp_path: Path) -> None:
    def blocks():
        yield block(counted(case))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / NAME, meta_of(case), blocks())
    assert list(tmp_path.iterdir()) == []


def test_counts_beyond_32_bits_survive_the_disk(case: Case, tmp_path: Path) -> None:
    counts = counted(case)
    huge = replace(counts, matrix=counts.matrix * np.int64(10**12))
    write_shard(tmp_path / NAME, meta_of(case), [block(huge)])
    assert bits(read(Shard(tmp_path), 0)) == bits(canonical(huge))


@pytest.mark.parametrize("column", ["row", "a", "b"])
@pytest.mark.parametrize("value", [-1, 99])
def test_counts_at_places_that_a_shard_does_not_name_are_refused(
    column: str, value: int, case: Case, tmp_path: Path
) -> None:
    whole = block(counted(case))
    places = getattr(whole.counts, column).copy()
    places[0] = value
    write_shard(tmp_path / NAME, meta_of(case), [whole._replace(counts=replace(whole.counts, **{column: places}))])
    with pytest.raises(HacError, match="that it does not name") as error:
        read(Shard(tmp_path), 0)
    assert str(error.value).startswith(str(tmp_path / NAME))


def test_many_shards_are_not_held_open(shards: list[Path]) -> None:
    """A process may hold about a thousand files open, and a merge may have more shards than that."""
    before = psutil.Process().num_fds()
    opened = [Shard(path) for path in shards * 20]
    assert all(len(shard.counts(0, 0, joint.JOINT).n) for shard in opened)
    assert psutil.Process().num_fds() <= before + 1

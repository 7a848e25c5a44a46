"""The scorer's package against slow definitions, and where the two differ: `probes.discovery.term_discovery`."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from probes.discovery import term_discovery
from probes.discovery.discovery_counts import SETS, SUMS, DiscoveryCounts, count
from tests.analysis.discovery import worlds as slow
from tests.analysis.discovery.worlds import QUICK, World, perfect, record, say, score, worlds

ALL_PAIRS = 10**9


def counted(world: World) -> DiscoveryCounts:
    """Counts, every utterance a cluster."""
    tiers = (world.tier(name) for name in ("phones", "words", "segments"))
    n = len(world.ids)
    return count(*tiers, np.arange(n), n, ALL_PAIRS)


@given(worlds())
def test_counts_are_those_of_the_slow_definitions(world: World) -> None:
    assume(not any(slow.is_tied(s, speech) for speech in world.speeches for s in speech.segments))
    found = counted(world)
    expected = slow.totals(world.speeches)
    assert {name: int(found.sums[name].sum()) for name in SUMS} == {name: expected[name] for name in SUMS}
    assert {name: int(found.sets[name][0]) for name in SETS} == {name: expected[name] for name in SETS}
    pairs = slow.pairs(world.speeches)
    assert found.ned.pairs[0] == len(pairs)
    assert found.ned.distance is not None
    assert found.ned.distance[0] == pytest.approx(float(sum(pairs)), abs=1e-9)


@given(worlds())
def test_without_a_cluster_is_a_corpus_without_it(world: World) -> None:
    """Types and pairs are counted once for all; each left-out corpus must be what counting it alone gives."""
    found = counted(world)
    assert found.ned.distance is not None
    for c in range(len(world.ids)):
        rest = tuple(speech for i, speech in enumerate(world.speeches) if i != c)
        if not rest:
            assert all(found.sets[name][1] == 0 for name in SETS)
            continue
        alone = counted(World(rest))
        assert alone.ned.distance is not None
        for name in SUMS:
            assert found.sums[name].sum() - found.sums[name][c] == alone.sums[name].sum()
        for name in SETS:
            assert found.sets[name][1 + c] == alone.sets[name][0], name
        assert found.ned.pairs[1 + c] == alone.ned.pairs[0]
        assert found.ned.distance[1 + c] == pytest.approx(alone.ned.distance[0], abs=1e-9)


@given(worlds(), st.integers(1, 5))
def test_utterance_by_utterance_is_the_package_on_everything(world: World, chunk: int) -> None:
    """The package, given all utterances at once, says what the sums say; so does any size of chunk."""
    tde, whole = term_discovery.package(), package_on(world)
    tiers = [world.tier(name) for name in ("phones", "words", "segments")]
    parts = list(term_discovery.count(*tiers, chunk=chunk))
    tokens = tde.TokenType(whole.gold, whole.disc)
    tokens.compute_token_type()
    assert sum(u.token_hits for u in parts) == tokens.token_hit
    assert sum(u.segments for u in parts) == len(tokens.disc)
    assert sum(u.words for u in parts) == tokens.n_token
    for name, sets in (("type_hits", tokens.type_hit), ("types_seen", tokens.type_seen), ("types", tokens.all_type)):
        assert set().union(*(getattr(u, name) for u in parts)) == sets
    coverage, boundary = tde.Coverage(whole.gold, whole.disc), tde.Boundary(whole.gold, whole.disc)
    boundary.compute_boundary()
    assert sum(u.covered for u in parts) == len(coverage.covered_phn)
    assert sum(u.phones for u in parts) == coverage.n_phones
    assert sum(u.edges_hit for u in parts) == boundary.n_discovered_boundary
    assert sum(u.edges_found for u in parts) == boundary.n_all_disc_boundary
    assert sum(u.edges for u in parts) == boundary.n_gold_boundary
    found, ned = counted(world).ned, tde.Ned(whole.disc)
    assert found.distance is not None
    if found.pairs[0]:
        ned.compute_ned()
        assert ned.n_pairs == found.pairs[0]
        assert ned.ned == pytest.approx(found.distance[0] / found.pairs[0], abs=1e-12)


def package_on(world: World) -> SimpleNamespace:
    """The package's own reading of a corpus, from files written here."""
    tde = term_discovery.package()
    lines = {"phones": "", "words": ""}
    by_class: dict[str, str] = {}
    shown = {name: {label: f"{name[0]}{i}" for i, label in enumerate(world.tier(name).vocabulary)} for name in lines}
    shown["phones"] |= {"sil": "SIL", "spn": "SPN"}
    for u, speech in enumerate(world.speeches):
        for name in lines:
            for label, onset, offset in getattr(speech, name):
                lines[name] += f"u{u} {onset / 1000:.3f} {offset / 1000:.3f} {shown[name][label]}\n"
        for label, onset, offset in speech.segments:
            by_class[label] = by_class.get(label, "") + f"u{u} {onset / 1000:.3f} {offset / 1000:.3f}\n"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "phn").write_text(lines["phones"])
        (folder / "wrd").write_text(lines["words"])
        (folder / "class").write_text(
            "".join(f"Class {c}\n{t}\n" for c, t in sorted(by_class.items())) or "Class 0\n\n"
        )
        gold = tde.Gold(wrd_path=str(folder / "wrd"), phn_path=str(folder / "phn"))
        for u in range(len(world.speeches)):  # it stops at a segment in an utterance without words
            gold.words.setdefault(f"u{u}", term_discovery._empty_tree())
            _ = gold.boundaries[0][f"u{u}"], gold.boundaries[1][f"u{u}"]
        return SimpleNamespace(gold=gold, disc=tde.Disc(str(folder / "class"), gold))


def test_half_a_phone_is_decided_by_floating_point() -> None:
    """A segment that holds exactly half of a short phone should hold the phone; at some times the package says no."""
    held = []
    for start in range(0, 200, 2):
        speech = say(("", [("sil", start + 1)]), ("a", [("a", 50)])).found(("x", start + 26, start + 51))
        held.append(counted(World((speech,))).sums["covered"].sum())
        assert slow.totals([speech])["covered"] == 1
    assert set(held) == {0, 1}


def test_a_word_is_compared_by_its_labels() -> None:
    """`tata` said twice: two syllables from the middle on are the end of one word and the beginning of the next."""
    one = [("t", 81), ("a", 81), ("t", 81), ("a", 81)]
    speech = say(("ta ta", one), ("ta ta", [("t", 91), ("a", 91), ("t", 91), ("a", 91)])).found(("x", 162, 506))
    assert [label for label, _, _ in slow.held(speech.segments[0], speech.phones)] == ["t", "a", "t", "a"]
    assert not slow.exact_hits(speech)
    assert counted(World((speech,))).sums["token_hits"].sum() == 1


def test_a_segment_goes_with_the_word_it_holds_most_of() -> None:
    """Its phone may be another word's: 40 of 131 ms of `a` are enough for the phone, 19 of 41 ms of `e` are not."""
    speech = say(("a", [("a", 131)]), ("e", [("e", 41)])).found(("x", 91, 150))
    assert slow.exact_hits(speech) == {("a", 0, 131)}
    assert counted(World((speech,))).sums["token_hits"].sum() == 0


def test_types_are_strings_of_phones_but_gold_types_are_spellings() -> None:
    cat, kat = ("cat", [("k", 61), ("a", 61), ("t", 61)]), ("kat", [("k", 61), ("a", 61), ("t", 61)])
    alike = record(score(perfect(World((say(cat, kat),)))), "type_recall")
    assert alike.value == 0.5
    outcome = score(perfect(World((say(("a", [("a", 61)]), ("a", [("e", 61), ("i", 61)])),))))
    assert record(outcome, "type_recall").value == 2
    assert any("pronounced in more than one way" in warning for warning in outcome.results.warnings)


def test_segments_over_silence_count_unless_dropped() -> None:
    speech = say(("", [("sil", 401)]), ("a", [("a", 101)]), ("", [("sil", 401)]))
    world = World((speech.found(("x", 0, 200), ("x", 200, 401), ("y", 401, 502)),))
    kept, dropped = score(world), score(world, protocol=replace(QUICK, silence="drop"))
    assert record(kept, "token_precision").value == pytest.approx(1 / 3)
    assert record(kept, "ned").value == 1, "two silences are as far apart as can be"
    assert record(dropped, "token_precision").value == 1
    assert math.isnan(record(dropped, "ned").value)
    assert "no class holds two segments" in record(dropped, "ned").note
    assert dropped.results.coverage["segments"]["found"]["left_out"] == 2

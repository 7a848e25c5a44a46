"""Word detection on the builtin synthetic corpus: codes that are the words, some spoilt, against closed forms."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from analysis.inputs.request import Request, prepare
from analysis.words.counting import WordProtocol
from analysis.words.detection import DEFINITIONS
from analysis.words.run import run, word_corpus
from hac.corpora.synthetic.corpus import Settings, synthetic_corpus
from hac.data.tokens.token_store import Stream, TokenStore
from tests.strategies import bounds

RATE = Fraction(100)
FRAME_US = 10_000
PROTOCOL = WordProtocol(min_count=2, n_nulls=2, stop_words=())


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("espeakng_loader")
    folder = tmp_path_factory.mktemp("synthetic")
    synthetic_corpus(folder, Settings(minutes=1.5, voices=4, languages=("en", "es"), augmentation="none"), jobs=1)
    return folder / "manifest.jsonl"


def oracle(manifest: Path, corrupt: float) -> tuple[Request[WordProtocol], dict[tuple[str, str], float]]:
    """Code = word on frames wholly inside it, 0 elsewhere; junk for a share of each word's tokens. And each word's F1.

    Of n tokens of a word, h hold its code, and nothing else does: precision 1, recall h / n, F1 = 2 h / (n + h).
    """
    blank = TokenStore((), {}, {})
    request = prepare(blank, manifest, None, PROTOCOL)
    ids = request.labels.alignments.words.ids
    durations = request.labels.manifest.durations_us
    lengths = [durations[id] // FRAME_US for id in ids]
    codes, where = np.zeros(sum(lengths), np.int32), bounds(lengths)
    request = prepare(_store(ids, codes, where, 1), manifest, None, PROTOCOL)
    words = word_corpus(request.labels, request.tokens, request.failures).words
    assert words.ids == tuple(sorted(ids))
    n_types, rng = len(words.types), np.random.default_rng(0)
    junk = np.zeros(len(words.word), bool)
    for w in range(n_types):
        own = np.flatnonzero(words.word == w)
        junk[rng.permutation(own)[: round(corrupt * len(own))]] = True
    place = {id: i for i, id in enumerate(ids)}
    held = np.zeros(n_types, int)
    for token, u in enumerate(words.utterance_index()):
        start = where[place[words.ids[u]]]
        first, last = -(-words.onset_us[token] // FRAME_US), words.offset_us[token] // FRAME_US
        codes[start + first : start + last] = n_types + 1 if junk[token] else 1 + words.word[token]
        held[words.word[token]] += last > first and not junk[token]
    said = np.bincount(words.word, minlength=n_types)
    f1 = {tuple(word): 2 * h / (n + h) for word, h, n in zip(words.types, held, said, strict=True) if n >= 2}
    return prepare(_store(ids, codes, where, n_types + 2), manifest, None, PROTOCOL), f1


def _store(ids: tuple[str, ...], codes: np.ndarray, where: np.ndarray, size: int) -> TokenStore:
    return TokenStore(ids, {"units": Stream("units", size, RATE, codes, where)}, {})


@pytest.mark.parametrize(("corrupt", "expected"), [(0.0, 1.0), (0.2, 8 / 9), (0.4, 3 / 4)])
def test_oracle_codes_score_the_closed_form(corrupt: float, expected: float, manifest: Path) -> None:
    request, f1 = oracle(manifest, corrupt)
    outcome = run(request, jobs=1)
    said = {tuple(word): n for word, n in zip(outcome.types, outcome.streams[0].tokens.tolist(), strict=True)}
    for definition, found in zip(DEFINITIONS, outcome.streams[0].lists, strict=True):
        scored = {tuple(outcome.types[w]): found.detection.classic[w] for w in found.ranked()}
        assert scored.keys() == f1.keys()
        for word, value in f1.items():
            # a word whose tokens are mostly junk may find junk the better code
            assert scored[word] >= value - 1e-12
        often = {word: value for word, value in f1.items() if value >= 0.7}
        assert [scored[word] for word in often] == pytest.approx(list(often.values()), abs=1e-12)
        mean = outcome.results.get(f"units.word_f1[{definition}]").value
        assert mean == pytest.approx(np.mean(list(f1.values())), abs=0.02)
        # shares of few tokens are rounded; of many they are what was asked for
        many = [scored[word] for word in scored if said[word] >= 5]
        assert len(many) >= 5
        assert np.mean(many) == pytest.approx(expected, abs=0.03)
        assert outcome.results.get(f"units.word_f1[{definition}]").null_mean < 0.8 * mean

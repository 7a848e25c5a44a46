"""Factors of a corpus, from its tiers, its manifest and its prosody; what cannot be had is left out, with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.inputs.corpus import CLASS_KINDS, Labels, MatchedCorpus, match
from analysis.inputs.vocabulary import word_tokens
from hac.data.alignments.alignment import PHONES, WORDS, Tier, partition
from hac.data.phones.policy import SILENCE, PhonePolicy, load_policy
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from probes.leakage.factors import Factor, grid_factor, interval_factor, utterance_factor
from probes.words.word_codes import Words

FACTORS = ("phone", "phone_class", "word", "position", "f0", "energy", "speaker", "gender", "language")
"""All factors, in the order of the tables."""
MEASURED = ("f0", "energy")
"""Factors that need the audio."""
POSITIONS = ("first", "last", "middle", "only")
"""Where a phone lies in its word, sorted by name."""
_TIERS = {"phone": (PHONES,), "phone_class": (PHONES,), "word": (WORDS,), "position": (PHONES, WORDS)}


class Curves(Protocol):
    """Prosody of one utterance on the 10 ms grid."""

    @property
    def f0_hz(self) -> NDArray[np.float32]:
        """NaN where unvoiced."""
        ...

    @property
    def energy_db(self) -> NDArray[np.float32]:
        """NaN where unknown."""
        ...


@dataclass(frozen=True)
class FactorCorpus:
    """Utterances with their tokens and the factors that could be had.

    Attributes:
        met: utterances that have tokens and every tier there is.
        factors: by name, in the order of `FACTORS`.
        missing: factors that were left out, and why.
        policy: name of the phone policy; empty without phones.
    """

    met: MatchedCorpus
    factors: dict[str, Factor]
    missing: dict[str, str]
    policy: str


def check_factors(names: Sequence[str]) -> tuple[str, ...]:
    """The factors of these names, all for none.

    Raises:
        HacError: there is none of that name.
    """
    for name in names:
        if name not in FACTORS:
            raise HacError(f"factor {name!r} is not known; choose from {', '.join(FACTORS)}")
    return tuple(name for name in FACTORS if name in names) if names else FACTORS


def factor_corpus(
    labels: Labels,
    tokens: TokenStore,
    failures: FailureLog,
    names: Sequence[str] = (),
    *,
    phone_policy: str = "auto",
    class_kind: str = "manner",
    curves: Mapping[str, Curves] | str = "no audio was measured",
) -> FactorCorpus:
    """Bring tokens and factors together.

    Args:
        labels: manifest and alignments.
        tokens: the tokens.
        failures: utterances that fell out go here.
        names: factors wanted; one that is named must be there. Empty: all that can be had.
        phone_policy: as for PNMI.
        class_kind: `manner`, `place`, `voicing` or `height`.
        curves: prosody by utterance id, or why there is none.

    Raises:
        HacError: a factor or a kind of class is not known, a factor that was named cannot be had, or no utterance has
            tokens and labels.
    """
    wanted = check_factors(names)
    if class_kind not in CLASS_KINDS:
        raise HacError(f"phone classes by {class_kind!r} are not known; choose one of {', '.join(CLASS_KINDS)}")
    tiers = [name for name in (PHONES, WORDS) if name in labels.alignments.tiers]
    if not tiers:
        raise HacError("the alignments have no tier at all; expected phones, words or both")
    met = match(labels, tokens, tiers, failures)
    maker = _Maker(labels, met, phone_policy, class_kind, curves)
    factors, missing = {}, {}
    for name in wanted:
        try:
            factors[name] = maker.make(name)
        except HacError as error:
            if names:
                raise HacError(f"factor {name}: {error}") from error
            missing[name] = str(error)
    if not factors:
        raise HacError(f"no factor can be had: {'; '.join(f'{name}: {why}' for name, why in missing.items())}")
    if not isinstance(curves, str) and any(name in factors for name in MEASURED):
        said = failures.ids
        for id in met.ids:
            if id not in curves and id not in said:
                failures.add(id, "no-prosody", "the utterance has no F0 and energy; its frames have no such factor")
    return FactorCorpus(met, factors, missing, maker.policy.name if PHONES in met.tiers else "")


@dataclass(frozen=True)
class _Maker:
    """Makes factors; what several of them need is made once."""

    given: Labels
    met: MatchedCorpus
    phone_policy: str
    class_kind: str
    curves: Mapping[str, Curves] | str

    def make(self, name: str) -> Factor:
        """The factor of that name.

        Raises:
            HacError: what it is made from is not there.
        """
        for tier in _TIERS.get(name, ()):
            self.given.alignments.tier(tier)
        of: dict[str, Callable[[], Factor]] = {
            "phone": self._phone,
            "phone_class": self._phone_class,
            "word": self._word,
            "position": self._position,
            "f0": lambda: self._measured("f0", lambda curve: np.log(curve.f0_hz.astype(np.float64)), "log Hz"),
            "energy": lambda: self._measured("energy", lambda curve: curve.energy_db.astype(np.float64), "dB"),
            "speaker": self._speaker,
            "gender": self._gender,
            "language": self._language,
        }
        return of[name]()

    @cached_property
    def policy(self) -> PhonePolicy:
        # chosen by all labels there are, so that a subset gets the same one
        return load_policy(self.phone_policy, self.given.alignments.tier(PHONES).vocabulary)

    @cached_property
    def _phones(self) -> Tier:
        return partition(self.met.tiers[PHONES], self.met.durations_us, self.policy)[0]

    @cached_property
    def _words(self) -> Words:
        return word_tokens(self.met.tiers[WORDS], self.met.languages)[0]

    def _phone(self) -> Factor:
        about = f"phones under the policy {self.policy.name}, silence is one of them"
        return interval_factor("phone", self._phones, self._phones.labels, self._phones.vocabulary, about)

    def _phone_class(self) -> Factor:
        classes = [getattr(self.policy.classes(label), self.class_kind) for label in self._phones.vocabulary]
        about = f"{self.class_kind} of the phone, silence is a class of its own"
        return interval_factor("phone_class", self._phones, self._phones.labels, classes, about)

    def _word(self) -> Factor:
        names = [word.spelling for word in self._words.types]
        if len({word.language for word in self._words.types}) > 1:
            names = [f"{word.language}:{word.spelling}" for word in self._words.types]
        about = "words of a language, compared without regard to case; silence has none"
        return interval_factor("word", _word_tier(self._words), self._words.word, names, about)

    def _position(self) -> Factor:
        place = positions(self._phones, self._words)
        about = "third of the phones of its word that a phone lies in, or only: the word has one phone"
        return interval_factor("position", self._phones, place, POSITIONS, about)

    def _measured(self, name: str, value: Callable[[Curves], NDArray[np.float64]], unit: str) -> Factor:
        if isinstance(self.curves, str):
            raise HacError(self.curves)
        with np.errstate(divide="ignore", invalid="ignore"):
            curves = {id: value(curve) for id, curve in self.curves.items()}
        return grid_factor(name, self.met.ids, curves, unit=unit)

    def _of_manifest(self, field: str) -> list[str | None]:
        """A field of each utterance."""
        if self.given.manifest is None:
            raise HacError("there is no manifest to name it; give one with --manifest")
        of = self.given.manifest.by_id
        values: list[str | None] = [getattr(of[id], field) for id in self.met.ids]
        if not any(values):
            raise HacError(f"the manifest names no {field}; add the field `{field}` to its rows")
        return values

    def _speaker(self) -> Factor:
        values = self._of_manifest("speaker")
        if len(set(self.met.languages)) > 1:
            pairs = zip(values, self.met.languages, strict=True)
            values = [f"{language or '?'}:{value}" if value else None for value, language in pairs]
        return utterance_factor("speaker", self.met.ids, values, "speaker of the utterance, by the manifest")

    def _gender(self) -> Factor:
        about = "gender of the speaker, by the manifest"
        return utterance_factor("gender", self.met.ids, self._of_manifest("gender"), about, "speakers of each language")

    def _language(self) -> Factor:
        about = "language of the utterance, by the manifest"
        return utterance_factor("language", self.met.ids, self._of_manifest("language"), about, "speakers")


def _word_tier(words: Words) -> Tier:
    """Words as intervals; one that begins before its predecessor ends takes over there."""
    names = tuple(word.spelling for word in words.types)
    return Tier(WORDS, words.ids, words.bounds, words.word, words.onset_us, words.offset_us, names)


def positions(phones: Tier, words: Words) -> NDArray[np.int32]:
    """Where each phone lies in its word: int32 [n_intervals], an index into `POSITIONS`, -1 outside words.

    A phone belongs to the word that holds its middle. Phone j of n (from 0) lies (j + 1/2) / n into its word, and that
    is in the first, the middle or the last third; the phone of a word with one phone is `only`. Silence is no phone.

    Args:
        phones: a partition of each utterance.
        words: word tokens of the same utterances.
    """
    spoken = np.array([label != SILENCE for label in phones.vocabulary], bool)[phones.labels]
    utterance = phones.utterance_index()
    # all utterances on one line of time, in half microseconds so that middles are whole
    latest = max(int(phones.offset_us.max(initial=0)), int(words.offset_us.max(initial=0))) + 1
    middle = phones.onset_us + phones.offset_us + 2 * latest * utterance
    base = 2 * latest * words.utterance_index().astype(np.int64)
    onset, offset = 2 * words.onset_us + base, 2 * words.offset_us + base
    word = np.searchsorted(onset, middle, side="right") - 1
    inside = spoken & (word >= 0)
    inside[inside] = middle[inside] < offset[word[inside]]
    held = word[inside]
    n = np.bincount(held, minlength=len(onset))
    first = np.cumsum(n) - n
    j = np.arange(len(held)) - first[held]
    third = 3 * (2 * j + 1) // (2 * n[held])
    place = np.full(len(phones.labels), -1, np.int32)
    names = np.array([POSITIONS.index(name) for name in ("first", "middle", "last")])
    place[inside] = np.where(n[held] == 1, POSITIONS.index("only"), names[third])
    return place


def coverage_of(corpus: FactorCorpus, defined: Mapping[str, float]) -> dict[str, Any]:
    """How much of everything was used.

    Args:
        corpus: the corpus.
        defined: share of the frames of the first stream that have a label, by factor.
    """
    had = {
        name: {"labels": len(factor.labels), "frames_defined": round(defined[name], 6), "about": factor.about}
        for name, factor in corpus.factors.items()
    }
    return {
        **corpus.met.coverage,
        "factors": {**had, **{name: {"missing": why} for name, why in corpus.missing.items()}},
    }

"""What a phone label means: which labels are silence or noise, which marks are stripped, which phones are
folded.

A `PhonePolicy` is data (YAML) and works on label names, never on intervals: applying it to a corpus touches
each name of the vocabulary once. The shipped policies are the YAML files in `hac/data/phone_tables`; `auto`
looks at a vocabulary and picks one.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hac.data.alignment_tiers import Tier, unknown_label
from hac.errors import HacError

SILENCE = "sil"
"""The one silence label after a policy was applied."""
NOISE = "spn"
"""The one noise label after a policy was applied with `noise_rule: keep`."""

# Compared without regard to case: MFA, Kaldi, HTK, TIMIT, pocketsphinx, MAUS, espeak-ng and gruut between
# them
SILENCE_LABELS = (
    "", "sil", "sp", "ssil", "pau", "pause", "silence", "h#", "#", "_", "_:", "<eps>", "eps", "<s>", "</s>", "<sil>",
    "[sil]", "+sil+", "<p:>", "<p>", "(.)", "|", "||", "‖", "#h",
)  # fmt: skip
NOISE_LABELS = (
    "spn", "nsn", "noise", "unk", "<unk>", "<spn>", "[spn]", "[noise]", "[breath]", "[laughter]", "[cough]", "+noise+",
    "+spn+", "+nsn+", "+breath+", "+laugh+", "+cough+", "+smack+", "<nib>", "<usb>", "<noise>", "<laugh>", "lau",
    "brth", "ns", "vns",
)  # fmt: skip

_ARPABET_STRESS = re.compile(r"(?<=[A-Za-z])[0-9]$")
_POSITION = re.compile(r"_[BIES]$")
_IPA_STRESS = re.compile("[ˈˌ]")
_LENGTH = re.compile("[ːˑ]")
_TONE = re.compile("[˥˦˧˨˩⁰¹²³⁴⁵⁶⁷⁸⁹↗↘ꜛꜜ]")


class PhonePolicy(BaseModel):
    """How labels of a phone tier become phones.

    The steps, in this order, on each label name: Unicode composed (NFC) and trimmed; word-position suffix
    cut; silence and noise recognized; case; phone map; silence recognized again; stress, length, tone cut.

    Attributes:
        name: goes into the protocol of every number.
        silence: labels that become `sil`, compared without regard to case.
        noise: labels of speech-like or other noise, compared without regard to case.
        noise_rule: `keep` as the label `spn`; `silence`: becomes `sil`; `drop`: the interval is removed, so
            that `partition` fills the hole with silence where no neighbour reaches into it.
        strip_position: cut Kaldi's word-position suffixes `_B _I _E _S`.
        strip_stress: cut ARPAbet stress digits (AH0 -> AH) and the IPA marks for stress.
        strip_length: cut the IPA marks for length.
        strip_tone: cut IPA tone letters and superscript digits.
        case: `keep`, `upper` or `lower`.
        map: folds phones; a phone mapped to the empty text is removed like dropped noise.
        phone_set: the phones allowed, in the order of the resulting vocabulary; another label is an error. By
            default every label is allowed, and the vocabulary is sorted by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    silence: tuple[str, ...] = SILENCE_LABELS
    noise: tuple[str, ...] = NOISE_LABELS
    noise_rule: Literal["keep", "silence", "drop"] = "keep"
    strip_position: bool = False
    strip_stress: bool = False
    strip_length: bool = False
    strip_tone: bool = False
    case: Literal["keep", "upper", "lower"] = "keep"
    map: dict[str, str] = Field(default_factory=dict)
    phone_set: tuple[str, ...] | None = None

    def map_labels(self, labels: Iterable[str]) -> list[str | None]:
        """What each label becomes; None where its interval is removed."""
        silence = {label.casefold() for label in self.silence} | {SILENCE}
        noise = {label.casefold() for label in self.noise}
        return [self._map_label(label, silence, noise) for label in labels]

    def _map_label(self, label: str, silence: set[str], noise: set[str]) -> str | None:
        label = unicodedata.normalize("NFC", label).strip()
        if self.strip_position:
            label = _POSITION.sub("", label)
        if label.casefold() in silence:
            return SILENCE
        if label.casefold() in noise:
            return {"keep": NOISE, "silence": SILENCE, "drop": None}[self.noise_rule]
        label = {"keep": label, "upper": label.upper(), "lower": label.lower()}[self.case]
        if label in self.map:
            label = self.map[label]
            if not label:
                return None
            if label.casefold() in silence:
                return SILENCE
        for wanted, marks in (
            (self.strip_stress, _ARPABET_STRESS),
            (self.strip_stress, _IPA_STRESS),
            (self.strip_length, _LENGTH),
            (self.strip_tone, _TONE),
        ):
            # a label that is nothing but marks stays, so that it is seen and not silently turned into silence
            label = (marks.sub("", label) or label) if wanted else label
        return label

    def apply(self, tier: Tier) -> Tier:
        """The tier in this policy's phones.

        Args:
            tier: a phone tier with any labels.

        Returns:
            A tier over the same utterances; its vocabulary is `phone_set` (with `sil`), or what the labels
            became, sorted by name. Intervals of removed labels are gone.

        Raises:
            HacError: a label used in the tier is not in `phone_set`; it names the label and the utterance.
        """
        mapped = self.map_labels(tier.vocabulary)
        names = self.vocabulary(label for label in mapped if label is not None)
        where: dict[str | None, int] = {name: i for i, name in enumerate(names)}
        table = np.array([-1 if label is None else where.get(label, -2) for label in mapped], dtype=np.int32)
        labels = table[tier.labels] if len(table) else tier.labels
        unknown = np.flatnonzero(labels == -2)
        if len(unknown):
            row = int(unknown[0])
            id = tier.ids[int(tier.utterance_index()[row])]
            raise unknown_label(tier.name, tier.vocabulary[tier.labels[row]], id, len(names))
        return _without(replace(tier, labels=labels, vocabulary=names), labels < 0)

    def vocabulary(self, mapped: Iterable[str]) -> tuple[str, ...]:
        """Label names after the policy, `sil` among them."""
        if self.phone_set is None:
            return tuple(sorted({*mapped, SILENCE}))
        return self.phone_set if SILENCE in self.phone_set else (*self.phone_set, SILENCE)


def _without(tier: Tier, dropped: NDArray[np.bool_]) -> Tier:
    if not dropped.any():
        return tier
    before = np.concatenate([[0], np.cumsum(dropped)])
    return replace(
        tier,
        bounds=tier.bounds - before[tier.bounds],
        labels=tier.labels[~dropped],
        onset_us=tier.onset_us[~dropped],
        offset_us=tier.offset_us[~dropped],
    )


def looks_like_phones(labels: Iterable[str]) -> bool:
    """Whether these labels are phones rather than words: few, short, and most of them ARPAbet."""
    return all(len(label) <= 4 for label in labels)

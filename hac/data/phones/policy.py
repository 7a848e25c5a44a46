"""What a phone label becomes: which are silence or noise, which marks are cut, which phones are folded.

A `PhonePolicy` is data (YAML) and works on label names, never on intervals: applying it to a corpus touches
each name of the vocabulary once. The shipped policies are the YAML files in `hac/data/phones/tables`; `auto`
looks at a vocabulary and picks one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hac.data.phones.classes import NOISE as NOISE
from hac.data.phones.classes import NOISE_LABELS, SILENCE_LABELS, Alphabet, arpabet_to_ipa, known_share
from hac.data.phones.classes import SILENCE as SILENCE
from hac.data.phones.classes import PhoneClasses as PhoneClasses
from hac.data.phones.classes import phone_classes as phone_classes
from hac.data.tiers import Tier, unknown_label
from hac.errors import HacError
from hac.files.parsing import load_yaml
from hac.files.text import read_text, table_rows
from hac.files.validation import complaint

_TIMIT_ONLY = frozenset({"bcl", "dcl", "gcl", "pcl", "tcl", "kcl", "epi", "ax-h"})
_ARPABET_STRESS = re.compile(r"(?<=[A-Za-z])[0-2]$")
_POSITION = re.compile(r"_[BIES]$")
_IPA_STRESS = re.compile("[ˈˌ]")
_LENGTH = re.compile("[ːˑ]")
_TONE = re.compile("[˥˦˧˨˩⁰¹²³⁴⁵⁶⁷⁸⁹↗↘ꜛꜜ]")


class PhonePolicy(BaseModel):
    """How labels of a phone tier become phones.

    The steps, in this order, on each label name: Unicode composed (NFC) and trimmed; word-position suffix cut;
    silence and noise recognized; case; phone map; silence recognized again; stress, length, tone cut.

    Attributes:
        name: goes into the protocol of every number.
        alphabet: how phone classes are read: `arpabet`, `ipa`, or `auto` by the look of each label.
        silence: labels that become `sil`, compared without regard to case.
        noise: labels of noise, speech-like or other, compared without regard to case.
        noise_rule: `keep` as the label `spn`; `silence`: becomes `sil`; `drop`: the interval is removed, so
            that `partition` fills the hole with silence where no neighbour reaches into it.
        strip_position: cut Kaldi's word-position suffixes `_B _I _E _S`.
        strip_stress: cut ARPAbet stress digits (AH0 -> AH; not where `alphabet` is `ipa`) and IPA stress marks.
        strip_length: cut the IPA marks for length.
        strip_tone: cut IPA tone letters and superscript digits.
        case: `keep`, `upper` or `lower`.
        map: folds phones; a phone mapped to the empty text is removed like dropped noise.
        phone_set: the phones allowed, in the order of the resulting vocabulary; another label is an error. By
            default every label is allowed, and the vocabulary is sorted by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    alphabet: Alphabet = "auto"
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
        return self._strip(label)

    def _strip(self, label: str) -> str:
        for wanted, marks in (
            (self.strip_stress and self.alphabet != "ipa", _ARPABET_STRESS),  # in IPA, digits are tones
            (self.strip_stress, _IPA_STRESS),
            (self.strip_length, _LENGTH),
            (self.strip_tone, _TONE),
        ):
            # a label of nothing but marks stays: it must be seen, not silently turn into silence
            label = (marks.sub("", label) or label) if wanted else label
        return label

    def apply(self, tier: Tier) -> Tier:
        """The tier, with any labels, in this policy's phones.

        Returns:
            A tier over the same utterances; its vocabulary is `phone_set` (with `sil`), or what the labels
            became, sorted by name. Intervals of removed labels are gone.

        Raises:
            HacError: a label used in the tier is not in `phone_set`; it names the label and the utterance.
        """
        mapped = self.map_labels(tier.vocabulary)
        names = self.vocabulary(label for label in mapped if label is not None)
        where: dict[str, int] = {name: i for i, name in enumerate(names)}
        table = np.array([-1 if label is None else where.get(label, -2) for label in mapped], dtype=np.int32)
        labels = table[tier.labels] if len(table) else tier.labels
        unknown = np.flatnonzero(labels == -2)
        if len(unknown):
            row = int(unknown[0])
            id = tier.ids[int(tier.utterance_index()[row])]
            raise unknown_label(tier.name, tier.vocabulary[tier.labels[row]], id, len(names))
        return replace(tier, labels=labels, vocabulary=names).where(labels >= 0)

    def vocabulary(self, mapped: Iterable[str]) -> tuple[str, ...]:
        """Label names after the policy, `sil` among them."""
        if self.phone_set is None:
            return tuple(sorted({*mapped, SILENCE}))
        return self.phone_set if SILENCE in self.phone_set else (*self.phone_set, SILENCE)

    def classes(self, label: str) -> PhoneClasses:
        """The classes of a label after this policy, in its alphabet."""
        return phone_classes(label, self.alphabet)


def policy_names() -> tuple[str, ...]:
    """Names of the shipped policies, sorted."""
    files = resources.files("hac.data.phones.tables").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def load_policy(name: str | Path, labels: Iterable[str] = ()) -> PhonePolicy:
    """A phone policy by name or from a YAML file.

    A file holds fields of `PhonePolicy`; `include: NAME` starts from another policy, and `map` may name a CSV
    file beside it.

    Args:
        name: `auto`, a shipped policy's name, or the path of a `.yaml` file.
        labels: the vocabulary that `auto` looks at.

    Raises:
        HacError: there is no such policy, or the file is none.
    """
    if str(name) == "auto":
        return choose_policy(labels)
    if str(name) in policy_names():
        return _read_policy(resources.files("hac.data.phones.tables") / f"{name}.yaml")
    path = Path(name)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        raise HacError(f"{name}: no such phone policy; expected auto, {', '.join(policy_names())}, or a .yaml file")
    return _read_policy(path)


def load_phone_map(path: Path | Traversable) -> dict[str, str]:
    """A phone map from a CSV file with the columns `from` and `to`; an empty `to` removes the phone.

    Raises:
        HacError: the file is missing, in a wrong encoding, lacks a column, or maps a phone twice.
    """
    expected = "a phone map with from,to"
    phone_map: dict[str, str] = {}
    for line, row in table_rows(read_text(path, expected), path, ("from", "to"), expected):
        phone = unicodedata.normalize("NFC", row["from"])
        if phone in phone_map:
            raise HacError(f"{path}, line {line}: {phone!r} is mapped twice; expected each phone once")
        phone_map[phone] = unicodedata.normalize("NFC", row["to"])
    return phone_map


def choose_policy(labels: Iterable[str]) -> PhonePolicy:
    """The policy that a vocabulary asks for: `arpabet`, `arpabet-open`, `timit39`, `ipa`, or else `none`.

    TIMIT is told by symbols that no other ARPAbet has (the closures); ARPAbet in small letters by a
    symbol of two letters, since single ones might as well be IPA; IPA by nine tenths of its labels being read.
    """
    cut = {_POSITION.sub("", label.strip()) for label in labels}
    phones = {label for label in cut if phone_classes(label).manner not in ("silence", "noise")}
    capital = {label.upper().rstrip("0123456789") for label in phones}
    in_capitals = all(label.upper() == label for label in phones)
    if phones and capital <= set(arpabet_to_ipa()) and (in_capitals or any(len(name) > 1 for name in capital)):
        if phones & _TIMIT_ONLY:
            return load_policy("timit39")
        standard = load_policy("arpabet")
        return standard if capital <= set(standard.phone_set or ()) else load_policy("arpabet-open")
    return load_policy("ipa" if known_share(phones, "ipa") >= 0.9 else "none")


def looks_like_phones(labels: Iterable[str]) -> bool:
    """Whether labels are phones rather than words: nine tenths of them read as ARPAbet or IPA."""
    distinct = {_POSITION.sub("", label) for label in labels}
    return max(known_share(distinct, "arpabet"), known_share(distinct, "ipa")) >= 0.9


def _read_policy(file: Path | Traversable) -> PhonePolicy:
    try:
        return PhonePolicy.model_validate(_fields(file))
    except ValidationError as error:
        raise HacError(f"{file}: {complaint(error)}; expected the fields of a phone policy") from error


def _fields(file: Path | Traversable) -> dict[str, Any]:
    try:
        fields = load_yaml(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HacError(f"{file}: no readable YAML; expected the fields of a phone policy") from error
    if not isinstance(fields, dict):
        raise HacError(f"{file}: holds no fields; expected those of a phone policy, `name` at least")
    base = load_policy(_included(file, fields.pop("include"))).model_dump() if "include" in fields else {}
    if isinstance(fields.get("map"), str):
        fields["map"] = load_phone_map(_beside(file, fields["map"]))
    return base | fields


def _included(file: Path | Traversable, name: Any) -> str:
    """What a policy starts from: a shipped one, so that no chain of files can come back to where it began."""
    if name not in policy_names():
        raise HacError(f"{file}: include: {name!r:.60} is no shipped policy; expected {', '.join(policy_names())}")
    return str(name)


def _beside(file: Path | Traversable, name: str) -> Path | Traversable:
    if isinstance(file, Path):
        return file.parent / name
    return resources.files("hac.data.phones.tables") / name

"""Parts of a corpus that get numbers of their own: languages, speakers, phones and phone classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from probes.clusters import UNKNOWN, Row

REST = "\x00rest"
"""Label of everything outside a phone or class that is scored against the rest; no tier can hold this name."""


@dataclass(frozen=True)
class Part:
    """Some rows of a count table under a name: empty for the whole corpus, else `language=en` or `speaker=...`."""

    name: str
    rows: NDArray[np.int64]


def whole(rows: Sequence[Row]) -> Part:
    """All rows."""
    return Part("", np.arange(len(rows), dtype=np.int64))


def languages(rows: Sequence[Row]) -> list[Part]:
    """A part for each known language."""
    names = sorted({row.language for row in rows} - {UNKNOWN})
    return [Part(f"language={name}", _where(row.language == name for row in rows)) for name in names]


def speakers(rows: Sequence[Row]) -> list[Part]:
    """A part for each known speaker; none where speakers stand together in groups."""
    voices = sorted({(row.language, row.speaker) for row in rows if row.speaker != UNKNOWN and not row.grouped})
    names = [speaker for _, speaker in voices]
    parts = []
    for language, speaker in voices:
        twice = names.count(speaker) > 1
        name = f"speaker={language}/{speaker}" if twice else f"speaker={speaker}"
        parts.append(Part(name, _where((row.language, row.speaker) == (language, speaker) for row in rows)))
    return parts


@dataclass(frozen=True)
class Relabelling:
    """A coarser labelling of the phones, scored in place of them.

    Attributes:
        name: `phone=AA` and `manner=stop` (that one against the rest), or `classes=manner` (all classes of a kind).
        group_of: new label of each phone; None leaves its time out.
    """

    name: str
    group_of: Mapping[str, str | None]

    def groups(self, labels: Sequence[str]) -> list[NDArray[np.int64]]:
        """Label indices of each new label, new labels in order of name."""
        names = sorted({group for label in labels if (group := self.group_of[label]) is not None})
        return [_where(self.group_of[label] == name for label in labels) for name in names]


def relabellings(labels: Sequence[str], classes: Mapping[str, Mapping[str, str | None]]) -> list[Relabelling]:
    """Each phone against the rest, each class against the rest, and each kind of class as a whole.

    Args:
        labels: the phones.
        classes: kind (`manner`, ...) -> phone -> class, None where the phone has none of that kind.
    """
    made = [Relabelling(f"phone={label}", _against_rest(labels, {label})) for label in labels]
    for kind, class_of in classes.items():
        named = {label: class_of.get(label) for label in labels}
        values = sorted({value for value in named.values() if value is not None})
        if len(values) < 2:
            continue
        made.append(Relabelling(f"classes={kind}", named))
        for value in values:
            members = {label for label in labels if named[label] == value}
            made.append(Relabelling(f"{kind}={value}", _against_rest(labels, members)))
    return made


class ByLabel:
    """Count tables taken apart by label, so that coarser labellings are sums of slices.

    Args:
        matrix: int64 [n, n_codes * n_labels], column = code * n_labels + label.
        n_labels: count of labels.
    """

    def __init__(self, matrix: csr_matrix, n_labels: int) -> None:
        self.n, self.n_codes = matrix.shape[0], matrix.shape[1] // max(n_labels, 1)
        entries = matrix.tocoo()
        code, label = np.divmod(entries.col.astype(np.int64), n_labels)
        by_label = np.argsort(label, kind="stable")
        self._place = (entries.row.astype(np.int64) * self.n_codes + code)[by_label]
        self._count = entries.data[by_label].astype(np.float64)
        self._bounds = np.searchsorted(label[by_label], np.arange(n_labels + 1))

    def tables(self, groups: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
        """Tables of the merged labels: float64 [n, n_codes, n_groups], exact below 2^53."""
        return np.stack([self._sum(group) for group in groups], axis=-1)

    def _sum(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        flat = np.zeros(self.n * self.n_codes)
        for label in labels:
            part = slice(self._bounds[label], self._bounds[label + 1])
            # within one label every place occurs once, so fancy addition loses nothing
            flat[self._place[part]] += self._count[part]
        return flat.reshape(self.n, self.n_codes)


def _against_rest(labels: Sequence[str], members: set[str]) -> dict[str, str | None]:
    return {label: "in" if label in members else REST for label in labels}


def _where(flags: Iterable[bool]) -> NDArray[np.int64]:
    return np.flatnonzero(np.fromiter(flags, bool)).astype(np.int64)

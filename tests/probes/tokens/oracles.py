"""Slow loops for usage and stability, from the definitions alone. They share no code with the product."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

Utterances = Sequence[Sequence[int]]


def grams(utterances: Utterances, order: int) -> Counter[tuple[int, ...]]:
    """How often each sequence of `order` codes occurs within an utterance."""
    return Counter(tuple(u[i : i + order]) for u in utterances for i in range(len(u) - order + 1))


def entropy(counts: Counter[Hashable], bias: str = "plug-in") -> float:
    """Entropy in nats; NaN for nothing."""
    total = sum(counts.values())
    if not total:
        return math.nan
    plug_in = -math.fsum(n / total * math.log(n / total) for n in counts.values())
    return plug_in + ((len(counts) - 1) / (2 * total) if bias == "miller-madow" else 0.0)


def conditional_entropy(utterances: Utterances, order: int, bias: str = "plug-in") -> float:
    """Mean over contexts of the entropy of what follows; Miller-Madow corrects the joint and the context."""
    following: dict[tuple[int, ...], Counter[Hashable]] = defaultdict(Counter)
    for gram, n in grams(utterances, order + 1).items():
        following[gram[:-1]][gram[-1]] += n
    total = sum(sum(each.values()) for each in following.values())
    if not total:
        return math.nan
    value = math.fsum(sum(each.values()) / total * entropy(each) for each in following.values())
    if bias == "miller-madow":
        value += (sum(len(each) for each in following.values()) - len(following)) / (2 * total)
    return value


def mutual_information(pairs: Counter[tuple[int, int]]) -> float:
    """Of the two members of counted pairs, in nats."""
    first, second = Counter[int](), Counter[int]()
    for (a, b), n in pairs.items():
        first[a] += n
        second[b] += n
    total = sum(pairs.values())
    return math.fsum(n / total * math.log(n * total / (first[a] * second[b])) for (a, b), n in pairs.items())


def zipf(counts: Sequence[int]) -> float:
    """The s with the largest likelihood of p(r) ~ r ** -s, by narrowing an interval."""
    ranked = sorted((n for n in counts if n), reverse=True)

    def likelihood(s: float) -> float:
        normal = math.log(math.fsum(r**-s for r in range(1, len(ranked) + 1)))
        return math.fsum(n * (-s * math.log(r) - normal) for r, n in enumerate(ranked, start=1))

    low, high = 0.0, 20.0
    for _ in range(200):
        third = (high - low) / 3
        if likelihood(low + third) < likelihood(high - third):
            low += third
        else:
            high -= third
    return (low + high) / 2


def kneser_ney(train: Utterances, gram: tuple[int, ...], codebook_size: int) -> float:
    """Probability of the last code of a gram after the others: interpolated Kneser-Ney, one discount an order."""
    return _smoothed(train, gram, len(gram), codebook_size)


def _smoothed(train: Utterances, gram: tuple[int, ...], highest: int, codebook_size: int) -> float:
    if not gram:
        return 1 / codebook_size
    counts = grams(train, len(gram))
    if len(gram) < highest:
        counts = Counter(longer[1:] for longer in grams(train, len(gram) + 1))
    shorter = _smoothed(train, gram[1:], highest, codebook_size)
    after = {key: n for key, n in counts.items() if key[:-1] == gram[:-1]}
    if not after:
        return shorter
    once, twice = (sum(1 for n in counts.values() if n == k) for k in (1, 2))
    discount = once / (once + 2 * twice) if once else 0.5
    total = sum(after.values())
    return (max(after.get(gram, 0) - discount, 0) + discount * len(after) * shorter) / total


def runs(utterances: Utterances) -> list[int]:
    """Lengths of the runs of equal codes."""
    found = []
    for codes in utterances:
        length = 0
        for i, code in enumerate(codes):
            length += 1
            if i + 1 == len(codes) or codes[i + 1] != code:
                found.append(length)
                length = 0
    return found


def units(codes: Sequence[int]) -> list[int]:
    """The codes without repeats."""
    return [code for i, code in enumerate(codes) if i == 0 or codes[i - 1] != code]


def levenshtein(a: Sequence[int], b: Sequence[int]) -> int:
    """Fewest insertions, deletions and substitutions that make b of a."""
    table = [[i + j if not i or not j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            swapped = table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, swapped)
    return table[-1][-1]

"""Tokens of clean and of perturbed speech: which perturbations there are to make, and their token stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.stability.perturbations import KINDS, Perturbation, known
from hac.data.manifest.manifest import Manifest
from hac.data.tokens.formats import read_tokens
from hac.data.tokens.token_store import TokenStore
from hac.errors import FailureLog, HacError
from hac.files.atomic import distinct

if TYPE_CHECKING:
    from analysis.stability.perturbed_tokenizer import Change
    from hac.coding.decoders import Decoder
    from hac.tokenizers.base import Tokenizer

MAX_S = 120.0
"""Longer recordings would be encoded in chunks, and each chunk be changed on its own: they are left out."""
REENCODE = "reencode"
CLEAN = "clean"
LEFT_OUT = "perturbation-left-out"


@dataclass(frozen=True)
class Plan:
    """What is to be made.

    Attributes:
        tokenizer: the tokenizer, by name or loaded.
        signal: perturbations of the samples.
        reencode: whether the tokenizer's own decoder is a perturbation.
        codecs: tokenizers whose decoders are perturbations.
        decoders: decoders by the name of their tokenizer, where they are loaded already.
        seed: of noises.
    """

    tokenizer: str | Tokenizer
    signal: tuple[Perturbation, ...]
    reencode: bool = True
    codecs: tuple[str, ...] = ()
    decoders: Mapping[str, Decoder] | None = None
    seed: int = 0


@dataclass(frozen=True)
class Variant:
    """Tokens of the corpus after one perturbation.

    Attributes:
        name: of the perturbation.
        tokens: of the utterances that could be perturbed and encoded.
        lag_s: seconds that were cut off at the start.
        keeps_time: whether frames can be compared one by one.
    """

    name: str
    tokens: TokenStore
    lag_s: Fraction
    keeps_time: bool


def chosen(names: Sequence[str]) -> tuple[tuple[Perturbation, ...], bool]:
    """Perturbations of these names or kinds (all for none), and whether `reencode` is one.

    Raises:
        HacError: there is no such perturbation.
    """
    every = known()
    picked: dict[str, Perturbation] = {}
    for name in names or (*KINDS, REENCODE):
        found = {key: each for key, each in every.items() if name in (key, each.kind)}
        if not found and name != REENCODE:
            raise HacError(
                f"there is no perturbation {name!r}; expected {REENCODE}, a kind ({', '.join(KINDS)}) or one of "
                f"{', '.join(every)}"
            )
        picked |= found
    return tuple(each for key, each in every.items() if key in picked), not names or REENCODE in names


def make_tokens(
    manifest: Manifest, plan: Plan, folder: Path, *, device: str, jobs: int, failures: FailureLog
) -> tuple[TokenStore, list[Variant]]:
    """Tokens of the clean speech and of each perturbation; what is there already is not made again.

    Args:
        manifest: the corpus.
        plan: what is to be made.
        folder: where token stores and their shards go.
        device: where tokenizers and decoders compute.
        jobs: processes.
        failures: utterances that could not be used, and perturbations that are left out.

    Raises:
        HacError: no such tokenizer, or no utterance could be encoded.
    """
    from analysis.stability.perturbed_tokenizer import Perturbed, hop_of
    from hac.coding.encode import encode_corpus

    short = _short_enough(manifest, failures)
    names: list[str] = []

    def made(tokenizer: str | Tokenizer, name: str) -> TokenStore:
        names.append(name.replace("/", "-").replace(":", "-"))
        path = folder / f"{distinct(names)[-1]}.parquet"
        log = FailureLog(failures.strict)
        encode_corpus(short, tokenizer, path, device=device, jobs=jobs, chunk_s=MAX_S, failures=log)
        failures.extend(replace(each, detail=f"{name}: {each.detail}") for each in log)
        return read_tokens(path)

    clean = made(plan.tokenizer, CLEAN)
    variants = []
    for change, perturbation in _changes(plan, device, failures):
        perturbed = Perturbed(plan.tokenizer, change, device)
        try:
            tokens = made(perturbed, change.name)
        except HacError as error:
            failures.add(change.name, LEFT_OUT, str(error))
            continue
        lag = Fraction(perturbation.lag(hop_of(perturbed)), perturbed.sample_rate) if perturbation else Fraction(0)
        variants.append(Variant(change.name, tokens, lag, perturbation is None or perturbation.keeps_time))
    return clean, variants


def _changes(plan: Plan, device: str, failures: FailureLog) -> list[tuple[Change, Perturbation | None]]:
    """Every change that can be made; a codec that makes no audio is left out, with the reason."""
    from analysis.stability.perturbed_tokenizer import CodecChange, SignalChange
    from hac.coding.decoders import load_decoder

    made: list[tuple[Change, Perturbation | None]] = []
    passes = [(REENCODE, plan.tokenizer)] if plan.reencode else []
    for name, tokenizer in [*passes, *((f"codec-{codec}", codec) for codec in plan.codecs)]:
        key = tokenizer if isinstance(tokenizer, str) else tokenizer.name
        decoder = (plan.decoders or {}).get(key)
        try:
            if decoder is None:
                load_decoder(key, device)
        except HacError as error:
            failures.add(name, LEFT_OUT, f"{key} does not decode ({error})")
            continue
        made.append((CodecChange(name, tokenizer, decoder or key, device), None))
    return [*made, *((SignalChange(each, plan.seed), each) for each in plan.signal)]


def _short_enough(manifest: Manifest, failures: FailureLog) -> Manifest:
    kept = [each for each in manifest.utterances if each.duration <= MAX_S]
    for each in manifest.utterances:
        if each.duration > MAX_S:
            detail = f"lasts {each.duration:.1f} s; recordings beyond {MAX_S:g} s cannot be perturbed whole: cut them"
            failures.add(each.id, "too-long", detail)
    if not kept:
        raise HacError(
            f"every utterance of the manifest lasts more than {MAX_S:g} s; cut the recordings into shorter ones"
        )
    return Manifest(manifest.root, tuple(kept))

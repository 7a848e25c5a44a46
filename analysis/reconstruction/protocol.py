"""How reconstructions are judged, and what the results say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from analysis.audio_quality.signal import PITCH_METRICS, SignalSettings
from hac.errors import HacError
from probes.signal.signal_metrics import SIGNAL_METRICS, LengthPolicy

JUDGED_METRICS = ("wer", "cer", "speaker_similarity", "mos")
METRICS = (*SIGNAL_METRICS, *PITCH_METRICS, *JUDGED_METRICS)
"""What can be asked for, in the order in which it is shown."""


@dataclass(frozen=True, slots=True)
class ReconProtocol:
    """How reconstructions are judged.

    Attributes:
        sample_rate: Hz at which signals are compared.
        metrics: names from `METRICS`.
        policy: what happens to unequal lengths.
        recognizer, encoder, predictor: names of judges; None: without.
        normalizer: what is done to texts before words are compared.
        n_nulls: null draws.
        null_pairs: pairs of the null of signal and pitch metrics, over all draws of a condition.
        seed: of nulls and draws.
    """

    sample_rate: int = 16_000
    metrics: tuple[str, ...] = METRICS
    policy: LengthPolicy = "cut-to-shorter"
    recognizer: str | None = "moonshine"
    encoder: str | None = "resemblyzer"
    predictor: str | None = "dnsmos"
    normalizer: str = "basic-1"
    n_nulls: int = 5
    null_pairs: int = 100
    seed: int = 0

    @property
    def signal(self) -> tuple[str, ...]:
        """The chosen metrics of pairs of signals."""
        return tuple(name for name in self.metrics if name not in JUDGED_METRICS)

    def asks(self, *names: str) -> bool:
        """Whether one of these metrics is chosen."""
        return any(name in self.metrics for name in names)


def chosen_metrics(text: str | None) -> tuple[str, ...]:
    """Metrics by comma, in the order in which they are shown; all for None.

    Raises:
        HacError: one of them is not known.
    """
    if text is None:
        return METRICS
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in METRICS:
            raise HacError(f"--metrics: {name!r} is unknown; expected some of {', '.join(METRICS)}")
    return tuple(name for name in METRICS if name in names)


def protocols(protocol: ReconProtocol, judges: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each protocol name of the results means.

    Args:
        protocol: what was asked for.
        judges: by name of the protocol, what is to be recorded of them.
    """
    common = {
        "interval": "95 %, cluster-jackknife-t; of a difference, both without the same cluster",
        "seed": protocol.seed,
        "null": "each reconstruction against another utterance's reference, in one cycle of chance through the corpus",
        "n_nulls": protocol.n_nulls,
    }
    pairs = {
        **common,
        "null_pairs": protocol.null_pairs,
        "null_sd": "over draws, each the mean of its share of the pairs; all of them cut to the shorter",
        "lengths": protocol.policy,
        "alignment_in_time": "none (PESQ aligns by itself)",
        "sample_rate": protocol.sample_rate,
    }
    settings = SignalSettings(protocol.sample_rate, protocol.signal, protocol.policy)
    pairs["libraries"] = settings.basis()["libraries"] if protocol.signal else {}
    return {
        "signal": pairs,
        "pitch": {**pairs, "f0": "Praat's autocorrelation, 10 ms grid, each file by itself"},
        "words": {
            **common,
            "recognizer": protocol.recognizer,
            "normalizer": protocol.normalizer,
            "judges": judges.get("words"),
        },
        "voices": {
            **common,
            "encoder": protocol.encoder,
            "null": "see the note of each record",
            "judges": judges.get("voices"),
        },
        "opinions": {
            **common,
            "predictor": protocol.predictor,
            "null": "none: the predictor judges one recording alone",
            "judges": judges.get("opinions"),
        },
        "rates": {
            **common,
            "null": "none: a description",
            "held-out": "each half coded by the other's frequencies; the model is held fixed in intervals",
        },
        "versa": {**common, "null": "none", "source": "read from VERSA's result file"},
        "asked": asdict(protocol),
    }

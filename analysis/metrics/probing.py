"""Metrics of trained probes, and of how streams and factors are shared out."""

from __future__ import annotations

from analysis.metrics.metric import Metric

_NO_PROBE = "the factor has fewer than two classes that are frequent enough in two groups; the note says which"
_PROBE = (
    "of a linear probe (multinomial logistic regression) on frames of speakers, or for the speaker of utterances, that "
    "it was not trained on"
)
_DCI = "Eastwood and Williams 2018, A Framework for the Quantitative Evaluation of Disentangled Representations"

RECORDS: tuple[Metric, ...] = (
    Metric(
        "probe_accuracy",
        "accuracy",
        "share",
        0,
        1,
        "none",
        True,
        _NO_PROBE,
        f"frames told right / frames, {_PROBE}",
    ),
    Metric(
        "probe_balanced_accuracy",
        "balanced accuracy",
        "share",
        0,
        1,
        "none",
        True,
        _NO_PROBE,
        f"mean over classes of frames told right / frames of the class, {_PROBE}",
    ),
    Metric(
        "probe_macro_f1",
        "macro F1",
        "share",
        0,
        1,
        "none",
        True,
        _NO_PROBE,
        f"mean over classes of 2 x right / (frames of the class + frames said to be), {_PROBE}",
    ),
    Metric(
        "probe_loss",
        "log-loss",
        "nats",
        0,
        None,
        "none",
        True,
        _NO_PROBE,
        f"mean of -log p(label), {_PROBE}",
    ),
    Metric(
        "probe_information",
        "usable information",
        "share",
        None,
        1,
        "none",
        True,
        _NO_PROBE,
        "(H - log-loss) / H with H the log-loss of the training part's class shares on the same frames, below 0 where "
        "the probe does worse than these: predictive V-information as a share, Xu et al. 2020 (arXiv 2002.10689); "
        "with [given=others] (log-loss of a probe on all other streams - that of a probe on all streams) / H: "
        f"conditional probing, Hewitt et al. 2021 (arXiv 2109.09234); {_PROBE}",
    ),
    Metric(
        "dci_disentanglement",
        "disentanglement",
        "share",
        0,
        1,
        "higher",
        True,
        "the stream is of no importance to any factor, or there is one factor only",
        "1 - H_K(P), P the importance of the stream for each of K factors over their sum, entropy to base K; the total "
        f"weighs streams by their importance; {_DCI}",
    ),
    Metric(
        "dci_completeness",
        "completeness",
        "share",
        0,
        1,
        "higher",
        True,
        "no stream is of importance to the factor, or there is one stream only",
        "1 - H_D(P), P the importance of each of D streams for the factor over their sum, entropy to base D; the total "
        f"weighs factors by their importance; {_DCI}",
    ),
    Metric(
        "dci_informativeness",
        "informativeness",
        "share",
        None,
        1,
        "higher",
        True,
        "no probe of the factor was possible",
        f"usable information of a probe on all streams together, 1 - error in the sense of {_DCI}; the total is the "
        "mean over factors",
    ),
)

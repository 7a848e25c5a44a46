"""One metric, one record: unit, range, direction, degenerate value, definition. Docs, tables and tests read these."""

from __future__ import annotations

from analysis.metrics import comparison, interventions, leakage, probing, reconstruction, stability, usage
from analysis.metrics.metric import Metric

_DETECTION = "analysis.detection: Harwath, Hsu and Glass 2020 (resdavenet), Peng and Harwath 2022 (vg-hubert)"
_BOUNDARIES = "h hits, r reference boundaries, e change points of the tokens; rules in probes.boundaries"
_HUBERT = "Hsu et al. 2021 (HuBERT, arXiv 2106.07447), section 4.2"

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "pnmi",
            "PNMI",
            "share",
            0,
            1,
            "higher",
            True,
            "no speech was counted, or only one label occurs",
            f"I(label; code) / H(label) of the pooled table; {_HUBERT}; scikit-learn's homogeneity_score",
        ),
        Metric(
            "phone_purity",
            "phone purity",
            "share",
            0,
            1,
            "higher",
            True,
            "no speech was counted",
            f"sum over codes of max over labels of p(label, code); {_HUBERT}",
        ),
        Metric(
            "cluster_purity",
            "cluster purity",
            "share",
            0,
            1,
            "none",
            True,
            "no speech was counted",
            f"sum over labels of max over codes of p(label, code); {_HUBERT}",
        ),
        Metric(
            "h_phone",
            "H(phone)",
            "nats",
            0,
            None,
            "none",
            False,
            "no speech was counted",
            "entropy of the labels under the convention's weights",
        ),
        Metric(
            "used_codes",
            "used codes",
            "codes",
            0,
            None,
            "none",
            False,
            "never",
            "count of codes that occur at least once",
        ),
        Metric(
            "detected_words",
            "words detected",
            "words",
            0,
            None,
            "higher",
            True,
            "never",
            f"count of words whose best code has an F1 of at least 0.5; {_DETECTION}",
        ),
        Metric(
            "word_f1_top250",
            "F1, top 250",
            "share",
            0,
            1,
            "higher",
            True,
            "no word was scored",
            f"mean over the 250 words with the highest F1 of their best code; {_DETECTION}",
        ),
        Metric(
            "word_f1",
            "F1, all words",
            "share",
            0,
            1,
            "higher",
            True,
            "no word was scored",
            f"mean over all scored words of the F1 of their best code; {_DETECTION}",
        ),
        Metric(
            "word_mi",
            "I(word; code)",
            "nats",
            0,
            None,
            "higher",
            True,
            "no frame lies inside a word",
            "mutual information of words and codes over the frames whose centre lies inside a word",
        ),
        Metric(
            "word_nmi",
            "I(word; code) / H(word)",
            "share",
            0,
            1,
            "higher",
            True,
            "no frame lies inside a word, or only one word occurs",
            "share of the entropy of the words that the codes explain, over the frames inside words",
        ),
        Metric(
            "word_cmi",
            "I(code; word | given)",
            "nats",
            0,
            None,
            "higher",
            True,
            "no frame lies inside a word",
            "I((code, given); word) - I(given; word) over the frames inside words: what a stream adds to another one",
        ),
        Metric(
            "word_ncmi",
            "I(code; word | given) / H(word | given)",
            "share",
            0,
            1,
            "higher",
            True,
            "no frame lies inside a word, or the given stream leaves nothing open",
            "share of what the given stream leaves open of the words that the stream explains",
        ),
        Metric(
            "inflection_codes",
            "codes of inflections",
            "codes",
            0,
            None,
            "higher",
            True,
            "never",
            "count of codes that are the best one of at least two words with the same stem (Snowball), F1 at least 0.2",
        ),
        Metric(
            "translation_codes",
            "codes of translations",
            "codes",
            0,
            None,
            "higher",
            True,
            "never",
            "count of codes that are the best one of at least two words of one row of a table of translations, F1 at "
            "least 0.2",
        ),
        Metric(
            "boundary_precision",
            "precision",
            "share",
            0,
            1,
            "higher",
            True,
            "no reference boundary, or the tokens never change",
            f"h / e; {_BOUNDARIES}",
        ),
        Metric(
            "boundary_recall",
            "recall",
            "share",
            0,
            1,
            "higher",
            True,
            "no reference boundary",
            f"h / r; {_BOUNDARIES}",
        ),
        Metric(
            "boundary_f1",
            "F1",
            "share",
            0,
            1,
            "higher",
            True,
            "no reference boundary",
            f"2 h / (r + e), the harmonic mean of precision and recall, 0 where the tokens never change; {_BOUNDARIES}",
        ),
        Metric(
            "boundary_os",
            "OS",
            "share",
            -1,
            None,
            "none",
            True,
            "no reference boundary",
            "over-segmentation e / r - 1, which is recall / precision - 1 wherever something was hit; 0 is best; "
            "Räsänen, Laine and Altosaar 2009",
        ),
        Metric(
            "boundary_r_value",
            "R-value",
            "share",
            None,
            1,
            "higher",
            True,
            "no reference boundary",
            "1 - (|r1| + |r2|) / 2, r1 = sqrt((1 - recall)^2 + OS^2), r2 = (recall - 1 - OS) / sqrt(2); tokens that "
            "never change have 1 - 1 / sqrt(2) = .29; Räsänen, Laine and Altosaar 2009, An Improved Speech "
            "Segmentation Quality Measure: the R-value",
        ),
        *(
            Metric(
                name,
                title,
                unit,
                0,
                None,
                "none",
                False,
                "there are no tokens",
                f"{what} runs of equal codes within an utterance",
            )
            for name, title, unit, what in (
                ("run_ms", "mean run", "ms", "mean duration of"),
                ("run_p10_ms", "run, 10 %", "ms", "least duration that a tenth of them do not exceed, of"),
                ("run_median_ms", "median run", "ms", "least duration that half of them do not exceed, of"),
                ("run_p90_ms", "run, 90 %", "ms", "least duration that nine tenths do not exceed, of"),
                ("runs_per_s", "runs per second", "1/s", "number per second of tokens, of"),
            )
        ),
    )
}

_TDE = (
    "by the rules of zerospeech-tde 2.0.3 (Ludusan et al. 2014; Zero Resource Speech Challenge 2017, Dunbar et al. "
    "2017), which probes.term_discovery lists"
)


def _found(what: str, hits: str, found: str, gold: str, high: float | None = 1) -> tuple[Metric, Metric, Metric]:
    """Precision, recall and F1 of what a segmentation finds; F1 = 2 hits / (found + gold)."""
    none, no_gold = f"there are no {found}", f"there are no {gold}"
    either = f"{none}, or {no_gold}"
    formulas = (
        ("precision", 1, none, f"{hits} / {found}, {_TDE}"),
        ("recall", high, no_gold, f"{hits} / {gold}, {_TDE}"),
        ("f1", high, either, f"harmonic mean of precision and recall, 0 without {hits}, {_TDE}"),
    )
    precision, recall, f1 = (
        Metric(
            f"discovery_{what}_{part}",
            f"{what} {part.upper() if part == 'f1' else part}",
            "share",
            0,
            top,
            "higher",
            True,
            undefined,
            text,
        )
        for part, top, undefined, text in formulas
    )
    return precision, recall, f1


METRICS |= {
    metric.name: metric
    for metric in (
        *_found("token", "gold words found", "segments that hold a phone", "gold words"),
        # a word pronounced in two ways is one gold type and may be two hits
        *_found("type", "phone strings that are a word's", "phone strings of segments", "spellings of words", None),
        *_found("boundary", "word boundaries found", "boundaries of segments", "word boundaries"),
        Metric(
            "discovery_coverage",
            "coverage",
            "share",
            0,
            1,
            "higher",
            True,
            "there are no phones",
            f"phones within a segment / all phones, silence and noise aside, {_TDE}",
        ),
        Metric(
            "discovery_ned",
            "NED",
            "share",
            0,
            1,
            "lower",
            True,
            "no class holds two segments, or more pairs must be compared than --max-pairs allows",
            f"mean normalized edit distance of the transcriptions of all pairs of segments in a class, {_TDE}",
        ),
    )
}


for _records in (reconstruction, leakage, probing, interventions, usage, stability, comparison):
    METRICS |= {metric.name: metric for metric in _records.RECORDS}


def metric_name(id: str) -> str:
    """The metric of a result's id: `pnmi` of `acoustic.0.pnmi[silence-dropped]`."""
    return id.split("[")[0].rsplit(".", 1)[-1]


def metric_of(id: str) -> Metric:
    """The record behind a result's id such as `acoustic.0.pnmi` or `phonetic.pnmi[silence-dropped]`.

    Raises:
        KeyError: there is none.
    """
    return METRICS[metric_name(id)]

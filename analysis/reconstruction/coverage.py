"""How much was compared, how lengths differed, and the rows that are kept of every utterance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.audio_quality.signal import Row
from analysis.inputs.corpus import manifest_key
from analysis.reconstruction.inputs import REFERENCE, Material
from analysis.reconstruction.judged import Transcripts
from analysis.reconstruction.scores import Measured
from probes.signal.signal_metrics import TOLERANCE_S

Rows = Mapping[str, Sequence[Row]]


def coverage_of(material: Material, rows: Rows, sample_rate: int) -> dict[str, Any]:
    """What the results say of how much was compared."""
    return {
        "utterances": {
            "in_manifest": material.n_in_manifest,
            "counted": len(material.manifest),
            "key": manifest_key(material.manifest),
        },
        "hours": {"counted": material.manifest.hours},
        "conditions": {
            condition.name: {"streams": list(condition.streams), "n_quantizers": condition.n_quantizers}
            for condition in material.conditions
        },
        "lengths": {name: _lengths(of, sample_rate) for name, of in rows.items()},
    }


def _lengths(rows: Sequence[Row], sample_rate: int) -> dict[str, Any]:
    differences = [row["lengths"][1] - row["lengths"][0] for row in rows if row["failed"] is None]
    return {
        "equal": sum(d == 0 for d in differences),
        "shorter": sum(d < 0 for d in differences),
        "longer": sum(d > 0 for d in differences),
        "largest_difference_s": max((abs(d) / sample_rate for d in differences), default=0.0),
    }


def length_warnings(material: Material, rows: Rows, sample_rate: int) -> list[str]:
    """A warning for each condition with lengths further apart than a codec's frames explain."""
    warnings = []
    for condition in material.conditions:
        of = [row for row in rows.get(condition.name, ()) if row["failed"] is None]
        far = [row for row in of if abs(row["lengths"][1] - row["lengths"][0]) > TOLERANCE_S * sample_rate]
        if far:
            largest = _lengths(of, sample_rate)["largest_difference_s"]
            warnings.append(
                f"{condition.name}: {len(far)} of {len(of)} reconstructions differ from their reference by more than "
                f"{TOLERANCE_S:g} s (at most {largest:.3f} s); what lies beyond the shorter is judged as the "
                "length policy says"
            )
    return warnings


def table_rows(
    material: Material, measured: Sequence[Measured], rows: Rows, words: Transcripts | None
) -> list[dict[str, Any]]:
    """A row for each utterance under each condition, the references first: every metric, and why where it has none.

    Columns of a metric: its value in this utterance; `<metric>.reason`; and, where it is not a plain mean,
    `<metric>.numerator` and `<metric>.denominator`, whose sums over utterances make the corpus value.
    """
    made = []
    conditions = [REFERENCE, *(condition.name for condition in material.conditions)]
    by_condition = {name: [each for each in measured if each.condition == name] for name in conditions}
    for name in conditions:
        if name == REFERENCE and not by_condition[name]:
            continue
        for i, utterance in enumerate(material.manifest.utterances):
            row: dict[str, Any] = {"id": utterance.id, "condition": name}
            row |= {"speaker": utterance.speaker, "language": utterance.language}
            if name in rows and rows[name][i]["failed"] is None:
                row["reference_samples"], row["estimate_samples"] = rows[name][i]["lengths"]
            if words is not None and name in words.recognized:
                row["text"], row["heard"] = words.texts[i].value or "", words.recognized[name][i].value or ""
            for each in by_condition[name]:
                column = each.id.removeprefix(f"{name}.")
                above, below = float(each.value.numerators[i]), float(each.value.denominators[i])
                ratio = above / below if below > 0 else math.nan
                row[column] = math.sqrt(ratio) if each.value.root else ratio
                row[f"{column}.reason"] = each.value.reasons[i]
                if each.metric in ("wer", "cer", "f0_rmse_cents", "gross_pitch_error", "voicing_error", "kbps"):
                    row[f"{column}.numerator"], row[f"{column}.denominator"] = above, below
            made.append(row)
    return made

"""`hac info`: what a checkpoint is, told without loading a HAC model. Refusals are in test_decode_command.py."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hac.coding.checkpoint_info import count_parameters
from hac.files.atomic import sha256_file
from hac.model.hac_model import HacModel
from tests.hac import tiny_models
from tests.hac.command_line import Hac, hac, refused
from tests.hac.tiny_hac import one_thread, tiny_model

__all__ = ["hac", "one_thread"]  # fixtures

Saved = Callable[..., Path]


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    def save(**changes: Any) -> Path:
        tiny_model(**changes).save_pretrained(tmp_path / "model")
        return tmp_path / "model"

    return save


def described(hac: Hac, name: object) -> dict[str, Any]:
    done = hac("info", name, "--json")
    assert done.code == 0, done
    return json.loads(done.out)


def test_streams_rates_and_hash(saved: Saved, hac: Hac) -> None:
    folder = saved()
    found = described(hac, f"hac:{folder}")
    assert found["model_type"] == "hac"
    assert found["format_version"] == 1
    assert (found["sample_rate"], found["frame_rate"]) == (16_000, "50")
    assert found["levels"] == ["acoustic", "phonetic", "lexical"]
    sizes = {stream["name"]: stream["codebook_size"] for stream in found["streams"]}
    assert sizes == {"acoustic.0": 32, "acoustic.1": 32, "acoustic.2": 32, "phonetic": 16, "lexical": 8}
    assert found["kbps"] == pytest.approx({"total": 1.1, "acoustic": 0.75, "phonetic": 0.2, "lexical": 0.15})
    for stream in found["streams"]:
        assert stream["kbps"] == pytest.approx(math.log2(stream["codebook_size"]) * 50 / 1000)
    assert found["kbps"]["total"] == pytest.approx(tiny_model().config.nominal_kbps)
    assert found["weights_sha256"] == sha256_file(folder / "model.safetensors")
    assert found["options"]["lexical_input"] == "stacked"
    assert found["options"]["combination"] == "sum"
    assert found["training"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"phonetic": False, "lexical": False},
        {"acoustic_codebooks": 0, "combination": "concat"},
        {"phonetic": False, "lexical_input": "parallel"},
    ],
)
def test_parameters_are_the_model_s(changes: dict[str, Any], saved: Saved, hac: Hac) -> None:
    found = described(hac, saved(**changes))
    model = tiny_model(**changes)
    parts = {
        "encoder": model.encoder,
        "decoder": model.decoder,
        "acoustic quantizers": getattr(model.bottleneck, "acoustic", None),
        "phonetic quantizer": getattr(model.bottleneck, "phonetic", None),
        "lexical quantizer": getattr(model.bottleneck, "lexical", None),
        "phonetic transformer": getattr(model.bottleneck, "phonetic_transformer", None),
        "lexical transformer": getattr(model.bottleneck, "lexical_transformer", None),
        "combination": getattr(model.bottleneck, "combine", None),
    }
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items() if part is not None}
    assert found["parameters"] == {"total": sum(p.numel() for p in model.parameters()), **counts}
    assert found["levels"] == list(model.config.levels)


def test_weights_in_several_files_count_once(tmp_path: Path) -> None:
    model = tiny_model()
    model.save_pretrained(tmp_path, max_shard_size="40KB")
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 1
    assert sum(count_parameters(files).values()) == sum(p.numel() for p in model.parameters())


def test_no_model_is_built(saved: Saved, hac: Hac, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was built")

    monkeypatch.setattr(HacModel, "__init__", refuse)
    assert described(hac, folder)["parameters"]["total"] > 0


def test_the_table_can_be_read(saved: Saved, hac: Hac) -> None:
    folder = saved()
    (folder / "training.json").write_text(
        json.dumps({"step": 12_000, "config": "hac-nano [red]", "\x1b[31mkey": "value", "losses": {"mel": 1.0}})
    )
    done = hac("info", folder)
    assert done.code == 0, done
    for text in ("16000 Hz, 50 frames per second, 1.1 kbps nominal", "format version 1", "acoustic, all 3"):
        assert text in done.out
    for text in ("0.750", "phonetic transformer", "stacked", "12,000", "hac-nano [red]", "weights sha256"):
        assert text in done.out
    assert f"{sum(p.numel() for p in tiny_model().parameters()):,}" in done.out
    assert "\x1b" not in done.out
    assert described(hac, folder)["training"]["losses"] == {"mel": 1.0}


def test_a_rate_that_is_no_decimal_is_a_fraction(saved: Saved, hac: Hac) -> None:
    folder = saved(sample_rate=44_100, downsampling_ratios=(2, 4, 8, 8))
    assert described(hac, folder)["frame_rate"] == "11025/128"
    assert "11025/128 frames per second" in hac("info", folder).out


def test_broken_training_json(saved: Saved, hac: Hac) -> None:
    folder = saved()
    (folder / "training.json").write_text("[1, 2")
    refused(hac("info", folder), "training.json")


@pytest.mark.parametrize("kind", ["dac", "mimi"])
def test_codecs_show_their_streams(kind: str, hac: Hac, tmp_path: Path) -> None:
    folder = tiny_models.save(tiny_models.codec(kind), tmp_path / kind)
    found = described(hac, f"{kind}:{folder}")
    assert found["model_type"] == kind
    assert found["parameters"] is None
    expected = {"dac": ["acoustic"], "mimi": ["semantic", "acoustic"]}[kind]
    assert found["levels"] == expected
    assert len(found["weights_sha256"]) == 64
    assert hac("info", folder).code == 0


def test_unknown_kinds_are_refused(hac: Hac, tmp_path: Path) -> None:
    refused(hac("info", "dacc:somewhere"), "'dacc'", "dac")
    refused(hac("info", "mfcc-kmeans:nowhere"), "nowhere")

"""Put a trained model into the package, in half precision: `python scripts/reference/ship.py DIR VARIANT`.

Takes the last checkpoint that scripts/reference/train.sh made and writes `hac/reference/VARIANT`: config and weights as
`HacModel.from_pretrained` reads them, and how it was trained (`training.json`: settings, hashes, curves). What is
measured afterwards is what ships: rounding to half precision can tip a token.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

import hac.reference
from hac.train.checkpoints import checkpoints

MOST_BYTES = 12_000_000


def main() -> None:
    """Round, write, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("variant")
    parser.add_argument("--before", type=Path, help="the run whose checkpoint this one began with")
    arguments = parser.parse_args()
    run = arguments.folder / arguments.variant
    checkpoint = checkpoints(run)[-1]
    out = Path(hac.reference.__file__).parent / arguments.variant
    out.mkdir(exist_ok=True)
    weights = {name: halved(value) for name, value in load_file(checkpoint / "model.safetensors").items()}
    (out / "model.safetensors").unlink(missing_ok=True)
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)
    (out / "config.json").write_text((checkpoint / "config.json").read_text())
    training = training_of(run, checkpoint)
    if arguments.before:
        training["before"] = training_of(arguments.before, checkpoints(arguments.before)[-1])
    (out / "training.json").write_text(json.dumps(training, indent=1, sort_keys=True) + "\n")
    size = (out / "model.safetensors").stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{out}: {size} bytes, expected at most {MOST_BYTES}")
    print(f"{out}: {size / 1e6:.2f} MB, {checkpoint.name}")


def halved(value: torch.Tensor) -> torch.Tensor:
    """Half precision, where it is a number with a point."""
    return value.half().contiguous() if value.is_floating_point() else value


def training_of(run: Path, checkpoint: Path) -> dict[str, Any]:
    """What `run.json` says, the checkpoint's name and what the validations saw."""
    said = json.loads((run / "run.json").read_text())
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    seen = [{"step": row["step"]} | validated(row) for row in rows if validated(row)]
    return {"run": portable(said), "checkpoint": checkpoint.name, "validations": seen}


def portable(value: Any) -> Any:
    """The same, with the names of files and folders instead of where they lay on one machine."""
    if isinstance(value, dict):
        return {key: portable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [portable(one) for one in value]
    return Path(value).name if isinstance(value, str) and value.startswith("/") else value


def validated(row: dict[str, Any]) -> dict[str, float]:
    """The values of a validation, to four places."""
    return {key: round(value, 4) for key, value in row.items() if key.startswith("validation/")}


if __name__ == "__main__":
    main()

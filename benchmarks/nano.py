"""How fast `hac-nano` trains: `python -m benchmarks.nano [--minutes 10] [--steps 60]`.

`hac train configs/train/hac-nano.yaml` in a process of its own, in one thread, on synthetic speech, without teachers:
once without discriminators, once with them from the first step. Seconds of audio per second of a step are what the
trainer logs; the second half of the steps counts. Real time is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "train" / "hac-nano.yaml"


def speed(manifest: Path, run: Path, steps: int, discriminators: bool) -> float:
    """Median of seconds of audio per second over the second half of a run's steps."""
    values = {
        "data.train": manifest,
        "steps": steps,
        "teachers": "{speech: null, text: null}",
        "discriminator.start_step": 0 if discriminators else steps + 1,
        "optimizer.warmup_steps": 1,
        "validation.every": steps,
        "validation.max_utterances": 1,
        "checkpoint.every": steps,
        "checkpoint.best": "validation/mel",
    }
    command = [sys.executable, "-m", "hac.cli", "train", str(CONFIG), "-o", str(run), "--cpu"]
    for key, value in values.items():
        command += ["--set", f"{key}={value}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    found = [row["speed/audio_s_per_s"] for row in rows if row.get("speed/audio_s_per_s")]
    return statistics.median(found[len(found) // 2 :])


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of speech")
    parser.add_argument("--steps", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make = ["corpus", "builtin", str(folder / "speech"), "--minutes", str(given.minutes)]
        subprocess.run([sys.executable, "-m", "hac.cli", *make], check=True, stdout=subprocess.DEVNULL)
        manifest = folder / "speech" / "manifest.jsonl"
        alone = speed(manifest, folder / "alone", given.steps, discriminators=False)
        judged = speed(manifest, folder / "judged", given.steps, discriminators=True)
    found = {"without_discriminators": alone, "with_discriminators": judged, "load": os.getloadavg()[0]}
    print(json.dumps({"steps": given.steps, **found}))


if __name__ == "__main__":
    main()

"""Several analyses of one checkpoint, through the command line: the words of each, and what makes it done.

The checkpoint encodes the evaluation corpus once; every analysis then reads those tokens. A step is known by what goes
in: the weights, the manifest's rows, the alignments' contents, the options, and the version of this program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.inputs.corpus import find_alignments
from analysis.slices import COMMANDS
from analysis.sweeps.analysis_options import Analysis
from analysis.sweeps.launch import Call, Launch, Program, is_stopping, last_error
from analysis.sweeps.progress_file import DONE, FAILED, RUNNING, STOPPED, LogLine, ProgressFile, content_of, key_of, now
from hac.data.manifest.formats import read_manifest
from hac.errors import FailureLog

TOKENS = "tokens"


@dataclass(frozen=True)
class Evaluation:
    """Held-out speech and its alignments, with hashes of what they hold.

    Attributes:
        manifest: of the speech.
        alignments: its phones and words; None where no analysis needs them.
        content: hashes of both.
    """

    manifest: Path
    alignments: Path | None
    content: Mapping[str, str | None]

    @classmethod
    def read(cls, manifest: Path, alignments: Path | None, analyses: Iterable[str]) -> Evaluation:
        """Look at the files.

        Raises:
            HacError: the manifest cannot be read, or alignments are needed and not there.
        """
        rows = read_manifest(manifest, failures=FailureLog())
        needed = any(COMMANDS[name].needs_alignments for name in analyses)
        found = find_alignments(alignments, manifest) if needed or alignments is not None else None
        hashes = {"manifest": rows.sha256, "alignments": None if found is None else content_of(found)}
        return cls(manifest, found, hashes)


@dataclass(frozen=True)
class Step:
    """One call with what makes it done.

    Attributes:
        name: `tokens`, `pnmi`, ...
        call: the command line.
        output: the file that is there when it is done.
        key: hash of all contents that go in.
    """

    name: str
    call: Call
    output: Path
    key: str


@dataclass(frozen=True)
class Workspace:
    """Where a suite works.

    Attributes:
        folder: for tokens, logs, and a folder for each analysis.
        device: `cpu` or `cuda:N`.
        jobs: processes of each call.
        threads: of numerical libraries; None leaves them alone.
        lock_fd: descriptor of a lock that the processes keep.
    """

    folder: Path
    device: str = "cpu"
    jobs: int = -1
    threads: int | None = None
    lock_fd: int | None = None

    def call(self, program: Program, name: str, words: Sequence[str]) -> Call:
        """A call that logs to `NAME.log`."""
        log = self.folder / f"{name}.log"
        return Call(program, tuple(words), log, self.device, self.threads, lock_fd=self.lock_fd)


def suite(
    checkpoint: Path,
    evaluation: Evaluation,
    analyses: Mapping[str, Analysis],
    workspace: Workspace,
    name: str,
) -> list[Step]:
    """The steps that analyse a checkpoint: its tokens first.

    Args:
        checkpoint: a model as `HacModel.from_pretrained` reads it.
        evaluation: the speech.
        analyses: those to run, by name.
        workspace: where to work.
        name: what to call the system.
    """
    model, device = f"hac:{checkpoint}", workspace.device.partition(":")[0]
    weights = [content_of(checkpoint / file) for file in ("config.json", "model.safetensors")]
    tokens = workspace.folder / "tokens.parquet"
    jobs = ["--jobs", str(workspace.jobs)]
    words = ["encode", str(evaluation.manifest), "--tokenizer", model, "-o", str(tokens), "--device", device, *jobs]
    common = {"weights": weights, "evaluation": evaluation.content, "version": version("hac-codec")}
    steps = [Step(TOKENS, workspace.call("hac", TOKENS, words), tokens, key_of(step=TOKENS, **common))]
    for analysis, chosen in analyses.items():
        folder = workspace.folder / analysis
        given = ["--tokens", str(tokens), "--manifest", str(evaluation.manifest), "--name", name, "-o", str(folder)]
        if COMMANDS[analysis].needs_codec:
            given += ["--ckpt", model]
        if COMMANDS[analysis].needs_alignments and evaluation.alignments is not None:
            given += ["--alignments", str(evaluation.alignments)]
        # leakage measures pitch without a model, and encodes nothing: only these two compute on a device
        given += ["--device", device] if COMMANDS[analysis].needs_codec else []
        call = workspace.call("hac-analyze", analysis, [analysis, *given, *jobs, *chosen.words])
        contents = {key: _content(value) for key, value in chosen.options.items()}
        steps.append(Step(analysis, call, folder / "results.json", key_of(step=analysis, options=contents, **common)))
    return steps


def run_steps(cell: str, steps: Sequence[Step], progress: ProgressFile, launch: Launch, log_line: LogLine) -> str:
    """Run what is not done yet and keep its state in the progress file; a failed analysis does not stop the others.

    Returns:
        The worst state of all: `done`, `failed` or `stopped`.
    """
    worst = DONE
    for step in steps:
        state = run_step(cell, step, progress, launch, log_line)
        if state == STOPPED or (state == FAILED and step.name == TOKENS):
            return state
        worst = FAILED if FAILED in (state, worst) else worst
    return worst


def run_step(cell: str, step: Step, progress: ProgressFile, launch: Launch, log_line: LogLine, **known: Any) -> str:
    """Run one step unless it is done; returns its state. `known` is kept with it in the progress file."""
    if step.output.exists() and progress.finished(cell, step.name, step.key):
        return DONE
    facts = {"key": step.key, "log": str(step.call.log), "started": now(), **known}
    progress.step(cell, step.name, state=RUNNING, **facts)
    try:
        code = launch(step.call)
    except KeyboardInterrupt:
        progress.step(cell, step.name, state=STOPPED, **facts)
        raise
    state = state_of(code, launch)
    if state == DONE and not step.output.exists():
        state = FAILED
    facts |= {"ended": now(), "exit": code}
    if state == FAILED:
        facts["error"] = last_error(step.call.log) or f"exit code {code}"
        log_line(f"{cell}: {step.name} failed ({facts['error']}); log: {step.call.log}")
    progress.step(cell, step.name, state=state, **facts)
    return state


def state_of(code: int, launch: Launch) -> str:
    """What an exit code means; anything but 0 is no failure of the call where everything was being stopped."""
    if code == 0:
        return DONE
    return STOPPED if is_stopping(launch) else FAILED


def _content(value: Any) -> Any:
    """A file that an option names is known by its bytes."""
    if isinstance(value, str) and "\0" not in value and len(value) < 4096 and Path(value).is_file():
        return content_of(Path(value))
    return value

"""Options that the commands share, in groups, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hac.commands.cluster_option import ClusterOption, on_cluster
from hac.errors import FailureLog, HacError
from hac.files.output_lock import locked

if TYPE_CHECKING:
    from rich.console import RenderableType

    from analysis.clips.choose import ClipSource
    from analysis.inputs.request import Request
    from analysis.results.schema import Results
    from hac.data.manifest.manifest import Manifest
    from hac.data.tokens.token_store import TokenStore
    from reports.render.result_files import Content

P = TypeVar("P")

Output = Annotated[Path, typer.Option("-o", "--output", help="Folder for results.json, tables and figures.")]
Jobs = Annotated[int, typer.Option("-j", "--jobs", help="Processes; -1: one per core.")]
Ckpt = Annotated[
    str | None,
    typer.Option(
        help="Tokenizer: a folder, a hub id or kind:where, such as `mfcc-kmeans:km100` or `mimi:kyutai/mimi`."
    ),
]
Name = Annotated[str | None, typer.Option(help="What to call the system. [default: the tokenizer's name]")]
ManifestFile = Annotated[Path | None, typer.Option("--manifest", help="Manifest of the corpus (JSONL or Parquet).")]
AlignmentFile = Annotated[
    Path | None,
    typer.Option(
        "--alignments",
        help="Alignments: a store, a folder of TextGrids, CTM, TIMIT or MFA's CSV. [default: in the manifest's folder]",
    ),
]
Streams = Annotated[str | None, typer.Option(help="Streams to score, by comma; a+b scores two jointly. [default: all]")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the null draws.")]
Phones = Annotated[str, typer.Option(help="Phone policy: auto, arpabet, ipa, timit39, none or a YAML file.")]
IsStrict = Annotated[bool, typer.Option("--strict", help="Stop at the first item that cannot be used.")]
Device = Annotated[str, typer.Option(help="Device of the tokenizer: cpu or cuda.")]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is measured, and where the results go: tokens (or the tokenizer that makes them) and labels."""

    ckpt: Ckpt = None
    tokens: Annotated[
        Path | None, typer.Option(help="Tokens instead of a tokenizer: Parquet, JSONL, NPZ, .km or discophon JSONL.")
    ] = None
    name: Name = None
    manifest: ManifestFile = None
    alignments: AlignmentFile = None
    output: Output
    streams: Streams = None


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    """What a token file does not say of itself."""

    frame_rate: Annotated[
        str | None, typer.Option(help="Hz of the tokens, where their file does not say: 50, 12.5 or 44100/512.")
    ] = None
    codebook_size: Annotated[int | None, typer.Option(help="Codebook size, where the tokens' file does not say.")] = (
        None
    )
    ids: Annotated[Path | None, typer.Option(help="Utterance ids in order, for .km files.")] = None


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Draws of nulls and intervals."""

    nulls: Annotated[int, typer.Option(min=2, help="Null draws (circular shifts).")] = 20
    seed: Seed = 0


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Sounds that are kept beside the results."""

    utterances: Annotated[
        int,
        typer.Option(
            "--clips", min=0, help="Utterances whose sound is kept in listen/, for people and for the report; 0: none."
        ),
    ] = 4
    megabytes: Annotated[float, typer.Option("--clips-mb", min=0.01, help="Megabytes that listen/ may take.")] = 8.0


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A part of the corpus that is counted alone."""

    shard: Annotated[
        str | None,
        typer.Option("--shard", help="Count only part i of n (`2/10`); hac-analyze merge adds the parts up."),
    ] = None
    own_stores: Annotated[
        bool,
        typer.Option(
            "--own-stores",
            help="With --shard: the tokens, manifest and alignments given hold this part alone; see docs/scaling.md.",
        ),
    ] = False

    def place(self) -> tuple[int, int] | None:
        """Place (from 0) and number of shards of `2/10`; None for the whole.

        Raises:
            HacError: it is no such part, or `--own-stores` has none.
        """
        if self.shard is None:
            if self.own_stores:
                raise HacError(
                    "--own-stores needs --shard, which says what part of how many the stores hold, such as 7/1000"
                )
            return None
        place, _, n = self.shard.partition("/")
        if not (place.isdecimal() and n.isdecimal() and 1 <= int(place) <= int(n)):
            raise HacError(f"--shard {self.shard!r} is not a part such as 2/10 (the second of ten)")
        return int(place) - 1, int(n)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where it is computed, and what an item that cannot be used does to the rest."""

    device: Device = "cpu"
    jobs: Jobs = -1
    strict: IsStrict = False
    cluster: ClusterOption = None

    @property
    def processes(self) -> int:
        """`--jobs`, or one for each core."""
        from analysis.parallel import cores

        return self.jobs if self.jobs > 0 else cores()


@dataclass(frozen=True, kw_only=True)
class Judges:
    """Models that judge audio, by name; `none` is without."""

    asr: Annotated[str, typer.Option(help="Recognizer: moonshine, transformers:WHERE or none.")] = "moonshine"
    speaker: Annotated[str, typer.Option(help="Speaker encoder: resemblyzer, transformers:WHERE or none.")] = (
        "resemblyzer"
    )
    mos: Annotated[str, typer.Option(help="Predictor of opinion scores: dnsmos or none.")] = "dnsmos"

    def names(self) -> tuple[str | None, str | None, str | None]:
        """Recognizer, speaker encoder and predictor; None: without."""
        asr, speaker, mos = (None if name == "none" else name for name in (self.asr, self.speaker, self.mos))
        return asr, speaker, mos


@contextmanager
def working(output: Path, machine: Machine) -> Iterator[None]:
    """Hold the output folder against other runs, and spread the work over the cluster, if there is one."""
    with locked([output]), on_cluster(machine.cluster, output):
        yield


def open_request(
    inputs: Inputs,
    facts: TokenFacts,
    machine: Machine,
    protocol: P,
    *,
    aligned: bool = True,
    files: Mapping[str, Path | None] | None = None,
    **options: Any,
) -> Request[P]:
    """Read what a command is about: the tokens, made by the tokenizer where none are given, and the labels.

    Args:
        inputs, facts, machine: as given on the command line.
        protocol: how it is to be measured.
        aligned: whether alignments are needed.
        files: further files that go in, by role.
        options: as given on the command line, for the provenance.
    """
    from analysis.inputs.request import prepare

    failures = FailureLog(strict=machine.strict)
    tokens = load_tokens(inputs, facts, machine, failures)
    given = {"tokens": inputs.tokens, **(files or {})}
    return prepare(
        tokens,
        inputs.manifest,
        inputs.alignments,
        protocol,
        aligned=aligned,
        streams=names_of(inputs.streams),
        failures=failures,
        inputs={role: path for role, path in given.items() if path is not None},
        options=recorded(inputs.tokens, inputs.streams, ckpt=inputs.ckpt, strict=machine.strict, **options),
        system=inputs.name or "",
    )


def load_tokens(inputs: Inputs, facts: TokenFacts, machine: Machine, failures: FailureLog) -> TokenStore:
    """The tokens given, or those that the tokenizer makes of the manifest's audio."""
    from hac.data.tokens.formats import read_tokens

    if (inputs.ckpt is None) == (inputs.tokens is None):
        raise HacError("give either --ckpt (a tokenizer) or --tokens (a token file), not both and not neither")
    if inputs.tokens is not None:
        return read_tokens(inputs.tokens, frame_rate=facts.frame_rate, codebook_size=facts.codebook_size, ids=facts.ids)
    if inputs.manifest is None:
        raise HacError("--ckpt needs --manifest, which says where the audio is")
    from hac.data.manifest.formats import read_manifest

    return read_tokens(encode(read_manifest(inputs.manifest), str(inputs.ckpt), inputs.output, machine, failures))


def encode(corpus: Manifest, ckpt: str, output: Path, machine: Machine, failures: FailureLog) -> Path:
    """The file of the tokens that a tokenizer makes of a corpus, in the output folder."""
    from hac.coding.encode import encode_corpus

    path = output / "tokens.parquet"
    return encode_corpus(corpus, ckpt, path, device=machine.device, jobs=machine.processes, failures=failures)


def recorded(tokens: Path | None, streams: str | None, **options: Any) -> dict[str, Any]:
    """Options as given on the command line, as results record them."""
    return {"tokens": str(tokens) if tokens is not None else None, "streams": streams, **options}


def names_of(text: str | None) -> tuple[str, ...]:
    """The names of an option such as `--streams a,b`; none where it is not given."""
    return tuple(part.strip() for part in text.split(",")) if text else ()


def keep_clips(output: Path, heard: ClipSource, clips: Clips) -> None:
    """Keep some sounds beside the results, and say what could not be kept; see `analysis.clips.choose`."""
    from analysis.clips.choose import ClipBudget
    from analysis.clips.choose import keep_clips as keep
    from hac.console import printable

    for note in keep(output, heard, ClipBudget(clips.utterances, round(clips.megabytes * 1e6))):
        typer.echo(f"warning: {printable(note, 400)}", err=True)


def show(table: RenderableType) -> None:
    """Print a table; in a file it is not cut to the width of a screen that is not there."""
    from rich.console import Console

    out = Console(highlight=False)
    (out if out.is_terminal else Console(width=120, highlight=False)).print(table)


def finish(results: Results, files: Mapping[str, Content], output: Path, table: RenderableType, jobs: int = 1) -> None:
    """Write the files of a run, print its tables and say where the files are.

    Args:
        results: of the run.
        files: of its own, see `reports.render.result_files.write_run`.
        output: where they go.
        table: what is printed.
        jobs: processes that draw.
    """
    from reports.render.result_files import write_run

    written = write_run(results, files, output, jobs)
    show(table)
    tell_files(written, output)


def tell_files(written: Sequence[Path], output: Path) -> None:
    """Say where the files of a run are; the last is the results."""
    typer.echo(f"results: {written[-1]} ({len(written)} files in {output})")


def counts_file(inputs: Inputs) -> Path:
    """Where the counts of a shard go."""
    from analysis.shards.count_file import NAME

    return inputs.output / NAME


def tell_shard(shard: Shard, inputs: Inputs) -> None:
    """Say where the counts of a shard are, and what to do with them."""
    path = counts_file(inputs)
    typer.echo(f"counts of shard {shard.shard}: {path}; add all shards up with: hac-analyze merge DIR...")

"""`hac-analyze recon`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reports.commands import options as opt
from reports.commands.option_groups import grouped

if TYPE_CHECKING:
    from analysis.reconstruction.inputs import Material
    from hac.data.alignments.alignment import Alignments
    from hac.errors import FailureLog


@dataclass(frozen=True, kw_only=True)
class ReconMachine(opt.Machine):
    """Where it is computed, of which the device is the judges' too."""

    device: Annotated[str, typer.Option(help="Where codec and evaluation models compute: cpu or cuda.")] = "cpu"


@dataclass(frozen=True)
class Codec:
    """What makes the reconstructions.

    Attributes:
        ckpt: codec that encodes and decodes.
        tokens: made before, to be decoded.
        decoded: somebody's reconstructions by name.
        decoded_from: tokens of these by name.
        kbps: nominal rates of these by name.
        depths: numbers of acoustic quantizers; None: each there is.
        levels: of a HAC model to decode; None: all.
    """

    ckpt: str | None
    tokens: Path | None
    decoded: dict[str, Path]
    decoded_from: dict[str, Path]
    kbps: dict[str, float]
    depths: list[int] | None
    levels: list[str] | None


@grouped
def recon(
    *,
    ckpt: Annotated[
        str | None,
        typer.Option(help="Codec to encode and decode with: a folder, a hub id or kind:where, such as `dac:WHERE`."),
    ] = None,
    tokens: Annotated[
        list[str] | None,
        typer.Option(
            help="Tokens that were made before: FILE, which --ckpt then decodes; or [name=]FILE, those of a --decoded, "
            "for its bit rate."
        ),
    ] = None,
    decoded: Annotated[
        list[str] | None,
        typer.Option(
            help="Somebody's reconstructions, [name=]FOLDER or [name=]MANIFEST, files named by id; may be given again."
        ),
    ] = None,
    kbps: Annotated[
        list[str] | None,
        typer.Option(help="Nominal kbit/s of a --decoded whose tokens are not at hand, [name=]6; may be given again."),
    ] = None,
    manifest: opt.ManifestFile = None,
    output: opt.Output = Path("recon"),
    name: opt.Name = None,
    n_quantizers: Annotated[
        str | None, typer.Option(help="Numbers of acoustic quantizers, by comma: 1,4,8. [default: each there is]")
    ] = None,
    streams: Annotated[
        str | None, typer.Option(help="Levels of a HAC model to decode, by comma. [default: all]")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Metrics by comma, such as pesq_wb,stoi,wer. [default: all]")
    ] = None,
    judges: opt.Judges,
    normalizer: Annotated[str, typer.Option(help="What is done to texts before words are compared.")] = "basic-1",
    lengths: Annotated[
        str, typer.Option(help="Unequal lengths: cut-to-shorter, pad, or refuse (beyond 0.1 s).")
    ] = "cut-to-shorter",
    sample_rate: Annotated[int, typer.Option(min=8000, help="Hz at which signals are compared.")] = 16_000,
    versa: Annotated[
        list[str] | None,
        typer.Option(help="Result file of VERSA, [condition=]FILE, shown with ours; may be given again."),
    ] = None,
    nulls: Annotated[int, typer.Option(min=2, help="Null draws (other utterances' originals).")] = 5,
    null_pairs: Annotated[
        int, typer.Option(min=0, help="Pairs of the signal metrics' null, of each condition; 0: no such null.")
    ] = 100,
    seed: opt.Seed = 0,
    clips: opt.Clips,
    facts: opt.TokenFacts,
    machine: ReconMachine,
) -> None:
    """How near a codec's audio is to the original: PESQ, STOI, SI-SDR, spectra, pitch, words, voice, MOS; and its bits.

    Every number comes with its interval and its chance level (other utterances' originals), for each number of
    quantizers. What was measured is kept in the output folder: after Ctrl-C or a crash, the same command resumes.

    Examples:

        hac-analyze recon --ckpt runs/hac-small --manifest corpus/manifest.jsonl -o results

        hac-analyze recon --decoded theirs=decoded/ --manifest corpus/manifest.jsonl --metrics pesq_wb,stoi --asr none

        hac-analyze recon --decoded lyra=a/ --tokens lyra=lyra.npz --decoded opus=b/ --kbps opus=6 --manifest m.jsonl

        hac-analyze recon --ckpt dac:descript/dac_16khz --n-quantizers 1,4,12 --manifest corpus/manifest.jsonl
    """
    with opt.working(output, machine):
        from analysis.clips.sources import of_reconstructions
        from analysis.reconstruction.protocol import ReconProtocol, chosen_metrics
        from analysis.reconstruction.run import Request, run
        from hac.errors import FailureLog
        from probes.signal.signal_metrics import check_policy
        from probes.transcripts import normalize
        from reports.reconstruction.files import recon_files
        from reports.reconstruction.tables import recon_table

        normalize("", normalizer)  # a name that is not known is told before hours of work
        recognizer, encoder, predictor = judges.names()
        protocol = ReconProtocol(
            sample_rate=sample_rate,
            metrics=chosen_metrics(metrics),
            policy=check_policy(lengths),
            recognizer=recognizer,
            encoder=encoder,
            predictor=predictor,
            normalizer=normalizer,
            n_nulls=nulls,
            null_pairs=null_pairs,
            seed=seed,
        )
        failures = FailureLog(strict=machine.strict)
        places, scored = _named(decoded or [], "--decoded"), _named(versa or [], "--versa", "versa")
        files, own = _tokens_of(tokens or [], places, ckpt)
        codec = Codec(ckpt, own, places, files, _kbps(kbps or [], places), _depths(n_quantizers), _split(streams))
        found, inputs = _material(codec, manifest, output, facts, machine, failures)
        inputs |= {f"versa {condition}": _fact(path) for condition, path in scored.items()}
        options = {"ckpt": ckpt, "tokens": tokens, "decoded": decoded, "kbps": kbps, "streams": streams}
        request = Request(
            found,
            protocol,
            output / "measured",
            failures,
            versa=scored,
            inputs=inputs,
            options={**options, "n_quantizers": n_quantizers, "device": machine.device, "strict": machine.strict},
            system=name or _system(found, ckpt),
            device=machine.device,
        )
        outcome = run(request, machine.jobs)
        shown = _labels(manifest if clips.utterances else None, found)
        opt.keep_clips(output, of_reconstructions(found, shown), clips)
        opt.finish(outcome.results, recon_files(outcome), output, recon_table(outcome.results))


def _material(
    codec: Codec,
    manifest: Path | None,
    output: Path,
    facts: opt.TokenFacts,
    machine: opt.Machine,
    failures: FailureLog,
) -> tuple[Material, dict[str, Any]]:
    """References and reconstructions, encoded and decoded where that is asked for; and facts on the inputs."""
    from analysis.reconstruction.inputs import coded_conditions, given_conditions, material
    from hac.data.manifest.formats import read_manifest
    from hac.data.tokens.formats import read_tokens
    from hac.errors import HacError

    if manifest is None:
        raise HacError("recon needs --manifest, which says where the original audio is")
    if codec.ckpt is None and codec.tokens is None and not codec.decoded:
        raise HacError("give --ckpt (a codec), --tokens (its tokens) or --decoded (reconstructions)")
    if facts != opt.TokenFacts() and not codec.decoded_from:
        raise HacError("--frame-rate, --codebook-size and --ids are of --tokens beside --decoded; --ckpt knows its own")
    corpus = read_manifest(manifest, failures=failures)
    inputs: dict[str, Any] = {"manifest": {**_fact(manifest), "content_sha256": corpus.sha256}}
    conditions = []
    stores = {
        name: read_tokens(path, frame_rate=facts.frame_rate, codebook_size=facts.codebook_size, ids=facts.ids)
        for name, path in codec.decoded_from.items()
    }
    # before hours of decoding, for what is wrong with it
    given = given_conditions(codec.decoded, corpus.ids, stores, codec.kbps)
    if codec.ckpt is not None or codec.tokens is not None:
        if codec.tokens is not None:
            inputs["tokens"] = _fact(codec.tokens)
        conditions = coded_conditions(
            codec.tokens or opt.encode(corpus, str(codec.ckpt), output, machine, failures),
            codec.ckpt,
            corpus,
            output / "decoded",
            levels=codec.levels,
            depths=codec.depths,
            device=machine.device,
            jobs=machine.jobs,
            failures=failures,
        )
    inputs |= {f"decoded {name}": {"path": str(path)} for name, path in codec.decoded.items()}
    inputs |= {f"tokens {name}": _fact(path) for name, path in codec.decoded_from.items()}
    return material(corpus, [*conditions, *given], failures), inputs


def _labels(manifest: Path | None, found: Material) -> Alignments:
    """Words and phones to show under the clips; the numbers need none, so trouble with them stops nothing."""
    from analysis.inputs.corpus import alignments_if_any
    from hac.data.alignments.alignment import Alignments
    from hac.errors import HacError

    try:
        return Alignments({}, {}) if manifest is None else alignments_if_any(None, manifest, found.manifest)
    except HacError as error:
        typer.echo(f"warning: clips without words and phones: {error}", err=True)
        return Alignments({}, {})


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


def _depths(text: str | None) -> list[int] | None:
    from hac.errors import HacError

    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not part.isdecimal() or int(part) < 1:
            raise HacError(f"--n-quantizers: {part!r} is not a number of quantizers; expected such as 1,4,8")
    return [int(part) for part in parts]


def _named(entries: Sequence[str], option: str, default: str | None = None) -> dict[str, Path]:
    """`name=path` or `path` (called by its own name, or `default`) by name."""
    from hac.errors import HacError

    found: dict[str, Path] = {}
    for entry in entries:
        first, mark, rest = entry.partition("=")
        plain = not mark or Path(entry).exists()
        path = Path(entry) if plain else Path(rest)
        name = (path.resolve().stem if default is None else default) if plain else first
        if name in found:
            raise HacError(f"{option}: two are called {name!r}; give each a name of its own, as in name={path}")
        found[name] = path
    return found


def _tokens_of(
    entries: Sequence[str], decoded: dict[str, Path], ckpt: str | None
) -> tuple[dict[str, Path], Path | None]:
    """Files of tokens of what is decoded already, by its name, and the file that is to be decoded."""
    found = _named(entries, "--tokens", "")
    own = None
    if "" in found:
        path = found.pop("")
        if ckpt is not None or not decoded:
            own = path
        else:
            found[_only(decoded, "--tokens", str(path), found)] = path
    return found, own


def _kbps(entries: Sequence[str], decoded: dict[str, Path]) -> dict[str, float]:
    """Rates of what is decoded already, by its name."""
    from hac.errors import HacError

    found: dict[str, float] = {}
    for entry in entries:
        name, _, text = entry.rpartition("=")
        name = name or _only(decoded, "--kbps", text, found)
        if name in found:
            raise HacError(f"--kbps: {name} has two rates; give one")
        try:
            found[name] = float(text)
        except ValueError:
            raise HacError(f"--kbps {entry!r} is not [name=]NUMBER; expected such as 6 or theirs=1.5") from None
    return found


def _only(decoded: dict[str, Path], option: str, entry: str, taken: Mapping[str, object]) -> str:
    """The --decoded that an entry without a name is of."""
    from hac.errors import HacError

    if len(decoded) == 1 and not taken:
        return next(iter(decoded))
    of = f"one of {', '.join(decoded)}" if decoded else "but there is no --decoded"
    raise HacError(f"{option} {entry}: say of which --decoded it is, {of}, as in {option} NAME={entry}")


def _fact(path: Path) -> dict[str, str]:
    from hac.files.atomic import sha256_file

    return {"path": str(path), **({"sha256": sha256_file(path)} if path.is_file() else {})}


def _system(found: Material, ckpt: str | None) -> str:
    tokens = found.tokens if ckpt or all(one.tokens is not None for one in found.conditions) else None
    maker = None if tokens is None else tokens.provenance.get("tokenizer")
    return str(maker or ckpt or ", ".join(condition.name for condition in found.conditions))

"""Every reader of files that people bring: a small sound folder, which of its files are spoilt, and the reading."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hac.errors import FailureLog
from hac.files.atomic import sha256_file
from tests.fuzz import seeds
from tests.hac.corpora import test_imports as corpora


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes:
        name: as the command line gives it.
        family: readers that are fuzzed in one process.
        make: writes a sound folder.
        files: those of its files that are spoilt.
        read: reads the folder; only a HacError may come out.
    """

    name: str
    family: str
    make: Callable[[Path], object]
    files: tuple[str, ...]
    read: Callable[[Path], object]


def _alignments(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from hac.data.alignments.alignment import partition, read_alignments
        from hac.data.phones.policy import load_policy

        log = FailureLog()
        found = read_alignments(folder / name, None, log)
        return [
            partition(tier, dict.fromkeys(tier.ids, 500_000), load_policy("auto", tier.vocabulary))
            for tier in found.tiers.values()
        ]

    return read


def _store(folder: Path) -> object:
    from hac.data.alignments.alignment import read_alignments

    return read_alignments(folder / "alignments.parquet")


def _segments(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from hac.data.segments import read_segments

        return read_segments(folder / name, FailureLog())

    return read


def _policy(folder: Path) -> object:
    from hac.data.phones.policy import load_phone_map, load_policy

    policy = load_policy(folder / "few.yaml")
    return policy, load_phone_map(folder / "map.csv")


def _tokens(name: str, **options: Any) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from hac.data.tokens.formats import read_tokens

        return read_tokens(folder / name, **options)

    return read


def _manifest(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from hac.data.manifest.formats import read_manifest

        found = read_manifest(folder / name, failures=FailureLog())
        return [found.audio_path(utterance) for utterance in found.utterances], found.sha256, found.hours

    return read


def _embeddings(folder: Path) -> object:
    from hac.data.embedding_store import read_embeddings, read_header

    read_header(folder / "shards/0.safetensors")
    found = read_embeddings(folder)
    return [found.vectors(name, found.ids) for name in found.streams]


def _import(kind: str, root: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from hac.corpora.imports.importer import import_corpus
        from hac.corpora.imports.item import Options

        options = Options(audio_root=folder)
        return import_corpus(folder / root, folder / "out/m.jsonl", kind, options, FailureLog())

    return read


def _run(folder: Path) -> object:
    from analysis.comparison.differences import compare
    from analysis.comparison.runs import read_run

    run = read_run(folder)
    return compare([run, run])


def _clips(folder: Path) -> object:
    from reports.listen.clips import Media, read_clips

    found, media = read_clips(folder), Media(10**6)
    if found is None:
        return None
    return [media.sound(folder, sound.file) for clip in found.clips for sound in clip.sounds]


def _ranks(folder: Path) -> object:
    from reports.usage.section import read_ranks

    return read_ranks(folder / "ranks.csv")


def _words(folder: Path) -> object:
    from reports.words.section import read_words

    return read_words(folder / "words.csv")


def _heat(folder: Path) -> object:
    from reports.pnmi.section import read_heat_map

    return read_heat_map(folder / "heat.csv", "heat", "heat")


def _counts(folder: Path) -> object:
    from analysis.shards.merged import open_shards

    return [shard.counts(0, draw, "joint") for shard in open_shards([folder]) for draw in (0, 1)]


def _versa(folder: Path) -> object:
    from analysis.reconstruction.versa import read_versa

    return read_versa(folder / "versa.txt", seeds.IDS, FailureLog())


def _translations(folder: Path) -> object:
    from analysis.words.word_families import read_translations
    from probes.words.word_codes import WordType

    return read_translations(folder / "translations.csv", [WordType("en", "house"), WordType("de", "haus")])


def _train_config(folder: Path) -> object:
    from hac.train.config import model_config, read_train_config
    from hac.train.run_record import run_settings

    config = read_train_config(folder / "train.yaml")
    return model_config(config), run_settings(config)


def _model_config(folder: Path) -> object:
    from hac.model.config import HacConfig

    config = HacConfig.from_yaml(folder / "model.yaml")
    return config.codebook_sizes, config.nominal_kbps


def _sweep(folder: Path) -> object:
    import typer

    import reports.cli
    from analysis.sweeps.sweep_config import read_sweep

    commands: Any = typer.main.get_command(reports.cli.app)
    return read_sweep(folder / "sweep.yaml", commands.commands)


def _cluster(folder: Path) -> object:
    from hac.files.yaml_config import read_yaml
    from hac.parallel import dask_cluster, job_queue

    path = folder / "cluster.yaml"
    values = read_yaml(path, "batch system's file")
    return job_queue._system(path, values), job_queue._amounts(path, values), dask_cluster


def _scheduler(folder: Path) -> object:
    from hac.parallel import dask_cluster

    return dask_cluster._address_in(folder / "scheduler.json")


def _change(folder: Path) -> object:
    from hac.files.yaml_config import parse_changes

    return parse_changes([(folder / "change.txt").read_bytes().decode("utf-8", "surrogateescape")])


def _kmeans(folder: Path) -> object:
    from hac.tokenizers.registry import load_tokenizer

    return load_tokenizer(f"mfcc-kmeans:{folder}")


def _centroids(folder: Path) -> object:
    # a tokenizer that names the hash of what was spoilt: else all would end at the hash
    record = json.loads((folder / "tokenizer.json").read_text())
    if (folder / "centroids.safetensors").is_file():
        record["centroids_sha256"] = sha256_file(folder / "centroids.safetensors")
    (folder / "tokenizer.json").write_text(json.dumps(record))
    return _kmeans(folder)


def _info(folder: Path) -> object:
    from hac.coding.checkpoint_info import describe

    return describe(str(folder)).as_dict()


def _checkpoint(folder: Path) -> object:
    from hac.model.hac_model import HacModel

    return HacModel.from_pretrained(folder)


def _trainer(folder: Path) -> object:
    from hac.train.run_folder import checkpoints, chosen_checkpoint, read_state

    for path in checkpoints(folder):
        read_state(path)
    return chosen_checkpoint(folder, "best")


def _journal(folder: Path) -> object:
    from analysis.sweeps.budget import _speeds
    from hac.train.metrics_log import _drop_later

    _speeds(folder)
    return _drop_later(folder / "metrics.jsonl", 1)


def _audio(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from hac.data.audio.audio import audio_info, iter_audio, read_audio

        path = folder / name
        info = audio_info(path)
        return info, read_audio(path, 8_000), sum(len(block) for block in iter_audio(path, block_s=0.01))

    return read


def _change_file(folder: Path) -> None:
    (folder / "change.txt").write_text("optimizer.learning_rate=3e-4")


_IMPORTS = {
    "kaldi": (corpora.kaldi, "data", ("wav.scp", "segments", "text", "spk2utt", "utt2lang")),
    "lhotse": (corpora.lhotse, "lhotse", ("x_supervisions_dev.jsonl", "x_recordings_dev.jsonl.gz")),
    "commonvoice": (corpora.commonvoice, "cv-corpus-17.0", ("de/validated.tsv",)),
    "ljspeech": (corpora.ljspeech, "LJSpeech-1.1", ("metadata.csv",)),
    "librispeech": (corpora.librispeech, "LibriSpeech", ("dev-clean/84/121/84-121.trans.txt", "SPEAKERS.TXT")),
    "mls": (corpora.mls, "mls_polish_opus", ("dev/transcripts.txt", "dev/segments.txt")),
    "vctk": (corpora.vctk, "VCTK", ("speaker-info.txt", "txt/p225/p225_001.txt")),
    "folder": (corpora.plain, "plain", ("anna/a.txt", "bert/a.lab")),
}
_SOUNDS = {"wav": "PCM_16", "flac": "PCM_24", "ogg": "OPUS", "mp3": None}

READERS: tuple[Reader, ...] = (
    Reader("textgrid", "alignments", seeds.grid_long, ("a.TextGrid",), _alignments("a.TextGrid")),
    Reader("textgrid-short", "alignments", seeds.grid_short, ("a.TextGrid",), _alignments("a.TextGrid")),
    Reader("textgrid-utf16", "alignments", seeds.grid_utf16, ("a.TextGrid",), _alignments("a.TextGrid")),
    Reader("ctm", "alignments", seeds.ctm, ("phones.ctm",), _alignments("phones.ctm")),
    Reader("timit", "alignments", seeds.timit, ("a.phn", "a.wrd"), _alignments(".")),
    Reader("mfa-csv", "alignments", seeds.mfa_csv, ("a.csv",), _alignments("a.csv")),
    Reader("alignment-store", "alignments", seeds.alignment_store, ("alignments.parquet",), _store),
    *(
        Reader(f"segments-{suffix}", "alignments", seeds.segments, (f"found.{suffix}",), _segments(f"found.{suffix}"))
        for suffix in ("txt", "csv", "parquet")
    ),
    Reader("phone-policy", "alignments", seeds.phone_policy, ("few.yaml", "map.csv"), _policy),
    Reader("tokens-parquet", "tokens", seeds.tokens_parquet, ("tokens.parquet",), _tokens("tokens.parquet")),
    Reader("tokens-jsonl", "tokens", seeds.tokens_jsonl, ("tokens.jsonl",), _tokens("tokens.jsonl")),
    Reader("tokens-discophon", "tokens", seeds.discophon, ("units.jsonl",), _tokens("units.jsonl", codebook_size=16)),
    Reader("tokens-npz", "tokens", seeds.tokens_npz, ("tokens.npz",), _tokens("tokens.npz")),
    Reader(
        "tokens-km",
        "tokens",
        seeds.tokens_km,
        ("dev.km", "dev.tsv"),
        _tokens("dev.km", frame_rate=50, codebook_size=16),
    ),
    Reader("manifest-jsonl", "manifests", seeds.manifest, ("manifest.jsonl",), _manifest("manifest.jsonl")),
    Reader("manifest-parquet", "manifests", seeds.manifest, ("manifest.parquet",), _manifest("manifest.parquet")),
    Reader("embeddings", "manifests", seeds.embeddings, (seeds.NAME, f"{seeds.SHARDS}/0.safetensors"), _embeddings),
    *(
        Reader(f"import-{kind}", "imports", make, tuple(f"{root}/{name}" for name in names), _import(kind, root))
        for kind, (make, root, names) in _IMPORTS.items()
    ),
    Reader("results", "results", seeds.run_folder, ("results.json", "jackknife.parquet"), _run),
    Reader("clips", "results", seeds.clips, ("listen/clips.json", "listen/s.ogg"), _clips),
    Reader("ranks", "results", seeds.report_tables, ("ranks.csv",), _ranks),
    Reader("words", "results", seeds.report_tables, ("words.csv",), _words),
    Reader("heat-map", "results", seeds.report_tables, ("heat.csv",), _heat),
    Reader("counts", "results", seeds.counts, ("counts.parquet",), _counts),
    Reader("versa", "results", seeds.versa, ("versa.txt",), _versa),
    Reader("translations", "results", seeds.translations, ("translations.csv",), _translations),
    Reader("train-config", "configs", seeds.train_config, ("train.yaml", "base.yaml", "model.yaml"), _train_config),
    Reader("model-config", "configs", seeds.train_config, ("model.yaml",), _model_config),
    Reader("sweep", "configs", seeds.sweep, ("sweep.yaml",), _sweep),
    Reader("cluster-config", "configs", seeds.cluster, ("cluster.yaml",), _cluster),
    Reader("scheduler-file", "configs", seeds.cluster, ("scheduler.json",), _scheduler),
    Reader("set-option", "configs", _change_file, ("change.txt",), _change),
    Reader("kmeans", "models", seeds.kmeans, ("tokenizer.json",), _kmeans),
    Reader("centroids", "models", seeds.kmeans, ("centroids.safetensors",), _centroids),
    Reader("info", "models", seeds.checkpoint, ("config.json", "model.safetensors", "training.json"), _info),
    Reader("checkpoint", "models", seeds.checkpoint, ("config.json", "model.safetensors"), _checkpoint),
    Reader("trainer", "models", seeds.trainer, ("checkpoints/step-00000004/trainer.json",), _trainer),
    Reader("journal", "models", seeds.trainer, ("metrics.jsonl",), _journal),
    *(
        Reader(f"audio-{suffix}", "audio", seeds.sounds(suffix, subtype), (f"a.{suffix}",), _audio(f"a.{suffix}"))
        for suffix, subtype in _SOUNDS.items()
    ),
    Reader("audio-float", "audio", seeds.sounds("wav", "FLOAT"), ("a.wav",), _audio("a.wav")),
)
FAMILIES = tuple(dict.fromkeys(reader.family for reader in READERS))

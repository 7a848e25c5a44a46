"""Small sound files of every format, to be spoilt."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile as sf
import yaml

from analysis.results.left_out import write_left_out
from analysis.results.schema import Record, Results, StreamInfo, write_results
from analysis.shards.count_file import Block, ShardMeta, write_shard
from analysis.statistics.jackknife import METHOD, LeftOut
from hac.data.alignments.alignment import Alignments, tier_from_rows, write_alignments
from hac.data.embedding_store import FORMAT, NAME, SHARDS, VERSION
from hac.data.embedding_store import write_shard as write_vectors
from hac.data.manifest.formats import write_manifest
from hac.data.manifest.manifest import Manifest, Utterance
from hac.data.tokens.formats import write_tokens
from hac.data.tokens.token_store import Stream, TokenStore
from probes.sparse_counts import SparseCounts
from reports.words.tables import WORDS_CSV
from tests.corpora import speech, textgrid

IDS = ("a", "b-é")
ROWS = [("a", "AA1", 0, 300_000), ("a", "S", 300_000, 500_000), ("b-é", "sil", 0, 400_000)]
WORDS = [("a", "as", 0, 500_000)]


def grid_long(folder: Path) -> None:
    (folder / "a.TextGrid").write_text(textgrid([(0.0, 0.3, "AA1"), (0.3, 0.5, "S")]))


def grid_short(folder: Path) -> None:
    text = 'File type = "ooTextFile short"\n"TextGrid"\n\n0\n0.5\n<exists>\n2\n'
    text += '"IntervalTier"\n"words"\n0\n0.5\n1\n0\n0.5\n'
    text += '"says ""é"""\n"TextTier"\n"bells"\n0\n0.5\n1\n0.25\n"ding"\n'
    (folder / "a.TextGrid").write_text(text)


def grid_utf16(folder: Path) -> None:
    grid_short(folder)
    path = folder / "a.TextGrid"
    path.write_bytes(path.read_text().encode("utf-16"))


def ctm(folder: Path) -> None:
    (folder / "phones.ctm").write_text(";; made up\na 1 0.00 0.30 AA1 0.9\na 1 0.30 0.20 S\nb-é A 0 0.4 sil\n")


def timit(folder: Path) -> None:
    (folder / "a.phn").write_text("0 4800 aa\n4800 8000 s\n")
    (folder / "a.wrd").write_text("0 8000 as\n")


def mfa_csv(folder: Path) -> None:
    rows = "0.0,0.3,AA1,phones,anna\n0.3,0.5,S,phones,anna\n0.0,0.5,as,words,anna\n"
    (folder / "a.csv").write_text(f"Begin,End,Label,Type,Speaker\n{rows}")


def alignment_store(folder: Path) -> None:
    tiers = {"phones": tier_from_rows("phones", ROWS), "words": tier_from_rows("words", WORDS, ids=IDS)}
    write_alignments(Alignments(tiers, {"aligner": "made-up"}), folder / "alignments.parquet")


def segments(folder: Path) -> None:
    (folder / "found.txt").write_text("Class 1\na 0.0 0.3\nb-é 0.1 0.25\n\nClass 2\na 0.3 0.5\n\n")
    (folder / "found.csv").write_text('id,onset,offset,cluster\na,0.0,0.3,1\n"b-é",0.1,0.25,2\n')
    columns = {"id": list(IDS), "onset": [0.0, 0.1], "offset": [0.3, 0.25], "cluster": ["1", "2"]}
    pq.write_table(pa.table(columns), folder / "found.parquet")


def phone_policy(folder: Path) -> None:
    (folder / "map.csv").write_text("from,to\nAA1,AA\nsp,\n")
    values = {"name": "few", "strip_stress": True, "phone_set": ["AA", "S"], "map": "map.csv", "silence": ["sil"]}
    (folder / "few.yaml").write_text(yaml.safe_dump(values))


def store() -> TokenStore:
    bounds = np.array([0, 5, 9], np.int64)
    units = Stream("units", 16, Fraction(50), np.array([1, 1, 3, 15, 0, 2, 2, 2, 7], np.int32), bounds)
    return TokenStore(IDS, {"units": units}, {"tokenizer": "made-up"})


def tokens_parquet(folder: Path) -> None:
    write_tokens(store(), folder / "tokens.parquet")


def tokens_jsonl(folder: Path) -> None:
    rows: list[Any] = [{"codebook_size": {"units": 16}, "frame_rate": "44100/512"}]
    rows += [{"id": "a", "streams": {"units": [1, 1, 3]}}, {"id": "b-é", "streams": {"units": [15, 0]}}]
    write_lines(folder / "tokens.jsonl", rows)


def discophon(folder: Path) -> None:
    write_lines(folder / "units.jsonl", [{"file": "a", "units": [1, 1, 3]}, {"file": "b-é", "units": [15, 0]}])


def tokens_npz(folder: Path) -> None:
    meta = json.dumps({"codebook_size": {"units": 16}, "frame_rate": "50"})
    np.savez(folder / "tokens.npz", **{"a/units": np.array([1, 1, 3]), "b/units": np.array([15])}, __meta__=meta)


def tokens_km(folder: Path) -> None:
    (folder / "dev.km").write_text("1 1 3\n15 0\n")
    (folder / "dev.tsv").write_text("/corpus\na/a.wav\t16000\nb-é.wav\t8000\n")


def manifest(folder: Path) -> None:
    sf.write(folder / "a.wav", speech(0.1), 16_000)
    rows = (
        Utterance("a", "a.wav", 0.1, "anna", "en", "as", "a.TextGrid", "female"),
        Utterance("b-é", "sub/b.wav", 0.4, None, "de"),
    )
    write_manifest(Manifest(folder, rows), folder / "manifest.jsonl")
    write_manifest(Manifest(folder, rows), folder / "manifest.parquet")


def embeddings(folder: Path) -> None:
    write_vectors(folder / SHARDS / "0.safetensors", {"hidden": np.ones((5, 2), np.float16)}, {"n": 2})
    data = {
        "format": FORMAT,
        "version": VERSION,
        "ids": list(IDS),
        "provenance": {},
        "shards": [["0.safetensors", 2]],
        "streams": {"hidden": {"dim": 2, "frame_rate": "50"}},
        "lengths": {"hidden": [3, 2]},
    }
    (folder / NAME).write_text(json.dumps(data))


def run_folder(folder: Path) -> None:
    record = Record(
        id="units.pnmi",
        stream="units",
        estimate=0.5,
        ci_low=0.4,
        ci_high=0.6,
        is_corrected=True,
        value=0.55,
        null_mean=0.1,
        null_sd=0.01,
        n_nulls=2,
        n=9,
        protocol="kept",
        ci_method=METHOD,
        left_out=LeftOut(np.linspace(0.4, 0.6, 4)),
    )
    results = Results(
        command="pnmi",
        system="made-up",
        metrics=[record],
        streams={"units": StreamInfo.of_frames(16, Fraction(50), 6, 9)},
        protocols={"kept": {"convention": "duration", "silence": "kept"}},
        coverage={"utterances": {"in_manifest": 2, "counted": 2}, "hours": {"counted": 0.0001}},
        failures={"audio-empty": 1},
        failed=[{"id": "c", "reason": "audio-empty", "detail": "c.wav: the file is empty"}],
        provenance={"seed": 0, "run": {"seconds": 1.0}},
    )
    write_results(results, folder / "results.json")
    write_left_out(results, folder)


def clips(folder: Path) -> None:
    (folder / "listen").mkdir()
    sf.write(folder / "listen/s.ogg", speech(0.1), 16_000, format="OGG", subtype="OPUS")
    sound = {"name": "original", "kind": "original", "file": "listen/s.ogg", "duration_s": 0.1, "spectrogram": None}
    clip = {"utterance": "a", "speaker": "anna", "language": "en", "text": "as", "duration_s": 0.1, "sounds": [sound]}
    clip["tiers"] = [{"name": "words", "kind": "words", "intervals": [[0.0, 0.1, "as"]]}]
    (folder / "listen/clips.json").write_text(json.dumps({"schema_version": 1, "clips": [clip], "detections": []}))


def report_tables(folder: Path) -> None:
    (folder / "ranks.csv").write_text("stream,rank,code,frames\nunits,1,3,5\nunits,2,0,4\n")
    words = dict.fromkeys(WORDS_CSV, "0.5") | {"word": "as", "code": "3", "count": "4", "rank": "1", "stream": "units"}
    words |= {"definition": "vg-hubert", "language": "en"}
    (folder / "words.csv").write_text(f"{','.join(words)}\n{','.join(words.values())}\n")
    (folder / "heat.csv").write_text("code,share,AA,S\n3,0.6,0.25,0.75\n0,0.4,1,0\n")


def counts(folder: Path) -> None:
    streams = {"units": {"codebook_size": 16, "frame_rate": "50", "n_frames": 9}}
    rows = [{"language": "en", "speaker": "anna", "bin": 0, "grouped": False}]
    meta = ShardMeta("pnmi", ["joint"], streams, rows, {"n_nulls": 1}, [0, 1], "job", {"provenance": {}})
    found = SparseCounts(*(np.array(column, np.int64) for column in ([0, 0], [0, 1], [3, 5], [7, 2])))
    write_shard(folder / "counts.parquet", meta, [Block(0, draw, "joint", found) for draw in (0, 1)])


def versa(folder: Path) -> None:
    scores = {"pesq": 1.5, "wer_delete": 0, "wer_insert": 1, "wer_replace": 0, "wer_equal": 3}
    lines = [json.dumps({"key": "a", **scores}), str({"key": "b-é", **scores, "stoi": float("nan")})]
    (folder / "versa.txt").write_text("\n".join(lines) + "\n")


def translations(folder: Path) -> None:
    (folder / "translations.csv").write_text("en,de,fr\nhouse,haus,maison\ndog,hund,chien\n")


def train_config(folder: Path) -> None:
    from tests.hac.tiny_hac import TINY  # and torch, which the other readers do without

    model = {key: list(value) if isinstance(value, tuple) else value for key, value in TINY.items()}
    (folder / "model.yaml").write_text(yaml.safe_dump(model))
    (folder / "base.yaml").write_text(yaml.safe_dump({"model": "model.yaml", "steps": 4, "precision": "bf16"}))
    values = {
        "base": "base.yaml",
        "data": {"train": ["train.jsonl"], "min_s": 0.5, "level_db": [-30, -10], "validation_share": 0.1},
        "teachers": {"speech": {"name": "hubert:x", "layer": 9}, "text": None},
        "losses": {"window_s": 0.1, "mel": 15.0},
        "discriminator": {"periods": [2, 3], "fft_sizes": [256]},
        "optimizer": {"learning_rate": 1e-3},
    }
    (folder / "train.yaml").write_text(yaml.safe_dump(values))


def sweep(folder: Path) -> None:
    variants = ["full.yaml", {"name": "no_text", "config": "full.yaml", "set": {"teachers": {"text": None}}}]
    values = {
        "variants": variants,
        "seeds": [0, 1],
        "set": {"steps": 2},
        "train": "train.jsonl",
        "launcher": "nice -n 5",
        "evaluation": {"manifest": "dev.jsonl"},
        "analyses": {"pnmi": {}, "words": {"min-count": 3}},
        "throughput": 3.5,
        "metrics": ["pnmi"],
        "allow": ["data"],
        "devices": ["cpu"],
        "at_once": 1,
    }
    (folder / "sweep.yaml").write_text(yaml.safe_dump(values))


def cluster(folder: Path) -> None:
    options = {"cores": 2, "processes": 2, "memory": "2GB", "walltime": "00:10:00", "queue": "cpu"}
    values = {"jobqueue": {"slurm": options}, "adapt": {"minimum": 0, "maximum": 3}, "wait_s": 60}
    (folder / "cluster.yaml").write_text(yaml.safe_dump(values))
    (folder / "scheduler.json").write_text(json.dumps({"type": "Scheduler", "address": "tcp://localhost:8786"}))


def kmeans(folder: Path) -> None:
    from hac.features.mfcc import MfccFeatures
    from hac.tokenizers import kmeans as units

    (folder / "corpus").mkdir()
    sf.write(folder / "corpus/a.wav", speech(0.5, 1.0), 16_000)
    corpus = Manifest(folder / "corpus", (Utterance("a", "a.wav", 0.5),))
    units.save(units.fit("mfcc-kmeans", corpus, MfccFeatures(), 2), folder)


def checkpoint(folder: Path) -> None:
    from tests.hac.tiny_hac import tiny_model

    tiny_model(latent_dim=8, transformer_dim=8, transformer_ff_dim=8, encoder_hidden_size=2).save_pretrained(folder)
    (folder / "training.json").write_text(json.dumps({"step": 4, "config": {"steps": 4}}))


def trainer(folder: Path) -> None:
    one = folder / "checkpoints/step-00000004"
    one.mkdir(parents=True)
    progress = {"step": 4, "best_step": 4, "best_value": 0.5, "audio_s": 3.5, "wall_s": 1.0}
    state = {"format_version": 1, "progress": progress, "settings": {"steps": 4, "seed": 0}}
    (one / "trainer.json").write_text(json.dumps(state))
    (folder / "run.json").write_text(json.dumps({"settings": {"steps": 4}, "versions": {"torch": "2"}}))
    write_lines(folder / "metrics.jsonl", [{"step": 1, "loss": 3.5}, {"step": 2, "loss": None}])


def sounds(suffix: str, subtype: str | None = None) -> Any:
    def make(folder: Path) -> None:
        sf.write(folder / f"a.{suffix}", np.stack([speech(0.05, 1.0)] * 2, axis=1), 16_000, subtype=subtype)

    return make


def write_lines(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

"""The bad-input gallery: what is bad, the command, and what its one sentence must hold."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bad import world as w
from tests.bad.world import Spoil


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        spoil: makes it, in a sound world.
        words: the command line; `hac` or `hac-analyze` first.
        says: what the sentence holds, each of them.
        keeps: how names of whole files begin that stay for the next run, which goes on from there.
    """

    spoil: Spoil
    words: str
    says: tuple[str, ...]
    keeps: tuple[str, ...] = ()


SHARDS = ("new.shards/",)
ENCODE = "hac encode manifest.jsonl -t mfcc-kmeans:units -o new.parquet -j 1"
PNMI = "hac-analyze pnmi --tokens tokens.parquet --manifest manifest.jsonl -o out -j 1 --bootstrap 100 --nulls 2"
COUNTED = "--tokens tokens.parquet --manifest manifest.jsonl -o out -j 1"
DEEP = "[" * 100_000
BOMB = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else '1'] * 10)}]\n" for i in range(12))
PICKLE = b"cos\nsystem\n(S'touch owned'\ntR."
CODE = "import pathlib\npathlib.Path('owned').touch()\n"

MANIFESTS = {
    "manifest missing": Case(
        w.sound, ENCODE.replace("manifest.jsonl", "nowhere.jsonl"), ("nowhere.jsonl", "hac corpus")
    ),
    "manifest empty": Case(w.write("manifest.jsonl", ""), ENCODE, ("manifest.jsonl", "no utterances")),
    "manifest without rows": Case(w.rows(lambda _: []), ENCODE, ("manifest.jsonl", "no utterances")),
    "manifest in UTF-16": Case(w.write("manifest.jsonl", '{"id": 1}'.encode("utf-16")), ENCODE, ("not UTF-8",)),
    "manifest that is tokens": Case(
        w.sound, ENCODE.replace("manifest.jsonl", "tokens.parquet"), ("tokens.parquet", "'path'")
    ),
    "manifest that is a folder": Case(w.instead("manifest.jsonl"), PNMI, ("manifest.jsonl", "no such manifest")),
    "manifest of a newer version": Case(w.header(hac_manifest=9), ENCODE, ("format 9", "reads 1")),
    "manifest whose root is no text": Case(w.header(root=["/"]), ENCODE, ("root", "folder as text")),
    "manifest nested deeply": Case(w.write("manifest.jsonl", DEEP), ENCODE, ("line 1", "nested too deeply")),
    "manifest with a misspelt field": Case(
        w.rows(lambda rows: [{("wav" if k == "path" else k): v for k, v in row.items()} for row in rows]),
        ENCODE,
        ("unknown field 'wav'", "did you mean 'path'?"),
    ),
    "two utterances of one id": Case(w.row(id="utt-1"), f"{ENCODE} --strict", ("'utt-1'", "unique", "line")),
    "a duration of NaN": Case(w.row(duration=float("nan")), f"{ENCODE} --strict", ("duration is nan", "seconds")),
    "a duration in words": Case(w.row(duration="1 s"), f"{ENCODE} --strict", ("duration is '1 s'", "number")),
    "a duration of a million years": Case(w.row(duration=1e14), f"{ENCODE} --strict", ("duration is 1", "seconds")),
    "an id that is a number": Case(w.row(id=7), f"{ENCODE} --strict", ("id is 7", "text")),
    "a path out of the root": Case(w.row(path="../../x.wav"), f"{ENCODE} --strict", ("../../x.wav", "leads out")),
    "an absolute path": Case(w.row(path="/etc/passwd"), f"{ENCODE} --strict", ("/etc/passwd", "leads out")),
    "a path with a null byte": Case(w.row(path="a\0.wav"), f"{ENCODE} --strict", ("leads out",)),
    "an alignment out of the root": Case(w.row(alignment="../x.TextGrid"), f"{ENCODE} --strict", ("../x.TextGrid",)),
    "a link out of the root": Case(
        w.link("audio/utt-0.wav", "/etc/passwd"), f"{ENCODE} --strict", ("utt-0", "leads out", "/etc/passwd"), SHARDS
    ),
    "a link to itself": Case(w.link("audio/utt-0.wav", "utt-0.wav"), f"{ENCODE} --strict", ("utt-0",), SHARDS),
}

CORPORA = {
    "import of nothing": Case(w.sound, "hac corpus import nowhere -o m.jsonl", ("nowhere", "no such folder")),
    "import of an unknown kind": Case(w.sound, "hac corpus import timit audio -o m.jsonl", ("'timit'", "librispeech")),
    "import of another kind": Case(w.sound, "hac corpus import vctk audio -o m.jsonl", ("not a vctk corpus",)),
    "import without audio": Case(w.make_folder("empty"), "hac corpus import folder empty -o m.jsonl", ("empty",)),
    "import to an unknown format": Case(w.sound, "hac corpus import folder audio -o m.csv", ("m.csv", ".parquet")),
    "import of three places": Case(w.sound, "hac corpus import folder audio run -o m.jsonl", ("3 places", "SOURCE")),
    "Kaldi with a command": Case(
        w.write("kaldi/wav.scp", "a touch owned |\n"), "hac corpus import kaldi kaldi -o m.jsonl", ("never runs",)
    ),
    "Kaldi out of its root": Case(
        w.write("kaldi/wav.scp", "a ../audio/utt-0.wav\n"), "hac corpus import kaldi kaldi -o kaldi/m.jsonl", ("kaldi",)
    ),
    "Kaldi in Latin-1": Case(
        w.write("kaldi/wav.scp", "ä ä.wav\n".encode("latin-1")), "hac corpus import kaldi kaldi -o m.jsonl", ("UTF-8",)
    ),
    "Lhotse with a command": Case(
        w.write(
            "lhotse/cuts.jsonl",
            '{"id": "a", "start": 0, "duration": 1, '
            '"recording": {"sources": [{"type": "command", "source": "touch owned"}]}}',
        ),
        "hac corpus import lhotse lhotse -o m.jsonl",
        ("lhotse", "command"),
    ),
    "a language nobody speaks": Case(
        w.sound, "hac corpus builtin made --languages tlh --minutes 0.1", ("no sentences for tlh", "de, en")
    ),
    "Debian sets that are none": Case(w.sound, "hac corpus debian made --sets klingon", ("klingon", "asterisk-en")),
}

AUDIO = {
    "all recordings NaN": Case(w.every_audio(lambda n: w.audio(n, float("nan"))), ENCODE, ("NaN or infinite",), SHARDS),
    "all recordings silent": Case(w.every_audio(lambda n: w.audio(n, 0.0)), ENCODE, ("silence",), SHARDS),
    "all recordings missing": Case(w.every_audio(w.remove), ENCODE, ("no such audio file",), SHARDS),
    "all recordings cut": Case(w.every_audio(w.cut), ENCODE, ("truncated",), SHARDS),
    "no recording is audio": Case(w.every_audio(lambda n: w.write(n, "x" * 999)), ENCODE, ("not audio",), SHARDS),
    "half the rate in the header": Case(
        lambda folder: w.write(
            "audio/utt-0.wav",
            (data := (folder / "audio/utt-0.wav").read_bytes())[:24] + (8000).to_bytes(4, "little") + data[28:],
        )(folder),
        f"{ENCODE} --strict",
        ("utt-0", "sample rate"),
        SHARDS,
    ),
    "a file of another kind as input": Case(w.sound, f"hac encode train.yaml {ENCODE[26:]}", ("train.yaml", ".jsonl")),
    "a recording that is not there": Case(w.sound, f"hac encode no.wav {ENCODE[26:]}", ("no.wav", "no such")),
    "a folder and a file": Case(w.sound, f"hac encode audio no.wav {ENCODE[26:]}", ("audio", "one of 2 inputs")),
    "a folder without audio": Case(w.make_folder("empty"), f"hac encode empty {ENCODE[26:]}", ("empty", ".flac")),
}

MODELS = {
    "a tokenizer of no kind": Case(w.sound, ENCODE.replace("mfcc-kmeans:units", "vqgan:x"), ("'vqgan'", "mfcc-kmeans")),
    "a misspelt kind": Case(w.sound, ENCODE.replace("mfcc-kmeans:", "mfcc_kmeans:"), ("did you mean mfcc-kmeans?",)),
    "a kind without a place": Case(w.sound, ENCODE.replace("mfcc-kmeans:units", "dac:"), ("nothing behind the colon",)),
    "an unknown option of a kind": Case(w.sound, ENCODE.replace(":units", ":units?speed=2"), ("'speed'", "revision")),
    "an option that is none": Case(w.sound, ENCODE.replace(":units", ":units?fast"), ("option=value",)),
    "a hub id without network": Case(
        w.sound, ENCODE.replace("mfcc-kmeans:units", "dac:nobody/nothing"), ("nobody/nothing", "network", "folder")
    ),
    "a folder that is nothing": Case(w.make_folder("empty"), ENCODE.replace("mfcc-kmeans:units", "empty"), ("empty",)),
    "a model of an unknown type": Case(
        w.json_with("model/config.json", model_type="bert"), ENCODE.replace("mfcc-kmeans:units", "model"), ("'bert'",)
    ),
    "remote code": Case(
        w.all_of(
            w.write("evil/config.json", '{"model_type": "evil", "auto_map": {"AutoModel": "evil.Evil"}}'),
            w.write("evil/evil.py", CODE),
            w.write("evil/model.safetensors", b"\2\0\0\0\0\0\0\0{}"),
        ),
        ENCODE.replace("mfcc-kmeans:units", "kmeans:evil"),
        ("evil",),
    ),
    "remote code behind a known type": Case(
        w.all_of(
            w.json_with("model/config.json", auto_map={"AutoModel": "evil.Evil"}),
            w.write("model/evil.py", CODE),
            w.cut("model/model.safetensors"),
        ),
        ENCODE.replace("mfcc-kmeans:units", "hac:model"),
        ("model",),
    ),
    "pickled weights": Case(
        w.all_of(w.remove("model/model.safetensors"), w.write("model/pytorch_model.bin", PICKLE)),
        ENCODE.replace("mfcc-kmeans:units", "hac:model"),
        ("pickled", "safetensors"),
    ),
    "pickled tokens": Case(w.write("t.npy.npz", PICKLE), PNMI.replace("tokens.parquet", "t.npy.npz"), ("t.npy.npz",)),
    "weights cut": Case(w.cut("model/model.safetensors"), "hac info model", ("model.safetensors", "damaged")),
    "weights of a path outside": Case(
        w.all_of(
            w.remove("model/model.safetensors"),
            w.write("model/model.safetensors.index.json", '{"weight_map": {"a": "../../../etc/passwd"}}'),
        ),
        "hac info model",
        ("../../../etc/passwd", "not in the folder"),
    ),
    "weights of another shape": Case(
        w.json_with("model/config.json", latent_dim=32), ENCODE.replace("mfcc-kmeans:units", "hac:model"), ("model",)
    ),
    "a config of terabytes": Case(
        w.json_with("model/config.json", latent_dim=10**12), "hac info model", ("latent_dim", "65,536")
    ),
    "a config of more than its weights": Case(
        w.json_with("model/config.json", latent_dim=60_000, decoder_hidden_size=60_000),
        ENCODE.replace("mfcc-kmeans:units", "hac:model"),
        ("25,200,000,000 weights", "bytes"),
    ),
    "a config that is no JSON": Case(w.write("model/config.json", "{"), "hac info model", ("config.json", "JSON")),
    "a config nested deeply": Case(w.write("model/config.json", DEEP), "hac info model", ("nested too deeply",)),
    "a config of a newer format": Case(
        w.json_with("model/config.json", format_version=99), "hac info model", ("99", "newer hac-codec")
    ),
    "info of a file": Case(w.sound, "hac info train.yaml", ("train.yaml",)),
    "info of nothing": Case(w.sound, "hac info ./nowhere", ("nowhere", "no such folder")),
    "units of a newer version": Case(
        w.json_with("units/tokenizer.json", version=9), ENCODE, ("version 9", "expected 1")
    ),
    "units with other centroids": Case(w.cut("units/centroids.safetensors"), ENCODE, ("centroids.safetensors", "anew")),
    "units without centroids": Case(w.remove("units/centroids.safetensors"), ENCODE, ("centroids.safetensors",)),
    "a device that is not there": Case(
        w.sound, f"{ENCODE.replace('mfcc-kmeans:units', 'hac:model')} --device cuda:9", ("'cuda:9'", "cpu")
    ),
    "a device that is none": Case(
        w.sound, f"{ENCODE.replace('mfcc-kmeans:units', 'hac:model')} --device gpu", ("'gpu'", "cuda")
    ),
    "more clusters than frames": Case(
        w.sound, "hac tokenizer fit mfcc-kmeans --manifest manifest.jsonl -k 9999 -o new", ("k = 9999", "smaller k")
    ),
    "k-means without an encoder": Case(
        w.sound, "hac tokenizer fit kmeans --manifest manifest.jsonl -o new", ("--encoder", "--layer")
    ),
    "a check of nothing": Case(w.sound, "hac tokenizer check ./nowhere", ("nowhere",)),
    "vectors of units that have none": Case(w.sound, "hac embed manifest.jsonl -m vqgan:x -o new -j 1", ("vqgan",)),
}

OUTPUTS = {
    "a store where a folder is": Case(w.make_folder("new.parquet/x"), ENCODE, ("new.parquet",), SHARDS),
    "a store below a file": Case(w.sound, ENCODE.replace("new.parquet", "train.yaml/new.parquet"), ("train.yaml",)),
    "a store where none can be": Case(w.sound, ENCODE.replace("new.parquet", "/proc/new.parquet"), ("/proc",)),
    "a name that is too long": Case(w.sound, ENCODE.replace("new.parquet", f"{'x' * 300}.parquet"), ("xxx",)),
    "results where a file is": Case(w.write("out", "mine"), PNMI, ("out",)),
    "results where none can be": Case(w.sound, PNMI.replace("-o out", "-o /proc/out"), ("/proc/out",)),
    "audio where a file is": Case(
        w.write("out", "mine"), "hac decode tokens.parquet -c hac:model -o out -j 1", ("tokens",)
    ),
    "a report where a folder is": Case(
        w.make_folder("report.html/x"), "hac-analyze report run -o report.html", ("report.html",)
    ),
    "a run where a file is": Case(w.write("new", "mine"), "hac train train.yaml -o new --cpu", ("new",)),
    "vectors where a file is": Case(
        w.write("new", "mine"), "hac embed manifest.jsonl -m hac:model -o new -j 1", ("new",)
    ),
}

DECODING = {
    "tokens that name no model": Case(w.sound, "hac decode tokens.parquet -o out -j 1", ("made-up", "--ckpt")),
    "tokens of another model": Case(w.sound, "hac decode tokens.parquet -c hac:model -o out -j 1", ("units",)),
    "a decoder that makes no audio": Case(
        w.sound, "hac decode tokens.parquet -c mfcc-kmeans:units -o out -j 1", ("mfcc-kmeans",)
    ),
    "tokens that are cut": Case(
        w.cut("tokens.parquet"), "hac decode tokens.parquet -c hac:model -o out", ("truncated",)
    ),
    "tokens that are missing": Case(w.sound, "hac decode no.parquet -c hac:model -o out", ("no.parquet", "no such")),
    "a format that is none": Case(w.sound, "hac decode tokens.parquet -o out --format mp5", ("--format", "'mp5'")),
}

ALIGNING = {
    "no transcripts": Case(
        w.rows(lambda rows: [{**row, "text": None} for row in rows]),
        "hac align manifest.jsonl -o new.parquet -j 1",
        ("no utterance", "`text`"),
    ),
    "a language without an aligner": Case(
        w.rows(lambda rows: [{**row, "language": "tlh"} for row in rows]),
        "hac align manifest.jsonl -o new.parquet -j 1",
        ("tlh",),
    ),
    "MFA that is not there": Case(
        w.sound,
        "hac align manifest.jsonl -o new.parquet --aligner mfa --mfa ./mfa --dictionary d --acoustic-model a",
        ("mfa",),
    ),
    "MFA without models": Case(
        w.all_of(w.write("mfa", "#!/bin/sh\nexit 0\n"), lambda folder: (folder / "mfa").chmod(0o755)),
        "hac align manifest.jsonl -o new.parquet --aligner mfa --mfa ./mfa",
        ("--dictionary",),
    ),
    "models without MFA": Case(w.sound, "hac align manifest.jsonl -o new.parquet --dictionary d", ("--aligner mfa",)),
}

TRAINING = {
    "a configuration that is missing": Case(w.sound, "hac train no.yaml -o new --cpu", ("no.yaml", "configs/")),
    "an unknown key": Case(w.yaml_with("train.yaml", stepz=3), "hac train train.yaml -o new", ("'stepz'", "'steps'")),
    "a list for a configuration": Case(w.write("train.yaml", "[1, 2]"), "hac train train.yaml -o new", ("list",)),
    "a configuration in itself": Case(
        w.yaml_with("train.yaml", base="train.yaml"), "hac train train.yaml -o new", ("includes itself",)
    ),
    "aliases without end": Case(w.write("train.yaml", BOMB), "hac train train.yaml -o new", ("aliases",)),
    "YAML nested deeply": Case(w.write("train.yaml", DEEP), "hac train train.yaml -o new", ("nested too deeply",)),
    "YAML that makes objects": Case(
        w.write("train.yaml", "steps: !!python/object/apply:os.system ['touch owned']"),
        "hac train train.yaml -o new",
        ("train.yaml", "YAML"),
    ),
    "--set without a value": Case(w.sound, "hac train train.yaml -o new --set steps", ("--set steps", "KEY.KEY=VALUE")),
    "--set of an unknown key": Case(w.sound, "hac train train.yaml -o new --set data.trian=x", ("'trian'", "'train'")),
    "--set of a wrong type": Case(w.sound, "hac train train.yaml -o new --set steps=many", ("steps", "'many'")),
    "--set of a broken value": Case(w.sound, "hac train train.yaml -o new --set steps=[1", ("'[1'", "YAML")),
    "--set of infinity": Case(
        w.sound, "hac train train.yaml -o new --set optimizer.learning_rate=.inf", ("learning_rate",)
    ),
    "no speech to train on": Case(
        w.sound, "hac train train.yaml -o new --cpu --set data.train=no.jsonl", ("no.jsonl",)
    ),
    "a warm start that is not there": Case(
        w.sound, "hac train train.yaml -o new --cpu --set warm_start=hac:./nowhere", ("nowhere",)
    ),
    "a warm start of no kind": Case(
        w.sound, "hac train train.yaml -o new --cpu --set warm_start=gpt:x", ("'gpt:x'", "dac:WHERE")
    ),
    "a checkpoint that is damaged": Case(
        w.write("new/checkpoints/step-00000002/trainer.json", "{"),
        "hac train train.yaml -o new --cpu",
        ("trainer.json", "damaged"),
    ),
    "a history of nothing": Case(
        w.sound, "hac-analyze history model --manifest manifest.jsonl -o out", ("no finished checkpoint",)
    ),
    "a sweep that is missing": Case(w.sound, "hac-analyze ablate no.yaml -o new --plan", ("no.yaml",)),
    "a sweep without variants": Case(
        w.yaml_with("sweep.yaml", variants=[]), "hac-analyze ablate sweep.yaml -o new --plan", ("variants",)
    ),
    "a variant out of its folder": Case(
        w.yaml_with("sweep.yaml", variants=[{"name": "../x", "config": "train.yaml"}]),
        "hac-analyze ablate sweep.yaml -o new --plan",
        ("'../x'", "letters"),
    ),
}

ANALYSES = {
    "ids that match no alignment": Case(w.token_ids(lambda id: f"x-{id}"), PNMI, ("x-utt-0", "utt-0")),
    "alignments that are cut": Case(w.cut("alignments.parquet"), PNMI, ("alignments.parquet", "hac align")),
    "alignments that are tokens": Case(w.sound, f"{PNMI} --alignments tokens.parquet", ("tokens.parquet", "'tier'")),
    "alignments of no format": Case(w.write("a.srt", "1"), f"{PNMI} --alignments a.srt", ("'.srt'", ".textgrid")),
    "a folder without alignments": Case(w.sound, f"{PNMI} --alignments audio", ("audio", "no alignments")),
    "TextGrids of two folders alike": Case(
        w.all_of(w.write("g/a/x.TextGrid", "x"), w.write("g/b/x.TextGrid", "x")),
        "hac-analyze pnmi --tokens tokens.parquet --alignments g -o out -j 1",
        ("x.TextGrid", "in doubt"),
    ),
    "a phone policy of no field": Case(w.write("p.yaml", "speed: 3\n"), f"{PNMI} --phones p.yaml", ("p.yaml",)),
    "a phone policy in a circle": Case(
        w.write("p.yaml", "include: p.yaml\nname: p\n"), f"{PNMI} --phones p.yaml", ("p.yaml", "arpabet")
    ),
    "tokens and a tokenizer": Case(w.sound, f"{PNMI} --ckpt units", ("--ckpt", "--tokens", "not both")),
    "a frame rate of nothing": Case(w.sound, f"{PNMI} --frame-rate 50/0", ("'50/0'", "44100/512")),
    "another frame rate": Case(w.sound, f"{PNMI} --frame-rate 75", ("declares frame rate 50", "75")),
    "another codebook size": Case(w.sound, f"{PNMI} --codebook-size 8", ("declares codebook size 16", "8")),
    "a joint stream of nothing": Case(w.sound, f"{PNMI} --streams units+lexical", ("lexical", "units")),
    "km without ids": Case(w.write("t.km", "1 2 3\n"), PNMI.replace("tokens.parquet", "t.km"), ("t.km", "ids")),
    "tokens of a gzip that is cut": Case(
        w.write("t.jsonl.gz", b"\x1f\x8b\x08\0\0\0\0\0"), PNMI.replace("tokens.parquet", "t.jsonl.gz"), ("gzip",)
    ),
    "tokens that are a folder of nothing": Case(
        w.make_folder("empty"), PNMI.replace("tokens.parquet", "empty"), ("empty", ".parquet")
    ),
    "segments without a column": Case(
        w.write("s.csv", "id,start,end\na,0,1\n"),
        "hac-analyze discovery --segments s.csv --manifest manifest.jsonl -o out -j 1",
        ("s.csv", "'onset'"),
    ),
    "segments and tokens": Case(w.sound, f"hac-analyze discovery --segments found.csv {COUNTED}", ("--segments",)),
    "an unknown factor": Case(w.sound, f"hac-analyze leakage {COUNTED} --factors mood", ("mood", "speaker")),
    "prosody that is tokens": Case(
        w.sound, f"hac-analyze leakage {COUNTED} --factors f0 --prosody tokens.parquet", ("tokens.parquet",)
    ),
    "vectors that are none": Case(
        w.sound, f"hac-analyze leakage {COUNTED} --probes --embeddings run", ("run", "hac embed")
    ),
    "reconstructions of another length": Case(
        w.every_audio(lambda n: w.audio(n, 0.1, 48_000), "decoded"),
        "hac-analyze recon --decoded decoded --manifest manifest.jsonl -o out -j 1 --metrics stoi --lengths refuse "
        "--strict",
        ("utt-",),
        ("out/measured/",),
    ),
    "an unknown intervention": Case(
        w.sound,
        "hac-analyze intervene --ckpt hac:model --manifest manifest.jsonl -o out -j 1 --interventions remix",
        ("remix", "swap"),
    ),
    "a level that is not there": Case(
        w.sound,
        "hac-analyze intervene --ckpt hac:model --manifest manifest.jsonl -o out -j 1 --levels semantic --asr none "
        "--speaker none --mos none",
        ("semantic",),
    ),
    "a shard that is none": Case(w.sound, "hac-analyze merge run -o out", ("run", "no such shard")),
    "a shard that is tokens": Case(w.sound, "hac-analyze merge tokens.parquet -o out", ("tokens.parquet", "--shard")),
    "a shard given twice": Case(w.sound, "hac-analyze merge counts counts -o out", ("twice",)),
    "a shard that is cut": Case(w.cut("counts/counts.parquet"), "hac-analyze merge counts -o out", ("whole shard",)),
    "a comparison of one": Case(w.sound, "hac-analyze compare run", ("one run", "baseline")),
    "a comparison of nothing": Case(w.sound, "hac-analyze compare run ./nowhere", ("nowhere",)),
    "results of a newer version": Case(
        w.json_with("run/results.json", version=99), "hac-analyze compare run run", ("99", "upgrade")
    ),
    "results of another program": Case(
        w.json_with("run/results.json", schema="x"), "hac-analyze report run", ("hac-results",)
    ),
    "results nested deeply": Case(w.write("run/results.json", DEEP), "hac-analyze report run", ("nested too deeply",)),
    "draws that are cut": Case(w.cut("run/draws.parquet"), "hac-analyze compare run run", ("draws.parquet",)),
    "a limit without a number": Case(w.sound, "hac-analyze compare run run --fail-on pnmi", ("--fail-on", "pnmi")),
    "a report of nothing": Case(w.make_folder("empty"), "hac-analyze report empty", ("empty", "results.json")),
    "clips out of the run": Case(
        w.write(
            "run/listen/clips.json",
            '{"schema_version": 1, "clips": [{"utterance": "a", "speaker": null, "language": null, "text": null, '
            '"duration_s": 1, "tiers": [], "sounds": [{"name": "original", "kind": "original", "duration_s": 1, '
            '"file": "../../../etc/passwd", "spectrogram": null}]}]}',
        ),
        "hac-analyze report run -o report.html",
        ("clips.json",),
    ),
    "an export to no format": Case(w.sound, "hac-analyze export tokens.parquet -o out", ("--textgrid",)),
    "an export of nothing": Case(w.sound, "hac-analyze export no.parquet --textgrid -o out", ("no.parquet",)),
}

CLUSTERS = {
    "an address that leads nowhere": Case(
        w.sound, f"{ENCODE} --cluster tcp://127.0.0.1:9", ("tcp://127.0.0.1:9", "no Dask scheduler answers")
    ),
    "an address that is none": Case(w.sound, f"{ENCODE} --cluster nonsense://x", ("nonsense://x", "tcp://host:8786")),
    "a scheduler file that is none": Case(
        w.write("s.json", "[]"), f"{ENCODE} --cluster s.json", ("s.json", "dask scheduler --scheduler-file")
    ),
    "a batch system of no kind": Case(
        w.write("c.yaml", "jobqueue: {cron: {cores: 1}}\njobs: 1\n"), f"{ENCODE} --cluster c.yaml", ("c.yaml", "slurm")
    ),
    "a batch system of two threads": Case(
        w.write("c.yaml", "jobqueue: {slurm: {cores: 4, processes: 2, memory: 1GB}}\njobs: 1\n"),
        f"{ENCODE} --cluster c.yaml",
        ("cores is 4", "processes is 2"),
    ),
}

WORDS = {
    "an unknown command": Case(w.sound, "hac-analyze pnim", ("'pnim'", "hac-analyze --help")),
    "an unknown option": Case(w.sound, f"{ENCODE} --jobz 3", ("--jobz", "hac encode --help")),
    "a missing argument": Case(w.sound, "hac train -o new", ("Missing argument", "train --help")),
    "too few draws": Case(w.sound, f"{PNMI} --nulls 1", ("--nulls", "2")),
    "a number in words": Case(w.sound, f"{PNMI} --seed first", ("--seed", "valid integer")),
    "no jobs at all": Case(w.sound, f"{ENCODE[:-1]}0", ("0 jobs", "-1")),
    "a batch of no length": Case(w.sound, f"{ENCODE} --batch-s nan", ("batch",)),
    "a stream that is not there": Case(w.sound, f"{ENCODE} -s lexical", ("lexical", "units")),
}

GALLERY = MANIFESTS | CORPORA | AUDIO | MODELS | OUTPUTS | DECODING | ALIGNING | TRAINING | ANALYSES | CLUSTERS | WORDS
AS_PROCESS = (
    "manifest missing",
    "Kaldi with a command",
    "results nested deeply",
    "an unknown command",
    "pickled weights",
    "segments without a column",
)
assert len(GALLERY) == sum(
    map(len, (MANIFESTS, CORPORA, AUDIO, MODELS, OUTPUTS, DECODING, ALIGNING, TRAINING, ANALYSES, CLUSTERS, WORDS))
)

"""Bad models, tokenizers, outputs, decodings and trainings."""

from __future__ import annotations

from tests.bad import world as w
from tests.bad.cases import BOMB, CODE, DEEP, ENCODE, PICKLE, PNMI, SHARDS, Case

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
        w.write("out", "mine"), "hac decode tokens.parquet -c hac:model -o out -j 1", ("out", "choose another folder")
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
    "a launcher with an open quote by hand": Case(
        w.sound, "hac-analyze ablate sweep.yaml -o out --launcher 'nice \"-n 5'", ("--launcher", "is no command line")
    ),
    "a key that stands twice": Case(
        w.write("sweep.yaml", "variants: [full.yaml]\nseeds: [3]\nseeds: [4]\n"),
        "hac-analyze ablate sweep.yaml -o out",
        ("sweep.yaml", "'seeds' stands twice"),
    ),
    "a launcher with an open quote": Case(
        w.yaml_with("sweep.yaml", launcher='nice "-n 5'),
        "hac-analyze ablate sweep.yaml -o new --plan",
        ("launcher", "is no command line"),
    ),
    "a sweep without variants": Case(
        w.yaml_with("sweep.yaml", variants=[]), "hac-analyze ablate sweep.yaml -o new --plan", ("variants",)
    ),
    "a variant out of its folder": Case(
        w.yaml_with("sweep.yaml", variants=[{"name": "../x", "config": "train.yaml"}]),
        "hac-analyze ablate sweep.yaml -o new --plan",
        ("'../x'", "letters"),
    ),
}

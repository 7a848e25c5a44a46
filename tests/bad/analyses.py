"""Bad input of analyses, reports and clusters, and bad words."""

from __future__ import annotations

from tests.bad import world as w
from tests.bad.cases import COUNTED, DEEP, ENCODE, PNMI, Case

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
    "draws that are cut": Case(w.cut("run/jackknife.parquet"), "hac-analyze compare run run", ("jackknife.parquet",)),
    "a limit without a number": Case(w.sound, "hac-analyze compare run run --fail-on pnmi", ("--fail-on", "pnmi")),
    "a limit on what has no worse side": Case(
        w.sound, "hac-analyze compare run run --fail-on perplexity:1", ("--fail-on perplexity",)
    ),
    "a match without a stream": Case(w.sound, "hac-analyze compare run run --match units=", ("units=", "OTHER=OWN")),
    "a match of no stream": Case(w.sound, "hac-analyze compare run run --match x=y", ("'y'", "it has")),
    "a comparison of folders of runs": Case(w.sound, "hac-analyze compare . .", ("each a run", "run")),
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

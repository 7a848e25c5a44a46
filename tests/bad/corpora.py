"""Bad manifests, corpora, recordings and alignments."""

from __future__ import annotations

from tests.bad import world as w
from tests.bad.cases import DEEP, ENCODE, PNMI, SHARDS, Case

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

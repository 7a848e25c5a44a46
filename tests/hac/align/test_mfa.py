"""MFA isn't installable here: a small program stands in, which speaks its command line and writes its TextGrids."""

import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from hac.align.mfa import MfaOptions, find_program
from hac.align.run import Options, align_corpus
from hac.data.audio.audio import write_audio
from hac.data.manifest.manifest import Manifest, Utterance
from hac.errors import FailureLog, HacError

FAKE = """#!{python}
import json, sys
from pathlib import Path
if sys.argv[1] == "version":
    print("3.4.3"); sys.exit(0)
assert sys.argv[1:3] == ["align", "--clean"], sys.argv
corpus, dictionary, model, out = sys.argv[-4:]
if model == "broken":
    print("INFO setting up"); print("ERROR: the model is for another phone set", file=sys.stderr); sys.exit(3)
if model == "silent":
    sys.exit(0)
GRID = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = ""
        intervals [2]:
            xmin = 0.25
            xmax = 1
            text = "{{text}}"
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = ""
        intervals [2]:
            xmin = 0.25
            xmax = 1
            text = "AH0"
'''
for lab in sorted(Path(corpus).rglob("*.lab")):
    assert lab.with_suffix(".flac").is_file()
    text = lab.read_text(encoding="utf-8").strip()
    if text == "unalignable":
        continue
    grid = Path(out) / lab.relative_to(corpus).with_suffix(".TextGrid")
    grid.parent.mkdir(parents=True, exist_ok=True)
    grid.write_text(GRID.replace("{{text}}", text), encoding="utf-8")
names = sorted(str(path.relative_to(corpus)) for path in Path(corpus).rglob("*.lab"))
Path({record!r}).write_text(json.dumps(sys.argv[1:] + names))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "mfa"
    path.parent.mkdir()
    path.write_text(FAKE.format(python=sys.executable, record=str(tmp_path / "record.json")), encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 16_000).astype(np.float32)
    utterances = []
    for index, (id, speaker, text) in enumerate(
        [("../../etc/passwd", "A; rm -rf /", "one"), ("b\nb", "B/..", "two\nlines"), ("c", None, "unalignable")]
    ):
        write_audio(tmp_path / f"{index}.wav", noise, 16_000)
        utterances.append(Utterance(id, f"{index}.wav", 1.0, speaker, "en", text))
    return Manifest(tmp_path, tuple(utterances))


def options(program: Path, model: str = "english_us_arpa") -> Options:
    return Options("mfa", 2, MfaOptions("english_us_arpa", model, program))


def test_ids_come_back_whatever_they_are(program, manifest, tmp_path):
    failures = FailureLog()
    found = align_corpus(manifest, options(program), failures=failures)
    assert found.phones.ids == ("../../etc/passwd", "b\nb")
    assert set(found.words.vocabulary) - {""} == {"one", "two lines"}
    assert int(found.phones.offset_us.max()) == 1_000_000
    assert failures.by_reason() == {"mfa-unaligned": 1}
    assert found.provenance["mfa_version"] == "3.4.3"
    record = (tmp_path / "record.json").read_text()
    assert '"-j", "2"' in record
    assert "long_textgrid" in record
    assert "rm -rf" not in record
    assert "passwd" not in record


def test_its_log_is_shown_when_it_fails(program, manifest):
    with pytest.raises(HacError, match=r"exit code 3.*another phone set"):
        align_corpus(manifest, options(program, "broken"), failures=FailureLog())


def test_no_output_is_an_error(program, manifest):
    with pytest.raises(HacError, match="wrote no TextGrid"):
        align_corpus(manifest, options(program, "silent"), failures=FailureLog())


def test_not_installed_says_how_to_get_it(monkeypatch, manifest):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HacError, match=r"conda create.*--aligner builtin"):
        find_program()
    with pytest.raises(HacError, match="no program there"):
        find_program(Path("/nowhere/mfa"))


def test_it_needs_models(manifest):
    with pytest.raises(HacError, match="--dictionary and --acoustic-model"):
        align_corpus(manifest, Options("mfa"), failures=FailureLog())

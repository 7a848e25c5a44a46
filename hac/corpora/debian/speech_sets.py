"""The speech sets in Debian's packages: where each keeps its audio and its transcripts.

Each set lists the packages it needs and a reader that pairs audio with text. What is no speech (beeps,
silence), has no text, or a text that does not say exactly what is spoken (notes in brackets, damaged letters)
is left out and counted by reason: an alignment to a wrong text is worse than a smaller corpus.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hac.errors import HacError


@dataclass(frozen=True, slots=True)
class Prompt:
    """One recording as the package has it.

    Attributes:
        id: unique over all sets, safe as a file name.
        audio: the file in the unpacked package.
        text: transcript; empty where there is none.
        speaker: speaker or role, or None where the package does not say.
    """

    id: str
    audio: Path
    text: str
    speaker: str | None


@dataclass(frozen=True, slots=True)
class SpeechSet:
    """A set of recordings in one language.

    Attributes:
        name: as given to `--sets`.
        packages: Debian packages to fetch; the reader gets their unpacked folders in this order.
        licence: as the packages state it.
        reader: pairs audio with text.
    """

    name: str
    language: str
    packages: tuple[str, ...]
    licence: str
    reader: Callable[[SpeechSet, Mapping[str, Path]], Iterator[Prompt]]

    def read(self, folders: Mapping[str, Path]) -> list[Prompt]:
        """All recordings of the set, sorted by id.

        Raises:
            HacError: the packages hold no recording where this set's reader looks.
        """
        prompts = sorted(self.reader(self, folders), key=lambda prompt: prompt.id)
        if not prompts:
            raise HacError(
                f"no recordings of the set {self.name} in {', '.join(self.packages)}: this version of them"
                " is laid out in another way; leave the set out with --sets"
            )
        return prompts

    def prompt(self, key: str, audio: Path, text: str, speaker: str | None) -> Prompt:
        """A prompt whose id is the set's name and the key, with unusual characters replaced by dashes."""
        safe = re.sub(r"[^A-Za-z0-9_.]+", "-", key).strip("-.")
        return Prompt(f"{self.name}-{safe}", audio, text, speaker)


_SIGN = re.compile(r"[\[(<][^\w\])>]*[\])>]")
_WHOLLY_BRACKETED = re.compile(r"[\[(<].*[\])>]\.?")
_NOTE = re.compile(r"[\[\](){}<>%\\]")
# a question mark inside a word, alone, or before a small letter is an accented letter lost in a conversion
_DAMAGED = re.compile(r"\w\?\w|\s\?\s|\?\s+[a-zà-öø-ÿ]|\ufffd")
_SCRIPTS = {"ru": re.compile(r"[\u0400-\u04ff]")}


def clean_text(text: str, language: str) -> tuple[str, str | None]:
    """The spoken text, and the reason to leave the prompt out (None to keep it).

    `dash [-]` becomes `dash`: a bracket without letters shows the sign that is being named.
    """
    text = " ".join(_SIGN.sub(" ", text).split())
    if not any(letter.isalnum() for letter in text):
        return text, "no-transcript"
    if _WHOLLY_BRACKETED.fullmatch(text):
        return text, "not-speech"
    if _NOTE.search(text):
        return text, "transcript-has-notes"
    if _DAMAGED.search(text):
        return text, "transcript-damaged"
    script = _SCRIPTS.get(language)
    if script and re.search(r"[^\W\d_]", text) and not script.search(text):
        return text, "transcript-other-language"
    return text, None


# sounds that some of the languages describe without brackets
_ASTERISK_SOUNDS = re.compile(r"silence/.*|beep|beeperr|.*cending-2tone|tt-monkeys|confbridge-(join|leave)")


def _asterisk(entry: SpeechSet, folders: Mapping[str, Path]) -> Iterator[Prompt]:
    """Prompts of the Asterisk telephone exchange: `key: text` lines, audio in `LL_CC_sex_Name/key.g722`."""
    text_package, audio_package = (folders[name] for name in entry.packages)
    (listing,) = _found(text_package, f"usr/share/doc/*/core-sounds-{entry.language}.txt.gz", entry)
    texts = asterisk_texts(gzip.decompress(listing.read_bytes()).decode("utf-8-sig", errors="replace"))
    for voice in sorted((audio_package / "usr/share/asterisk/sounds").glob(f"{entry.language}_*")):
        if voice.is_symlink():
            continue
        for audio in sorted(voice.rglob("*.g722")):
            key = audio.relative_to(voice).with_suffix("").as_posix()
            text = "[sound]" if _ASTERISK_SOUNDS.fullmatch(key) else texts.get(key, "")
            yield entry.prompt(key, audio, text, voice.name.rpartition("_")[2])


def asterisk_texts(listing: str) -> dict[str, str]:
    """Text by key from an Asterisk transcript listing (`key: text` lines, `;` comments)."""
    texts: dict[str, str] = {}
    for line in listing.splitlines():
        key, colon, text = line.partition(":")
        if colon and not line.startswith(";"):
            # one Russian line repeats its key
            texts[key.strip()] = text.strip().removeprefix(f"{key.strip()}:").strip()
    return texts


def _tuxpaint(entry: SpeechSet, folders: Mapping[str, Path]) -> Iterator[Prompt]:
    """Spoken captions of Tux Paint's stamps: `X_desc_LL.ogg` beside `X.txt` with `LL.utf8=` lines."""
    stamps = folders[entry.packages[0]] / "usr/share/tuxpaint/stamps"
    ending = f"_desc_{entry.language}.ogg"
    for audio in sorted(stamps.rglob(f"*{ending}")):
        caption = audio.with_name(audio.name.removesuffix(ending) + ".txt")
        text = tuxpaint_text(caption.read_bytes(), entry.language) if caption.is_file() else ""
        key = caption.relative_to(stamps).with_suffix("").as_posix()
        yield entry.prompt(key, audio, text, None)


def tuxpaint_text(caption: bytes, language: str) -> str:
    """The caption in one language, empty where it is missing."""
    prefix = f"{language}.utf8="
    lines = caption.decode("utf-8", errors="replace").splitlines()
    return next((line.removeprefix(prefix).strip() for line in lines if line.startswith(prefix)), "")


def _fillets(entry: SpeechSet, folders: Mapping[str, Path]) -> Iterator[Prompt]:
    """Acted dialogue of the game Fish Fillets: `sound/LEVEL/cs/key.ogg`, `script/LEVEL/*dialogs_cs.lua`."""
    game = "usr/share/games/fillets-ng"
    audio_package, text_package = (folders[name] for name in entry.packages)
    for folder in sorted((audio_package / game / "sound").glob(f"*/{entry.language}")):
        level = folder.parent.name
        lines: dict[str, tuple[str, str]] = {}
        for script in sorted((text_package / game / "script" / level).glob(f"*dialogs_{entry.language}.lua")):
            lines.update(fillets_lines(script.read_text(encoding="utf-8", errors="replace")))
        for audio in sorted(folder.glob("*.ogg")):
            role, text = lines.get(audio.stem, ("", ""))
            yield entry.prompt(f"{level}-{audio.stem}", audio, text, f"fillets-{role}" if role else None)


_LUA_STRING = r'"((?:[^"\\]|\\.)*)"'
_DIALOG = re.compile(rf"dialogId\(\s*{_LUA_STRING}\s*,\s*{_LUA_STRING}|dialogStr\(\s*{_LUA_STRING}\s*\)", re.DOTALL)


def fillets_lines(script: str) -> dict[str, tuple[str, str]]:
    """Role and text by dialogue key. The role is the font its subtitle is drawn in, without `font_`."""
    lines: dict[str, tuple[str, str]] = {}
    key = role = ""
    for match in _DIALOG.finditer(script):
        if match[1] is not None:
            key, role = match[1], match[2].removeprefix("font_")
        elif key:
            lines[key] = (role, match[3])
    return lines


def _found(folder: Path, pattern: str, entry: SpeechSet) -> list[Path]:
    paths = sorted(folder.glob(pattern))
    if len(paths) != 1:
        raise HacError(
            f"found {len(paths)} files {pattern} for the set {entry.name}, expected one: this version of the"
            " package is laid out in another way; leave the set out with --sets"
        )
    return paths


def _asterisk_set(language: str, licence: str) -> SpeechSet:
    base = f"asterisk-core-sounds-{language}"
    return SpeechSet(f"asterisk-{language}", language, (base, f"{base}-g722"), licence, _asterisk)


SPEECH_SETS: Mapping[str, SpeechSet] = {
    entry.name: entry
    for entry in (
        _asterisk_set("en", "CC-BY-SA-3.0"),
        _asterisk_set("es", "CC-BY-SA-3.0"),
        _asterisk_set("it", "CC-BY-SA-3.0"),
        _asterisk_set("ru", "CC-BY-3.0"),
        *(
            SpeechSet(f"tuxpaint-{language}", language, ("tuxpaint-stamps-default",), "GPL-2", _tuxpaint)
            for language in ("es", "fr", "ro", "ru")
        ),
        SpeechSet("fillets-cs", "cs", ("fillets-ng-data-cs", "fillets-ng-data"), "GPL-2", _fillets),
    )
}
"""Every set by name: those whose transcripts a speech recognizer agrees with."""


def choose_sets(names: str | None) -> list[SpeechSet]:
    """The sets named in a comma-separated list, in that order; all of them for None.

    Raises:
        HacError: a name is unknown, or none is given.
    """
    if names is None:
        return list(SPEECH_SETS.values())
    chosen = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in chosen:
        if name not in SPEECH_SETS:
            raise HacError(f"--sets: no set is called {name!r}; expected some of {', '.join(SPEECH_SETS)}")
    if not chosen:
        raise HacError(f"--sets is empty; expected some of {', '.join(SPEECH_SETS)}")
    return [SPEECH_SETS[name] for name in chosen]

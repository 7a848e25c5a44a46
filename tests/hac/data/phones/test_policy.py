import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

import gruut_lang_cs
import gruut_lang_de
import gruut_lang_en
import gruut_lang_es
import gruut_lang_fr
import gruut_lang_it
import gruut_lang_nl
import gruut_lang_pt
import gruut_lang_ru
import pytest
from gruut_ipa.constants import CONSONANTS, VOWELS
from hypothesis import given, settings
from hypothesis import strategies as st

from hac.data.alignments.alignment import tier_from_rows
from hac.data.phones.classes import UNKNOWN, PhoneClasses, arpabet_to_ipa
from hac.data.phones.policy import (
    PhonePolicy,
    choose_policy,
    load_phone_map,
    load_policy,
    looks_like_phones,
    phone_classes,
    policy_names,
)
from hac.errors import HacError

ARPABET = load_policy("arpabet").phone_set
GRUUT = (
    gruut_lang_cs,
    gruut_lang_de,
    gruut_lang_en,
    gruut_lang_es,
    gruut_lang_fr,
    gruut_lang_it,
    gruut_lang_nl,
    gruut_lang_pt,
    gruut_lang_ru,
)
# Some phones of MFA 3's dictionaries for English, German, French, Mandarin, Japanese and Russian
MFA_IPA = """aj aw ej ow ɔj tʃ dʒ tʲ dʲ cʰ cʷ pʰ kʷ ɟʷ ɫ ɫ̩ ɲ ɾʲ ɹ̩ ɝ ɚ ɐ ʉ ʉː ɑː ɜː ç mʲ n̩ t̪ d̪ tʷ vʷ ʔ ts ts̪ pf
tɕ dʑ ʈʂ ʈʂʰ tsʰ ɻ ʐ̩ z̩ aj˥˩ ow˧˥ i˥ ə˩ ɕː ʑː ɴ ɯ̥ ɨ̥ː tɕː ŋ̍ ɥ ʁ ɛ̃ ɔ̃ ɑ̃ aʊ aɪ ɔʏ ʂː s̪ z̪ʲ sʲː l̪ ɭ"""
TIMIT61 = """iy ih eh ey ae aa aw ay ah ao oy ow uh uw ux er ax ix axr ax-h jh ch b d g p t k dx s sh z zh f th v
dh m n ng em nx en eng l r w y hh hv el bcl dcl gcl pcl tcl kcl q pau epi h#"""
ESPEAK_IPA = """aɪ aʊ eɪ əʊ oʊ ɔɪ aɪə aɪɚ ɪɹ ɛɹ ʊɹ oːɹ ɔːɹ ɑːɹ
iə eə ʊə əl tʃ dʒ ᵻ ɐ ɾ ʔ n̩ ɜː pf ts œy ɛɪ ʌʊ tɕ dʑ ʎ rr ɣ"""


@cache
def gruut_phones(language):
    with closing(sqlite3.connect(Path(language.__file__).parent / "lexicon.db")) as lexicon:
        rows = lexicon.execute("select phonemes from word_phonemes").fetchall()
    return frozenset(" ".join(phones for (phones,) in rows).split())


@pytest.mark.parametrize("language", GRUUT, ids=lambda module: module.__name__)
def test_every_phone_of_gruut_has_classes(language):
    phones = gruut_phones(language)
    assert len(phones) > 30
    assert [phone for phone in sorted(phones) if not phone_classes(phone, "ipa").known] == []


@pytest.mark.parametrize("phone", [*MFA_IPA.split(), *ESPEAK_IPA.split()])
def test_phones_of_mfa_and_espeak_have_classes(phone):
    assert phone_classes(phone).known


def test_every_arpabet_phone_has_classes():
    assert len(ARPABET) == 41
    for phone in (*ARPABET, *arpabet_to_ipa()):
        kind = phone_classes(phone, "arpabet")
        assert None not in (kind.manner, kind.place, kind.voicing, kind.height), phone
        assert phone_classes(phone.lower(), "arpabet") == kind


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("AH0", ("vowel", "back", "voiced", "open-mid")),
        ("AY2", ("diphthong", "front", "voiced", "open")),
        ("JH", ("affricate", "postalveolar", "voiced", "consonant")),
        ("Y", ("approximant", "palatal", "voiced", "consonant")),
        ("y", ("vowel", "front", "voiced", "close")),
        ("t͡ʃ", ("affricate", "postalveolar", "voiceless", "consonant")),
        ("ʈʂʰ", ("affricate", "retroflex", "voiceless", "consonant")),
        ("t̪ː", ("plosive", "dental", "voiceless", "consonant")),
        ("ˈeɪ", ("diphthong", "front", "voiced", "close-mid")),
        ("wa", ("diphthong", "front", "voiced", "open")),
        ("i̯ɛ", ("diphthong", "front", "voiced", "open-mid")),
        ("ɐ̃w̃", ("diphthong", "central", "voiced", "near-open")),
        ("ɔːɹ", ("vowel", "back", "voiced", "open-mid")),
        ("r̝̊", ("trill", "alveolar", "voiceless", "consonant")),
        ("ç", ("fricative", "palatal", "voiceless", "consonant")),
        ("c\u0327", ("fricative", "palatal", "voiceless", "consonant")),
        ("g", ("plosive", "velar", "voiced", "consonant")),
        ("k͡p", ("plosive", "labial-velar", "voiceless", "consonant")),
        ("ⁿd", ("plosive", "alveolar", "voiced", "consonant")),
        ("SIL", ("silence",) * 4),
        ("", ("silence",) * 4),
        ("spn", ("noise",) * 4),
    ],
)
def test_classes(label, expected):
    assert phone_classes(label) == PhoneClasses(*expected)


@pytest.mark.parametrize("label", ["the", "is", "7", "ˈ", "?", "XX", "pk", "-"])
def test_what_is_no_phone_is_unknown(label):
    assert phone_classes(label) == UNKNOWN
    assert not UNKNOWN.known


def test_letters_agree_with_the_table_of_gruut_ipa():
    same = {
        "labio-dental": "labiodental",
        "post-alveolar": "postalveolar",
        "flap": "tap",
        "lateral-approximant": "lateral",
    }
    same |= {"near-front": "front", "near-back": "back"}
    # Against the chart of the IPA, gruut has a palatal ʐ and a voiceless ʝ; ʡ, w and ᵻ are a matter of convention
    compared = 0
    for symbol, theirs in CONSONANTS.items():
        if len(symbol) == 1 and symbol not in "ʐʝʡw":
            names = [theirs.type.value, theirs.place.value, "voiced" if theirs.voiced else "voiceless"]
            ours = phone_classes(symbol, "ipa")
            assert [ours.manner, ours.place, ours.voicing] == [same.get(name, name) for name in names], symbol
            compared += 1
    for symbol, theirs in VOWELS.items():
        if symbol != "ᵻ":
            ours = phone_classes(symbol, "ipa")
            place = theirs.placement.value
            assert [ours.place, ours.height] == [same.get(place, place), theirs.height.value], symbol
            compared += 1
    assert compared > 80


def test_the_shipped_policies_load_and_are_idempotent():
    assert policy_names() == ("arpabet", "arpabet-open", "ipa", "none", "timit39", "words")
    for name in policy_names():
        policy = load_policy(name)
        assert policy.name == name
        labels = [*ARPABET, "AH0", "sp", "tʲ", "bcl", "ao", "zh", "h#", "ˈaː"]
        once = [label for label in policy.map_labels(labels) if label is not None]
        assert policy.map_labels(once) == once


@settings(deadline=None)
@given(st.lists(st.text("aɑːˈ0_BAHɪsilp̩˥ ", max_size=5)))
def test_mapping_names_one_by_one_equals_mapping_them_together(labels):
    policy = load_policy("ipa")
    assert policy.map_labels(labels) == [policy.map_labels([label])[0] for label in labels]


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        ("arpabet", "AH0", "AH"),
        ("arpabet", "ah1_B", "AH"),
        ("arpabet", "SIL_S", "sil"),
        ("arpabet", "<eps>", "sil"),
        ("arpabet", "+NOISE+", "spn"),
        ("ipa", "ˈaː", "aː"),
        ("ipa", "a1", "a1"),
        ("words", "noise", "noise"),
        ("words", "pause", "pause"),
        ("words", "<unk>", "<unk>"),
        ("words", "<eps>", "sil"),
        ("ipa", "c\u0327", "ç"),
        ("ipa", "aj˥˩", "aj˥˩"),
        ("ipa", "ˈ", "ˈ"),
        ("timit39", "ix", "ih"),
        ("timit39", "kcl", "sil"),
        ("timit39", "epi", "sil"),
        ("timit39", "q", None),
        ("none", "AH0", "AH0"),
        ("none", "spn", "spn"),
        ("none", "pau", "sil"),
    ],
)
def test_labels_under_the_shipped_policies(name, label, expected):
    assert load_policy(name).map_labels([label]) == [expected]


def test_length_and_tone_are_cut_where_asked():
    policy = PhonePolicy(name="bare", strip_length=True, strip_tone=True)
    assert policy.map_labels(["aː˥˩", "i³⁵", "ˈo"]) == ["a", "i", "ˈo"]


@pytest.mark.parametrize(("rule", "expected"), [("keep", "spn"), ("silence", "sil"), ("drop", None)])
def test_the_noise_rules(rule, expected):
    assert PhonePolicy(name="x", noise_rule=rule).map_labels(["[NOISE]"]) == [expected]


def test_timit39_has_39_phones_and_maps_all_61_symbols_into_them():
    policy = load_policy("timit39")
    symbols = TIMIT61.split()
    assert len(symbols) == 61
    assert len(policy.phone_set) == len(set(policy.phone_set)) == 39
    assert set(policy.map_labels(symbols)) == {*policy.phone_set, None}


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (["AH0", "B", "SIL", "spn"], "arpabet"),
        (["AH_B", "HH_I", "SIL_S"], "arpabet"),
        (["ah", "b", "hh", "pau"], "arpabet"),
        (["AX", "B", "DX"], "arpabet-open"),
        (["aa", "bcl", "b", "h#"], "timit39"),
        (["ɑ", "t", "tʃ", "aj", ""], "ipa"),
        (["a", "b", "k"], "ipa"),
        (["1", "2"], "none"),
        ([], "none"),
    ],
)
def test_auto_picks_by_the_vocabulary(labels, name):
    assert choose_policy(labels).name == load_policy("auto", labels).name == name


@pytest.mark.parametrize("language", GRUUT, ids=lambda module: module.__name__)
def test_auto_knows_gruut_for_ipa(language):
    assert choose_policy(gruut_phones(language)).name == "ipa"


def test_phones_are_told_from_words():
    assert looks_like_phones({"AH0", "B", "SIL"})
    assert looks_like_phones({"ɑ", "t", "sil"})
    assert not looks_like_phones({"the", "cat", "sat", "a", "sil"})


def test_apply_maps_names_and_removes_intervals():
    rows = [("u1", "AH0", 0, 1), ("u1", "spn", 1, 2), ("u2", "AH1", 0, 1), ("u2", "sp", 1, 3)]
    tier = PhonePolicy(name="x", strip_stress=True, noise_rule="drop").apply(tier_from_rows("phones", rows))
    assert tier.vocabulary == ("AH", "sil")
    assert tier.rows() == [("u1", "AH", 0, 1), ("u2", "AH", 0, 1), ("u2", "sil", 1, 3)]
    assert tier.bounds.tolist() == [0, 1, 3]


def test_a_given_phone_set_is_the_vocabulary_whatever_is_found():
    tier = load_policy("arpabet").apply(tier_from_rows("phones", [("u", "AH0", 0, 1)]))
    assert tier.vocabulary == ARPABET


def test_an_unknown_phone_names_itself_and_its_utterance():
    tier = tier_from_rows("phones", [("u1", "AH0", 0, 1), ("u2", "QQ", 0, 1)], vocabulary=["AH0", "QQ", "unused"])
    with pytest.raises(HacError, match=r"u2: label 'QQ' of tier 'phones' is not in the label set of 41 labels"):
        load_policy("arpabet").apply(tier)


def test_an_unknown_phone_that_is_not_used_is_no_error():
    tier = tier_from_rows("phones", [("u1", "AH0", 0, 1)], vocabulary=["AH0", "QQ"])
    assert load_policy("arpabet").apply(tier).rows() == [("u1", "AH", 0, 1)]


def test_a_policy_of_ones_own_includes_another_and_a_map(tmp_path):
    (tmp_path / "fold.csv").write_text("from,to\nZH,SH\nHH,\n", encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text("include: arpabet\nname: own\nmap: fold.csv\nnoise_rule: silence\n", encoding="utf-8")
    policy = load_policy(own)
    assert policy.name == "own"
    assert policy.map_labels(["ZH", "HH", "spn", "AH0"]) == ["SH", None, "sil", "AH"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\ncolour: red\n", r"colour: Extra inputs are not permitted"),
        ("name: x\nnoise_rule: shout\n", r"noise_rule: Input should be 'keep', 'silence' or 'drop'"),
        ("strip_stress: true\n", r"name: Field required"),
        ("- a\n", r"holds no fields"),
        ("name: [\n", r"no readable YAML"),
        ("name: x\nmap: none.csv\n", r"none.csv: cannot be read \(No such file or directory\); expected a phone map"),
    ],
)
def test_a_file_that_is_no_policy_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HacError, match=sentence):
        load_policy(path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"phone,to\na,b\n", r"the column 'from' is missing \(columns found: phone, to\); expected a phone map"),
        (b"", r"the column 'from' is missing \(columns found: none\)"),
        (b"from,to\na,b\na,c\n", r"line 3: 'a' is mapped twice"),
        (b"from,to\n\xe6,b\n", r"byte 8 is not valid UTF-8; expected a phone map"),
        (b"from,to,to\na,b,c\n", r"the column 'to' stands twice"),
    ],
)
def test_a_file_that_is_no_phone_map_is_one_sentence(tmp_path, data, sentence):
    path = tmp_path / "map.csv"
    path.write_bytes(data)
    with pytest.raises(HacError, match=sentence):
        load_phone_map(path)


def test_an_unknown_policy_lists_those_there_are():
    with pytest.raises(HacError, match=r"no such phone policy; expected auto, arpabet, arpabet-open, ipa, none"):
        load_policy("klingon")

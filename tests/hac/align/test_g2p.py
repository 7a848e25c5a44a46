import pytest

from hac.align import g2p
from hac.align.alignment_types import AlignmentFailure
from hac.align.g2p import arpabet_map, base_language, espeak_phones, pronounce, to_arpabet

SPHINX_PHONES = set(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()  # noqa: SIM905
)


def test_numbers_and_abbreviations_are_spoken():
    words = [word.text for word in pronounce("Dr. Smith paid $3.50, on May 4.", "en-US")]
    assert words[:3] == ["doctor", "smith", "paid"]
    assert "three" in words
    assert not any(any(c.isdigit() for c in word) for word in words)


def test_stress_and_punctuation_leave_no_phones():
    words = pronounce("Où est-il ? « Là-bas ! »", "fr")
    assert all(not set(phone) & set("ˈˌ|‖'") and phone for word in words for phone in word.phones)


def test_a_text_does_not_change_the_pronunciation_of_the_next():
    # gruut writes a liaison into the entry that it remembers: `un` kept the n of `un arbre`
    alone = pronounce("un chat", "fr")
    assert pronounce("un arbre", "fr")[0].phones != alone[0].phones
    assert pronounce("un chat", "fr") == alone


def test_the_indexed_lexicon_says_what_the_lexicon_says():
    gruut = pytest.importorskip("gruut")
    for text in ("Je suis arrivé hier soir.", "Les enfants dorment."):
        (sentence,) = gruut.sentences(text, lang="fr-fr")
        plain = [tuple(token.phonemes) for token in sentence if token.is_spoken and token.phonemes]
        indexed = [word.phones for word in pronounce(text, "fr")]
        assert indexed == [tuple(phone.strip("ˈˌ") for phone in phones) for phones in plain]


def test_words_are_found_by_an_index():
    pronounce("bueno", "es")
    processor, _ = g2p._gruut_processor("es")
    connection = processor.get_settings("es-es").lookup_phonemes.phonemizer.db_conn
    query = "SELECT role, phonemes FROM word_phonemes WHERE word = 'bueno' ORDER BY pron_order"
    plan = " ".join(row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "SEARCH" in plan
    assert "SCAN" not in plan
    assert (
        connection.execute(query).fetchall()
        == connection.execute(query.replace("FROM word", "FROM main.word")).fetchall()
    )


@pytest.mark.parametrize(("letters", "language", "count"), [("z", "es", 4), ("T U.", "it", 3), ("h", "fr", 2)])
def test_lone_letters_are_named(letters, language, count):
    assert sum(len(word.phones) for word in pronounce(letters, language)) == count


def test_a_letter_among_words_and_an_english_letter_are_left_to_gruut():
    assert pronounce("z domu", "cs")[0].phones in (("z",), ("s",), ("z", "s"))
    assert len(pronounce("W", "en")[0].phones) > 3


def test_a_language_without_gruut_falls_to_espeak():
    words = pronounce("Szybki lis", "pl")
    assert [word.text for word in words] == ["szybki", "lis"]
    assert words[1].phones == ("l", "i", "s")


@pytest.mark.parametrize("text", ["...", " — !", "()"])
def test_text_without_words_is_a_failure(text):
    with pytest.raises(AlignmentFailure) as caught:
        pronounce(text, "en")
    assert caught.value.reason == "text-unspoken"


def test_an_unknown_language_is_one_clear_sentence():
    with pytest.raises(Exception, match="neither gruut nor espeak-ng can pronounce"):
        pronounce("word", "xx")


def test_the_map_knows_every_english_phone_and_only_the_models():
    from gruut_ipa import Phonemes

    assert set(arpabet_map().values()) <= SPHINX_PHONES
    for phone in Phonemes.from_language("en-us"):
        assert to_arpabet((phone.text,))


def test_arpabet_splits_compounds_and_refuses_strangers():
    assert to_arpabet(("ɑːɹ", "t͡ʃ", "aɪə")) == ("AA", "R", "CH", "AY", "AH")
    with pytest.raises(AlignmentFailure):
        to_arpabet(("ǃ",))


def test_base_language():
    assert [base_language(code) for code in ("pt-BR", "pt_br", "PT")] == ["pt"] * 3


def test_espeak_phones_do_not_depend_on_history_or_company(monkeypatch):
    words = ["gżegżółka", "42", "weekend", "Łódź", "3.5", "a", "żółw", "computer"]
    alone = {}
    for word in words:
        monkeypatch.setattr(g2p, "_espeak_words", {})
        alone |= espeak_phones([word], "pl")
    for order in (words, words[::-1], sorted(words)):
        monkeypatch.setattr(g2p, "_espeak_words", {})
        espeak_phones(order, "fr")
        assert espeak_phones(order, "pl") == alone
    assert all(alone.values())


def test_learnt_texts_need_no_more_of_espeak(monkeypatch):
    texts = ["Bună ziua!", "Ce mai faci?"]
    expected = [pronounce(text, "ro") for text in texts]
    monkeypatch.setattr(g2p, "_espeak_words", {})
    g2p.learn(texts, "ro-RO")
    monkeypatch.setattr(g2p, "_espeak", None)
    assert [pronounce(text, "ro") for text in texts] == expected

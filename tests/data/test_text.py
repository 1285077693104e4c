"""Tokenizers, vocabularies, byte pairs, word vectors, languages, sound and captioned pictures."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import audio, captions, languages, load_digits, text, vectors

# --- text --------------------------------------------------------------------------------------


def test_words_keep_apostrophes_and_marks() -> None:
    assert text.words("It's 3 o'clock -- Ünder «x»!") == [
        "it's", "3", "o'clock", "-", "-", "ünder", "«", "x", "»", "!",
    ]  # fmt: skip
    assert text.words("A b", lower=False) == ["A", "b"]


def test_vocabulary_orders_by_count_then_alphabet() -> None:
    v = text.Vocabulary(list("cbbaad"), specials=("<pad>",), min_count=1)
    assert v.tokens == ("<pad>", "a", "b", "c", "d")
    assert text.Vocabulary(list("cbbaa"), min_count=2).tokens[2:] == ("a", "b")
    assert text.Vocabulary(list("cbbaa"), size=3).tokens == ("<pad>", "<unk>", "a")
    assert text.Vocabulary(["<pad>", "x"]).tokens == ("<pad>", "<unk>", "x")


def test_vocabulary_says_what_is_wrong() -> None:
    v = text.Vocabulary(["a"], specials=())
    with pytest.raises(KeyError, match="no token 'z' among 1, and no <unk>"):
        v.encode(["z"])
    with pytest.raises(IndexError, match="no token -1; there are 1"):
        v.decode([-1])
    with pytest.raises(ValueError, match="given twice"):
        text.Vocabulary(["a"], specials=("<pad>", "<pad>"))


@given(st.text())
def test_byte_pairs_decode_what_they_encode(line: str) -> None:
    assert PAIRS.decode(PAIRS.encode(line)) == line


PAIRS = text.BytePairs.train("the cat sat on the mat, the cats sat; that's that! " * 3, 290)


def test_byte_pairs_learn_the_most_frequent_pairs() -> None:
    pairs = text.BytePairs.train("aaab aaab xy", 300)
    assert pairs.merges[0] == (97, 97)
    assert len(pairs) < 300  # nothing occurs twice any more
    assert len(PAIRS.encode(" the cat")) < len(" the cat")
    assert text.BytePairs(PAIRS.merges).encode("the cats") == PAIRS.encode("the cats")
    assert text.BytePairs([]).encode("é") == list("é".encode())
    assert PAIRS.decode([0xC3]) == "\ufffd"
    with pytest.raises(ValueError, match="size must be 256 or more"):
        text.BytePairs.train("a", 10)
    with pytest.raises(ValueError, match="names a token not made yet"):
        text.BytePairs([(300, 1)])


def test_pad_and_windows() -> None:
    table, lengths = text.pad([[1, 2], [], [3]], value=9, length=3)
    assert table.tolist() == [[1, 2, 9], [9, 9, 9], [3, 9, 9]]
    assert lengths.tolist() == [2, 0, 1]
    with pytest.raises(ValueError, match="a sequence of 2 does not fit into length 1"):
        text.pad([[1, 2]], length=1)
    inputs, targets = text.windows(range(10), 4, stride=3)
    assert inputs.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6]]
    assert cr.equal(targets, inputs + 1)
    with pytest.raises(ValueError, match="3 numbers are too few for a window of 3"):
        text.windows([1, 2, 3], 3)


# --- vectors -----------------------------------------------------------------------------------


@pytest.fixture
def made() -> vectors.WordVectors:
    table = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    return vectors.WordVectors(["the", "of", "naïve", "a", "b", "c"], table)


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_files_come_back(made: Any, binary: bool, tmp_path: Path) -> None:
    path = tmp_path / ("v.bin" if binary else "v.txt")
    vectors.write_word2vec(made, path, binary)
    back = vectors.read_word2vec(path)
    assert back.words == made.words
    assert cr.equal(back.vectors, made.vectors)
    bad = vectors.WordVectors(["two words"], np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match="white space"):
        vectors.write_word2vec(bad, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: two numbers"),
        ("2\na 1\n", "line 1: two numbers"),
        ("1 0\na\n", "size is 0"),
        ("3 2\na 1 2\nb 3 4\n", "3 words are announced, 2 follow"),
        ("2 2\na 1 2\nb 3\n", "line 3: 1 numbers instead of 2"),
        ("1 2\na 1 x\n", "line 2: a field is not a number"),
        ("1 2\na 1 nan\n", "line 2: a number is not finite"),
        ("2 1\na 1\na 2\n", "the word 'a' comes twice"),
        ("0 3\n", "no vector in it"),
    ],
)
def test_damaged_word2vec_text_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        vectors.read_word2vec(path)


def test_every_cut_of_a_binary_file_is_refused(made: Any, tmp_path: Path) -> None:
    path = tmp_path / "v.bin"
    vectors.write_word2vec(made, path, binary=True)
    whole = path.read_bytes()
    for size in range(len(whole) - 1):  # without its last line feed the file is whole
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"v\.bin"):
            vectors.read_word2vec(path)
    for bad, message in (
        (whole + b"x", "more data after"),
        (b"9999999999 300\n", "do not fit"),
        (b"99999999999999999999 300\n", "two numbers"),
        (whole.replace(b"the ", b"\xff\xffe "), "no UTF-8"),
        (b"1 1\na \x00\x00\xc0\x7f\n", "not finite"),
    ):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match=message):
            vectors.read_word2vec(path)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "v")
        path.write_bytes(data)
        for read in (
            vectors.read_glove,
            lambda p: vectors.read_word2vec(p, binary=True),
            lambda p: vectors.read_word2vec(p, binary=False),
        ):
            with contextlib.suppress(ValueError):
                assert len(read(path)) > 0


def test_glove_words_may_hold_spaces(tmp_path: Path) -> None:
    path = tmp_path / "g.txt"
    path.write_text("the 1 2\n. . . 3 4\n")
    back = vectors.read_glove(path)
    assert back.words == ["the", ". . ."]
    assert back[". . ."].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no vector"),
        (b"the\n", "line 1: a word and its numbers"),
        (b"the 1 2\nof 1\n", "line 2: 1 numbers where line 1 has 2"),
        (b"the 1 2\nof 1 b\n", "line 2: a field is not a number"),
        (b"the 1\n\xff 2\n", "byte 6: this is no UTF-8"),
        (b"the 1\nthe 2\n", "comes twice"),
    ],
)
def test_damaged_glove_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "g.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        vectors.read_glove(path)


def test_neighbours_analogies_and_tables() -> None:
    table = np.array([[1, 0, 0.1], [1, 1, 0.1], [3, 0, 1], [3, 3, 1], [0, 0, 2]], np.float32)
    v = vectors.WordVectors(["man", "woman", "king", "queen", "table"], table)
    assert v.nearest("man", 2)[0][0] == "king"
    assert v.analogy("man", "woman", "king")[0][0] == "queen"
    assert len(v.nearest("man")) == 4
    vocabulary = text.Vocabulary(["queen", "unicorn"])
    rows, missing = v.table(vocabulary)
    assert missing == ["<pad>", "<unk>", "unicorn"]
    assert rows[0].tolist() == [0, 0, 0]
    assert cr.equal(rows[2], v["queen"])
    with pytest.raises(KeyError, match="no vector for 'kin'"):
        v["kin"]
    with pytest.raises(ValueError, match="1 words for 5 vectors"):
        vectors.WordVectors(["a"], table)


# --- languages, series -------------------------------------------------------------------------


def test_translations_follow_the_grammar() -> None:
    pairs = languages.translations(500)
    assert len({tuple(s) for s, _ in pairs}) == 500
    assert pairs == languages.translations(500)
    gender = dict(languages.NOUNS.values())
    for english, french in pairs:
        assert ("not" in english) == ("pas" in french)
        for k, word in enumerate(french):
            if word in gender and french[k - 1] in ("un", "une"):
                assert (french[k - 1] == "un") == (gender[word] == "m")
            if word == "verte":
                assert gender[french[k - 1]] == "f"
            if word == "l'":
                assert french[k + 1][0] in languages.VOWELS
        assert len(french) == len(english)  # "does not see" and "ne voit pas" are three words each


def test_opinions_need_more_than_one_word() -> None:
    sentences, labels = languages.opinions(2000)
    for sentence, label in zip(sentences, labels, strict=True):
        good = any(w in languages.GOOD for w in sentence)
        assert label == (good != ("not" in sentence))
    with_word = [y for s, y in zip(sentences, labels, strict=True) if "good" in s]
    assert 0.3 < np.mean(with_word) < 0.7
    assert 0.45 < np.mean(labels) < 0.55


def test_series() -> None:
    x = languages.mackey_glass(3000)
    assert np.allclose(x, languages.mackey_glass(3000))
    assert 0.85 < x.mean() < 1.0  # the known mean of the series for τ = 17 is about .93
    assert 0.15 < x.std() < 0.30
    # another start leads elsewhere: chaos
    assert np.abs(x - languages.mackey_glass(3000, seed=1))[-500:].max() > 0.3
    waves, after = languages.supervised(languages.sine_mix(50), 10)
    assert waves.shape == (40, 10, 1)
    assert np.array_equal(waves[1:, -1], after[:-1])
    with pytest.raises(ValueError, match="length must be 1 to 2"):
        languages.supervised([1.0, 2.0, 3.0], 3)


# --- sound and pictures ------------------------------------------------------------------------


def test_spectrograms_find_a_tone() -> None:
    time = np.arange(4000) / audio.RATE
    for hertz in (500, 1500, 3000):
        s = audio.spectrogram(np.sin(2 * np.pi * hertz * time))
        assert s.shape == (1 + (4000 - 254) // 127, 128)
        assert (np.abs(s.argmax(-1).numpy() * audio.RATE / 254 - hertz) < 20).all()
    # by the definition
    x = np.random.default_rng(0).normal(size=300).astype(np.float32)
    n, k = np.arange(254), np.arange(128)[:, None]
    hann = np.sin(np.pi * n / 254) ** 2
    by_hand = np.abs((x[:254] * hann * np.exp(-2j * np.pi * k * n / 254)).sum(1))
    assert np.allclose(audio.spectrogram(x)[0].numpy(), by_hand, atol=1e-4)
    assert np.allclose(audio.spectrogram(x, log=True).exp() - 1, audio.spectrogram(x), atol=1e-4)


def test_sounds_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="a 1-d signal of 254 samples or more"):
        audio.spectrogram(np.zeros(100))
    with pytest.raises(ValueError, match="overlap must be in"):
        audio.spectrogram(np.zeros(100), 10, 10)
    with pytest.raises(ValueError, match="digits are 0 to 9, got 10"):
        audio.speak_digits([10])


def test_spoken_digits_differ_each_time() -> None:
    a, b = audio.speak_digits([7], 0), audio.speak_digits([7], 1)
    assert len(a) != len(b)
    assert np.array_equal(a, audio.speak_digits([7], 0))
    signals, texts = audio.digit_speech(30)
    assert {len(t) for t in texts} == {2, 3, 4, 5}
    assert all(len(s) / audio.RATE > 0.13 * len(t) for s, t in zip(signals, texts, strict=True))


def test_strips_are_made_of_the_chosen_digits() -> None:
    images, labels = load_digits()
    nine = int(np.flatnonzero(labels == 9)[0])
    strips, texts = captions.digit_strips(4, (1, 3), [nine])
    assert all(set(t) == {9} for t in texts)
    assert strips.shape == (4, 1, 8, 30)
    one = next(k for k, t in enumerate(texts) if len(t) == 1)
    assert strips[one].sum() == pytest.approx(images[nine].sum() / 16)


def test_captions_say_what_is_there() -> None:
    pictures, said = captions.captioned_shapes(200, noise=0.0)
    for picture, caption in zip(pictures[:, 0], said, strict=True):
        y, x = (int(v.mean() // 8) for v in np.nonzero(picture))
        assert caption.endswith(f"at the {captions.ROWS[y]} {captions.COLUMNS[x]}")
    discs = [p.sum() for p, c in zip(pictures, said, strict=True) if "large disc" in c]
    small = [p.sum() for p, c in zip(pictures, said, strict=True) if "small disc" in c]
    assert min(discs) > max(small)

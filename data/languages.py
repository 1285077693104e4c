"""Toy languages with a grammar, and series: what sequence models learn in seconds.

Every generator takes a seed: the same seed gives the same sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Pair = tuple[list[str], list[str]]
Floats = npt.NDArray[np.float64]

# English to French, simplified: gender and agreement, word order, elision, negation.
NOUNS = {
    "cat": ("chat", "m"), "dog": ("chien", "m"), "book": ("livre", "m"), "bird": ("oiseau", "m"),
    "table": ("table", "f"), "house": ("maison", "f"), "apple": ("pomme", "f"),
    "car": ("voiture", "f"),
}  # fmt: skip
ADJECTIVES = {
    "red": ("rouge", "rouge"), "green": ("vert", "verte"), "black": ("noir", "noire"),
    "open": ("ouvert", "ouverte"), "heavy": ("lourd", "lourde"), "clean": ("propre", "propre"),
}  # fmt: skip
VERBS = {"see": "voit", "want": "veut", "take": "prend", "sell": "vend", "find": "trouve"}
ARTICLES = {"the": ("le", "la"), "a": ("un", "une")}
VOWELS = "aeiou"


def _phrase(rng: np.random.Generator) -> Pair:
    """A noun with its article and, half of the time, an adjective: before it, and after it."""
    noun, article = _one(rng, list(NOUNS)), _one(rng, list(ARTICLES))
    french, gender = NOUNS[noun]
    which = "mf".index(gender)
    english, other = [article, noun], [ARTICLES[article][which], french]
    if rng.random() < 0.5:
        adjective = _one(rng, list(ADJECTIVES))
        english.insert(1, adjective)
        other.append(ADJECTIVES[adjective][which])
    if english[0] == "a" and english[1][0] in VOWELS:
        english[0] = "an"
    if other[0] in ("le", "la") and other[1][0] in VOWELS:
        other[0] = "l'"
    return english, other


def _one(rng: np.random.Generator, items: Sequence[str]) -> str:
    return items[int(rng.integers(len(items)))]


def translations(n: int, seed: int = 0) -> list[Pair]:
    """``n`` different pairs of sentences, English and French, as lists of words.

    Subject, verb (in a quarter negated), object: adjectives change their place and agree with the
    noun's gender, articles elide, negation goes round the verb. About 92,000 are possible.

    >>> from chainrule.data import languages
    >>> for english, french in languages.translations(2):
    ...     print(" ".join(english), "=", " ".join(french))
    a green apple sees the cat = une pomme verte voit le chat
    a table does not sell a table = une table ne vend pas une table
    """
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, ...], Pair] = {}
    while len(found) < n:
        subject, verb, other = _phrase(rng), _one(rng, list(VERBS)), _phrase(rng)
        if rng.random() < 0.25:
            middle = ["does", "not", verb], ["ne", VERBS[verb], "pas"]
        else:
            middle = [verb + "s"], [VERBS[verb]]
        english = [*subject[0], *middle[0], *other[0]]
        found.setdefault(tuple(english), (english, [*subject[1], *middle[1], *other[1]]))
    return list(found.values())


GOOD = ("good", "fine", "lovely", "funny", "clever", "moving")
BAD = ("bad", "dull", "boring", "awful", "silly", "slow")
THINGS = ("film", "story", "music", "ending", "actor", "plot", "scene", "book")
FILLERS = ("today", "again", "i think", "in all", "as ever", "they say", "at the end")


def opinions(n: int, seed: int = 0) -> tuple[list[list[str]], list[int]]:
    """``n`` short reviews as lists of words, and whether each is favourable (1) or not (0).

    "not" turns a word round, so that no single word decides: "not good" is unfavourable.

    >>> from chainrule.data import languages
    >>> sentences, labels = languages.opinions(2)
    >>> [(" ".join(s), y) for s, y in zip(sentences, labels)]
    [('today the music was not awful', 1), ('the book was moving', 1)]
    """
    rng = np.random.default_rng(seed)
    sentences, labels = [], []
    for _ in range(n):
        label, negated = int(rng.integers(2)), rng.random() < 0.5
        word = _one(rng, GOOD if (label == 1) != negated else BAD)
        core = ["the", _one(rng, THINGS), "was", *(["not"] if negated else []), word]
        before = _one(rng, FILLERS).split() if rng.random() < 0.5 else []
        after = _one(rng, FILLERS).split() if rng.random() < 0.5 else []
        sentences.append([*before, *core, *after])
        labels.append(label)
    return sentences, labels


ANIMALS = {
    "cat": ("purrs", "milk"), "dog": ("barks", "meat"), "cow": ("moos", "grass"),
    "hen": ("clucks", "corn"), "pig": ("grunts", "roots"), "bee": ("hums", "nectar"),
}  # fmt: skip


def stories(n: int, seed: int = 0) -> list[list[str]]:
    """``n`` sentences about animals as lists of words, in which one word tells others.

    The animal decides its sound and its food, singular and plural agree: a masked-word model can
    fill most gaps, one that knows only how often words occur cannot.

    >>> from chainrule.data import languages
    >>> [" ".join(s) for s in languages.stories(2)]
    ['the bee hums while it eats nectar .', 'the hen clucks while it eats corn .']
    """
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        animal = _one(rng, list(ANIMALS))
        sound, food = ANIMALS[animal]
        if rng.random() < 0.5:
            out.append(["the", animal, sound, "while", "it", "eats", food, "."])
        else:
            out.append(["the", animal + "s", sound[:-1], "while", "they", "eat", food, "."])
    return out


def sine_mix(n: int, seed: int = 0, noise: float = 0.0, periods: Sequence[float] = ()) -> Floats:
    """A series of ``n`` values: three sines (periods 20, 33, 47 by default) of random phases.

    >>> from chainrule.data import languages
    >>> languages.sine_mix(100).shape
    (100,)
    """
    rng = np.random.default_rng(seed)
    time, out = np.arange(n), np.zeros(n)
    for period in periods or (20.0, 33.0, 47.0):
        out += np.sin(2 * np.pi * time / period + rng.uniform(0, 2 * np.pi))
    return out / 3 + rng.normal(0, noise, n)


def mackey_glass(n: int, delay: int = 17, seed: int = 0, steps: int = 10) -> Floats:
    """The chaotic series x' = .2·x(t−τ)/(1 + x(t−τ)¹⁰) − .1·x, one value a unit of time.

    Runge–Kutta steps of 1/``steps``, the delayed value held over a step; the first 300 units are
    dropped. Source: Mackey and Glass, "Oscillation and chaos in physiological control systems",
    1977.

    >>> from chainrule.data import languages
    >>> x = languages.mackey_glass(500)
    >>> bool(0.2 < x.min() < x.max() < 1.5)
    True
    """
    lag, rng = delay * steps, np.random.default_rng(seed)
    total = (300 + n) * steps
    x = np.empty(lag + total)
    x[: lag + 1] = 1.2 + 0.05 * rng.standard_normal()
    step = 1 / steps
    for k in range(lag, lag + total - 1):
        past = x[k - lag]
        drive, now = 0.2 * past / (1 + past**10), x[k]
        a = drive - 0.1 * now
        b = drive - 0.1 * (now + step / 2 * a)
        c = drive - 0.1 * (now + step / 2 * b)
        d = drive - 0.1 * (now + step * c)
        x[k + 1] = now + step / 6 * (a + 2 * b + 2 * c + d)
    return x[lag + 300 * steps :: steps].copy()


def supervised(series: Floats, length: int) -> tuple[Floats, Floats]:
    """Windows (N, length, 1) of a series, and the value (N, 1) that follows each.

    >>> from chainrule.data import languages
    >>> x, y = languages.supervised([1.0, 2.0, 3.0, 4.0], 2)
    >>> x[..., 0].tolist(), y[:, 0].tolist()
    ([[1.0, 2.0], [2.0, 3.0]], [3.0, 4.0])
    """
    values = np.asarray(series, np.float64)
    if not 1 <= length < len(values):
        raise ValueError(f"supervised: length must be 1 to {len(values) - 1}, got {length}")
    pieces = np.lib.stride_tricks.sliding_window_view(values, length + 1)
    return pieces[:, :-1, None].copy(), pieces[:, -1:].copy()

"""Small tables of the lecture notes: written out where they are known, generated where not.

All are NumPy arrays, the same at every call with the same seed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Table(NamedTuple):
    """Records ``x`` (rows, columns), what is to be told from them ``y`` (rows,), column names."""

    x: Array
    y: Array
    columns: tuple[str, ...]


def gate(name: str) -> Table:
    """The truth table of "and", "or", "xor" or "nand": x (4, 2) and y (4,), zeros and ones.

    >>> gate("xor").y.tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    outputs = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "xor": [0, 1, 1, 0], "nand": [1, 1, 1, 0]}
    if name not in outputs:
        raise ValueError(f"gate: there is no {name!r}; choose one of {sorted(outputs)}")
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    return Table(x, np.array(outputs[name], np.float32), ("a", "b"))


def students() -> Table:
    """Three students' hours of study, play and sleep, and whether they passed.

    >>> students().y.tolist()
    [1.0, 0.0, 1.0]
    """
    x = np.array([[7, 3, 7], [2, 5, 8], [4, 3, 7]], np.float32)
    return Table(x, np.array([1, 0, 1], np.float32), ("study", "play", "sleep"))


def cereals(rows: int = 80, seed: int = 0) -> Table:
    """Grams of sugar and calories of cereals: calories = 2.5·sugars + 90 + noise of deviation 5.

    >>> cereals().x.shape
    (80, 1)
    """
    rng = np.random.default_rng(seed)
    sugars = rng.integers(0, 16, (rows, 1)).astype(np.float32)
    calories = 2.5 * sugars[:, 0] + 90 + rng.normal(0, 5, rows)
    return Table(sugars, calories.astype(np.float32), ("sugars",))


def houses(rows: int = 200, seed: int = 0) -> Table:
    """Bedrooms, floor area in thousands of square feet, and price = bedrooms³ + area².

    >>> table = houses()
    >>> bool(np.allclose(table.y, table.x[:, 0] ** 3 + table.x[:, 1] ** 2))
    True
    """
    rng = np.random.default_rng(seed)
    bedrooms = rng.integers(1, 6, rows).astype(np.float32)
    area = rng.uniform(0.5, 4, rows).astype(np.float32)
    return Table(
        np.stack([bedrooms, area], 1), bedrooms**3 + area**2, ("bedrooms", "thousand sqft")
    )


# The rows of the notes; the other eight of the table are generated in their manner.
_INSURANCE = [(22, 1, 0), (25, 0, 0), (47, 1, 1), (28, 1, 0), (27, 0, 1)]


def insurance() -> Table:
    """Thirteen people's age, whether they can afford it, and whether they have insurance.

    The first five rows are the notes'. The other eight are generated: ages 18 to 65, and insured
    with probability σ(0.15·(age − 42) + 1.5·affordability − 0.75).

    >>> table = insurance()
    >>> table.x[0].tolist(), int(table.y[0]), table.x.shape
    ([22.0, 1.0], 0, (13, 2))
    """
    rng = np.random.default_rng(3)
    age = rng.integers(18, 66, 8)
    affordability = rng.integers(0, 2, 8)
    p = 1 / (1 + np.exp(-(0.15 * (age - 42) + 1.5 * affordability - 0.75)))
    generated = np.stack([age, affordability, rng.random(8) < p], 1)
    rows = np.concatenate([np.array(_INSURANCE), generated]).astype(np.float32)
    return Table(rows[:, :2], rows[:, 2], ("age", "affordability"))


def noise_columns(
    rows: int = 400, informative: int = 3, noise: int = 7, seed: int = 0
) -> tuple[Table, Array]:
    """A table of two classes where only some columns matter, and the indices of those columns.

    Every column is standard normal; y is 1 where a weighted sum of the informative ones, the first
    of them through a sine, is positive. The columns are shuffled.

    >>> table, matter = noise_columns()
    >>> table.x.shape, len(matter)
    ((400, 10), 3)
    """
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, informative + noise)).astype(np.float32)
    where = rng.permutation(informative + noise)[:informative]
    parts = x[:, where].astype(np.float64)
    parts[:, 0] = 1.5 * np.sin(parts[:, 0])
    y = (parts.sum(1) > 0).astype(np.int64)
    return Table(x, y, tuple(f"x{k}" for k in range(x.shape[1]))), np.sort(where)


def ratings(
    users: int = 60, films: int = 40, rank: int = 3, seen: float = 0.4, seed: int = 0
) -> tuple[Array, Array]:
    """Ratings (users, films) from 1 to 5 that follow ``rank`` hidden tastes, and a mask of seen.

    The mask is True for the share ``seen`` of the entries that a recommender may learn from.

    >>> table, known = ratings()
    >>> table.shape, float(table.min()) >= 1, float(table.max()) <= 5
    ((60, 40), True, True)
    """
    rng = np.random.default_rng(seed)
    tastes, traits = rng.standard_normal((users, rank)), rng.standard_normal((films, rank))
    table = np.clip(3 + tastes @ traits.T * 0.6, 1, 5)
    return table.astype(np.float32), rng.random((users, films)) < seen


def outliers(
    rows: int = 300, columns: int = 8, factors: int = 2, strange: int = 6, seed: int = 0
) -> tuple[Array, Array]:
    """Records near a plane of ``factors`` dimensions, some of them off it, and which those are.

    The last column follows no plane: it is noise, and the worst to reconstruct.

    >>> x, odd = outliers()
    >>> x.shape, int(odd.sum())
    ((300, 8), 6)
    """
    rng = np.random.default_rng(seed)
    plane = rng.standard_normal((factors, columns))
    plane /= np.linalg.norm(plane, axis=0)  # every column has variance 1
    x = rng.standard_normal((rows, factors)) @ plane + 0.1 * rng.standard_normal((rows, columns))
    x[:, -1] = rng.standard_normal(rows)
    odd = np.zeros(rows, bool)
    odd[rng.permutation(rows)[:strange]] = True
    x[odd] = 2 * rng.standard_normal((strange, columns))
    return x.astype(np.float32), odd


def loans(rows: int = 2000, seed: int = 0) -> tuple[Table, Array]:
    """Applicants' income, debt and district, who got a loan, and the group each belongs to.

    Income and debt are alike in both groups. Past decisions asked more of group 1, and the district
    tells the group nine times in ten: a model that never sees the group can still repeat the bias.

    >>> table, group = loans()
    >>> table.y[group == 0].mean() > table.y[group == 1].mean()
    np.True_
    """
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, rows)
    income, debt = rng.standard_normal(rows), rng.standard_normal(rows)
    district = np.where(rng.random(rows) < 0.9, group, 1 - group)
    granted = income - debt - 2 * group + 0.3 * rng.standard_normal(rows) > -0.5
    x = np.stack([income, debt, district], 1).astype(np.float32)
    return Table(x, granted.astype(np.int64), ("income", "debt", "district")), group

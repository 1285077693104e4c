"""The course's table of contents: the notebooks planned, and the head of one that is written."""

from __future__ import annotations

import re
from typing import NamedTuple


class Planned(NamedTuple):
    """A notebook of the plan: its number, its title and the rows of the syllabus it covers."""

    number: int
    title: str
    rows: tuple[str, ...]


class Head(NamedTuple):
    """What the first cell of a notebook says."""

    number: int
    title: str
    goal: str
    needs: str
    minutes: int
    rows: tuple[str, ...]


def expand(text: str) -> tuple[str, ...]:
    """The rows of ``"G1–G3, A"``, one by one; a dash alone means none.

    Raises ValueError for what is no row.

    >>> expand("G1–G3, A")
    ('G1', 'G2', 'G3', 'A')
    """
    found: list[str] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"([A-Z])(\d*)(?:[–-]\1(\d+))?", part)
        if match is None:
            if part in {"–", "-", "—"}:
                continue
            raise ValueError(f"{part!r} is no row of the syllabus: write G1, or G1–G3")
        letter, first, last = match.groups()
        if last is None:
            found.append(letter + first)
        else:
            found += [f"{letter}{k}" for k in range(int(first), int(last) + 1)]
    return tuple(found)


TITLE = re.compile(r"# (\d\d) · (\S.*)")
FIELDS = ("You will be able to", "You need", "Time", "Rows")


def read_head(text: str) -> Head:
    """The head of a notebook, from the Markdown of its first cell; ValueError where it is odd.

    >>> read_head('''# 01 · The lecture figure
    ...
    ... | | |
    ... |---|---|
    ... | **You will be able to** | read a graph |
    ... | **You need** | notebook 00 |
    ... | **Time** | 15 minutes |
    ... | **Rows** | G1 |''').minutes
    15
    """
    lines = text.strip().split("\n")
    title = TITLE.fullmatch(lines[0].rstrip())
    if title is None:
        raise ValueError(f"the first line is {lines[0]!r}; expected '# 01 · The lecture figure'")
    if [line.replace(" ", "") for line in lines[1:4]] != ["", "|||", "|---|---|"]:
        raise ValueError("after the title: an empty line, '| | |', '|---|---|', then the fields")
    found = dict(_field(line) for line in lines[4 : 4 + len(FIELDS)])
    if tuple(found) != FIELDS:
        raise ValueError(f"the fields are {tuple(found)}; expected {FIELDS}")
    goal, needs, time, rows = found.values()
    minutes = re.fullmatch(r"(\d+) minutes", time)
    if minutes is None:
        raise ValueError(f"the time is {time!r}; expected '15 minutes'")
    return Head(int(title[1]), title[2], goal, needs, int(minutes[1]), expand(rows))


def _field(line: str) -> tuple[str, str]:
    match = re.fullmatch(r"\| \*\*(.+?)\*\* \| (.+) \|", line.strip())
    if match is None:
        raise ValueError(f"{line!r} is no field; expected '| **Time** | 15 minutes |'")
    return match[1], match[2].strip()


_PLAN = """
00 | Slopes | G5
01 | The lecture figure | G1
02 | Build your own Value | G1–G3
03 | Why the order matters | G1
04 | Many routes, one sum | G2, G3
05 | From scalars to arrays | G4, G8
06 | Backprop by hand | G4, G8
07 | When gradients go wrong | G9, G10
08 | Neurons | R1–R3, G7
09 | Regression | R4, R5, L1, L2
10 | Activations and losses | A, L2–L4, L6
11 | Many classes | R6, L3, L5
12 | A network that trains | R7
13 | Optimizers | O
14 | Healthy depth | I, G9, T4
15 | Fitting well | T1–T4
16 | Judging and searching | T5–T7, T11, G11
17 | Convolution by hand | C1–C3
18 | Convolutional networks | C4, C5, C7
19 | Reuse | C7, C8, C10
20 | Finding objects | C9, C10
21 | Squeezing | R8, R9
22 | Squeezing pictures | C6
23 | Recurrence | R10, R11
24 | Words | R12, R13
25 | Sequence to sequence | R13
26 | Hearing and reading | R13, C10
27 | Attention | R14
28 | Gradients of gradients | G6, O
29 | Scale and ship | T8–T10
30 | Read the engine | –
"""


def _planned(line: str) -> Planned:
    number, title, rows = (part.strip() for part in line.split("|"))
    return Planned(int(number), title, expand(rows))


PLAN = tuple(_planned(line) for line in _PLAN.strip().split("\n"))

"""The tools that build the course, and a small notebook to try them on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.append(str(TOOLS))
# What the tool sets for itself: kernels and forks take it from here.
os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})
os.environ.setdefault("MPLBACKEND", "agg")

HEAD = """# %% [markdown]
# # 01 · The lecture figure
#
# | | |
# |---|---|
# | **You will be able to** | read a graph |
# | **You need** | pencil and paper |
# | **Time** | 15 minutes |
# | **Rows** | G1 |

# %%
import chainrule as cr
from chainrule.teach import check
"""

HOLE = """
# %%
x = cr.tensor(3.0, requires_grad=True, dtype=cr.float64)
y = x * x

# %%
# [solution]
slope = 6.0
# [hole]
# # a number
# slope = ...
# [mistake] sign
# slope = -6.0
# [mistake] factor
# slope = 12.0
# [another]
# slope = 2 * x.item()
# [end]
check.grad(slope, of=y, wrt=x)
"""

CLOSING = """
# %% [markdown]
# ## In words
#
# 1. What does $2x$ say?
# 2. Why?
# 3. When?
#
# ## Open exercise
#
# Take $x^3$.
#
# ## Where this lives
#
# [`walker.py`](../autograd/walker.py)
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook's source into a folder of its own: head, then the parts given."""

    def writer(*parts: str, name: str = "01_lecture.py") -> Path:
        path = tmp_path / "src" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join([HEAD, *parts]), encoding="utf-8")
        return path

    return writer


@pytest.fixture
def sample(write: Callable[..., Path]) -> Path:
    """A notebook in which all is well."""
    return write(HOLE, CLOSING)


@pytest.fixture
def hole() -> str:
    """Its cells with the hole."""
    return HOLE


@pytest.fixture
def closing() -> str:
    """Its last cell."""
    return CLOSING

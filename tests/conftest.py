"""What all tests share: Hypothesis profiles, seeds, and --overwrite for golden files."""

from __future__ import annotations

import importlib.util
import os
import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import chainrule as cr

# No deadline: the first call of a kernel may be slow, and so may the machine.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=200,
    derandomize=True,  # the same examples in every run
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "soak", deadline=None, max_examples=20_000, database=None, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

HAS_TORCH = importlib.util.find_spec("torch") is not None
collect_ignore = [] if HAS_TORCH else ["parity"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--overwrite",
        action="store_true",
        help="write what the tests print or draw over the golden files, to be read in the diff",
    )


def pytest_report_header() -> str:
    return "parity with PyTorch: " + ("can run" if HAS_TORCH else "not collected, no torch here")


@pytest.fixture
def overwrite(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--overwrite"))


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """Each test draws the same numbers alone and in company, and restores the default dtype."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (for code under test that uses the global generator)
    cr.manual_seed(0)
    dtype = cr.get_default_dtype()
    yield
    cr.set_default_dtype(dtype)

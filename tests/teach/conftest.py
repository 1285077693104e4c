"""What the tests of the checks share: results that are not printed, and no log left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chainrule import teach
from chainrule.teach.gradient_guesses import troubles


@pytest.fixture(autouse=True)
def _empty_log() -> Iterator[None]:
    teach.log.clear()
    troubles.clear()
    yield
    teach.log.clear()
    assert not troubles

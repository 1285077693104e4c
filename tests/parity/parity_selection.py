"""Which changed calls the tests run: some of each kind for every public name, always the same."""

from __future__ import annotations

import os
from collections.abc import Sequence

from parity_calls import Call, pool
from parity_uncovered import known
from parity_variants import Change, variants

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"  # then all of them


def spread(items: Sequence[Change], n: int) -> list[Change]:
    """``n`` items, evenly spaced, the first among them; all where there are fewer."""
    if SOAK or len(items) <= n:
        return list(items)
    return [items[k * len(items) // n] for k in range(n)]


def chosen(name: str, kinds: Sequence[str], calls: int, each: int) -> list[Change]:
    """Changed calls of a public name: of ``calls`` calls, ``each`` changes of every kind.

    More of both where that makes fewer than ten.
    """
    found = _chosen(name, kinds, calls, each)
    return found if len(found) >= 10 else _chosen(name, kinds, 2 * calls, 3 * each)


def _chosen(name: str, kinds: Sequence[str], calls: int, each: int) -> list[Change]:
    listed = pool()[name]
    taken: list[Call] = [c for _, c in spread([("", c) for c in listed], calls)]
    found: list[Change] = []
    for call in taken:
        found.append(("as it is", call))
        for kind in kinds:
            found += spread(list(variants(call, [kind]))[1:], each)
    return [(word, call) for word, call in found if known(word, call) is None]

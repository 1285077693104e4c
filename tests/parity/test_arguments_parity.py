"""Bad arguments: where PyTorch raises chainrule raises, of the same class or naming the argument.

Every public name is called with arguments of another kind (None, strings, lists, numbers, types),
too few, one unknown, indices and dimensions out of range, negative and huge numbers. A value of
another kind that passes for what is needed (1 for True, a number for a 0-d tensor) may be taken.
"""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from parity_calls import Call, pool  # noqa: E402
from test_calls_parity import fails  # noqa: E402

import chainrule as cr  # noqa: E402


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(pool()))
def test_bad_arguments(peers: Any, name: str) -> None:
    found = fails(peers, name, ("wrong", "numbers"), 1, 10, strict=False)
    assert not found, "\n".join(found)


# PyTorch's own names of arguments, where its functions are built in and show no signature.
KEYWORDS = [
    ("mm", {"input": (2, 3), "mat2": (3, 2)}),
    ("bmm", {"input": (1, 2, 3), "mat2": (1, 3, 2)}),
    ("mv", {"input": (2, 3), "vec": (3,)}),
    ("dot", {"input": (3,), "tensor": (3,)}),
    ("pow", {"input": (3,), "exponent": (3,)}),
    ("swapaxes", {"input": (2, 3), "axis0": 0, "axis1": 1}),
    ("addmm", {"input": (2, 2), "mat1": (2, 3), "mat2": (3, 2)}),
    ("addmv", {"input": (2,), "mat": (2, 3), "vec": (3,)}),
    ("addr", {"input": (2, 3), "vec1": (2,), "vec2": (3,)}),
    ("baddbmm", {"input": (1, 2, 2), "batch1": (1, 2, 3), "batch2": (1, 3, 2)}),
    ("chunk", {"input": (4, 2), "chunks": 2, "axis": 0}),
    ("unbind", {"input": (2, 2), "axis": 1}),
    ("std_mean", {"input": (2, 3), "axis": 1, "keepdims": True}),
    ("cosine_similarity", {"x1": (2, 3), "x2": (2, 3), "axis": 0}),
    ("mode", {"input": (2, 3), "axis": 1, "keepdims": True}),
    ("cumulative_trapezoid", {"y": (2, 3), "axis": 0}),
    ("hsplit", {"input": (2, 4), "sections": 2}),
    ("hsplit", {"input": (2, 4), "indices": [1]}),
    ("tensor_split", {"input": (2, 4), "sections": 2, "dim": 1}),
    ("tensor_split", {"input": (2, 4), "indices": [1], "dim": 1}),
]


@pytest.mark.parametrize(("name", "given"), KEYWORDS)
def test_keywords(peers: Any, name: str, given: dict[str, Any]) -> None:
    filled = {k: torch.arange(1.0, torch.Size(v).numel() + 1).reshape(v) if isinstance(v, tuple)
              else v for k, v in given.items()}  # fmt: skip
    call = Call("torch", name, [], filled)
    from parity_variants import differs

    assert differs(peers, call) is None


LOSSES = [
    "l1_loss", "mse_loss", "smooth_l1_loss", "binary_cross_entropy", "kl_div", "soft_margin_loss",
    "binary_cross_entropy_with_logits", "hinge_embedding_loss", "multilabel_soft_margin_loss",
    "poisson_nll_loss",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reduce", [None, True, False])
@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_old_reduction(peers: Any, name: str, size_average: Any, reduce: Any) -> None:
    """``size_average`` and ``reduce`` decide as they did, over ``reduction``."""
    x, y = ([[0.2, 0.7], [0.4, 0.9]], [[1.0, 0.0], [1.0, 1.0]])
    results = [getattr(m.nn.functional, name)(m.tensor(x), m.tensor(y), size_average=size_average,
                                              reduce=reduce, reduction="sum")
               for m in (cr, torch)]  # fmt: skip
    peers.same(*results)

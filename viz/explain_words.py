"""What each operation does to a gradient on its way back, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..autograd.graph import is_output
from .model import Picture

_SAID = {
    "add": "copies the gradient to both arguments",
    "sub": "copies the gradient to the first argument, and with its sign turned to the second",
    "neg": "turns the sign of the gradient",
    "mul": "swaps: each argument gets the gradient times the other one",
    "div": "divides the gradient by the denominator; that one gets it times −out/denominator",
    "pow": "multiplies by the exponent, with the power lowered by one",
    "matmul": "swaps and transposes: each matrix gets the gradient times the other one, transposed",
    "linear": "gives the weight gradientᵀ · input, the bias the sum over the batch, and the input "
    "gradient · weight",
    "convolution": "gives the input the gradient spread by the kernel, and the kernel the gradient "
    "correlated with the input",
    "sum": "spreads the gradient: every element that was added gets the same",
    "mean": "spreads the gradient in equal shares: divided by how many were averaged",
    "exp": "multiplies by its own result: the derivative of eˣ is eˣ",
    "log": "divides the gradient by the input: small inputs get large gradients",
    "sqrt": "divides by twice the root: near 0 the gradient grows without limit",
    "sin": "multiplies by the cosine of the input",
    "cos": "multiplies by minus the sine of the input",
    "tanh": "multiplies by 1 − tanh², which is at most 1 and near 0 where it is saturated",
    "sigmoid": "multiplies by σ·(1 − σ), which is at most ¼",
    "relu": "lets the gradient through where its input is positive, and stops it elsewhere",
    "abs": "lets the gradient through with the sign of its input",
    "softmax": "compares: each logit gets its share of the gradient minus the mean gradient",
    "log_softmax": "takes from the gradient its sum times each probability; behind a loss on the "
    "target this leaves softmax − target",
    "nll_loss": "gives the log-probability of the target −1, averaged, and 0 to the others",
    "mse_loss": "gives each input 2·(input − target), divided by how many there are",
    "where": "routes: each element's gradient goes to the argument that was chosen there",
    "cat": "cuts the gradient into the pieces that were joined",
    "stack": "cuts the gradient into the pieces that were joined",
    "gelu": "lets most of the gradient through where its input is positive",
    "clone": "copies the gradient",
    "expand": "adds up the gradients of the copies",
    "get_index": "puts the gradient back to where the elements were taken from, 0 elsewhere",
    "clamp": "lets the gradient through between the limits, and stops it where it was clipped",
}
_OTHER = "multiplies the gradient by its local derivative"
_SAID |= dict.fromkeys(
    ("maximum", "minimum", "amax", "amin", "max_dim", "min_dim", "max_pool"),
    "routes the gradient to the argument that was chosen; the others get 0",
)
_SAID |= dict.fromkeys(
    ("reshape", "transpose", "permute", "squeeze", "unsqueeze", "select", "narrow", "flip"),
    "only moves elements: the gradient is moved back",
)


def sentences(picture: Picture, keys: Mapping[Any, int], between: Iterable[int]) -> Iterator[str]:
    """One sentence for each kind of operation between two nodes, and for every value used twice."""
    useful = set(between)
    edges = [e for e in picture.edges if e.local and e.source in useful and e.target in useful]
    engine = {key: node for node, key in keys.items()}
    said: dict[str, str] = {}
    for key in sorted({e.target for e in edges}, reverse=True):
        made = engine[key]
        op = (made.operands()[0] if is_output(made) else made).plan.op
        sign = op.symbol if op.symbol == op.name else f"{op.symbol} ({op.name})"
        said.setdefault(op.name, f"{sign} {_SAID.get(op.name, _OTHER)}")
    yield from said.values()
    uses = Counter(e.source for e in edges)
    shared = [n.name for n in picture.nodes if uses[n.key] > 1]
    if shared:
        names = ", ".join(shared[:4]) + (f" and {len(shared) - 4} more" if len(shared) > 4 else "")
        yield f"used more than once: {names}; there the gradients that come back are added up"

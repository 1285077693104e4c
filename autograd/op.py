"""What an operation is: one record, declared in one place, from which everything else is derived.

A *rule* says how the gradient of an operation's result becomes the gradient of one of its inputs.
It is an ordinary function, and **the names of its arguments say what it needs**::

    tanh = elementwise("tanh", np.tanh, partials={"input": lambda input: sech2(input)})
    matmul: {"input": lambda g, other: g @ other.mT, "other": lambda g, input: input.mT @ g}

- an input's name (``input``, ``other``, ...) or ``out``: that value is saved by the forward pass;
- ``<input>_shape``: only the shape of that input is kept;
- ``g``: the gradient of the result (absent in ``partials``, which the engine multiplies by ``g``);
- a parameter's name (``dim``, ``keepdim``, ...): the value the call was given.

What a rule may contain: operators, other operations by name, ``.shape``, ``.ndim``, ``.mT`` and
parameters. No NumPy calls, no branching on values, no writing in place. Kept to that, one text has
four readings, by the type of its arguments: arrays (fast backward), Tensors (recorded, for higher
order), ``Sym`` (printed), ``Tracer`` (equations). ``tests/autograd/test_rules.py`` enforces it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .plan import ALL as ALL
from .plan import ComplexPlan, Plan
from .plan import rule_names as rule_names

Rule = Callable[..., Any] | int
registry: dict[str, Op] = {}
REFUSED = "refused"  # the complex rules of operations that take no complex numbers


class Op:
    """One operation: kernel, rules, and what the drawings, the exporters and the tests need.

    ``inputs`` are the arguments that may be tensors, ``params`` the others, in call order;
    ``rules`` maps an input to its rule (``1`` and ``-1`` stand for passing ``g`` on as it is), or
    is one function for all inputs; ``partial`` says the rules are local derivatives, which multiply
    ``g``, or go through ``select(g, partial)`` where 0 must win over inf and nan. ``promote``
    says how dtypes meet: ``"same"`` (PyTorch's promotion), ``"float"`` (then integers become the
    default float), ``"keep"`` (the kernel sees its inputs as they are). ``outputs`` is 1, or more
    (``-1``: it depends); of those, the ones named in ``aux`` carry no gradient. ``untyped`` inputs
    (masks, indices) stay out of promotion.

    Of complex numbers the gradient is ∂L/∂Re + i·∂L/∂Im, as PyTorch has it. Rules are written as if
    the operation were holomorphic, and conjugation enters in one place, ``ComplexPlan``; operations
    that are not (abs, conj, svd, ...) give rules of their own for complex numbers,
    ``complex_rules``, or say ``complex_rules="same"`` where ``rules`` hold as they stand, or
    ``REFUSED`` where complex numbers make no sense (order).
    """

    lifts = False  # whether it moves values into a vmap or out of it

    def __init__(
        self,
        name: str,
        kernel: Callable[..., Any],
        inputs: Sequence[str],
        rules: Mapping[str, Rule] | Callable[..., Any] | None = None,
        *,
        params: Sequence[str] = (),
        defaults: Sequence[Any] = (),
        partial: bool = False,
        select: Callable[..., Any] | None = None,
        scalar: Callable[..., Any] | None = None,
        promote: str = "same",
        linear_in: Sequence[str] = (),
        symbol: str = "",
        tex: str = "",
        onnx: str | None = None,
        samples: Callable[..., Any] | None = None,
        textbook: Mapping[str, Rule] | None = None,
        reference: Callable[..., Any] | None = None,
        view: bool = False,
        untyped: Sequence[str] = (),
        outputs: int = 1,
        aux: Sequence[str] = (),
        variadic: bool = False,
        numbers: bool = False,
        complex_rules: Mapping[str, Rule] | Callable[..., Any] | str | None = None,
        doc: str = "",
    ) -> None:
        if name in registry:
            raise ValueError(f"operation {name!r} is declared twice")
        self.name, self.kernel = name, kernel
        self.inputs, self.params, self.defaults = tuple(inputs), tuple(params), tuple(defaults)
        self.rules: Any = {} if rules is None else rules
        self.complex_rules: Any = self.rules if complex_rules == "same" else complex_rules
        self.partial, self.scalar, self.promote = partial, scalar, promote
        self.select = select
        self.linear_in = tuple(linear_in)
        self.symbol, self.tex, self.onnx = symbol or name, tex, onnx
        self.samples, self.textbook, self.reference = samples, textbook, reference
        self.view, self.outputs, self.aux, self.variadic = view, outputs, tuple(aux), variadic
        self.several = outputs != 1 and not self.aux
        self.numbers, self.untyped, self.doc = numbers, tuple(untyped), doc
        self.differentiable = bool(self.rules)
        self.call: Any = None  # the fast way in, polymorphic; set by the builders
        self.function: Any = None  # the public function with PyTorch's signature
        self._plans: dict[int, Plan] = {}
        self._complex_plans: dict[int, Plan] = {}
        registry[name] = self

    def __repr__(self) -> str:
        return f"<operation {self.name}({', '.join(self.inputs + self.params)})>"

    def plan(self, mask: int) -> Plan:
        """What to save and how to go back when the inputs in the bit ``mask`` require grad."""
        plan = self._plans.get(mask)
        if plan is None:
            plan = self._plans[mask] = Plan(self, mask)
        return plan

    def complex_plan(self, mask: int) -> Plan:
        """``plan`` where numbers are complex."""
        plan = self._complex_plans.get(mask)
        if plan is None:
            plan = self._complex_plans[mask] = ComplexPlan(self, mask, registry["conj"].call)
        return plan

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

Rule = Callable[..., Any] | int
registry: dict[str, Op] = {}
PASSING = (lambda value: value).__code__.co_code  # a rule that is what it names
ALL = -1  # the mask of a list of tensors that all require grad: every bit is set


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
    """

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
        doc: str = "",
    ) -> None:
        if name in registry:
            raise ValueError(f"operation {name!r} is declared twice")
        self.name, self.kernel = name, kernel
        self.inputs, self.params, self.defaults = tuple(inputs), tuple(params), tuple(defaults)
        self.rules: Any = {} if rules is None else rules
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
        registry[name] = self

    def __repr__(self) -> str:
        return f"<operation {self.name}({', '.join(self.inputs + self.params)})>"

    def plan(self, mask: int) -> Plan:
        """What to save and how to go back when the inputs in the bit ``mask`` require grad."""
        plan = self._plans.get(mask)
        if plan is None:
            plan = self._plans[mask] = Plan(self, mask)
        return plan


class Plan:
    """An operation's backward, compiled for the inputs that require grad.

    ``save(inputs, out, params)`` gives the tuple that the node keeps, ``keep(*inputs, out)`` is its
    short form for elementwise operations (None: nothing is kept); ``backward(g, saved)`` gives one
    gradient for each wanted input. All are short generated functions (as ``namedtuple`` makes its
    methods), readable as ``plan.source``.
    """

    backward: Callable[[Any, Any], Any]
    save: Callable[[Any, Any, Any], tuple[Any, ...]]
    keep: Callable[..., tuple[Any, ...]] | None
    materialize = True  # results that got no gradient count as zeros
    __slots__ = ("backward", "frees", "keep", "mask", "op", "save", "saves", "source", "wanted")

    def __init__(self, op: Op, mask: int) -> None:
        self.op, self.mask = op, mask
        n = mask.bit_length() if op.variadic else len(op.inputs)
        self.wanted = () if mask == ALL else tuple(k for k in range(n) if mask >> k & 1)
        if mask and not op.differentiable:
            raise RuntimeError(f"{op.name}: the derivative is not implemented")
        if callable(op.rules):
            self._joint(n)
        else:
            self._separate()

    def _separate(self) -> None:
        """Rules written one per input."""
        op = self.op
        scope: dict[str, Any] = {}
        names: list[str] = []
        calls = []
        for k in self.wanted:
            name = op.inputs[k]
            if name not in op.rules:
                raise RuntimeError(f"{op.name}: no derivative with respect to {name!r}")
            rule = op.rules[name]
            if not callable(rule):
                calls.append({1: "g", -1: "-g"}[rule])
                continue
            needs = rule_names(rule)
            names += [n for n in needs if n != "g" and n not in names]
            plain = op.partial and op.select is None
            if plain and rule.__code__.co_code == PASSING:  # ``lambda other: other``
                calls.append(f"g * {needs[0]}")
                continue
            scope[f"d_{name}"] = rule
            call = f"d_{name}({', '.join(needs)})"
            if op.select is not None:
                scope["select"] = op.select
                call = f"select(g, {call})"
            calls.append(f"g * {call}" if plain else call)
        self._compile(names, scope, f"({', '.join(calls)}{',' if calls else ''})")

    def _joint(self, n: int) -> None:
        """One rule for all inputs (they share work); it may name ``needs``, which are wanted."""
        needs = rule_names(self.op.rules)
        names = [name for name in needs if name not in ("g", "needs")]
        args = ", ".join("NEEDS" if name == "needs" else name for name in needs)
        flags = tuple(self.mask >> k & 1 == 1 for k in range(n))
        self._compile(names, {"rule": self.op.rules, "NEEDS": flags}, f"rule({args})")
        if self.mask == ALL:
            return
        inner, wanted = self.backward, self.wanted

        def backward(g: Any, saved: Any) -> tuple[Any, ...]:
            grads = inner(g, saved)
            return tuple([grads[k] for k in wanted])

        self.backward = backward

    def _compile(self, names: list[str], scope: dict[str, Any], result: str) -> None:
        self.saves = tuple(names)
        data = {*self.op.inputs, *self.op.aux, "out", "inputs"}
        self.frees = any(n in data for n in names)  # parameters alone need not be dropped
        unpack = f"    {', '.join(names)}, = saved\n" if names else ""
        kept = "".join(f"{self._origin(n)}, " for n in names)
        self.source = (
            f"def save(inputs, out, params):\n    return ({kept})\n\n"
            f"def backward(g, saved):\n{unpack}    return {result}\n"
        )
        if self.op.partial and names:
            given, kept = ", ".join(self.op.inputs), ", ".join(names)
            self.source += f"\ndef keep({given}, out):\n    return ({kept},)\n"
        scope = {"__name__": __name__, **scope}
        exec(compile(self.source, f"<rule of {self.op.name}>", "exec"), scope)
        self.save, self.backward = scope["save"], scope["backward"]
        self.keep = scope.get("keep")

    def _origin(self, name: str) -> str:
        """Where the forward pass finds what a rule names."""
        op = self.op
        if name == "out":
            return "out[0]" if op.aux else "out"
        if name in op.aux:
            return f"out[{op.aux.index(name) + 1}]"
        if name == "inputs":
            return "tuple(inputs)"
        if name in op.params:
            return f"params[{op.params.index(name)}]"
        if name == "shapes" and op.variadic:
            return "tuple([getattr(i, 'shape', ()) for i in inputs])"
        if name.endswith("_shape") and name[:-6] in op.inputs:
            return f"getattr(inputs[{op.inputs.index(name[:-6])}], 'shape', ())"
        if name in op.inputs:
            return f"inputs[{op.inputs.index(name)}]"
        raise TypeError(f"{op.name}: its rule names {name!r}, which the operation does not have")


def rule_names(rule: Callable[..., Any]) -> tuple[str, ...]:
    """The argument names of a rule: what it needs."""
    code = rule.__code__
    return code.co_varnames[: code.co_argcount]

"""An operation's backward, compiled for the inputs that require grad: what is saved, and the rules.

A plan is made once for every set of inputs that require grad, and shared by all nodes that have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PASSING = (lambda value: value).__code__.co_code  # a rule that is what it names
ALL = -1  # the mask of a list of tensors that all require grad: every bit is set


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
    __slots__ = (
        "backward",
        "frees",
        "keep",
        "mask",
        "op",
        "rules",
        "save",
        "saves",
        "source",
        "wanted",
    )

    def __init__(self, op: Any, mask: int) -> None:
        self.op, self.mask, self.rules = op, mask, self._rules(op)
        n = mask.bit_length() if op.variadic else len(op.inputs)
        self.wanted = () if mask == ALL else tuple(k for k in range(n) if mask >> k & 1)
        if mask and not op.differentiable:
            raise RuntimeError(f"{op.name}: the derivative is not implemented")
        if callable(self.rules):
            self._joint(n)
        else:
            self._separate()

    def _rules(self, op: Any) -> Any:
        return op.rules

    def only(self, mask: int) -> Plan:
        """The plan of the same operation for fewer inputs."""
        plan: Plan = self.op.plan(mask)
        return plan

    def _separate(self) -> None:
        """Rules written one per input."""
        op, partial = self.op, self.op.partial and self.rules is self.op.rules
        scope: dict[str, Any] = {}
        names: list[str] = []
        calls = []
        for k in self.wanted:
            name = op.inputs[k]
            if name not in self.rules:
                raise RuntimeError(f"{op.name}: no derivative with respect to {name!r}")
            rule = self.rules[name]
            if not callable(rule):
                calls.append({1: "g", -1: "-g"}[rule])
                continue
            needs = rule_names(rule)
            names += [n for n in needs if n != "g" and n not in names]
            plain = partial and op.select is None
            if plain and rule.__code__.co_code == PASSING:  # ``lambda other: other``
                calls.append(f"g * {needs[0]}")
                continue
            scope[f"d_{name}"] = rule
            call = f"d_{name}({', '.join(needs)})"
            if partial and op.select is not None:
                scope["select"] = op.select
                call = f"select(g, {call})"
            calls.append(f"g * {call}" if plain else call)
        self._compile(names, scope, f"({', '.join(calls)}{',' if calls else ''})")

    def _joint(self, n: int) -> None:
        """One rule for all inputs (they share work); it may name ``needs``, which are wanted."""
        needs = rule_names(self.rules)
        names = [name for name in needs if name not in ("g", "needs")]
        args = ", ".join("NEEDS" if name == "needs" else name for name in needs)
        flags = tuple(self.mask >> k & 1 == 1 for k in range(n))
        self._compile(names, {"rule": self.rules, "NEEDS": flags}, f"rule({args})")
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


class ComplexPlan(Plan):
    """A plan where numbers are complex: g ↦ conj(rule(conj(g))), the conjugate of the transpose.

    Views have real coefficients, so that the two conjugations would undo each other.
    """

    __slots__ = ()

    def __init__(self, op: Any, mask: int, conj: Callable[[Any], Any]) -> None:
        super().__init__(op, mask)
        if op.complex_rules is not None or op.view or not mask:
            return
        inner = self.backward

        def backward(g: Any, saved: Any) -> tuple[Any, ...]:
            given = [conj(v) for v in g] if isinstance(g, list) else conj(g)
            return tuple([conj(v) for v in inner(given, saved)])

        self.backward = backward

    def _rules(self, op: Any) -> Any:
        return op.rules if op.complex_rules is None else op.complex_rules

    def only(self, mask: int) -> Plan:
        """The plan of the same operation for fewer inputs."""
        plan: Plan = self.op.complex_plan(mask)
        return plan


def rule_names(rule: Callable[..., Any]) -> tuple[str, ...]:
    """The argument names of a rule: what it needs."""
    code = rule.__code__
    return code.co_varnames[: code.co_argcount]

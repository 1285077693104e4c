"""Tracer and Graph: reads programs as equations.

While ``capture(f, *args)`` runs ``f``, the tensors' data are Tracers. Every operation that meets
one computes its result as usual and writes an equation down, and so do the rules when ``f`` goes
back: forward, backward and update end up in one ordered list, a ``Graph`` that prints, runs again
and can be lowered by a compiler. It is the same dispatch and the same walker that did the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import modes
from .dtypes import F64, of
from .graph import Leaf, Node, ancestors, is_output
from .handle import Handle, make, scalar_of
from .op import Op, registry
from .stand_in import StandIn
from .views import as_array

SHORT = {"float": "f", "int": "i", "uint": "u", "bool": "b", "complex": "c", "bfloat": "bf"}


class Var:
    """One value of a Graph: its name, shape and dtype."""

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        self.name, self.shape, self.dtype = name, tuple(shape), dtype

    def __repr__(self) -> str:
        kind = of(np.zeros((), self.dtype)).name
        word = kind.rstrip("0123456789")
        return f"{self.name}:{SHORT[word]}{kind[len(word) :]}[{','.join(map(str, self.shape))}]"


class Equation:
    """``outputs = op[params] inputs``; inputs are Vars or plain numbers."""

    __slots__ = ("inputs", "line", "module", "op", "outputs", "params")

    def __init__(
        self, op: Any, inputs: Sequence[Any], outputs: Sequence[Var], params: tuple[Any, ...]
    ) -> None:
        self.op, self.inputs, self.outputs, self.params = op, list(inputs), list(outputs), params
        self.line: str | None = None
        self.module: str | None = None

    def __repr__(self) -> str:
        pairs = zip(self.op.params, self.params, strict=False)
        given = " ".join(f"{k}={v!r}" for k, v in pairs)
        names = " ".join(i.name if isinstance(i, Var) else f"{i}" for i in self.inputs)
        left = " ".join(map(repr, self.outputs))
        return f"{left} = {self.op.name}{f'[{given}]' if given else ''} {names}"


class Graph:
    """A program as data: equations in order, with inputs, constants and outputs.

    Attributes: ``inputs`` (Vars), ``constants`` ((Var, array) pairs: what the program closed over),
    ``equations``, ``outputs`` (Vars or numbers), ``updates`` ((constant Var, new Var) pairs: what
    it wrote in place).
    """

    def __init__(self) -> None:
        self.inputs: list[Var] = []
        self.constants: list[tuple[Var, Any]] = []
        self.equations: list[Equation] = []
        self.outputs: list[Any] = []
        self.updates: list[tuple[Var, Var]] = []
        self._count = 0

    def new(self, data: Any) -> Var:
        """A fresh variable in the shape and dtype of ``data``."""
        n, name = self._count, ""
        self._count += 1
        while True:
            n, letter = divmod(n, 26)
            name = chr(97 + letter) + name
            if not n:
                break
            n -= 1
        shape = () if isinstance(data, (int, float)) else data.shape
        return Var(name, shape, F64 if isinstance(data, float) else np.asarray(data).dtype)

    def run(self, *inputs: Any) -> Any:
        """Run the equations on other inputs of the same shapes; apply the updates."""
        if len(inputs) != len(self.inputs):
            raise TypeError(f"Graph.run: expected {len(self.inputs)} inputs, got {len(inputs)}")
        env: dict[str, Any] = {v.name: data for v, data in self.constants}
        for v, given in zip(self.inputs, inputs, strict=True):
            data = given._data if isinstance(given, Handle) else given
            if np.shape(data) != v.shape:
                raise ValueError(f"Graph.run: input {v!r} was given the shape {np.shape(data)}")
            env[v.name] = data
        for eq in self.equations:
            args = [env[i.name] if isinstance(i, Var) else i for i in eq.inputs]
            out = eq.op.kernel(*((args,) if eq.op.variadic else args), *eq.params)
            outs = [out] if eq.op.outputs == 1 else out
            env.update({v.name: scalar_of(o) for v, o in zip(eq.outputs, outs, strict=True)})
        for old, new in self.updates:
            env[old.name][...] = env[new.name]
        results = [make(env[o.name]) if isinstance(o, Var) else make(o) for o in self.outputs]
        return results[0] if len(results) == 1 else tuple(results)

    def text(self) -> str:
        """The program, one equation a line."""
        head = " ".join(map(repr, self.inputs))
        closed = " ".join(repr(v) for v, _ in self.constants)
        body = "\n".join(f"    {eq!r}" for eq in self.equations)
        outs = " ".join(o.name if isinstance(o, Var) else repr(o) for o in self.outputs)
        text = f"{{ lambda {closed}{' ' if closed else ''}; {head} . let\n{body}\n  in ({outs})"
        if self.updates:
            text += " with " + " ".join(f"{a.name} ← {b.name}" for a, b in self.updates)
        return text + " }"

    def print(self) -> None:
        """Print the program."""
        print(self.text())

    __repr__ = text

    @staticmethod
    def of(*outputs: Any) -> Graph:
        """The graph of a tensor's history: what was recorded to compute it."""
        graph, env = Graph(), dict[Any, Any]()
        for node in ancestors([o._node for o in outputs if o._node is not None]):
            if isinstance(node, Leaf):
                env[node] = graph.new(np.empty(node.shape, node.dtype))
                graph.constants.append((env[node], node.value))
            elif node.plan.op.several:
                env[node] = [graph.new(np.empty(s, d)) for s, d in node.value]
                _recorded(graph, node, env, env[node])
            elif is_output(node):
                env[node] = env[node.operands()[0]][node.params[0]]
            else:
                env[node] = graph.new(np.empty(node.shape, node.dtype))
                _recorded(graph, node, env, [env[node]])
        graph.outputs = [env[o._node] if o._node is not None else o.item() for o in outputs]
        return graph


def _recorded(graph: Graph, node: Node, env: dict[Any, Any], outs: list[Var]) -> None:
    inputs = [env[o] if isinstance(o, (Node, Leaf)) else o for o in node.operands()]
    equation = Equation(node.plan.op, inputs, outs, node.params)
    if node.extra is not None:
        equation.line, equation.module = node.extra.line, node.extra.module
    graph.equations.append(equation)


class Tracer(StandIn):
    """A value under capture: it computes, and writes down what was computed."""

    __slots__ = ("graph", "value", "var")

    def __init__(self, graph: _Capture, value: Any, var: Var) -> None:
        self.graph, self.value, self.var = graph, value, var

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.var.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions of the value."""
        return len(self.var.shape)

    @property
    def size(self) -> int:
        """The number of elements of the value."""
        return int(np.prod(self.var.shape))

    @property
    def dtype(self) -> Any:
        """The NumPy dtype of the value."""
        return self.var.dtype

    @property
    def real(self) -> Any:
        """The real parts."""
        return registry["real"].call(self)

    def astype(self, dtype: Any) -> Any:
        """The value in another dtype."""
        return registry["convert"].call(self, of(np.zeros((), dtype)))

    @staticmethod
    def _apply(op: Op, values: Sequence[Any], params: tuple[Any, ...] = ()) -> Any:
        """Run an operation and write its equation down."""
        capture = next(v.graph for v in values if isinstance(v, Tracer))
        return capture.emit(op, values, params)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"the program needs the value of {self.var!r} while it is captured: a graph cannot "
            "branch on values or hand them to NumPy. Pass what it depends on as a plain number, "
            "or close over it."
        )

    __bool__ = __float__ = __int__ = __index__ = __array__ = tolist = item = _refuse


class _Capture:
    """A capture under way: the graph, and what must be put back when it ends."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.known: dict[int, Var] = {}  # closed-over arrays by id
        self.written: list[tuple[Any, Any]] = []  # tensors edited in place, with their arrays
        self.leaves: list[Leaf] = []  # leaves whose .grad was accumulated

    def var_of(self, value: Any) -> Any:
        """The variable of an operand; a closed-over array becomes a constant of the graph."""
        if isinstance(value, Tracer):
            return value.var
        if not isinstance(value, np.ndarray):
            return value
        var = self.known.get(id(value))
        if var is None:
            var = self.known[id(value)] = self.graph.new(value)
            self.graph.constants.append((var, value))
        return var

    def lift(self, t: Any) -> Any:
        """A tensor's data as a Tracer: what the program closed over is a constant of the graph."""
        if isinstance(t._data, Tracer):
            return t._data
        data = as_array(t)
        return Tracer(self, data, self.var_of(data))

    def emit(self, op: Op, values: Sequence[Any], params: tuple[Any, ...]) -> Any:
        """Compute an operation and append its equation."""
        raws = [v.value if isinstance(v, Tracer) else v for v in values]
        try:
            out = op.kernel(raws, *params) if op.variadic else op.kernel(*raws, *params)
        except ValueError as error:
            from .errors import explain

            raise explain(op, raws, error) from None
        outs = [scalar_of(o) for o in ([out] if op.outputs == 1 else out)]
        traced = [Tracer(self, o, self.graph.new(o)) for o in outs]
        equation = Equation(op, [self.var_of(v) for v in values], [t.var for t in traced], params)
        equation.line, equation.module = modes.user_line(), modes.local.module or None
        self.graph.equations.append(equation)
        return traced[0] if op.outputs == 1 else traced

    def wrote(self, t: Any, data: Any) -> None:
        """A tensor was given new values in place: a Tracer from here on."""
        if type(t._data) is np.ndarray:
            self.written.append((t, t._data))
        if not isinstance(data, Tracer):
            var = self.graph.new(data)
            self.graph.constants.append((var, data))
            data = Tracer(self, data, var)
        t._data = data

    def finish(self) -> None:
        """Put real data back under every tensor that outlives the capture."""
        for t, array in self.written:
            tracer = t._data
            if isinstance(tracer, Tracer):
                self.graph.updates.append((self.var_of(array), tracer.var))
                array[...] = tracer.value
                t._data = array
        for leaf in self.leaves:
            if leaf.grad is not None and isinstance(leaf.grad._data, Tracer):
                leaf.grad._data = leaf.grad._data.value


def capture(f: Callable[..., Any], *args: Any) -> Graph:
    """Run ``f(*args)`` once and return what it computed as a ``Graph``.

    Tensor arguments become the graph's inputs; tensors that ``f`` closes over become constants.
    Raises TypeError where ``f`` needs a value to decide what to do.

    >>> import chainrule as cr
    >>> cr.capture(lambda x: (x * x).sum(), cr.ones(3))
    { lambda ; a:f32[3] . let
        b:f32[3] = mul a a
        c:f32[] = sum[dim=None keepdim=False] b
      in (c) }
    """
    run = _Capture()
    given: list[Any] = []
    for a in args:
        if not isinstance(a, Handle):
            given.append(a)
            continue
        data = np.array(a._data)
        var = run.graph.new(data)
        run.graph.inputs.append(var)
        traced = make(Tracer(run, scalar_of(data[()]) if not data.ndim else data, var))
        if a.requires_grad:  # type: ignore[attr-defined]  # every Handle in use is a Tensor
            traced.requires_grad_()
        given.append(traced)
    outer, modes.local.capture = modes.local.capture, run
    modes.count("tracing", 1)
    modes.count("watching", 1)  # keeps the short ways out: every operation passes ``apply``
    try:
        result = f(*given)
        outs = result if isinstance(result, (tuple, list)) else (result,)
        run.graph.outputs = [
            run.var_of(o._data) if isinstance(o, Handle) else o for o in outs if o is not None
        ]
    finally:
        modes.local.capture = outer
        modes.count("tracing", -1)
        modes.count("watching", -1)
        run.finish()
    return run.graph

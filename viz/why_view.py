"""`why`: why is this gradient None, zero, nan, tiny or huge? Answered in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from ..autograd import Graph, Tensor, enable_grad
from ..autograd.handle import make
from .captured import results_of
from .forward_run import unchanged
from .naming import caller_variables, named_tensors, user_frames
from .report import Report
from .theme import ThemeName
from .why_asked import Asked, Setting
from .why_cut import reached_by
from .wording import short_line


class Why(Report):
    """The answer: `reason` in a word, `sentences` for the reader, `line` the user's line or "".

    Of a module or captured Graph, `parts` holds the answer for each of its parameters or inputs.
    """

    _said = "why is an answer in words"

    def __init__(
        self,
        question: str,
        reason: str,
        sentences: Sequence[str],
        line: str,
        theme: str | None,
        parts: Mapping[str, Why] | None = None,
    ) -> None:
        super().__init__(theme=theme)
        self.heading, self.reason, self.line = question, reason, line
        self.sentences, self.parts = tuple(sentences), dict(parts or {})

    def text(self) -> str:
        """The question, the answer, and the line."""
        where = [f"  at {short_line(self.line)}"] if self.line else []
        return "\n".join([self.heading, *(f"  {s}" for s in self.sentences), *where]) + "\n"

    def data(self) -> Mapping[str, Any]:
        """Question, reason and sentences."""
        said = {
            "question": self.heading, "reason": self.reason, "sentences": self.sentences,
            "line": short_line(self.line),
        }  # fmt: skip
        if not self.parts:
            return said
        return {**said, "parts": {name: part.data() for name, part in self.parts.items()}}

    def body(self) -> str:
        """The same as HTML."""
        said = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.sentences)
        line = escape(short_line(self.line))
        where = f'<p class="cr-muted"><code>{line}</code></p>' if line else ""
        return f'<div class="cr-report"><h1>{escape(self.heading)}</h1>{said}{where}</div>\n'


def why(x: Any, output: Any = None, *inputs: Any, theme: ThemeName | None = None) -> Why:
    """Explain the gradient of `output` by `x`: not connected, not kept, not run, zero, tiny, nan.

    Without `output`, the caller's variables are searched for the newest result that depends on x.
    A module x answers for each of its parameters. `output` may be a model or captured Graph to run
    on `inputs`, x then also the position of an input; `why(graph, *inputs)` answers for all of
    them. Gradients are computed for the answer; `.grad` stays as it is. Raises TypeError for what
    is no tensor.

    >>> import chainrule as cr
    >>> x = cr.tensor([-1.0, -2.0], requires_grad=True)
    >>> loss = x.relu().sum()
    >>> loss.backward()
    >>> answer = cr.viz.why(x, loss)
    >>> answer.reason, answer.sentences[1]
    ('zero', 'relu is closed: all of its 2 inputs are where its slope is 0.')
    """
    variables, frames = caller_variables(), list(user_frames())
    if isinstance(x, Graph):
        given = () if output is None else (output, *inputs)
        result, names = _run(x, given)
        setting = Setting(result, variables, frames, computed=True, names=names)
        wanted = [(v.name, names[v.name]) for v in x.inputs or [c for c, _ in x.constants]]
        return _of_all("the captured program", wanted, setting, theme)
    if hasattr(x, "named_parameters"):
        wanted = list(x.named_parameters())
        setting = _setting(output, inputs, wanted, variables, frames)
        return _of_all(type(x).__name__, wanted, setting, theme)
    if isinstance(x, int) and inputs and not isinstance(output, Tensor):
        x, inputs = _position(x, inputs)
    for what in (x,) if output is None or _runs(output) else (x, output):
        if not isinstance(what, Tensor):
            raise TypeError(
                "why() asks about tensors, or about all parameters of a module, got "
                f"{type(what).__name__}"
            )
    setting = _setting(output, inputs, [("", x)], variables, frames)
    return _of_one(Asked(x, setting), theme)


def _runs(output: Any) -> bool:
    return isinstance(output, Graph) or (callable(output) and not isinstance(output, Tensor))


def _position(at: int, inputs: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
    """An input by its position, as a leaf that requires gradient."""
    if not 0 <= at < len(inputs) or not isinstance(inputs[at], Tensor):
        raise ValueError(f"why(): x is the position of a tensor among the inputs, got {at}")
    given = inputs[at] if inputs[at].requires_grad else make(inputs[at]._data).requires_grad_()
    return given, (*inputs[:at], given, *inputs[at + 1 :])


def _run(y: Any, inputs: tuple[Any, ...]) -> tuple[Tensor, Any]:
    """The sum of what a model or captured program gives, recorded, and names for its graph."""
    with unchanged(y), enable_grad():
        results, names = results_of(y, inputs, None, "why")
        floating = [r for r in results if r.dtype.is_floating_point]
        total = floating[0] if len(floating) == 1 else sum(r.sum() for r in floating)
    if not isinstance(total, Tensor):
        raise TypeError(f"why(): {type(y).__name__} gave no floating numbers to differentiate")
    return total, names


def _setting(
    output: Any,
    inputs: tuple[Any, ...],
    wanted: Sequence[tuple[str, Tensor]],
    variables: Mapping[str, Any],
    frames: Sequence[Any],
) -> Setting:
    """What the questions share: the result that was given, made for them, or found."""
    if output is not None and _runs(output):
        result, names = _run(output, inputs)
        return Setting(result, variables, frames, computed=True, names=names)
    if output is not None and not isinstance(output, Tensor):
        raise TypeError(f"why() asks about tensors, got {type(output).__name__}")
    if output is None:
        tensors = [x for _, x in wanted]
        found = (_newest_result(x, variables) for x in tensors)
        output = next((t for t in found if t is not None), None)
    return Setting(output, variables, frames)


def _newest_result(x: Tensor, variables: Mapping[str, Any]) -> Tensor | None:
    """The newest tensor among some variables that depends on x; a single number before others."""
    found = [
        t for _, t in named_tensors(variables)
        if t is not x and t._node is not None and reached_by(x._node, t._node)
    ]  # fmt: skip
    return max(found, key=lambda t: (not t.shape, t._node.serial), default=None)


def _of_one(asked: Asked, theme: str | None) -> Why:
    question = f"Why is the gradient of {asked.name} {asked.state()}?"
    reason, sentences, line = asked.answer()
    return Why(question, reason, [_finished(s, asked.name) for s in sentences], line, theme)


def _of_all(
    what: str, wanted: Sequence[tuple[str, Tensor]], setting: Setting, theme: str | None
) -> Why:
    """The answers for several tensors, those with the same reason and words together."""
    parts = {name: _of_one(Asked(x, setting, name), theme) for name, x in wanted}
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, part in parts.items():
        state = part.heading.removeprefix(f"Why is the gradient of {name} ").rstrip("?")
        said = tuple(s.replace(name, "it") for s in part.sentences)
        alike.setdefault((state, said), []).append(name)
    sentences = list(_together(alike, parts))
    reasons = {part.reason for part in parts.values()}
    reason = next(iter(reasons)) if len(reasons) == 1 else "several" if reasons else "nothing"
    line = next((part.line for part in parts.values() if part.line), "")
    question = f"Why are the gradients of {what} what they are?"
    return Why(question, reason, sentences or ["It has no parameters."], line, theme, parts)


def _together(
    alike: Mapping[tuple[str, tuple[str, ...]], Sequence[str]], parts: Mapping[str, Why]
) -> Iterator[str]:
    ordinary = [
        n for (_, _), names in alike.items() for n in names if parts[n].reason == "ordinary"
    ]
    if ordinary:
        yield f"{_listed(ordinary)}: ordinary."
    for (state, said), names in alike.items():
        if parts[names[0]].reason != "ordinary":
            words = parts[names[0]].sentences if len(names) == 1 else said
            yield f"{_listed(names)}: {state}. {' '.join(map(_capital, words))}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:] if sentence.startswith("it ") else sentence


def _finished(sentence: str, name: str) -> str:
    """A sentence with its full stop, and a capital where it does not begin with a name."""
    first = sentence.partition(" ")[0]
    if first in _PLAIN and first != name:
        sentence = sentence[0].upper() + sentence[1:]
    return sentence if sentence.endswith((".", "?", ":")) else sentence + "."


_PLAIN = {"a", "all", "an", "and", "every", "from", "going", "it", "its", "no", "nothing", "nan"}
_PLAIN |= {"one", "the", "what"}

"""``chainrule tour``: the lecture's figure, a network on real digits, and where to go next."""

from __future__ import annotations

import html
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, nn, optim, viz
from ..autograd.dtypes import float64
from ..autograd.modes import no_grad, watch
from ..autograd.ops.creation import from_numpy, tensor
from ..autograd.random import manual_seed

YOURS = "tanh(w*x + b)"
STYLE = (
    "main{max-width:60rem;margin:2rem auto;padding:0 1.5rem}pre{overflow-x:auto}svg{height:auto}"
)


@dataclass
class Training:
    """What one training run showed."""

    model: Any
    losses: list[float] = field(default_factory=list)
    test_losses: list[float] = field(default_factory=list)
    accuracy: float = 0.0
    confusion: Any = None
    wrong: list[tuple[int, int, int]] = field(default_factory=list)  # index, true, predicted
    seconds: float = 0.0


def run(out: str, seed: int, epochs: int) -> None:
    """Print the tour and write it to ``out/index.html`` and files beside it."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    parts = [lecture(folder), digits(folder, seed, epochs), yours(folder)]
    body = "\n".join(["<main><h1>A tour of chainrule</h1>", *parts, "</main>"])
    page = viz.page("A tour of chainrule", body, viz.find_theme(None), STYLE)
    (folder / "index.html").write_text(page, encoding="utf-8")
    print(f"\nAll of it, to look at: {folder / 'index.html'}")


def _heading(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}")


def lecture(folder: Path) -> str:
    """Part 1: f = (x + y)·z, drawn, derived and checked."""
    _heading("1. Back-propagation, the lecture's figure: f = (x + y)·z")
    x, y, z = (tensor(v, dtype=float64, requires_grad=True) for v in (2.0, 3.0, -4.0))
    q = x + y
    f = q * z
    names = {"x": x, "y": y, "z": z, "q": q, "f": f}
    drawing = viz.draw(f, names=names)
    print(drawing.text())
    for kind in ("svg", "dot", "txt", "json"):
        drawing.save(folder / f"lecture.{kind}")
    (folder / "lecture-graphviz.svg").write_bytes(viz.render(drawing.dot(), "svg"))
    derivations = []
    for leaf in (x, y, z):
        explanation = viz.explain(f, leaf, names=names)
        print(explanation.text())
        derivations.append(explanation.text())
    return (
        f"<h2>1. Back-propagation: f = (x + y)·z</h2>\n{drawing.svg()}\n"
        f"<pre>{html.escape(drawing.text())}</pre>\n"
        "<h3>The chain rule, in symbols and numbers</h3>\n"
        f"<pre>{html.escape(chr(10).join(derivations))}</pre>\n"
        "<p>The same graph laid out by Graphviz: "
        '<a href="lecture-graphviz.svg">lecture-graphviz.svg</a>.</p>'
    )


def load(seed: int) -> tuple[Any, Any, Any, Any, Any]:
    """Training and test part of the digits, as tensors, and the test images."""
    images, labels = data.load_digits()
    train, test = data.stratified_split(labels, test=0.25, seed=seed)
    x = (images.reshape(len(images), -1) / 16).astype(np.float32)
    parts = [from_numpy(x[train]), from_numpy(labels[train])]
    parts += [from_numpy(x[test]), from_numpy(labels[test])]
    return (*parts, images[test])


def train_digits(seed: int, epochs: int, progress: bool = True) -> Training:
    """Train a 64-256-10 network on the digits with Adam; everything follows from the seed."""
    from tqdm import tqdm

    started = time.perf_counter()
    manual_seed(seed)
    x, y, x_test, y_test, _ = load(seed)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10))
    loss_of, optimizer = nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=1e-3)
    loader: Any = data.DataLoader(data.TensorDataset(x, y), batch_size=32, shuffle=True)
    result = Training(model)
    bar = tqdm(range(epochs), unit="epoch", disable=not progress)
    for _ in bar:
        model.train()
        total = 0.0
        for batch, target in loader:
            optimizer.zero_grad()
            loss = loss_of(model(batch), target)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        result.losses.append(total / len(x))
        model.eval()
        with no_grad():
            scores = model(x_test)
            result.test_losses.append(loss_of(scores, y_test).item())
        predicted = scores.argmax(1).numpy()
        result.accuracy = float((predicted == y_test.numpy()).mean())
        bar.set_postfix(loss=f"{result.losses[-1]:.4f}", test=f"{result.accuracy:.1%}")
    truth = y_test.numpy()
    result.confusion = np.zeros((10, 10), np.int64)
    np.add.at(result.confusion, (truth, predicted), 1)
    misread = np.flatnonzero(predicted != truth)
    result.wrong = [(int(k), int(truth[k]), int(predicted[k])) for k in misread]
    result.seconds = time.perf_counter() - started
    return result


def spark(values: list[float]) -> str:
    """A line of blocks for a falling curve, on a logarithmic scale."""
    logs = np.log(np.maximum(values, 1e-12))
    span = max(float(np.ptp(logs)), 1e-12)
    return "".join("▁▂▃▄▅▆▇█"[int(7 * (v - logs.min()) / span)] for v in logs)


def _matrix_text(counts: Any) -> str:
    head = "true\\read " + " ".join(f"{k:3d}" for k in range(10))
    rows = [
        f"{k:9d} " + " ".join(f"{n:3d}" if n else "  ·" for n in row)
        for k, row in enumerate(counts)
    ]
    return "\n".join([head, *rows])


def _ascii(image: Any) -> list[str]:
    return ["".join(" ░▒▓█"[min(int(p) * 5 // 17, 4)] * 2 for p in row) for row in image]


def digits(folder: Path, seed: int, epochs: int) -> str:
    """Part 2: a network trained on real handwritten digits."""
    _heading("2. A network on 1,797 real handwritten digits (64-256-10, Adam)")
    result = train_digits(seed, epochs)
    x, y, _, _, images = load(seed)
    print(
        f"\ntest accuracy {result.accuracy:.2%} after {epochs} epochs, {result.seconds:.1f} s\n"
        f"training loss {spark(result.losses)} {result.losses[0]:.3f} → {result.losses[-1]:.4f}\n\n"
        f"{_matrix_text(result.confusion)}\n"
    )
    shown = result.wrong[:5]
    if shown:
        print(f"{len(result.wrong)} of {len(images)} misread; the first ones:")
        print("   ".join(f"{f'a {t}, read as {p}':16s}" for _, t, p in shown))
        for line in zip(*[_ascii(images[k]) for k, _, _ in shown], strict=True):
            print("   ".join(line))
    pixels = x[:32]
    with watch():
        loss = nn.CrossEntropyLoss()(result.model(pixels), y[:32])
    named = {**dict(result.model.named_parameters()), "pixels": pixels, "loss": loss}
    result.model.zero_grad()
    graph = viz.draw(loss, names=named, direction="TB")
    graph.save(folder / "model.svg")
    print("\n" + graph.text())
    history = {"training": result.losses, "test": result.test_losses}
    curves = viz.learning_curves(history, y="mean cross-entropy (nats)")
    matrix = viz.confusion_matrix(result.confusion, [str(k) for k in range(10)])
    captions = [f"{t} → {p}" for _, t, p in result.wrong[:24]]
    strip = viz.image_strip(images[[k for k, _, _ in result.wrong[:24]]], captions)
    return (
        "<h2>2. A network on real handwritten digits</h2>\n"
        f"<p>Test accuracy {result.accuracy:.2%} ({len(result.wrong)} of {len(images)} misread) "
        f"after {epochs} epochs, {result.seconds:.1f} s.</p>\n"
        f"{curves.svg()}{matrix.svg()}\n"
        f"<h3>Misread digits: true → read</h3>\n{strip.svg()}\n"
        "<h3>The model's graph, by layer, with the norm of every gradient</h3>\n"
        f"{graph.svg()}"
    )


def yours(folder: Path) -> str:
    """Part 3: the expression that the user may change."""
    _heading(f"3. Your turn: {YOURS}")
    values = {"w": -3.0, "x": 2.0, "b": 6.88}
    leaves = {k: tensor(v, dtype=float64, requires_grad=True, name=k) for k, v in values.items()}
    drawing = viz.draw(viz.read_expression(YOURS).evaluate(leaves), names=leaves)
    print(drawing.text())
    drawing.save(folder / "yours.svg")
    command = f'chainrule draw "{YOURS}" x=2 w=-3 b=6.88 --html mine.html'
    print(f"Change it:  {command}")
    return (
        f"<h2>3. Your turn</h2>\n{drawing.svg()}\n"
        f"<p>Type another expression: <code>{html.escape(command)}</code></p>"
    )

"""Plots of models and data: what is drawn is what the model and the engine say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, viz

pytest.importorskip("matplotlib")


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def mlp(outputs: int, seed: int = 0) -> Any:
    cr.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, outputs))


def cnn() -> Any:
    cr.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 36, 4)
    )


def snapshot(model: Any) -> tuple[Any, ...]:
    modes = tuple(m.training for m in model.modules())
    state = {k: v.detach().numpy().copy() for k, v in model.state_dict().items()}
    grads = [p.grad for p in model.parameters()]
    hooks = [len(m._forward_hooks) for m in model.modules()]
    return modes, {k: v.tobytes() for k, v in state.items()}, grads, hooks, cr.get_rng_state().sum()


def regions(plot: viz.Plot) -> list[Any]:
    return [c for c in plot.axes.collections if type(c).__name__ == "QuadContourSet" and c.filled]


# decision_boundary


def test_regions_are_the_models_argmax() -> None:
    model = mlp(3).eval()
    points = random().normal(0, 2, (30, 2)).astype(np.float32)
    plot = viz.decision_boundary(model, points, np.arange(30) % 3, steps=60)
    x, y = np.meshgrid(plot.data["x"], plot.data["y"])
    grid = cr.tensor(np.stack([x, y], -1).astype(np.float32))
    assert np.array_equal(plot.data["classes"], model(grid).argmax(-1).numpy())
    probes = random().uniform(-2, 2, (200, 2)).astype(np.float32)
    scores = model(cr.tensor(probes)).detach().numpy()
    top = np.sort(scores, axis=1)
    clear = top[:, -1] - top[:, -2] > 0.05  # beside the line a grid of 60 steps cannot tell
    drawn = {int(k) for k in np.unique(plot.data["classes"])}
    for k, area in zip(sorted(drawn), regions(plot), strict=True):
        inside = area.get_paths()[0].contains_points(probes)
        assert np.array_equal(inside[clear], (scores.argmax(1) == k)[clear])


def test_one_output_is_read_as_a_logit_or_a_probability() -> None:
    points, labels = [[-1.0, 0.0], [1.0, 0.0]], [0, 1]
    logit = viz.decision_boundary(lambda p: 3 * p[:, :1], points, labels, steps=21)
    wanted = 1 / (1 + np.exp(-3 * logit.data["x"]))
    assert np.allclose(logit.data["probability"], wanted[None], atol=1e-6)
    chance = viz.decision_boundary(lambda p: cr.sigmoid(3 * p[:, 0]), points, labels, steps=21)
    assert np.allclose(chance.data["probability"], wanted[None], atol=1e-6)
    forced = viz.decision_boundary(lambda p: p[:, 0] * 0 + 0.2, points, labels, logits=True)
    assert np.allclose(forced.data["probability"], 1 / (1 + np.exp(-0.2)))
    signs = viz.decision_boundary(lambda p: p[:, 0], points, [-1, 1], names=["no", "yes"], steps=9)
    assert [c.get_label() for c in signs.axes.collections if c.get_label() in {"no", "yes"}] == [
        "no", "yes"
    ]  # fmt: skip


def test_the_boundary_runs_where_the_output_is_zero() -> None:
    plot = viz.decision_boundary(lambda p: p[:, 0] + 2 * p[:, 1] - 1, [[0, 0], [2.0, 2.0]], [0, 1])
    line = next(c for c in plot.axes.collections if c.get_label() == "_boundary")
    for path in line.get_paths():
        assert np.allclose(path.vertices @ [1, 2], 1, atol=1e-5)


def test_one_class_alone_keeps_its_side_and_colour() -> None:
    plot = viz.decision_boundary(lambda p: p[:, 0], [[2.0, 0.0], [3.0, 1.0]], [1, 1], steps=9)
    both = viz.decision_boundary(lambda p: p[:, 0], [[2.0, 0.0], [-3.0, 1.0]], [1, 0], steps=9)
    mark, other = (p.axes.collections[-1] for p in (plot, both))
    assert np.array_equal(mark.get_facecolor(), other.get_facecolor())
    assert "1: 2\n" in plot.text()


def test_classes_have_forms_and_names() -> None:
    labels = np.array([0, 1, 2] * 4)
    points = random().normal(0, 1, (12, 2)).astype(np.float32)
    plot = viz.decision_boundary(mlp(3), points, labels, names=["a", "b", "c"], steps=20)
    marks = [c for c in plot.axes.collections if type(c).__name__ == "PathCollection"]
    assert [m.get_label() for m in marks] == ["a", "b", "c"]
    for k, mark in enumerate(marks):
        assert np.allclose(mark.get_offsets(), points[labels == k])
    assert len({m.get_paths()[0].vertices.tobytes() for m in marks}) == 3
    assert "a: 4\n" in plot.text()


@pytest.mark.parametrize(
    ("model", "points", "labels", "words"),
    [
        (mlp(1), [[0.0, 0.0, 0.0]], [0], r"shape \(n, 2\)"),
        (mlp(1), [[0.0, 0.0]], [0, 1], "1 points, but 2 labels"),
        (mlp(1), [[0.0, 0.0]] * 3, [0, 1, 2], "one output tells two classes apart"),
        (mlp(2), [[0.0, 0.0]] * 3, [0, 1, 2], "label 2 is no index of the model's 2 outputs"),
        (lambda p: p.sum(), [[0.0, 0.0]], [0], r"the model gave \(\)"),
    ],
)
def test_a_boundary_refuses_what_it_cannot_draw(
    model: Any, points: Any, labels: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        viz.decision_boundary(model, points, labels, steps=5)


# what plots leave as it was


def test_models_stay_as_they_were() -> None:
    points = random().normal(0, 1, (4, 2)).astype(np.float32)
    model, image = mlp(2), np.ones((1, 1, 8, 8), np.float32)
    model[2].eval()
    before = snapshot(model)
    viz.decision_boundary(model, points, [0, 1, 0, 1], steps=5)
    viz.loss_surface(lambda m: m(cr.tensor(points)).square().mean(), model=model, steps=3)
    viz.saliency(model, points[:1])
    assert snapshot(model) == before
    conv = cnn()
    before = snapshot(conv)
    viz.feature_maps(conv, image)
    viz.saliency(conv, image, 1)
    viz.filters(conv[0])
    viz.activation(conv[2])
    assert snapshot(conv) == before


# filters and feature maps


def test_kernels_stand_in_their_places_on_one_symmetric_scale() -> None:
    layer = nn.Conv2d(2, 3, (4, 5))
    plot = viz.filters(layer)
    weight = layer.weight.detach().numpy()
    image = plot.axes.images[0]
    shown = np.ma.filled(image.get_array(), np.nan)
    assert shown.shape == (3 * 5 - 1, 2 * 6 - 1)
    for out, channel in np.ndindex(3, 2):
        place = shown[5 * out : 5 * out + 4, 6 * channel : 6 * channel + 5]
        assert np.array_equal(place, weight[out, channel].astype(place.dtype))
    limit = float(np.abs(weight).max())
    assert image.get_clim() == (-limit, limit)
    assert np.isnan(shown[4]).all()


@pytest.mark.parametrize(
    ("weight", "shape", "kernels"),
    [
        (nn.Conv2d(1, 6, 3), None, (2, 3, 3, 3)),
        (nn.Conv1d(2, 3, 5), None, (3, 2, 1, 5)),
        (nn.Linear(12, 7), None, (1, 1, 7, 12)),
        (nn.Linear(12, 4), (3, 4), (1, 4, 3, 4)),
        (np.ones((70, 20, 3, 3)), None, (16, 16, 3, 3)),
        (np.zeros((3, 1, 2, 2)), None, (1, 3, 2, 2)),
    ],
)
def test_all_kinds_of_kernels(weight: Any, shape: Any, kernels: tuple[int, ...]) -> None:
    plot = viz.filters(weight, shape=shape)
    assert plot.data["kernels"].shape == kernels
    assert ("the first 16 of 70 filters" in plot.text()) == (kernels[0] == 16)


def test_filters_refuse_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"got \(5,\)"):
        viz.filters(np.ones(5))
    with pytest.raises(ValueError, match=r"shape \(3, 3\) wants a weight \(out, 9\)"):
        viz.filters(np.ones((2, 8)), shape=(3, 3))


@pytest.mark.parametrize("layer", ["2", None, "module"])
def test_feature_maps_equal_a_hook_by_hand(layer: Any) -> None:
    model, x = cnn(), cr.tensor(random().normal(0, 1, (1, 1, 8, 8)).astype(np.float32))
    index = 0 if layer is None else 2
    kept: list[Any] = []
    handle = model[index].register_forward_hook(lambda m, args, out: kept.append(out))
    model.eval()(x)
    model.train()
    handle.remove()
    plot = viz.feature_maps(model, x, model[index] if layer == "module" else layer)
    maps = kept[0].detach().numpy()[0]
    assert np.array_equal(plot.data["maps"], maps)
    image = plot.axes.images[0]
    shown = np.ma.filled(image.get_array(), np.nan)
    assert np.array_equal(shown[:6, :6], maps[0].astype(shown.dtype))
    assert (image.get_clim()[0] == 0) == (index == 2)
    assert f"{index} (" in plot.title


def test_feature_maps_refuse_what_they_cannot_draw() -> None:
    model, x = cnn(), cr.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match="Linear is not a module of this model"):
        viz.feature_maps(model, x, nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"4 \(Linear\) gave \(1, 4\)"):
        viz.feature_maps(model, x, "4")
    with pytest.raises(ValueError, match="pass one sample"):
        viz.feature_maps(model, cr.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match="no layer gave"):
        viz.feature_maps(mlp(1), cr.zeros(1, 2))


# latent_space


def test_two_dimensions_are_drawn_as_they_are() -> None:
    z, labels = cr.tensor(random().normal(0, 1, (20, 2)), requires_grad=True), np.arange(20) % 2
    plot = viz.latent_space(z, labels, names=["cat", "dog"])
    assert np.array_equal(plot.data["points"], z.detach().numpy())
    assert [t.get_text() for t in plot.axes.texts] == ["cat", "dog"]
    cats = z.detach().numpy()[labels == 0]
    assert np.allclose(plot.axes.texts[0].get_position(), np.median(cats, axis=0))
    assert np.array_equal(plot.axes.collections[0].get_offsets(), cats)


def test_more_dimensions_are_projected_on_the_largest_variance() -> None:
    z = random().normal(0, 1, (50, 4)) @ np.diag([5.0, 0.1, 3.0, 0.1]) + 7
    points = viz.latent_space(z).data["points"]
    centred = z - z.mean(0)
    values, axes = (v[..., ::-1] for v in np.linalg.eigh(np.cov(centred.T)))
    assert np.allclose(points.var(axis=0, ddof=1), values[:2])
    assert np.allclose(np.corrcoef(points.T)[0, 1], 0, atol=1e-9)
    signs = np.sign([axis[np.abs(axis).argmax()] for axis in axes.T[:2]])
    assert np.allclose(points, centred @ axes[:, :2] * signs)  # the largest weight is positive
    label = viz.latent_space(z).axes.get_xlabel()
    assert f"{values[0] / values.sum():.0%} of the variance" in label


def test_many_classes_have_a_legend_and_odd_input_is_refused() -> None:
    plot = viz.latent_space(random().normal(0, 1, (24, 2)), np.arange(24) % 12)
    assert not plot.axes.texts
    assert ">11<" in plot.svg()
    with pytest.raises(ValueError, match="d ≥ 2"):
        viz.latent_space(np.ones((5, 1)))
    with pytest.raises(ValueError, match="names has 1 entries"):
        viz.latent_space(np.ones((2, 2)), [0, 1], names=["a"])


# saliency


@pytest.mark.parametrize("target", [None, 2, -1])
def test_saliency_is_the_autograd_gradient(target: int | None) -> None:
    model = cnn().eval()
    x = cr.tensor(random().normal(0, 1, (1, 1, 8, 8)).astype(np.float32), requires_grad=True)
    out = model(x)[0]
    out[int(out.argmax()) if target is None else target].backward()
    wanted = np.abs(x.grad.numpy())
    x.grad = None
    plot = viz.saliency(model, x, target)
    assert np.allclose(plot.data["saliency"], wanted, rtol=1e-5, atol=1e-7)
    assert x.grad is None
    assert np.allclose(plot.axes[1].images[0].get_array(), wanted[0, 0], rtol=1e-5, atol=1e-7)
    assert np.array_equal(plot.axes[0].images[0].get_array(), x.detach().numpy()[0, 0])


def test_saliency_of_vectors_is_bars_or_a_picture() -> None:
    weight = cr.tensor([[1.0, -2.0, 0.5, 0.0]])
    plot = viz.saliency(lambda x: x @ weight.T, np.ones((1, 4)), names=["a", "b", "c", "d"])
    assert [bar.get_width() for bar in plot.axes.patches] == [1.0, 2.0, 0.5, 0.0]
    assert "bars: a 1, b 2, c 0.5" in plot.text()
    picture = viz.saliency(lambda x: x @ weight.T, cr.ones(1, 4), shape=(2, 2))
    assert picture.axes[1].images[0].get_array().tolist() == [[1.0, 2.0], [0.5, 0.0]]
    wide = viz.saliency(lambda x: (x * cr.arange(30.0)).sum(), np.ones(30))
    assert "the 20 largest of 30 features" in wide.text()
    assert len(wide.axes.patches) == 20


def test_colour_channels_show_the_largest() -> None:
    weight = cr.tensor(random().normal(0, 1, (3, 4, 4)))
    plot = viz.saliency(lambda x: (x * weight).sum(), random().random((3, 4, 4)))
    assert np.allclose(plot.axes[1].images[0].get_array(), np.abs(weight.numpy()).max(0), atol=1e-6)
    assert plot.axes[0].images[0].get_array().shape == (4, 4, 3)


def test_saliency_refuses_several_samples_and_unknown_targets() -> None:
    with pytest.raises(ValueError, match="one sample"):
        viz.saliency(mlp(2), cr.zeros(3, 2))
    with pytest.raises(ValueError, match="target 5 of 2 outputs"):
        viz.saliency(mlp(2), cr.zeros(1, 2), 5)
    with pytest.raises(ValueError, match="3 names for 2 features"):
        viz.saliency(mlp(2), cr.zeros(2), names=["a", "b", "c"])


# attention_map


def test_attention_shows_weights_and_tokens() -> None:
    weights = random().dirichlet(np.ones(3), 2)
    plot = viz.attention_map(cr.tensor(weights), ["je", "suis"], ["I", "am", "."])
    assert np.array_equal(plot.axes.images[0].get_array(), weights)
    assert [t.get_text() for t in plot.axes.get_xticklabels()] == ["I", "am", "."]
    assert [t.get_text() for t in plot.axes.get_yticklabels()] == ["je", "suis"]
    assert len(plot.axes.texts) == 6
    best = ["I", "am", "."][weights[0].argmax()]
    assert f"je: {best} " in plot.text()


def test_heads_are_small_multiples_on_one_scale() -> None:
    weights = random().dirichlet(np.ones(4), (1, 6, 4))
    plot = viz.attention_map(weights, list("abcd"))
    pictures = [axes for axes in plot.figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in pictures] == [f"head {k}" for k in range(6)]
    for axes, head in zip(pictures, weights[0], strict=True):
        assert np.array_equal(axes.images[0].get_array(), head)
        assert axes.images[0].get_clim() == (0, weights.max())
    with pytest.raises(ValueError, match="3 queries for weights with 4"):
        viz.attention_map(weights, list("abc"))
    with pytest.raises(ValueError, match=r"got \(2, 3, 4, 4\)"):
        viz.attention_map(np.ones((2, 3, 4, 4)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: viz.decision_boundary(mlp(3), np.eye(3, 2, dtype=np.float32), [0, 1, 2], steps=30),
        lambda: viz.loss_surface(lambda a, b: a**2 + b**2, steps=15, paths={"p": [[1, 1], [0, 0]]}),
        lambda: viz.activation("tanh"),
        lambda: viz.filters(np.arange(18.0).reshape(2, 1, 3, 3)),
        lambda: viz.latent_space(np.arange(12.0).reshape(4, 3) ** 2, [0, 0, 1, 1]),
        lambda: viz.attention_map(np.eye(3), list("abc")),
        lambda: viz.saliency(lambda x: (x**2).sum(), np.ones((4, 4))),
    ],
)
def test_the_same_bytes_from_the_same_call(make: Any) -> None:
    first, second = make(), make()
    assert first.svg() == second.svg() == first.svg()
    assert first.text() == second.text()

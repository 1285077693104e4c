"""Mixed precision: types inside autocast, gradients outside, and the scaler."""

from __future__ import annotations

import math
import warnings

import pytest

import chainrule as cr
from chainrule import nn

F = nn.functional


def test_products_narrow_and_losses_do_not() -> None:
    x, w = cr.rand(4, 3), cr.rand(3, 3)
    with cr.autocast("cpu"):
        assert (x @ w).dtype is cr.bfloat16
        assert F.linear(x, w).dtype is cr.bfloat16
        assert F.conv1d(cr.rand(1, 2, 5), cr.rand(3, 2, 3)).dtype is cr.bfloat16
        assert cr.bmm(cr.rand(2, 3, 3), cr.rand(2, 3, 3)).dtype is cr.bfloat16
        assert cr.einsum("ij,jk->ik", x, w).dtype is cr.bfloat16
        assert cr.einsum("ij->i", x).dtype is cr.float32
        assert (x + 1).dtype is cr.float32
        assert F.softmax(x, 1).dtype is cr.float32
        narrow = x @ w
        assert F.softmax(narrow, 1).dtype is cr.bfloat16
        for loss in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.binary_cross_entropy_with_logits):
            assert loss(narrow, narrow).dtype is cr.float32
        assert F.cross_entropy(narrow, cr.tensor([0, 1, 2, 0])).dtype is cr.float32
        assert nn.CrossEntropyLoss()(narrow, cr.tensor([0, 1, 2, 0])).dtype is cr.float32
        assert (x.double() @ w.double()).dtype is cr.float64
    assert (x @ w).dtype is cr.float32


def test_the_numbers_are_those_of_the_narrow_type() -> None:
    x, w = cr.rand(4, 8), cr.rand(8, 3)
    with cr.autocast("cpu", dtype=cr.float16):
        y = x @ w
    assert y.tolist() == (x.half() @ w.half()).tolist()


def test_gradients_are_float32() -> None:
    layer = nn.Linear(3, 2)
    with cr.autocast("cpu"):
        loss = layer(cr.rand(4, 3)).sum()
    loss.backward()
    assert layer.weight.grad.dtype is cr.float32
    assert layer.weight.grad.shape == (2, 3)


def test_nested_and_switched_off() -> None:
    x = cr.rand(2, 2)
    with cr.autocast("cpu"):
        with cr.autocast("cpu", enabled=False):
            assert (x @ x).dtype is cr.float32
            assert not cr.is_autocast_enabled("cpu")
        with cr.autocast("cpu", dtype=cr.float16):
            assert (x @ x).dtype is cr.float16
        with cr.autocast("cuda", enabled=False):
            assert (x @ x).dtype is cr.bfloat16
        assert (x @ x).dtype is cr.bfloat16
    assert not cr.is_autocast_enabled("cpu")


def test_left_by_an_error() -> None:
    with pytest.raises(ZeroDivisionError), cr.autocast("cpu"):
        _ = 1 / 0
    assert (cr.rand(2, 2) @ cr.rand(2, 2)).dtype is cr.float32


def test_as_a_decorator() -> None:
    @cr.autocast("cpu")
    def product(x: cr.Tensor) -> cr.Tensor:
        return x @ x

    assert product(cr.rand(2, 2)).dtype is cr.bfloat16


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cr.autocast("cuda"), "CUDA is not available"),
        (lambda: cr.cuda.amp.autocast(), "CUDA is not available"),
        (lambda: cr.autocast("cpu", dtype=cr.float32), "target dtype is not supported"),
        (lambda: cr.autocast("mps"), "Disabling"),
    ],
)
def test_elsewhere_it_warns_and_does_nothing(make: object, said: str) -> None:
    with pytest.warns(UserWarning, match=said):
        context = make()  # type: ignore[operator]
    with context:
        assert (cr.rand(2, 2) @ cr.rand(2, 2)).dtype is cr.float32


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="device_type"):
        cr.autocast(0)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="nonsense"):
        cr.autocast("nonsense")


def test_custom_functions_run_as_marked() -> None:
    class Product(cr.autograd.Function):
        @staticmethod
        @cr.amp.custom_fwd(device_type="cpu", cast_inputs=cr.float32)
        def forward(ctx: object, x: cr.Tensor) -> cr.Tensor:
            assert x.dtype is cr.float32
            return x @ x

        @staticmethod
        @cr.amp.custom_bwd(device_type="cpu")
        def backward(ctx: object, g: cr.Tensor) -> cr.Tensor:
            return g * 2

    with cr.autocast("cpu"):
        y = Product.apply(cr.rand(2, 2, dtype=cr.bfloat16).requires_grad_())
    assert y.dtype is cr.float32


def params(*values: float) -> tuple[nn.Parameter, cr.optim.SGD]:
    p = nn.Parameter(cr.tensor(values))
    return p, cr.optim.SGD([p], lr=0.1)


def test_scaler_gives_the_unscaled_step() -> None:
    p, optimizer = params(1.0, 2.0)
    scaler = cr.amp.GradScaler("cpu", init_scale=2.0**10)
    for _ in range(3):
        optimizer.zero_grad()
        scaler.scale((p * p).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    assert p.tolist() == pytest.approx([0.512, 1.024])


def test_scaler_skips_bad_steps_and_backs_off() -> None:
    p, optimizer = params(1.0)
    scaler = cr.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    for bad, scale in ((math.inf, 4.0), (math.nan, 2.0), (1.0, 2.0), (1.0, 4.0)):
        before = p.item()
        p.grad = cr.tensor([bad])
        scaler.step(optimizer)
        scaler.update()
        assert (p.item() == before) is not math.isfinite(bad)
        assert scaler.get_scale() == scale


def test_scaler_misuse() -> None:
    p, optimizer = params(1.0)
    p.grad = cr.ones(1)
    scaler = cr.amp.GradScaler("cpu")
    with pytest.raises(AssertionError, match="No inf checks"):
        scaler.update()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)


def test_scaler_switched_off_passes_through() -> None:
    p, optimizer = params(1.0)
    scaler = cr.amp.GradScaler(enabled=False)
    loss = p.sum()
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert p.item() == pytest.approx(0.9)
    assert (scaler.get_scale(), scaler.state_dict()) == (1.0, {})


def test_scaler_for_cuda_disables_itself() -> None:
    with pytest.warns(UserWarning, match="Disabling"):
        scaler = cr.amp.GradScaler()
    assert not scaler.is_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cr.cuda.amp.GradScaler(enabled=False)


def test_scaler_state() -> None:
    scaler = cr.amp.GradScaler("cpu", init_scale=4.0, growth_interval=7)
    other = cr.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.state_dict() == scaler.state_dict()
    with pytest.raises(RuntimeError, match="empty"):
        other.load_state_dict({})

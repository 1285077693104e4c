"""Errors that teach: each is raised where it should be, and says what it should say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr


def var(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


def says(error: Any, *parts: str) -> None:
    """The message holds all the parts, in this order."""
    text, at = str(error.value), 0
    for part in parts:
        assert part in text[at:], f"{part!r} is not in the rest of: {text}"
        at = text.index(part, at) + len(part)


# -- shapes ---------------------------------------------------------------------------------------


def test_matmul_shapes() -> None:
    with pytest.raises(RuntimeError) as error:
        cr.ones(2, 3) @ cr.ones(4, 5)
    says(error, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", "(3)", "(4)")
    assert "Did you mean" not in str(error.value)
    with pytest.raises(RuntimeError) as error:
        cr.ones(2, 3) @ cr.ones(4, 3)
    says(error, "(2x3 and 4x3)", "Did you mean a @ b.T?")
    with pytest.raises(RuntimeError) as error:
        cr.ones(3, 2) @ cr.ones(3, 4)
    says(error, "(3x2 and 3x4)", "Did you mean a.T @ b?")
    with pytest.raises(RuntimeError) as error:
        cr.ones(2, 3) @ cr.ones(4)
    says(error, "(2x3 and 4)", "only size of the second (4)")
    with pytest.raises(RuntimeError) as error:
        cr.nn.functional.linear(cr.ones(2, 3), cr.ones(5, 4))
    says(error, "2x3", "linear")
    with pytest.raises(RuntimeError) as error:
        cr.ones(2, 3) @ cr.tensor(1.0)
    says(error, "at least 1D", "2D and 0D")
    with pytest.raises(RuntimeError) as error:
        cr.ones(2, 2) @ cr.ones(2, 2).double()
    says(error, "same dtype", "float32 != torch.float64")
    with pytest.raises(ValueError, match="mat1"):  # NumPy's class of the same mistake as well
        cr.ones(2, 3) @ cr.ones(4, 5)


@pytest.mark.parametrize("call", [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a**b,
    lambda a, b: a > b, cr.maximum, lambda a, b: cr.where(a > 0, a, b),
    lambda a, b: cr.nn.functional.mse_loss(a, b),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("grad", [False, True])
def test_broadcasting(call: Any, grad: bool) -> None:
    a = cr.ones(2, 3).requires_grad_(grad)
    with pytest.raises(RuntimeError) as error:
        call(a, cr.ones(2, 4))
    says(error, "The size of tensor a (3) must match the size of tensor b (4)",
         "at non-singleton dimension 1", "[2, 3]", "[2, 4]")  # fmt: skip
    with pytest.raises(ValueError, match="must match"):
        call(a, cr.ones(4))


def test_other_shapes() -> None:
    x = cr.ones(2, 3)
    with pytest.raises(RuntimeError, match=r"shape '\[4, 2\]' is invalid for input of size 6"):
        x.reshape(4, 2)
    with pytest.raises(RuntimeError, match=r"Use \.reshape\(\.\.\.\) instead"):
        x.T.view(6)
    with pytest.raises(RuntimeError, match=r"must match the existing size \(3\)"):
        x.expand(2, 4)
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 0"):
        cr.cat([x, cr.ones(2, 4)])
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        cr.stack([x, cr.ones(3)])
    with pytest.raises(IndexError, match=r"range of \[-2, 1\], but got 2"):
        x.sum(2)
    with pytest.raises(RuntimeError, match="dim 0 appears multiple times"):
        x.sum((0, -2))
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 1 with size 3"):
        x[0, 5]
    with pytest.raises(IndexError, match="too many indices for tensor of dimension 2"):
        x[0, 0, 0]
    with pytest.raises(RuntimeError, match=r"shape mismatch.*\[4\].*\[3\]"):
        x[0] = cr.ones(4)


# -- going back -----------------------------------------------------------------------------------


def test_backward_of_a_non_scalar() -> None:
    with pytest.raises(RuntimeError) as error:
        (var([1.0, 2.0]) * 2).backward()
    says(error, "grad can be implicitly created only for scalar outputs", "[2]", ".sum()")


def test_backward_of_what_was_not_recorded() -> None:
    with pytest.raises(RuntimeError) as error:
        cr.ones(()).backward()
    says(error, "element 0 of tensors does not require grad and does not have a grad_fn", "no_grad")


def test_integers_do_not_require_grad() -> None:
    for make in (lambda: cr.tensor([1, 2], requires_grad=True),
                 lambda: cr.tensor(True).requires_grad_(),
                 lambda: cr.arange(3).requires_grad_()):  # fmt: skip
        with pytest.raises(RuntimeError) as error:
            make()
        says(error, "only Tensors of floating point and complex dtype can require gradients",
             "x.float()")  # fmt: skip


def test_a_second_backward() -> None:
    x = var([1.0, 2.0])
    y = x.exp().sum()
    y.backward()
    with pytest.raises(RuntimeError) as error:
        y.backward()
    says(error, "Trying to backward through the graph a second time", "exp", "retain_graph=True")
    with cr.watch():
        z = x.exp().sum()
    z.backward()
    with pytest.raises(RuntimeError) as error:
        z.backward()
    says(error, "retain_graph=True", "test_errors.py", "z = x.exp().sum()")


def test_an_edited_saved_value() -> None:
    x = var([1.0, 2.0])
    h = x * 3
    y = (h * h).sum()
    h.add_(1)
    with pytest.raises(RuntimeError) as error:
        y.backward()
    says(error, "modified by an inplace operation", "mul saved its argument", "[2]",
         "add_", "watch()")  # fmt: skip
    with cr.watch():
        h = x.exp()
        y = h.sum()
        h[0] = 5.0
    with pytest.raises(RuntimeError) as error:
        y.backward()
    says(error, "exp saved its result", "an indexed assignment",
         "saved at", "test_errors.py", "h = x.exp()",
         "edited at", "test_errors.py", "h[0] = 5.0")  # fmt: skip


def test_an_edited_leaf() -> None:
    with pytest.raises(RuntimeError) as error:
        var([1.0]).add_(1)
    says(error, "a leaf Variable that requires grad is being used in an in-place operation",
         "no_grad()")  # fmt: skip
    with pytest.raises(RuntimeError) as error:
        var([1.0])[0] = 2
    says(error, "a leaf Variable that requires grad", "no_grad()")


def test_numpy_of_what_requires_grad() -> None:
    for call in (lambda x: x.numpy(), lambda x: np.asarray(x), lambda x: (x * 2).numpy()):
        with pytest.raises(RuntimeError) as error:
            call(var([1.0]))
        says(error, "Can't call numpy() on Tensor that requires grad",
             "Use tensor.detach().numpy() instead")  # fmt: skip
    assert var([1.0]).detach().numpy().tolist() == [1.0]
    assert var([1.0]).numpy(force=True).tolist() == [1.0]


def test_grad_of_a_wrong_shape() -> None:
    x = var([1.0, 2.0])
    with pytest.raises(RuntimeError) as error:
        x.grad = cr.ones(3, dtype=cr.float64)
    says(error, "assigned grad has data of a different size", "[3]", "[2]")
    with pytest.raises(RuntimeError, match="different type"):
        x.grad = cr.ones(2)
    with pytest.raises(TypeError, match="expected to be a Tensor or None"):
        x.grad = [1.0, 2.0]  # type: ignore[assignment]
    with pytest.raises(RuntimeError) as error:
        (x * 2).backward(cr.ones(3, dtype=cr.float64))
    says(error, "Mismatch in shape", "[3]", "[2]")
    with pytest.raises(TypeError, match="either Tensors or None"):
        (x * 2).backward(1.0)


def test_an_unknown_attribute() -> None:
    with pytest.raises(AttributeError) as error:
        _ = cr.ones(2).requres_grad
    says(error, "'Tensor' object has no attribute 'requres_grad'", "'requires_grad'?")
    with pytest.raises(AttributeError) as error:
        _ = cr.ones(2).sofmax
    says(error, "Did you mean 'softmax'?")
    with pytest.raises(AttributeError) as error:
        _ = cr.ones(2).qqqqqq
    assert "Did you mean" not in str(error.value)
    with pytest.raises(AttributeError) as error:
        _ = cr.tenser
    says(error, "module 'chainrule' has no attribute 'tenser'", "Did you mean 'tensor'?")
    assert not hasattr(cr.ones(2), "qqqqqq")


def test_an_unused_input() -> None:
    x, w = var(1.0), var([1.0, 2.0])
    with pytest.raises(RuntimeError) as error:
        cr.autograd.grad(x * 2, [x, w])
    says(error, "not have been used in the graph", "input 1", "[2]", "allow_unused=True")
    with pytest.raises(RuntimeError) as error:
        cr.autograd.grad(x * 2, cr.ones(3))
    says(error, "does not require grad", "input 0", "[3]", "requires_grad=True")


# -- types and arguments --------------------------------------------------------------------------


def test_arguments() -> None:
    x = cr.ones(2)
    with pytest.raises(TypeError, match=r"exp\(\): argument 'input' .* must be Tensor, not float"):
        cr.exp(1.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        cr.exp(x, foo=1)
    with pytest.raises(TypeError, match=r"must be Tensor.* list"):
        x * [1, 2]
    with pytest.raises(TypeError, match="devise"):
        cr.ones(2, devise="cpu")
    with pytest.raises(RuntimeError, match="could not infer output dtype"):
        cr.arange(3).mean()
    with pytest.raises(NotImplementedError, match=r"softmax.*x\.float\(\)"):
        cr.arange(3).softmax(0)
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value"):
        bool(cr.ones(2) > 0)
    with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
        cr.ones(2).item()
    with pytest.raises(TypeError, match="len"):
        len(cr.tensor(1.0))
    with pytest.raises(IndexError, match=r"Use `tensor\.item\(\)`"):
        cr.tensor(1.0)[0]
    with pytest.raises(ValueError, match=r"length 1 at dim 1 .*row 1|expected sequence"):
        cr.tensor([[1.0], [2.0, 3.0]])


def test_devices_that_are_not_there() -> None:
    for call in (lambda: cr.ones(2, device="cuda"), lambda: cr.ones(2).cuda(),
                 lambda: cr.ones(2).to("cuda:0")):  # fmt: skip
        with pytest.raises((RuntimeError, AssertionError), match=r"(?i)cuda"):
            call()
    with pytest.raises(RuntimeError, match=r"(?i)device"):
        cr.ones(2, device="gpu")


def test_classes_out_of_range() -> None:
    scores = cr.ones(2, 3)
    with pytest.raises(IndexError, match="Target 3 is out of bounds"):
        cr.nn.functional.cross_entropy(scores, cr.tensor([0, 3]))
    with pytest.raises(ValueError, match=r"batch_size \(2\) to match target batch_size \(3\)"):
        cr.nn.functional.cross_entropy(scores, cr.tensor([0, 1, 2]))
    with pytest.raises(IndexError, match="index out of range"):
        cr.nn.functional.embedding(cr.tensor([7]), scores)


def test_gradcheck_says_where() -> None:
    class Wrong(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * cr.tensor([1.0, 2.0]).double()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * cr.tensor([1.0, 5.0]).double()

    with pytest.raises(cr.autograd.GradcheckError) as error:
        cr.autograd.gradcheck(Wrong.apply, (var([1.0, 1.0]),))
    says(error, "output 0", "input 0", "[1]", "[1]", "should be 2", "gave 5", "1 of 4 entries")
    assert not cr.autograd.gradcheck(Wrong.apply, (var([1.0, 1.0]),), raise_exception=False)
    with pytest.raises(ValueError, match="at least one input"):
        cr.autograd.gradcheck(cr.exp, (cr.ones(2).double(),))
    with pytest.warns(UserWarning, match="double precision"):
        cr.autograd.gradcheck(cr.exp, (cr.ones(1, requires_grad=True),), eps=1e-2, atol=1e-2)

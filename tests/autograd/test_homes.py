"""A public function knows the address at which users find it, so it pickles by name."""

from __future__ import annotations

import importlib
import pickle

import pytest

import chainrule as cr
import chainrule.nn.functional as F
from chainrule.autograd.declare import HOMES, family_of, names


@pytest.mark.parametrize("space", sorted(HOMES))
def test_functions_pickle_by_name(space: str) -> None:
    home = importlib.import_module("chainrule" + HOMES[space])
    assert names[space]
    for name, function in names[space].items():
        assert getattr(home, name) is function
        assert pickle.loads(pickle.dumps(function)) is function, name


def test_the_address_is_that_of_the_first_room() -> None:
    assert (F.gelu.__module__, F.gelu.__qualname__) == ("chainrule.nn.functional", "gelu")
    assert (cr.softmax.__module__, cr.softmax.__name__) == ("chainrule", "softmax")
    assert family_of(F.gelu) == "chainrule.autograd.ops.activation"


def test_a_model_that_holds_a_function_pickles() -> None:
    class Net(cr.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = F.relu

    assert pickle.loads(pickle.dumps(Net().act)) is F.relu
    layer = cr.nn.TransformerEncoderLayer(8, 2, 16, activation=F.gelu)
    assert pickle.loads(pickle.dumps(layer)).activation is F.gelu

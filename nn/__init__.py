"""Neural networks: modules, layers, losses, initial values."""

from __future__ import annotations

from . import functional, init, utils
from .activation import GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from .container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .dropout import Dropout
from .embedding import Embedding
from .flatten import Flatten, Unflatten
from .linear import Identity, Linear
from .loss import CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from .module import Module
from .parameter import Buffer, Parameter

__all__ = [
    # modules and their parts
    "Buffer",
    "Module",
    "Parameter",
    # containers
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
    "Sequential",
    # layers
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "Linear",
    "Unflatten",
    # activations
    "GELU",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    # losses
    "CrossEntropyLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    # rooms
    "functional",
    "init",
    "utils",
]

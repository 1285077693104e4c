"""``chainrule.utils.tensorboard``: ``SummaryWriter``, by the package tensorboardX.

Tensors are handed on as NumPy arrays. Install the extra ``train`` (or tensorboardX) to use it.

>>> import chainrule.utils.tensorboard as tb
>>> hasattr(tb.SummaryWriter, "add_scalar")
True
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor


def _plain(value: Any) -> Any:
    """Tensors as arrays, also inside lists and dictionaries."""
    if isinstance(value, Tensor):
        data = value.detach().numpy()
        return data.astype(np.float32) if data.dtype.name in ("bfloat16", "float16") else data
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    return type(value)([_plain(v) for v in value]) if type(value) in (list, tuple) else value


class SummaryWriter:
    """Writes event files that TensorBoard shows; the methods are tensorboardX's.

    Raises ImportError where tensorboardX is not installed.

    >>> import chainrule as cr
    >>> def log(folder):
    ...     with cr.utils.tensorboard.SummaryWriter(folder) as writer:
    ...         writer.add_scalar("loss", cr.tensor(0.5), 1)
    """

    def __init__(self, log_dir: Any = None, *args: Any, **kwargs: Any) -> None:
        try:
            import tensorboardX
        except ImportError as error:
            raise ImportError(
                "SummaryWriter needs the package tensorboardX: pip install tensorboardX "
                "(or chainrule[train])"
            ) from error
        where = None if log_dir is None else str(log_dir)
        self._writer = tensorboardX.SummaryWriter(where, *args, **kwargs)
        self.log_dir = self._writer.logdir

    def add_scalar(self, tag: str, scalar_value: Any, *args: Any, **kwargs: Any) -> None:
        """Add one point of a curve; ``new_style`` and ``double_precision`` change nothing."""
        for harmless in ("new_style", "double_precision"):
            kwargs.pop(harmless, None)
        value = scalar_value.item() if isinstance(scalar_value, Tensor) else scalar_value
        self._writer.add_scalar(tag, value, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "_writer":  # not made yet
            raise AttributeError(name)
        method = getattr(self._writer, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return method(*_plain(args), **_plain(kwargs))

        return call if callable(method) else method

    def get_logdir(self) -> str:
        """The folder of the event files."""
        return str(self.log_dir)

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._writer.close()

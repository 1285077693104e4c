"""Scores of predictions: from counts of a confusion matrix, and errors of numbers.

Every function takes the truth first, as scikit-learn does; arrays, lists or tensors, class labels
of any kind. What is not written out here (``roc_auc_score``, ``classification_report``, …) comes
from scikit-learn under its own name, where that is installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Tensor
from ..autograd.views import as_array
from .detection_metrics import (
    COCO,
    MeanAveragePrecision,
    average_precision,
    detection_curve,
    intersection_over_union,
    match_detections,
    mean_average_precision,
)

__all__ = [
    "COCO", "MeanAveragePrecision", "accuracy", "average_precision", "confusion_matrix", "f1",
    "intersection_over_union", "mae", "match_detections", "mean_average_precision", "mse",
    "precision", "detection_curve", "r2", "recall", "rmse",
]  # fmt: skip

Array = npt.NDArray[Any]


def _array(values: Any) -> Array:
    return as_array(values.detach()) if isinstance(values, Tensor) else np.asarray(values)


def _pair(name: str, truth: Any, predicted: Any) -> tuple[Array, Array]:
    a, b = _array(truth), _array(predicted)
    if a.shape != b.shape:
        raise ValueError(
            f"{name}: truth {a.shape} and predictions {b.shape} must have one shape; for scores "
            "(rows, classes) take argmax(1) first"
        )
    if not a.size:
        raise ValueError(f"{name}: there are no predictions to score")
    return a, b


def confusion_matrix(truth: Any, predicted: Any, labels: Any = None) -> Array:
    """Counts (classes, classes): row = true class, column = predicted, in sorted order.

    ``labels`` gives the classes and their order; records of other classes are left out.

    >>> confusion_matrix(["D", "C", "D"], ["D", "D", "C"]).tolist()
    [[0, 1], [1, 1]]
    """
    a, b = _pair("confusion_matrix", truth, predicted)
    classes = np.unique(np.concatenate([a.ravel(), b.ravel()])) if labels is None else labels
    index = {label: k for k, label in enumerate(np.asarray(classes).tolist())}
    counts = np.zeros((len(index), len(index)), np.int64)
    for t, p in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True):
        if t in index and p in index:
            counts[index[t], index[p]] += 1
    return counts


def accuracy(truth: Any, predicted: Any) -> float:
    """The share of predictions that are right.

    >>> accuracy([0, 1, 1, 0], [0, 1, 0, 0])
    0.75
    """
    a, b = _pair("accuracy", truth, predicted)
    return float((a == b).mean())


def _counts(name: str, truth: Any, predicted: Any, positive: Any) -> tuple[Array, Array, Array]:
    """True positives, predicted positives and actual positives of each class."""
    a, b = _pair(name, truth, predicted)
    classes = np.unique(np.concatenate([a.ravel(), b.ravel()]))
    if positive is not None:
        classes = np.array([positive])
    true = np.array([a.ravel() == c for c in classes])
    said = np.array([b.ravel() == c for c in classes])
    return (true & said).sum(1), said.sum(1), true.sum(1)


def _averaged(
    name: str, ratio: Any, truth: Any, predicted: Any, positive: Any, average: str | None
) -> Any:
    averages = ("binary", "macro", "micro", "weighted", None)
    if average not in averages:
        raise ValueError(f"{name}: average must be one of {averages}, got {average!r}")
    counts = _counts(name, truth, predicted, positive if average == "binary" else None)
    if average == "micro":
        counts = tuple(c.sum(keepdims=True) for c in counts)
    scores = ratio(*counts)
    if average is None:
        return scores
    return float(np.average(scores, weights=counts[2] if average == "weighted" else None))


def _divide(a: Array, b: Array) -> Array:
    """a/b, and 0 where there is nothing to divide by."""
    return np.divide(a, b, out=np.zeros(len(a)), where=b != 0)


def precision(truth: Any, predicted: Any, positive: Any = 1, average: str | None = "binary") -> Any:
    """TP/(TP + FP): how many of those called positive are. 0 where none was called so.

    ``average``: "binary" for the class ``positive``; over all classes "macro" (the mean), "micro"
    (of pooled counts), "weighted" (by the true counts); None for one score a class.

    >>> precision([1, 0, 1, 0], [1, 1, 1, 0])
    0.6666666666666666
    """
    return _averaged(
        "precision", lambda tp, said, true: _divide(tp, said), truth, predicted, positive, average
    )


def recall(truth: Any, predicted: Any, positive: Any = 1, average: str | None = "binary") -> Any:
    """TP/(TP + FN): how many of the positives are found; ``average`` as for ``precision``.

    >>> recall([1, 0, 1, 0], [1, 1, 0, 0])
    0.5
    """
    return _averaged(
        "recall", lambda tp, said, true: _divide(tp, true), truth, predicted, positive, average
    )


def f1(truth: Any, predicted: Any, positive: Any = 1, average: str | None = "binary") -> Any:
    """2TP/(2TP + FP + FN), the harmonic mean of precision and recall.

    >>> f1([1, 0, 1, 0], [1, 1, 0, 0])
    0.5
    """
    return _averaged(
        "f1", lambda tp, said, true: _divide(2 * tp, said + true), truth, predicted, positive,
        average,
    )  # fmt: skip


def _errors(name: str, truth: Any, predicted: Any) -> Array:
    a, b = _pair(name, truth, predicted)
    return np.asarray(b, np.float64) - np.asarray(a, np.float64)


def mae(truth: Any, predicted: Any) -> float:
    """The mean absolute error Σ|ŷ − y|/n.

    >>> mae([0, 0, 0], [5, 3, 1])
    3.0
    """
    return float(np.abs(_errors("mae", truth, predicted)).mean())


def mse(truth: Any, predicted: Any) -> float:
    """The mean squared error Σ(ŷ − y)²/n.

    >>> mse([0, 0], [3, 1])
    5.0
    """
    return float(np.square(_errors("mse", truth, predicted)).mean())


def rmse(truth: Any, predicted: Any) -> float:
    """The root of the mean squared error, in the unit of y.

    >>> rmse([0, 0], [1, 7])
    5.0
    """
    return math.sqrt(mse(truth, predicted))


def r2(truth: Any, predicted: Any) -> float:
    """1 − Σ(ŷ − y)²/Σ(y − ȳ)²: the share of the variance explained; 0 for guessing the mean.

    Where y does not vary: 1 for perfect predictions, else 0, as scikit-learn has it.

    >>> r2([1, 2, 3], [1, 2, 4])
    0.5
    """
    rest = float(np.square(_errors("r2", truth, predicted)).sum())
    y = np.asarray(_array(truth), np.float64)
    whole = float(np.square(y - y.mean()).sum())
    if whole == 0:
        return float(rest == 0)
    return 1 - rest / whole


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        from sklearn import metrics as theirs
    except ImportError:
        raise AttributeError(
            f"chainrule.nn.metrics has no {name!r} of its own and would ask scikit-learn for it, "
            "which is not installed: pip install chainrule[train]"
        ) from None
    function = getattr(theirs, name, None)
    if function is None:
        raise AttributeError(f"neither chainrule.nn.metrics nor sklearn.metrics has {name!r}")

    def scored(*args: Any, **kwargs: Any) -> Any:
        plain = [_array(a) if isinstance(a, Tensor) else a for a in args]
        named = {k: _array(a) if isinstance(a, Tensor) else a for k, a in kwargs.items()}
        return function(*plain, **named)

    return scored

"""Scores of predictions: the lecture's table, the formulas, and scikit-learn where it is there."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import chainrule as cr
from chainrule.nn import metrics

TRUTH = ["D", "C", "D", "D", "D", "P", "H", "D", "D", "B"]
SAID = ["D", "D", "D", "ND", "D", "ND", "D", "ND", "D", "D"]
IS_D = [t == "D" for t in TRUTH]
SAID_D = [p == "D" for p in SAID]


def test_T6_the_lectures_table() -> None:
    tp = [k + 1 for k in range(10) if IS_D[k] and SAID_D[k]]
    fp = [k + 1 for k in range(10) if not IS_D[k] and SAID_D[k]]
    tn = [k + 1 for k in range(10) if not IS_D[k] and not SAID_D[k]]
    fn = [k + 1 for k in range(10) if IS_D[k] and not SAID_D[k]]
    assert (tp, fp, tn, fn) == ([1, 3, 5, 9], [2, 7, 10], [6], [4, 8])
    assert metrics.confusion_matrix(IS_D, SAID_D).tolist() == [[1, 3], [2, 4]]
    assert metrics.accuracy(IS_D, SAID_D) == 0.5
    assert metrics.precision(IS_D, SAID_D) == pytest.approx(4 / 7)
    assert metrics.recall(IS_D, SAID_D) == pytest.approx(2 / 3)
    assert round(metrics.f1(IS_D, SAID_D), 3) == 0.615


def test_labels_of_any_kind() -> None:
    assert metrics.precision(TRUTH, SAID, positive="D") == pytest.approx(4 / 7)
    assert metrics.recall(TRUTH, SAID, positive="D") == pytest.approx(2 / 3)
    counts = metrics.confusion_matrix(TRUTH, SAID, labels=["D", "ND"])
    assert counts.tolist() == [[4, 2], [0, 0]]
    assert metrics.accuracy(cr.tensor([1, 2]), np.array([1, 3])) == 0.5


def test_averages() -> None:
    truth, said = [0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 0, 0]
    each = metrics.precision(truth, said, average=None)
    assert each.tolist() == pytest.approx([1 / 3, 2 / 3, 0])  # class 2 is never said
    assert metrics.precision(truth, said, average="macro") == pytest.approx(1 / 3)
    assert metrics.precision(truth, said, average="micro") == metrics.accuracy(truth, said)
    assert metrics.recall(truth, said, average="weighted") == metrics.accuracy(truth, said)
    p, r = metrics.precision(truth, said), metrics.recall(truth, said)
    assert metrics.f1(truth, said) == pytest.approx(2 * p * r / (p + r))
    with pytest.raises(ValueError, match="average"):
        metrics.f1(truth, said, average="most")


def test_errors_of_numbers() -> None:
    y, p = [3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0]
    assert metrics.mae(y, p) == 0.5
    assert metrics.mse(y, p) == 0.375
    assert metrics.rmse(y, p) == 0.375**0.5
    assert metrics.r2(y, p) == pytest.approx(0.9486081370449679)
    assert metrics.r2(y, [np.mean(y)] * 4) == 0
    assert (metrics.r2([1, 1], [1, 1]), metrics.r2([1, 1], [1, 2])) == (1, 0)
    assert metrics.mse([0], [100_000]) == 1e10  # whole numbers do not overflow
    assert metrics.mae(np.array([250], np.uint8), np.array([255], np.uint8)) == 5


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match=r"argmax\(1\)"):
        metrics.accuracy([0, 1], [[0.2, 0.8], [0.5, 0.5]])
    with pytest.raises(ValueError, match="no predictions"):
        metrics.mae([], [])


HAS_SKLEARN = importlib.util.find_spec("sklearn") is not None


@pytest.mark.skipif(HAS_SKLEARN, reason="scikit-learn is installed")
def test_without_scikit_learn_one_sentence() -> None:
    with pytest.raises(AttributeError, match="pip install chainrule"):
        _ = metrics.roc_auc_score


@pytest.mark.peers
@pytest.mark.skipif(not HAS_SKLEARN, reason="needs scikit-learn")
def test_agrees_with_scikit_learn() -> None:
    from sklearn import metrics as theirs

    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    assert metrics.accuracy(truth, said) == theirs.accuracy_score(truth, said)
    assert np.array_equal(
        metrics.confusion_matrix(truth, said), theirs.confusion_matrix(truth, said)
    )
    for average in ("macro", "micro", "weighted"):
        for ours, name in (
            (metrics.precision, "precision_score"),
            (metrics.recall, "recall_score"),
            (metrics.f1, "f1_score"),
        ):
            wanted = getattr(theirs, name)(truth, said, average=average)
            assert ours(truth, said, average=average) == pytest.approx(wanted)
    y, p = rng.standard_normal((2, 50))
    assert metrics.r2(y, p) == pytest.approx(theirs.r2_score(y, p))
    assert metrics.roc_auc_score(cr.tensor([0, 1, 1]), cr.tensor([0.1, 0.4, 0.3])) == 1
    with pytest.raises(AttributeError, match="neither"):
        _ = metrics.no_such_score

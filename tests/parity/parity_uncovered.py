"""What the comparison with PyTorch leaves out, and why. The tests print the reasons."""

from __future__ import annotations

import re
from typing import Any

# Operations that have no counterpart in PyTorch or that users cannot call by themselves.
NO_COUNTERPART = {
    "output": "picks one result of several; covered wherever split and unbind are",
    "assign_view": "an edit's history; covered by test_index_parity and test_programs_parity",
    "convert": "its parameter is a dtype; covered by test_promotion_parity",
    "alias": "a view of everything, which forward mode makes",
    **dict.fromkeys(
        ["vmap_enter", "vmap_leave", "vmap_join", "vmap_share", "vmap_shed"],
        "moves values into a vmap or out of it; covered by tests/autograd/test_vmap_rules",
    ),
    **dict.fromkeys(
        ["standard_gamma", "dirichlet"], "random; covered by test_distributions_parity"
    ),
}

# Compared without gradients: reason, and the names.
VALUES_ONLY = {
    "constants have no history here: no gradient, where PyTorch gives zeros":
        "(eq|ne|lt|le|gt|ge|greater|less|greater_equal|less_equal|not_equal|logical_.*)_|"
        "histogram|lstsq|trapezoid|trapz|matrix_power",
    "the triangle that is not read gets gradient 0 here, in PyTorch what a formula leaves there":
        "cholesky_solve|cholesky_inverse",
    "no gradient with respect to q here": "nanquantile|quantile",
}  # fmt: skip
_VALUES_ONLY = re.compile("|".join(f"(?:{names})" for names in VALUES_ONLY.values()))


def values_only(call: Any) -> bool:
    """Whether a call is compared without gradients."""
    return _VALUES_ONLY.fullmatch(call.name) is not None


HALVES = "float16|bfloat16"
WHOLE = "int64|int32|uint8|bool|first int64"
# Reason: the changes and the names of functions that it concerns, both as patterns.
REASONS: dict[str, list[tuple[str, str]]] = {
    "taken here, where PyTorch has no kernel for the type": [
        (
            HALVES,
            "avg_pool3d|lp_pool3d|ctc_loss|local_response_norm|multi_margin_loss|cdist|"
            "multilabel_margin_loss|erfcx|log_ndtr|ndtri|histogram|interpolate|chebyshev.*",
        ),
        (
            WHOLE,
            "embedding_bag|fold|unfold|gaussian_nll_loss|grid_sample|hinge_embedding_loss|"
            "kl_div|max_pool1d|max_unpool[123]d|multi_margin_loss|multilabel_margin_loss|"
            "nll_loss|instance_norm|vecdot|margin_ranking_loss|abs_?|absolute_?|bilinear|"
            "trapezoid|trapz|cumulative_trapezoid|bucketize|pad|softsign|tanhshrink|linear|"
            "local_response_norm|poisson_nll_loss|trace|clamp|isin|put_?",
        ),
    ],
    "integers come out as the default float, where PyTorch keeps them": [
        (WHOLE, "alpha_dropout|feature_alpha_dropout|dropout[13]d|scatter_reduce_?"),
    ],
    "refused for integers here, which PyTorch convolves or, if there are none, normalizes": [
        (WHOLE, "conv.*|adaptive_avg_pool.*|softmax|log_softmax|softmin|matrix_power|tensordot"),
        (HALVES, "matrix_power"),
        ("empty.*", "log_softmax|softmax|median|einsum|matmul"),
    ],
    "one of two types is wider: computed in it here, in both by turns in PyTorch": [
        ("first .*", ".*"),
    ],
    "the number of dimensions is checked first, RuntimeError; PyTorch trips over one that is not "
    "there": [
        (
            ".*0-d|1-d|empty.*|more",
            "adaptive_.*|avg_pool.*|lp_pool.*|max_unpool.*|instance_norm|"
            "batch_norm|group_norm|cross_entropy|nll_loss|ctc_loss|embedding|grid_sample|"
            "upsample.*|addbmm|baddbmm|mv|index_add_?|index_copy_?|index_fill_?|index_put_?|"
            "unflatten|searchsorted|take_along_dim|movedim|moveaxis|scatter.*|linalg.norm|"
            "bucketize|chunk|squeeze|conv.*",
        ),
    ],
    "of nothing: PyTorch reads memory it has not set, or raises at one size and not at another": [
        (
            "empty.*|more",
            "multilabel_margin_loss|multilabel_soft_margin_loss|cross_entropy|"
            "interpolate|upsample.*|pad|pixel_.*|channel_shuffle|group_norm|conv.*|cond|"
            "matrix_norm|norm|matrix_rank|trapezoid|trapz|roll|embedding_bag|xlogy|"
            "scaled_dot_product_attention|lstsq|stride|batch_norm|fold|unfold|vector_norm",
        ),
        (".*0-d", "pow|topk"),
    ],
    "the name that the function has here is taken as well as PyTorch's": [
        (
            "(keywords|axis) from .*",
            "mm|bmm|mv|dot|pow_?|float_power|swapaxes|one_hot|split|"
            "tensor_split|[hvd]split|copy_|scatter_?|is_tensor|unflatten|unique.*|"
            "cholesky.*|cond|eig.*|matrix_.*|norm|pinv|solve_triangular|lstsq|ger|normalize|"
            "softmax|log_softmax|softmin|bucketize|index_put|repeat_interleave|swapdims|size|"
            "stride|isin|inv|svdvals|svd|qr|det|slogdet|lu.*|householder.*|ldl.*",
        ),
    ],
    "PyTorch views what cannot be viewed in this layout, and raises": [
        ("turned|gaps", "local_response_norm|kron|take_along_dim|max_unpool.*|as_strided"),
    ],
    "the order of equal elements is that of another algorithm": [(WHOLE, "topk|mode")],
    "rounding to decimals in half precision goes through another type": [
        (HALVES, "round|.*special.round"),
    ],
    "PyTorch's bfloat16 kernel of it ends in an illegal instruction on some processors": [
        ("bfloat16", "conv_transpose.*"),
    ],
    "method and function have one signature here: out= is taken by both": [("method", "clamp")],
}
# The same for arguments of another kind or outside their range.
REASONS |= {
    "complex numbers: covered by the tests of complex operations": [(".*: complex", ".*")],
    "one argument more than PyTorch has: it is NumPy's, or one that PyTorch takes by name only": [
        ("one more", ".*"),
    ],
    "a number is taken for a tensor, 1 for True, a list for a flag": [
        (
            r".*: (3|\[1.0, 2.0\])",
            "argsort|batch_norm|broadcast_to|clone|copysign|dist|eq|ge|"
            "greater.*|gt|instance_norm|less.*|logical_.*|masked_.*|maximum|mean|minimum|ne|"
            "nextafter|nonzero|not_equal|pairwise_distance|softsign|take|tanhshrink|tile|to|type|"
            "unique.*|vecdot|dropout|[hvd]split|log_softmax|new_full|scatter_|split|tensor_split|"
            "upsample.*|copy_|true_divide|floor_divide|multilabel_soft_margin_loss|einsum|"
            "adaptive_max_pool3d|xlogy_?",
        ),
        (
            ".*: (object|'abc'|tensor of 2|tensor)",
            "batch_norm|instance_norm|not_equal|layer_norm|"
            "group_norm|adaptive_.*|type|unique|[hvd]split|tensor_split|tensordot|linspace|"
            "tri[lu]_indices|var_mean|max_unpool1d|unfold|upsample|new_tensor|addcmul_|round|"
            "local_response_norm",
        ),
        (
            ".*: (True|1.5)",
            "expand|flip|max_pool2d|moveaxis|movedim|narrow|new_.*|ones|select|"
            "subtract|tile|tri[lu]_indices|var_mean|affine_grid|[hvd]split|linspace|upsample.*|"
            "broadcast_shapes",
        ),
    ],
    "None is the default here: all dimensions, the last one, no bound, unequal": [
        (
            ".*: None|one fewer",
            "adaptive_.*|can_cast|concatenate|eq|index_fill_?|log_softmax|"
            "logical_.*|logsumexp|ne|not_equal|promote_types|scatter_?|softmax|threshold_|trapz|"
            "clamp_max|clamp_min|einsum|new_tensor|broadcast_shapes|mean|where|arange|"
            "cartesian_prod",
        ),
    ],
    "outside its range: refused by another check than PyTorch's, so in another class": [
        (
            r".*: (-?\d+(\.0)?|inf|nan)",
            "eye|index_copy_?|max_unpool.*|alpha_dropout|dropout.*|"
            "feature_alpha_dropout|pixel_shuffle|scatter_reduce_?|cosine_similarity",
        ),
        (
            r".*: (-?\d+|a|huge index|negative|unknown)|unknown",
            "broadcast_shapes|conv.*|round|"
            "unfold|local_response_norm|polygamma_?|ctc_loss|take_along_dim|max_unpool.*|arange|"
            "flip|tile|var_mean",
        ),
        (".*: .*", "tensor_split"),  # PyTorch too makes as many pieces as are asked for
    ],
    "both raise, but a check of values comes before that of the kind, or says it otherwise": [
        (".*: (tensor of 2|tensor)", ".*"),
        (".*: 1.5", "chunk|narrow|polygamma|channel_.*"),
        (
            ".*: .*|unknown",
            "leaky_relu|relu|multilabel_soft_margin_loss|pairwise_distance|"
            "conv_transpose.*|einsum|broadcast_shapes|add|amax|amin|corrcoef|cov|var|min|max",
        ),
    ],
    "PyTorch reads beyond its memory: the call is not made": [
        (".*: .*", "ctc_loss"),
        (".*: (huge index|negative)", "take_along_dim|searchsorted|bucketize|max_unpool.*"),
    ],
    "images of bytes: PyTorch interpolates in whole numbers, one off in places": [
        ("uint8", "interpolate|upsample.*"),
    ],
    "dim=(): PyTorch's gradient of a deviation divides by the one element it counts": [
        (r".*: \(\)", "(std|var)(_mean)?"),
    ],
    "an offset of a diagonal that no tensor has: empty in PyTorch, refused here": [
        (r".*: -?\d+", "diag|diagonal|round_?"),
    ],
    "a slope of nan or inf, where nothing is defined": [
        (".*: (nan|inf|float)", "celu_?|elu_?|logit_?|hardshrink|hardsigmoid"),
    ],
}
_PATTERNS = [
    (reason, re.compile(f"(?:{change})"), re.compile(f"(?:{names})"))
    for reason, listed in REASONS.items()
    for change, names in listed
]


def known(word: str, call: Any) -> str | None:
    """The reason why a changed call is not compared; None where it is."""
    for reason, change, name in _PATTERNS:
        if change.fullmatch(word) and name.fullmatch(call.name):
            return reason
    return None

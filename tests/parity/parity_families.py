"""Which parity file compares which family of operations."""

from __future__ import annotations

from typing import Any

from chainrule.autograd import registry
from chainrule.autograd.declare import family_of
from chainrule.autograd.op import Op

# Families (modules of autograd/ops) that bring a parity file of their own.
OWN = {
    "test_compat_parity": ["facts"],
    "test_distributions_parity": ["sampled"],
    "test_modules_parity": ["fractional"],
    "test_mathematics_parity": [
        "activations", "cumulative", "differences", "halves", "histograms", "interpolation",
        "inverse_trigonometric", "logarithms", "norms", "order", "rectifiers", "rounding",
        "special", "statistics",
    ],
    "test_gather_parity": ["gather", "scattering", "masks", "indexed", "places"],
    "test_sorting_parity": ["sorting", "distinct", "forms"],
    "test_arrange_parity": ["arrange", "diagonals", "strides", "stacking"],
    "test_products_parity": ["products", "einsum", "distances"],
    "test_linalg_parity": [
        "matrices", "triangular", "determinants", "decompositions", "singular", "solving",
        "matrix_norms",
    ],
    "test_nn_utils_parity": ["matrix_functions"],
    "test_complex_parity": ["complexes", "phases"],
    "test_factorizations_parity": ["factorizations", "matrix_forms", "unfailing"],
    "test_further_parity": ["constructors", "further", "scattered_views"],
    "test_fourier_parity": ["fourier", "spectrogram", "windows"],
    "test_recurrent_parity": ["recurrent", "recurrent_formulas", "recurrent_kernels"],
    "test_special_parity": ["bessel", "number_theory", "probability"],
    "test_transformer_parity": ["multihead"],
    "test_functional_parity": [
        "attention",
        "dropouts",
        "embeddings",
        "conv",
        "conv_kernels",
        "ctc",
        "interpolate",
        "losses",
        "margins",
        "normalizations",
        "normalize",
        "padding",
        "patches",
        "pool",
        "pool_kernels",
        "pooling",
        "resample",
        "sampling",
    ],
}  # fmt: skip
FILE_OF = {family: file for file, families in OWN.items() for family in families}


def own_file(function: Any) -> str | None:
    """The parity file of the family that a function stands in, None for the common ones."""
    return FILE_OF.get(family_of(function).rsplit(".", 1)[-1])


def common() -> dict[str, Op]:
    """The operations that test_ops_parity compares."""
    declared = {n: op for n, op in registry.items() if ".ops." in family_of(op.call or op.kernel)}
    return {name: op for name, op in declared.items() if own_file(op.call or op.kernel) is None}

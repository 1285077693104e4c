"""Write compat/names.json: the public names of the installed PyTorch, area by area.

Run from the repository's root, with PyTorch 2.13 installed: ``python tools/write_names.py``.
``chainrule.coverage()`` reads the file. Public means: no leading underscore, not a module, and
PyTorch says something of it: it is documented, or listed in its module's ``__all__``.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import torch

AREAS = (
    "torch", "Tensor", "nn", "nn.Module", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn",
    "nn.utils.parametrizations", "nn.utils.parametrize", "nn.utils.prune", "nn.utils.stateless",
    "optim", "Optimizer", "optim.lr_scheduler", "optim.swa_utils", "utils.data",
    "utils.checkpoint", "autograd", "autograd.functional", "autograd.graph", "autograd.forward_ad",
    "autograd.profiler", "func", "linalg", "fft", "special", "distributions", "testing", "amp",
    "cuda", "accelerator", "random", "profiler", "serialization", "nn.parallel", "distributed",
)  # fmt: skip
# what examples use beside these
EXTRA = {
    "torch": ["Tensor"],
    "Tensor": ["detach", "detach_"],
    "nn": ["modules.dropout.Dropout", "modules.linear.Linear", "modules.sparse.Embedding"],
    "utils.data": ["distributed.DistributedSampler", "sampler.Sampler"],
}
# what modules import for themselves, or constants of PyTorch's build
HELPERS = {
    "TYPE_CHECKING", "Tensor", "handle_torch_function", "has_torch_function",
    "has_torch_function_unary", "has_torch_function_variadic", "boolean_dispatch", "Any",
    "assert_int_or_pair", "BroadcastingList1", "BroadcastingList2", "BroadcastingList3",
    "reproducibility_notes", "sparse_support_notes", "tf32_notes", "has_lapack", "has_mkl",
    "has_openmp", "has_spectral", "USE_GLOBAL_DEPS", "USE_RTLD_GLOBAL_WITH_LIBTORCH", "variable",
    "GRID_SAMPLE_INTERPOLATION_MODES", "GRID_SAMPLE_PADDING_MODES", "NestedIOFunction",
}  # fmt: skip
CLASSES = {"Generator", "Size", "dtype", "device", "finfo", "iinfo", "memory_format", "layout",
           "autocast", "GradScaler"}  # fmt: skip
LISTED = ("cuda", "distributed")  # only what examples use: the rest needs other machines
USED = {
    "cuda": "is_available manual_seed_all set_device synchronize is_bf16_supported device_count "
    "manual_seed current_device memory_allocated memory_reserved amp.GradScaler nccl.version "
    "empty_cache max_memory_allocated get_device_name get_device_properties",
    "distributed": "destroy_process_group init_process_group get_default_backend_for_device "
    "get_rank is_initialized is_available ReduceOp all_reduce broadcast all_gather "
    "reduce_scatter barrier get_world_size get_backend is_nccl_available",
}


def space(area: str) -> Any:
    """PyTorch's object of that area."""
    special = {"torch": torch, "Tensor": torch.Tensor, "nn.Module": torch.nn.Module}
    special["Optimizer"] = torch.optim.Optimizer
    return special.get(area) or import_module(f"torch.{area}")


def public(area: str) -> list[str]:
    """The public names of an area."""
    holder = space(area)
    listed = set(getattr(holder, "__all__", ()))
    found = []
    for name in dir(holder):
        value = getattr(holder, name, None)
        if name.startswith("_") or isinstance(value, ModuleType) or name in HELPERS:
            continue
        if area in ("torch", "Tensor"):
            wanted = described(name, value)
        elif listed:
            wanted = name in listed
        else:
            wanted = str(getattr(value, "__module__", "torch") or "torch").startswith("torch")
        if wanted:
            found.append(name)
    return sorted(found)


def described(name: str, value: Any) -> bool:
    """Whether a name is documented, on a page of its own or as a function of nn.functional."""
    if isinstance(value, (torch.dtype, torch.memory_format, torch.layout, float, int)):
        return True
    text = str(getattr(value, "__doc__", None) or "")
    if isinstance(value, type):
        return value.__module__ == "torch.autograd.grad_mode" or (
            name in CLASSES or (value.__module__ == "torch" and name.endswith("Tensor"))
        )
    if isinstance(value, FunctionType):
        return bool(text) and (name in torch.__all__ or hasattr(torch.Tensor, name))
    kind = type(value).__name__
    if kind in ("getset_descriptor", "property"):
        return True
    return f"{name}(" in text or hasattr(torch.nn.functional, name)


def main() -> None:
    """Write the file."""
    areas = {}
    for area in AREAS:
        names = USED[area].split() if area in LISTED else public(area)
        areas[area] = " ".join(sorted({*names, *EXTRA.get(area, ())}))
    target = Path(__file__).resolve().parents[1] / "compat" / "names.json"
    target.write_text(json.dumps(areas, indent=0) + "\n", encoding="utf-8")
    print(f"{target.name}: {sum(len(v.split()) for v in areas.values())} names")


if __name__ == "__main__":
    main()

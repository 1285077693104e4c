"""What PyTorch has and chainrule leaves out on purpose: one sentence each, why and what instead.

``chainrule.<name>``, ``Tensor.<name>``, ``nn.<name>`` and ``optim.<name>`` raise AttributeError
with that sentence, and ``coverage()`` counts them. A rule is a pattern for whole names.
"""

from __future__ import annotations

import re
from functools import cache

TT = "torch Tensor"
RULES: list[tuple[str, str, str]] = [  # areas, pattern, sentence
    (
        TT,
        r"(to_)?sparse(_\w+)?|to_sparse\w*|(is_)?coalesced?|is_sparse_csr|indices|values|"
        r"s?s(p|pa)?mm|sspaddmm|hsp?mm|(c?col|c?row)_indices|(dense|sparse)_dim|saddmm",
        "sparse storage is left out: keep the tensor dense, or index it with index_select",
    ),
    (
        f"{TT} nn",
        r"(?!is_).*quanti[sz].*|q_\w+|int_repr|qscheme|qu?int\d+\w*|per_(channel|tensor)_\w+|intrinsic|qat",
        "quantized tensors are left out: use float16 or bfloat16",
    ),
    (
        TT,
        r"u?int[1-7]|bit|bits\w+|float[48]_\w+|complex32|chalf",
        "this number type is left out, NumPy has no kernels for it: use float16 or bfloat16",
    ),
    (
        TT,
        r"names|align_(as|to|tensors)|rename_?|refine_names|has_names",
        "named dimensions are left out: name the tensor (x.name) and give dimensions by number",
    ),
    (
        TT,
        r"\w*Storage|storage|(un)?typed_storage|storage_(offset|type)|set_|is_set_to|from_file|"
        r"const_data_ptr|data_ptr_\w+",
        "memory is NumPy's: x.numpy() shares it, x.data_ptr() is its address",
    ),
    (
        f"{TT} nn.Module",
        r"to_mkldnn|is_mkldnn|cudnn_\w+|miopen_\w+|mkldnn_\w+|ipu|xpu|mtia|hpu|xla|"
        r"is_(ipu|xpu|xla|mtia|maia|hpu|vulkan)|record_stream",
        "the one kind of device here is the CPU",
    ),
    (
        "torch",
        r"sym_\w+|Sym\w+|cond|while_loop|fork|wait|parse_\w+|import_ir_module\w*|merge_type\w+|"
        r"unify_type_list|export|fx|compiler|library|hash_tensor|init_num_threads|jagged|\w+Type|"
        r"legacy_contiguous_format|thread_safe_generator|segment_reduce|conv_tbc",
        "this is machinery of PyTorch's own compiler and scripts: chainrule.capture(f, *args) "
        "shows a program as equations",
    ),
    (
        "torch",
        r"binary_cross_entropy_with_logits|cosine_embedding_loss|ctc_loss|embedding(_bag)?|kl_div|"
        r"hinge_embedding_loss|margin_ranking_loss|poisson_nll_loss|triplet_margin_loss",
        "this is the internal form of a function of chainrule.nn.functional: use that",
    ),
    (
        TT,
        r"nested\w*|to_padded_tensor|is_nested",
        "nested tensors are left out: pad them (nn.utils.rnn.pad_sequence)",
    ),
    (
        "Tensor",
        r"grad_dtype|volatile|module_load|dim_order|map2?_|apply_|reinforce|resize_as_sparse_|as_subclass",
        "this is left out: write it with operations, or on x.numpy()",
    ),
    (
        "torch",
        r"package|ao|masked|ops|overrides|monitor|futures|mtia|storage|quantization",
        "this part of PyTorch is left out",
    ),
    ("optim", r"SparseAdam", "gradients are dense here: use optim.Adam"),
    (
        "optim Optimizer",
        r"swap_in_optimizer_params_and_state|profile_hook_step",
        "this is internal to PyTorch",
    ),
    ("nn", r"LinearCrossEntropyOptions|factory_kwargs", "this is internal to PyTorch's layers"),
    ("nn.Module", r"T_destination|dump_patches", "this is internal to PyTorch's modules"),
    (
        "nn.functional",
        r"ScalingType|SwizzleType|(scaled_)?grouped_mm|scaled_mm|conv_tbc|linear_cross_entropy",
        "this is a kernel for one kind of GPU: use matmul, linear or cross_entropy",
    ),
    (
        "utils.data",
        r"\w*DataPipe|DataChunk|argument_validation|\w+_datapipes?(_\w+)?|non_deterministic|"
        r"runtime_validation\w*",
        "data pipes are left out, PyTorch has given them up: use IterableDataset",
    ),
    (
        "utils.checkpoint",
        r"CheckpointPolicy|DefaultDeviceType|GraphExecGroup|SAC_IGNORED_OPS|Selective\w+|"
        r"create_selective\w+|detach_variable|[gs]et_device_states",
        "selective checkpointing is left out: call checkpoint on the parts that are to be redone",
    ),
    (
        "autograd autograd.graph",
        r"enforce_grad_layout_policy|set_multithreading_enabled|region_activation_memory_budget|"
        r"set_override_stale_capture_stream|set_warn_on_accumulate_grad_stream_mismatch",
        "this steers PyTorch's threads and streams: backward runs in the thread that calls it",
    ),
    (
        "autograd.profiler profiler",
        r"EnforceUnique|FunctionEvent|KinetoStepTracker|MemRecordsAcc|emit_\w+|\w+_nvprof\w*|"
        r"DeviceType|ExecutionTraceObserver",
        "this is for profilers of GPUs: use profile(), its events() and export_chrome_trace()",
    ),
    (
        "serialization",
        r"LoadEndianness|SourceChangeWarning|StorageType|check_module_version\w*|mkdtemp|"
        r"default_restore_location|[gs]et_(crc32_options|default_\w+)|location_tag|skip_data|"
        r"get_unsafe_globals_in_checkpoint|normalize_storage_type|register_package|"
        r"storage_to_tensor_type|validate_\w+_device",
        "this is for PyTorch's file format: files here are safetensors, without code",
    ),
    ("testing", r"FileCheck", "this tests PyTorch's compiler"),
    ("linalg", r"common_notes", "this is a part of PyTorch's documentation"),
    ("accelerator", r"Graph|empty_host_cache", "there is no accelerator"),
    ("random", r"thread_safe_generator", "a Generator may be shared by threads as it is"),
    (
        "func",
        r"debug_unwrap|functionalize|rearrange|replace_all_batch_norm_modules_",
        "this is left out: chainrule.func transforms programs as they are",
    ),
]


@cache
def _compiled() -> list[tuple[set[str], re.Pattern[str], str]]:
    return [(set(areas.split()), re.compile(pattern), text) for areas, pattern, text in RULES]


def why(area: str, name: str) -> str | None:
    """The sentence for a name that is left out on purpose, else None."""
    for areas, pattern, text in _compiled():
        if area in areas and pattern.fullmatch(name):
            return text
    return None


def missing(area: str, name: str) -> str:
    """`` <Sentence>.`` to end an AttributeError with, or nothing."""
    text = why(area, name)
    return "" if text is None else f" {text[:1].upper()}{text[1:]}."

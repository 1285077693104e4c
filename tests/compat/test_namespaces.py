"""PyTorch's namespaces and settings: they import under PyTorch's paths and answer for a CPU."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn

PATHS = [
    "accelerator", "amp", "amp.autocast_mode", "amp.grad_scaler", "autograd.profiler", "backends",
    "backends.cuda", "backends.cudnn", "backends.mkl", "backends.mkldnn", "backends.mps", "cpu",
    "cuda", "cuda.amp", "distributed", "func", "hub", "jit", "linalg", "mps", "multiprocessing",
    "nn.parallel", "onnx", "profiler", "random", "serialization", "special", "testing", "types",
    "utils", "utils.data", "utils.data.dataset", "utils.data.distributed", "utils.tensorboard",
    "version", "xpu",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_path_imports_and_is_an_attribute(path: str) -> None:
    module = importlib.import_module(f"chainrule.{path}")
    assert sys.modules[f"chainrule.{path}"] is module
    if path not in ("amp.autocast_mode", "amp.grad_scaler", "nn.parallel.distributed"):
        found = cr
        for part in path.split("."):
            found = getattr(found, part)
        assert found is module


def test_data_has_two_paths_and_one_module() -> None:
    import chainrule.utils.data as old

    assert old is cr.data
    assert cr.utils.data.DataLoader is cr.data.DataLoader
    from chainrule.data.collation import default_collate
    from chainrule.utils.data.collation import default_collate as same

    assert same is default_collate


def test_unknown_modules_are_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("chainrule.nonsense")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("chainrule.cuda.nonsense")
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cr.nonsense  # type: ignore[attr-defined]


def test_the_usual_imports() -> None:
    import chainrule.backends.cudnn as cudnn
    from chainrule.amp import GradScaler, autocast
    from chainrule.cuda.amp import GradScaler as old
    from chainrule.data.distributed import DistributedSampler as new
    from chainrule.nn.parallel import DistributedDataParallel
    from chainrule.utils.data.distributed import DistributedSampler

    assert new is DistributedSampler is cr.utils.data.distributed.DistributedSampler

    cudnn.benchmark = True
    assert cr.backends.cudnn.benchmark is True
    cudnn.benchmark = False
    assert issubclass(old, GradScaler)
    assert autocast is cr.autocast
    for later in (DistributedDataParallel, DistributedSampler, nn.DataParallel):
        with pytest.raises(NotImplementedError, match="is not there yet: "):
            later(nn.Linear(1, 1))


# -- devices ------------------------------------------------------------------------------------


def test_device_agnostic_code() -> None:
    device = cr.device(
        "cuda" if cr.cuda.is_available() else "mps" if cr.mps.is_available() else "cpu"
    )
    assert device.type == "cpu"
    here = cr.accelerator
    assert (here.current_accelerator() if here.is_available() else cr.device("cpu")).type == "cpu"
    cr.cuda.manual_seed(1)
    cr.cuda.manual_seed_all(1)
    cr.cuda.empty_cache()
    assert cr.cuda.device_count() == cr.accelerator.device_count() == 0
    assert cr.cuda.memory_allocated() == cr.cuda.memory_reserved() == 0
    for room in (cr.backends.mps, cr.backends.cudnn, cr.xpu, cr.distributed):
        assert not room.is_available()


@pytest.mark.parametrize(
    "call",
    [
        lambda: cr.cuda.synchronize(),
        lambda: cr.cuda.current_device(),
        lambda: cr.cuda.set_device(0),
        lambda: cr.cuda.get_device_name(),
        lambda: cr.cuda.Stream(),
        lambda: cr.cuda.Event(enable_timing=True),
        lambda: cr.cuda.device(0).__enter__(),
        lambda: cr.cuda.nccl.version(),
        lambda: cr.accelerator.set_device_index(0),
        lambda: cr.accelerator.synchronize(),
        lambda: cr.accelerator.device_index(0).__enter__(),
        lambda: cr.mps.synchronize(),
        lambda: cr.zeros(1).cuda(),
        lambda: cr.zeros(1, device="cuda"),
        lambda: cr.set_default_device("cuda"),
    ],
)
def test_what_needs_a_device_raises(call: object) -> None:
    with pytest.raises(RuntimeError):
        call()  # type: ignore[operator]


def test_what_needs_no_device_passes() -> None:
    with cr.cuda.device(-1), cr.cuda.stream(None), cr.accelerator.device_index(None):
        pass
    cr.cuda.set_device(-1)
    with pytest.raises(ValueError, match="cuda device"):
        cr.cuda.set_device("cpu")


def test_switches_for_a_while() -> None:
    with cr.backends.cudnn.flags(enabled=False, deterministic=True):
        assert (cr.backends.cudnn.enabled, cr.backends.cudnn.deterministic) == (False, True)
    assert (cr.backends.cudnn.enabled, cr.backends.cudnn.deterministic) == (True, False)
    with pytest.raises(TypeError, match="nonsense"), cr.backends.cudnn.flags(nonsense=1):
        pass


# -- what comes later says so -------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: cr.compile(abs),
        lambda: cr.onnx.export(None, (), "x.onnx"),
        lambda: cr.distributed.init_process_group("gloo"),
        lambda: cr.jit.script(abs),
        lambda: cr.hub.load("a", "b"),
        lambda: cr.nn.parallel.scatter(None),
    ],
)
def test_later_is_one_sentence(call: object) -> None:
    with pytest.raises(NotImplementedError, match=r"^chainrule\.\S+ is not there yet: [^.]+$"):
        call()  # type: ignore[operator]


def test_one_process() -> None:
    assert not cr.distributed.is_initialized()
    with pytest.raises(ValueError, match="not been initialized"):
        cr.distributed.get_rank()
    with pytest.raises(ValueError, match="not been initialized"):
        cr.distributed.get_world_size()


def test_tensorboard_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        cr.utils.tensorboard.SummaryWriter("runs")


def test_tensorboard_hands_numbers_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Writer:
        def __init__(self, logdir: str | None) -> None:
            self.logdir, self.calls = logdir, []

        def add_scalar(self, *args: object) -> None:
            self.calls.append(args)

        def add_histogram(self, tag: str, values: np.ndarray) -> None:
            self.calls.append((tag, type(values), values.tolist()))

        def close(self) -> None:
            self.calls.append("closed")

    package = type(sys)("tensorboardX")
    package.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorboardX", package)
    with cr.utils.tensorboard.SummaryWriter("runs") as writer:
        writer.add_scalar("loss", cr.tensor(0.5), 3)
        writer.add_histogram("w", cr.ones(2, requires_grad=True))
    seen = [("loss", 0.5, 3), ("w", np.ndarray, [1.0, 1.0]), "closed"]
    assert writer._writer.calls == seen
    assert writer.get_logdir() == "runs"


# -- names that are left out --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: cr.sparse_coo_tensor, "Sparse storage is left out"),
        (lambda: cr.ones(1).to_sparse, "Sparse storage is left out"),
        (lambda: cr.ones(1).untyped_storage, "data_ptr"),
        (lambda: cr.optim.SparseAdam, "Adam"),
        (lambda: cr.FloatStorage, "NumPy"),
        (lambda: cr.quantize_per_tensor, "Quantized"),
        (lambda: nn.Container, "Sequential"),
    ],
)
def test_left_out_names_say_why(read: object, said: str) -> None:
    with pytest.raises(AttributeError, match=said):
        read()  # type: ignore[operator]


def test_misspelt_names_get_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'tanh'"):
        _ = cr.tanhh  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="Did you mean 'reshape'"):
        _ = cr.ones(1).reshap
    with pytest.raises(AttributeError, match="Did you mean 'AdamW'"):
        _ = cr.optim.AdamWW


# -- legacy types, layouts ----------------------------------------------------------------------


def test_legacy_types() -> None:
    assert cr.FloatTensor(2, 3).shape == (2, 3)
    assert cr.FloatTensor([1, 2]).tolist() == [1.0, 2.0]
    assert cr.LongTensor([1.7, 2]).tolist() == [1, 2]
    assert cr.LongTensor().shape == (0,)
    assert cr.LongTensor(cr.zeros(2, 1).shape).shape == (2, 1)
    assert cr.ByteTensor([True, 2]).dtype is cr.uint8
    assert cr.LongTensor(np.array([1.0])).tolist() == [1]
    assert isinstance(cr.ones(1), cr.FloatTensor)
    assert not isinstance(cr.ones(1), cr.LongTensor)
    assert not isinstance(np.ones(1), cr.FloatTensor)
    assert cr.ones(1).type() == "torch.FloatTensor"
    assert cr.ones(1).type(cr.LongTensor).dtype is cr.int64
    assert cr.ones(1).type("torch.DoubleTensor").dtype is cr.float64
    assert repr(cr.FloatTensor) == "<class 'torch.FloatTensor'>"
    with pytest.raises(TypeError, match="int64"):
        cr.LongTensor(cr.ones(1))
    cr.set_default_tensor_type(cr.DoubleTensor)
    assert cr.tensor(1.0).dtype is cr.float64
    cr.set_default_tensor_type("torch.FloatTensor")
    assert cr.tensor(1.0).dtype is cr.float32
    for wrong in (cr.LongTensor, "torch.Nonsense", 3):
        with pytest.raises(TypeError):
            cr.set_default_tensor_type(wrong)


def test_memory_formats_are_accepted() -> None:
    x = cr.rand(1, 3, 2, 2)
    for made in (
        x.contiguous(memory_format=cr.channels_last),
        x.clone(memory_format=cr.preserve_format),
        x.to(memory_format=cr.channels_last),
        cr.empty_like(x, memory_format=cr.contiguous_format),
    ):
        assert made.shape == x.shape
    assert repr(cr.channels_last) == "torch.channels_last"
    assert repr(cr.strided) == "torch.strided"


# -- settings -----------------------------------------------------------------------------------


def test_threads() -> None:
    before = cr.get_num_threads()
    cr.set_num_threads(1)
    assert cr.get_num_threads() == 1
    cr.set_num_threads(before)
    with pytest.raises(RuntimeError, match="positive"):
        cr.set_num_threads(0)


def test_remembered_settings() -> None:
    cr.use_deterministic_algorithms(True, warn_only=True)
    assert cr.are_deterministic_algorithms_enabled()
    assert cr.is_deterministic_algorithms_warn_only_enabled()
    cr.use_deterministic_algorithms(False)
    with pytest.warns(UserWarning, match="no effect"):
        cr.set_float32_matmul_precision("low")
    assert cr.get_float32_matmul_precision() == "highest"
    with pytest.raises(RuntimeError, match="debug_mode"):
        cr.set_deterministic_debug_mode("nonsense")


def test_fork_rng() -> None:
    cr.manual_seed(3)
    with cr.random.fork_rng():
        inside = cr.rand(3)
    assert cr.rand(3).tolist() == inside.tolist()
    with cr.random.fork_rng(enabled=False):
        inside = cr.rand(3)
    assert cr.rand(3).tolist() != inside.tolist()
    state = cr.get_rng_state()
    first = cr.randn(3)
    cr.set_rng_state(state)
    assert cr.randn(3).tolist() == first.tolist()
    with pytest.raises(TypeError, match="uint8"):
        cr.set_rng_state(cr.ones(3))


def test_settings_of_one_thread_are_its_own() -> None:
    seen = []
    with cr.autocast("cpu"):
        thread = threading.Thread(target=lambda: seen.append(cr.is_autocast_enabled("cpu")))
        thread.start()
        thread.join()
    assert seen == [False]


SPAWNED = """
import chainrule.multiprocessing as mp
import time

def work(rank, path):
    if rank == 1 and path == "fail":
        raise SystemExit(3)
    if path == "fail":
        time.sleep(60)
    else:
        open(f"{path}{rank}", "w").close()

if __name__ == "__main__":
    assert mp.spawn(work, args=("done",), nprocs=2) is None
    try:
        mp.spawn(work, args=("fail",), nprocs=2)
    except mp.ProcessRaisedException as error:
        print(error)
"""


def test_spawn(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SPAWNED)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=50,
    )  # fmt: skip
    assert done.stdout == "process 1 ended with exit code 3\n", done.stderr
    assert (tmp_path / "done0").exists()
    assert (tmp_path / "done1").exists()


def test_a_device_is_a_context() -> None:
    with cr.device("cpu"):
        assert cr.zeros(1).device.type == "cpu"
    with pytest.raises(RuntimeError, match="cuda"), cr.device("cuda"):
        pass


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    from chainrule.__main__ import main

    assert main(["coverage"]) == 0
    assert "nn.functional" in capsys.readouterr().out

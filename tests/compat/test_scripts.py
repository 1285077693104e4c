"""Published-style scripts run with only their imports changed, and as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import argparse
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
import torch.backends.cudnn as cudnn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(8, 16)
        self.dropout = nn.Dropout(0.1)
        self.fc2 = nn.Linear(16, 2)

    def forward(self, x):
        x = torch.flatten(x, 1)
        x = self.dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)

def train(model, device, loader, optimizer):
    model.train()
    for data, target in loader:
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
    return loss.item()

def test(model, device, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in loader:
            pred = model(data.to(device)).argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    return correct / len(loader.dataset)

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args([])
    torch.manual_seed(1)
    cudnn.benchmark = True
    use_accel = torch.accelerator.is_available()
    device = torch.accelerator.current_accelerator() if use_accel else torch.device("cpu")
    x = torch.randn(200, 2, 4)
    y = (x.sum(dim=(1, 2)) > 0).long()
    loader = DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True)
    model = Net().to(device)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    scheduler = StepLR(optimizer, step_size=5, gamma=0.7)
    for epoch in range(1, args.epochs + 1):
        train(model, device, loader, optimizer)
        scheduler.step()
    before = test(model, device, loader)
    torch.save(model.state_dict(), "net.pt")
    other = Net()
    other.load_state_dict(torch.load("net.pt", map_location=device, weights_only=True))
    assert test(other, device, loader) == before
    print("accuracy", before > 0.9)

if __name__ == "__main__":
    main()
"""

MIXED = """
import torch
from torch import nn
from torch.amp import GradScaler, autocast
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.data.distributed import DistributedSampler
import torch.distributed as dist
import torch.multiprocessing as mp

device = "cuda" if torch.cuda.is_available() else "cpu"
torch.cuda.manual_seed_all(0)
torch.use_deterministic_algorithms(True)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
if dist.is_available() and dist.is_initialized():
    model = DDP(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = GradScaler(device, enabled=True)
torch.manual_seed(0)
x = torch.randn(32, 4)
y = x.sum(1, keepdim=True)
losses = []
with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as prof:
    for _ in range(20):
        optimizer.zero_grad(set_to_none=True)
        with record_function("forward"), autocast(device_type=device, dtype=torch.bfloat16):
            out = model(x)
            loss = nn.functional.mse_loss(out, y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
print(out.dtype, losses[-1] < losses[0] / 4)
print(prof.key_averages().table(sort_by="cpu_time_total", row_limit=3).count("forward"))
torch.testing.assert_close(torch.ones(2), torch.ones(2))
"""

SCRIPTS = {
    "train": (TRAIN, "accuracy True\n"),
    "mixed": (MIXED, "torch.bfloat16 True\n1\n"),
}


def run(code: str, folder: Path) -> str:
    (folder / "script.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_with_the_imports_changed(name: str, tmp_path: Path) -> None:
    code, expected = SCRIPTS[name]
    lines = []
    for line in code.splitlines():
        if line == "import torch":
            line = "import chainrule as torch"
        elif line.startswith(("import torch.", "from torch")):
            line = line.replace("torch", "chainrule", 1)
        lines.append(line)
    assert run("\n".join(lines), tmp_path) == expected


@pytest.mark.parametrize("name", SCRIPTS)
def test_unchanged(name: str, tmp_path: Path) -> None:
    code, expected = SCRIPTS[name]
    assert run("import chainrule\nchainrule.install_as_torch()\n" + code, tmp_path) == expected


PRESENT = """
import sys
import types
import chainrule
sys.modules["torch"] = types.ModuleType("torch")
sys.modules["torch"].__file__ = "/site/torch/__init__.py"
try:
    chainrule.install_as_torch()
except RuntimeError as error:
    print(error)
"""


def test_refused_where_pytorch_is_imported(tmp_path: Path) -> None:
    assert "already imported (from /site/torch/__init__.py)" in run(PRESENT, tmp_path)


def test_one_module_under_two_names(tmp_path: Path) -> None:
    code = """
import chainrule
chainrule.install_as_torch()
chainrule.install_as_torch()
import torch, torch.nn, torch.nn.functional, torch.utils.data.dataset, torch.cuda.amp
import torch.optim.lr_scheduler, torch.autograd.profiler, torch.linalg
assert torch is chainrule
assert torch.nn is chainrule.nn and torch.nn.functional is chainrule.nn.functional
assert torch.utils.data.dataset.Dataset is chainrule.data.Dataset
assert torch.cuda.amp is chainrule.cuda.amp
from torch.nn.init import xavier_uniform_
from torch.nn import Linear
assert isinstance(Linear(1, 1), chainrule.nn.Module)
try:
    import torch.nonsense
except ModuleNotFoundError as error:
    print(error)
"""
    assert run(code, tmp_path) == "No module named 'torch.nonsense'\n"

"""``nn.parallel`` and ``utils.data.distributed``: replicas over devices and processes come later.

>>> import chainrule as cr
>>> cr.nn.parallel.DataParallel(cr.nn.Linear(1, 1))
Traceback (most recent call last):
NotImplementedError: chainrule.nn.DataParallel is not there yet: there is one device, ...
"""

from __future__ import annotations

from .later import later, later_class

__path__: list[str] = []  # ``import chainrule.nn.parallel.distributed``
ONE = "there is one device, use the module itself"
DataParallel = later_class("nn.DataParallel", ONE)
DistributedDataParallel = later_class("nn.parallel.DistributedDataParallel", ONE)
DistributedSampler = later_class(
    "data.distributed.DistributedSampler", "one process reads all data, use RandomSampler"
)
data_parallel = later("nn.parallel.data_parallel", ONE)
scatter = later("nn.parallel.scatter", ONE)
gather = later("nn.parallel.gather", ONE)
replicate = later("nn.parallel.replicate", ONE)
parallel_apply = later("nn.parallel.parallel_apply", ONE)

"""``chainrule.onnx``: writing ONNX files comes later.

>>> import chainrule as cr
>>> cr.onnx.export(None, (), "model.onnx")
Traceback (most recent call last):
NotImplementedError: chainrule.onnx.export is not there yet: save the state_dict, ...
"""

from __future__ import annotations

from .later import later

export = later("onnx.export", "save the state_dict, and build the model where it is loaded")

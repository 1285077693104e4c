"""``chainrule.hub``: nothing is downloaded by a model library here.

>>> import chainrule as cr
>>> cr.hub.load("pytorch/vision", "resnet18")
Traceback (most recent call last):
NotImplementedError: chainrule.hub.load is not there yet: download the file, ...
"""

from __future__ import annotations

from .later import later

FILE = "download the file, then load() it and load_state_dict() it into the model"
load = later("hub.load", FILE)
load_state_dict_from_url = later("hub.load_state_dict_from_url", FILE)
download_url_to_file = later("hub.download_url_to_file", FILE)

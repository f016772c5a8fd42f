"""Settings of a worker in a process of its own: those of the test that started it. See ``workers.start``."""

import json
import os
from importlib import import_module

_project = import_module(os.environ["SHOPCORE_TEST_PROJECT"])
globals().update({name: value for name, value in vars(_project).items() if name.isupper()})
globals().update(json.loads(os.environ["SHOPCORE_TEST_SETTINGS"]))

"""Run by the Python of an SDK's environment: what can it do, and with what?

Writes `{method: [parameter, ...]}` to standard output.
"""

import importlib
import inspect
import json
from operator import attrgetter
from pathlib import Path
import sys
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "simulator"))
drive_sdk: Any = importlib.import_module("drive_sdk")

client = drive_sdk.beeper.BeeperDesktop(access_token="none")
json.dump(
    {
        name: [
            parameter
            for parameter in inspect.signature(attrgetter(name)(client)).parameters
            if not parameter.startswith("extra_") and parameter != "timeout"
        ]
        for name in drive_sdk.methods(client)
    },
    sys.stdout,
)

"""Times imports in a process that has imported nothing else.

`python -m benchmarks.importing`; standard input is JSON: lists of modules, one after
the other; the output is JSON: the milliseconds of the processor's time of each list.
"""

import gc
from importlib import import_module
import json
import sys
import time


def spend(names: list[str]) -> float:
    """Import modules; what another module has made for itself cannot be found."""
    gc.collect()
    gc.freeze()  # What was there before is not to be searched for garbage once more.
    used = time.process_time()
    for name in names:
        try:
            import_module(name)
        except ImportError:
            if name.startswith("custom_components."):
                raise
    return (time.process_time() - used) * 1000


print(json.dumps([spend(names) for names in json.load(sys.stdin)]))

"""Times imports in a process that has imported nothing else.

`python -m benchmarks.importing`; standard input is JSON: lists of modules, one after
the other; the output is JSON: the processor time of each list in milliseconds.
"""

import gc
from importlib import import_module
import json
import sys
import time


def spend(names: list[str]) -> float:
    """Import modules; those that only exist inside another module are skipped."""
    gc.collect()
    gc.freeze()  # Keep earlier objects out of later garbage collections.
    used = time.process_time()
    for name in names:
        try:
            import_module(name)
        except ImportError:
            if name.startswith("custom_components."):
                raise
    return (time.process_time() - used) * 1000


print(json.dumps([spend(names) for names in json.load(sys.stdin)]))

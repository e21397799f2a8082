"""A Beeper server to test, demonstrate and measure against.

Five server generations, a small made-up world, and faults on demand.
"""

from .faults import Fault
from .server import Received, Simulator

__all__ = ["Fault", "Received", "Simulator"]

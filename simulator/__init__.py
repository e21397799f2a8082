"""A Beeper server to test, demonstrate and measure against.

Five server generations, a small made-up world, and faults on demand. What real servers
do differently are traits, which a test switches on and off:

    async with Simulator("latest", realistic=True) as simulator:
        simulator.traits.add("existing_chat_drops_text")
        simulator.traits.add("contacts_fail", account="signal")
        simulator.traits.discard("merged_chat")

`traits.py` lists them, `profiles.py` says which profile was seen to have which.
"""

from .faults import Fault
from .server import Received, Simulator
from .traits import TRAITS, Traits

__all__ = ["TRAITS", "Fault", "Received", "Simulator", "Traits"]

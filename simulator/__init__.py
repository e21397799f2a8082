"""A Beeper server to test, demonstrate and measure against.

Five server generations, a small made-up world, and faults on demand. Traits
reproduce the behaviour of real servers that differs from the documentation. A test
switches them on and off:

    async with Simulator("latest", realistic=True) as simulator:
        simulator.traits.add("existing_chat_drops_text")
        simulator.traits.add("contacts_fail", account="signal")
        simulator.traits.discard("merged_chat")

See `TRAITS` for the list, and `profiles.SEEN_TRAITS` for the traits of each profile.
"""

from .application import Received
from .faults import Fault
from .server import Simulator
from .traits import TRAITS, Traits

__all__ = ["TRAITS", "Fault", "Received", "Simulator", "Traits"]

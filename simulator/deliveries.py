"""The network's delivery of own messages, some time after a server accepted them."""

import asyncio
from typing import TYPE_CHECKING

from .model import Chat, Delivery, Event, Json, Message
from .text import iso

if TYPE_CHECKING:
    from .world import World

_FAILURES: dict[Delivery, Json] = {
    "FAIL_RETRIABLE": {
        "reason": "bridge_unavailable",
        "message": "The bridge is not connected.",
    },
    "FAIL_PERMANENT": {
        "reason": "not_allowed",
        "message": "The network refused the message.",
    },
}


class Deliveries:
    """Confirms or refuses the messages of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._next = 0.0

    def add(self, chat: Chat, message: Message, delivery: Delivery) -> None:
        """Deliver after `confirm_after`, or in turn with `slow_delivery`."""
        when = asyncio.get_running_loop().time() + self._world.confirm_after
        if "slow_delivery" in self._world.traits:
            when = max(when, self._next + self._world.delivery_interval)
            self._next = when
        self._world.pending.add(
            when,
            lambda: self._deliver(chat, message, delivery),
            lambda: chat.messages.remove(message),
        )

    def _deliver(self, chat: Chat, message: Message, delivery: Delivery) -> None:
        """Confirm a message unless confirmed; with a trait, its successor first."""
        if self._world.traits.has("reordered_delivery", chat.account_id):
            index = chat.messages.index(message)
            later = next(
                (other for other in chat.messages[index + 1 :] if not other.confirmed),
                None,
            )
            if later and not message.confirmed:
                other = chat.messages.index(later)
                chat.messages[index], chat.messages[other] = later, message
                message.sort_key, later.sort_key = later.sort_key, message.sort_key
                self._confirm(chat, later, delivery)
        if not message.confirmed:
            self._confirm(chat, message, delivery)

    def _confirm(self, chat: Chat, message: Message, delivery: Delivery) -> None:
        """Assign the final id, then the outcome: two more upserts of an own message."""
        self._world.number(chat, message)
        message.confirmed = True
        self._world.emit(Event(type="message.upserted", chat=chat, message=message))
        status = "SUCCESS" if delivery == "ok" else delivery
        message.send_status = {
            "status": status,
            "timestamp": iso(self._world.now()),
            **_FAILURES.get(delivery, {}),
        }
        self._world.emit(Event(type="message.upserted", chat=chat, message=message))
        if self._world.traits.has("gif_withdrawn", chat.account_id) and any(
            attachment["mimeType"] == "image/gif" and not attachment["isGif"]
            for attachment in message.attachments
        ):
            self._world.delete(chat, message)

"""Delivery of the messages that Beeper accepted, and the IDs that they get."""

import asyncio
from contextlib import suppress
import re
from typing import Final

from ..api.exceptions import AnswerError, BeeperError
from ..api.models import Message
from ..server import Server
from .sent_messages import SentMessages
from .sent_record import Delivery, SentRecord

_DELIVERY_TIMEOUT: Final = 60.0
"""Seconds to wait for the network's confirmation."""

_READ_INTERVAL: Final = 0.75
"""Seconds between two reads, as in Beeper's own command line."""

_FINAL_ID_DELAYS: Final = (0, 0.25, 0.5, 0.75, 1, 1.5)
"""Seconds to wait before each read for the final ID of a message that was just sent."""

# A machine-readable word, such as `bridge_unavailable`; other texts may name people.
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z._-]{0,63}")


async def wait_for_delivery(
    server: Server, sent_messages: SentMessages, sent: SentRecord
) -> Delivery:
    """Wait for the network's confirmation; pending if it is late or cannot be known."""
    try:
        async with asyncio.timeout(_DELIVERY_TIMEOUT):
            while True:
                # Beeper may be starting again.
                with suppress(BeeperError):
                    if delivery := await read_delivery(server, sent_messages, sent):
                        return delivery
                await asyncio.sleep(_READ_INTERVAL)
    except TimeoutError:
        return Delivery(state="pending")


async def read_delivery(
    server: Server, sent_messages: SentMessages, sent: SentRecord
) -> Delivery | None:
    """Read the outcome of a message and its final ID once; None if unknown.

    Servers before 4.2.808 return no single messages, and list an own one only once the
    network has it. Raises BeeperError.
    """
    if sent.is_settled:
        return sent.failure or Delivery(state="delivered")
    if sent.chat_id is None:
        return None
    message = None
    if sent.pending_id and server.client.features.single_messages:
        try:
            message = await server.client.message(sent.chat_id, sent.pending_id)
        except AnswerError as err:
            if err.status not in (404, 405):
                raise
    if message is None:
        page = await server.client.messages(sent.chat_id)
        own = [item for item in page.items if server.is_own(item, sent.account_id)]
        sent_messages.claim(
            own,
            {sent.chat_id},
            server.earliest_now(),
            account_id=sent.account_id,
            recipient=sent.recipient,
        )
        message = next((item for item in own if item.id in sent.ids), None)
    if message is None:
        return None
    if message.id and message.id != sent.pending_id:
        sent.note_final(message)
        sent_messages.save_soon()
    delivery = shown_delivery(sent.pending_id, message)
    if delivery and delivery.state == "delivered":
        # SentFollower publishes failures.
        sent.settle(message)
    return delivery


async def read_final_id(
    server: Server, sent_messages: SentMessages, message_id: str
) -> str | None:
    """Return the ID under which the server knows a message, waiting some seconds for it.

    Other IDs than those of sent messages are returned as they are. Returns None if the
    message is not confirmed yet.
    """
    sent = sent_messages.by_pending_id(message_id)
    if sent is None or sent.final_id:
        return sent.final_id if sent else message_id
    for delay in _FINAL_ID_DELAYS:
        await asyncio.sleep(delay)
        with suppress(BeeperError):
            await read_delivery(server, sent_messages, sent)
        if sent.final_id or sent.is_settled:
            return sent.final_id or message_id
    return None


def shown_delivery(pending_id: str | None, message: Message) -> Delivery | None:
    """Return the delivery that a message itself shows, None if it shows none yet."""
    if message.send_status in ("FAIL_PERMANENT", "FAIL_RETRIABLE"):
        reason = message.send_reason or ""
        return Delivery(
            state="failed",
            reason=reason.lower() if _WORD.fullmatch(reason) else "unknown",
        )
    # A final ID instead of the pending one also confirms the message.
    if message.send_status == "SUCCESS" or (
        message.send_status is None and message.id not in (None, pending_id)
    ):
        return Delivery(state="delivered")
    return None

"""Delivery of spoken messages through the outbox.

Not through actions: Home Assistant records the data of service calls.
"""

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.folding import is_blank
from ..api.models import SentMessage
from ..api.requests import StartChat, StartUser
from ..data import get_outbox
from ..outgoing import markdown
from ..outgoing.attempts import UNKNOWN_WINDOW
from ..outgoing.chat_changes import MarkRead
from ..outgoing.create_chat_job import ChatJobResult, CreateChatJob
from ..outgoing.job import Outcome
from ..outgoing.message_request import MessageRequest
from ..outgoing.send_message_job import SendMessageJob
from .spoken_recipients import Recipient


class Sender:
    """Sends messages and starts chats."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without unknown outcomes."""
        self._hass = hass
        # Starts with an unknown outcome, and the event loop's time until which a
        # repetition looks for the chat instead of starting it again.
        self._unknown_starts: dict[StartChat, float] = {}

    async def async_send(
        self, context: Context, recipient: Recipient, message: str | None
    ) -> Outcome[SentMessage] | Outcome[ChatJobResult]:
        """Send a message or, without one, start a chat.

        Raises a translated HomeAssistantError.
        """
        if message is not None and is_blank(message):
            raise errors.invalid("nothing_to_send")
        text = markdown.escape(message) if message else None
        # An existing chat may be the result of an unknown start and contain the
        # message. Then that start is repeated.
        start = self._unknown_start(recipient, text)
        if start or recipient.chat_id is None:
            start = start or StartChat(
                account_id=recipient.account_id,
                user=StartUser(**recipient.user),
                message_text=text,
            )
            return await self._async_start(context, recipient, start)
        outbox = get_outbox(self._hass, recipient.entry)
        return await outbox.run(
            SendMessageJob(
                context=outbox.context,
                message=MessageRequest(
                    chat_id=recipient.chat_id, text=text, length=len(message or "")
                ),
                call_context=context,
            )
        )

    def _unknown_start(
        self, recipient: Recipient, text: str | None
    ) -> StartChat | None:
        """Return the start with an unknown outcome for this recipient and text."""
        now = self._hass.loop.time()
        self._unknown_starts = {
            start: end for start, end in self._unknown_starts.items() if end > now
        }
        return next(
            (
                start
                for start in self._unknown_starts
                if _is_same_start(start, recipient, text)
            ),
            None,
        )

    async def _async_start(
        self, context: Context, recipient: Recipient, start: StartChat
    ) -> Outcome[ChatJobResult]:
        """Start a chat, and remember the start while its outcome is unknown."""
        began = self._hass.loop.time()
        self._unknown_starts.pop(start, None)
        outbox = get_outbox(self._hass, recipient.entry)
        try:
            return await outbox.run(
                CreateChatJob(
                    context=outbox.context, request=start, call_context=context
                )
            )
        except HomeAssistantError as err:
            if errors.is_unknown(err):
                self._unknown_starts[start] = began + UNKNOWN_WINDOW
            raise

    async def async_mark_read(self, context: Context, recipient: Recipient) -> None:
        """Mark a chat as read. Raises a translated HomeAssistantError."""
        outbox = get_outbox(self._hass, recipient.entry)
        await outbox.run(
            MarkRead(
                context=outbox.context,
                params={},
                chat_id=recipient.chat_id or "",
                call_context=context,
            ),
            allow_repeat=True,
        )


def _is_same_start(start: StartChat, recipient: Recipient, text: str | None) -> bool:
    """Return whether a start was for this recipient and text."""
    user = {start.user.id, start.user.phone_number, start.user.email}
    return (start.account_id, start.message_text) == (
        recipient.account_id,
        text,
    ) and any(value in user for value in recipient.user.values())

"""The messages that Home Assistant sends, to know them when they come by."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from .api.models import Chat, Message, SentMessage
from .reconciliation import same_text

_KEPT_FOR: Final = 24 * 60 * 60
_KEPT: Final = 500
_RECOGNISED_FOR: Final = timedelta(minutes=10)
_CLOCK_TOLERANCE: Final = timedelta(seconds=5)


@dataclass(kw_only=True, repr=False, eq=False)
class Sent:
    """A message that was attempted.

    `chat_id` is None while a chat is being created for it. `message_id` is the one the
    server answered, None while there is no answer or where it leads to nothing;
    `final_id` is the network's. `attempted` is the event loop's time.
    """

    account_id: str | None
    chat_id: str | None
    text: str
    attached: bool
    attempted: float
    message_id: str | None = None
    final_id: str | None = None

    @property
    def is_waiting(self) -> bool:
        """Tell whether the server can still say what became of it."""
        return self.message_id is not None and self.final_id is None

    def is_message(self, message: Message, now: datetime) -> bool:
        """Tell whether an own message of this chat is this one, at a server's time.

        By its ids, or where no answer told one by text and time.
        """
        if message.id in (self.message_id, self.final_id):
            return True
        age = timedelta(seconds=asyncio.get_running_loop().time() - self.attempted)
        return (
            self.final_id is None
            and age < _RECOGNISED_FOR
            and message.timestamp is not None
            and message.timestamp >= now - age - _CLOCK_TOLERANCE
            and bool(message.attachments) is self.attached
            and same_text(self.text, message.text or "")
        )


class SentMessages:
    """What one config entry has sent within a day; it outlives reloads of the entry."""

    def __init__(self) -> None:
        """Have sent nothing."""
        self._sent: list[Sent] = []

    def begin(
        self,
        account_id: str | None,
        chat_id: str | None,
        text: str | None,
        *,
        attached: bool = False,
    ) -> Sent:
        """Note that a message is attempted: it may come by before the answer does."""
        now = asyncio.get_running_loop().time()
        sent = Sent(
            account_id=account_id,
            chat_id=chat_id,
            text=text or "",
            attached=attached,
            attempted=now,
        )
        self._sent = [
            each for each in self._sent[-_KEPT:] if now - each.attempted < _KEPT_FOR
        ]
        self._sent.append(sent)
        return sent

    def finish(self, sent: Sent, result: SentMessage) -> None:
        """Note what the server answered."""
        sent.chat_id, sent.message_id = result.chat_id, result.message_id

    def cancel(self, sent: Sent) -> None:
        """Forget one that certainly was not sent."""
        if sent in self._sent:
            self._sent.remove(sent)

    def recognise(self, chat: Chat, message: Message, now: datetime) -> bool:
        """Tell whether an own message is one of these, at a server's time."""
        for sent in self.into(chat.id, chat.account_id):
            if sent.is_message(message, now):
                sent.final_id = message.id
                return True
        return False

    def into(self, chat_id: str, account_id: str | None = None) -> list[Sent]:
        """Return what was sent into a chat, or into a new one of its account."""
        return [
            sent
            for sent in self._sent
            if sent.chat_id == chat_id
            or (account_id and sent.chat_id is None and sent.account_id == account_id)
        ]

    @property
    def waiting_chats(self) -> set[str]:
        """Return the chats with messages the network has not confirmed yet."""
        return {sent.chat_id for sent in self._sent if sent.chat_id and sent.is_waiting}

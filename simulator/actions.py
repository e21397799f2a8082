"""Actions of other people, and of the user in another app."""

from .model import Json, Message
from .people import participant
from .wire import Wire
from .world import World


class Actions:
    """Operations that a simulator offers to tests and to its control API."""

    world: World
    wire: Wire

    def incoming(self, chat_id: str, sender_id: str | None, text: str) -> Json:
        """Add a message of another person, or of the user in another app; return it.

        `sender_id` None: the chat's first participant.
        """
        chat = self.world.chat(chat_id)
        sender = next(
            (person for person in chat.participants if person.id == sender_id), None
        )
        if sender is None:
            sender = (
                chat.participants[0]
                if sender_id is None
                else participant(self.world.account(chat.account_id), sender_id)
            )
        return self.wire.message(self.world, self.world.incoming(chat, sender, text))

    def edit(self, chat_id: str, message_id: str, text: str) -> Json:
        """Edit a message, as another app does."""
        message = self._message(chat_id, message_id)
        self.world.edit(self.world.chat(chat_id), message, text)
        return self.wire.message(self.world, message)

    def delete(self, chat_id: str, message_id: str) -> None:
        """Delete a message for everyone, as another app does."""
        self.world.delete(self.world.chat(chat_id), self._message(chat_id, message_id))

    def react(
        self, chat_id: str, message_id: str, sender_id: str | None, key: str | None
    ) -> Json:
        """Set a person's reaction, None removes it; return the message.

        `sender_id` None: the chat's first participant.
        """
        chat, message = self.world.chat(chat_id), self._message(chat_id, message_id)
        person = next(
            (person for person in chat.participants if person.id == sender_id),
            chat.participants[0],
        )
        self.world.react(chat, message, person, key)
        return self.wire.message(self.world, message)

    def membership(self, chat_id: str, sender_id: str | None, text: str) -> Json:
        """Add a membership event with this text; return it.

        `sender_id` None: the chat's first participant.
        """
        chat = self.world.chat(chat_id)
        person = next(
            (person for person in chat.participants if person.id == sender_id),
            chat.participants[0],
        )
        message = self.world.membership(chat, person, text)
        return self.wire.message(self.world, message)

    def leave(self, chat_id: str, person_id: str | None = None) -> None:
        """Let a person leave a chat, or all other people without a `person_id`."""
        chat = self.world.chat(chat_id)
        for person in [*chat.participants]:
            if person_id in (None, person.id) and not person.is_self:
                self.world.leave(chat, person)

    def delete_chat(self, chat_id: str) -> None:
        """Delete a chat, as another app does."""
        self.world.delete_chat(self.world.chat(chat_id))

    def set_account_status(
        self, account_id: str, status: str, text: str | None = None
    ) -> None:
        """Set the connection status of an account.

        Does not change the outcome of sends; see `Account.delivery`.
        """
        account = self.world.account(account_id)
        account.status, account.status_text = status, text

    def _message(self, chat_id: str, message_id: str) -> Message:
        return self.world.message(self.world.chat(chat_id), message_id)

"""Change a message: one job class for each action."""

from functools import partial
from typing import override
from uuid import uuid4

from .. import errors
from ..api.exceptions import RouteAbsentError
from ..api.folding import fold_reaction
from ..api.models import Message
from ..api.server_generations import EDIT_SINCE, REACTIONS_SINCE
from .change_job import ChangeJob
from .markdown import from_format
from .text_matching import same_text


class EditMessage(ChangeJob):
    """Replace the text of an own message."""

    name = "edit_message"
    is_visible = True
    change_type = "message_edited"
    since = EDIT_SINCE
    needs_message = True
    needs_writable_chat = True
    is_doubtful = True

    @property
    def _markdown(self) -> str:
        return from_format(self.params["message"], self.params["format"])

    @override
    def check_message(self, message: Message) -> None:
        if message.sender_id and not self.is_own(message):
            errors.refuse("not_own_message")
        if message.attachments:
            errors.refuse("edit_of_attachment")
        limit = self.chat.max_text_length if self.chat else None
        length = len(self.params["message"])
        if limit is not None and length > limit:
            errors.refuse(
                "longer_than_chat_allows", length=str(length), limit=str(limit)
            )

    @override
    async def apply(self) -> None:
        await self.client.edit_message(self.chat_id, self.message_id, self._markdown)

    @override
    async def is_applied(self) -> bool:
        message = await self.read_message()
        return (
            message is not None
            # A similar text may have been there before.
            and message.text != (self.before and self.before.text)
            and same_text(self._markdown, message.text or "")
        )

    @override
    async def is_shown(self) -> bool:
        message = await self.read_message()
        if message is None:
            return False
        # The network may change the text that it accepts.
        return same_text(self._markdown, message.text or "") or (
            self.before is not None
            and (message.text, message.edited) != (self.before.text, self.before.edited)
        )


class DeleteMessage(ChangeJob):
    """Delete a message, for everyone or only for the user."""

    name = "delete_message"
    is_visible = True
    change_type = "message_deleted"
    needs_message = True
    is_doubtful = True

    @override
    def check_message(self, message: Message) -> None:
        if message.send_status == "PENDING":
            errors.refuse("message_pending")

    @override
    async def apply(self) -> None:
        await self.client.delete_message(
            self.chat_id, self.message_id, for_everyone=self.params["for_everyone"]
        )

    @override
    async def is_applied(self) -> bool:
        message = await self.read_message()
        return message is None or message.is_deleted


class _ReactionJob(ChangeJob):
    """Add or remove an own reaction."""

    since = REACTIONS_SINCE
    needs_message = True
    is_doubtful = True

    @property
    def _reaction(self) -> str:
        """The reaction as the server stores it."""
        reaction: str = self.params["reaction"]
        return reaction

    def _has_reaction(self, message: Message | None) -> bool:
        return not self._own_ids.isdisjoint(self._reactors(message))

    @property
    def _own_ids(self) -> frozenset[str]:
        return self.context.server.own_ids(self._account_id)

    def _reactors(self, message: Message | None) -> set[str]:
        """Return the IDs of those who reacted like this."""
        key = fold_reaction(self._reaction, skin_tone=True)
        return {
            reaction.participant_id
            for reaction in (message.reactions if message else ())
            if fold_reaction(reaction.key, skin_tone=True) == key
        }

    async def read_listed_message(self) -> Message | None:
        """Return the message, None if it is not listed; raises BeeperError."""
        try:
            return await self.read_message()
        except RouteAbsentError:
            return None


class AddReaction(_ReactionJob):
    """React to a message."""

    name = "add_reaction"
    is_visible = True
    change_type = "reaction_added"

    @override
    async def apply(self) -> None:
        await self.client.add_reaction(
            self.chat_id,
            self.message_id,
            self.params["reaction"],
            transaction_id=uuid4().hex,
        )

    @override
    async def is_applied(self) -> bool:
        return self._has_reaction(await self.read_message())

    @override
    async def is_shown(self) -> bool:
        message = await self.read_listed_message()
        # The user's ID in this chat may be unknown: then somebody new has reacted.
        return self._has_reaction(message) or bool(
            self._reactors(message) - self._reactors(self.before)
        )


class RemoveReaction(_ReactionJob):
    """Remove an own reaction."""

    name = "remove_reaction"
    is_visible = True
    change_type = "reaction_removed"

    @property
    @override
    def _reaction(self) -> str:
        """The own reaction that is most like the one to remove, as it is stored."""
        requested = super()._reaction
        own = [
            reaction.key
            for reaction in (self.before.reactions if self.before else ())
            if reaction.participant_id in self._own_ids
        ]
        for form in (
            str,
            partial(fold_reaction, skin_tone=True),
            fold_reaction,
        ):
            for key in own:
                if form(key) == form(requested):
                    return key
        return requested

    @override
    async def apply(self) -> None:
        await self.client.remove_reaction(self.chat_id, self.message_id, self._reaction)

    @override
    async def is_applied(self) -> bool:
        message = await self.read_message()
        # A reaction that was never seen may be stored under an unknown user ID.
        return (
            message is not None
            and self._has_reaction(self.before)
            and not self._has_reaction(message)
        )

    @override
    async def is_shown(self) -> bool:
        message = await self.read_listed_message()
        if message is None or self._has_reaction(message):
            return False
        before, now = self._reactors(self.before), self._reactors(message)
        # The user's ID in this chat may be unknown: then any person's reaction must be gone.
        return not now or now < before or self.before is None

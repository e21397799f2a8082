"""Comparison of a message with an outline of it, as it was when it was last read."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..api.models import Message, Reaction
from ..signals import MessageEventType

_MAX_REACTIONS: Final = 200
"""Reactions of one message whose changes are noticed; further ones change nothing."""

_MAX_LENGTH: Final = 255
_MAX_ATTACHMENTS: Final = 20
"""Characters and attachments that are kept of one message: people can send any number."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class MessageChange:
    """A new message, or a change of one."""

    type: MessageEventType
    message: Message
    reaction: Reaction | None = None


def followed_reactions(before: Message | None, message: Message) -> frozenset[Reaction]:
    """Return the reactions of a message whose changes are noticed."""
    if len(message.reactions) > _MAX_REACTIONS:
        return before.reactions if before else frozenset()
    return frozenset(
        reaction
        for reaction in message.reactions
        if max(len(reaction.key), len(reaction.participant_id)) <= _MAX_LENGTH
    )


def outline(message: Message) -> Message:
    """Return what changes of a message are compared and published with.

    Its size is bounded, whatever somebody sends: thousands are kept.
    """
    return replace(
        message,
        id=_cut(message.id),
        chat_id=_cut(message.chat_id),
        type=_cut(message.type),
        account_id=_cut(message.account_id),
        sender_id=_cut(message.sender_id),
        sender_name=_cut(message.sender_name),
        text=None,
        sort_key=_cut(message.sort_key) or "",
        reply_to_message_id=_cut(message.reply_to_message_id),
        attachments=tuple(
            replace(attached, file_name=None, mime_type=None, url=None)
            for attached in message.attachments[:_MAX_ATTACHMENTS]
        ),
        mentions=(),
        send_reason=_cut(message.send_reason),
    )


def _cut(text: str | None) -> str | None:
    return text[:_MAX_LENGTH] if text else text


def differences(before: Message, message: Message) -> Iterator[MessageChange]:
    """Yield the changes of a message, except of its text."""
    if message.is_deleted:
        yield MessageChange(type="message_deleted", message=message)
        return
    for reaction in before.reactions - message.reactions:
        yield MessageChange(type="reaction_removed", message=message, reaction=reaction)
    for reaction in message.reactions - before.reactions:
        yield MessageChange(type="reaction_added", message=message, reaction=reaction)

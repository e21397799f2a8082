"""The keys of a request for a message, to recognize another call that means the same."""

from collections.abc import Collection, Hashable, Iterable

from .attachment_sources import picture_entity
from .identities import Identity, missing_kind_keys, proof, text_content
from .message_request import MessageRequest
from .text_matching import text_key


def exact_message_keys(
    message: MessageRequest, chat_ids: Iterable[str], original_ids: Collection[str]
) -> set[Hashable]:
    """Return the keys that it shares with an identical request.

    `chat_ids` are all IDs of the chat, `original_ids` all IDs of the message that it
    replies to.
    """
    contents = _contents(message, original_ids)
    return {(*content, chat_id) for content in contents for chat_id in chat_ids}


def loose_message_keys(
    message: MessageRequest,
    original_ids: Collection[str],
    person: frozenset[Identity],
    recipient: str | None,
) -> set[Hashable]:
    """Return the keys that it shares with a request that may be the same.

    `person` is all that is known of the person of a direct chat, `recipient` the name as
    it was written.
    """
    keys: set[Hashable] = set()
    for content in _contents(message, original_ids):
        keys |= {(*content, *identity) for identity in proof(person)}
        if recipient is not None:
            keys.add((*content, "recipient", recipient.casefold()))
    return keys


def text_keys(
    message: MessageRequest,
    account_id: str | None,
    chat_ids: Iterable[str],
    person: Iterable[Identity],
) -> set[Hashable]:
    """Return the keys that it shares with a request for a chat with this text."""
    if (content := _text_content(message, account_id)) is None:
        return set()
    return {(*content, *identity) for identity in person} | {
        ("text", text_key(message.text), chat_id) for chat_id in chat_ids
    }


def partial_message_keys(
    message: MessageRequest, account_id: str | None, person: frozenset[Identity]
) -> set[Hashable]:
    """Return the keys that it shares with one that states the recipient differently."""
    content = _text_content(message, account_id)
    return missing_kind_keys(content, person) if content and person else set()


def _contents(
    message: MessageRequest, original_ids: Collection[str]
) -> list[tuple[Hashable, ...]]:
    """Return the content of a message; a reply for each ID of its original."""
    file = message.attachment
    replied: Collection[str | None] = original_ids or [None]
    return [
        (
            "message",
            text_key(message.text),
            original_id,
            message.mentions,
            message.link_preview,
            message.attachment_type,
            *(
                (picture_entity(file.location) or file.location, file.name)
                if file
                else ()
            ),
        )
        for original_id in replied
    ]


def _text_content(
    message: MessageRequest, account_id: str | None
) -> tuple[Hashable, ...] | None:
    """Return the content of a text; None for replies and attachments."""
    if not message.text or message.reply_to or message.attachment:
        return None
    return text_content(account_id, message.text)

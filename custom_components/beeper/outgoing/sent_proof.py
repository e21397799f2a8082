"""Which message of a chat is proved to be the one that an attempt sent.

A message belongs to one attempt only. Others may have sent the same text to the same
chat: while a request for a chat with a text runs, its message can stand anywhere among
theirs, and an attempt without an answer has sent one message or none.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from ..api.exceptions import BeeperError
from ..api.models import Message
from ..server import Server
from .identities import RecipientKeys
from .sent_messages import SentMessages
from .sent_record import SentRecord
from .text_matching import same_text, text_key

TWIN_WINDOW: Final = timedelta(seconds=5)
"""Within it, two equal texts cannot be distinguished by their times."""

_MAX_READ: Final = 20
"""Other messages that are read to learn their final IDs."""

type State = Literal["missing", "open", "several", "sent", "proved"]
"""`missing`: the message is not listed. `open`: a listed one may be another attempt's.
`several`: more are listed than were sent. `sent`: it is one of several listed messages.
`proved`: it is this one."""


@dataclass(kw_only=True, repr=False, eq=False)
class SentCandidates:
    """Own messages of a chat that may be from one attempt, the oldest first.

    They have its `text`, and a file if it `attached` one. Those in `earlier` are from
    just before it. `other_texts` are those with another text. `attempted` is the event
    loop's time.
    """

    text: str
    attached: bool
    attempted: float
    earlier: Sequence[Message]
    messages: Sequence[Message]
    other_texts: Sequence[Message]


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Proof:
    """What the messages of a chat show of an attempt; `message` is None unless proved."""

    state: State
    message: Message | None = None


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class TargetChat:
    """The chat that a message was for."""

    chat_ids: set[str]
    account_id: str | None
    recipient: RecipientKeys | None


async def find_proof(
    server: Server,
    sent_messages: SentMessages,
    found: SentCandidates,
    target: TargetChat,
    mine: SentRecord | None,
) -> Proof:
    """Return which of the candidates an attempt has sent.

    `mine` is its record, None if a repeated call looks for what attempts without an
    answer have sent.
    """

    def others() -> list[SentRecord]:
        return [
            sent
            for sent in sent_messages.into(
                target.chat_ids, target.account_id, target.recipient
            )
            if sent is not mine
            and sent.attached is found.attached
            and not (
                mine is None
                and sent.is_given_up
                and text_key(sent.text) == text_key(found.text)
            )
        ]

    await _learn_final_ids(server, sent_messages, _unmatched(others(), found))
    # In the meantime, another search may have claimed a message.
    return _proof(sent_messages, found, others(), mine)


async def _learn_final_ids(
    server: Server, sent_messages: SentMessages, others: Sequence[SentRecord]
) -> None:
    """Read which of the messages are those of other sends."""
    if not server.client.features.single_messages:
        return
    for sent in others[-_MAX_READ:]:
        if sent.chat_id and sent.pending_id and not sent.final_id:
            # The ID may lead nowhere.
            with suppress(BeeperError):
                message = await server.client.message(sent.chat_id, sent.pending_id)
                sent.note_final(message)
                sent_messages.save_soon()


def _proof(
    sent_messages: SentMessages,
    found: SentCandidates,
    others: Sequence[SentRecord],
    mine: SentRecord | None,
) -> Proof:
    since = found.attempted
    ended = mine.answered if mine else None

    def is_free(message: Message) -> bool:
        return not any(sent.has_id(message) for sent in others)

    candidates = [
        message
        for message in found.messages
        if is_free(message)
        and not sent_messages.earlier_reads.had_message(message, since)
    ]
    if not candidates:
        return Proof(state="missing")
    alike = [*_unmatched(others, found), *_lost(others, found)]
    surplus = len(candidates) - len(alike)
    if surplus < 1:
        return Proof(state="open")
    if surplus > 1:
        return Proof(state="several")
    if any(sent.overlaps(since, ended) for sent in alike):
        return Proof(state="sent")
    later = sum(sent.attempted > since for sent in alike)
    return Proof(state="proved", message=candidates[-1 - later])


def _lost(others: Sequence[SentRecord], found: SentCandidates) -> list[SentRecord]:
    """Return the other sends of the text that were not answered, and may have run."""
    return [
        sent
        for sent in others
        if sent.is_lost
        and same_text(sent.text, found.text)
        and not any(sent.has_id(row) for row in (*found.earlier, *found.messages))
    ]


def _unmatched(others: Sequence[SentRecord], found: SentCandidates) -> list[SentRecord]:
    """Return the other sends of the text whose message may be any of those found."""
    listed = [*found.earlier, *found.messages]
    earliest = found.attempted - TWIN_WINDOW.total_seconds()
    return [
        sent
        for sent in others
        if sent.answered is not None
        and sent.answered > earliest
        and not any(sent.has_id(message) for message in listed)
        and (same_text(sent.text, found.text) or same_text(found.text, sent.text))
    ]

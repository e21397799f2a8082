"""A message to send, as actions, entities and voice ask for it."""

from dataclasses import dataclass

from ..api.requests import AttachmentType
from .attachment_sources import Source


@dataclass(frozen=True, kw_only=True, repr=False)
class MessageRequest:
    """A message to send: a text, an attachment, or both.

    `text` is Markdown; `length` is the number of visible characters.
    """

    chat_id: str
    text: str | None = None
    length: int = 0
    reply_to: str | None = None
    attachment: Source | None = None
    attachment_type: AttachmentType | None = None
    mentions: tuple[str, ...] = ()
    link_preview: bool = True

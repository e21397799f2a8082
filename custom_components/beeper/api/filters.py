"""Check again what servers were asked to filter: some of them ignore filters."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from .models import Chat, ListedChat, Message, MessageSearchResult, Page
from .requests import ChatFilter, MessageFilter


def filter_page[T](page: Page[T], is_wanted: Callable[[T], bool]) -> Page[T]:
    """Return a page without the items that were not asked for."""
    return replace(page, items=tuple(item for item in page.items if is_wanted(item)))


def is_chat_of(
    chat: ListedChat, *, account_id: str | None, chat_type: str | None = None
) -> bool:
    """Return whether a chat may be of an account and type; None accepts all."""
    return (
        account_id is None or chat.account_id in (None, account_id)
    ) and chat_type in (None, "any", chat.type or chat_type)


def matches_chat(criteria: ChatFilter, chat: Chat) -> bool:
    """Return whether a chat may match; missing fields are not compared.

    `query` is left to the server, which also searches names that lists leave out.
    """
    before, after = criteria.last_activity_before, criteria.last_activity_after
    return (
        is_chat_of(chat, account_id=None, chat_type=criteria.type)
        and (
            not criteria.account_ids or chat.account_id in (None, *criteria.account_ids)
        )
        and _is_in_inbox(criteria.inbox, chat)
        and not (
            criteria.unread_only and not chat.unread_count and not chat.is_marked_unread
        )
        and not (criteria.include_muted is False and chat.is_muted)
        and criteria.label_id in (None, *chat.labels)
        and (
            chat.last_activity is None
            or (
                (before is None or chat.last_activity < before)
                and (after is None or chat.last_activity > after)
            )
        )
    )


def _is_in_inbox(inbox: str | None, chat: Chat) -> bool:
    match inbox:
        case "primary":
            return not chat.is_archived and not chat.is_low_priority
        case "low-priority":
            return not chat.is_archived and chat.is_low_priority is not False
        case "archive":
            return chat.is_archived is not False
        case _:
            return True


def matching_messages(
    criteria: MessageFilter, found: MessageSearchResult
) -> MessageSearchResult:
    """Return a result without the messages that do not match."""
    return replace(
        found,
        page=filter_page(
            found.page, lambda message: _matches_message(criteria, message, found.chats)
        ),
    )


def _matches_message(
    criteria: MessageFilter, message: Message, chats: Mapping[str, Chat]
) -> bool:
    chat = chats.get(message.chat_id or "")
    before, after = criteria.date_before, criteria.date_after
    return (
        (
            not criteria.account_ids
            or message.account_id in (None, *criteria.account_ids)
        )
        and (
            message.timestamp is None
            or (
                (before is None or message.timestamp < before)
                and (after is None or message.timestamp > after)
            )
        )
        and (
            chat is None
            or (
                criteria.chat_type in (None, chat.type or criteria.chat_type)
                and not (criteria.include_muted is False and chat.is_muted)
                # Servers exclude low priority unless the search says otherwise.
                and not (criteria.exclude_low_priority and chat.is_low_priority)
            )
        )
    )

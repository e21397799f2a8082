"""Chats: list and search."""

from simulator.call import PAGING, Call, Route
from simulator.chats import activity_key
from simulator.checks import Rule, moment
from simulator.model import Chat, Json
from simulator.paging import Page, paginate
from simulator.people import haystack
from simulator.world import World

PAGE = 25


def list_chats(call: Call) -> Json:
    """`GET /v1/chats`: newest activity first, each with its newest message.

    Only the newest servers support `limit`.
    """
    accounts = call.query.get("accountIDs")
    counts = (
        "registry" in call.profile.features and "list_limit_ignored" not in call.traits
    )
    page = paginate(
        call.world.listed_chats(),
        activity_key,
        call.query,
        limit=call.query["limit"] if counts else PAGE,
        want=lambda chat: not accounts or chat.account_id in accounts,
    )
    return page.as_json(lambda chat: call.wire.list_item(call.world, chat))


def search_chats(call: Call) -> Json:
    """`GET /v1/chats/search`."""
    return matching_chats(call.world, call.query, limit=call.query["limit"]).as_json(
        call.listed_chat
    )


def matching_chats(world: World, query: Json, *, limit: int) -> Page[Chat]:
    """Return the chats that match all filters of a chat search."""
    words = query.get("query", "").casefold().split()
    before, after = (
        moment(query.get(f"lastActivity{end}", "")) for end in ("Before", "After")
    )
    inbox = query.get("inbox")
    chats = world.listed_chats()
    hidden: set[str] = set()
    if (
        "primary_hides_unread" in world.traits
        and inbox == "primary"
        and query.get("unreadOnly")
    ):
        unread = [chat.id for chat in chats if _is_unread(chat)]
        hidden.update(unread[1:])

    def text(chat: Chat) -> str:
        if query.get("scope") == "participants":
            return " ".join(
                haystack(person) for person in chat.participants if not person.is_self
            )
        return f"{chat.title} {world.accounts[chat.account_id].network}".casefold()

    def want(chat: Chat) -> bool:
        def has(name: str) -> bool:
            return world.traits.has(name, chat.account_id)

        return (
            chat.id not in hidden
            and query.get("type", "any") in ("any", chat.type)
            and chat.account_id in query.get("accountIDs", (chat.account_id,))
            and not (
                query.get("unreadOnly")
                and not _is_unread(chat)
                and not has("unread_only_ignored")
            )
            and not (
                query.get("includeMuted") is False
                and chat.is_muted
                and not has("include_muted_ignored")
            )
            and (inbox in (None, _inbox(chat)) or has("inbox_ignored"))
            and (before is None or chat.last_activity < before)
            and (after is None or chat.last_activity > after)
            and (
                query.get("labelID") in (None, *chat.labels)
                or "no_labels" in world.traits
            )
            and (not words or all(word in text(chat) for word in words))
        )

    return paginate(chats, activity_key, query, limit=limit, want=want)


def _is_unread(chat: Chat) -> bool:
    return bool(chat.unread_count or chat.is_marked_unread)


def _inbox(chat: Chat) -> str:
    return (
        "archive"
        if chat.is_archived
        else "low-priority"
        if chat.is_low_priority
        else "primary"
    )


_BOOL = Rule(kind="boolean")
_ACCOUNT_IDS = Rule(kind="array")

ROUTES = [
    Route(
        "GET",
        "/v1/chats",
        list_chats,
        query={
            **PAGING,
            "accountIDs": _ACCOUNT_IDS,
            "limit": Rule(kind="integer", low=1, high=200, default=PAGE),
        },
    ),
    Route(
        "GET",
        "/v1/chats/search",
        search_chats,
        query={
            **PAGING,
            "query": Rule(low=1),
            "scope": Rule(choices=("titles", "participants")),
            "type": Rule(choices=("single", "group", "any")),
            "inbox": Rule(choices=("primary", "low-priority", "archive")),
            "unreadOnly": _BOOL,
            "includeMuted": _BOOL,
            "accountIDs": _ACCOUNT_IDS,
            "lastActivityBefore": Rule(kind="datetime"),
            "lastActivityAfter": Rule(kind="datetime"),
            "limit": Rule(kind="integer", low=1, high=200, default=50),
            "labelID": Rule(),
        },
    ),
]

"""Messages and reactions."""

from collections.abc import Iterator
from uuid import uuid4

from simulator.call import PAGING, Call, Route
from simulator.checks import Rule, Rules, moment
from simulator.errors import ApiError, invalid
from simulator.model import Chat, Json, Message, Person
from simulator.paging import Key, paginate
from simulator.text import milliseconds, number_of

PAGE = 20
_MEDIA = {"image": "IMAGE", "video": "VIDEO", "file": "FILE"}


def list_messages(call: Call) -> Json:
    """`GET /v1/chats/{chatID}/messages`: newest first."""
    page = paginate(
        [*reversed(call.chat.messages)],
        _by_sort_key,
        {**call.query, **_cursor(call)},
        limit=PAGE,
        want=call.wire.shows,
    )
    return page.as_json(
        lambda message: call.wire.message(call.world, message),
        cursors=call.profile.message_cursors,
    )


def _cursor(call: Call) -> Json:
    """Return the numeric sort key for a cursor: a sort key or a message id."""
    if (cursor := call.query.get("cursor")) is None:
        return {}
    if (number := number_of(cursor)) is not None:
        return {"cursor": str(number)}
    messages = call.chat.messages
    if not any(cursor == str(message.sort_key) for message in messages):
        for message in messages:
            if cursor == message.id:
                return {"cursor": str(message.sort_key)}
    return {}


def send(call: Call) -> Json:
    """`POST /v1/chats/{chatID}/messages`: queue a message.

    Chosen: 403 for a read-only chat.
    """
    chat, body = call.world.receiver(call.chat), call.body
    if chat.is_read_only and call.traits.has("read_only_chat", chat.account_id):
        raise ApiError(403, "FORBIDDEN", "This chat is read-only")
    if not body.get("text") and "attachment" not in body:
        raise invalid("body", "text", message="Either text or attachment is required")
    if "mentions" in body and call.profile.strict:
        raise invalid("body", "mentions", message="Unrecognized key")
    _check_attachment_type(call, body.get("attachment", {}).get("type"))
    if reply_to := body.get("replyToMessageID"):
        call.world.message(chat, reply_to)
    attachment = (
        call.world.attachment(body["attachment"]) if "attachment" in body else None
    )
    message = call.world.send(
        chat,
        body.get("text", ""),
        reply_to=reply_to,
        attachment=attachment,
        mentions=body.get("mentions"),
    )
    return {"chatID": chat.id, "pendingMessageID": message.pending_id}


def _check_attachment_type(call: Call, kind: str | None) -> None:
    """Refuse a type of another generation, by the types of its SDKs."""
    old = ("gif", "voiceNote", "sticker")
    known = kind != "voiceNote" if "rich" in call.profile.features else kind in old
    if kind is not None and not known:
        raise invalid("body", "attachment", "type", message="Invalid enum value")


def get_message(call: Call) -> Json:
    """`GET /v1/chats/{chatID}/messages/{messageID}`.

    A pending id is valid immediately (chosen) and permanently.
    """
    return call.wire.message(call.world, call.message)


def edit(call: Call) -> Json:
    """`PUT /v1/chats/{chatID}/messages/{messageID}`."""
    chat, message = call.chat, call.message
    if message.attachments:
        raise invalid("messageID", message="Messages with attachments cannot be edited")
    if not message.sender.is_self:
        raise ApiError(403, "FORBIDDEN", "Only own messages can be edited")
    call.world.edit(chat, message, call.body["text"])
    answer = (
        call.wire.message(call.world, message)
        if "rich" in call.profile.features
        else {"chatID": chat.id}
    )
    return {**answer, "messageID": message.id, "success": True}


def delete(call: Call) -> None:
    """`DELETE .../messages/{messageID}`: by default for everyone."""
    message = call.message
    if not message.confirmed or call.params["messageID"] == message.pending_id:
        raise invalid("messageID", message="A pending message cannot be deleted")
    call.world.delete(call.chat, message, for_everyone=call.query["forEveryone"])


def react(call: Call) -> Json:
    """`POST .../reactions`.

    Idempotent: a repeated transaction changes nothing.
    """
    if not _is_lost(call):
        call.world.react(call.chat, call.message, _me(call), call.body["reactionKey"])
    return {
        **_reaction(call, call.body["reactionKey"]),
        "transactionID": call.body.get("transactionID") or str(uuid4()),
    }


def _is_lost(call: Call) -> bool:
    """Whether a reaction to an unknown message is accepted."""
    chat = call.chat
    if not call.traits.has("pending_id_useless", chat.account_id):
        return False
    try:
        call.world.message(chat, call.params["messageID"])
    except ApiError:
        return True
    return False


def unreact(call: Call) -> Json:
    """`DELETE .../reactions`: the key is in the path, the query or the body."""
    key = (
        call.params.get("reactionKey")
        or call.query.get("reactionKey")
        or call.body.get("reactionKey")
    )
    if not key:
        raise invalid("query", "reactionKey", message="Required", code="invalid_type")
    me = _me(call)
    if not any(
        reaction["participantID"] == me.id and reaction["reactionKey"] == key
        for reaction in call.message.reactions
    ):
        raise ApiError(404, "NOT_FOUND", "Reaction not found")
    call.world.react(call.chat, call.message, me, None)
    return _reaction(call, key)


def _reaction(call: Call, key: str) -> Json:
    return {
        "success": True,
        "chatID": call.chat.id,
        "messageID": call.params["messageID"] if _is_lost(call) else call.message.id,
        "reactionKey": key,
    }


def _me(call: Call) -> Person:
    return call.world.accounts[call.chat.account_id].user


def search(call: Call) -> Json:
    """`GET /v1/messages/search`."""
    return found_messages(call, call.query)


def found_messages(call: Call, query: Json) -> Json:
    """Return a page of matching messages, newest first, with their chats by id."""
    before, after = (moment(query.get(f"date{end}", "")) for end in ("Before", "After"))
    words = query.get("query", "").casefold().split()
    media = set(query.get("mediaTypes", ()))
    sender = query.get("sender")

    def kind(message: Message) -> bool:
        if not media:
            return True
        if "any" in media and message.attachments:
            return True
        return message.type in {_MEDIA.get(name) for name in media} or (
            "link" in media and "://" in message.text
        )

    def want(message: Message) -> bool:
        return (
            all(word in message.text.casefold() for word in words)
            and kind(message)
            and sender in (None, message.sender.id, _side(message))
            and (before is None or message.timestamp < before)
            and (after is None or message.timestamp > after)
            and call.wire.shows(message)
        )

    found = sorted(
        (
            message
            for chat in _chats(call, query)
            for message in chat.messages
            if want(message)
        ),
        key=_by_time,
    )
    page = paginate(found, _by_time, query, limit=query["limit"])
    chats = {
        message.chat_id: call.world.chats[message.chat_id] for message in page.items
    }
    return {
        **page.as_json(lambda message: call.wire.message(call.world, message)),
        "chats": {chat_id: call.listed_chat(chat) for chat_id, chat in chats.items()},
    }


def _side(message: Message) -> str:
    return "me" if message.sender.is_self else "others"


def _chats(call: Call, query: Json) -> Iterator[Chat]:
    """Return the chats covered by a message search."""
    ids, accounts = query.get("chatIDs"), query.get("accountIDs")
    for chat in call.world.searched_chats():
        if (
            (not ids or chat.id in ids or chat.local_id in ids)
            and (not accounts or chat.account_id in accounts)
            and query.get("chatType") in (None, chat.type)
            and not (query.get("excludeLowPriority", True) and chat.is_low_priority)
            and not (query.get("includeMuted") is False and chat.is_muted)
        ):
            yield chat


def _by_sort_key(message: Message) -> Key:
    return (-message.sort_key,)


def _by_time(message: Message) -> Key:
    return (-milliseconds(message.timestamp), message.chat_id, -message.sort_key)


_IDS = Rule(kind="array")
_MESSAGE = "/v1/chats/{chatID}/messages/{messageID}"
_KEY: Rules = {"reactionKey": Rule(low=1)}
_ATTACHMENT = Rule(
    kind="object",
    fields={
        "uploadID": Rule(required=True),
        "mimeType": Rule(),
        "fileName": Rule(),
        "size": Rule(
            kind="object",
            fields={
                "width": Rule(kind="number", required=True),
                "height": Rule(kind="number", required=True),
            },
        ),
        "duration": Rule(kind="number"),
        "type": Rule(
            choices=(
                "image",
                "video",
                "audio",
                "file",
                "gif",
                "voice-note",
                "voiceNote",
                "sticker",
            )
        ),
    },
)

ROUTES = [
    Route("GET", "/v1/chats/{chatID}/messages", list_messages, query=PAGING),
    Route(
        "POST",
        "/v1/chats/{chatID}/messages",
        send,
        body={
            "text": Rule(),
            "replyToMessageID": Rule(),
            "attachment": _ATTACHMENT,
            "mentions": Rule(kind="array", items=Rule()),
        },
    ),
    Route("GET", _MESSAGE, get_message, "rich"),
    Route("PUT", _MESSAGE, edit, "edit", body={"text": Rule(required=True, low=1)}),
    Route(
        "DELETE",
        _MESSAGE,
        delete,
        "rich",
        query={"forEveryone": Rule(kind="boolean", default=True)},
    ),
    Route(
        "POST",
        f"{_MESSAGE}/reactions",
        react,
        "react",
        body={"reactionKey": Rule(required=True, low=1), "transactionID": Rule()},
    ),
    Route("DELETE", f"{_MESSAGE}/reactions", unreact, "unreact_query", query=_KEY),
    Route(
        "DELETE",
        f"{_MESSAGE}/reactions",
        unreact,
        "unreact_body",
        query=_KEY,
        body=_KEY,
    ),
    Route("DELETE", f"{_MESSAGE}/reactions/{{reactionKey}}", unreact, "unreact_path"),
    Route(
        "GET",
        "/v1/messages/search",
        search,
        query={
            **PAGING,
            "query": Rule(),
            "chatIDs": _IDS,
            "accountIDs": _IDS,
            "chatType": Rule(choices=("group", "single")),
            "mediaTypes": Rule(
                kind="array",
                items=Rule(choices=("any", "video", "image", "link", "file")),
            ),
            "sender": Rule(),
            "dateAfter": Rule(kind="datetime"),
            "dateBefore": Rule(kind="datetime"),
            "limit": Rule(kind="integer", low=1, high=20, default=20),
            "excludeLowPriority": Rule(kind="boolean"),
            "includeMuted": Rule(kind="boolean"),
        },
    ),
]

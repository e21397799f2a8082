"""One chat: read and change."""

from datetime import timedelta
from typing import Any

from simulator.call import Call, Route
from simulator.chats import names
from simulator.checks import Rule, Rules
from simulator.errors import ApiError, invalid
from simulator.model import Chat, Json
from simulator.text import markdown_to_html

from .create import stored_title


def get_chat(call: Call) -> Json:
    """`GET /v1/chats/{chatID}`."""
    return call.wire.chat(
        call.world,
        call.chat,
        call.query.get("maxParticipantCount", call.profile.max_participants),
    )


def update(call: Call) -> Json:
    """`PATCH /v1/chats/{chatID}`: null clears a field, or computes the title."""
    chat, body = call.chat, dict(call.body)
    before = call.full_chat(chat)
    if "draft" in body:
        draft = body.pop("draft")
        if draft and chat.draft:
            raise invalid(
                "body", "draft", message="The current draft must be cleared first"
            )
        chat.draft = draft and _draft(call, chat, draft)
    if "title" in body:
        body["title"] = stored_title(
            call, call.world.account(chat.account_id), body["title"]
        ) or names(chat.participants)
    if call.traits.has("patch_archive_ignored", chat.account_id):
        body.pop("isArchived", None)
    for name, attribute in _CHANGEABLE.items():
        if name in body:
            setattr(chat, attribute, body[name])
    if "isArchived" in body:
        _reopen(call, chat)
    return _changed(call, chat, before)


def _reopen(call: Call, chat: Chat) -> None:
    """Schedule the end of archiving, with `archive_comes_back`."""
    if not chat.is_archived or not call.traits.has(
        "archive_comes_back", chat.account_id
    ):
        return
    newest = chat.messages[-1] if chat.messages else None
    just_written = (
        newest is not None
        and newest.sender.is_self
        and call.world.now() - newest.timestamp < _JUST_NOW
    )
    if chat.is_pinned or just_written:
        call.world.reopen(chat)


def _draft(call: Call, chat: Chat, draft: Json) -> Json:
    attachments = {
        key: {
            "id": key,
            "type": _DRAFT_TYPES.get(attachment.get("type", ""), "file"),
            **{
                name: value
                for name, value in attachment.items()
                if name in ("mimeType", "fileName", "size")
            },
            **(
                {"audioDurationSeconds": attachment["duration"]}
                if "duration" in attachment
                else {}
            ),
        }
        for key, attachment in draft.get("attachments", {}).items()
    }
    text = draft["text"]
    if call.profile.html and call.traits.has("drafts_html", chat.account_id):
        text = markdown_to_html(text)
    return {
        "text": text,
        **({"attachments": attachments} if attachments else {}),
    }


def archive(call: Call) -> None:
    """`POST /v1/chats/{chatID}/archive`."""
    chat = call.chat
    chat.is_archived = call.body["archived"]
    call.world.changed(chat)
    _reopen(call, chat)


def read(call: Call) -> Json:
    """`POST /v1/chats/{chatID}/read`."""
    chat = call.chat
    before = call.full_chat(chat)
    call.world.mark_read(chat, call.body.get("messageID"))
    return _answer(call, chat, before)


def unread(call: Call) -> Json:
    """`POST /v1/chats/{chatID}/unread`."""
    chat = call.chat
    if "messageID" in call.body:
        call.world.message(chat, call.body["messageID"])
    before = call.full_chat(chat)
    chat.is_marked_unread = True
    return _changed(call, chat, before)


def notify_anyway(call: Call) -> Json:
    """`POST /v1/chats/{chatID}/notify-anyway`: iMessage only."""
    chat = call.chat
    if chat.account_id != "imessage":
        raise ApiError(400, "NOT_SUPPORTED", "Only iMessage chats can notify anyway")
    return call.full_chat(chat)


def typing(call: Call) -> None:
    """`POST /v1/chats/{chatID}/typing`. No source shows its body."""
    call.world.chat(call.params["chatID"])


def remind(call: Call) -> None:
    """`POST /v1/chats/{chatID}/reminders`."""
    chat = call.chat
    chat.reminder = call.body["reminder"]
    call.world.changed(chat)


def forget(call: Call) -> None:
    """`DELETE /v1/chats/{chatID}/reminders`."""
    chat = call.chat
    chat.reminder = None
    call.world.changed(chat)


def _changed(call: Call, chat: Chat, before: Json) -> Json:
    call.world.changed(chat)
    return _answer(call, chat, before)


def _answer(call: Call, chat: Chat, before: Json) -> Json:
    """Return the response to a write: the chat, or its state before the write."""
    if call.traits.has("stale_write_answers", chat.account_id):
        return before
    return call.full_chat(chat)


_BOOL = Rule(kind="boolean")
_NULLABLE = Rule(nullable=True)
_JUST_NOW = timedelta(minutes=1)
_DRAFT_TYPES = {"gif": "gif", "voice-note": "recorded_audio"}
_CHANGEABLE = {
    "title": "title",
    "description": "description",
    "imgURL": "img_url",
    "isArchived": "is_archived",
    "isLowPriority": "is_low_priority",
    "isPinned": "is_pinned",
    "isMuted": "is_muted",
    "messageExpirySeconds": "message_expiry_seconds",
}


def _reminder(field: str, rule: Rule) -> Rules:
    return {
        "reminder": Rule(
            kind="object",
            required=True,
            fields={field: rule, "dismissOnIncomingMessage": _BOOL},
        )
    }


_DRAFT = Rule(
    kind="object",
    nullable=True,
    fields={
        "text": Rule(required=True),
        "attachments": Rule(
            kind="object",
            items=Rule(
                kind="object",
                fields={
                    "uploadID": Rule(required=True),
                    "id": Rule(),
                    "mimeType": Rule(),
                    "fileName": Rule(),
                    "type": Rule(),
                    "size": Rule(kind="object"),
                    "duration": Rule(kind="number"),
                },
            ),
        ),
    },
)
_MESSAGE_ID: dict[str, Any] = {"messageID": Rule()}

ROUTES = [
    Route(
        "GET",
        "/v1/chats/{chatID}",
        get_chat,
        query={"maxParticipantCount": Rule(kind="integer", low=-1, high=500)},
    ),
    Route(
        "PATCH",
        "/v1/chats/{chatID}",
        update,
        "rich",
        body={
            "title": _NULLABLE,
            "description": _NULLABLE,
            "imgURL": _NULLABLE,
            "isArchived": _BOOL,
            "isLowPriority": _BOOL,
            "isPinned": _BOOL,
            "isMuted": _BOOL,
            "messageExpirySeconds": Rule(kind="integer", nullable=True, low=0),
            "draft": _DRAFT,
        },
    ),
    Route(
        "POST",
        "/v1/chats/{chatID}/archive",
        archive,
        body={"archived": Rule(kind="boolean", default=True)},
    ),
    Route("POST", "/v1/chats/{chatID}/read", read, "rich", body=_MESSAGE_ID),
    Route("POST", "/v1/chats/{chatID}/unread", unread, "rich", body=_MESSAGE_ID),
    Route("POST", "/v1/chats/{chatID}/notify-anyway", notify_anyway, "rich", body={}),
    Route("POST", "/v1/chats/{chatID}/typing", typing, "rich"),
    Route(
        "POST",
        "/v1/chats/{chatID}/reminders",
        remind,
        "remind_ms",
        body=_reminder("remindAtMs", Rule(kind="number", required=True)),
    ),
    Route(
        "POST",
        "/v1/chats/{chatID}/reminders",
        remind,
        "remind_iso",
        body=_reminder("remindAt", Rule(kind="datetime", required=True)),
    ),
    Route("DELETE", "/v1/chats/{chatID}/reminders", forget),
]

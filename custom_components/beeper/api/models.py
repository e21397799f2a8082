"""What goes over the wire, as frozen values.

Requests are built complete and valid by their makers. Answers are read tolerantly:
unknown keys are ignored and everything but an id may be missing, as servers of
different generations leave different things out. Nothing here has a telling `repr`,
so that no name, number or text reaches a log.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeGuard, override

from .exceptions import UnreadableAnswerError, UploadError

type Json = Any
type Query = Mapping[str, str | Sequence[str]]
type ChatType = Literal["single", "group"]

# The official Python SDK's name of a field -> the API's. The only such table.
WIRE_NAMES = {
    "account_id": "accountID",
    "account_ids": "accountIDs",
    "allow_invite": "allowInvite",
    "archived": "archived",
    "attachment": "attachment",
    "chat_id": "chatID",
    "chat_ids": "chatIDs",
    "chat_type": "chatType",
    "cursor": "cursor",
    "date_after": "dateAfter",
    "date_before": "dateBefore",
    "description": "description",
    "dismiss_on_incoming_message": "dismissOnIncomingMessage",
    "draft": "draft",
    "draft_text": "draftText",
    "email": "email",
    "exclude_low_priority": "excludeLowPriority",
    "file_name": "fileName",
    "for_everyone": "forEveryone",
    "full_name": "fullName",
    "id": "id",
    "inbox": "inbox",
    "include_muted": "includeMuted",
    "is_archived": "isArchived",
    "is_low_priority": "isLowPriority",
    "is_muted": "isMuted",
    "is_pinned": "isPinned",
    "label_id": "labelID",
    "last_activity_after": "lastActivityAfter",
    "last_activity_before": "lastActivityBefore",
    "limit": "limit",
    "max_participant_count": "maxParticipantCount",
    "media_types": "mediaTypes",
    "message_expiry_seconds": "messageExpirySeconds",
    "message_id": "messageID",
    "message_text": "messageText",
    "mime_type": "mimeType",
    "mode": "mode",
    "participant_ids": "participantIDs",
    "phone_number": "phoneNumber",
    "query": "query",
    "reaction_key": "reactionKey",
    "reminder": "reminder",
    "reply_to_message_id": "replyToMessageID",
    "scope": "scope",
    "sender": "sender",
    "text": "text",
    "title": "title",
    "transaction_id": "transactionID",
    "type": "type",
    "unread_only": "unreadOnly",
    "upload_id": "uploadID",
    "user": "user",
    "username": "username",
}


def wire(**fields: Json) -> dict[str, Json]:
    """Return the fields that are given, under the API's names."""
    return {
        WIRE_NAMES[name]: value for name, value in fields.items() if value is not None
    }


def wire_query(**fields: str | bool | int | datetime | Sequence[str] | None) -> Query:
    """Return the fields that are given as the API's query; lists repeat their name."""
    query: dict[str, str | Sequence[str]] = {}
    for name, value in wire(**fields).items():
        match value:
            case bool():
                query[name] = str(value).lower()
            case datetime():
                query[name] = value.isoformat()
            case int():
                query[name] = str(value)
            case _ if value:
                query[name] = value
    return query


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatFilter:
    """Which chats to list: those for which all holds that is given.

    `query` are words of the title or network or, with `scope` participants, of who is
    in it. `inbox` is primary, low-priority or archive. Times have an offset.
    """

    query: str | None = None
    scope: str | None = None
    type: str | None = None
    inbox: str | None = None
    unread_only: bool | None = None
    include_muted: bool | None = None
    account_ids: Sequence[str] = ()
    label_id: str | None = None
    last_activity_before: datetime | None = None
    last_activity_after: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class MessageFilter:
    """Which messages to search for: those for which all holds that is given.

    `query` are words of the text; `sender` is me, others or the id of a user. Times
    have an offset.
    """

    query: str | None = None
    chat_ids: Sequence[str] = ()
    account_ids: Sequence[str] = ()
    chat_type: str | None = None
    media_types: Sequence[str] = ()
    sender: str | None = None
    date_after: datetime | None = None
    date_before: datetime | None = None
    exclude_low_priority: bool | None = None
    include_muted: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StartUser:
    """The person to start a chat with: at least one identifier, and a hint.

    `phone_number` is E.164; `full_name` only ranks what the identifiers find.
    """

    id: str | None = None
    email: str | None = None
    full_name: str | None = None
    phone_number: str | None = None
    username: str | None = None

    def body(self) -> dict[str, Json]:
        """Return the API's `user` object."""
        return wire(
            id=self.id,
            email=self.email,
            full_name=self.full_name,
            phone_number=self.phone_number,
            username=self.username,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StartChat:
    """`mode: start`: the direct chat with a person, existing or new."""

    account_id: str
    user: StartUser
    allow_invite: bool | None = None
    message_text: str | None = None

    def body(self, *, mode: bool) -> dict[str, Json]:
        """Return the request body; servers before 4.2.808 want the mode in it."""
        return wire(
            mode="start" if mode else None,
            account_id=self.account_id,
            user=self.user.body(),
            allow_invite=self.allow_invite,
            message_text=self.message_text,
        )

    def normalised(self) -> Self:
        """Return what two calls for the same chat have in common."""
        return self


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class CreateChat:
    """`mode: create`: a new chat with participants known by their ids."""

    account_id: str
    participant_ids: tuple[str, ...]
    type: ChatType
    title: str | None = None
    message_text: str | None = None

    def body(self) -> dict[str, Json]:
        """Return the request body; `mode` is left out, as every server allows."""
        return wire(
            account_id=self.account_id,
            participant_ids=list(self.participant_ids),
            type=self.type,
            title=self.title,
            message_text=self.message_text,
        )

    def normalised(self) -> Self:
        """Return the same with the participants in an order of their own."""
        return replace(self, participant_ids=tuple(sorted(self.participant_ids)))


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Attachment:
    """An uploaded file, as a message names it; size and kind are the server's to see."""

    upload_id: str
    file_name: str
    mime_type: str

    def body(self) -> dict[str, Json]:
        """Return the API's `attachment` object."""
        return wire(
            upload_id=self.upload_id,
            file_name=self.file_name,
            mime_type=self.mime_type,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class SendMessage:
    """A message into a chat: a Markdown text, an attachment, or both."""

    chat_id: str
    text: str | None = None
    reply_to_message_id: str | None = None
    attachment: Attachment | None = None

    def body(self) -> dict[str, Json]:
        """Return the request body; the chat is in the path."""
        return wire(
            text=self.text,
            reply_to_message_id=self.reply_to_message_id,
            attachment=self.attachment.body() if self.attachment else None,
        )


def chat_patch(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Return the body that changes a chat; None clears a field, and `draft` is a text."""
    return {
        WIRE_NAMES[name]: {"text": value} if name == "draft" and value else value
        for name, value in fields.items()
    }


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ServerInfo:
    """Who answers `GET /v1/info`."""

    name: str
    version: str
    bundle_id: str

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UnreadableAnswerError if this is no Beeper API.

        Other services answer on such ports too: only `app.name` together with
        `server.status` says Beeper.
        """
        app, server = _mapping(data).get("app"), _mapping(data).get("server")
        name = _text(_mapping(app), "name")
        if name is None or _text(_mapping(server), "status") is None:
            raise UnreadableAnswerError("no Beeper API")
        return cls(
            name=name,
            version=_text(_mapping(app), "version") or "",
            bundle_id=_text(_mapping(app), "bundle_id") or "",
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class User:
    """A person on one network: an account's own, a contact or a participant."""

    id: str
    username: str | None = None
    phone_number: str | None = None
    email: str | None = None
    full_name: str | None = None
    cannot_message: bool = False
    is_self: bool = False
    is_pending: bool = False
    is_network_bot: bool = False
    is_admin: bool | None = None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read a User or Participant; raise UnreadableAnswerError without an id."""
        user = _mapping(data)
        return cls(
            id=_id(user, "id"),
            username=_text(user, "username"),
            phone_number=_text(user, "phoneNumber"),
            email=_text(user, "email"),
            full_name=_text(user, "fullName"),
            cannot_message=user.get("cannotMessage") is True,
            is_self=user.get("isSelf") is True,
            is_pending=user.get("isPending") is True,
            is_network_bot=user.get("isNetworkBot") is True,
            is_admin=_flag(user, "isAdmin"),
        )

    @property
    def name(self) -> str | None:
        """What to call the person; None if the server knows no name."""
        return self.full_name or self.username or self.phone_number or self.email

    @property
    def handle(self) -> str | None:
        """By what the network knows the person, to tell own accounts apart."""
        return self.phone_number or self.username or self.email or self.full_name

    def has_id(self, wanted: str) -> bool:
        """Tell whether a participant id means this person.

        Ids of one person differ between servers and times (`15550101002`,
        `@15550101002:local-whatsapp.localhost`), so a bare localpart and, for an id
        that is a number, the phone number count too. Never the name, and never the
        localpart alone of a whole id: `@kim:one.org` is not `@kim:other.org`.
        """
        local, server = _parts(wanted)
        own_local, own_server = _parts(self.id)
        return (
            wanted == self.id
            or (local == own_local and (not (server and own_server) or local.isdigit()))
            or (local.removeprefix("+").isdigit() and self.has_phone_number(local))
        )

    def has_phone_number(self, wanted: str) -> bool:
        """Compare E.164 numbers by their digits."""
        digits = wanted.removeprefix("+")
        return digits in {
            (self.phone_number or "").removeprefix("+"),
            _parts(self.id)[0].removeprefix("+"),
        }

    def is_at(self, wanted: str) -> bool:
        """Compare an E.164 number with the one Beeper tells, by their digits.

        On some networks people make up their ids, so those say nothing here.
        """
        return self.phone_number is not None and (
            self.phone_number.removeprefix("+") == wanted.removeprefix("+")
        )

    def is_user(self, wanted: StartUser) -> bool:
        """Tell whether an identifier proves that this is the person, and none denies it.

        Servers leave fields out of lists, so a missing one neither proves nor denies.
        """
        answers: list[bool] = []
        if wanted.id is not None:
            answers.append(self.has_id(wanted.id))
        if wanted.phone_number is not None and (
            self.phone_number or _parts(self.id)[0].isdigit()
        ):
            answers.append(self.has_phone_number(wanted.phone_number))
        if wanted.email is not None and self.email is not None:
            answers.append(wanted.email.casefold() == self.email.casefold())
        if wanted.username is not None and self.username is not None:
            answers.append(_handle(wanted.username) == _handle(self.username))
        return bool(answers) and all(answers)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class FieldRule:
    """What a network takes for a field of a new group.

    Lengths are of a text, or numbers of people without oneself; the longest is None
    where there is none.
    """

    allowed: bool
    required: bool
    min_length: int
    max_length: int | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; what is not told is allowed."""
        rule = _mapping(data)
        return cls(
            allowed=rule.get("allowed") is not False,
            required=rule.get("required") is True,
            min_length=_count(rule, "min_length"),
            max_length=_count(rule, "max_length") or None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class GroupRules:
    """What a network takes for one of its kinds of groups."""

    title: FieldRule
    participants: FieldRule

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it."""
        kind = _mapping(data)
        return cls(
            title=FieldRule.from_dict(kind.get("name")),
            participants=FieldRule.from_dict(kind.get("participants")),
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class CreationRules:
    """How chats can be created on a network.

    `groups` are its kinds of groups, `lookups` tell by which field of a StartUser
    people can be found. None, or a field that is missing, is not told.
    """

    groups: tuple[GroupRules, ...] | None
    create_dm: bool | None
    lookups: Mapping[str, bool]

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; this part of the API is in snake_case."""
        groups = _mapping(data).get("group_creation")
        people = _mapping(_mapping(data).get("resolve_identifier"))
        lookups = {
            field: _flag(people, key)
            for field, key in (
                ("phone_number", "lookup_phone"),
                ("email", "lookup_email"),
                ("username", "lookup_username"),
            )
        }
        if people.get("any_phone") is True:  # Any number is one of somebody.
            lookups["phone_number"] = True
        return cls(
            groups=tuple(map(GroupRules.from_dict, groups.values()))
            if isinstance(groups, dict)
            else None,
            create_dm=_flag(people, "create_dm"),
            lookups={
                field: told for field, told in lookups.items() if told is not None
            },
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Account:
    """One account on one network; `network` and `status` are missing on old servers.

    `bridge_id` leads to what its network can do. `bridge_type` and `bridge_provider` say what connects it, and where that runs.
    """

    account_id: str
    network: str | None
    status: str | None
    status_text: str | None
    bridge_id: str | None
    bridge_type: str | None
    bridge_provider: str | None
    user: User | None

    @property
    def name(self) -> str:
        """What to call it, without telling whose it is: the network, if that is told."""
        return self.network or self.account_id.partition(".")[0]

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UnreadableAnswerError without an id."""
        account = _mapping(data)
        bridge, user = _mapping(account.get("bridge")), account.get("user")
        return cls(
            account_id=_id(account, "accountID"),
            network=_text(account, "network"),
            status=_text(account, "status"),
            status_text=_text(account, "statusText"),
            bridge_id=_text(bridge, "id"),
            bridge_type=_text(bridge, "type"),
            bridge_provider=_text(bridge, "provider"),
            user=User.from_dict(user) if _text(_mapping(user), "id") else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ListedChat:
    """What it takes to find a chat among thousands; `participants` may be a part of all.

    `local_id` is the number this Beeper gives the chat; an `id` can hold a phone number.
    `merged_into_id` is the chat that Beeper shows instead of this one.
    """

    id: str
    local_id: str | None
    account_id: str | None
    network: str | None
    title: str | None
    type: str | None
    participants: tuple[User, ...]
    last_activity: datetime | None
    merged_into_id: str | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UnreadableAnswerError without an id."""
        return cls(**_listed(_mapping(data)))


def _listed(chat: Mapping[str, Json]) -> dict[str, Any]:
    return {
        "id": _id(chat, "id", "chatID"),
        "local_id": _text(chat, "localChatID"),
        "account_id": _text(chat, "accountID"),
        "network": _text(chat, "network"),
        "title": _text(chat, "title"),
        "type": _text(chat, "type"),
        "participants": tuple(
            User.from_dict(item)
            for item in _list(_mapping(chat.get("participants")), "items")
            if _text(_mapping(item), "id")
        ),
        "last_activity": _time(chat, "lastActivity"),
        "merged_into_id": _text(chat, "mergedIntoChatID"),
    }


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Chat(ListedChat):
    """A chat; `participants` may be a part of all, then `has_more` is true.

    `max_text_length` counts characters; None is not told. `merged_ids` are the chats
    that it stands for itself and that hold its messages. `draft` is empty if it is of
    attachments alone. `reminder_is_dismissed` tells whether a message makes the reminder
    needless. `preview` is its newest message, in lists. A flag, and what counts,
    is None where the server does not tell.
    """

    description: str | None
    has_more: bool
    participant_count: int | None
    unread_count: int
    unread_mentions_count: int | None
    is_archived: bool | None
    is_low_priority: bool | None
    is_marked_unread: bool | None
    is_muted: bool | None
    is_pinned: bool | None
    is_read_only: bool | None
    labels: Mapping[str, str]
    reminder: datetime | None
    reminder_is_dismissed: bool | None
    draft: str | None
    message_expiry_seconds: int | None
    max_text_length: int | None
    merged_ids: tuple[str, ...]
    preview: Message | None

    @property
    def ids(self) -> set[str]:
        """Return by which ids it is known: its own, Beeper's number, the merged chat's."""
        ids = {self.id, self.local_id, self.merged_into_id}
        return {chat_id for chat_id in ids if chat_id}

    @classmethod
    @override
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UnreadableAnswerError without an id."""
        chat = _mapping(data)
        participants = _mapping(chat.get("participants"))
        capabilities = _mapping(chat.get("capabilities"))
        return cls(
            **_listed(chat),
            description=_text(chat, "description"),
            has_more=participants.get("hasMore") is True,
            participant_count=_count(participants, "total") or None,
            unread_count=_count(chat, "unreadCount"),
            unread_mentions_count=_count(chat, "unreadMentionsCount")
            if "unreadMentionsCount" in chat
            else None,
            is_archived=_flag(chat, "isArchived"),
            is_low_priority=_flag(chat, "isLowPriority"),
            is_marked_unread=_flag(chat, "isMarkedUnread"),
            is_muted=_flag(chat, "isMuted"),
            is_pinned=_flag(chat, "isPinned"),
            is_read_only=_flag(chat, "isReadOnly"),
            labels=read_labels(chat.get("labels")),
            reminder=_time(_mapping(chat.get("reminder")), "remindAt"),
            reminder_is_dismissed=_flag(
                _mapping(chat.get("reminder")), "dismissOnIncomingMessage"
            ),
            draft=_text(chat["draft"], "text") or ""
            if isinstance(chat.get("draft"), dict)
            else None,
            message_expiry_seconds=_count(chat, "messageExpirySeconds") or None,
            max_text_length=_count(capabilities, "maxTextLength") or None,
            merged_ids=_texts(_mapping(chat.get("merge")), "chatIDs"),
            preview=Message.from_dict(chat["preview"]) if chat.get("preview") else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class UnreadChat:
    """What it takes to count what is unread, of which there may be thousands."""

    id: str
    account_id: str | None
    merged_into_id: str | None
    unread_count: int

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UnreadableAnswerError without an id."""
        chat = _mapping(data)
        return cls(
            id=_id(chat, "id", "chatID"),
            account_id=_text(chat, "accountID"),
            merged_into_id=_text(chat, "mergedIntoChatID"),
            unread_count=_count(chat, "unreadCount"),
        )


def read_labels(data: Json) -> dict[str, str]:
    """Read labels: their names by id; an id names one without a name."""
    return {
        label_id: _text(label, "name") or label_id
        for label in map(_mapping, data if isinstance(data, list) else [])
        if (label_id := _text(label, "id"))
    }


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatResult:
    """What creating or starting a chat gave.

    `status` is `existing`, `created` or None (not said); `chat` is None where the
    server returns only the id, as before 4.2.808.
    """

    chat_id: str
    status: str | None
    chat: Chat | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UnreadableAnswerError without an id."""
        body = _mapping(data)
        status = _text(body, "status")
        return cls(
            chat_id=_id(body, "id", "chatID"),
            status=status if status in ("existing", "created") else None,
            chat=Chat.from_dict(body) if "participants" in body else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Uploaded:
    """What an upload gave."""

    upload_id: str

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UploadError if it says so, with a success status as it is."""
        upload = _mapping(data)
        if upload.get("error"):
            raise UploadError("the server did not take the file")
        return cls(upload_id=_id(upload, "uploadID"))


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class SentMessage:
    """A message that Beeper will send.

    `message_id` is a pending id, valid until the network has given its own; None is
    not told. `chat_id` can be another than asked for: a member of a merged chat.
    """

    chat_id: str
    message_id: str | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UnreadableAnswerError without a chat."""
        body = _mapping(data)
        return cls(
            chat_id=_id(body, "chatID"), message_id=_text(body, "pendingMessageID")
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Reaction:
    """A reaction of one person to a message; `key` is an emoji or a network's word."""

    key: str
    participant_id: str


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Attached:
    """A file that came with a message, without its content.

    `kind`: image, gif, sticker, video, audio, voice_note or file.
    `url` leads to it on the server alone; None if there is no such way. `size` is in
    bytes. What is not told is None.
    """

    kind: str
    file_name: str | None
    mime_type: str | None
    size: int | None
    url: str | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; what is not told is a file."""
        attached = _mapping(data)
        kind = _ATTACHED.get(_text(attached, "type") or "", "file")
        for flag, special in _SPECIAL.items():
            if attached.get(flag) is True:
                kind = special
        urls = (_text(attached, "id"), _text(attached, "srcURL"))
        return cls(
            kind=kind,
            file_name=_text(attached, "fileName"),
            mime_type=_text(attached, "mimeType"),
            size=_count(attached, "fileSize") or None,
            # A path of the server's machine is never asked for.
            url=next((url for url in urls if url and url.startswith(_ASSETS)), None),
        )


_ASSETS = ("mxc://", "localmxc://")
_ATTACHED = {"img": "image", "video": "video", "audio": "audio"}
_SPECIAL = {"isVoiceNote": "voice_note", "isGif": "gif", "isSticker": "sticker"}


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Message:
    """A message; `text` is Matrix HTML on servers from 4.2.808.

    `id` is unique within its chat only, and a pending one until the network has given
    its own. `type` is `TEXT`, `IMAGE`, `NOTICE`, `REACTION` and others; None is not told.
    `send_status` is `SUCCESS`, `PENDING`, `FAIL_RETRIABLE` or `FAIL_PERMANENT`, with
    a machine's word for it in `send_reason`; None is not told, as before 4.2.808.
    """

    id: str | None
    chat_id: str | None
    type: str | None
    account_id: str | None
    sender_id: str | None
    sender_name: str | None
    is_sender: bool
    text: str | None
    timestamp: datetime | None
    sort_key: str
    reply_to_message_id: str | None
    attachments: tuple[Attached, ...]
    reactions: frozenset[Reaction]
    edited: datetime | None
    is_deleted: bool
    is_hidden: bool
    is_unread: bool | None
    mentions: tuple[str, ...]
    send_status: str | None
    send_reason: str | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it."""
        message = _mapping(data)
        status = _mapping(message.get("sendStatus"))
        return cls(
            id=_text(message, "id"),
            chat_id=_text(message, "chatID"),
            type=_text(message, "type"),
            account_id=_text(message, "accountID"),
            sender_id=_text(message, "senderID"),
            sender_name=_text(message, "senderName"),
            is_sender=message.get("isSender") is True,
            text=_text(message, "text"),
            timestamp=_time(message, "timestamp"),
            sort_key=_text(message, "sortKey") or "",
            reply_to_message_id=_text(message, "linkedMessageID"),
            attachments=tuple(
                Attached.from_dict(item) for item in _list(message, "attachments")
            ),
            reactions=frozenset(
                Reaction(key=key, participant_id=participant_id)
                for item in map(_mapping, _list(message, "reactions"))
                if (key := _text(item, "reactionKey"))
                and (participant_id := _text(item, "participantID"))
            ),
            edited=_time(message, "editedTimestamp"),
            is_deleted=message.get("isDeleted") is True,
            is_hidden=message.get("isHidden") is True,
            is_unread=_flag(message, "isUnread"),
            mentions=_texts(message, "mentions"),
            send_status=_text(status, "status"),
            send_reason=_text(status, "reason"),
        )

    def order(self) -> tuple[float, int, str]:
        """Return what messages of one chat sort by, the oldest first.

        Sort keys are numbers on all servers seen so far; nothing promises it.
        """
        time = self.timestamp.timestamp() if self.timestamp else 0
        return (time, len(self.sort_key), self.sort_key)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Page[T]:
    """One page of a list, and whether there are older items.

    `cursor` leads to them.
    """

    items: tuple[T, ...]
    has_more: bool
    cursor: str | None

    @classmethod
    def from_dict(cls, data: Json, read: Callable[[Json], T]) -> Self:
        """Read it, each item by `read`.

        Raises UnreadableAnswerError without a list of objects: who reads page after
        page would take one that lost its items for the last.
        """
        items = _mapping(data).get("items")
        if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
            raise UnreadableAnswerError("no list of items")
        page = _mapping(data)
        return cls(
            items=tuple(read(item) for item in items),
            has_more=page.get("hasMore") is True,
            cursor=_text(page, "oldestCursor") if page.get("hasMore") is True else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class FoundMessages:
    """One page of messages from several chats, and these chats by their ids."""

    page: Page[Message]
    chats: Mapping[str, Chat]

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Read it; raise UnreadableAnswerError without a list of objects."""
        chats = _mapping(_mapping(data).get("chats"))
        return cls(
            page=Page.from_dict(data, Message.from_dict),
            chats={
                chat_id: Chat.from_dict(chat)
                for chat_id, chat in chats.items()
                if _text(_mapping(chat), "id")
            },
        )


def _mapping(data: Json) -> Mapping[str, Json]:
    return data if isinstance(data, dict) else {}


def _list(data: Mapping[str, Json], key: str) -> list[Json]:
    items = data.get(key)
    return items if isinstance(items, list) else []


def _texts(data: Mapping[str, Json], key: str) -> tuple[str, ...]:
    return tuple(text for item in _list(data, key) if (text := _text({key: item}, key)))


def is_text(value: Json) -> TypeGuard[str]:
    """Tell a text; half of a surrogate pair, which JSON can hold, makes it none."""
    if not isinstance(value, str):
        return False
    try:
        if not value.isascii():
            value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(data: Mapping[str, Json], key: str) -> str | None:
    value = data.get(key)
    # Most are missing or plain, and a list can have 10,000 items.
    if not value or (type(value) is str and value.isascii()):
        return value or None
    return value if is_text(value) else None


def _id(data: Mapping[str, Json], *keys: str) -> str:
    """Return the first id there is; newer servers name it differently."""
    for key in keys:
        if value := _text(data, key):
            return value
    raise UnreadableAnswerError(f"no {keys[0]}")


def _flag(data: Mapping[str, Json], key: str) -> bool | None:
    value = data.get(key)
    return value if isinstance(value, bool) else None


def _count(data: Mapping[str, Json], key: str) -> int:
    """Return a count, 0 for none; nothing that is counted is beyond JavaScript."""
    value = data.get(key)
    return value if type(value) is int and 0 < value < 2**53 else 0


def _time(data: Mapping[str, Json], key: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(_text(data, key) or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _parts(user_id: str) -> tuple[str, str]:
    """Split a Matrix-like id into what the network itself gave, and the server."""
    local, _, server = user_id.removeprefix("@").partition(":")
    return local, server


def _handle(username: str) -> str:
    return username.removeprefix("@").casefold()

"""What servers return, as frozen values.

Responses are read tolerantly: unknown keys are ignored, and everything except an id may
be missing, as each generation of servers leaves out other fields. The `repr` of a value
reveals nothing, so that no name, number or text reaches a log.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
import html
import re
from sys import getsizeof
from typing import Any, Final, Literal, Self, TypeGuard, get_args, override

from .exceptions import TooLongAnswerError, UnreadableAnswerError, UploadError
from .folding import fold, is_blank
from .phone_numbers import PhoneNumberError, is_e164, is_same_number, parse
from .requests import Json, StartUser
from .rich_text import plain
from .user_ids import (
    canonical_id,
    is_email,
    normalise_email,
    normalise_username,
    number_in_id,
)

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
"""Sorts a chat without a known activity as the oldest."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ServerInfo:
    """The response of `GET /v1/info`."""

    name: str
    version: str
    bundle_id: str

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; raise UnreadableAnswerError if this is not a Beeper API.

        Other services may use the same port: only `app.name` together with
        `server.status` identifies Beeper.
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
    """A person on one network: an account's own user, a contact or a participant."""

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
        """Parse a User or Participant; raise UnreadableAnswerError without an id."""
        user = _mapping(data)
        user_id = _id(user, "id")
        return cls(
            id=user_id,
            username=_text(user, "username"),
            phone_number=_phone_number(_text(user, "phoneNumber")),
            email=_text(user, "email"),
            full_name=readable_name(_text(user, "fullName"), user_id),
            cannot_message=user.get("cannotMessage") is True,
            is_self=user.get("isSelf") is True,
            is_pending=user.get("isPending") is True,
            is_network_bot=user.get("isNetworkBot") is True,
            is_admin=_flag(user, "isAdmin"),
        )

    @property
    def name(self) -> str | None:
        """The display name; None if the server returned none."""
        return self.full_name or self.username or self.phone_number or self.email

    @property
    def handle(self) -> str | None:
        """The identity on the network, which distinguishes own accounts."""
        return self.phone_number or self.username or self.email or self.full_name

    def has_confirmed_number(self, number: str) -> bool:
        """Return whether an E.164 number is the one that Beeper reports.

        The id is ignored, as people can choose theirs freely on some networks.
        """
        return self.phone_number is not None and is_same_number(
            self.phone_number, number
        )

    def known_number(self, id_scheme: str | None) -> str | None:
        """Return the reported phone number, else the one that the bridge's id form has.

        `id_scheme` is that of the account.
        """
        return self.phone_number or number_in_id(self.id, id_scheme)

    def matches_id(self, user_id: str, id_scheme: str | None) -> bool:
        """Return whether an id identifies this person: whole, never by its localpart.

        A phone number or email address also matches the reported one, and a number the
        one in an id of a bridge that defines it.
        """
        if self._has_id(user_id, id_scheme):
            return True
        if is_email(user_id):
            return self.email is not None and (
                normalise_email(self.email) == normalise_email(user_id)
            )
        if is_e164(user_id):
            known = self.known_number(id_scheme)
            return known is not None and is_same_number(known, user_id)
        number = number_in_id(user_id, id_scheme)
        return number is not None and self.has_confirmed_number(number)

    def is_participant(
        self, user_id: str, phone_number: str | None, id_scheme: str | None
    ) -> bool:
        """Return whether this is the person with an id, and with a known phone number.

        The person may have another id by now. A known number outweighs one in the id.
        """
        if phone_number is None:
            return self.matches_id(user_id, id_scheme)
        return self._has_id(user_id, id_scheme) or self.matches_id(
            phone_number, id_scheme
        )

    def _has_id(self, user_id: str, id_scheme: str | None) -> bool:
        return canonical_id(user_id, id_scheme) == canonical_id(self.id, id_scheme)

    def matches(self, wanted: StartUser, id_scheme: str | None) -> bool:
        """Return whether at least one identifier matches and none differs.

        Lists of servers omit fields, so a missing field is not compared. A name never
        proves anything.
        """
        matches: list[bool] = []
        if wanted.id is not None:
            matches.append(self.matches_id(wanted.id, id_scheme))
        if wanted.phone_number is not None and (number := self.known_number(id_scheme)):
            matches.append(is_same_number(number, wanted.phone_number))
        if wanted.email is not None and self.email is not None:
            matches.append(normalise_email(wanted.email) == normalise_email(self.email))
        if wanted.username is not None and self.username is not None:
            matches.append(
                normalise_username(wanted.username) == normalise_username(self.username)
            )
        return bool(matches) and all(matches)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class FieldRule:
    """A network's rule for a field of a new group.

    Lengths count the characters of a text, or people without the own user.
    `max_length` is None if unlimited.
    """

    allowed: bool
    required: bool
    min_length: int
    max_length: int | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; a missing rule allows everything."""
        rule = _mapping(data)
        return cls(
            allowed=rule.get("allowed") is not False,
            required=rule.get("required") is True,
            min_length=_count(rule, "min_length"),
            max_length=_count(rule, "max_length") or None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class GroupRules:
    """A network's rules for one of its kinds of groups."""

    title: FieldRule
    participants: FieldRule

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it."""
        kind = _mapping(data)
        return cls(
            title=FieldRule.from_dict(kind.get("name")),
            participants=FieldRule.from_dict(kind.get("participants")),
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class CreationRules:
    """How chats can be created on a network.

    `groups` are its kinds of groups. `lookups` maps fields of a StartUser to whether
    people can be found by them. None and missing fields are unknown.
    """

    groups: tuple[GroupRules, ...] | None
    create_dm: bool | None
    lookups: Mapping[str, bool]

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; this part of the API uses snake_case."""
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
        if people.get("any_phone") is True:  # Every number identifies a person.
            lookups["phone_number"] = True
        return cls(
            groups=tuple(map(GroupRules.from_dict, groups.values()))
            if isinstance(groups, dict)
            else None,
            create_dm=_flag(people, "create_dm"),
            lookups={
                field: usable for field, usable in lookups.items() if usable is not None
            },
        )


class AccountStatus(StrEnum):
    """The known statuses of an account; reported since Beeper 4.3."""

    ATTENTION_REQUIRED = "attention_required"
    BACKFILLING = "backfilling"
    CONNECTED = "connected"
    CONNECTING = "connecting"
    CONNECTION_REQUIRED = "connection_required"
    DISABLED = "disabled"
    DISCONNECTED = "disconnected"
    RECONNECT_REQUIRED = "reconnect_required"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Account:
    """An account on one network; old servers return no `status`.

    `network` is its name, by the bridge if servers omit it, None if they omit both.

    `status` is an AccountStatus, or a status that newer servers have added.
    `bridge_id` is the key of the network's creation rules. `bridge_type` and
    `bridge_provider` are the software that connects it and where that runs.
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
        """A display name that does not identify the user: the network, if known."""
        return self.network or network_name(self.account_id)

    @property
    def network_names(self) -> set[str]:
        """The names by which people may know the account's network."""
        bridge = network_name(self.account_id).removeprefix("local-")
        return {self.name, bridge, bridge.removesuffix("go")}

    @property
    def id_scheme(self) -> str | None:
        """The type of bridge, which defines the form of user ids; None if unknown.

        Servers before 4.2.808 report neither bridge nor network; there the account id
        begins with the id of the bridge, such as `local-whatsapp_…`.
        """
        bridge = self.account_id.partition("_")[0]
        prefix = bridge.removeprefix("local-").removeprefix("sh-")
        return (self.bridge_type or self.network or prefix).casefold() or None

    @property
    def is_connected(self) -> bool:
        """Whether the status says that the account is connected to its network."""
        return self.status in (AccountStatus.BACKFILLING, AccountStatus.CONNECTED)

    @property
    def needs_user(self) -> bool:
        """Whether the account stays disconnected until the user acts in Beeper."""
        return self.status in (
            AccountStatus.ATTENTION_REQUIRED,
            AccountStatus.CONNECTION_REQUIRED,
            AccountStatus.RECONNECT_REQUIRED,
        )

    @property
    def is_down(self) -> bool:
        """Whether the account is disconnected; False while it connects."""
        return self.needs_user or self.status in (
            AccountStatus.DISABLED,
            AccountStatus.DISCONNECTED,
        )

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; raise UnreadableAnswerError without an id."""
        account = _mapping(data)
        bridge, user = _mapping(account.get("bridge")), account.get("user")
        return cls(
            account_id=_id(account, "accountID"),
            network=_network(account)
            or network_name(_text(bridge, "id") or "")
            or _text(bridge, "type"),
            status=_text(account, "status"),
            status_text=_text(account, "statusText"),
            bridge_id=_text(bridge, "id"),
            bridge_type=_text(bridge, "type"),
            bridge_provider=_text(bridge, "provider"),
            user=User.from_dict(user) if _text(_mapping(user), "id") else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ListedChat:
    """The fields that identify a chat, for lists of thousands.

    `participants` may be incomplete. `local_id` is the number that this installation of
    Beeper gave the chat; an `id` can contain a phone number. `merged_into_id` is the
    chat that Beeper shows instead of this one. `merged_ids` are the chats that this one
    replaces and that contain its messages.
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
    merged_ids: tuple[str, ...]

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; raise UnreadableAnswerError without an id."""
        return cls(**_listed(_mapping(data)))


def _listed(chat: Mapping[str, Json]) -> dict[str, Any]:
    return {
        "id": _id(chat, "id", "chatID"),
        "local_id": _text(chat, "localChatID"),
        "account_id": _text(chat, "accountID"),
        "network": _network(chat) or _network_of_account(chat),
        "title": None if is_blank(_text(chat, "title") or "") else _text(chat, "title"),
        "type": _text(chat, "type"),
        "participants": tuple(
            User.from_dict(item)
            for item in _list(_mapping(chat.get("participants")), "items")
            if _text(_mapping(item), "id")
        ),
        "last_activity": _time(chat, "lastActivity"),
        "merged_into_id": _text(chat, "mergedIntoChatID"),
        "merged_ids": _texts(_mapping(chat.get("merge")), "chatIDs"),
    }


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Chat(ListedChat):
    """A chat; if `participants` is incomplete, `has_more` is true.

    `max_text_length` counts characters. `draft` is empty if it consists of attachments
    only. `reminder_is_dismissed` is true if an incoming message dismisses the reminder.
    `preview` is the newest message and is present in lists. Unknown flags and counts are
    None.
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
    preview: Message | None

    @property
    def ids(self) -> set[str]:
        """All ids of the chat: its own, the local number and that of the merged chat."""
        ids = {self.id, self.local_id, self.merged_into_id}
        return {chat_id for chat_id in ids if chat_id}

    @classmethod
    @override
    def from_dict(cls, data: Json) -> Self:
        """Parse it; raise UnreadableAnswerError without an id."""
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
            preview=Message.from_dict(chat["preview"]) if chat.get("preview") else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class UnreadChat:
    """The fields needed to count unread messages, for lists of thousands."""

    id: str
    account_id: str | None
    merged_into_id: str | None
    unread_count: int

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; raise UnreadableAnswerError without an id."""
        chat = _mapping(data)
        return cls(
            id=_id(chat, "id", "chatID"),
            account_id=_text(chat, "accountID"),
            merged_into_id=_text(chat, "mergedIntoChatID"),
            unread_count=_count(chat, "unreadCount"),
        )


def read_labels(data: Json) -> dict[str, str]:
    """Return the names of labels by id; the id replaces a missing name."""
    return {
        label_id: _text(label, "name") or label_id
        for label in map(_mapping, data if isinstance(data, list) else [])
        if (label_id := _text(label, "id"))
    }


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatResult:
    """The response to creating or starting a chat.

    `status` is `existing`, `created` or None if unknown. `chat` is None if the server
    returns only the id, as servers before 4.2.808 do.
    """

    chat_id: str
    status: str | None
    chat: Chat | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; raise UnreadableAnswerError without an id."""
        body = _mapping(data)
        status = _text(body, "status")
        return cls(
            chat_id=_id(body, "id", "chatID"),
            status=status if status in ("existing", "created") else None,
            chat=Chat.from_dict(body) if "participants" in body else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Upload:
    """The response to an upload."""

    upload_id: str

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; raise UploadError if it contains an error despite its 2xx status."""
        upload = _mapping(data)
        if upload.get("error"):
            raise UploadError("the server rejected the file")
        return cls(upload_id=_id(upload, "uploadID"))


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class SentMessage:
    """A message that Beeper accepted for sending.

    `message_id` is a pending id, valid until the network assigns the final one; None if
    unknown. `chat_id` may differ from the requested one: a member of a merged chat.
    """

    chat_id: str
    message_id: str | None

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; raise UnreadableAnswerError without a chat."""
        body = _mapping(data)
        return cls(
            chat_id=_id(body, "chatID"), message_id=_text(body, "pendingMessageID")
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Reaction:
    """A reaction of one person to a message; `key` is an emoji or a network's name for it."""

    key: str
    participant_id: str


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ReceivedAttachment:
    """The description of a file attached to a message.

    `kind`: image, gif, sticker, video, audio, voice_note or file. `url` is valid on the
    server only; None if the file cannot be downloaded. `is_local`: it is in a place
    that the API does not serve, as files of iMessage are. `size` is in bytes. Unknown
    values are None.
    """

    kind: str
    file_name: str | None
    mime_type: str | None
    size: int | None
    url: str | None
    is_local: bool = False

    @classmethod
    def from_dict(cls, data: Json) -> Self:
        """Parse it; an unknown type is a file."""
        attachment = _mapping(data)
        kind = _ATTACHMENT_KINDS.get(_text(attachment, "type") or "", "file")
        for flag, special_kind in _SPECIAL_KINDS.items():
            if attachment.get(flag) is True:
                kind = special_kind
        urls = (_text(attachment, "id"), _text(attachment, "srcURL"))
        return cls(
            kind=kind,
            file_name=_text(attachment, "fileName"),
            mime_type=_text(attachment, "mimeType"),
            size=_count(attachment, "fileSize") or None,
            # Paths in the server's file system are never requested.
            url=next(
                (url for url in urls if url and url.startswith(_ASSET_SCHEMES)), None
            ),
            is_local=any(url.startswith(_LOCAL_SCHEMES) for url in urls if url),
        )


_MAX_ATTACHMENTS = 1000
_MAX_ITEMS = 20_000
"""Attachments of a message, and items of a page, that are read in one go."""

type MessageKind = Literal[
    "text",
    "image",
    "video",
    "voice_note",
    "file",
    "sticker",
    "location",
    "contact",
    "poll",
    "call",
    "event",
    "unknown",
]
MESSAGE_KINDS: tuple[MessageKind, ...] = get_args(MessageKind.__value__)
_EVENT = "NOTICE"
# Not documented: newer servers have more types.
_MESSAGE_KINDS: dict[str, MessageKind] = {
    _EVENT: "event",
    "CALL": "call",
    "CONTACT": "contact",
    "LIVE_LOCATION": "location",
    "LOCATION": "location",
    "POLL": "poll",
    "STICKER": "sticker",
    "VOICE": "voice_note",
}
_KINDS_OF_FILES: dict[str, MessageKind] = {
    "gif": "image",
    "image": "image",
    "sticker": "sticker",
    "video": "video",
    "voice_note": "voice_note",
}
_ASSET_SCHEMES = ("mxc://", "localmxc://")
_LOCAL_SCHEMES = ("asset:", "file:", "/")
_ATTACHMENT_KINDS = {"img": "image", "video": "video", "audio": "audio"}
_SPECIAL_KINDS = {"isVoiceNote": "voice_note", "isGif": "gif", "isSticker": "sticker"}


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Message:
    """A message; `text` is Matrix HTML on servers from 4.2.808.

    `id` is unique within its chat only, and pending until the network assigns the final
    one. `type` is `TEXT`, `IMAGE`, `NOTICE`, `REACTION` or another. `text` is None where
    it only repeats the name of a file. `send_status` is `SUCCESS`, `PENDING`, `FAIL_RETRIABLE` or `FAIL_PERMANENT`, and `send_reason` a
    machine-readable reason; servers before 4.2.808 return neither. Unknown values are
    None.
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
    attachments: tuple[ReceivedAttachment, ...]
    reactions: frozenset[Reaction]
    edited: datetime | None
    is_deleted: bool
    is_hidden: bool
    is_unread: bool | None
    mentions: tuple[str, ...]
    send_status: str | None
    send_reason: str | None

    @property
    def kind(self) -> MessageKind:
        """What the message is."""
        if kind := _MESSAGE_KINDS.get(self.type or ""):
            return kind
        for attached in self.attachments:
            return _KINDS_OF_FILES.get(attached.kind, "file")
        return "text" if self.text and self.type in (None, "TEXT") else "unknown"

    @property
    def is_event(self) -> bool:
        """Whether this is a chat event, such as a person who joined, and no message."""
        return self.type == _EVENT

    @classmethod
    def from_dict(cls, data: Json, *, typed: bool = False) -> Self:
        """Parse it.

        `typed`: the server gives messages a type, so that a row of text without one is
        a membership event.
        """
        message = _mapping(data)
        status = _mapping(message.get("sendStatus"))
        attachments = tuple(
            ReceivedAttachment.from_dict(item)
            for item in _list(message, "attachments")[:_MAX_ATTACHMENTS]
        )
        kind, text = _text(message, "type"), _text(message, "text")
        if typed and not (kind or attachments or message.get("isDeleted") is True):
            kind = _EVENT
        if text and _is_file_name(text, attachments):
            text = None
        return cls(
            id=_text(message, "id"),
            chat_id=_text(message, "chatID"),
            type=kind,
            account_id=_text(message, "accountID"),
            sender_id=_text(message, "senderID"),
            sender_name=readable_name(
                _text(message, "senderName"), _text(message, "senderID")
            ),
            is_sender=message.get("isSender") is True,
            text=text,
            timestamp=_time(message, "timestamp"),
            sort_key=_text(message, "sortKey") or "",
            reply_to_message_id=_text(message, "linkedMessageID"),
            attachments=attachments,
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

    @property
    def size(self) -> int:
        """About how many bytes of memory the message needs."""
        texts = [self.text, self.sender_name, *self.mentions]
        texts += [reaction.key for reaction in self.reactions]
        for attached in self.attachments:
            texts += [attached.file_name, attached.url]
        rows = 1 + len(self.attachments) + len(self.reactions)
        return 500 * rows + sum(getsizeof(text) for text in texts if text)

    def order(self) -> tuple[float, int, str]:
        """Return the sort order of messages in one chat, the oldest first.

        Sort keys are numbers on all known servers, but this is not documented.
        """
        time = self.timestamp.timestamp() if self.timestamp else 0
        return (time, *self.position())

    def position(self) -> tuple[int, str]:
        """Return the position in the server's own list, where late messages are new."""
        return (len(self.sort_key), self.sort_key)


@dataclass(kw_only=True, repr=False, eq=False)
class Asset:
    """A file that is being downloaded; `size` in bytes, None if unknown."""

    mime_type: str
    size: int | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Page[T]:
    """One page of a list; if `has_more`, `cursor` requests the older items."""

    items: tuple[T, ...]
    has_more: bool
    cursor: str | None

    @classmethod
    def from_dict(cls, data: Json, read: Callable[[Json], T]) -> Self:
        """Parse it, each item with `read`.

        Raises UnreadableAnswerError without a list of objects: a page that lost its
        items would otherwise look like the last one.
        """
        items = _mapping(data).get("items")
        if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
            raise UnreadableAnswerError("no list of items")
        if len(items) > _MAX_ITEMS:
            raise TooLongAnswerError("the list has too many items")
        page = _mapping(data)
        return cls(
            items=tuple(read(item) for item in items),
            has_more=page.get("hasMore") is True,
            cursor=_text(page, "oldestCursor") if page.get("hasMore") is True else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class MessageSearchResult:
    """One page of messages from several chats, and these chats by id."""

    page: Page[Message]
    chats: Mapping[str, Chat]

    @classmethod
    def from_dict(cls, data: Json, *, typed: bool = False) -> Self:
        """Parse it; raise UnreadableAnswerError without a list of objects."""
        chats = _mapping(_mapping(data).get("chats"))
        return cls(
            page=Page.from_dict(data, partial(Message.from_dict, typed=typed)),
            chats={
                chat_id: Chat.from_dict(chat)
                for chat_id, chat in chats.items()
                if _text(_mapping(chat), "id")
            },
        )


def network_name(identifier: str) -> str:
    """Return the part of an account's or bridge's id that names the network.

    The rest identifies the user: `sh-email_email:me@example.com`, `slackgo.T0-U0`.
    """
    return re.split("[_.:]", identifier.removeprefix("sh-"), maxsplit=1)[0]


def _network(data: Mapping[str, Json]) -> str | None:
    """Return the network's name, None if it is only the framework of the bridge."""
    network = _text(data, "network")
    return None if network == "bridgev2" else network


def _network_of_account(chat: Mapping[str, Json]) -> str | None:
    """Return the network by the account's id, None if the server reports no networks."""
    return network_name(_text(chat, "accountID") or "") if chat.get("network") else None


_MAX_FILE_NAME: Final = 2000
"""Characters."""


def _is_file_name(text: str, attachments: Iterable[ReceivedAttachment]) -> bool:
    """Return whether a text is only the name of a file, in whatever form.

    macOS decomposes the letters of names, and servers return texts as HTML.
    """
    names = [attached.file_name for attached in attachments if attached.file_name]
    if not names or len(text) > _MAX_FILE_NAME:
        return False
    texts = {text, html.unescape(text), plain(text)}
    return any(fold(name) in map(fold, texts) for name in names)


def readable_name(name: str | None, user_id: str | None = None) -> str | None:
    """Return a name, None if it is an id or shows nothing.

    Some servers return the id as a missing name, and some people hide theirs.
    """
    if not name or name == user_id or _MATRIX_ID.fullmatch(name) or is_blank(name):
        return None
    return name


_MATRIX_ID = re.compile(r"[@!][^\s:]+:\S+")


_MAX_PHONE_NUMBER: Final = 100
"""Characters."""


def _phone_number(text: str | None) -> str | None:
    """Return a reported number in E.164, or as it is reported if it is not readable."""
    if text is None or is_e164(text) or len(text) > _MAX_PHONE_NUMBER:
        return text
    try:
        return parse(text)
    except PhoneNumberError:
        return text  # Some servers omit the plus sign.


def _mapping(data: Json) -> Mapping[str, Json]:
    return data if isinstance(data, dict) else {}


def _list(data: Mapping[str, Json], key: str) -> list[Json]:
    items = data.get(key)
    return items if isinstance(items, list) else []


def _texts(data: Mapping[str, Json], key: str) -> tuple[str, ...]:
    return tuple(text for item in _list(data, key) if (text := _text({key: item}, key)))


def is_text(value: Json) -> TypeGuard[str]:
    """Return whether this is text without the lone surrogates that JSON allows."""
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
    # Fast path: most values are missing or ASCII, and a list can have 10,000 items.
    if not value or (type(value) is str and value.isascii()):
        return value or None
    return value if is_text(value) else None


def _id(data: Mapping[str, Json], *keys: str) -> str:
    """Return the first id present; newer servers use another key."""
    for key in keys:
        if value := _text(data, key):
            return value
    raise UnreadableAnswerError(f"no {keys[0]}")


def _flag(data: Mapping[str, Json], key: str) -> bool | None:
    value = data.get(key)
    return value if isinstance(value, bool) else None


def _count(data: Mapping[str, Json], key: str) -> int:
    """Return a count, 0 if missing or beyond the integers of JavaScript."""
    value = data.get(key)
    return value if type(value) is int and 0 < value < 2**53 else 0


def _time(data: Mapping[str, Json], key: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(_text(data, key) or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)

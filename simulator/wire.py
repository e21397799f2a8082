"""State as the JSON a generation sends.

Optional fields without a value are left out; what a generation does not know is, too.
"""

from collections.abc import Set as AbstractSet

from .model import Account, Asset, Chat, Json, Message, Person
from .people import display_name
from .profiles import Profile
from .text import iso
from .world import World

CAPABILITIES: Json = {
    "maxTextLength": 65536,
    "formatting": {"bold": 2, "italic": 2, "inlineCode": 2},
    "reply": 2,
    "edit": 2,
    "editMaxAge": 900,
    "delete": 2,
    "reaction": 2,
    "reactionCount": 1,
    "readReceipts": True,
    "typingNotifications": True,
    "archive": True,
    "markAsUnread": True,
    "attachments": {
        "image": {
            "mimeTypes": {"image/jpeg": 2, "image/png": 2},
            "caption": 2,
            "maxSize": 16_777_216,
        },
        "file": {"mimeTypes": {"*/*": 2}, "caption": 1, "maxSize": 104_857_600},
    },
    "disappearingTimer": {"types": ["afterSend"], "timers": [86_400_000, 604_800_000]},
    "state": {"title": {"level": 2}, "avatar": {"level": 0}},
}
"""Support: -2 rejected, -1 dropped, 0 none, 1 partly, 2 fully. Timers are in ms."""

GROUP_CREATION: Json = {
    "group": {
        "type_description": "a group chat",
        "name": {"allowed": True, "required": False, "max_length": 100},
        "participants": {"allowed": True, "required": True, "min_length": 1},
    }
}


def compact(fields: Json) -> Json:
    """Leave out what has no value."""
    return {name: value for name, value in fields.items() if value is not None}


def user(person: Person) -> Json:
    """User: id and whatever is known, and the two flags."""
    return compact(
        {
            "id": person.id,
            "username": person.username,
            "phoneNumber": person.phone_number,
            "email": person.email,
            "fullName": person.full_name,
            "cannotMessage": person.cannot_message,
            "isSelf": person.is_self,
        }
    )


def upload(upload_id: str, asset: Asset) -> Json:
    """Answer to an upload."""
    return {
        "uploadID": upload_id,
        "srcURL": asset.path,
        "fileName": asset.file_name,
        "mimeType": asset.mime_type,
        "fileSize": len(asset.data),
    }


class Wire:
    """Shapes for one profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def account(self, account: Account) -> Json:
        """Account; `status` and more only on the newest servers."""
        bridge_id, kind, provider = account.bridge
        full: Json = {
            "accountID": account.id,
            "network": account.network,
            "user": user(account.user),
            "bridge": {"id": bridge_id, "type": kind, "provider": provider},
            "status": account.status,
            "statusText": account.status_text,
            "loginID": account.login_id,
            "capabilities": {},
        }
        return self._known(compact(full), self._profile.account_keys)

    def bridge(self, accounts: list[Account]) -> Json:
        """Bridge with its accounts."""
        bridge_id, kind, provider = accounts[0].bridge
        return {
            "id": bridge_id,
            "type": kind,
            "provider": provider,
            "displayName": accounts[0].network,
            "network": accounts[0].network,
            "accounts": [self.account(account) for account in accounts],
            "activeAccountCount": len(accounts),
            "status": "connected",
            "supportsMultipleAccounts": True,
        }

    def bridge_capabilities(self, account: Account) -> Json:
        """What a network can look up and create. Chosen: as its contacts are known."""
        people = account.contacts.values()
        return {
            "group_creation": GROUP_CREATION,
            "resolve_identifier": {
                "any_phone": account.phones,
                "contact_list": True,
                "create_dm": True,
                "lookup_email": any(person.email for person in people),
                "lookup_phone": account.phones,
                "lookup_username": any(person.username for person in people),
                "search": True,
            },
            **account.creation,
        }

    def chat(self, world: World, chat: Chat, participants: int) -> Json:
        """Chat with at most `participants` people; -1 = all."""
        shown = (
            chat.participants if participants < 0 else chat.participants[:participants]
        )
        full: Json = {
            "id": chat.id,
            "localChatID": chat.local_id,
            "accountID": chat.account_id,
            "network": world.accounts[chat.account_id].network,
            "title": chat.title,
            "type": chat.type,
            "participants": {
                "items": [self._participant(person) for person in shown],
                "hasMore": len(shown) < len(chat.participants),
                "total": len(chat.participants),
            },
            "unreadCount": chat.unread_count,
            "unreadMentionsCount": 0,
            "lastActivity": iso(chat.last_activity),
            "isArchived": chat.is_archived,
            "isMuted": chat.is_muted,
            "isPinned": chat.is_pinned,
            "isMarkedUnread": chat.is_marked_unread,
            "isLowPriority": chat.is_low_priority,
            "isReadOnly": chat.is_read_only,
            "description": chat.description,
            "imgURL": chat.img_url,
            "draft": chat.draft,
            "reminder": chat.reminder,
            "snooze": None,
            "messageExpirySeconds": chat.message_expiry_seconds,
            "capabilities": CAPABILITIES,
            "labels": [
                {"id": label, "name": world.labels[label]} for label in chat.labels
            ],
        }
        if chat.last_read is not None:
            full["lastReadMessageSortKey"] = str(chat.last_read)
        return self._known(full, self._profile.chat_keys)

    def list_item(self, world: World, chat: Chat) -> Json:
        """Chat in the chat list: with its newest message as `preview`."""
        item = self.chat(world, chat, self._profile.list_participants)
        if preview := next(filter(self.shows, reversed(chat.messages)), None):
            item["preview"] = self.message(world, preview)
        return item

    def message(self, world: World, message: Message) -> Json:
        """Message. `isSender` is wrong on some accounts' own ones, as live."""
        full: Json = {
            "id": message.id,
            "chatID": message.chat_id,
            "accountID": message.account_id,
            "senderID": message.sender.id,
            "senderName": display_name(message.sender),
            "timestamp": iso(message.timestamp),
            "sortKey": str(message.sort_key),
            "type": message.type,
            "text": (message.html if self._profile.html else message.text) or None,
            "isSender": message.sender.is_self
            and world.accounts[message.account_id].marks_own,
            "isUnread": message.is_unread,
            "isDeleted": message.is_deleted or None,
            "isHidden": message.is_hidden or None,
            "editedTimestamp": iso(message.edited) if message.edited else None,
            "sendStatus": message.send_status,
            "linkedMessageID": message.linked_message_id,
            "attachments": message.attachments or None,
            "reactions": message.reactions or None,
            **message.extra,
        }
        return self._known(compact(full), self._profile.message_keys)

    def shows(self, message: Message) -> bool:
        """Whether this generation lets a message be seen.

        Where there is no send status, an unconfirmed one is not (chosen); where there
        is no mark for it, a deleted one is not.
        """
        keys = self._profile.message_keys
        return (message.confirmed or "sendStatus" in keys) and (
            not message.is_deleted or "isDeleted" in keys
        )

    def _participant(self, person: Person) -> Json:
        return (
            {**user(person), "isAdmin": person.is_admin}
            if "capabilities" in self._profile.chat_keys
            else user(person)
        )

    @staticmethod
    def _known(full: Json, keys: AbstractSet[str]) -> Json:
        return {name: value for name, value in full.items() if name in keys}

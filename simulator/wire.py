"""Serialization of the state to the JSON of a generation.

Optional fields without a value and fields unknown to the generation are left out.
"""

from collections.abc import Set as AbstractSet

from .model import Account, Asset, Chat, Json, Message, Person
from .people import display_name
from .profiles import Profile
from .text import iso, letters, rewritten_markdown
from .traits import Traits
from .world import World

CAPABILITIES: Json = {
    "maxTextLength": 65536,
    "formatting": {"bold": 2, "italic": 2, "inline_code": 2},
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
        "m.image": {
            "mimeTypes": {"image/jpeg": 2, "image/png": 2},
            "caption": 2,
            "maxSize": 16_777_216,
        },
        "m.file": {"mimeTypes": {"*/*": 2}, "caption": 1, "maxSize": 104_857_600},
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


_EMPTY_USER: Json = dict.fromkeys(("username", "phoneNumber", "email", "fullName"), "")
_EMPTY_CHAT: Json = {
    "description": "",
    "imgURL": "",
    "draft": None,
    "reminder": None,
    "snooze": None,
    "messageExpirySeconds": None,
}
_EMPTY_MESSAGE: Json = {
    "text": "",
    "linkedMessageID": "",
    "attachments": None,
    "reactions": None,
    "mentions": None,
    "links": None,
}
"""Values of unknown fields with the trait `empty_values`."""


def compact(fields: Json) -> Json:
    """Remove fields without a value."""
    return {name: value for name, value in fields.items() if value is not None}


def user(person: Person) -> Json:
    """User: id, known identifiers and the two flags."""
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
    """Response to an upload."""
    return {
        "uploadID": upload_id,
        "srcURL": asset.path,
        "fileName": asset.file_name,
        "mimeType": asset.mime_type,
        "fileSize": len(asset.data),
    }


class Wire:
    """Serialization for one profile."""

    def __init__(self, profile: Profile, traits: Traits | None = None) -> None:
        self._profile = profile
        self.traits = Traits() if traits is None else traits

    def user(self, person: Person, account: Account) -> Json:
        """User of an account."""
        full = user(person)
        if self.traits.has("user_names_are_ids", account.id):
            full["fullName"] = person.id
        if self.traits.has("empty_values", account.id):
            full = {**_EMPTY_USER, **full}
        return full

    def account(self, account: Account) -> Json:
        """Account; `status` and more only on the newest servers."""
        bridge_id, kind, provider = account.bridge
        full: Json = {
            "accountID": account.id,
            "network": None if self._no_network(account) else account.network,
            "user": self._own_user(account),
            "bridge": {"id": bridge_id, "type": kind, "provider": provider},
            "status": account.status,
            "statusText": account.status_text,
            "loginID": account.login_id,
            "capabilities": {},
        }
        return self._known(compact(full), self._profile.account_keys)

    def _no_network(self, account: Account) -> bool:
        return account.bridge[2] == "self-hosted" or self.traits.has(
            "accounts_without_network", account.id
        )

    def _own_user(self, account: Account) -> Json:
        """The user of an account, maybe under the network's own id."""
        found = self.user(account.user, account)
        if self.traits.has("network_user_ids", account.id):
            localpart = account.user.id.removeprefix("@").partition(":")[0]
            found["id"] = account.user.phone_number or localpart.rpartition("_")[2]
        return found

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
        """Bridge capabilities. Chosen: derived from the identifiers of its contacts."""
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
        """Chat with at most `participants` participants; -1 = all."""
        account = world.accounts[chat.account_id]
        members = world.listed_members(chat)
        shown = members if participants < 0 else members[:participants]
        full: Json = {
            "id": chat.id,
            "localChatID": chat.local_id,
            "accountID": chat.account_id,
            "network": account.network,
            "title": self._title(chat),
            "type": chat.type,
            "participants": {
                "items": [self._participant(person, account) for person in shown],
                "hasMore": len(shown) < len(members),
                "total": len(members),
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
            full["lastReadMessageSortKey"] = (
                chat.last_read
                if self.traits.has("numeric_read_sort_key", account.id)
                else self._sort_key(chat.last_read)
            )
        if self.traits.has("chat_network_bridgev2", account.id):
            full["network"] = "bridgev2"
        if self.traits.has("empty_values", account.id):
            full |= {key: full[key] or _EMPTY_CHAT[key] for key in _EMPTY_CHAT}
        known = self._known(full, self._profile.chat_keys)
        if "no_labels" in self.traits:
            known.pop("labels", None)
        return known | self._merge(chat)

    def _title(self, chat: Chat) -> str | None:
        if chat.type == "single":
            if self.traits.has("null_titles", chat.account_id):
                return None
            if self.traits.has("user_names_are_ids", chat.account_id):
                return next(
                    (person.id for person in chat.participants if not person.is_self),
                    chat.title,
                )
        return chat.title

    def _merge(self, chat: Chat) -> Json:
        """Fields that link a merged chat and its members."""
        if chat.merged_into:
            return {"mergedIntoChatID": chat.merged_into}
        if not chat.merge:
            return {}
        default = None if "merge_without_default" in self.traits else chat.merge_default
        return {"merge": compact({"chatIDs": chat.merge, "defaultChatID": default})}

    def _sort_key(self, number: int) -> str:
        return letters(number) if "text_sort_keys" in self.traits else str(number)

    def listed_participants(self, chat: Chat) -> int:
        """Maximum number of participants in lists; -1 = all."""
        capped = self.traits.has("five_participants", chat.account_id)
        return 5 if capped else self._profile.list_participants

    def list_item(self, world: World, chat: Chat) -> Json:
        """Chat as an item of the chat list, with its newest message as `preview`."""
        item = self.chat(world, chat, self.listed_participants(chat))
        if preview := next(filter(self.shows, reversed(chat.messages)), None):
            item["preview"] = self.message(world, preview, unsorted=True)
            if self.traits.has("preview_without_type", chat.account_id):
                item["preview"].pop("type", None)
        return item

    def message(
        self, world: World, message: Message, *, unsorted: bool = False
    ) -> Json:
        """Message. `isSender` of own messages is wrong on some accounts, as live.

        `unsorted`: in an event or a preview.
        """

        def has(name: str) -> bool:
            return self.traits.has(name, message.account_id)

        sender = message.sender
        is_group = world.chats[message.chat_id].type == "group"
        no_type = has("membership_without_type") and message.is_membership
        no_sort_key = unsorted and has("event_sort_keys_missing")
        full: Json = {
            "id": message.id,
            "chatID": message.chat_id,
            "accountID": message.account_id,
            "senderID": sender.id,
            "senderName": sender.id
            if has("sender_names_are_ids")
            else display_name(sender),
            "timestamp": iso(message.timestamp),
            "sortKey": "-1" if no_sort_key else self._sort_key(message.sort_key),
            "type": None if no_type else message.type,
            "text": self._text(message) or None,
            "isSender": sender.is_self and world.accounts[message.account_id].marks_own,
            "isUnread": message.is_unread and not has("rows_never_unread"),
            "isDeleted": message.is_deleted or None,
            "isHidden": message.is_hidden or None,
            "editedTimestamp": iso(message.edited)
            if message.edited and not has("edits_without_time")
            else None,
            "sendStatus": message.send_status,
            "linkedMessageID": message.linked_message_id,
            "attachments": message.attachments or None,
            "reactions": message.reactions or None,
            **message.extra,
        }
        if has("mentions_room") and is_group and not sender.is_self:
            full["mentions"] = ["@room"]
        shown = compact(full)
        if has("mentions_null"):
            shown["mentions"] = None
        if has("empty_values"):
            shown = {**_EMPTY_MESSAGE, **shown}
        return self._known(shown, self._profile.message_keys)

    def _text(self, message: Message) -> str:
        if (
            not message.text
            and message.attachments
            and self.traits.has("file_name_as_text", message.account_id)
        ):
            return str(message.attachments[0].get("fileName", ""))
        plain = not self._profile.html or self.traits.has(
            "plain_text", message.account_id
        )
        if plain and self.traits.has("formatting_rewritten", message.account_id):
            return rewritten_markdown(message.text)
        return message.text if plain else message.html

    def shows(self, message: Message) -> bool:
        """Whether this generation shows a message.

        Unconfirmed messages require a send status (chosen), deleted messages require
        `isDeleted`, and reaction rows require a type.
        """
        keys = self._profile.message_keys
        hides_unconfirmed = "sendStatus" not in keys or self.traits.has(
            "unconfirmed_hidden", message.account_id
        )
        return (
            (message.confirmed or not hides_unconfirmed)
            and (not message.is_deleted or "isDeleted" in keys)
            and (message.type != "REACTION" or "type" in keys)
        )

    def _participant(self, person: Person, account: Account) -> Json:
        shown = self.user(person, account)
        if "capabilities" in self._profile.chat_keys:
            shown["isAdmin"] = person.is_admin
        if person.is_network_bot:
            shown["isNetworkBot"] = True
        if self.traits.has("handles_only_in_contacts", account.id):
            shown.pop("username", None)
        return shown

    @staticmethod
    def _known(full: Json, keys: AbstractSet[str]) -> Json:
        return {name: value for name, value in full.items() if name in keys}

"""The chats of added chats and shortcuts: found again when Beeper gives them another ID.

Bridges create chats anew, for example after a new log-in. Stored are fingerprints of the
people, the account and the title, to find the chat that follows; the user confirms it.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .api.exceptions import AnswerError, BeeperError, NotLoadedError, RouteAbsentError
from .api.folding import fold
from .api.models import LONG_AGO, Chat, ListedChat, User
from .const import (
    CONF_ACCOUNT_ID,
    CONF_CHAT_ID,
    CONF_FORMER_ACCOUNT_IDS,
    CONF_FORMER_CHAT_IDS,
    DOMAIN,
    SUBENTRY_CHAT,
)
from .fingerprint import fingerprint, person_texts
from .issues import async_create_issue, async_delete_issue, issue_id
from .people.full_read import list_chats
from .server import Server

CHAT_MOVED: Final = "chat_moved"

_FIRST_CHECK_DELAY: Final = 60
"""Seconds after the start."""

_CHECK_INTERVAL: Final = 5 * 60
"""Seconds."""

_GONE_AFTER: Final = 10 * 60
"""Seconds for which a chat must be missing: a server that starts loads its chats later."""

_MAX_PARTICIPANTS: Final = 500
_MAX_READ: Final = 10
"""Chats that are read to compare their people."""

_SAVE_DELAY: Final = 1
"""Seconds."""

_STORE_VERSION: Final = 1


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class _ChatIdentity:
    """A chat as it was last read, as fingerprints; a person has several."""

    account: str
    type: str | None
    title: str
    people: list[list[str]]


class ChatIdChanges:
    """The chats that subentries of one config entry refer to."""

    def __init__(self, server: Server) -> None:
        """Check nothing yet."""
        self._hass = server.hass
        self._entry = server.entry
        self._server = server
        self._store = _store(server.hass, server.entry)
        self._identities: dict[str, _ChatIdentity] = {}
        self._missing_since: dict[str, float] = {}

    async def async_run(self) -> None:
        """Check the chats now and then; never returns."""
        stored = await self._store.async_load() or {}
        self._identities = {
            key: _ChatIdentity(**value) for key, value in stored.items()
        }
        await asyncio.sleep(_FIRST_CHECK_DELAY)
        while True:
            with suppress(BeeperError):  # The next check tries again.
                await self.async_check()
            await asyncio.sleep(_CHECK_INTERVAL)

    async def async_check(self) -> None:
        """Read the chats, follow their accounts, and create issues for those that are gone."""
        for chat_id, subentries in _by_chat(self._entry).items():
            try:
                chat = await self._server.client.chat(
                    chat_id, participants=_MAX_PARTICIPANTS
                )
            except AnswerError as err:
                if err.status != HTTPStatus.NOT_FOUND or isinstance(
                    err, NotLoadedError | RouteAbsentError
                ):
                    continue
                chat = None
            if chat and not self._is_deserted(chat):
                self._note(chat_id, chat, subentries)
            else:
                await self._async_find(chat_id, subentries, is_gone=chat is None)

    def _note(
        self, chat_id: str, chat: Chat, subentries: Iterable[ConfigSubentry]
    ) -> None:
        """Remember a chat that exists, and store its account if it has another ID."""
        self._missing_since.pop(chat_id, None)
        async_delete_issue(self._hass, self._issue_id(chat_id))
        identity = self._identity(chat)
        key = self._fingerprint(chat_id)
        known = self._identities.get(key)
        if known is None or asdict(known) != asdict(identity):
            self._identities[key] = identity
            self._store.async_delay_save(self._to_store, _SAVE_DELAY)
        for subentry in subentries:
            if chat.account_id and subentry.data[CONF_ACCOUNT_ID] != chat.account_id:
                self._hass.config_entries.async_update_subentry(
                    self._entry,
                    subentry,
                    data={**subentry.data, CONF_ACCOUNT_ID: chat.account_id},
                )

    async def _async_find(
        self, chat_id: str, subentries: list[ConfigSubentry], *, is_gone: bool
    ) -> None:
        """Create an issue once a chat is gone for good; raises BeeperError."""
        now = self._hass.loop.time()
        since = self._missing_since.setdefault(chat_id, now)
        if now - since < _GONE_AFTER:
            return
        chats = await list_chats(self._server, None, None)
        if not chats:
            return  # Beeper has not loaded its chats yet.
        successor = await self._async_successor(chat_id, chats)
        if chat_id not in _by_chat(self._entry):
            return  # A repair has replaced it during the read.
        titles = ", ".join(sorted({subentry.title for subentry in subentries}))
        if successor:
            async_create_issue(
                self._hass,
                self._issue_id(chat_id),
                "chat_moved",
                {
                    "chat": titles,
                    "successor": successor.title or successor.network or successor.id,
                    "network": self._server.network(successor.account_id or ""),
                },
                fix={
                    "kind": CHAT_MOVED,
                    "entry_id": self._entry.entry_id,
                    "chat_id": chat_id,
                    "successor_id": successor.id,
                },
            )
        elif is_gone:
            async_create_issue(
                self._hass,
                self._issue_id(chat_id),
                "chat_gone",
                {"chat": titles},
                docs="actions.md#a-chat-as-an-entity",
            )

    async def _async_successor(
        self, chat_id: str, chats: Iterable[ListedChat]
    ) -> ListedChat | None:
        """Return the one chat that has the people, account and title of a former one."""
        known = self._identities.get(self._fingerprint(chat_id))
        if known is None or not known.people:
            return None
        added = _by_chat(self._entry).keys()
        found: list[ListedChat] = []
        alike = [
            chat
            for chat in chats
            if chat.id not in added
            and chat.type == known.type
            and known.account in self._accounts(chat)
            and (
                self._fingerprint(fold(chat.title or "")) == known.title
                or (chat.type == "single" and self._shares_person(chat, known))
            )
        ]
        for listed in alike[:_MAX_READ]:
            # Lists may leave people out.
            chat = await self._server.client.chat(
                listed.id, participants=_MAX_PARTICIPANTS
            )
            if _are_same(self._identity(chat).people, known.people):
                found.append(chat)
        if known.type != "single" and len(found) != 1:
            return None
        # Several chats with one person are one.
        return max(found, key=lambda chat: chat.last_activity or LONG_AGO, default=None)

    def _accounts(self, chat: ListedChat) -> set[str]:
        """Return the fingerprints of all IDs that the chat's account has had."""
        former: dict[str, str] = self._entry.data.get(CONF_FORMER_ACCOUNT_IDS, {})
        ids = {chat.account_id or ""} | {
            known for known, current in former.items() if current == chat.account_id
        }
        return {self._fingerprint(account_id) for account_id in ids}

    def _identity(self, chat: ListedChat) -> _ChatIdentity:
        return _ChatIdentity(
            account=self._fingerprint(chat.account_id or ""),
            type=chat.type,
            title=self._fingerprint(fold(chat.title or "")),
            people=sorted(
                self._person(user, chat.account_id)
                for user in self._server.others(chat)
            ),
        )

    def _person(self, user: User, account_id: str | None) -> list[str]:
        texts = person_texts(user, self._server.id_scheme(account_id))
        return [self._fingerprint(text) for text in texts]

    def _shares_person(self, chat: ListedChat, known: _ChatIdentity) -> bool:
        return _are_same(self._identity(chat).people, known.people)

    def _is_deserted(self, chat: Chat) -> bool:
        """Return whether everybody else has left, as a bridge does that makes a new chat."""
        known = self._identities.get(self._fingerprint(chat.id))
        return bool(
            known
            and known.people
            and chat.participants
            and not self._server.others(chat)
        )

    def _fingerprint(self, text: str) -> str:
        return fingerprint(self._entry, text)

    def _to_store(self) -> dict[str, Any]:
        present = {self._fingerprint(chat_id) for chat_id in _by_chat(self._entry)}
        return {
            key: asdict(identity)
            for key, identity in self._identities.items()
            if key in present
        }

    def _issue_id(self, chat_id: str) -> str:
        return issue_id(self._entry, "added_chat", self._fingerprint(chat_id))


@callback
def async_replace_chat(
    hass: HomeAssistant, entry: ConfigEntry, chat_id: str, successor_id: str
) -> None:
    """Let added chats and shortcuts use the chat that follows theirs.

    Triggers and actions with the former ID follow.
    """
    for subentry in _by_chat(entry).get(chat_id, []):
        hass.config_entries.async_update_subentry(
            entry,
            subentry,
            data={
                **subentry.data,
                CONF_CHAT_ID: successor_id,
                CONF_FORMER_CHAT_IDS: [
                    *subentry.data.get(CONF_FORMER_CHAT_IDS, ()),
                    chat_id,
                ],
            },
            unique_id=(
                successor_id
                if subentry.subentry_type == SUBENTRY_CHAT
                else subentry.unique_id
            ),
        )


async def async_remove_chat_id_store(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the stored chats of a removed entry."""
    await _store(hass, entry).async_remove()


def _by_chat(entry: ConfigEntry) -> dict[str, list[ConfigSubentry]]:
    """Return the added chats and shortcuts by their chat."""
    found: dict[str, list[ConfigSubentry]] = {}
    for subentry in entry.subentries.values():
        if chat_id := subentry.data.get(CONF_CHAT_ID):
            found.setdefault(chat_id, []).append(subentry)
    return found


def _are_same(some: list[list[str]], others: list[list[str]]) -> bool:
    """Return whether both lists have the same people, each by any of the IDs."""
    left = [{*person} for person in others]
    for person in some:
        same = next((other for other in left if other & {*person}), None)
        if same is None:
            return False
        left.remove(same)
    return not left


def _store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, Any]]:
    return Store(hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}.added_chats")

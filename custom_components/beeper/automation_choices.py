"""Whether the devices, accounts and chats that an automation names exist.

A name that can never match would load and never do anything. Nothing is refused that an
unreachable server may know.
"""

from collections.abc import Collection, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_DEVICE_ID
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr

from .api.exceptions import AnswerError, BeeperError
from .api.folding import fold
from .api.models import network_name
from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, DOMAIN, SUBENTRY_CHAT
from .coordinator import BeeperConfigEntry
from .device_identifiers import current_chat_id, devices_by_account, resolve_device
from .people.names import Name


async def async_resolve(
    hass: HomeAssistant, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options with the ID of a chat in place of its title.

    Raises `vol.Invalid` for what does not exist, and for several that match.
    """
    check_devices(hass, options.get(CONF_DEVICE_ID, ()))
    resolved = dict(options)
    if CONF_ACCOUNT_ID in options:
        await _async_check_account(hass, options[CONF_ACCOUNT_ID])
    if CONF_CHAT_ID in options:
        resolved[CONF_CHAT_ID] = await _async_resolve_chat(hass, options[CONF_CHAT_ID])
    return resolved


def is_account(hass: HomeAssistant, entry_id: str, account_id: str, text: str) -> bool:
    """Return whether a text is the ID of an account, or the name of its network."""
    if text == account_id:
        return True
    names = _account_names(hass, hass.config_entries.async_get_known_entry(entry_id))
    return text not in names and account_id in _matching(text, names)


def is_title(title: str, text: str) -> bool:
    """Return whether a text is a whole title, with or without its emoji."""
    name, query = Name.from_text(title), Name.from_text(text)
    return name.exact == query.exact or bool(
        query.words == query.parts and query.words and query.words == name.words
    )


def _account_names(
    hass: HomeAssistant, entry: BeeperConfigEntry
) -> dict[str, list[str]]:
    """Return the names of a server's accounts by account ID, also while it is away."""
    names: dict[str, list[str]] = {entry.data[CONF_ACCOUNT_ID]: []}
    if entry.state is ConfigEntryState.LOADED:
        for account in entry.runtime_data.server.accounts:
            names.setdefault(account.account_id, []).append(account.name)
    for account_id, device in devices_by_account(hass, entry).items():
        texts = (device.name, device.name_by_user)
        names.setdefault(account_id, []).extend(text for text in texts if text)
    for subentry in entry.get_subentries_of_type(SUBENTRY_CHAT):
        names.setdefault(subentry.data[CONF_ACCOUNT_ID], [])
    for account_id, known in names.items():
        known.append(network_name(account_id))
    return names


def _entries(hass: HomeAssistant) -> list[BeeperConfigEntry]:
    return hass.config_entries.async_entries(DOMAIN, include_disabled=False)


def _reachable(hass: HomeAssistant) -> list[BeeperConfigEntry] | None:
    """Return all entries; None without entries, or if one cannot be reached."""
    entries = _entries(hass)
    can_ask = all(
        entry.state is ConfigEntryState.LOADED
        and entry.runtime_data.last_update_success
        for entry in entries
    )
    return entries if entries and can_ask else None


def check_devices(hass: HomeAssistant, device_ids: list[str]) -> None:
    """Raise `vol.Invalid` unless all are the devices of servers, accounts or chats."""
    for index, device_id in enumerate(device_ids):
        if resolve_device(hass, device_id):
            continue
        device = dr.async_get(hass).async_get(device_id)
        is_shortcut = device is not None and any(
            domain == DOMAIN for domain, _ in device.identifiers
        )
        raise vol.Invalid(
            "option_shortcut" if is_shortcut else "option_device_unknown",
            path=[CONF_DEVICE_ID, index],
        )


async def _async_check_account(hass: HomeAssistant, text: str) -> None:
    names: dict[str, list[str]] = {}
    for entry in _entries(hass):
        for account_id, texts in _account_names(hass, entry).items():
            names.setdefault(account_id, []).extend(texts)
    matches = _matching(text, names)
    if len(matches) == 1 or (
        not matches and not await _async_is_unknown_account(hass, text)
    ):
        return
    raise vol.Invalid(
        "option_account_ambiguous" if matches else "option_account_unknown",
        path=[CONF_ACCOUNT_ID],
        placeholders={
            "accounts": ", ".join(sorted({texts[0] for texts in names.values()}))
        },
    )


def _matching(text: str, names: Mapping[str, Collection[str]]) -> list[str]:
    if text in names:
        return [text]
    return [
        account_id
        for account_id, texts in names.items()
        if fold(text) in map(fold, texts)
    ]


async def _async_is_unknown_account(hass: HomeAssistant, account_id: str) -> bool:
    """Return whether no server has chats of this account; servers omit some that work."""
    if (entries := _reachable(hass)) is None:
        return False
    for entry in entries:
        try:
            page = await entry.runtime_data.server.client.chats(account_id)
        except BeeperError as err:
            if isinstance(err, AnswerError) and err.status == HTTPStatus.NOT_FOUND:
                continue
            return False
        if any(chat.account_id == account_id for chat in page.items):
            return False
    return True


async def _async_resolve_chat(hass: HomeAssistant, text: str) -> str:
    added = [*_added_chats(hass)]
    if text in (chat_id for chat_id, _ in added) or any(
        current_chat_id(entry, text) != text for entry in _entries(hass)
    ):
        return text
    found = {chat_id for chat_id, title in added if is_title(title, text)}
    if not found:
        if (entries := _reachable(hass)) is None:
            return text
        for entry in entries:
            try:
                chat_id = await _async_find_chat(entry, text)
            except BeeperError, HomeAssistantError:
                return text
            found |= {chat_id} if chat_id else set()
    if len(found) == 1:
        return found.pop()
    raise vol.Invalid(
        "option_chat_ambiguous" if found else "option_chat_unknown", path=[CONF_CHAT_ID]
    )


def _added_chats(hass: HomeAssistant) -> Iterator[tuple[str, str]]:
    """Yield the ID and title of each chat that was added."""
    for entry in _entries(hass):
        for subentry in entry.get_subentries_of_type(SUBENTRY_CHAT):
            yield subentry.data[CONF_CHAT_ID], subentry.title


async def _async_find_chat(entry: BeeperConfigEntry, text: str) -> str | None:
    """Return the ID of the chat with this ID or title; None without one.

    Raises `vol.Invalid` for several, BeeperError or HomeAssistantError if it is unknown.
    """
    coordinator = entry.runtime_data
    try:
        await coordinator.server.client.chat(text, participants=0)
    except AnswerError as err:
        if err.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
            raise
    else:
        return text
    try:
        chat = await coordinator.async_resolve(
            lambda directory: directory.resolve_chat(None, text, field=CONF_CHAT_ID)
        )
    except ServiceValidationError as err:
        if err.translation_key == "recipient_ambiguous":
            raise vol.Invalid("option_chat_ambiguous", path=[CONF_CHAT_ID]) from None
        return None
    return chat.id if is_title(chat.title or "", text) else None

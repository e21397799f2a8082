"""Beeper: one integration for the chats of all networks."""

from contextlib import suppress

from homeassistant.const import (
    CONF_TOKEN,
    CONF_URL,
    CONF_VERIFY_SSL,
    EVENT_HOMEASSISTANT_STOP,
    Platform,
)
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.typing import ConfigType
from homeassistant.setup import async_when_setup

from .account_devices import async_register_devices, is_removable
from .api.client import BeeperClient
from .api.exceptions import BeeperError
from .const import CONF_USER_ID, DOMAIN
from .coordinator import BeeperConfigEntry, BeeperCoordinator, async_clear_issues
from .data import (
    async_load_outbox,
    async_remove_open_questions,
    async_remove_outbox,
    async_remove_seen_messages,
    get_open_questions,
    get_outbox,
    get_seen_messages,
)
from .incoming.inbox import Inbox
from .people.directory import Directory
from .repairs import async_clear, async_watch
from .server import Server
from .services import async_setup_services
from .voice.assistant import async_get_assistant

_PLATFORMS = [Platform.BUTTON, Platform.EVENT, Platform.NOTIFY, Platform.SENSOR]
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions; they raise a translated error while no server is set up."""
    async_setup_services(hass)

    async def listen(hass: HomeAssistant, _: str) -> None:
        await async_get_assistant(hass).async_register_commands()

    async_when_setup(hass, "conversation", listen)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: BeeperConfigEntry) -> bool:
    """Connect to a server."""
    client = BeeperClient(
        async_get_clientsession(hass, entry.data[CONF_VERIFY_SSL]),
        entry.data[CONF_URL],
        entry.data[CONF_TOKEN],
    )
    server = Server(hass, entry, client)
    outbox = await async_load_outbox(hass, entry)
    outbox.bind(server)
    directory = Directory(server)
    questions = get_open_questions(hass, entry)
    seen = get_seen_messages(hass, entry)
    inbox = Inbox(hass, entry, server, directory, outbox.sent, seen, questions)
    coordinator = BeeperCoordinator(hass, entry, server, directory, inbox)
    await coordinator.async_config_entry_first_refresh()
    await _async_note_user(hass, entry, server)
    entry.runtime_data = coordinator

    async def finish(_: Event) -> None:
        """Wait for running requests before Home Assistant stops."""
        await outbox.async_wait()

    entry.async_on_unload(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, finish))
    async_register_devices(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, _PLATFORMS)
    entry.async_create_background_task(
        hass, coordinator.async_listen(), f"{DOMAIN} stream"
    )
    entry.async_create_background_task(
        hass, directory.index.async_run(), f"{DOMAIN} people"
    )
    inbox.async_start()
    async_watch(hass, entry)
    await async_get_assistant(hass).async_add(entry)
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    return True


async def _async_note_user(
    hass: HomeAssistant, entry: BeeperConfigEntry, server: Server
) -> None:
    """Store the signed-in user if the server did not say who it is before.

    A new token must belong to the same user.
    """
    if entry.data[CONF_USER_ID] is not None:
        return
    with suppress(BeeperError):
        user_id = await server.client.user_id(server.accounts)
        hass.config_entries.async_update_entry(
            entry, data={**entry.data, CONF_USER_ID: user_id}
        )


async def async_unload_entry(hass: HomeAssistant, entry: BeeperConfigEntry) -> bool:
    """Disconnect from a server once all running requests have ended."""
    await get_outbox(hass, entry).async_close()
    await entry.runtime_data.inbox.async_stop()
    return await hass.config_entries.async_unload_platforms(entry, _PLATFORMS)


async def async_remove_config_entry_device(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    device: dr.DeviceEntry | dr.ChildDeviceEntry,
) -> bool:
    """Let the user delete the device of an account that is gone."""
    return is_removable(hass, entry, device.id)


async def async_remove_entry(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Delete the stored data and the issues of a removed entry."""
    async_clear(hass, entry)
    async_clear_issues(hass, entry)
    async_remove_open_questions(hass, entry)
    await async_remove_outbox(hass, entry)
    await async_remove_seen_messages(hass, entry)


async def _async_reload(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    hass.config_entries.async_schedule_reload(entry.entry_id)

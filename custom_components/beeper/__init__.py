"""Beeper: one integration for the chats of all networks."""

from contextlib import suppress
from typing import Final

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.const import (
    CONF_TOKEN,
    CONF_URL,
    CONF_VERIFY_SSL,
    EVENT_HOMEASSISTANT_STOP,
    Platform,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.typing import ConfigType
from homeassistant.setup import async_when_setup

from .account_devices import async_follow_accounts, async_register_server, is_removable
from .account_id_changes import (
    AccountIdChanges,
    async_move_account_devices,
    async_remove_account_id_store,
)
from .api.client import BeeperClient
from .api.exceptions import BeeperError
from .assist_in_chats.listener import async_get_assist_listener
from .chat_id_changes import ChatIdChanges, async_remove_chat_id_store
from .const import CONF_USER_ID, DOMAIN
from .coordinator import BeeperConfigEntry, BeeperCoordinator
from .data import (
    async_load_chat_numbers,
    async_load_outbox,
    async_remove_chat_numbers,
    async_remove_open_questions,
    async_remove_outbox,
    async_remove_seen_messages,
    get_data,
    get_open_questions,
    get_outbox,
    get_seen_messages,
)
from .device_identifiers import async_update_chat_keys
from .entity import async_add_new_entities
from .http_sessions import async_get_sessions
from .incoming.inbox import Inbox
from .issues import async_delete_issues
from .people.directory import Directory
from .repairs import async_check_issues, async_watch
from .server import Server
from .services import async_setup_services
from .signals import SIGNAL_POLLED
from .voice.assistant import async_get_assistant

_FIRST_PLATFORMS: Final = [Platform.BINARY_SENSOR, Platform.BUTTON, Platform.NOTIFY]
"""Loaded before Beeper is reached, and kept while Home Assistant tries again.

Home Assistant silently skips entities that are missing or unavailable: their messages
would be lost without an error.
"""
_READING_PLATFORMS: Final = [Platform.EVENT, Platform.SENSOR]
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
        async_get_sessions(hass, entry.data[CONF_VERIFY_SSL]),
        entry.data[CONF_URL],
        entry.data[CONF_TOKEN],
    )
    numbers = await async_load_chat_numbers(hass, entry)
    server = Server(hass, entry, client, numbers)
    outbox = await async_load_outbox(hass, entry)
    outbox.bind(server)
    directory = Directory(server)
    questions = get_open_questions(hass, entry)
    seen = get_seen_messages(hass, entry)
    inbox = Inbox(server, directory, outbox.sent, seen, questions)
    coordinator = BeeperCoordinator(hass, entry, server, directory, inbox)
    entry.runtime_data = coordinator
    async_register_server(hass, entry)
    async_update_chat_keys(hass, entry)
    await _async_load_first(hass, entry)
    await coordinator.async_config_entry_first_refresh()
    await _async_note_user(hass, entry, server)

    async def finish(_: Event) -> None:
        """Wait for running requests before Home Assistant stops."""
        await outbox.async_wait()

    entry.async_on_unload(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, finish))
    async_register_server(hass, entry)
    _publish_polls(hass, entry)
    async_move_account_devices(hass, entry)
    async_follow_accounts(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, _READING_PLATFORMS)
    # Before anything is read: it would miss the messages of the first read.
    async_get_assist_listener(hass).async_add(entry)
    entry.async_create_background_task(
        hass, coordinator.async_listen(), f"{DOMAIN} stream"
    )
    entry.async_create_background_task(
        hass, directory.index.async_run(), f"{DOMAIN} people"
    )
    added = ChatIdChanges(server)
    entry.async_create_background_task(hass, added.async_run(), f"{DOMAIN} added chats")
    inbox.async_start()
    async_watch(hass, entry)
    await AccountIdChanges(hass, entry).async_start()
    await async_get_assistant(hass).async_add(entry)
    _follow_changes(hass, entry)
    return True


async def _async_load_first(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Load the first platforms, unless an earlier attempt to set up has done so."""
    if entry.entry_id in get_data(hass).entity_adders:
        async_add_new_entities(hass, entry)
    else:
        get_data(hass).entity_adders[entry.entry_id] = []
        await hass.config_entries.async_forward_entry_setups(entry, _FIRST_PLATFORMS)


@callback
def _publish_polls(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Tell the platforms that were loaded first about this poll and later ones."""

    @callback
    def publish() -> None:
        async_dispatcher_send(hass, SIGNAL_POLLED, entry.entry_id)

    entry.async_on_unload(entry.runtime_data.async_add_listener(publish))
    publish()


async def _async_note_user(
    hass: HomeAssistant, entry: BeeperConfigEntry, server: Server
) -> None:
    """Store the signed-in user if the server did not report one before.

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
    get_data(hass).entity_adders.pop(entry.entry_id, None)
    return await hass.config_entries.async_unload_platforms(
        entry, [*_FIRST_PLATFORMS, *_READING_PLATFORMS]
    )


async def async_remove_config_entry_device(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    device: dr.DeviceEntry | dr.ChildDeviceEntry,
) -> bool:
    """Let the user delete the device of an account that is gone."""
    return is_removable(hass, entry, device.id)


async def async_remove_entry(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Delete the stored data and the issues of a removed entry."""
    if get_data(hass).entity_adders.pop(entry.entry_id, None) is not None:
        # It was removed while Beeper could not be reached.
        await hass.config_entries.async_unload_platforms(entry, _FIRST_PLATFORMS)
    async_remove_open_questions(hass, entry)
    await async_remove_outbox(hass, entry)
    await async_remove_seen_messages(hass, entry)
    await async_remove_chat_numbers(hass, entry)
    await async_remove_chat_id_store(hass, entry)
    await async_remove_account_id_store(hass, entry)
    async_delete_issues(hass, entry)


@callback
def _follow_changes(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Add new chats and shortcuts; reload after any other change.

    Home Assistant itself removes the entities of deleted ones.
    """
    settings, known = (entry.data, entry.options), _subentries(entry)

    async def follow(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
        nonlocal known
        before, known = known, _subentries(entry)
        is_changed = any(
            before[key] != known[key] for key in before.keys() & known.keys()
        )
        if is_changed or settings != (entry.data, entry.options):
            hass.config_entries.async_schedule_reload(entry.entry_id)
            return
        async_add_new_entities(hass, entry)
        async_check_issues(hass, entry)
        entry.runtime_data.inbox.read_added_chats()
        await entry.runtime_data.async_request_refresh()

    entry.async_on_unload(entry.add_update_listener(follow))


def _subentries(entry: BeeperConfigEntry) -> dict[str, ConfigSubentryDataWithId]:
    """Return copies: Home Assistant changes subentries in place."""
    return {key: subentry.as_dict() for key, subentry in entry.subentries.items()}

"""What outlives reloads of config entries, in one typed object."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from . import errors
from .api.transport import Sessions
from .chat_numbers import ChatNumbers
from .const import DOMAIN
from .incoming.open_questions import OpenQuestions
from .incoming.seen_messages import SeenMessages
from .outgoing.outbox import Outbox
from .outgoing.reply_loop import Origin
from .signals import LastMessage, MessageEvent, ShortcutResult


@dataclass(kw_only=True, repr=False, eq=False)
class BeeperData:
    """The data, by config entry ID unless a field says otherwise."""

    outboxes: dict[str, Outbox] = field(default_factory=dict)
    seen_messages: dict[str, SeenMessages] = field(default_factory=dict)
    open_questions: dict[str, OpenQuestions] = field(default_factory=dict)
    chat_numbers: dict[str, ChatNumbers] = field(default_factory=dict)
    entity_adders: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    """Add missing entities, such as those of new chats; only while platforms are loaded."""
    shortcut_results: dict[str, ShortcutResult] = field(default_factory=dict)
    """By subentry ID."""
    missing_for: dict[str, timedelta] = field(default_factory=dict)
    """How long polls have missed the account of a device, by device ID."""
    sessions: dict[bool, Sessions] = field(default_factory=dict)
    """By whether certificates are verified."""
    last_events: dict[str, datetime] = field(default_factory=dict)
    """By unique ID of an event entity."""
    last_messages: dict[str, LastMessage] = field(default_factory=dict)
    """By unique ID of a sensor."""


_DATA: HassKey[BeeperData] = HassKey(DOMAIN)


@callback
def get_data(hass: HomeAssistant) -> BeeperData:
    """Return the data, created at first use."""
    return hass.data.setdefault(_DATA, BeeperData())


async def async_load_outbox(hass: HomeAssistant, entry: ConfigEntry) -> Outbox:
    """Return the outbox of an entry, the same after a reload."""
    outboxes = get_data(hass).outboxes
    if entry.entry_id not in outboxes:
        outbox = Outbox(hass, entry)
        await outbox.async_load()
        outboxes[entry.entry_id] = outbox
    return outboxes[entry.entry_id]


@callback
def get_outbox(hass: HomeAssistant, entry: ConfigEntry) -> Outbox:
    """Return the outbox of an entry that is or was set up."""
    return get_data(hass).outboxes[entry.entry_id]


@callback
def note_trigger(
    hass: HomeAssistant, context_id: str, event: MessageEvent, by: str | None = None
) -> None:
    """Record which event started what runs with this context; `by` names it to users.

    An entry without an outbox cannot send, so it needs no record.
    """
    if outbox := get_data(hass).outboxes.get(event.entry_id):
        outbox.replies.note(context_id, event, by)


@callback
def find_origin(hass: HomeAssistant, context: Context) -> Origin | None:
    """Return the message that has started the automation with this context."""
    return next(
        (
            origin
            for outbox in get_data(hass).outboxes.values()
            if (origin := outbox.replies.origin(context))
        ),
        None,
    )


async def async_remove_outbox(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the outbox of a removed entry and its stored attempts."""
    outbox = get_data(hass).outboxes.pop(entry.entry_id, None)
    await (outbox or Outbox(hass, entry)).async_remove()


@callback
def get_seen_messages(hass: HomeAssistant, entry: ConfigEntry) -> SeenMessages:
    """Return the messages that an entry has seen, the same after a reload."""
    seen = get_data(hass).seen_messages
    if entry.entry_id not in seen:
        seen[entry.entry_id] = SeenMessages(hass, entry)
    return seen[entry.entry_id]


async def async_remove_seen_messages(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the stored fingerprints of a removed entry."""
    await get_seen_messages(hass, entry).async_remove()
    del get_data(hass).seen_messages[entry.entry_id]


async def async_load_chat_numbers(
    hass: HomeAssistant, entry: ConfigEntry
) -> ChatNumbers:
    """Return the chat numbers that were used with an entry, the same after a reload."""
    numbers = get_data(hass).chat_numbers
    if entry.entry_id not in numbers:
        loaded = ChatNumbers(hass, entry)
        await loaded.async_load()
        numbers[entry.entry_id] = loaded
    return numbers[entry.entry_id]


async def async_remove_chat_numbers(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the stored chat numbers of a removed entry."""
    numbers = get_data(hass).chat_numbers.pop(entry.entry_id, None)
    await (numbers or ChatNumbers(hass, entry)).async_remove()


@callback
def get_open_questions(hass: HomeAssistant, entry: ConfigEntry) -> OpenQuestions:
    """Return the questions that wait for an answer, the same after a reload."""
    return get_data(hass).open_questions.setdefault(entry.entry_id, OpenQuestions())


@callback
def async_remove_open_questions(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """End the questions of a removed entry."""
    if questions := get_data(hass).open_questions.pop(entry.entry_id, None):
        questions.end(lambda: errors.failed("question_stopped"))

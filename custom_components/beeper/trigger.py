"""The triggers of automations: messages and their changes, lost accounts, failures.

They listen to events of all servers. So automations can load before a server is set up,
and their triggers stay attached when an entry reloads.
"""

from abc import abstractmethod
from functools import lru_cache
from typing import Any, ClassVar, Final, override

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util
from homeassistant.util.signal_type import SignalType

from . import automation_scope
from .api.folding import fold, fold_reaction
from .api.models import MESSAGE_KINDS, Chat, Reaction, User
from .data import note_trigger
from .people.senders import is_sender
from .person_validation import senders
from .signals import (
    SIGNAL_ACCOUNT_DISCONNECTED,
    SIGNAL_MESSAGE,
    SIGNAL_SEND_FAILED,
    AccountDisconnected,
    MessageEvent,
    MessageEventType,
    SendFailed,
)
from .validation import as_list, boolean, identifiers, one_of, reaction, some_of

CONF_CHAT_TYPE: Final = "chat_type"
CONF_INCLUDE_OWN: Final = "include_own"
CONF_MATCH_SKIN_TONE: Final = "match_skin_tone"
CONF_MESSAGE_ID: Final = "message_id"
CONF_MESSAGE_TYPE: Final = "message_type"
CONF_PHRASE: Final = "phrase"
CONF_PHRASE_MATCH: Final = "phrase_match"
CONF_REACTION: Final = "reaction"
CONF_SENDER: Final = "sender"

# Events of a chat trigger nothing.
_MESSAGE_TYPES: Final = tuple(kind for kind in MESSAGE_KINDS if kind != "event")

MATCH_CONTAINS: Final = "contains"
MATCH_WHOLE: Final = "whole"


class _BeeperTrigger[EventT: MessageEvent | AccountDisconnected | SendFailed](Trigger):
    """Base of all triggers: options, a target, and the signal of an event."""

    _schema: ClassVar[vol.Schema]
    _signal: SignalType[EventT]

    @override
    @classmethod
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        return await automation_scope.async_validate(
            hass, config, cls._schema, with_target=True
        )

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Keep the options."""
        super().__init__(hass, config)
        self._options: dict[str, Any] = config.options or {}
        self._target = config.target

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        @callback
        def on_event(event: EventT) -> None:
            if self._matches(event):
                run_action(
                    self._variables(event) | {"config_entry_id": event.entry_id},
                    self._describe(event),
                    self._context(event),
                )

        return async_dispatcher_connect(self._hass, self._signal, on_event)

    def _concerns(
        self, entry_id: str, account_id: str, chat: Chat | None = None
    ) -> bool:
        """Return whether the options and the target select this account or chat."""
        subject = automation_scope.Subject(
            entry_id, account_id, chat.ids if chat else None, chat
        )
        return (
            not self._target
            or automation_scope.is_targeted(self._hass, self._target, subject)
        ) and automation_scope.concerns(self._hass, self._options, subject)

    @abstractmethod
    def _matches(self, event: EventT) -> bool:
        """Return whether the options select an event."""

    @abstractmethod
    def _describe(self, event: EventT) -> str:
        """Return a text for the logbook, which must not name people."""

    def _variables(self, event: EventT) -> dict[str, Any]:
        """Return the trigger's variables."""
        return event.as_dict()

    def _context(self, event: EventT) -> Context | None:
        """Return the context of the actions, None for a new one."""
        return None


class _MessageTrigger(_BeeperTrigger[MessageEvent]):
    """A change of a message, by default not by the user."""

    _signal = SIGNAL_MESSAGE
    _types: ClassVar[tuple[MessageEventType, ...]]
    _own_types: ClassVar[tuple[MessageEventType, ...]]
    """With `include_own`."""
    _name: ClassVar[str]

    @override
    def _describe(self, event: MessageEvent) -> str:
        return f"{self._name} on {event.chat.network or 'Beeper'}"

    @override
    def _variables(self, event: MessageEvent) -> dict[str, Any]:
        return event.as_dict() | {"age": self._age(event)}

    def _age(self, event: MessageEvent) -> int | None:
        """Return the seconds since a message was written, on the server's clock.

        Home Assistant's clock can differ by minutes.
        """
        entry = self._hass.config_entries.async_get_entry(event.entry_id)
        if event.message.timestamp is None or entry is None:
            return None
        now = (
            entry.runtime_data.server.now()
            if entry.state is ConfigEntryState.LOADED
            else dt_util.utcnow()
        )
        return max(0, int((now - event.message.timestamp).total_seconds()))

    @override
    def _context(self, event: MessageEvent) -> Context:
        # The outbox recognizes answers to the message by the context.
        context = Context()
        note_trigger(self._hass, context.id, event)
        return context

    @override
    def _matches(self, event: MessageEvent) -> bool:
        options = self._options
        if event.type not in (
            self._own_types if options[CONF_INCLUDE_OWN] else self._types
        ):
            return False
        return (
            (options[CONF_INCLUDE_OWN] or not event.is_self)
            and (not options[CONF_SENDER] or self._is_sender(event.sender))
            and self._concerns(event.entry_id, event.account_id, event.chat)
        )

    def _is_sender(self, sender: User) -> bool:
        return any(
            is_sender(sender, identity) for identity in self._options[CONF_SENDER]
        )


class MessageReceivedTrigger(_MessageTrigger):
    """A message to the user or, with `include_own`, by the user in another app."""

    _name = "message"
    _types: ClassVar[tuple[MessageEventType, ...]] = ("message_received",)
    _own_types: ClassVar[tuple[MessageEventType, ...]] = (
        "message_received",
        "message_sent",
    )
    _schema = vol.Schema(
        {
            **automation_scope.CHAT,
            vol.Optional(CONF_SENDER, default=list): senders,
            vol.Optional(CONF_CHAT_TYPE): one_of("single", "group"),
            vol.Optional(CONF_MESSAGE_TYPE, default=list): some_of(*_MESSAGE_TYPES),
            vol.Optional(CONF_PHRASE, default=list): identifiers,
            vol.Optional(CONF_PHRASE_MATCH, default=MATCH_CONTAINS): one_of(
                MATCH_CONTAINS, MATCH_WHOLE
            ),
            vol.Optional(CONF_INCLUDE_OWN, default=False): boolean,
        }
    )

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Fold the phrases."""
        super().__init__(hass, config)
        self._phrases = [fold(phrase) for phrase in self._options[CONF_PHRASE]]

    @override
    def _matches(self, event: MessageEvent) -> bool:
        options = self._options
        return (
            options.get(CONF_CHAT_TYPE) in (None, event.chat.type)
            and (
                not options[CONF_MESSAGE_TYPE]
                or event.message.kind in options[CONF_MESSAGE_TYPE]
            )
            and super()._matches(event)
            and (not self._phrases or self._has_phrase(event.text or ""))
        )

    def _has_phrase(self, text: str) -> bool:
        folded = _fold_message(text)
        if self._options[CONF_PHRASE_MATCH] == MATCH_WHOLE:
            return folded in self._phrases
        return any(phrase in folded for phrase in self._phrases)


_CHANGE_SCHEMA: Final = {
    **automation_scope.CHAT,
    vol.Optional(CONF_MESSAGE_ID, default=list): identifiers,
    vol.Optional(CONF_SENDER, default=list): senders,
    vol.Optional(CONF_INCLUDE_OWN, default=False): boolean,
}


class _ChangeTrigger(_MessageTrigger):
    """An edit of or a reaction to a message, optionally of certain messages only."""

    @override
    def _matches(self, event: MessageEvent) -> bool:
        message_ids = self._options[CONF_MESSAGE_ID]
        return (
            not message_ids or not event.message_ids.isdisjoint(message_ids)
        ) and super()._matches(event)


class MessageEditedTrigger(_ChangeTrigger):
    """The text of a message was edited."""

    _name = "edited message"
    _types: ClassVar[tuple[MessageEventType, ...]] = ("message_edited",)
    _own_types = _types
    _schema = vol.Schema(_CHANGE_SCHEMA)


class ReactionAddedTrigger(_ChangeTrigger):
    """A reaction was added to a message."""

    _name = "reaction"
    _types: ClassVar[tuple[MessageEventType, ...]] = ("reaction_added",)
    _own_types = _types
    _schema = vol.Schema(
        {
            **_CHANGE_SCHEMA,
            vol.Optional(CONF_REACTION, default=list): vol.All(as_list, [reaction]),
            vol.Optional(CONF_MATCH_SKIN_TONE, default=False): boolean,
        }
    )

    @override
    def _matches(self, event: MessageEvent) -> bool:
        return (
            not self._options[CONF_REACTION] or self._is_selected(event.reaction)
        ) and super()._matches(event)

    def _is_selected(self, added: Reaction | None) -> bool:
        skin_tone = self._options[CONF_MATCH_SKIN_TONE]
        return added is not None and fold_reaction(added.key, skin_tone=skin_tone) in {
            fold_reaction(key, skin_tone=skin_tone)
            for key in self._options[CONF_REACTION]
        }


class AccountDisconnectedTrigger(_BeeperTrigger[AccountDisconnected]):
    """An account has lost the connection to its network."""

    _schema = vol.Schema(automation_scope.ACCOUNT)
    _signal = SIGNAL_ACCOUNT_DISCONNECTED

    @override
    def _matches(self, event: AccountDisconnected) -> bool:
        return self._concerns(event.entry_id, event.account_id)

    @override
    def _describe(self, event: AccountDisconnected) -> str:
        return f"{event.network or 'account'} disconnected"


class SendFailedTrigger(_BeeperTrigger[SendFailed]):
    """A message that Home Assistant sent could not be delivered."""

    _schema = vol.Schema(automation_scope.CHAT)
    _signal = SIGNAL_SEND_FAILED

    @override
    def _matches(self, event: SendFailed) -> bool:
        return self._concerns(event.entry_id, event.chat.account_id or "", event.chat)

    @override
    def _describe(self, event: SendFailed) -> str:
        return f"sending failed on {event.chat.network or 'Beeper'}"


# All automations compare the same message, which can be long.
_fold_message = lru_cache(maxsize=1)(fold)


_TRIGGERS: Final[dict[str, type[Trigger]]] = {
    "message_received": MessageReceivedTrigger,
    "message_edited": MessageEditedTrigger,
    "reaction_added": ReactionAddedTrigger,
    "account_disconnected": AccountDisconnectedTrigger,
    "send_failed": SendFailedTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by their keys, without the domain."""
    return _TRIGGERS

"""Requests by sentences, intents and language models, for all servers together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from ..api.folding import is_blank
from ..const import CONF_LLM_CAN_SEND, DOMAIN
from ..coordinator import BeeperConfigEntry
from ..permissions import async_may_control
from .commands import Commands
from .dialog import Dialog
from .phrases import async_split_phrase
from .questions import PendingRequest, Purpose, Requester
from .sentences import RecognizedSentence
from .spoken_recipients import (
    Matches,
    Recipient,
    async_find_matches,
    async_find_recipients,
)
from .spoken_responses import Responder, VoiceResponse
from .unread import (
    UnreadSummary,
    async_unread,
    async_unread_from,
    count_as_speech,
    messages_as_speech,
)

INTENT_SEND: Final = "BeeperSendMessage"
INTENT_CREATE: Final = "BeeperCreateChat"
INTENT_READ: Final = "BeeperReadUnread"
INTENT_COUNT: Final = "BeeperCountUnread"
INTENT_MARK_READ: Final = "BeeperMarkRead"

_MAX_CHOICES: Final = 5

_PURPOSES: Final[Mapping[str, Purpose]] = {
    INTENT_SEND: "send",
    INTENT_CREATE: "create",
    INTENT_MARK_READ: "mark_read",
}


@singleton(HassKey["Assistant"](f"{DOMAIN}_assistant"))
@callback
def async_get_assistant(hass: HomeAssistant) -> Assistant:
    """Return the assistant, which all config entries share."""
    return Assistant(hass)


class Assistant:
    """Finds recipients, sends messages, starts chats and reads unread messages."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without servers."""
        self.hass = hass
        self.entries: list[BeeperConfigEntry] = []
        self._commands = Commands(hass, self.entries, self._handle_command)
        self._responder = Responder(hass)
        self._dialog = Dialog(
            hass, self.entries, self._commands.is_command, self._responder
        )

    # Config entry lifecycle

    async def async_add(self, entry: BeeperConfigEntry) -> None:
        """Include a server until its entry is unloaded."""
        self.entries.append(entry)
        entry.async_on_unload(partial(self._remove, entry))
        entry.async_on_unload(
            entry.runtime_data.async_add_listener(self._commands.async_update)
        )
        await self._commands.async_register()

    @callback
    def _remove(self, entry: BeeperConfigEntry) -> None:
        self.entries.remove(entry)
        self._dialog.discard(entry)
        self._commands.async_update()

    async def async_register_commands(self) -> None:
        """Register the commands, if an option asks for them."""
        await self._commands.async_register()

    async def async_run(
        self, requester: Requester, name: str, slots: Mapping[str, str | None]
    ) -> VoiceResponse:
        """Carry out an intent or a command."""
        recipient, network = slots.get("recipient"), slots.get("network")
        if name in (INTENT_READ, INTENT_COUNT):
            return await self.async_read_out(
                requester, recipient, network=network, count_only=name == INTENT_COUNT
            )
        if phrase := slots.get("rest"):
            return await self.async_send_phrase(requester, phrase, network=network)
        return await self.async_send(
            requester,
            recipient or "",
            slots.get("message"),
            network=network,
            purpose=_PURPOSES[name],
        )

    async def _handle_command(
        self, sentence: RecognizedSentence, trigger: Mapping[str, Any]
    ) -> str:
        requester = Requester.from_trigger(trigger)
        return (
            await self.async_run(requester, sentence.meaning, sentence.slots)
        ).speech

    # Sending

    async def async_send(
        self,
        requester: Requester,
        name: str,
        message: str | None,
        *,
        network: str | None = None,
        purpose: Purpose = "send",
        from_llm: bool = False,
        is_clear: bool = True,
    ) -> VoiceResponse:
        """Send a message, start a chat or mark one as read; ask first where necessary.

        A text that shows nothing is missing. A language model can use only the servers
        that allow it. It gets the recipients that a name matches instead of a question.
        `is_clear` is False if the name may have been longer.
        """
        if message is not None and is_blank(message):
            if from_llm:
                # A question would make the user's next words the message.
                return await self._responder.text(requester, "no_text")
            message = None
        entries = [
            entry
            for entry in self.entries
            if not from_llm or entry.options.get(CONF_LLM_CAN_SEND, False)
        ]
        if refusal := await self._check_access(requester, entries):
            return refusal
        found = await self._async_recipients(
            requester,
            entries,
            name,
            network,
            "no_sender" if purpose == "mark_read" else "no_recipient",
        )
        if isinstance(found, VoiceResponse):
            return found
        recipients = found
        if purpose == "mark_read":
            recipients = tuple(row for row in found if row.chat_id) or found
        if len(recipients) > 1 and from_llm:
            return VoiceResponse(status="which", speech="", recipients=recipients)
        if len(recipients) > _MAX_CHOICES:
            return await self._responder.text(
                requester, "too_many", name=name, count=str(len(recipients))
            )
        return await self._dialog.async_process(
            requester,
            PendingRequest(
                purpose=purpose,
                name=name,
                message=message,
                recipients=tuple(
                    replace(row, certain=row.certain and is_clear) for row in recipients
                ),
                from_llm=from_llm,
            ),
        )

    async def _async_recipients(
        self,
        requester: Requester,
        entries: Sequence[BeeperConfigEntry],
        name: str,
        network: str | None,
        nobody: Literal["no_recipient", "no_sender"],
    ) -> tuple[Recipient, ...] | VoiceResponse:
        """Return the best matches for a name; an error, or the text `nobody`, without."""
        language = await self._responder.language(requester)
        try:
            found = await async_find_recipients(
                self.hass, entries, name, network, language
            )
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)
        return found or await self._responder.text(
            requester,
            f"{nobody}_on" if network else nobody,
            name=name,
            network=network or "",
        )

    async def async_send_phrase(
        self, requester: Requester, phrase: str, *, network: str | None = None
    ) -> VoiceResponse:
        """Send a message whose recipient and text have nothing between them."""
        if refusal := await self._check_access(requester, self.entries):
            return refusal
        language = await self._responder.language(requester)
        try:
            split = await async_split_phrase(self.entries, phrase, network, language)
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)
        return await self.async_send(
            requester,
            split.name,
            split.message,
            network=network,
            is_clear=split.is_clear,
        )

    # Unread messages

    async def async_find(
        self, requester: Requester, text: str
    ) -> Matches | VoiceResponse:
        """Return the people and chats that a text matches, or an error."""
        if refusal := await self._check_access(requester, self.entries):
            return refusal
        try:
            return await async_find_matches(self.entries, text)
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)

    async def async_read(
        self,
        requester: Requester,
        name: str | None,
        *,
        network: str | None = None,
        count_only: bool = False,
    ) -> UnreadSummary | VoiceResponse:
        """Return the unread messages, from everybody or from `name`, or an error."""
        if refusal := await self._check_access(requester, self.entries):
            return refusal
        try:
            if name is None:
                return await async_unread(self.entries, network, count_only=count_only)
            found = await self._async_recipients(
                requester, self.entries, name, network, "no_sender"
            )
            if isinstance(found, VoiceResponse):
                return found
            return await async_unread_from(found, count_only=count_only)
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)

    async def async_read_out(
        self,
        requester: Requester,
        name: str | None,
        *,
        network: str | None = None,
        count_only: bool = False,
    ) -> VoiceResponse:
        """Return the unread messages, or only how many there are, as speech."""
        unread = await self.async_read(
            requester, name, network=network, count_only=count_only
        )
        if isinstance(unread, VoiceResponse):
            return unread
        language = await self._responder.language(requester)
        write = count_as_speech if count_only else messages_as_speech
        return VoiceResponse(status="read", speech=write(language, unread))

    async def _check_access(
        self, requester: Requester, entries: Sequence[BeeperConfigEntry]
    ) -> VoiceResponse | None:
        """Return the reason if the requester may not use any of the servers."""
        if not await async_may_control(self.hass, requester.context):
            return await self._responder.text(requester, "not_allowed")
        if not entries:
            return await self._responder.text(requester, "no_server")
        return None

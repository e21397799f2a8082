"""What is said becomes a message: who is meant, whether to ask first, what happened.

For sentences, intents and language models alike. Everything leaves by the outbox, not
by actions: Home Assistant records what those are called with. A question waits in memory, a minute long, for
whoever it was put to where it was put, and is answered once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import voluptuous as vol

from homeassistant.core import CALLBACK_TYPE, Context, HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import chat_session, intent
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util.hass_dict import HassKey

from .. import errors
from ..api.models import SentMessage
from ..api.requests import StartChat, StartUser
from ..const import (
    CONF_CONFIRM,
    CONF_LLM_CAN_SEND,
    CONF_SENTENCES,
    DEFAULT_CONFIRM,
    DOMAIN,
)
from ..coordinator import BeeperConfigEntry
from ..outgoing import markdown
from ..outgoing.chat_job import ChatJob, ChatJobResult
from ..outgoing.message_job import MessageJob, MessageRequest
from ..outgoing.outbox import Outcome, get_outbox
from ..permissions import async_may_control
from ..validation import query
from . import satellite
from .recipients import Target, async_find_targets, async_search, is_network, labels
from .sentences import (
    Language,
    Said,
    async_languages,
    async_listen,
    async_understand,
    choose_language,
)
from .unread import Unread, async_unread, async_unread_of, spoken

INTENT_SEND: Final = "BeeperSendMessage"
INTENT_CREATE: Final = "BeeperCreateChat"
INTENT_READ: Final = "BeeperReadUnread"

DONE: Final = frozenset(("already_sent", "chat_exists", "chat_open", "read", "sent"))
ASKED: Final = frozenset(("confirm", "which"))

_PATIENCE: Final = 60
"""Seconds that a question waits for its answer."""

_ALOUD: Final = 50
"""Seconds that a satellite has for it; then it can still say that nothing was sent."""

_UNKNOWN: Final = 600
"""Seconds for which the outbox remembers an attempt with an unknown outcome."""

_MAX_CHOICES: Final = 5
_MAX_FOUND: Final = 10

# Errors that have words of their own when they are spoken.
_SPOKEN: Final = {
    "budget_empty": "budget_empty",
    "cannot_connect": "not_reached",
    "earlier_unknown": "still_unknown",
    "message_still_unknown": "still_unknown",
    "message_unconfirmed": "unknown",
    "message_unknown": "unknown",
    "outcome_unknown": "unknown",
    "read_cannot_connect": "not_reached",
    "read_only": "read_only",
}


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Asker:
    """Who wants something, and where a question would reach them.

    `place` is a device, satellite or conversation, None if nobody could answer.
    """

    context: Context
    language: str
    place: str | None
    satellite_id: str | None = None

    @property
    def key(self) -> tuple[str | None, str | None]:
        """What an answer has in common with its question."""
        return self.context.user_id, self.place


@callback
def async_asker(
    context: Context,
    language: str,
    *,
    device_id: str | None,
    satellite_id: str | None = None,
) -> Asker:
    """Return who speaks in the conversation that is going on."""
    session = chat_session.current_session.get()
    conversation_id = session.conversation_id if session else None
    return Asker(
        context=context,
        language=language,
        place=device_id or satellite_id or conversation_id,
        satellite_id=satellite_id,
    )


@dataclass(kw_only=True, repr=False, eq=False)
class Answer:
    """What became of a wish: a word for programs, and a sentence for people.

    The word is in DONE, in ASKED, or says why nothing, or nothing certain, happened.
    """

    status: str
    speech: str
    targets: tuple[Target, ...] = ()


@dataclass(kw_only=True, repr=False, eq=False)
class _Wish:
    """A message, or without one a chat, for whoever `given` means."""

    given: str
    message: str | None
    targets: tuple[Target, ...]
    by_program: bool


# Compared by identity: the same can be asked again.
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class _Question:
    wish: _Wish
    context_id: str
    stop: CALLBACK_TYPE
    """Ends waiting for the answer."""


@singleton(HassKey["Voice"](f"{DOMAIN}_voice"))
@callback
def async_get_voice(hass: HomeAssistant) -> Voice:
    """Return the one there is."""
    return Voice(hass)


class Voice:
    """What all servers together can be asked for."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Know no server yet."""
        self.hass = hass
        self.entries: list[BeeperConfigEntry] = []
        self._registering = asyncio.Lock()
        # The sentences that Home Assistant knows, and for which networks.
        self._commands: tuple[frozenset[str], CALLBACK_TYPE] | None = None
        self._replies: CALLBACK_TYPE | None = None
        self._questions: dict[tuple[str | None, str | None], _Question] = {}
        # Chats of which nobody knows whether they were started, and until when the
        # outbox looks instead of starting them again.
        self._unknown: dict[StartChat, float] = {}

    # Servers come and go

    async def async_add(self, entry: BeeperConfigEntry) -> None:
        """Take what is said to concern this server too, until it is unloaded."""
        self.entries.append(entry)
        entry.async_on_unload(partial(self._remove, entry))
        entry.async_on_unload(
            entry.runtime_data.async_add_listener(self._listen_for_new_networks)
        )
        await self.async_listen()

    @callback
    def _remove(self, entry: BeeperConfigEntry) -> None:
        self.entries.remove(entry)
        for key, question in list(self._questions.items()):
            if any(target.entry is entry for target in question.wish.targets):
                self._take(key)
        self._listen_for_new_networks()

    async def async_listen(self) -> None:
        """Listen for commands, if any server wants them, with its networks' names."""
        async with self._registering:
            # What is wanted may change meanwhile.
            while (wanted := self._wanted()) != (
                self._commands[0] if self._commands else None
            ):
                if self._commands:
                    self._commands[1]()
                    self._commands = None
                if wanted is not None:
                    self._commands = (
                        wanted,
                        await async_listen(self.hass, "commands", wanted, self._obey),
                    )

    def _wanted(self) -> frozenset[str] | None:
        if "conversation" not in self.hass.config.components or not any(
            entry.options.get(CONF_SENTENCES, True) for entry in self.entries
        ):
            return None
        return frozenset(self._networks())

    def _networks(self) -> set[str]:
        return {
            account.name
            for entry in self.entries
            for account in entry.runtime_data.server.accounts
            # Whoever says Beeper means all of it.
            if account.name.lower() != DOMAIN
        }

    @callback
    def _listen_for_new_networks(self) -> None:
        if self._wanted() != (self._commands[0] if self._commands else None):
            self.hass.async_create_task(self.async_listen(), f"{DOMAIN} sentences")

    # What is heard

    async def _obey(self, said: Said, trigger: Mapping[str, Any]) -> str:
        """Carry out a command by its intent, as users' own sentences do."""
        asker = _speaker(trigger)
        response = await intent.async_handle(
            self.hass,
            DOMAIN,
            said.meaning,
            {name: {"value": value} for name, value in said.slots.items()},
            text_input=trigger["sentence"],
            context=asker.context,
            language=asker.language,
            device_id=trigger["device_id"],
            satellite_id=asker.satellite_id,
        )
        speech: str = response.speech["plain"]["speech"]
        return speech

    async def _reply(self, said: Said, trigger: Mapping[str, Any]) -> str:
        return (await self._answered(_speaker(trigger), said)).speech

    # What is wished

    async def async_send(
        self,
        asker: Asker,
        recipient: str,
        message: str | None,
        *,
        network: str | None = None,
        by_program: bool = False,
    ) -> Answer:
        """Send a message, or without one start a chat; or ask first.

        A program, which is to say a language model, may use only the servers that
        allow it, and is told who is meant by a name instead of being asked.
        """
        entries = [
            entry
            for entry in self.entries
            if not by_program or entry.options.get(CONF_LLM_CAN_SEND, False)
        ]
        if refusal := await self._refusal(asker, entries):
            return refusal
        try:
            targets = await async_find_targets(self.hass, entries, recipient, network)
        except HomeAssistantError as err:
            return await self._failed(asker, err)
        wish = _Wish(
            given=recipient, message=message, targets=targets, by_program=by_program
        )
        if not targets:
            return await self._nobody(asker, recipient, network)
        if len(targets) > 1 and by_program:
            return Answer(status="which", speech="", targets=targets)
        if len(targets) > _MAX_CHOICES:
            return await self._say(
                asker, "too_many", given=recipient, count=str(len(targets))
            )
        return await self._go_on(asker, wish)

    async def _go_on(self, asker: Asker, wish: _Wish) -> Answer:
        """Do what is clear, and ask for what is not."""
        if len(wish.targets) > 1:
            return await self._ask(asker, wish)
        [target] = wish.targets
        if wish.message is None and target.chat_id:
            return await self._say_of(asker, "chat_exists", target)
        confirm = target.entry.options.get(CONF_CONFIRM, DEFAULT_CONFIRM)
        if (
            confirm == "always"
            or (confirm == "new_people" and not target.chat_id)
            or not target.certain
        ):
            return await self._ask(asker, wish)
        return await self._do(asker, wish)

    async def _do(self, asker: Asker, wish: _Wish) -> Answer:
        [target] = wish.targets
        if target.entry not in self.entries:
            return await self._say(asker, "no_server")
        try:
            done = await self._reach(asker.context, target, wish.message)
        except HomeAssistantError as err:
            return await self._failed(asker, err)
        if wish.message is None:
            result = done.result
            existed = isinstance(result, ChatJobResult) and result.status == "existing"
            key = "chat_exists" if existed else "chat_open"
        else:
            key = "already_sent" if done.duplicate else "sent"
        return await self._say_of(asker, key, target)

    async def _reach(
        self, context: Context, target: Target, message: str | None
    ) -> Outcome[SentMessage] | Outcome[ChatJobResult]:
        """Send a message, or start a chat; raises a translated HomeAssistantError."""
        if message is not None and not message.strip():
            raise errors.invalid("nothing_to_send")
        written = markdown.escape(message) if message else None
        outbox = get_outbox(self.hass, target.entry)
        # A chat that is there by now may be what an attempt has left behind, with the
        # message in it: then it is that attempt that is repeated.
        now = self.hass.loop.time()
        self._unknown = {key: end for key, end in self._unknown.items() if end > now}
        start = next(
            (each for each in self._unknown if _is_start(each, target, written)), None
        )
        if start or target.chat_id is None:
            start = start or StartChat(
                account_id=target.account_id,
                user=StartUser(**target.user),
                message_text=written,
            )
            self._unknown.pop(start, None)
            try:
                return await outbox.run(ChatJob(context=outbox.context, request=start))
            except HomeAssistantError as err:
                if errors.is_unknown(err):
                    self._unknown[start] = now + _UNKNOWN
                raise
        return await outbox.run(
            MessageJob(
                context=outbox.context,
                message=MessageRequest(
                    chat_id=target.chat_id, text=written, length=len(message or "")
                ),
                call_context=context,
            )
        )

    # Who is meant

    async def async_find(
        self, asker: Asker, text: str
    ) -> list[dict[str, Any]] | Answer:
        """Return whom a text can mean, the best first, or why it cannot be told."""
        if refusal := await self._refusal(asker, self.entries):
            return refusal
        try:
            found = [
                match
                for coordinator in [each.runtime_data for each in self.entries]
                for match in (
                    await async_search(self.hass, coordinator, query(text))
                ).matches[:_MAX_FOUND]
            ]
        except vol.Invalid as err:
            return await self._failed(asker, errors.invalid(err.msg, field="name"))
        except HomeAssistantError as err:
            return await self._failed(asker, err)
        return [
            {
                "name": each.name,
                "kind": "group"
                if each.chat and each.chat.type == "group"
                else "person",
                "network": each.network,
                "account_id": each.account_id,
                "match": rank.name.lower(),
                "id": each.chat.id if each.chat else each.users[0].id,
            }
            for rank, each in found
        ]

    # Questions

    async def _ask(self, asker: Asker, wish: _Wish) -> Answer:
        """Put a question, if whoever asked can answer; its answer is told or spoken."""
        status = "which" if len(wish.targets) > 1 else "confirm"
        if asker.place is None:
            return await self._say(asker, "cannot_ask")

        @callback
        def forget(_: object) -> None:
            self._take(asker.key)

        async with self._registering:
            waiting = self._questions.get(asker.key)
            if waiting and wish.by_program and waiting.context_id == asker.context.id:
                # One yes would be taken for the other message.
                return await self._say(asker, "asking")
            self._take(asker.key)
            if not self._replies and "conversation" in self.hass.config.components:
                self._replies = await async_listen(
                    self.hass, "replies", self._networks(), self._reply
                )
            question = self._questions[asker.key] = _Question(
                wish=wish,
                context_id=asker.context.id,
                stop=async_call_later(
                    self.hass, _PATIENCE, HassJob(forget, cancel_on_shutdown=True)
                ),
            )
        speech = _question(await self._language(asker), wish)
        if asker.satellite_id and satellite.can_ask(self.hass, asker.satellite_id):
            wish.targets[0].entry.async_create_background_task(
                self.hass,
                self._ask_aloud(asker, asker.satellite_id, speech, question),
                f"{DOMAIN} question",
            )
            speech = ""
        return Answer(status=status, speech=speech, targets=wish.targets)

    @callback
    def _take(
        self, key: tuple[str | None, str | None], *, only: _Question | None = None
    ) -> _Wish | None:
        """Take what a question is about, None if there is none; it cannot be taken twice."""
        question = self._questions.get(key)
        if question is None or (only and question is not only):
            return None
        del self._questions[key]
        question.stop()
        if not self._questions and self._replies:
            self._replies()
            self._replies = None
        return question.wish

    async def _answered(
        self, asker: Asker, said: Said, *, to: _Question | None = None
    ) -> Answer:
        """Go on as the answer to a question says, to this one or to whichever waits."""
        wish = self._take(asker.key, only=to)
        if wish is None:
            return await self._say(asker, "nothing_asked")
        if said.meaning == "drop":
            return await self._say(asker, "dropped")
        if said.meaning == "confirm" and len(wish.targets) == 1:
            return await self._do(asker, wish)
        if chosen := _chosen(wish.targets, said.slots):
            wish = replace(wish, targets=chosen)
        return await self._go_on(asker, wish)

    async def _ask_aloud(
        self, asker: Asker, satellite_id: str, speech: str, question: _Question
    ) -> None:
        """Let a satellite ask, and then say what became of it."""
        understand = await async_understand(self.hass, "replies", self._networks())
        heard = await satellite.async_ask(
            self.hass,
            satellite_id,
            speech,
            context=asker.context,
            patience=_ALOUD,
        )
        if heard and (said := understand(heard, asker.language)):
            # Another one may have taken its place meanwhile.
            answer = await self._answered(asker, said, to=question)
        elif self._take(asker.key, only=question):
            answer = await self._say(asker, "not_answered")
        else:
            return
        # Another question is put in the same way.
        if answer.speech:
            await satellite.async_tell(
                self.hass, satellite_id, answer.speech, context=asker.context
            )

    # What is unread

    async def async_read(
        self, asker: Asker, recipient: str | None, *, network: str | None = None
    ) -> Unread | Answer:
        """Return what is unread, all or of somebody, or why it cannot be told."""
        if refusal := await self._refusal(asker, self.entries):
            return refusal
        try:
            if recipient is None:
                return await async_unread(self.entries, network)
            targets = await async_find_targets(
                self.hass, self.entries, recipient, network
            )
            if targets:
                return await async_unread_of(targets)
        except HomeAssistantError as err:
            return await self._failed(asker, err)
        return await self._nobody(asker, recipient, network)

    async def async_read_out(
        self, asker: Asker, recipient: str | None, *, network: str | None = None
    ) -> Answer:
        """Return the same as it is spoken."""
        read = await self.async_read(asker, recipient, network=network)
        if isinstance(read, Answer):
            return read
        return Answer(status="read", speech=spoken(await self._language(asker), read))

    # What is said

    async def _language(self, asker: Asker) -> Language:
        return choose_language(
            await async_languages(self.hass),
            asker.language,
            self.hass.config.language,
        )

    async def _say(self, asker: Asker, key: str, **values: str) -> Answer:
        language = await self._language(asker)
        return Answer(status=key, speech=language.say(key, **values))

    async def _refusal(
        self, asker: Asker, entries: Sequence[BeeperConfigEntry]
    ) -> Answer | None:
        """Say why nothing at all can be done for somebody, None if something can."""
        if not await async_may_control(self.hass, asker.context):
            return await self._say(asker, "not_allowed")
        return None if entries else await self._say(asker, "no_server")

    async def _nobody(self, asker: Asker, given: str, network: str | None) -> Answer:
        key = "nobody_there" if network else "nobody"
        return await self._say(asker, key, given=given, network=network or "")

    async def _say_of(self, asker: Asker, key: str, target: Target) -> Answer:
        language = await self._language(asker)
        [person] = labels(language, [target])
        return Answer(
            status=key, speech=language.say(key, person=person), targets=(target,)
        )

    async def _failed(self, asker: Asker, err: HomeAssistantError) -> Answer:
        """Say why something was not done, or that it is unknown, without any trace."""
        if key := _SPOKEN.get(err.translation_key or ""):
            return await self._say(asker, key)
        language, domain = await self._language(asker), err.translation_domain or DOMAIN
        texts = await async_get_translations(
            self.hass, language.code, "exceptions", {domain}
        )
        text = texts.get(f"component.{domain}.exceptions.{err.translation_key}.message")
        reason = (
            text.format(**(err.translation_placeholders or {})) if text else str(err)
        )
        return await self._say(asker, "failed", reason=reason)


@callback
def _speaker(trigger: Mapping[str, Any]) -> Asker:
    """Return who has said a sentence."""
    said = trigger["user_input"]
    return async_asker(
        Context(**said["context"]),
        said["language"],
        device_id=trigger["device_id"],
        satellite_id=trigger["satellite_id"],
    )


def _is_start(start: StartChat, target: Target, written: str | None) -> bool:
    """Tell whether somebody was to get just this by a chat that was started."""
    user = {start.user.id, start.user.phone_number, start.user.email}
    return (start.account_id, start.message_text) == (
        target.account_id,
        written,
    ) and any(value in user for value in target.user.values())


def _question(language: Language, wish: _Wish) -> str:
    """Return what to ask before a wish is fulfilled."""
    called = labels(language, wish.targets)
    if len(called) > 1:
        networks = {target.network for target in wish.targets}
        if len(networks) < len(called):
            key = "which_first"
        else:
            key = "which_2" if len(called) == 2 else "which_more"
        return language.say(
            key,
            count=str(len(called)),
            given=wish.given,
            people=", ".join(called[:-1]) + language.say("and") + called[-1],
            network=wish.targets[-1].network,
        )
    if wish.message is None:
        key = "confirm_chat"
    else:
        key = "confirm" if wish.targets[0].chat_id else "confirm_new"
    return language.say(key, person=called[0], message=wish.message or "")


def _chosen(
    targets: tuple[Target, ...], slots: Mapping[str, Any]
) -> tuple[Target, ...]:
    """Return those that an answer leaves."""
    if "ordinal" in slots:
        return targets[slots["ordinal"] :][:1]
    if "network" in slots:
        return tuple(
            each for each in targets if is_network(slots["network"], each.network)
        )
    return ()

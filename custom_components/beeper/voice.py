"""What is said becomes a message: who is meant, whether to ask first, what happened.

For sentences, intents and language models alike. Everything leaves by our own actions,
so what they refuse is refused here too. A question waits in memory, a minute long, for
whoever it was put to where it was put, and is answered once.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from textwrap import shorten
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import ATTR_ENTITY_ID, ATTR_SUPPORTED_FEATURES
from homeassistant.core import (
    CALLBACK_TYPE,
    Context,
    Event,
    EventStateChangedData,
    HassJob,
    HomeAssistant,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import chat_session, intent
from homeassistant.helpers.event import async_call_later, async_track_state_change_event
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util.hass_dict import HassKey

from . import addressing, errors
from .api.exceptions import AuthenticationError, BeeperError
from .api.models import Account
from .const import (
    CONF_ACCOUNT_ID,
    CONF_CONFIRM,
    CONF_LLM_CAN_SEND,
    CONF_SENTENCES,
    DEFAULT_CONFIRM,
    DOMAIN,
)
from .coordinator import BeeperConfigEntry
from .sentences import (
    Language,
    Said,
    async_languages,
    async_listen,
    async_understand,
    choose_language,
)
from .validators import recipient as whom

INTENT_SEND: Final = "BeeperSendMessage"
INTENT_CREATE: Final = "BeeperCreateChat"
INTENT_READ: Final = "BeeperReadUnread"

DONE: Final = frozenset(("already_sent", "chat_exists", "chat_open", "read", "sent"))
ASKED: Final = frozenset(("confirm", "which"))

_PATIENCE: Final = 60
"""Seconds that a question waits for its answer."""

_MAX_CHOICES: Final = 5
_MAX_CHATS: Final = 5
_MAX_MESSAGES: Final = 3
"""Of each chat."""

_MAX_FOUND: Final = 10
_NEWEST: Final = 20
"""Messages of a chat among which those are looked for."""

_MAX_SPOKEN: Final = 300
"""Characters of a message that are read out."""

_SATELLITE: Final = "assist_satellite"
_IDLE: Final = "idle"

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


@dataclass(frozen=True, kw_only=True, repr=False)
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


@dataclass(frozen=True, kw_only=True, repr=False)
class Target:
    """A chat, or a person without one: then `user` is what create_chat takes.

    `detail` tells people of one name and network apart, `account` one's own accounts.
    """

    entry: BeeperConfigEntry
    account_id: str
    name: str
    network: str
    detail: str
    account: str
    chat_id: str | None
    user: Mapping[str, str]

    @property
    def id(self) -> str:
        """What means nobody else, and is taken as a recipient."""
        return self.chat_id or next(iter(self.user.values()))


@dataclass(frozen=True, kw_only=True, repr=False)
class Answer:
    """What became of a wish: a word for programs, and a sentence for people.

    The word is in DONE, in ASKED, or says why nothing, or nothing certain, happened.
    """

    status: str
    speech: str
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class Unread:
    """What is unread, the newest chats first; `more` if there are other chats."""

    chats: list[dict[str, Any]]
    more: bool


@dataclass(frozen=True, kw_only=True, repr=False)
class _Wish:
    """A message, or without one a chat, for whoever `given` means."""

    given: str
    message: str | None
    targets: tuple[Target, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class _Question:
    wish: _Wish
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
            for account in entry.runtime_data.data.accounts
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
        if not entries:
            return await self._say(asker, "no_server")
        try:
            targets = await self._find(entries, recipient, network)
        except HomeAssistantError as err:
            return await self._failed(asker, err)
        wish = _Wish(given=recipient, message=message, targets=targets)
        if not targets:
            key = "nobody_there" if network else "nobody"
            return await self._say(asker, key, given=recipient, network=network or "")
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
        if confirm == "always" or (confirm == "new_people" and not target.chat_id):
            return await self._ask(asker, wish)
        return await self._do(asker, wish)

    async def _do(self, asker: Asker, wish: _Wish) -> Answer:
        [target] = wish.targets
        if target.chat_id:
            action = "send_message"
            data: dict[str, Any] = {
                "chat_id": target.chat_id,
                "message": wish.message,
            }
        else:
            action = "create_chat"
            data = {
                "mode": "start",
                "account_id": target.account_id,
                "user": dict(target.user),
                "message_text": wish.message,
            }
        try:
            response = await self._call(asker.context, target.entry, action, data)
        except HomeAssistantError as err:
            return await self._failed(asker, err)
        if wish.message is None:
            key = "chat_exists" if response["status"] == "existing" else "chat_open"
        else:
            key = "already_sent" if response["duplicate"] else "sent"
        return await self._say_of(asker, key, target)

    async def _call(
        self,
        context: Context,
        entry: BeeperConfigEntry,
        action: str,
        data: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Call an action of ours for a server; raises HomeAssistantError."""
        response = await self.hass.services.async_call(
            DOMAIN,
            action,
            {"config_entry_id": entry.entry_id, **data},
            blocking=True,
            context=context,
            return_response=True,
        )
        return dict(response or {})

    # Who is meant

    async def async_find(
        self, asker: Asker, text: str
    ) -> list[dict[str, Any]] | Answer:
        """Return whom a text can mean, the best first, or why it cannot be told."""
        try:
            found = [
                match
                for entry in self.entries
                for match in (
                    await self._call(asker.context, entry, "find", {"query": text})
                )["matches"][:_MAX_FOUND]
            ]
        except HomeAssistantError as err:
            return await self._failed(asker, err)
        return [
            {key: match[key] for key in _OF_MATCH}
            | {"id": match["chat_id"] or match["user_id"]}
            for match in found
        ]

    async def _find(
        self, entries: Iterable[BeeperConfigEntry], given: str, network: str | None
    ) -> tuple[Target, ...]:
        """Return whom a text fits best, of all servers, in one network or in all.

        Raises a translated HomeAssistantError.
        """
        try:
            text = whom(given)
        except vol.Invalid as err:
            raise errors.invalid(
                err.msg, field="recipient", **err.placeholders
            ) from None
        found: list[tuple[addressing.Rank, Target]] = []
        for entry in entries:
            coordinator = entry.runtime_data
            try:
                async with coordinator.resolving:
                    result = await addressing.find(
                        coordinator.client,
                        coordinator.data.accounts,
                        None,
                        text,
                        default_id=entry.data[CONF_ACCOUNT_ID],
                    )
            except BeeperError as err:
                if isinstance(err, AuthenticationError):
                    entry.async_start_reauth(self.hass)
                raise errors.not_done(err, network="") from None
            found += [
                (rank, _target(entry, candidate))
                for rank, candidate in result.matches
                if rank is not addressing.Rank.LOOSE and _is(network, candidate.network)
            ]
        if not found:
            return tuple(_strangers(entries, text, network))
        best = min(rank for rank, _ in found)
        return tuple(target for rank, target in found if rank is best)

    # Questions

    async def _ask(self, asker: Asker, wish: _Wish) -> Answer:
        """Put a question, if whoever asked can answer; its answer is told or spoken."""
        status = "which" if len(wish.targets) > 1 else "confirm"
        if asker.place is None:
            return await self._say(asker, "cannot_ask")
        self._take(asker.key)

        @callback
        def forget(_: object) -> None:
            self._take(asker.key)

        self._questions[asker.key] = _Question(
            wish=wish,
            stop=async_call_later(
                self.hass, _PATIENCE, HassJob(forget, cancel_on_shutdown=True)
            ),
        )
        async with self._registering:
            if not self._replies and "conversation" in self.hass.config.components:
                self._replies = await async_listen(
                    self.hass, "replies", self._networks(), self._reply
                )
        speech = _question(await self._language(asker), wish)
        if asker.satellite_id and self._can(asker.satellite_id, ask=True):
            wish.targets[0].entry.async_create_background_task(
                self.hass,
                self._ask_aloud(asker, asker.satellite_id, speech),
                f"{DOMAIN} question",
            )
            speech = ""
        return Answer(status=status, speech=speech, targets=wish.targets)

    @callback
    def _take(self, key: tuple[str | None, str | None]) -> _Wish | None:
        """Take what a question is about, None if there is none; it cannot be taken twice."""
        if (question := self._questions.pop(key, None)) is None:
            return None
        question.stop()
        if not self._questions and self._replies:
            self._replies()
            self._replies = None
        return question.wish

    async def _answered(self, asker: Asker, said: Said) -> Answer:
        """Go on as the answer to a question says."""
        wish = self._take(asker.key)
        if wish is None:
            return await self._say(asker, "nothing_asked")
        if said.meaning == "drop":
            return await self._say(asker, "dropped")
        if said.meaning == "confirm" and len(wish.targets) == 1:
            return await self._do(asker, wish)
        if chosen := _chosen(wish.targets, said.slots):
            wish = replace(wish, targets=chosen)
        return await self._go_on(asker, wish)

    # Satellites

    def _can(self, satellite_id: str, *, ask: bool = False) -> bool:
        """Tell whether a satellite can speak by itself, and also listen."""
        # Where there is a satellite, its component is loaded.
        from homeassistant.components.assist_satellite import (  # noqa: PLC0415
            AssistSatelliteEntityFeature as Feature,
        )

        state = self.hass.states.get(satellite_id)
        wanted = Feature.START_CONVERSATION if ask else Feature.ANNOUNCE
        return bool(state and state.attributes[ATTR_SUPPORTED_FEATURES] & wanted)

    async def _ask_aloud(self, asker: Asker, satellite_id: str, question: str) -> None:
        """Let a satellite ask, and then say what became of it."""
        understand = await async_understand(self.hass, "replies", self._networks())
        said = None
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._until_idle(satellite_id)
                heard = await self.hass.services.async_call(
                    _SATELLITE,
                    "ask_question",
                    {ATTR_ENTITY_ID: satellite_id, "question": question},
                    blocking=True,
                    context=asker.context,
                    return_response=True,
                )
            said = understand(str((heard or {})["sentence"]), asker.language)
        except HomeAssistantError, TimeoutError:
            pass  # It is busy, or nobody has said anything.
        if said:
            answer = await self._answered(asker, said)
        elif self._take(asker.key):
            answer = await self._say(asker, "not_answered")
        else:
            return
        # Where there is another question, it is asked in the same way.
        if answer.speech and self._can(satellite_id):
            with suppress(HomeAssistantError):
                await self.hass.services.async_call(
                    _SATELLITE,
                    "announce",
                    {
                        ATTR_ENTITY_ID: satellite_id,
                        "message": answer.speech,
                        "preannounce": False,
                    },
                    blocking=True,
                    context=asker.context,
                )

    async def _until_idle(self, satellite_id: str) -> None:
        """Wait until a satellite has finished what it is doing: it would be cut off."""
        idle = asyncio.Event()

        @callback
        def look(event: Event[EventStateChangedData] | None = None) -> None:
            state = self.hass.states.get(satellite_id)
            if state and state.state == _IDLE:
                idle.set()

        stop = async_track_state_change_event(self.hass, satellite_id, look)
        try:
            look()
            await idle.wait()
        finally:
            stop()

    # What is unread

    async def async_read(
        self, asker: Asker, recipient: str | None, *, network: str | None = None
    ) -> Unread | Answer:
        """Return what is unread, all or of somebody, or why it cannot be told.

        Nothing is marked as read by it.
        """
        if not self.entries:
            return await self._say(asker, "no_server")
        try:
            if recipient is None:
                return await self._unread(asker, network)
            targets = await self._find(self.entries, recipient, network)
            found = [
                (
                    target.entry,
                    await self._call(
                        asker.context,
                        target.entry,
                        "get_chat",
                        {"chat_id": target.chat_id},
                    ),
                )
                for target in targets[:_MAX_CHATS]
                if target.chat_id
            ]
            if found:
                return await self._messages(asker, found)
        except HomeAssistantError as err:
            return await self._failed(asker, err)
        key = "nobody_there" if network else "nobody"
        return await self._say(asker, key, given=recipient, network=network or "")

    async def _unread(self, asker: Asker, network: str | None) -> Unread:
        found = []
        for entry in self.entries:
            listed = await self._call(
                asker.context,
                entry,
                "list_chats",
                {"unread_only": True, "include_muted": False},
            )
            found += [
                (entry, chat)
                for chat in listed["chats"]
                if _is(network, chat["network"] or "")
            ]
        found.sort(key=lambda each: each[1]["last_activity"] or "", reverse=True)
        return await self._messages(asker, found)

    async def _messages(
        self, asker: Asker, found: Collection[tuple[BeeperConfigEntry, dict[str, Any]]]
    ) -> Unread:
        """Return the newest unread messages of each chat, the oldest of them first."""
        unread = [(entry, chat) for entry, chat in found if chat["unread_count"]]
        chats = []
        for entry, chat in unread[:_MAX_CHATS]:
            listed = await self._call(
                asker.context,
                entry,
                "list_messages",
                {"chat_id": chat["chat_id"], "limit": _NEWEST},
            )
            messages = [
                {key: message[key] for key in _OF_MESSAGE}
                for message in listed["messages"]
                if not (message["is_self"] or message["is_deleted"])
            ][: min(chat["unread_count"], _MAX_MESSAGES)]
            chats.append(
                {key: chat[key] for key in _OF_CHAT} | {"messages": messages[::-1]}
            )
        return Unread(chats=chats, more=len(unread) > _MAX_CHATS)

    async def async_speech(self, asker: Asker, unread: Unread) -> str:
        """Return what is unread as it is read out."""
        language = await self._language(asker)
        spoken = [
            language.say(
                "unread_group" if chat["type"] == "group" else "unread",
                sender=message["sender_name"]
                or chat["title"]
                or language.say("somebody"),
                chat=chat["title"] or "",
                network=chat["network"] or "Beeper",
                text=_spoken(message["text"]) or language.say("attached"),
            )
            for chat in unread.chats
            for message in chat["messages"]
        ] or [language.say("nothing_unread")]
        if unread.more:
            spoken.append(language.say("more_unread"))
        return " ".join(spoken)

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

    async def _say_of(self, asker: Asker, key: str, target: Target) -> Answer:
        language = await self._language(asker)
        [person] = _labels(language, [target])
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


_OF_MATCH: Final = ("name", "kind", "network", "account_id", "match")
_OF_CHAT: Final = ("chat_id", "title", "type", "network", "unread_count")
_OF_MESSAGE: Final = ("sender_name", "text", "attachments", "timestamp")


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


def _is(network: str | None, other: str) -> bool:
    """Tell whether a network is the wanted one; whoever says Beeper means them all."""
    return network is None or network.casefold() in (DOMAIN, other.casefold())


def _target(entry: BeeperConfigEntry, candidate: addressing.Candidate) -> Target:
    user = candidate.users[0] if candidate.users else None
    detail = user and (user.phone_number or user.username or user.email)
    numbers = {"id": user.id, "phone_number": user.phone_number} if user else {}
    return Target(
        entry=entry,
        account_id=candidate.account_id,
        name=candidate.name or detail or "?",
        network=candidate.network,
        detail=detail or "",
        account=_own(entry.runtime_data.data.account(candidate.account_id)),
        chat_id=candidate.chat.id if candidate.chat else None,
        user={key: value for key, value in numbers.items() if value},
    )


def _strangers(
    entries: Iterable[BeeperConfigEntry], text: str, network: str | None
) -> Iterable[Target]:
    """Yield who is meant by a number or an address that nobody has been found by.

    Whether there is such a person, only the network knows: each server's default
    account asks it, or if that is on another network than the wanted, whichever is.
    """
    if text.startswith("+"):
        user = {"phone_number": text}
    elif "@" in text[1:] and not {*text} & {*" :"}:
        user = {"email": text}
    else:
        return
    for entry in entries:
        default_id = entry.data[CONF_ACCOUNT_ID]
        accounts = [
            account
            for account in entry.runtime_data.data.accounts
            if _is(network, account.name)
        ]
        for account in [
            account for account in accounts if account.account_id == default_id
        ] or (accounts if network else []):
            yield Target(
                entry=entry,
                account_id=account.account_id,
                name=text,
                network=account.name,
                detail=text,
                account=_own(account),
                chat_id=None,
                user=user,
            )


def _own(account: Account | None) -> str:
    return (account and account.user and account.user.handle) or ""


def _labels(language: Language, targets: Collection[Target]) -> list[str]:
    """Return what to call people and chats, with as much as tells them apart."""

    def shown(text: str) -> str:
        return language.say("number", digits=text[-4:]) if text[:1] == "+" else text

    ways = [
        [
            language.say(
                key,
                name=target.name,
                network=target.network,
                detail=shown(target.detail),
                account=shown(target.account),
            )
            for target in targets
        ]
        for key in ("person", "person_told_apart", "person_of_account")
    ]
    return next((way for way in ways if len({*way}) == len(way)), ways[-1])


def _question(language: Language, wish: _Wish) -> str:
    """Return what to ask before a wish is fulfilled."""
    labels = _labels(language, wish.targets)
    if len(labels) > 1:
        networks = {target.network for target in wish.targets}
        if len(networks) < len(labels):
            key = "which_first"
        else:
            key = "which_2" if len(labels) == 2 else "which_more"
        return language.say(
            key,
            count=str(len(labels)),
            given=wish.given,
            people=", ".join(labels[:-1]) + language.say("and") + labels[-1],
            network=wish.targets[-1].network,
        )
    if wish.message is None:
        key = "confirm_chat"
    else:
        key = "confirm" if wish.targets[0].chat_id else "confirm_new"
    return language.say(key, person=labels[0], message=wish.message or "")


def _chosen(
    targets: tuple[Target, ...], slots: Mapping[str, Any]
) -> tuple[Target, ...]:
    """Return those that an answer leaves."""
    if "ordinal" in slots:
        return targets[slots["ordinal"] :][:1]
    if "network" in slots:
        return tuple(each for each in targets if _is(slots["network"], each.network))
    return ()


def _spoken(text: str | None) -> str:
    """Return somebody's text in one line, as a sentence of its own."""
    line = shorten(text or "", _MAX_SPOKEN, placeholder=" …")
    return f"{line}." if line and line[-1].isalnum() else line

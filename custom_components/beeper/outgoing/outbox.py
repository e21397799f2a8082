"""The one way out for whatever reaches a person.

Each request is attempted once, in a task of its own that the caller can leave but not
stop, and ends as done, not done or unknown. An unknown outcome is cleared up by
reading alone; what stays unknown is not repeated for a while without looking first.
"""

import asyncio
from collections.abc import Hashable, Iterable, Mapping, Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final
from weakref import WeakValueDictionary

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .. import errors
from ..api.client import REQUEST_TIMEOUT, BeeperClient
from ..api.exceptions import AuthenticationError, BeeperError
from ..api.models import Account, ChatResult, SentMessage
from ..const import (
    CONF_DUPLICATE_WINDOW,
    CONF_READ_ONLY,
    CONF_USER_ID,
    DEFAULT_DUPLICATE_WINDOW,
    DOMAIN,
)
from . import limits
from .change_job import Change, Changed, Changing
from .chat_job import ChatCreation, ChatRequest, IfExists, Persons
from .delivery import Delivery
from .job import Job, Refusal
from .message_job import Chats, MessageSending, Outgoing
from .network_rules import NetworkRules
from .sent_messages import SentMessages

_LOOK_AFTER: Final = (0, 2, 3, 5)
"""Seconds to wait before each look for what an unknown attempt has done."""

_LOOK_TIMEOUT: Final = 20
"""Seconds for all looks together: a server may hang."""

_UNKNOWN_WINDOW: Final = 10 * 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Done[ResultT]:
    """A request that was carried out.

    `recovered`: the answer was lost and reading found the result. `duplicate`: nothing
    was sent, this is the result of the same request made just before.
    """

    result: ResultT
    recovered: bool = False
    duplicate: bool = False


type _Outcome = Done[Any] | Refusal


class Outbox:
    """What one config entry sends; it outlives reloads of the entry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Make an outbox that has sent nothing yet."""
        self._hass = hass
        self._entry = entry
        self._new_chats = limits.NewChats(hass, entry)
        self._messages = limits.Messages(hass, entry)
        self._replies = limits.Replies(hass, entry)
        self._rules = NetworkRules()
        self._persons: Persons = WeakValueDictionary()
        self._chats = Chats()
        self.sent = SentMessages()
        self._jobs: dict[asyncio.Task[_Outcome], Job[Any]] = {}
        self._running: dict[Hashable, list[asyncio.Task[_Outcome]]] = {}
        # Times here are the event loop's: no change of the clock touches them.
        self._done: dict[Hashable, tuple[float, Done[Any]]] = {}
        self._expiring: list[tuple[float, int, Hashable]] = []
        self._count = count()
        self._unknown: dict[Hashable, list[float]] = {}

    async def create_chat(
        self,
        client: BeeperClient,
        request: ChatRequest,
        accounts: Iterable[Account],
        *,
        allow_repeat: bool,
        if_exists: IfExists = "create",
        numbers: Mapping[str, str] | None = None,
    ) -> Done[ChatResult]:
        """Create or start a chat, unless the same request was made just before.

        `if_exists` is for creating; `numbers` are known phone numbers by participant id.
        Raises a translated HomeAssistantError that says whether nothing was done or
        the outcome is unknown.
        """
        account = next(
            (each for each in accounts if each.account_id == request.account_id), None
        )
        job = ChatCreation(
            client=client,
            request=request,
            network=(account and account.network) or "?",
            own_ids=self._own_ids(accounts, request.account_id),
            budget=self._new_chats,
            counter=self._messages,
            rules=self._rules,
            bridge_id=account.bridge_id if account else None,
            persons=self._persons,
            sent=self.sent,
            window=self._entry.options.get(
                CONF_DUPLICATE_WINDOW, DEFAULT_DUPLICATE_WINDOW
            ),
            if_exists=if_exists,
            numbers=numbers or {},
            enter=self._chats.turn,
        )
        return await self._carry_out(job, allow_repeat=allow_repeat)

    async def send_message(
        self,
        client: BeeperClient,
        message: Outgoing,
        accounts: Iterable[Account],
        *,
        context: Context,
        allow_repeat: bool = False,
        wait: bool = False,
    ) -> tuple[Done[SentMessage], Delivery | None]:
        """Send a message after those that were to go into the same chat before.

        An identical one under way is joined only within one context: the same text
        may well be meant twice. With `wait`, also tell what became of it. A run that
        `note_trigger` was told of is held back if it answers over and over.

        Raises as `create_chat`.
        """
        job = MessageSending(
            hass=self._hass,
            client=client,
            message=message,
            own_ids=partial(self._own_ids, tuple(accounts)),
            chats=self._chats,
            counter=self._messages,
            replies=self._replies,
            sent=self.sent,
            context=context,
        )
        done = await self._carry_out(job, allow_repeat=allow_repeat)
        return done, await job.delivery(done.result) if wait else None

    async def change(
        self,
        client: BeeperClient,
        changing: Changing,
        params: Mapping[str, Any],
        accounts: Iterable[Account],
        *,
        chat_id: str,
        allow_repeat: bool,
    ) -> Done[Changed]:
        """Change a chat or a message, after what was to go into the same chat before.

        `chat_id` is empty where it is about none.

        Raises as `create_chat`.
        """
        job = Change(
            changing=changing,
            client=client,
            params=params,
            chat_id=chat_id,
            own_ids_in=partial(self._own_ids, tuple(accounts)),
            enter=self._chats.turn,
        )
        return await self._carry_out(
            job, allow_repeat=allow_repeat or not changing.once
        )

    def note_trigger(self, context_id: str, chat_ids: AbstractSet[str]) -> None:
        """Remember that a message of this chat started the run of this context."""
        self._replies.note(context_id, chat_ids)

    async def async_load(self) -> None:
        """Read what has to survive a restart."""
        await self._new_chats.async_load()

    async def async_remove(self) -> None:
        """Remove what was kept for a restart, and what was said."""
        self._messages.forget()
        self._replies.forget()
        await self._new_chats.async_remove()

    async def async_wait(self) -> None:
        """Wait for what is under way, as long as one request may take."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=REQUEST_TIMEOUT)

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many requests are under way, remembered and unclear."""
        self._forget_old()
        running = {job.key for job in self._jobs.values()}
        return {
            "running": len(self._jobs),
            "remembered": len(self._done),
            "unknown": len(self._unknown.keys() - running),
        }

    def _own_ids(self, accounts: Iterable[Account], account_id: str) -> frozenset[str]:
        """Return by which ids the user's own messages and memberships are known."""
        own_ids = {self._entry.data.get(CONF_USER_ID)} | {
            account.user.id
            for account in accounts
            if account.account_id == account_id and account.user
        }
        return frozenset(user_id for user_id in own_ids if user_id)

    async def _carry_out[ResultT](
        self, job: Job[ResultT], *, allow_repeat: bool
    ) -> Done[ResultT]:
        """Do a job, unless the same one was done just before or is being done."""
        if self._entry.options.get(CONF_READ_ONLY, False):
            raise errors.invalid("read_only")
        self._forget_old()
        if not allow_repeat and job.key in self._done:
            return replace(self._done[job.key][1], duplicate=True)
        joined = not allow_repeat and job.shared in self._running
        if joined:
            task = self._running[job.shared][-1]
        else:
            task = self._start(job, allow_repeat=allow_repeat)
        # The caller may be cancelled, the attempt is not.
        outcome = await asyncio.shield(task)
        if not isinstance(outcome, Done):
            raise outcome()
        done: Done[ResultT] = outcome
        return replace(done, duplicate=True) if joined else done

    def _start(self, job: Job[Any], *, allow_repeat: bool) -> asyncio.Task[_Outcome]:
        """Start a job that a later identical call can join."""
        task = self._hass.async_create_task(
            self._work(job, allow_repeat=allow_repeat),
            f"{DOMAIN} {job.name}",
            eager_start=False,
        )
        self._jobs[task] = job
        self._running.setdefault(job.shared, []).append(task)

        def finished(_: asyncio.Task[_Outcome]) -> None:
            del self._jobs[task]
            _take_out(self._running, job.shared, task)

        task.add_done_callback(finished)
        return task

    async def _work(self, job: Job[Any], *, allow_repeat: bool) -> _Outcome:
        """Do a job once it is its turn, or look instead of repeating it."""
        async with job.turn():
            # One that is attempted meanwhile is not cleared up by looking for these.
            earlier = [] if allow_repeat else list(self._unknown.get(job.key, ()))
            outcome = None if earlier else await self._attempt(job)
        if outcome is None:
            return await self._look_again(job, earlier)
        if isinstance(outcome, float):
            return await self._look(job, outcome)
        return outcome

    async def _attempt(self, job: Job[Any]) -> _Outcome | float:
        """Do a job, once; return when it was attempted if the outcome is unknown."""
        try:
            await job.prepare()
        except errors.NotDoneError as err:
            return err.make
        attempted = self._hass.loop.time()
        # Whatever ends this task, from here on it may have happened.
        self._unknown.setdefault(job.key, []).append(attempted)
        try:
            result = await job.attempt()
        except BeeperError as err:
            if isinstance(err, AuthenticationError):
                self._entry.async_start_reauth(self._hass)
            if err.may_have_run:
                return attempted
            _take_out(self._unknown, job.key, attempted)
            job.undo()
            return partial(job.not_done, err)
        self._clear_up(job, attempted)
        return self._remember(job, Done(result=result))

    async def _look(self, job: Job[Any], attempted: float) -> _Outcome:
        """Look for the result of an attempt a few times, as servers take their time."""
        outcome: _Outcome = partial(errors.failed, job.unknown)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_TIMEOUT):
                for seconds in _LOOK_AFTER:
                    await asyncio.sleep(seconds)
                    outcome = await self._look_once(job, attempted) or outcome
                    if isinstance(outcome, Done):
                        self._clear_up(job, attempted)
                        break
        return outcome

    async def _look_again(self, job: Job[Any], earlier: list[float]) -> _Outcome:
        """Look instead of repeating a request that may have worked."""
        outcome: _Outcome | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_TIMEOUT):
                outcome = await self._look_once(job, earlier[0])
        if isinstance(outcome, Done):
            for attempted in earlier:
                _take_out(self._unknown, job.key, attempted)
        return outcome or partial(errors.failed, job.still_unknown)

    async def _look_once(self, job: Job[Any], attempted: float) -> _Outcome | None:
        """Return None if nothing was found or nothing could be read."""
        try:
            found = await job.look(attempted)
        except BeeperError:
            return None
        if found is None or callable(found):
            return found
        return self._remember(job, Done(result=found, recovered=True))

    def _clear_up(self, job: Job[Any], attempted: float) -> None:
        if job.settles:
            self._unknown.pop(job.key, None)
        else:
            _take_out(self._unknown, job.key, attempted)

    def _remember(self, job: Job[Any], done: Done[Any]) -> Done[Any]:
        if job.window > 0:
            until = self._hass.loop.time() + job.window
            self._done[job.key] = (until, done)
            heappush(self._expiring, (until, next(self._count), job.key))
        return done

    def _forget_old(self) -> None:
        now = self._hass.loop.time()
        while self._expiring and self._expiring[0][0] <= now:
            _, _, key = heappop(self._expiring)
            if key in self._done and self._done[key][0] <= now:
                del self._done[key]  # Else it was done once more meanwhile.
        if not self._unknown:
            return
        running = {job.key for job in self._jobs.values()}
        for key in self._unknown.keys() - running:
            for attempted in list(self._unknown[key]):
                if attempted + _UNKNOWN_WINDOW <= now:
                    _take_out(self._unknown, key, attempted)


def _take_out[T](marks: dict[Hashable, list[T]], key: Hashable, mark: T) -> None:
    """Remove one of the marks of a job, and the list with the last.

    Whoever finds the result of one removes all: it may be gone already.
    """
    with suppress(KeyError, ValueError):
        marks[key].remove(mark)
        if not marks[key]:
            del marks[key]


_OUTBOXES: HassKey[dict[str, Outbox]] = HassKey(f"{DOMAIN}.outboxes")


async def async_load_outbox(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Have an outbox for an entry that is set up, the same one after a reload."""
    outboxes = hass.data.setdefault(_OUTBOXES, {})
    if entry.entry_id not in outboxes:
        outbox = Outbox(hass, entry)
        await outbox.async_load()
        outboxes[entry.entry_id] = outbox


def get_outbox(hass: HomeAssistant, entry: ConfigEntry) -> Outbox:
    """Return the outbox of an entry that is or was set up."""
    return hass.data[_OUTBOXES][entry.entry_id]


@callback
def note_trigger(
    hass: HomeAssistant, entry_id: str, context_id: str, chat_ids: AbstractSet[str]
) -> None:
    """Tell an entry's outbox that a message of a chat started the run of a context.

    Without an outbox nothing is to be told: the entry cannot send either.
    """
    if outbox := hass.data.get(_OUTBOXES, {}).get(entry_id):
        outbox.note_trigger(context_id, chat_ids)


async def async_remove_outbox(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the outbox of an entry that is removed, and what it kept."""
    outbox = hass.data.get(_OUTBOXES, {}).pop(entry.entry_id, None)
    await (outbox or Outbox(hass, entry)).async_remove()

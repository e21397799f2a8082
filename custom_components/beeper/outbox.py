"""The one way out for whatever reaches a person.

Each request is attempted once, in a task of its own that the caller can leave but not
stop, and ends as done, not done or unknown. An unknown outcome is cleared up by
reading alone; what stays unknown is not repeated for a while without looking first.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
import math
from typing import Any, Final
from weakref import WeakValueDictionary

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from . import errors
from .api.client import REQUEST_TIMEOUT, BeeperClient
from .api.exceptions import AuthenticationError, BeeperError
from .api.models import Account, ChatResult, CreateChat, StartChat, StartUser
from .const import (
    CONF_CHATS_PER_HOUR,
    CONF_DUPLICATE_WINDOW,
    CONF_READ_ONLY,
    CONF_USER_ID,
    DEFAULT_CHATS_PER_HOUR,
    DEFAULT_DUPLICATE_WINDOW,
    DOMAIN,
)
from .reconciliation import find_direct_chat, find_result

type ChatRequest = CreateChat | StartChat

_LOOK_AFTER: Final = (0, 2, 3, 5)
"""Seconds to wait before each look for what an unknown attempt has done."""

_TEXT_WINDOW: Final = 5
"""Seconds a chat with a text is remembered: the same text may well be meant twice."""

_LOOK_TIMEOUT: Final = 20
"""Seconds for all looks together: a server may hang."""

_UNKNOWN_WINDOW: Final = 10 * 60
_HOUR: Final = 60 * 60
_SAVE_DELAY: Final = 1
_STORE_VERSION: Final = 1


@dataclass(frozen=True, kw_only=True)
class Done:
    """A request that was carried out.

    `recovered`: the answer was lost and reading found the result. `duplicate`: nothing
    was sent, this is the result of the same request made just before.
    """

    result: ChatResult
    recovered: bool = False
    duplicate: bool = False


# An outcome that is not done makes its error anew for each caller that waits for it.
type _Outcome = Done | Callable[[], HomeAssistantError]


@dataclass(frozen=True, kw_only=True)
class _Job:
    """A request and what it takes to recognise its result."""

    client: BeeperClient
    request: ChatRequest
    network: str
    own_ids: frozenset[str]


class Outbox:
    """What one config entry sends; it outlives reloads of the entry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Make an outbox that has sent nothing yet."""
        self._hass = hass
        self._entry = entry
        self._budget = _Budget(hass, entry)
        self._tasks: set[asyncio.Task[_Outcome]] = set()
        self._running: dict[ChatRequest, list[asyncio.Task[_Outcome]]] = {}
        # Times here are the event loop's: no change of the clock touches them.
        self._done: dict[ChatRequest, tuple[float, Done]] = {}
        self._unknown: dict[ChatRequest, list[float]] = {}
        self._order: WeakValueDictionary[tuple[str, StartUser], asyncio.Lock] = (
            WeakValueDictionary()
        )

    async def create_chat(
        self,
        client: BeeperClient,
        request: ChatRequest,
        accounts: tuple[Account, ...],
        *,
        allow_repeat: bool,
    ) -> Done:
        """Create or start a chat, unless the same request was made just before.

        Raises a translated HomeAssistantError that says whether nothing was done or
        the outcome is unknown.
        """
        if self._entry.options.get(CONF_READ_ONLY, False):
            raise errors.invalid("read_only")
        key = request.normalised()
        self._forget_old()
        if not allow_repeat and key in self._done:
            return replace(self._done[key][1], duplicate=True)
        joined = not allow_repeat and key in self._running
        if joined:
            task = self._running[key][-1]
        else:
            job = self._job(client, request, accounts)
            if not allow_repeat and key in self._unknown:
                work = self._look_again(job, key)
            else:
                work = self._attempt_in_order(job, key)
            task = self._run(work, key)
        # The caller may be cancelled, the attempt is not.
        outcome = await asyncio.shield(task)
        if not isinstance(outcome, Done):
            raise outcome()
        return replace(outcome, duplicate=True) if joined else outcome

    async def async_load(self) -> None:
        """Read what has to survive a restart."""
        await self._budget.async_load()

    async def async_remove(self) -> None:
        """Remove what was kept for a restart."""
        await self._budget.async_remove()

    async def async_wait(self) -> None:
        """Wait for what is under way, as long as one request may take."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=REQUEST_TIMEOUT)

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many requests are under way, remembered and unclear."""
        self._forget_old()
        return {
            "running": len(self._tasks),
            "remembered": len(self._done),
            "unknown": len(self._unknown.keys() - self._running.keys()),
        }

    def _job(
        self,
        client: BeeperClient,
        request: ChatRequest,
        accounts: tuple[Account, ...],
    ) -> _Job:
        own_ids = {self._entry.data.get(CONF_USER_ID)}
        network = "?"
        for account in accounts:
            if account.account_id == request.account_id:
                network = account.network or network
                own_ids.add(account.user.id if account.user else None)
        return _Job(
            client=client,
            request=request,
            network=network,
            own_ids=frozenset(user_id for user_id in own_ids if user_id),
        )

    def _run(
        self, work: Coroutine[Any, Any, _Outcome], key: ChatRequest
    ) -> asyncio.Task[_Outcome]:
        """Start work that a later identical call can join."""
        task = self._hass.async_create_task(
            work, f"{DOMAIN} create_chat", eager_start=False
        )
        self._tasks.add(task)
        self._running.setdefault(key, []).append(task)

        def finished(_: asyncio.Task[_Outcome]) -> None:
            self._tasks.discard(task)
            _take_out(self._running, key, task)

        task.add_done_callback(finished)
        return task

    async def _attempt_in_order(self, job: _Job, key: ChatRequest) -> _Outcome:
        """Let the texts of several calls reach one person in the order of the calls."""
        if not isinstance(key, StartChat) or key.message_text is None:
            return await self._attempt(job, key)
        person = (key.account_id, key.user)
        async with self._order.setdefault(person, asyncio.Lock()):
            return await self._attempt(job, key)

    async def _attempt(self, job: _Job, key: ChatRequest) -> _Outcome:
        """Send the request, once."""
        account_id = job.request.account_id
        slot = self._budget.take(account_id)
        if slot is None and not await self._exists(job):
            slot = self._budget.take(account_id)  # One may have come back meanwhile.
            if slot is None:
                return partial(
                    errors.invalid, "budget_empty", **self._budget.describe(account_id)
                )
        attempted = self._hass.loop.time()
        # Whatever ends this task, from here on it may have happened.
        self._unknown.setdefault(key, []).append(attempted)
        try:
            if isinstance(job.request, StartChat):
                result = await job.client.start_chat(job.request)
            else:
                result = await job.client.create_chat(job.request)
        except BeeperError as err:
            if isinstance(err, AuthenticationError):
                self._entry.async_start_reauth(self._hass)
            if err.may_have_run:
                return await self._look(job, key, attempted)
            _take_out(self._unknown, key, attempted)
            self._budget.give_back(account_id, slot)
            return partial(errors.not_done, err, network=job.network)
        _take_out(self._unknown, key, attempted)
        if result.status == "existing":
            self._budget.give_back(account_id, slot)
        return self._remember(key, Done(result=result))

    async def _exists(self, job: _Job) -> bool:
        """Tell whether the request only leads to a chat that is there already."""
        if not isinstance(job.request, StartChat):
            return False
        try:
            return bool(await find_direct_chat(job.client, job.request, job.own_ids))
        except BeeperError:
            return False

    async def _look(self, job: _Job, key: ChatRequest, attempted: float) -> _Outcome:
        """Look for the result of an attempt a few times, as servers take their time."""
        outcome: _Outcome = partial(errors.failed, "outcome_unknown")
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_TIMEOUT):
                for seconds in _LOOK_AFTER:
                    await asyncio.sleep(seconds)
                    outcome = await self._look_once(job, key, attempted) or outcome
                    if isinstance(outcome, Done):
                        _take_out(self._unknown, key, attempted)
                        break
        return outcome

    async def _look_again(self, job: _Job, key: ChatRequest) -> _Outcome:
        """Look instead of repeating a request that may have worked."""
        outcome: _Outcome | None = None
        earlier = list(self._unknown[key])
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_TIMEOUT):
                outcome = await self._look_once(job, key, earlier[0])
        if isinstance(outcome, Done):
            for attempted in earlier:
                _take_out(self._unknown, key, attempted)
        return outcome or partial(errors.failed, "earlier_unknown")

    async def _look_once(
        self, job: _Job, key: ChatRequest, attempted: float
    ) -> _Outcome | None:
        """Return None if nothing was found or nothing could be read."""
        try:
            found = await find_result(job.client, job.request, attempted, job.own_ids)
        except BeeperError:
            return None
        if found is None:
            return None
        if found.text_sent is False:
            return partial(
                errors.failed, "message_unconfirmed", chat=found.chat.local_id or "?"
            )
        result = ChatResult(chat_id=found.chat.id, status=None, chat=found.chat)
        return self._remember(key, Done(result=result, recovered=True))

    def _remember(self, key: ChatRequest, done: Done) -> Done:
        seconds = self._entry.options.get(
            CONF_DUPLICATE_WINDOW, DEFAULT_DUPLICATE_WINDOW
        )
        if key.message_text is not None:
            seconds = min(seconds, _TEXT_WINDOW)
        self._done[key] = (self._hass.loop.time() + seconds, done)
        return done

    def _forget_old(self) -> None:
        now = self._hass.loop.time()
        for key, (until, _) in list(self._done.items()):
            if until <= now:
                del self._done[key]
        for key in self._unknown.keys() - self._running.keys():
            for attempted in list(self._unknown[key]):
                if attempted + _UNKNOWN_WINDOW <= now:
                    _take_out(self._unknown, key, attempted)


def _take_out[T](marks: dict[ChatRequest, list[T]], key: ChatRequest, mark: T) -> None:
    """Remove one of the marks of a request, and the list with the last."""
    marks[key].remove(mark)
    if not marks[key]:
        del marks[key]


class _Budget:
    """How many new chats an account may still get; networks ban eager ones.

    Kept are the times of the last hour's new chats by account, nothing of whom.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Make a budget nothing was taken from."""
        self._entry = entry
        self._store = Store[dict[str, list[float]]](
            hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}"
        )
        self._taken: dict[str, list[float]] = {}
        self._removed = False

    async def async_load(self) -> None:
        """Read the times from before a restart."""
        self._taken = await self._store.async_load() or {}

    async def async_remove(self) -> None:
        """Remove the times, for good: an attempt may still be under way."""
        self._removed = True
        await self._store.async_remove()

    @property
    def _limit(self) -> int:
        """Return the number of new chats an hour, 0 for no limit."""
        return int(self._entry.options.get(CONF_CHATS_PER_HOUR, DEFAULT_CHATS_PER_HOUR))

    def take(self, account_id: str) -> float | None:
        """Take a slot and return it; None if there is none left."""
        now = dt_util.utcnow().timestamp()
        # A clock that was set back must not block an account until it catches up.
        taken = [
            time for time in self._taken.get(account_id, ()) if abs(now - time) < _HOUR
        ]
        self._taken[account_id] = taken
        if 0 < self._limit <= len(taken):
            return None
        taken.append(now)
        self._save()
        return now

    def give_back(self, account_id: str, slot: float | None) -> None:
        """Give a slot back that was not needed after all."""
        if slot in (taken := self._taken[account_id]):
            taken.remove(slot)
            self._save()

    def describe(self, account_id: str) -> dict[str, str]:
        """Return the limit and after how many minutes there is a slot again."""
        taken = sorted(self._taken[account_id])
        seconds = taken[-self._limit] + _HOUR - dt_util.utcnow().timestamp()
        return {
            "limit": str(self._limit),
            "minutes": str(math.ceil(seconds / 60)),
        }

    def _save(self) -> None:
        if self._removed:
            return
        self._store.async_delay_save(lambda: self._taken, _SAVE_DELAY)


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


async def async_remove_outbox(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the outbox of an entry that is removed, and what it kept."""
    outbox = hass.data.get(_OUTBOXES, {}).pop(entry.entry_id, None)
    await (outbox or Outbox(hass, entry)).async_remove()

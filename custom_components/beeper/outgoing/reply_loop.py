"""Automations that answer into the chat that started them, over and over.

Another automatic system at the other end answers within a second, again and again;
people take longer. So what counts is how soon the other end reacts. Automatic systems
that take their time are stopped by the number of answers.
"""

from collections import deque
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import ReferenceType, ref

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_NAME
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.models import User
from ..const import CONF_ANSWERS_PER_MINUTE, DEFAULT_ANSWERS_PER_MINUTE
from ..issues import async_create_issue, issue_id
from ..signals import MessageEvent
from .identities import Identity, identities, proof

type AccountPerson = tuple[str, str | None, frozenset[Identity]]
"""An account and the form of its user IDs, and what identifies a person in it."""

_AUTOMATION_TRIGGERED: Final = "automation_triggered"
"""Event that an automation fires with its name when it starts."""

_QUICK: Final = 2.0
"""Seconds after an answer within which people hardly ever react."""

_QUICK_REACTIONS: Final = 5
"""After this many successive quick reactions, the other end is an automatic system."""

_STOPPED_FOR: Final = 10 * 60
"""Seconds for which a chat gets no answers, unless somebody lets them go on."""

_STOPPED: Final = "reply_loop"
"""Translation key of the error."""

_MINUTE: Final = 60
_TEN_MINUTES: Final = 10 * 60
_TEN_MINUTES_FACTOR: Final = 3
"""In ten minutes, three times as many answers may be sent as in one."""

_RUN_COUNTED: Final = 10 * 60
"""Seconds for which what a run sends into its chat counts as an answer."""

_RUN_KEPT: Final = 24 * 60 * 60
"""Seconds for which a run can reply to its message: it may wait for something."""

_RUNS_KEPT: Final = 5000


@dataclass(kw_only=True, repr=False, eq=False)
class AutomaticAnswer:
    """Something sent into a chat because of what happened in it."""

    sent: float
    is_answered: bool = False


@dataclass(kw_only=True, repr=False, eq=False)
class _ChatAnswers:
    """What is known of one chat; times are the event loop's."""

    network: str
    answers: deque[AutomaticAnswer] = field(default_factory=deque)
    """Those of the last ten minutes."""
    quick_reactions: int = 0
    """How often in a row the other end has reacted within `_QUICK`."""
    stopped_until: float = 0
    last_event: ReferenceType[MessageEvent] | None = None
    """Weak: the event holds a text of any length."""

    def forget_old(self, now: float) -> None:
        """Forget answers that do not count any longer."""
        while self.answers and now - self.answers[0].sent >= _TEN_MINUTES:
            self.answers.popleft()

    def note_reaction(self, now: float) -> None:
        """Count what happened in the chat if it follows an answer quickly."""
        recent = [answer for answer in self.answers if 0 <= now - answer.sent <= _QUICK]
        if not recent:
            self.quick_reactions = 0
            return
        unanswered = next((answer for answer in recent if not answer.is_answered), None)
        if unanswered is None:
            return  # Several people have reacted to one answer.
        unanswered.is_answered = True
        self.quick_reactions += 1
        if self.quick_reactions >= _QUICK_REACTIONS:
            self.stopped_until = now + _STOPPED_FOR
            self.quick_reactions = 0

    def may_answer(self, now: float, a_minute: int) -> bool:
        """Return whether one more answer is allowed; 0 a minute means no limit."""
        if now < self.stopped_until:
            return False
        if not a_minute:
            return True
        in_a_minute = sum(now - answer.sent < _MINUTE for answer in self.answers)
        return (
            in_a_minute < a_minute
            and len(self.answers) < a_minute * _TEN_MINUTES_FACTOR
        )


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Origin:
    """The message that has started an automation; without an ID if it is deleted."""

    entry_id: str
    chat_id: str
    message_id: str | None


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class _AutomationRun:
    """Automations that something in a chat has started."""

    started: float
    origin: Origin
    chat: _ChatAnswers
    chat_ids: AbstractSet[str]
    account_id: str
    person: User | None
    """The other person of a direct chat."""
    automation: str | None = None

    def is_with(self, recipient: AccountPerson) -> bool:
        """Return whether a direct chat with somebody has started it."""
        account_id, id_scheme, known = recipient
        return bool(
            self.person
            and account_id == self.account_id
            and proof(known) & proof(identities(self.person, id_scheme))
        )


class ReplyLoopGuard:
    """Counts what runs that a message started send into the chat it came from."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start without runs."""
        self._hass = hass
        self._entry = entry
        self._runs: dict[str, _AutomationRun] = {}
        self._chats: dict[str, _ChatAnswers] = {}
        self._stopped: set[str] = set()
        """Names of automations whose answers were not sent."""
        self._remove_listener = hass.bus.async_listen(
            _AUTOMATION_TRIGGERED, self._async_automation_triggered
        )

    @callback
    def note(self, context_id: str, event: MessageEvent, by: str | None = None) -> None:
        """Remember for a while that something in a chat started a run, named `by`."""
        now = self._hass.loop.time()
        chat = self._chat(event.chat.ids, event.chat.network or "Beeper", now)
        # Each trigger and entity notes the same event.
        if chat.last_event is None or chat.last_event() is not event:
            chat.last_event = ref(event)
            chat.note_reaction(now)
        is_direct = event.chat.type == "single" and not event.is_self
        self._remember(
            context_id,
            _AutomationRun(
                started=now,
                origin=Origin(
                    entry_id=event.entry_id,
                    chat_id=event.chat.id,
                    message_id=(
                        None if event.type == "message_deleted" else event.message.id
                    ),
                ),
                chat=chat,
                chat_ids=event.chat.ids,
                account_id=event.account_id,
                person=event.sender if is_direct else None,
                automation=by,
            ),
        )

    def _chat(
        self, chat_ids: AbstractSet[str], network: str, now: float
    ) -> _ChatAnswers:
        """Return the record of a chat, under any of its IDs."""
        known = next(
            (self._chats[chat_id] for chat_id in chat_ids if chat_id in self._chats),
            None,
        ) or _ChatAnswers(network=network)
        known.forget_old(now)
        self._chats |= dict.fromkeys(chat_ids, known)
        return known

    def _remember(self, context_id: str, run: _AutomationRun) -> None:
        now = self._hass.loop.time()
        self._runs[context_id] = run
        while self._runs:
            known, oldest = next(iter(self._runs.items()))  # The oldest are first.
            if now - oldest.started < _RUN_KEPT and len(self._runs) <= _RUNS_KEPT:
                break
            del self._runs[known]
        if len(self._chats) > _RUNS_KEPT:
            used = {id(run.chat) for run in self._runs.values()}
            self._chats = {
                chat_id: chat
                for chat_id, chat in self._chats.items()
                if id(chat) in used
            }

    @callback
    def _async_automation_triggered(self, event: Event) -> None:
        """Link runs to the runs that they trigger, and note the automations' names."""
        run = self._runs.get(event.context.parent_id or "")
        if run:
            self._remember(
                event.context.id, replace(run, automation=event.data.get(ATTR_NAME))
            )

    def origin(self, context: Context) -> Origin | None:
        """Return the message that has started what runs with a context."""
        run = self._find(context)
        return run.origin if run else None

    def _find(self, context: Context) -> _AutomationRun | None:
        run = self._runs.get(context.id) or self._runs.get(context.parent_id or "")
        now = self._hass.loop.time()
        return run if run and now - run.started < _RUN_KEPT else None

    def take(
        self,
        context: Context | None,
        chat_ids: AbstractSet[str],
        recipient: AccountPerson | None = None,
    ) -> AutomaticAnswer | None:
        """Count something visible that is about to be sent into a chat.

        The chat is given by all its IDs, or by its `recipient`. Returns None for what answers nothing that happened in it. Raises
        NotDoneError, and creates an issue, if there were too many answers.
        """
        now = self._hass.loop.time()
        run = context and self._find(context)
        if not run or now - run.started >= _RUN_COUNTED:
            return None
        if not run.chat_ids & chat_ids and not (recipient and run.is_with(recipient)):
            return None
        chat = self._chat(run.chat_ids | chat_ids, run.chat.network, now)
        a_minute = int(
            self._entry.options.get(CONF_ANSWERS_PER_MINUTE, DEFAULT_ANSWERS_PER_MINUTE)
        )
        if not chat.may_answer(now, a_minute):
            self._stopped.add(run.automation or "Home Assistant")
            self._create_issue(chat.network)
            errors.refuse(_STOPPED, kind=HomeAssistantError)
        answer = AutomaticAnswer(sent=now)
        chat.answers.append(answer)
        return answer

    def sent(self, answer: AutomaticAnswer) -> None:
        """Note that an answer has gone out only now: servers take time."""
        answer.sent = self._hass.loop.time()

    def _create_issue(self, network: str) -> None:
        async_create_issue(
            self._hass,
            issue_id(self._entry, "reply_loop"),
            "reply_loop",
            {"automations": ", ".join(sorted(self._stopped)), "network": network},
            fix={"entry_id": self._entry.entry_id},
        )

    def resume(self) -> None:
        """Let automations answer again; nothing so far counts."""
        self._stopped.clear()
        for chat in self._chats.values():
            chat.answers.clear()
            chat.quick_reactions = 0
            chat.stopped_until = 0

    def remove(self) -> None:
        """Count no longer."""
        self._remove_listener()

"""Making a shortcut: what it does, then whom of those who were found it is for."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.exceptions import TemplateError
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.helpers.template import Template
from homeassistant.util import dt as dt_util

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import ListedChat
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_CHAT_ID,
    CONF_KIND,
    CONF_MESSAGE,
    CONF_PEOPLE,
    CONF_TITLE,
    CONF_USER,
    CREATE_GROUP,
    SEND_MESSAGE,
    START_CHAT,
)
from ..coordinator import BeeperConfigEntry
from ..people import directory
from ..validation import recipient
from .chat import async_find_chats, chat_label, problem

CONF_PARTICIPANTS: Final = "participants"
CONF_PERSON: Final = "person"
CONF_RECIPIENT: Final = "recipient"
CONF_SEARCH: Final = "search"

_MAX_MATCHES: Final = 50
_LINE: Final = TextSelector()
_LINES: Final = TextSelector(TextSelectorConfig(multiple=True))
# A person who writes no templates writes a text, in a field for texts.
_TEXT: Final = TextSelector(TextSelectorConfig(multiline=True))
_EXAMPLE: Final = "`{{ states('sensor.outside') }}`"
_PHONE_PROBLEMS: Final = {"phone_invalid", "phone_no_country_code"}

type _Find = Callable[[dict[str, Any]], Awaitable[dict[str, str]]]
type _Step = Callable[[], Awaitable[SubentryFlowResult]]


class ShortcutSubentryFlow(ConfigSubentryFlow):
    """Make a shortcut, or change one. Nothing is created or sent by it."""

    _stored: Mapping[str, Any] = {}
    """The shortcut as it was."""
    _given: dict[str, Any]
    """What was filled in."""
    _who = ""
    """The name that is looked for, to say what is wrong with it."""
    _chats: dict[str, ListedChat]
    _persons: dict[str, tuple[directory.Person, str]]
    """Who fits and how to tell them apart, by id."""
    _fitting: list[set[str]]
    """Who fits each of the names."""
    _certain: set[str]
    """Who fits one of the names better than all others."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what it is to do."""
        return self.async_show_menu(
            step_id="user", menu_options=[SEND_MESSAGE, START_CHAT, CREATE_GROUP]
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for everything again but what it does."""
        subentry = self._get_reconfigure_subentry()
        self._stored = {**subentry.data, CONF_NAME: subentry.title}
        steps = {
            SEND_MESSAGE: self.async_step_send_message,
            START_CHAT: self.async_step_start_chat,
            CREATE_GROUP: self.async_step_create_group,
        }
        return await steps[self._stored[CONF_KIND]]()

    # What to do

    async def async_step_send_message(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a message, and where it is to go."""
        fields = {
            vol.Required(CONF_NAME): _LINE,
            vol.Required(CONF_SEARCH): _LINE,
            vol.Required(CONF_MESSAGE): _TEXT,
        }
        return await self._async_ask(
            SEND_MESSAGE,
            fields,
            user_input,
            self._async_find_chats,
            self.async_step_chat,
        )

    async def async_step_start_chat(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a person, and maybe a message."""
        fields = {
            vol.Required(CONF_NAME): _LINE,
            vol.Required(CONF_RECIPIENT): _LINE,
            vol.Required(CONF_ACCOUNT_ID): self._account_selector,
            vol.Optional(CONF_MESSAGE): _TEXT,
        }
        return await self._async_ask(
            START_CHAT,
            fields,
            user_input,
            self._async_find_person,
            self.async_step_person,
        )

    async def async_step_create_group(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for people, and maybe a title and a message."""
        fields = {
            vol.Required(CONF_NAME): _LINE,
            vol.Required(CONF_PARTICIPANTS): _LINES,
            vol.Required(CONF_ACCOUNT_ID): self._account_selector,
            vol.Optional(CONF_TITLE): _LINE,
            vol.Optional(CONF_MESSAGE): _TEXT,
        }
        return await self._async_ask(
            CREATE_GROUP,
            fields,
            user_input,
            self._async_find_people,
            self.async_step_people,
        )

    async def _async_ask(
        self,
        step_id: str,
        fields: Mapping[Any, Any],
        user_input: dict[str, Any] | None,
        find: _Find,
        next_step: _Step,
    ) -> SubentryFlowResult:
        """Ask for the fields of one kind, and find who is meant."""
        entry: BeeperConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        problems: dict[str, str] = {}
        if user_input is not None:
            given = {name: _stripped(value) for name, value in user_input.items()}
            problems = {
                str(field): "blank"
                for field in fields
                if isinstance(field, vol.Required) and not given[str(field)]
            }
            if not self._is_template(given.get(CONF_MESSAGE, "")):
                problems[CONF_MESSAGE] = "template_invalid"
            if not problems:
                problems = await self._async_try(find, given)
            if not problems:
                self._given = {
                    CONF_KIND: step_id,
                    **{name: value for name, value in given.items() if value},
                }
                return await next_step()
        default = {CONF_ACCOUNT_ID: entry.data[CONF_ACCOUNT_ID]}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), user_input or {**default, **self._stored}
            ),
            errors=problems,
            description_placeholders={"example": _EXAMPLE, "who": self._who},
        )

    @property
    def _account_selector(self) -> SelectSelector:
        entry: BeeperConfigEntry = self._get_entry()
        loaded = entry.state is ConfigEntryState.LOADED
        accounts = entry.runtime_data.server.accounts if loaded else ()
        options = [
            SelectOptionDict(
                value=account.account_id,
                label=_joined(
                    account.name, account.user.handle if account.user else None
                ),
            )
            for account in accounts
        ]
        return SelectSelector(
            SelectSelectorConfig(
                options=options, custom_value=True, mode=SelectSelectorMode.DROPDOWN
            )
        )

    def _is_template(self, text: str) -> bool:
        try:
            Template(text, self.hass).ensure_valid()
        except TemplateError:
            return False
        return True

    # Whom it is for

    async def _async_try(self, find: _Find, given: dict[str, Any]) -> dict[str, str]:
        """Find who is meant; return what is wrong, by field."""
        try:
            return await find(given)
        except BeeperError as err:
            if CONF_ACCOUNT_ID in given and errors.reason(err)[0] == "not_found":
                return {CONF_ACCOUNT_ID: "account_unknown"}
            return {"base": problem(err)}

    async def _async_find_chats(self, given: dict[str, Any]) -> dict[str, str]:
        self._chats = await async_find_chats(self._get_entry(), given[CONF_SEARCH])
        return {} if self._chats else {CONF_SEARCH: "nothing_found"}

    async def _async_find_person(self, given: dict[str, Any]) -> dict[str, str]:
        return await self._async_find_persons(
            given, CONF_RECIPIENT, [given[CONF_RECIPIENT]], strangers=True
        )

    async def _async_find_people(self, given: dict[str, Any]) -> dict[str, str]:
        return await self._async_find_persons(
            given, CONF_PARTICIPANTS, given[CONF_PARTICIPANTS], strangers=False
        )

    async def _async_find_persons(
        self, given: dict[str, Any], field: str, names: list[str], *, strangers: bool
    ) -> dict[str, str]:
        """Find who can be meant by each name, and who is by name and rank alone.

        With `strangers`, a number or an address need not be anybody's who is known.
        """
        entry: BeeperConfigEntry = self._get_entry()
        server = entry.runtime_data.server
        account_id = given[CONF_ACCOUNT_ID]
        account = server.account(account_id)
        self._persons, self._fitting, self._certain = {}, [], set()
        for name in names:
            self._who = name
            try:
                text = recipient(name)
            except vol.Invalid as err:
                known = err.msg in _PHONE_PROBLEMS
                return {field: err.msg if known else "nobody_found"}
            found = await directory.find(server, account_id, text)
            matches = [match for match in found.matches if match[1].users]
            fitting = {
                person.id: (person, _label(candidate))
                for _, candidate in matches[:_MAX_MATCHES]
                for person in [
                    directory.as_person(text, candidate.name, [*candidate.users])
                ]
            }
            if not fitting and strangers and (person := directory.as_stranger(text)):
                network = account.name if account else account_id
                fitting[text] = (person, _joined(text, network))
            if not fitting:
                return {field: "nobody_found"}
            best = {c.users[0].id for rank, c in matches if rank is matches[0][0]}
            if len(best) == 1 and matches[0][0] is not directory.Rank.LOOSE:
                self._certain |= best
            self._persons |= fitting
            self._fitting.append({*fitting})
        return {}

    async def async_step_chat(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which of the chats found it is."""
        entry: BeeperConfigEntry = self._get_entry()
        options = {key: chat_label(entry, chat) for key, chat in self._chats.items()}
        if user_input and (chat := self._chats.get(user_input[CONF_CHAT_ID])):
            return self._async_finish(
                {CONF_CHAT_ID: chat.id, CONF_ACCOUNT_ID: chat.account_id}
            )
        return self._async_show_choice(
            CONF_CHAT_ID, "chat", options, self._stored.get(CONF_CHAT_ID), user_input
        )

    async def async_step_person(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which of the people found it is."""
        options = {key: label for key, (_, label) in self._persons.items()}
        users = {
            key: {name: value for name, value in asdict(person.user).items() if value}
            for key, (person, _) in self._persons.items()
        }
        if user_input and (user := users.get(user_input[CONF_PERSON])):
            return self._async_finish({CONF_USER: user})
        stored = self._stored.get(CONF_USER)
        chosen = next((key for key, user in users.items() if user == stored), None)
        return self._async_show_choice(
            CONF_PERSON, "person", options, chosen, user_input
        )

    async def async_step_people(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask who of the people found it is; who alone fits is ticked already."""
        chosen = [*(user_input or {}).get(CONF_PEOPLE, [])]
        if chosen and all(fitting & {*chosen} for fitting in self._fitting):
            people = [
                {"id": person.id, "phone_number": person.user.phone_number}
                for person, _ in (self._persons[key] for key in chosen)
            ]
            return self._async_finish({CONF_PEOPLE: people})
        if user_input is None:
            stored = {person["id"] for person in self._stored.get(CONF_PEOPLE, ())}
            for fitting in self._fitting:
                ticked = fitting & stored or fitting & self._certain
                chosen += sorted(ticked - {*chosen})
        options = {key: label for key, (_, label) in self._persons.items()}
        return self._async_show_choice(
            CONF_PEOPLE, "people", options, chosen, user_input, multiple=True
        )

    def _async_show_choice(
        self,
        field: str,
        step_id: str,
        options: Mapping[str, str],
        suggested: str | list[str] | None,
        user_input: dict[str, Any] | None,
        *,
        multiple: bool = False,
    ) -> SubentryFlowResult:
        selector = SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=value, label=label)
                    for value, label in options.items()
                ],
                mode=SelectSelectorMode.LIST,
                multiple=multiple,
            )
        )
        # Required, a form would choose the first by itself.
        schema = vol.Schema({vol.Optional(field): selector})
        if suggested:
            schema = self.add_suggested_values_to_schema(schema, {field: suggested})
        problems = {field: "not_all_chosen" if multiple else "not_chosen"}
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors={} if user_input is None else problems,
        )

    def _async_finish(self, whom: Mapping[str, Any]) -> SubentryFlowResult:
        data = {**self._given, **whom}
        title = data.pop(CONF_NAME)
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                title=title,
                data=data,
            )
        return self.async_create_entry(title=title, data=data)


def _stripped(value: Any) -> Any:
    """Return a text or several without what is blank."""
    if isinstance(value, list):
        return [text.strip() for text in value if text.strip()]
    return value.strip()


def _label(candidate: directory.Candidate) -> str:
    """Return what tells people apart: two can have one name."""
    user = candidate.users[0]
    active = ""
    if candidate.last_activity:
        with suppress(OverflowError):  # in the first or the last year there is
            active = f"{dt_util.as_local(candidate.last_activity):%Y-%m-%d %H:%M}"
    return _joined(candidate.name or user.id, candidate.network, user.handle, active)


def _joined(*parts: str | None) -> str:
    return " · ".join(dict.fromkeys(part for part in parts if part))

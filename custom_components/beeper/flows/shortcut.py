"""Flow that adds a shortcut: its action, then its recipients among the matches."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import voluptuous as vol

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.const import CONF_NAME

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import Account, ListedChat
from ..const import (
    CONF_ACCOUNT_ID,
    CONF_CHAT_ID,
    CONF_KIND,
    CONF_PEOPLE,
    CONF_USER,
    KIND_CREATE_GROUP,
    KIND_SEND_MESSAGE,
    KIND_START_CHAT,
)
from .chat import CONF_SEARCH, async_search_chats, nothing_found
from .found_people import FoundPeople, NoMatchError, async_find_people
from .labels import async_time_label, chat_label, choice_selector, form_error
from .shortcut_fields import (
    CONF_PARTICIPANTS,
    CONF_RECIPIENT,
    SEND_MESSAGE_FIELDS,
    FormFields,
    create_group_fields,
    find_problems,
    start_chat_fields,
    stripped,
)
from .subentry import BeeperSubentryFlow

CONF_PERSON: Final = "person"

_EXAMPLE: Final = "`{{ states('sensor.outside') }}`"

type _Find = Callable[[dict[str, Any]], Awaitable[dict[str, str]]]
type _Step = Callable[[], Awaitable[SubentryFlowResult]]


class ShortcutSubentryFlow(BeeperSubentryFlow):
    """Add or change a shortcut. The flow itself creates and sends nothing."""

    _stored: Mapping[str, Any] = {}
    """The shortcut before the change, empty for a new one."""
    _values: dict[str, Any]
    """The submitted fields."""
    _unmatched = ""
    """The name that error texts refer to."""
    _networks = ""
    """The networks that error texts refer to."""
    _chats: dict[str, ListedChat]
    _people: FoundPeople

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the action of the shortcut."""
        return self.async_show_menu(
            step_id="user",
            menu_options=[KIND_SEND_MESSAGE, KIND_START_CHAT, KIND_CREATE_GROUP],
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask again for everything except the action."""
        subentry = self._get_reconfigure_subentry()
        self._stored = {**subentry.data, CONF_NAME: subentry.title}
        steps = {
            KIND_SEND_MESSAGE: self.async_step_send_message,
            KIND_START_CHAT: self.async_step_start_chat,
            KIND_CREATE_GROUP: self.async_step_create_group,
        }
        return await steps[self._stored[CONF_KIND]]()

    async def async_step_send_message(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a message and its chat."""
        return await self._async_ask(
            KIND_SEND_MESSAGE,
            SEND_MESSAGE_FIELDS,
            user_input,
            self._async_find_chats,
            self.async_step_chat,
        )

    async def async_step_start_chat(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a person and an optional message."""
        return await self._async_ask(
            KIND_START_CHAT,
            start_chat_fields(self._accounts),
            user_input,
            self._async_find_person,
            self.async_step_person,
        )

    async def async_step_create_group(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for people, an optional title and an optional message."""
        return await self._async_ask(
            KIND_CREATE_GROUP,
            create_group_fields(self._accounts),
            user_input,
            self._async_find_people,
            self.async_step_people,
        )

    async def _async_ask(
        self,
        step_id: str,
        fields: FormFields,
        user_input: dict[str, Any] | None,
        find: _Find,
        next_step: _Step,
    ) -> SubentryFlowResult:
        """Ask for the fields of one action, and find the recipients."""
        if (server := self._server) is None:
            return self.async_abort(reason="not_loaded")
        problems: dict[str, str] = {}
        if user_input is not None:
            values = stripped(user_input)
            problems = find_problems(self.hass, fields, values)
            if not problems:
                problems = await self._async_try(find, values)
            if not problems:
                self._values = {
                    CONF_KIND: step_id,
                    **{name: value for name, value in values.items() if value},
                }
                return await next_step()
        defaults = {CONF_ACCOUNT_ID: server.default_account_id, **self._stored}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), user_input or defaults
            ),
            errors=problems,
            description_placeholders={
                "example": _EXAMPLE,
                "networks": self._networks,
                "who": self._unmatched,
            },
        )

    @property
    def _accounts(self) -> tuple[Account, ...]:
        return self._server.accounts if self._server else ()

    async def _async_try(self, find: _Find, values: dict[str, Any]) -> dict[str, str]:
        """Find the recipients; return problems by field."""
        try:
            return await find(values)
        except BeeperError as err:
            if CONF_ACCOUNT_ID in values and errors.translation(err)[0] == "not_found":
                return {CONF_ACCOUNT_ID: "account_unknown"}
            return {"base": form_error(err)}

    async def _async_find_chats(self, values: dict[str, Any]) -> dict[str, str]:
        self._chats = await async_search_chats(self._directory, values[CONF_SEARCH])
        if self._chats:
            return {}
        problem, self._networks = nothing_found(self._directory.server)
        return {CONF_SEARCH: problem}

    async def _async_find_person(self, values: dict[str, Any]) -> dict[str, str]:
        return await self._async_find_persons(
            values[CONF_ACCOUNT_ID],
            CONF_RECIPIENT,
            [values[CONF_RECIPIENT]],
            strangers=True,
        )

    async def _async_find_people(self, values: dict[str, Any]) -> dict[str, str]:
        return await self._async_find_persons(
            values[CONF_ACCOUNT_ID],
            CONF_PARTICIPANTS,
            values[CONF_PARTICIPANTS],
            strangers=False,
        )

    async def _async_find_persons(
        self,
        account_id: str,
        field: str,
        names: list[str],
        *,
        strangers: bool,
    ) -> dict[str, str]:
        try:
            self._people = await async_find_people(
                self._directory, account_id, names, strangers=strangers
            )
        except NoMatchError as err:
            self._unmatched, self._networks = err.name, err.networks
            return {field: err.key}
        return {}

    async def async_step_chat(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask to choose one of the chats found."""
        if (server := self._server) is None:
            return self.async_abort(reason="not_loaded")
        time_label = await async_time_label(self.hass)
        options = {
            key: chat_label(server, chat, time_label)
            for key, chat in self._chats.items()
        }
        if user_input and (chat := self._chats.get(user_input.get(CONF_CHAT_ID, ""))):
            return self._async_finish(
                {CONF_CHAT_ID: chat.id, CONF_ACCOUNT_ID: chat.account_id}
            )
        return self._async_show_choice(
            CONF_CHAT_ID, "chat", options, self._stored.get(CONF_CHAT_ID), user_input
        )

    async def async_step_person(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask to choose one of the people found."""
        users = {
            key: {name: value for name, value in asdict(person.user).items() if value}
            for key, person in self._people.persons.items()
        }
        if user_input and (user := users.get(user_input.get(CONF_PERSON, ""))):
            return self._async_finish({CONF_USER: user})
        stored = self._stored.get(CONF_USER)
        chosen = next((key for key, user in users.items() if user == stored), None)
        return self._async_show_choice(
            CONF_PERSON, "person", self._people.labels, chosen, user_input
        )

    async def async_step_people(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask to choose people; a name with a single best match is preselected."""
        chosen = [*(user_input or {}).get(CONF_PEOPLE, [])]
        if chosen and all(matches & {*chosen} for matches in self._people.matches):
            people = [
                {"id": person.id, "phone_number": person.user.phone_number}
                for person in map(self._people.persons.__getitem__, chosen)
            ]
            return self._async_finish({CONF_PEOPLE: people})
        if user_input is None:
            stored = {person["id"] for person in self._stored.get(CONF_PEOPLE, ())}
            for matches in self._people.matches:
                selected = matches & stored or matches & self._people.preselected
                chosen += sorted(selected - {*chosen})
        return self._async_show_choice(
            CONF_PEOPLE,
            "people",
            self._people.labels,
            chosen,
            user_input,
            multiple=True,
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
        # A required field would preselect the first option.
        schema = vol.Schema(
            {vol.Optional(field): choice_selector(options, multiple=multiple)}
        )
        if suggested:
            schema = self.add_suggested_values_to_schema(schema, {field: suggested})
        problems = {field: "not_all_chosen" if multiple else "not_chosen"}
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors={} if user_input is None else problems,
        )

    def _async_finish(self, target: Mapping[str, Any]) -> SubentryFlowResult:
        data = {**self._values, **target}
        return self._async_store(data.pop(CONF_NAME), data)

"""The control API for other processes: `/control/...`, without authentication.

In the same process, use the methods of `Simulator`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, get_args

from aiohttp import web

from .checks import Rule, Rules, check, parse_json
from .errors import invalid
from .faults import KINDS
from .model import Delivery, Json
from .traits import TRAITS

if TYPE_CHECKING:
    from .server import Simulator

type ControlRoute = tuple[
    str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]
]

_TEXT = Rule(required=True)
_MAYBE = Rule(nullable=True)
_NAMES = Rule(kind="array", required=True, items=Rule())
"""Names of traits. To add one for a single account, use `NAME=ACCOUNT`."""
_MESSAGE: Rules = {"chatID": _TEXT, "messageID": _TEXT}


class Control:
    """Operations on a simulator, as JSON in and JSON out."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    def routes(self) -> list[ControlRoute]:
        """Every control route, with the fields its body takes."""
        table: list[tuple[str, str, Callable[[Json], Json], Rules | None]] = [
            ("GET", "requests", self._requests, {}),
            ("GET", "executed", self._executed, {}),
            (
                "POST",
                "incoming",
                self._incoming,
                {"chatID": _TEXT, "senderID": _MAYBE, "text": _TEXT},
            ),
            ("POST", "edit", self._edit, {**_MESSAGE, "text": _TEXT}),
            ("POST", "delete", self._delete, _MESSAGE),
            (
                "POST",
                "react",
                self._react,
                {**_MESSAGE, "senderID": _MAYBE, "reactionKey": _MAYBE},
            ),
            (
                "POST",
                "account",
                self._account,
                {
                    "accountID": _TEXT,
                    "status": Rule(),
                    "statusText": _MAYBE,
                    "delivery": Rule(choices=get_args(Delivery.__value__)),
                },
            ),
            ("POST", "read", self._read, {}),
            (
                "POST",
                "membership",
                self._membership,
                {"chatID": _TEXT, "senderID": _MAYBE, "text": _TEXT},
            ),
            ("POST", "leave", self._leave, {"chatID": _TEXT, "personID": _MAYBE}),
            ("POST", "delete-chat", self._delete_chat, {"chatID": _TEXT}),
            ("GET", "traits", self._traits, {}),
            ("POST", "traits", self._add_traits, {"names": _NAMES}),
            ("DELETE", "traits", self._discard_traits, {"names": _NAMES}),
            ("GET", "faults", self._faults, {}),
            ("POST", "faults", self._add_fault, None),
            ("DELETE", "faults", self._clear_faults, {}),
            ("POST", "reset", self._reset, {}),
        ]
        return [
            (method, f"/control/{name}", _serve(act, rules))
            for method, name, act, rules in table
        ]

    def _requests(self, _: Json) -> Json:
        return {"items": [asdict(received) for received in self._sim.requests]}

    def _executed(self, _: Json) -> Json:
        return {"items": [asdict(received) for received in self._sim.executed]}

    def _incoming(self, body: Json) -> Json:
        return self._sim.incoming(body["chatID"], body.get("senderID"), body["text"])

    def _edit(self, body: Json) -> Json:
        return self._sim.edit(body["chatID"], body["messageID"], body["text"])

    def _delete(self, body: Json) -> Json:
        self._sim.delete(body["chatID"], body["messageID"])
        return {}

    def _react(self, body: Json) -> Json:
        return self._sim.react(
            body["chatID"],
            body["messageID"],
            body.get("senderID"),
            body.get("reactionKey"),
        )

    def _account(self, body: Json) -> Json:
        account_id = body["accountID"]
        if "status" in body:
            self._sim.set_account_status(
                account_id, body["status"], body.get("statusText")
            )
        if "delivery" in body:
            self._sim.world.account(account_id).delivery = body["delivery"]
        return {}

    def _read(self, _: Json) -> Json:
        """Mark all messages as read, as another app does."""
        for chat in self._sim.world.chats.values():
            self._sim.world.mark_read(chat, None)
        return {}

    def _membership(self, body: Json) -> Json:
        return self._sim.membership(body["chatID"], body.get("senderID"), body["text"])

    def _leave(self, body: Json) -> Json:
        self._sim.leave(body["chatID"], body.get("personID"))
        return {}

    def _delete_chat(self, body: Json) -> Json:
        self._sim.delete_chat(body["chatID"])
        return {}

    def _traits(self, _: Json) -> Json:
        on = self._sim.traits
        return {
            "items": [
                {
                    **asdict(trait),
                    "on": name in on,
                    "accounts": on.accounts(name) if name in on else None,
                }
                for name, trait in TRAITS.items()
            ]
        }

    def _add_traits(self, body: Json) -> Json:
        return self._change_traits(self._sim.traits.add, body)

    def _discard_traits(self, body: Json) -> Json:
        return self._change_traits(self._sim.traits.discard, body)

    def _change_traits(self, change: Callable[..., None], body: Json) -> Json:
        try:
            change(*body["names"])
        except ValueError as err:
            raise invalid("body", "names", message=str(err)) from None
        return {"on": [*self._sim.traits]}

    def _faults(self, _: Json) -> Json:
        return {"items": [asdict(fault) for fault in self._sim.faults.waiting]}

    def _add_fault(self, body: Json) -> Json:
        try:
            return asdict(self._sim.faults.add(**body))
        except TypeError as err:
            raise invalid("body", message=str(err)) from None

    def _clear_faults(self, _: Json) -> Json:
        self._sim.faults.clear()
        return {}

    def _reset(self, _: Json) -> Json:
        self._sim.reset()
        return {}


def _serve(
    act: Callable[[Json], Json], rules: Rules | None
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = parse_json(await request.read())
        if rules is None:  # a fault: a known kind and any of its fields
            check(body, {"kind": Rule(required=True, choices=KINDS)}, "body")
        else:
            body = check(body, rules, "body", strict=True)
        return web.json_response(act(body))

    return handle

"""Every read-only request, in an order in which ids are known when they are needed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from .client import Answer, Client
from .shape import Shape

type Progress = Callable[[str], None]

_MAX_ACCOUNTS = 6
_MAX_CHATS = 8
_MAX_TIMEOUTS = 3
"""Timeouts in a row after which a server counts as hanging."""
_TIME_LIMIT = 300
"""Seconds for all requests together; later ones are left out."""
_API_DOCUMENT = "GET /v1/spec"
_SEARCH = "a"
"""Text for searches: occurs everywhere, and no network looks it up."""


@dataclass(kw_only=True)
class Exchange:
    """All answers to one kind of request, or to all kinds on one route."""

    name: str
    """Method, path, and what tells it from others on that route: `?limit`."""
    answers: list[Answer] = field(default_factory=list)

    @property
    def route(self) -> str:
        """The name without the query."""
        return self.name.partition("?")[0]

    @property
    def bodies(self) -> list[Any]:
        """The JSON bodies of 2xx answers; private."""
        return [
            answer.body
            for answer in self.answers
            if answer.is_success and answer.kind == "JSON"
        ]

    @property
    def items(self) -> list[dict[str, Any]]:
        """The objects that the bodies list; private."""
        return [row for body in self.bodies for row in rows(body)]

    @property
    def shape(self) -> Shape:
        """The shape of all JSON bodies but errors; of the API's document, nothing."""
        return self._shape(error=False)

    @property
    def error_shape(self) -> Shape:
        """The shape of all JSON bodies of errors."""
        return self._shape(error=True)

    def _shape(self, *, error: bool) -> Shape:
        shape = Shape()
        for answer in self.answers:
            if (
                answer.kind == "JSON"
                and _is_error(answer) == error
                and self.name != _API_DOCUMENT
            ):
                shape.add(answer.body)
        return shape


def _is_error(answer: Answer) -> bool:
    return answer.status is not None and answer.status >= 400


def rows(body: Any) -> list[dict[str, Any]]:
    """Return the objects in a bare array or under `items`."""
    if isinstance(body, dict):
        body = body.get("items")
    if not isinstance(body, list):
        return []
    return [row for row in body if isinstance(row, dict)]


def members(chat: dict[str, Any]) -> list[str]:
    """Return the ids of the chats that a merged chat consists of."""
    merge = chat.get("merge")
    ids = merge.get("chatIDs") if isinstance(merge, dict) else None
    if not isinstance(ids, list):
        return []
    return [member for member in ids if isinstance(member, str)]


def _distinct(found: Iterable[dict[str, Any]], key: str) -> dict[str, None]:
    """Return the usable texts under a key, each once, in order."""
    return dict.fromkeys(value for row in found if (value := text(row, key)))


def text(row: dict[str, Any], key: str) -> str:
    """Return a text that can be used in a request, else ""."""
    value = row.get(key)
    return value if isinstance(value, str) and value not in (".", "..") else ""


class Reading:
    """What a server answered, by the name of the request."""

    def __init__(self, client: Client, progress: Progress = lambda line: None) -> None:
        self.exchanges: dict[str, Exchange] = {}
        self.skipped: list[str] = []
        """Requests that were left out, as the server hangs."""
        self._client = client
        self._progress = progress
        self._started = monotonic()
        self._timeouts = 0

    @property
    def is_reached(self) -> bool:
        """Whether there was any HTTP answer."""
        return any(
            answer.status is not None
            for exchange in self.exchanges.values()
            for answer in exchange.answers
        )

    @property
    def is_token_refused(self) -> bool:
        """Whether the list of accounts was refused with 401."""
        accounts = self.exchanges.get("GET /v1/accounts")
        return accounts is not None and [a.status for a in accounts.answers] == [401]

    @property
    def routes(self) -> dict[str, Exchange]:
        """All answers on each route."""
        routes: dict[str, Exchange] = {}
        for exchange in self.exchanges.values():
            route = routes.setdefault(exchange.route, Exchange(name=exchange.route))
            route.answers.extend(exchange.answers)
        return routes

    def bodies(self, name: str) -> list[Any]:
        """Return the JSON bodies of a request's 2xx answers."""
        return self.exchanges[name].bodies if name in self.exchanges else []

    def items(self, name: str) -> list[dict[str, Any]]:
        """Return the objects that a request's answers list."""
        return self.exchanges[name].items if name in self.exchanges else []

    async def run(self) -> None:
        """Make all requests."""
        await self._ask("GET /v1/info", authorize=False)
        await self._ask("GET /v1/accounts")
        if not self.is_reached or self.is_token_refused:
            return
        await self._read_server()
        await self._read_accounts()
        await self._read_chats()
        await self._read_messages()
        await self._read_errors()

    async def _read_server(self) -> None:
        await self._ask("GET /.well-known/oauth-authorization-server", authorize=False)
        await self._ask(_API_DOCUMENT)
        await self._ask("GET /oauth/userinfo")
        if self._may_continue("POST /oauth/introspect"):
            self._keep("POST /oauth/introspect", await self._client.introspect())
            self._report("POST /oauth/introspect")
        await self._ask("GET /v1/app/setup")
        await self._ask("GET /v1/labels")
        if self._may_continue("GET /v1/ws"):
            names = ("GET /v1/ws", "GET /v1/ws (subscribed)")
            for name, answer in zip(
                names, await self._client.open_socket(), strict=False
            ):
                self._keep(name, answer)
                self._report(name)

    async def _read_accounts(self) -> None:
        accounts = list(_distinct(self.items("GET /v1/accounts"), "accountID"))
        ids = [{"accountID": account} for account in accounts[:_MAX_ACCOUNTS]]
        one = "GET /v1/accounts/{accountID}"
        await self._ask(one, *ids)
        await self._ask(f"{one}/contacts", *ids, query={"query": _SEARCH})
        await self._ask(f"{one}/contacts/list", *ids, query={"limit": "5"})
        await self._ask("GET /v1/bridges")
        bridges = list(_distinct(self.items("GET /v1/bridges"), "id"))
        ids = [{"bridgeID": bridge} for bridge in bridges[:_MAX_ACCOUNTS]]
        await self._ask("GET /v1/bridges/{bridgeID}", *ids)
        await self._ask("GET /v1/bridges/{bridgeID}/capabilities", *ids)

    async def _read_chats(self) -> None:
        await self._ask("GET /v1/chats")
        await self._ask("GET /v1/chats?limit", query={"limit": "2"})
        if cursor := next(
            (
                text(body, "oldestCursor")
                for body in self.bodies("GET /v1/chats")
                if isinstance(body, dict)
            ),
            "",
        ):
            page = {"cursor": cursor, "direction": "before"}
            await self._ask("GET /v1/chats?cursor", query=page)
        for account in list(_distinct(self.items("GET /v1/chats"), "accountID"))[:1]:
            await self._ask("GET /v1/chats?accountIDs", query={"accountIDs": account})
        search = "GET /v1/chats/search"
        await self._ask(search, query={"limit": "50"})
        for name, value in (
            ("limit", "2"),
            ("unreadOnly", "true"),
            ("includeMuted", "false"),
            ("inbox", "primary"),
            ("inbox", "low-priority"),
            ("inbox", "archive"),
            ("type", "group"),
        ):
            label = name if name == "limit" else f"{name}={value}"
            await self._ask(f"{search}?{label}", query={name: value})
        await self._ask(
            f"{search}?scope=participants",
            query={"scope": "participants", "query": _SEARCH},
        )
        await self._ask("GET /v1/search", query={"query": _SEARCH})

    async def _read_messages(self) -> None:
        chats = [{"chatID": chat} for chat in self._sample()]
        one = "GET /v1/chats/{chatID}"
        await self._ask(one, *chats)
        await self._ask(
            f"{one}?maxParticipantCount", *chats[:1], query={"maxParticipantCount": "1"}
        )
        listed = f"{one}/messages"
        await self._ask(listed, *chats)
        messages = [row for row in self.items(listed) if text(row, "chatID")]
        for row in messages[-1:]:
            page = {"cursor": text(row, "sortKey"), "direction": "before"}
            await self._ask(
                f"{listed}?cursor", {"chatID": text(row, "chatID")}, query=page
            )
        ids = [
            {"chatID": text(row, "chatID"), "messageID": text(row, "id")}
            for row in messages[:2]
            if text(row, "id")
        ]
        await self._ask(f"{listed}/{{messageID}}", *ids)
        search = "GET /v1/messages/search"
        await self._ask(search, query={"limit": "20"})
        await self._ask(f"{search}?sender=me", query={"sender": "me"})
        await self._ask(f"{search}?mediaTypes=any", query={"mediaTypes": "any"})
        await self._read_asset(messages + self.items(f"{search}?mediaTypes=any"))

    async def _read_asset(self, messages: list[dict[str, Any]]) -> None:
        """Read the first byte of an attachment."""
        for row in messages:
            for attachment in rows(row.get("attachments")):
                for key in ("id", "srcURL"):
                    url = text(attachment, key)
                    if url.startswith(("mxc://", "localmxc://")):
                        await self._ask(
                            "GET /v1/assets/serve",
                            query={"url": url},
                            headers={"Range": "bytes=0-0"},
                        )
                        return

    async def _read_errors(self) -> None:
        await self._ask("GET /v1/accounts (no token)", authorize=False)
        await self._ask(
            "GET /v1/chats/search (invalid)", query={"direction": "sideways"}
        )
        await self._ask(
            "GET /v1/chats/{chatID} (unknown)", {"chatID": "!unknown:beeper.com"}
        )
        await self._ask("GET /v1/chats/start (other method)")
        await self._ask("GET /v1/unknown-route (no such route)")

    def _sample(self) -> Iterator[str]:
        """Choose chats: merged and read-only ones, then one of each account."""
        found = self.items("GET /v1/chats") + self.items("GET /v1/chats/search")
        special = [row for row in found if row.get("merge") or row.get("isReadOnly")]
        accounts = set()
        chosen: dict[str, None] = dict.fromkeys(_distinct(special[:2], "id"))
        for row in found:
            if row.get("merge"):
                for member in members(row):
                    chosen.setdefault(member)
            if (account := text(row, "accountID")) not in accounts and text(row, "id"):
                accounts.add(account)
                chosen.setdefault(text(row, "id"))
        yield from list(chosen)[:_MAX_CHATS]

    async def _ask(
        self,
        name: str,
        *parameters: dict[str, str],
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        authorize: bool = True,
    ) -> None:
        """Make a request, once for each set of ids; none if it needs some."""
        method, path = name.partition(" (")[0].partition("?")[0].split(" ")
        if "{" in path and not parameters:
            return
        for values in parameters or ({},):
            if not self._may_continue(name):
                break
            answer = await self._client.ask(
                method,
                path,
                parameters=values,
                query=query,
                headers=headers,
                authorize=authorize,
            )
            self._keep(name, answer)
        self._report(name)

    def _may_continue(self, name: str) -> bool:
        if self._timeouts < _MAX_TIMEOUTS and monotonic() - self._started < _TIME_LIMIT:
            return True
        if name not in self.skipped:
            self.skipped.append(name)
        return False

    def _keep(self, name: str, answer: Answer) -> None:
        self._timeouts = self._timeouts + 1 if answer.is_timeout else 0
        exchange = self.exchanges.setdefault(name, Exchange(name=name))
        exchange.answers.append(answer)

    def _report(self, name: str) -> None:
        if exchange := self.exchanges.get(name):
            seconds = max(answer.seconds for answer in exchange.answers)
            self._progress(f"{name}: {statuses(exchange)}, {seconds * 1000:.0f} ms")


def statuses(exchange: Exchange) -> str:
    """Return the different outcomes of an exchange."""
    outcomes = {
        " ".join(
            filter(
                None,
                [str(answer.status or ""), answer.failure and f"({answer.failure})"],
            )
        )
        for answer in exchange.answers
    }
    return ", ".join(sorted(outcomes))

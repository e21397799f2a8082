"""The report as Markdown: shapes, statuses, times, and values from fixed lists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .behaviour import behaviour
from .client import Answer
from .masking import form_of, version
from .reading import Exchange, Reading, statuses
from .shape import differences
from .vocabulary import HEADERS, MEDIA_TYPES, METHODS, TRANSPORT_HEADERS

_MAX_DIFFERENCES = 40
_MAX_FORMS = 8


@dataclass(kw_only=True)
class Report:
    """The readings to compare, and the results of writes."""

    profile: str
    """The simulator's profile that the server is compared with."""
    server: Reading
    simulator: Reading
    writes: list[str] = field(default_factory=list)
    """Lines about the steps of --write."""

    def text(self) -> str:
        """Return the whole report."""
        sections = (
            ("Server", self._server()),
            ("Requests", self._requests()),
            ("Differences", self._differences()),
            ("Forms of ids", self._ids()),
            ("Behaviour", self._behaviour()),
            ("Writing", iter(self.writes)),
            ("Shapes", self._shapes()),
        )
        lines = [
            "# Beeper server report",
            "",
            "Made by scripts/check-server. It contains no names, numbers, texts, tokens or",
            "addresses: keys and values appear only if they are documented. In forms of",
            "ids, `a` stands for letters, `n` for digits and `x` for both; three of them",
            "stand for three or more.",
        ]
        for title, content in sections:
            if section := list(content):
                lines += ["", f"## {title}", "", *section]
        return "\n".join(lines) + "\n"

    def _server(self) -> Iterator[str]:
        name, number = identity(self.server)
        yield f"- App: {name}"
        yield f"- Version: {number or 'unknown'}"
        yield f"- Compared with: the simulator's profile {self.profile}"
        if self.server.skipped:
            yield "- The server hangs or is slow. These requests were left out:"
            yield from (f"    - {name}" for name in self.server.skipped)

    def _requests(self) -> Iterator[str]:
        yield "| Request | Status | Simulator | Slowest |"
        yield "|---|---|---|---|"
        mine, other = self.server.exchanges, self.simulator.exchanges
        for name in {**mine, **other}:
            answers = mine[name].answers if name in mine else []
            took = f"{_slowest(answers)} ms" if answers else ""
            yield f"| {name} | {_status(mine, name)} | {_status(other, name)} | {took} |"

    def _differences(self) -> Iterator[str]:
        simulated = self.simulator.routes
        found = False
        for name, route in self.server.routes.items():
            lines = (
                list(_route_differences(route, simulated[name]))
                if name in simulated
                else []
            )
            if lines:
                yield from ([""] if found else [])
                found = True
                yield f"### {name}"
                yield ""
                yield from (f"- {line}" for line in lines[:_MAX_DIFFERENCES])
                if len(lines) > _MAX_DIFFERENCES:
                    yield f"- and {len(lines) - _MAX_DIFFERENCES} more"
        if not found:
            yield "None."

    def _ids(self) -> Iterator[str]:
        """Yield what only the server has, by key."""
        mine, other = _id_forms(self.server), _id_forms(self.simulator)
        yield "| Key | Only this server | Simulator |"
        yield "|---|---|---|"
        for key, forms in sorted(mine.items()):
            if new := forms - other.get(key, set()):
                yield f"| {key} | {_some(new)} | {_some(other.get(key, set()))} |"

    def _behaviour(self) -> Iterator[str]:
        mine, other = behaviour(self.server), behaviour(self.simulator)
        yield "| Question | Server | Simulator |"
        yield "|---|---|---|"
        for question, answer in mine.items():
            yield f"| {question} | {answer} | {other[question]} |"

    def _shapes(self) -> Iterator[str]:
        first = True
        for name, exchange in self.server.routes.items():
            yield from ([] if first else [""])
            first = False
            yield f"### {name}"
            yield ""
            yield "```"
            yield f"status: {statuses(exchange)}"
            yield f"body: {', '.join(sorted(_kinds(exchange)))}"
            yield f"headers: {', '.join(sorted(_headers(exchange)))}"
            yield from exchange.shape.lines()
            if exchange.error_shape.places:
                yield "error:"
                yield from (f"  {line}" for line in exchange.error_shape.lines())
            yield "```"


def identity(reading: Reading) -> tuple[str, str | None]:
    """Return the app's name (masked if unknown) and its version (None if unknown)."""
    for body in reading.bodies("GET /v1/info"):
        app = body.get("app") if isinstance(body, dict) else None
        if isinstance(app, dict):
            number = app.get("version")
            return (
                str(form_of("name", app.get("name"))),
                version(number) if isinstance(number, str) else None,
            )
    for exchange in reading.exchanges.values():
        for answer in exchange.answers:
            for name, value in answer.headers:
                if name.lower() == "x-beeper-desktop-version" and version(value):
                    return "unknown", value
    return "unknown", None


def _route_differences(mine: Exchange, other: Exchange) -> Iterator[str]:
    if statuses(mine) != statuses(other):
        yield f"status {statuses(mine)}; simulator: {statuses(other)}"
    else:
        yield from _set_differences("body", _kinds(mine), _kinds(other))
        yield from _set_differences(
            "headers",
            *(
                {
                    header
                    for header in _headers(exchange)
                    if header not in TRANSPORT_HEADERS
                }
                for exchange in (mine, other)
            ),
        )
    yield from differences(mine.shape, other.shape)
    for line in differences(mine.error_shape, other.error_shape):
        yield f"error: {line}"


def _set_differences(what: str, mine: set[str], other: set[str]) -> Iterator[str]:
    if new := mine - other:
        yield f"{what}: {', '.join(sorted(new))}, which the simulator does not have"
    if missing := other - mine:
        yield f"{what}: no {', '.join(sorted(missing))}, which the simulator has"


def _id_forms(reading: Reading) -> dict[str, set[str]]:
    """Return the masked ids in all answers, by key."""
    merged: dict[str, set[str]] = {}
    for route in reading.routes.values():
        for key, forms in route.shape.id_forms().items():
            merged.setdefault(key, set()).update(forms)
    return merged


def _some(forms: set[str]) -> str:
    found = sorted(forms)
    return ", ".join([*found[:_MAX_FORMS], *(["…"] if found[_MAX_FORMS:] else [])])


def _status(exchanges: Mapping[str, Exchange], name: str) -> str:
    return statuses(exchanges[name]) if name in exchanges else "not asked"


def _slowest(answers: list[Answer]) -> str:
    return f"{max(answer.seconds for answer in answers) * 1000:.0f}"


def _kinds(exchange: Exchange) -> set[str]:
    return {answer.kind or "not read" for answer in exchange.answers}


def _headers(exchange: Exchange) -> set[str]:
    return {
        _header(name.lower(), value)
        for answer in exchange.answers
        for name, value in answer.headers
    }


def _header(name: str, value: str) -> str:
    if name not in HEADERS:
        return "(another)"
    if name == "content-type":
        media = value.partition(";")[0].strip().lower()
        return f"{name} {media if media in MEDIA_TYPES else '(another)'}"
    if name == "x-beeper-desktop-version":
        return f"{name} {version(value) or '(another form)'}"
    if name == "allow":
        known = {method.strip() for method in value.split(",")} & METHODS
        return f"{name} {' '.join(sorted(known))}".strip()
    if name == "www-authenticate":
        return (
            f"{name} {'Bearer' if value.lower().startswith('bearer') else '(another)'}"
        )
    return name

"""The rules of networks for new chats, read before a chat is created.

Only rules that the server reports refuse a request.
"""

import asyncio
from typing import Final
from weakref import WeakKeyDictionary

from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import CreationRules, FieldRule
from ..api.requests import ChatRequest, CreateChat, StartChat

type RuleProblem = tuple[str, dict[str, str]]
"""The key of a translated text, and its placeholders without the network."""

_KEEP: Final = 10 * 60
"""Seconds for which rules, or their absence, are cached."""

_TIMEOUT: Final = 5
"""Seconds that reading rules may delay a chat."""


class NetworkRules:
    """Rules by network, each read at most once in ten minutes."""

    def __init__(self) -> None:
        """Start without rules."""
        self._lock = asyncio.Lock()
        # By client: after a change of its address it is another server.
        self._known: WeakKeyDictionary[
            BeeperClient, dict[str, tuple[float, CreationRules | None]]
        ] = WeakKeyDictionary()

    async def read(
        self, client: BeeperClient, bridge_id: str | None
    ) -> CreationRules | None:
        """Return the rules of a bridge's network, None if the server reports none."""
        if bridge_id is None:
            return None
        now = asyncio.get_running_loop().time()
        known = self._known.setdefault(client, {})
        async with self._lock:
            until, rules = known.get(bridge_id, (now, None))
            if until <= now:
                rules = await _read(client, bridge_id)
                known[bridge_id] = (now + _KEEP, rules)
        return rules


async def _read(client: BeeperClient, bridge_id: str) -> CreationRules | None:
    try:
        async with asyncio.timeout(_TIMEOUT):
            if not await client.has_bridges():
                return None
            return await client.creation_rules(bridge_id)
    except BeeperError, TimeoutError:
        return None


def find_problem(request: ChatRequest, rules: CreationRules) -> RuleProblem | None:
    """Return the reason why the network refuses a request, None if no rule does."""
    if isinstance(request, CreateChat) and request.type == "group":
        return _group_problem(request, rules)
    if rules.create_dm is False:
        return "network_no_chats", {}
    return _lookup_problem(request, rules) if isinstance(request, StartChat) else None


def _lookup_problem(request: StartChat, rules: CreationRules) -> RuleProblem | None:
    """Return a problem if the network cannot look the person up by any given field."""
    user = request.user
    identities = {
        "phone_number": user.phone_number,
        "email": user.email,
        "username": user.username,
    }
    fields = [field for field, value in identities.items() if value]
    if user.id or any(rules.lookups.get(field) is not False for field in fields):
        return None
    return "network_no_lookup", {"field": ", ".join(fields)}


def _group_problem(request: CreateChat, rules: CreationRules) -> RuleProblem | None:
    """Return a problem if none of the network's kinds of groups accepts the request."""
    if rules.groups is None:
        return None
    count = len(request.participant_ids)
    problems = [
        _title_problem(request.title, kind.title)
        or _people_problem(count, kind.participants)
        for kind in rules.groups
    ] or [("network_no_groups", {})]
    return None if None in problems else problems[0]


def _title_problem(title: str | None, rule: FieldRule) -> RuleProblem | None:
    """Refuse only titles that are too long or short in bytes as well as characters."""
    if not title:
        return ("network_title_required", {}) if rule.required else None
    if not rule.allowed:
        return "network_title_not_allowed", {}
    if rule.max_length is not None and len(title) > rule.max_length:
        return "network_title_too_long", _limits(len(title), rule.max_length)
    if len(title.encode()) < rule.min_length:
        return "network_title_too_short", _limits(len(title), rule.min_length)
    return None


def _people_problem(count: int, rule: FieldRule) -> RuleProblem | None:
    if rule.max_length is not None and count > rule.max_length:
        return "network_too_many_people", _limits(count, rule.max_length)
    if count < rule.min_length:
        return "network_too_few_people", _limits(count, rule.min_length)
    return None


def _limits(length: int, limit: int) -> dict[str, str]:
    return {"length": str(length), "limit": str(limit)}

"""Whether a new chat may be created: the network's rules, and the account's limit."""

from collections.abc import Mapping

from .. import errors
from ..api.requests import ChatRequest
from ..errors import Refusal
from .existing_chats import is_existing, may_be_known
from .job import OutboxContext
from .network_rules import find_problem


async def check_rules(
    context: OutboxContext, request: ChatRequest, phone_numbers: Mapping[str, str]
) -> None:
    """Refuse what the network cannot do; an existing chat needs no check.

    `phone_numbers` are the known ones by participant ID. Raises NotDoneError.
    """
    server = context.server
    account = server.account(request.account_id)
    rules = await context.rules.read(
        server.client, account.bridge_id if account else None
    )
    problem = rules and find_problem(request, rules)
    if problem and not await may_be_known(server, request, phone_numbers, problem[0]):
        key, placeholders = problem
        placeholders = {"network": server.network(request.account_id), **placeholders}
        raise errors.NotDoneError(Refusal(key=key, placeholders=placeholders))


async def take_slot(context: OutboxContext, request: ChatRequest) -> float | None:
    """Take one of the account's slots for new chats, None if the chat exists.

    Raises NotDoneError if all are taken.
    """
    limiter, account_id = context.limits.chat_creations, request.account_id
    slot = limiter.take(account_id)
    if slot is None and not await is_existing(context.server, request):
        slot = limiter.take(account_id)  # It may be free by now.
        if slot is None:
            raise errors.NotDoneError(
                Refusal(key="budget_empty", placeholders=limiter.describe(account_id))
            )
    return slot

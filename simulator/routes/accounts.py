"""Accounts, their contacts, bridges."""

from itertools import groupby

from simulator.call import PAGING, Call, Route
from simulator.checks import Rule
from simulator.errors import ApiError, not_found
from simulator.model import Account, Json, Person
from simulator.paging import Key, paginate
from simulator.people import display_name, look_up


def accounts(call: Call) -> list[Json]:
    """`GET /v1/accounts`: a bare array."""
    return [
        call.wire.account(account)
        for account in call.world.accounts.values()
        if account.listed and not call.traits.has("accounts_loading", account.id)
    ]


def account(call: Call) -> Json:
    """`GET /v1/accounts/{accountID}`."""
    if not call.account.listed:
        raise not_found("Account")
    return call.wire.account(call.account)


def search_contacts(call: Call) -> Json:
    """`GET /v1/accounts/{accountID}/contacts`.

    Exact for a phone number, e-mail address or @username, otherwise by text.
    """
    account = call.account
    _check_contacts(call)
    people = look_up(account, call.query["query"])
    return {"items": [call.wire.user(person, account) for person in people]}


def list_contacts(call: Call) -> Json:
    """`GET /v1/accounts/{accountID}/contacts/list`, by name."""
    account = call.account
    _check_contacts(call)
    if "query" in call.query:
        people = sorted(look_up(account, call.query["query"]), key=_by_name)
    else:
        if "cursor" not in call.query:  # Later pages use the same snapshot.
            account.by_name = sorted(account.contacts.values(), key=_by_name)
        people = account.by_name
    page = paginate(people, _by_name, call.query, limit=call.query["limit"])
    return page.as_json(lambda person: call.wire.user(person, account))


def _check_contacts(call: Call) -> None:
    """Raise an error on bridges without contact lists. Chosen: 500."""
    if call.traits.has("contacts_fail", call.account.id):
        raise ApiError(500, "INTERNAL_ERROR", "Failed to list contacts")


def bridges(call: Call) -> Json:
    """`GET /v1/bridges`."""
    return {"items": [call.wire.bridge(group) for group in _bridges(call).values()]}


def bridge(call: Call) -> Json:
    """`GET /v1/bridges/{bridgeID}`."""
    return call.wire.bridge(_bridge(call))


def bridge_capabilities(call: Call) -> Json:
    """`GET /v1/bridges/{bridgeID}/capabilities`."""
    return call.wire.bridge_capabilities(_bridge(call)[0])


def _bridges(call: Call) -> dict[str, list[Account]]:
    listed = sorted(
        (account for account in call.world.accounts.values() if account.listed),
        key=lambda account: account.bridge,
    )
    return {
        bridge[0]: list(group)
        for bridge, group in groupby(listed, key=lambda account: account.bridge)
    }


def _bridge(call: Call) -> list[Account]:
    if (found := _bridges(call).get(call.params["bridgeID"])) is None:
        raise not_found("Bridge")
    return found


def _by_name(person: Person) -> Key:
    return (display_name(person).casefold(), person.id)


ROUTES = [
    Route("GET", "/v1/accounts", accounts),
    Route("GET", "/v1/accounts/{accountID}", account, "registry"),
    Route(
        "GET",
        "/v1/accounts/{accountID}/contacts",
        search_contacts,
        query={"query": Rule(required=True, low=1)},
    ),
    Route(
        "GET",
        "/v1/accounts/{accountID}/contacts/list",
        list_contacts,
        "contacts_list",
        query={
            **PAGING,
            "limit": Rule(kind="integer", low=1, high=200, default=50),
            "query": Rule(low=1),
        },
    ),
    Route("GET", "/v1/bridges", bridges, "registry"),
    Route("GET", "/v1/bridges/{bridgeID}", bridge, "registry"),
    Route(
        "GET", "/v1/bridges/{bridgeID}/capabilities", bridge_capabilities, "registry"
    ),
]

"""Creating and starting chats."""

import asyncio
from dataclasses import replace

from simulator.call import Call, Route
from simulator.checks import Rule, Rules, check
from simulator.errors import ApiError, invalid
from simulator.model import Account, Chat, Json
from simulator.people import participant, resolve
from simulator.text import fold


async def create(call: Call) -> Json:
    """`POST /v1/chats`.

    Chosen: always a new chat, even if a direct chat exists. The documentation promises
    nothing else, and tests notice every repeated request.
    """
    body = call.body
    account = call.world.account(body["accountID"])
    call.check_loaded(account.id)
    unchecked = call.traits.has("unknown_users_accepted", account.id)
    if body["type"] == "single" and len(body["participantIDs"]) != 1:
        raise invalid(
            "body",
            "participantIDs",
            message="A single chat needs exactly one participant",
        )
    people = [
        participant(account, identifier, unchecked=unchecked)
        for identifier in dict.fromkeys(body["participantIDs"])
    ]
    if (
        body["type"] == "single"
        and call.traits.has("create_finds_existing", account.id)
        and (chat := call.world.direct_chat(account, people[0]))
    ):
        return await _opened(call, chat, None, is_new=False)
    chat = call.world.add_chat(
        account,
        people,
        kind=body["type"],
        title=stored_title(call, account, body.get("title")),
    )
    return await _opened(call, chat, None)


def stored_title(call: Call, account: Account, title: str | None) -> str | None:
    """Return a title as the network stores it."""
    if title is not None and call.traits.has("titles_folded", account.id):
        return fold(title)
    if title is not None and call.traits.has("titles_trimmed", account.id):
        return title.strip()
    return title


async def start(call: Call) -> Json:
    """`POST /v1/chats/start`, or `POST /v1/chats` with mode start.

    Returns the existing or new direct chat with a person. `allowInvite` has no effect.
    """
    account = call.world.account(call.body["accountID"])
    call.check_loaded(account.id)
    user = call.body["user"]
    if not (user.keys() - {"fullName"} or call.profile.strict):
        raise invalid(
            "body",
            "user",
            message="At least one of id, username, phoneNumber, email is required",
        )
    person = resolve(
        account,
        user,
        by_name=call.profile.strict,
        unchecked=call.traits.has("unknown_users_accepted", account.id),
        similar=call.traits.has("similar_people_accepted", account.id),
    )
    if person.cannot_message:
        raise ApiError(403, "FORBIDDEN", "This user cannot be messaged")
    if chat := call.world.direct_chat(account, person):
        return await _opened(call, chat, "existing", is_new=False)
    return await _opened(call, call.world.add_chat(account, [person]), "created")


async def create_or_start(call: Call) -> Json:
    """`POST /v1/chats` of the generation with `mode`, by default create."""
    starts = call.body.get("mode") == "start"
    rules = {**(START if starts else CREATE), "mode": Rule()}
    body = check(call.body, rules, "body", strict=call.profile.strict)
    return await (start if starts else create)(replace(call, body=body))


async def _opened(
    call: Call, chat: Chat, status: str | None, *, is_new: bool = True
) -> Json:
    """Send the first message and return the generation's response."""

    def has(name: str) -> bool:
        return call.traits.has(name, chat.account_id)

    if is_new:
        chat.made_at = asyncio.get_running_loop().time()
        if has("network_hangs"):
            await asyncio.sleep(call.world.hang_seconds)
            raise ApiError(500, "INTERNAL_ERROR", "Timed out", ran=True)
    drops_text = has("first_text_dropped") or (
        has("existing_chat_drops_text") and not is_new
    )
    if (text := call.body.get("messageText")) and not drops_text:
        failed = ApiError(
            500, "INTERNAL_ERROR", "Failed to send the first message", ran=True
        )
        if has("first_text_fails") and is_new:
            raise failed
        try:
            call.world.send(chat, text)
        except ApiError:
            raise failed from None
    answer: Json = (
        call.full_chat(chat) if "create_chat" in call.profile.features else {}
    )
    answer["chatID"] = chat.id
    if status and not has("start_without_status"):
        answer["status"] = status
    elif has("empty_values"):
        answer["status"] = ""
    return answer


CREATE: Rules = {
    "accountID": Rule(required=True),
    "participantIDs": Rule(kind="array", required=True, low=1, items=Rule(low=1)),
    "type": Rule(required=True, choices=("single", "group")),
    "messageText": Rule(),
    "title": Rule(),
}
START: Rules = {
    "accountID": Rule(required=True),
    "user": Rule(
        kind="object",
        required=True,
        fields={
            name: Rule()
            for name in ("id", "username", "phoneNumber", "email", "fullName")
        },
    ),
    "allowInvite": Rule(kind="boolean"),
    "messageText": Rule(),
}
EITHER: Rules = {
    "mode": Rule(choices=("create", "start")),
    **{name: Rule(kind=rule.kind) for name, rule in {**CREATE, **START}.items()},
}
"""Names and types of all fields, for the check before `mode` is known."""


ROUTES = [
    Route("POST", "/v1/chats", create, "create_id", body=CREATE),
    Route("POST", "/v1/chats", create_or_start, "create_mode", body=EITHER),
    # Chosen: on servers with a separate start route, mode=start is a create with
    # missing fields. No source shows the real response.
    Route("POST", "/v1/chats", create, "create_chat", body=CREATE),
    Route("POST", "/v1/chats/start", start, "start", body=START),
]

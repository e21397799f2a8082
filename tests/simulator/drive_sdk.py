"""Call every method of the installed official SDK and print the problems.

Run by test_sdk.py in an environment that has `beeper-desktop-api`:
`python drive_sdk.py BASE_URL TOKEN`. Prints JSON: `called` and `missing` method names
and `problems`.

The SDK builds its models without validation. This program validates each raw response
strictly against the declared type: required fields, types and known enum values. It
also reports fields that the SDK does not know.
"""

from collections.abc import Iterator
import importlib
import inspect
import json
import sys
import time
import typing
from typing import Any

# No types for mypy: the package is installed elsewhere.
beeper: Any = importlib.import_module("beeper_desktop_api")
pydantic: Any = importlib.import_module("pydantic")

# Adding accounts and setting up the app: nothing an integration does.
LEFT_OUT = ("app.setup.", "bridges.log")
LEFT_IN = ("app.setup.retrieve",)

# Documented, and missing from the SDK's model of the page.
UNDECLARED = {".chats"}

GROUP = "!fAmiLyGroUp:beeper.com"
IMESSAGE = "imsg##thread:15550104001"
OWN, PICTURE = "2", "4"


def calls(newer: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Method names with keyword arguments; `newer`: since methods for read and such."""
    yield "info.retrieve", {}
    yield "accounts.list", {}
    yield "accounts.contacts.search", {"account_id": "whatsapp", "query": "kim"}
    yield "accounts.contacts.list", {"account_id": "telegram", "limit": 1}
    yield "chats.list", {"account_ids": ["whatsapp", "telegram"]}
    yield "chats.search", {"query": "family", "include_muted": True, "type": "group"}
    yield "chats.retrieve", {"chat_id": GROUP}
    yield "chats.retrieve", {"chat_id": GROUP, "max_participant_count": -1}
    create = {"account_id": "whatsapp", "participant_ids": ["15550101002"]}
    yield "chats.create", {**create, "type": "single", "message_text": "hi"}
    yield "chats.create", {**create, "type": "group", "title": "Team"}
    start = {"account_id": "whatsapp", "user": {"phone_number": "+15550107777"}}
    name, mode = ("chats.start", {}) if newer else ("chats.create", {"mode": "start"})
    yield name, {**start, **mode, "allow_invite": True}
    yield name, {**start, **mode, "message_text": "again"}
    yield "chats.archive", {"chat_id": GROUP, "archived": False}
    remind = (
        {"remind_at": "2026-01-01T10:00:00Z"}
        if newer
        else {"remind_at_ms": 1767261600000}
    )
    yield "chats.reminders.create", {"chat_id": GROUP, "reminder": remind}
    yield "chats.retrieve", {"chat_id": GROUP}
    yield "chats.reminders.delete", {"chat_id": GROUP}
    yield "messages.list", {"chat_id": GROUP}
    yield "messages.list", {"chat_id": "!jOrdanSignaL:beeper.com"}
    yield "messages.search", {"query": "cake", "media_types": ["any"]}
    yield "messages.search", {"sender": "others", "exclude_low_priority": False}
    yield "messages.send", {"chat_id": GROUP, "text": "hi", "reply_to_message_id": OWN}
    yield "messages.list", {"chat_id": GROUP}
    yield "messages.update", {"chat_id": GROUP, "message_id": OWN, "text": "edited"}
    message = {"chat_id": GROUP, "message_id": OWN}
    react = {**message, "reaction_key": "👍"}
    yield "chats.messages.reactions.add", {**react, "transaction_id": "t"}
    yield "chats.messages.reactions.delete", react
    yield "assets.upload", {"file": b"hello", "file_name": "a.txt"}
    yield "assets.upload_base64", {"content": "aGVsbG8="}
    yield "assets.download", {"url": "mxc://beeper.local/cake"}
    yield "assets.download", {"url": "mxc://beeper.local/gone"}
    yield "assets.serve", {"url": "mxc://beeper.local/cake"}
    yield "focus", {"chat_id": GROUP, "draft_text": "hi"}
    yield "search", {"query": "cake"}
    if not newer:
        return
    yield "chats.update", {"chat_id": GROUP, "draft": {"text": "x"}, "is_muted": True}
    yield "chats.update", {"chat_id": GROUP, "draft": None, "description": "y"}
    yield "chats.mark_read", {"chat_id": GROUP, "message_id": OWN}
    yield "chats.mark_unread", {"chat_id": GROUP}
    yield "chats.notify_anyway", {"chat_id": IMESSAGE}
    yield "messages.retrieve", {"chat_id": GROUP, "message_id": PICTURE}
    yield "messages.delete", {**message, "for_everyone": True}
    yield "messages.list", {"chat_id": GROUP}


NEWEST = [
    ("accounts.retrieve", {"account_id": "signal"}),
    ("labels.list", {}),
    ("bridges.list", {}),
    ("bridges.retrieve", {"bridge_id": "whatsapp"}),
    ("bridges.retrieve_capabilities", {"bridge_id": "whatsapp"}),
    ("app.setup.retrieve", {}),
]


def methods(resource: Any, prefix: str = "") -> Iterator[str]:
    """All methods of an SDK client that make a request."""
    for name, value in inspect.getmembers(type(resource)):
        if name.startswith(("_", "with_")) or name in ("copy", "close", "is_closed"):
            continue
        if inspect.isfunction(value):
            if "extra_headers" in inspect.signature(value).parameters:
                yield prefix + name
        elif not inspect.isclass(value):
            inner = getattr(resource, name)
            if type(inner).__name__.endswith("Resource"):
                yield from methods(inner, f"{prefix}{name}.")


def unknown_fields(value: Any, path: str = "") -> Iterator[str]:
    """Fields of an answer that its model does not have."""
    if isinstance(value, list):
        for item in value:
            yield from unknown_fields(item, f"{path}[]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from unknown_fields(item, f"{path}.{name}")
    elif isinstance(value, pydantic.BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from unknown_fields(getattr(value, name), f"{path}.{name}")


def judge(method: Any, response: Any) -> str | None:
    """What is wrong with an answer to a method."""
    declared = typing.get_type_hints(method).get("return")
    if method.__name__ == "serve":
        return None if response.content.startswith(b"\x89PNG") else "not the picture"
    if declared is type(None):
        return None if response.status_code == 204 else f"{response.status_code}"
    try:
        value = pydantic.TypeAdapter(declared).validate_json(
            response.content, strict=True
        )
    except pydantic.ValidationError as err:
        return str(err)
    return ", ".join(sorted({*unknown_fields(value)} - UNDECLARED)) or None


def main(base_url: str, token: str) -> dict[str, Any]:
    """Call everything."""
    answers: list[Any] = []

    def keep(response: Any) -> None:
        response.read()
        answers.append(response)

    client = beeper.BeeperDesktop(
        base_url=base_url,
        access_token=token,
        max_retries=0,
        http_client=beeper.DefaultHttpxClient(event_hooks={"response": [keep]}),
    )
    newer = hasattr(client.chats, "start")
    todo = [*calls(newer), *(NEWEST if hasattr(client, "labels") else ())]
    problems = []
    for name, options in todo:
        method = client
        for part in name.split("."):
            method = getattr(method, part)
        try:
            method(**options)
        except beeper.APIError as err:
            problems.append(f"{name}: {err}")
            continue
        if problem := judge(method, answers[-1]):
            problems.append(f"{name}: {problem}")
    for number in range(45):
        client.messages.send(GROUP, text=str(number))
    time.sleep(0.3)  # older servers hide unconfirmed messages
    pages = len(answers)
    listed = [message.id for message in client.messages.list(GROUP)]
    if len(set(listed)) < 45 or len(answers) - pages < 3:
        problems.append(f"paging gave {len(listed)} messages")
    called = {name for name, _ in todo}
    left_out = {
        name
        for name in methods(client)
        if name.startswith(LEFT_OUT) and name not in LEFT_IN
    }
    return {
        "called": sorted(called),
        "missing": sorted({*methods(client)} - called - left_out),
        "problems": problems,
    }


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)

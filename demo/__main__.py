"""Set up the integration, create chats, and let an automation answer a message."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
import os
import signal
import sys
from typing import Any

import yaml

from homeassistant.const import __version__ as ha_version
from simulator import Simulator

from .additions import add_camera, add_chat
from .automation import ANSWER, AUTOMATION, AUTOMATION_ID, KIM_CHAT, QUESTION
from .dashboard import GRANDPA, KIM_PHONE, MIA
from .home_assistant import ROOT, USER, HomeAssistant, home_assistant
from .terminal import DemoError, ask, say, step

_ANSWER_TIMEOUT = 30
_TOKEN = "dev-token"  # noqa: S105 - the simulator's
_FLOW = "/api/config/config_entries/flow"
_TEXTS = json.loads(
    (ROOT / "custom_components/beeper/translations/en.json").read_text("utf-8")
)


@dataclass(frozen=True, kw_only=True)
class _Beeper:
    """The server to connect to; without a simulator, a real one."""

    url: str
    token: str
    simulator: Simulator | None = None


@dataclass(frozen=True, kw_only=True)
class _Call:
    """An action call, and whether it must be rejected."""

    title: str
    data: dict[str, Any]
    refused: bool = False


_GREETING = "Hello from Home Assistant"
_WRONG_CALL = _Call(
    title="A wrong call: no country code",
    data={"mode": "start", "user": {"phone_number": "555 010 1002"}},
    refused=True,
)
_CALLS = (
    _Call(
        title="Send a first message to a phone number",
        data={
            "mode": "start",
            "user": {"phone_number": KIM_PHONE},
            "message_text": _GREETING,
        },
    ),
    _Call(
        title="Create a group",
        data={
            "mode": "create",
            "participant_ids": [MIA, GRANDPA],
            "type": "group",
            "title": "Weekend",
        },
    ),
    _WRONG_CALL,
)


def main() -> int:
    """Return 0 if all steps succeeded."""
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return asyncio.run(_demo(once=options.once))
    except DemoError as err:
        say(f"The demo failed: {err}")
        return 1
    except OSError as err:
        say(f"The demo failed: {err}")
        return 1
    except KeyboardInterrupt, asyncio.CancelledError:
        say("Interrupted.")
        return 130


async def _demo(*, once: bool) -> int:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with (
        _beeper() as beeper,
        home_assistant(
            f"Starting Home Assistant {ha_version}",
            private=beeper.simulator is None,
        ) as ha,
    ):
        account_id = await _set_up(ha, beeper)
        calls = _CALLS if beeper.simulator else await _own_calls(account_id)
        failed = 0
        for number, call in enumerate(calls, 1):
            failed += not await _make(ha, number, call)
        if beeper.simulator:
            failed += not await _answer(ha, len(calls) + 1, beeper.simulator)
            failed += not _reached(beeper.simulator, calls)
        if not once:
            await _stay(ha, beeper.simulator)
    return 1 if failed else 0


@asynccontextmanager
async def _beeper() -> AsyncIterator[_Beeper]:
    """Return a simulated server, or the server from the environment variables."""
    url = os.environ.get("BEEPER_URL", "")
    token = os.environ.get("BEEPER_ACCESS_TOKEN", "")
    if not url and not token:
        # It behaves as real servers were seen to, not as they are documented.
        async with Simulator(token=_TOKEN, realistic=True) as simulator:
            yield _Beeper(url=simulator.url, token=_TOKEN, simulator=simulator)
        return
    if not url or not token:
        raise DemoError("set both BEEPER_URL and BEEPER_ACCESS_TOKEN, or neither")
    yield _Beeper(url=url, token=token)


async def _set_up(ha: HomeAssistant, beeper: _Beeper) -> str:
    """Complete the config flow and return the selected account."""
    async with step("Setting the integration up through its config flow"):
        flow = await ha.post(_FLOW, {"handler": "beeper"})
        flow = await ha.post(
            f"{_FLOW}/{flow['flow_id']}",
            {"url": beeper.url, "token": beeper.token, "verify_ssl": True},
        )
    for key in (flow.get("errors") or {}).values():
        raise DemoError(_TEXTS["config"]["error"].get(key, key))
    accounts = flow["data_schema"][0]["selector"]["select"]["options"]
    for account in accounts:
        say(f"   {account['value']}: {account['label']}")
    if beeper.simulator:
        account_id = "whatsapp"
    else:
        account_id = (
            await _given("BEEPER_ACCOUNT_ID", "The account to use (empty: the first):")
            or accounts[0]["value"]
        )
    entry = await ha.post(f"{_FLOW}/{flow['flow_id']}", {"account_id": account_id})
    if entry["type"] != "create_entry":
        raise DemoError(f"the account {account_id!r} was not accepted")
    state = entry["result"]["state"]
    if state != "loaded":
        raise DemoError(
            f"the integration is in state {state}: {entry['result']['reason']}; "
            f"see {ha.log}"
        )
    say(f"   Chosen: {account_id}")
    if beeper.simulator:
        await add_chat(ha, entry["result"], "Kim")
        await add_camera(ha)
        say("   Added: the chat with Kim (notify.kim), and a camera (camera.door)")
    return account_id


async def _given(variable: str, question: str) -> str:
    """Return the environment variable, or ask for the value."""
    return os.environ.get(variable, "").strip() or await ask(question)


async def _own_calls(account_id: str) -> tuple[_Call, ...]:
    """Return the calls for a real Beeper account after confirmation."""
    say("\nNow two chats can be created. No message is sent; leave out what you like.")
    recipient = await _given(
        "BEEPER_RECIPIENT",
        "Whom to start a chat with (a name, an ID or +1 555 010 1002):",
    )
    participants = await _given(
        "BEEPER_PARTICIPANTS",
        "Whom to put into a group (the same, with commas between them):",
    )
    people = [name.strip() for name in participants.split(",") if name.strip()]
    calls = []
    if recipient:
        data: dict[str, Any] = {"mode": "start", "recipient": recipient}
        calls.append(_Call(title=f"Start a chat with {recipient}", data=data))
    if people:
        data = {
            "mode": "create",
            "participants": people,
            "type": "group",
            "title": "Home Assistant demo",
        }
        calls.append(_Call(title=f"Create a group with {', '.join(people)}", data=data))
    if calls:
        say(f"\nIn your own Beeper, with the account {account_id}, this is next:")
        for call in calls:
            say(f" - {call.title}")
        if (await ask("Go ahead? [y/N]")).lower() not in ("y", "yes"):
            say("Nothing is created.")
            calls = []
    return (*calls, _WRONG_CALL)


async def _make(ha: HomeAssistant, number: int, call: _Call) -> bool:
    """Make a call, print it with its response, and return whether it succeeded."""
    say(f"\n── {number}. {call.title}\n")
    shown = {"action": "beeper.create_chat", "data": call.data}
    say(yaml.safe_dump(shown, allow_unicode=True, sort_keys=False))
    status, answer = await ha.request(
        "POST", "/api/services/beeper/create_chat?return_response", call.data
    )
    if status == 200:
        response = answer["service_response"]
        say(_pretty(response))
        if call.refused:
            say("\n✗ This call should have been refused.")
        elif not response.get("chat_id"):
            say("\n✗ The response has no chat_id.")
        return bool(response.get("chat_id")) and not call.refused
    message = answer.get("message") if isinstance(answer, dict) else None
    outcome = "Refused" if status == 400 else "Failed"
    say(f"{outcome} (status {status}): {message or f'no reason given, see {ha.log}'}")
    return call.refused and status == 400 and bool(message)


async def _answer(ha: HomeAssistant, number: int, simulator: Simulator) -> bool:
    """Send a message from Kim and return whether the automation's answer arrives."""
    say(f"\n── {number}. Let an automation answer a message\n")
    say(yaml.safe_dump(AUTOMATION, allow_unicode=True, sort_keys=False))
    await ha.post(f"/api/config/automation/config/{AUTOMATION_ID}", AUTOMATION)
    messages = simulator.world.chats[KIM_CHAT].messages
    answer = None
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT):
            await ha.until(f"/api/states/automation.{AUTOMATION_ID}")
            simulator.incoming(KIM_CHAT, None, QUESTION)
            say(f"Kim writes:  {QUESTION}")
            while answer is None:
                await asyncio.sleep(0.05)
                if messages[-1].sender.is_self:
                    answer = messages[-1].text
    except TimeoutError:
        say(f"\n✗ No answer has reached Kim within {_ANSWER_TIMEOUT} s; see {ha.log}")
        return False
    say(f"Kim reads:   {answer}")
    if answer != ANSWER:
        say("\n✗ This is not what the automation was to answer.")
    return answer == ANSWER


def _pretty(response: dict[str, Any]) -> str:
    """Return JSON with one line per key and per list item."""

    def line(value: Any, indent: str) -> str:
        if isinstance(value, list) and value:
            items = [f"{indent}  {line(item, indent)}" for item in value]
            return "[\n" + ",\n".join(items) + f"\n{indent}]"
        return json.dumps(value, ensure_ascii=False)

    lines = [f'  "{key}": {line(value, "  ")}' for key, value in response.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _reached(simulator: Simulator, calls: tuple[_Call, ...]) -> bool:
    """Print the write requests and return whether they match the calls."""
    asked = [request.path for request in simulator.requests if request.method == "POST"]
    created = sum(path in ("/v1/chats", "/v1/chats/start") for path in asked)
    expected = sum(not call.refused for call in calls)
    texts = [message.text for message in simulator.world.chats[KIM_CHAT].messages]
    arrived = [texts.count(text) for text in (_GREETING, ANSWER)]
    say(
        f"\nWhat reached Beeper: {created} requests to create a chat, {expected} wanted. "
        f"In Kim's chat: the first message {arrived[0]}×, the answer {arrived[1]}×."
    )
    return created == expected and arrived == [1, 1]


async def _stay(ha: HomeAssistant, simulator: Simulator | None) -> None:
    """Keep Home Assistant running and print the simulator's write requests."""
    path = "/beeper-demo" if simulator else ""
    say(f"\nHome Assistant is at {ha.url}{path}")
    say(f"   user {USER}, password {ha.password}; Ctrl-C here ends it.")
    if simulator:
        body = json.dumps({"chatID": KIM_CHAT, "text": QUESTION})
        say(f"   To let Kim write: curl {simulator.url}/control/incoming -d '{body}'")
    seen = len(simulator.executed) if simulator else 0
    try:
        while ha.process.returncode is None:
            await asyncio.sleep(0.5)
            if simulator:
                for request in simulator.executed[seen:]:
                    say(f"   Beeper carries out {request.method} {request.path}")
                seen = len(simulator.executed)
    except asyncio.CancelledError:
        say()
        return
    raise DemoError(f"Home Assistant has stopped; see {ha.log}")


if __name__ == "__main__":
    sys.exit(main())

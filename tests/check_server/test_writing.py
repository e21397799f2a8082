"""--write in the note to self: only confirmed steps, once each."""

from collections.abc import Callable
from typing import Any

from aiohttp import ClientSession
import pytest

from check_server.client import Client
from check_server.writing import NotOneselfError, Writing
from simulator import Simulator
from simulator.profiles import PROFILES
from tests.check_server.conftest import TOKEN, note_to_self

SEND = "Send a test message to the chat"
START = "Start the chat with a message text, though it exists"
EDIT = "Edit the test message"
REACT = "React to the test message, and take the reaction back"
REMIND = "Set a reminder for tomorrow, and remove it"
ARCHIVE = "Archive the chat, and undo it"
DELETE = "Delete the test messages"
ALL = [SEND, START, EDIT, REACT, REMIND, ARCHIVE, DELETE]
RICH = ("4.2.808", "latest")


class Session:
    """A chat with oneself on a simulator, and answers to questions."""

    def __init__(self, simulator: Simulator, session: ClientSession) -> None:
        self.simulator = simulator
        self.chat = note_to_self(simulator)
        self.asked: list[str] = []
        self._session = session

    async def write(self, *agreed: str, chat_id: str | None = None) -> str:
        """Say yes to some questions; returns what the report says."""

        async def ask(question: str) -> bool:
            self.asked.append(question)
            return question in agreed

        client = Client(self._session, self.simulator.url, TOKEN)
        looks = (0, 0.1, 0.2, 0.3)
        writing = Writing(client, chat_id or self.chat.id, ask, looks=looks)
        await writing.run()
        return "\n".join(writing.lines)

    def done(self) -> list[tuple[str, str]]:
        """Return the requests that were carried out: method and end of the path."""
        return [
            (request.method, request.path.removeprefix("/v1/").split("/")[-1])
            for request in self.simulator.executed
        ]


@pytest.mark.parametrize("profile", PROFILES)
async def test_without_a_yes_nothing_is_written(
    session: ClientSession, profile: str
) -> None:
    async with Simulator(profile) as simulator:
        chat = Session(simulator, session)
        lines = await chat.write()
        assert not [
            request for request in simulator.requests if request.method != "GET"
        ]
        assert not chat.chat.messages
    assert chat.asked == [SEND, START, REMIND, ARCHIVE]
    assert lines.splitlines() == [
        f"- {SEND}: not tried",
        f"- {START}: not tried",
        f"- {EDIT}: needs the test message",
        f"- {REACT}: needs the test message",
        f"- {REMIND}: not tried",
        f"- {ARCHIVE}: not tried",
        f"- {DELETE}: there are none",
    ]


@pytest.mark.parametrize("profile", RICH)
async def test_with_every_yes_everything_is_written_and_undone(
    session: ClientSession, profile: str
) -> None:
    async with Simulator(profile) as simulator:
        chat = Session(simulator, session)
        lines = await chat.write(*ALL)
        done = chat.done()
        sent = [message.id for message in chat.chat.messages]
        assert chat.asked == ALL
        assert done == [
            ("POST", "messages"),
            ("POST", "start"),
            ("POST", "start"),
            ("PUT", sent[0]),
            ("POST", "reactions"),
            ("DELETE", "%F0%9F%91%8D"),
            ("POST", "reminders"),
            ("DELETE", "reminders"),
            ("PATCH", chat.chat.id),
            ("POST", "archive"),
            ("POST", "archive"),
            ("DELETE", sent[0]),
            ("DELETE", sent[1]),
        ]
        assert all(message.is_deleted for message in chat.chat.messages)
        assert not chat.chat.is_archived
        assert chat.chat.reminder is None
        texts = [
            message.text
            for other in simulator.world.chats.values()
            if other is not chat.chat
            for message in other.messages
        ]
        assert not any("check" in text for text in texts)
    for line in (
        "pendingMessageID: id `pending-n",
        'status: value "existing"',
        "the text is there after",
        "the new text is there",
        "editedTimestamp: date-time (UTC)",
        "the reaction is there",
        "the reaction is gone",
        "then reminder is: object",
        "then reminder is: null",
        "then isArchived is: boolean true",
        "then isArchived is: boolean false",
        "the message is gone",
    ):
        assert f"    - {line}" in lines
    assert "not there" not in lines
    assert "still there" not in lines


@pytest.mark.parametrize(
    ("agreed", "done"),
    [
        ([SEND], ["messages"]),
        ([START], ["start", "start"]),
        ([EDIT], []),
        ([REACT], []),
        ([REMIND], ["reminders", "reminders"]),
        ([ARCHIVE], ["archive", "archive"]),
        ([DELETE], []),
    ],
)
async def test_one_yes_is_for_one_step(
    session: ClientSession, agreed: list[str], done: list[str]
) -> None:
    async with Simulator() as simulator:
        chat = Session(simulator, session)
        await chat.write(*agreed)
        paths = [path for method, path in chat.done() if method != "PATCH"]
        assert paths == done


@pytest.mark.parametrize("profile", [name for name in PROFILES if name not in RICH])
async def test_older_servers_get_older_requests(
    session: ClientSession, profile: str
) -> None:
    async with Simulator(profile) as simulator:
        chat = Session(simulator, session)
        lines = await chat.write(*ALL)
        texts = [message.text for message in chat.chat.messages]
        starts = [
            request for request in simulator.executed if request.path == "/v1/chats"
        ]
        assert len(starts) == (0 if profile == "4.1.294" else 2)
        drops_text = "existing_chat_drops_text" in simulator.traits
        assert len(texts) == 1 + (bool(starts) and not drops_text)
        assert chat.chat.reminder is None
    assert "/v1/chats/start" in lines
    assert "{reminder {remindAtMs}}: 20" in lines


async def test_a_dropped_first_message_is_reported(session: ClientSession) -> None:
    async with Simulator() as simulator:
        chat = Session(simulator, session)
        answer = {"id": chat.chat.id, "chatID": chat.chat.id}
        simulator.faults.add(
            "status_before", path="/v1/chats/start", status=200, body=answer, times=None
        )
        lines = await chat.write(START)
        assert not chat.chat.messages
    assert "    - status: null" in lines
    assert "    - the text is not there after" in lines


async def test_a_start_that_leads_elsewhere_sends_no_text(
    session: ClientSession,
) -> None:
    async with Simulator() as simulator:
        chat = Session(simulator, session)
        other = next(iter(simulator.world.chats.values()))
        simulator.faults.add(
            "status_before",
            path="/v1/chats/start",
            status=200,
            body={"id": other.id, "status": "existing"},
            times=None,
        )
        lines = await chat.write(START)
        (request,) = [
            request for request in simulator.requests if request.method == "POST"
        ]
        assert "messageText" not in request.json
    assert "    - it leads to another chat, so no text was sent" in lines


@pytest.mark.parametrize(
    "change",
    [
        lambda chat: chat | {"participants": {"items": [], "hasMore": False}},
        lambda chat: (
            chat | {"participants": {"items": [], "hasMore": False, "total": 2}}
        ),
        lambda chat: chat | {"participants": None},
        lambda chat: chat | {"participants": {"items": [None], "hasMore": False}},
        lambda chat: chat | {"participants": {"items": [{}], "hasMore": False}},
        lambda chat: chat | {"participants": chat["participants"] | {"hasMore": True}},
        lambda chat: [],
    ],
)
async def test_a_chat_that_may_have_others_in_it_is_refused(
    session: ClientSession, change: Callable[[Any], Any]
) -> None:
    async with Simulator() as simulator:
        chat = Session(simulator, session)
        shown = simulator.wire.chat(simulator.world, chat.chat, -1)
        path = "/v1/chats/?room*"
        simulator.faults.add("garbage", path=path, times=None, body=change(shown))
        with pytest.raises(NotOneselfError):
            await chat.write(*ALL)
        assert not simulator.executed
    assert not chat.asked


async def test_user_may_be_missing_from_participants(
    session: ClientSession,
) -> None:
    async with Simulator() as simulator:
        chat = Session(simulator, session)
        shown = simulator.wire.chat(simulator.world, chat.chat, -1)
        shown["participants"] = {"items": [], "hasMore": False, "total": 1}
        simulator.faults.add("garbage", path="/v1/chats/?room*", body=shown)
        lines = await chat.write(START)
        assert len(chat.chat.messages) == 1
    assert "    - the text is there after" in lines


@pytest.mark.parametrize("chat_id", ["!nobody:beeper.com", "!fAmiLyGroUp:beeper.com"])
async def test_only_a_chat_with_oneself_is_written_to(
    session: ClientSession, chat_id: str
) -> None:
    async with Simulator() as simulator:
        chat = Session(simulator, session)
        with pytest.raises(NotOneselfError):
            await chat.write(*ALL, chat_id=chat_id)
        assert not simulator.executed
    assert not chat.asked


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "status_after"])
async def test_a_write_without_an_answer_is_not_repeated(
    session: ClientSession, kind: str
) -> None:
    async with Simulator() as simulator:
        chat = Session(simulator, session)
        for method, path in (("POST", "*/messages"), ("PUT", "*"), ("DELETE", "*")):
            simulator.faults.add(kind, method=method, path=path, times=None)
        lines = await chat.write(SEND, EDIT, DELETE)
        writes = [request for request in simulator.requests if request.method != "GET"]
        sent = kind != "drop_before"
        methods = ["POST", "PUT", "DELETE"] if sent else ["POST"]
        assert [request.method for request in writes] == methods
        assert len(chat.chat.messages) == sent
    outcome = "500" if kind == "status_after" else "connection closed"
    assert f"/messages {{text}}: {outcome}" in lines
    assert f"the text is {'there' if sent else 'not there'}" in lines

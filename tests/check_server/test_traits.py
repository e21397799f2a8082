"""What real servers do unlike their documents is survived, and most of it is found."""

from aiohttp import ClientSession
import pytest

from check_server.client import Client
from check_server.report import Report
from check_server.writing import Writing
from simulator import TRAITS, Simulator
from simulator.profiles import PROFILES
from tests.check_server.conftest import TOKEN, note_to_self, read

HIDING = {"accounts_loading", "chats_loading", "logged_out_chats_vanish"}


async def compare(session: ClientSession, *traits: str, profile: str = "latest") -> str:
    """Return the report about a server with traits, compared with one without any."""
    async with Simulator(profile) as plain:
        simulator = await read(session, plain.url)
    async with Simulator(profile, traits=traits) as server:
        reading = await read(session, server.url)
        assert not server.executed
    return Report(profile=profile, server=reading, simulator=simulator).text()


@pytest.mark.parametrize("profile", PROFILES)
async def test_with_every_trait(session: ClientSession, profile: str) -> None:
    shown = await compare(session, *(TRAITS.keys() - HIDING), profile=profile)
    hidden = await compare(session, *TRAITS, profile=profile)
    assert "items[].unreadCount: integer" in shown
    assert "## Shapes" in hidden


@pytest.mark.parametrize(
    ("trait", "finding"),
    [
        ("accounts_without_network", "`[].network` is missing"),
        ("self_hosted_accounts", "`[].network` is sometimes missing"),
        ("self_hosted_accounts", "| accountID | `sh-aaa_aaa:aa@aaa.com`"),
        ("hungryserv", "| accountID | `hungryserv` |"),
        ("network_user_ids", "| id | `+nnn`, `aa`"),
        ("contacts_fail=signal", "contacts\n\n- status 200, 500; simulator: 200"),
        ("sender_names_are_ids", "| `senderName` is the sender's id | yes | no |"),
        ("user_names_are_ids", "`items[].fullName`: text like a user id"),
        ("merged_chat", "| Merged chats have messages | no | not seen |"),
        ("null_titles", "`items[].title`: null"),
        ("read_only_chat", "| Chats are read-only | some | no |"),
        ("abandoned_chat", "| Chats have nobody else in them | some | no |"),
        ("include_muted_ignored", "leaves out muted chats | no | yes |"),
        ("unread_only_ignored", "lists unread chats only | no | yes |"),
        ("inbox_ignored", "lists archived chats only | no | not seen |"),
        ("list_limit_ignored", "chat list is honoured | no | yes |"),
        ("numeric_read_sort_key", "`items[].lastReadMessageSortKey`: integer"),
        ("membership_without_type", "| Messages have `type` | some | yes |"),
        ("preview_without_type", "`items[].preview.type` is missing"),
        ("text_sort_keys", "| sortKey | `xxx` | `nnn` |"),
        ("mentions_null", "`items[].mentions` is new: null"),
        ("event_sort_keys_missing", "| Previews have the sort key -1 | yes | no |"),
        ("no_labels", "### GET /v1/labels\n\n- status 404; simulator: 200"),
        ("no_bridges", "### GET /v1/bridges\n\n- status 404; simulator: 200"),
        ("empty_values", "`[].user.email`: empty string"),
        ("setup_initializing", 'state: value "initializing"'),
        ("serve_without_content_type", "headers: no content-type image/png"),
    ],
)
async def test_reading_finds(session: ClientSession, trait: str, finding: str) -> None:
    assert finding in await compare(session, trait)


async def write(session: ClientSession, *traits: str) -> str:
    """Agree to every write; return the lines about them."""

    async def agree(question: str) -> bool:
        return True

    async with Simulator(traits=traits) as simulator:
        chat = note_to_self(simulator, "telegram")
        client = Client(session, simulator.url, TOKEN)
        writing = Writing(client, chat.id, agree, looks=(0, 0.1, 0.2))
        await writing.run()
    return "\n".join(writing.lines)


@pytest.mark.parametrize(
    ("trait", "finding"),
    [
        ("existing_chat_drops_text", "    - the text is not there"),
        ("first_text_dropped", "    - the text is not there"),
        ("start_without_status", "    - status: null"),
        (
            "patch_archive_ignored",
            "    - then isArchived is: boolean false\n    - POST",
        ),
        ("edits_without_time", "    - editedTimestamp: null"),
        ("pending_id_useless", "    - the reaction is there"),
        ("unconfirmed_hidden", "    - the text is there"),
    ],
)
async def test_writing_finds(session: ClientSession, trait: str, finding: str) -> None:
    assert finding in await write(session, trait)

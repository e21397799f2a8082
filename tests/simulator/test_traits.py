"""The effect of each trait."""

import asyncio
from typing import Any

import pytest

from simulator import TRAITS, Simulator, Traits
from simulator.profiles import EASYMATRIX_MEASURED, PROFILES, SEEN_TRAITS
from simulator.scenes import (
    ABANDONED,
    EMAIL_ACCOUNT,
    HEIDI,
    IMESSAGE,
    INVITATION,
    KIM,
    KIM_LOCAL,
    MERGED,
    READ_ONLY,
    SLACK_ACCOUNT,
)

from .conftest import Client, Connect

FAMILY = "!fAmiLyGroUp:beeper.com"
TEAM = "!tEamSlack:beeper.com"
KIM_ID = "@whatsapp_15550101002:beeper.com"
MIA_ID = "@whatsapp_15550101004:beeper.com"
START = {"accountID": "whatsapp", "user": {"id": KIM_ID}}
START_NEW = {"accountID": "whatsapp", "user": {"phoneNumber": "+15550107001"}}
GIF = {"content": "aGVsbG8=", "fileName": "a.gif", "mimeType": "image/gif"}


async def items(client: Client, path: str) -> list[dict[str, Any]]:
    answer = await client("GET", path)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["items"]
    return found


async def ids(client: Client, path: str = "/v1/chats") -> set[str]:
    return {item["id"] for item in await items(client, path)}


async def start(client: Client, text: str | None = None, **body: Any) -> dict[str, Any]:
    body = {**START, **body} | ({"messageText": text} if text else {})
    if "start" in client.sim.profile.features:
        answer = await client("POST", "/v1/chats/start", json=body)
    else:
        answer = await client("POST", "/v1/chats", json={**body, "mode": "start"})
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


async def send(client: Client, chat_id: str = KIM, **body: Any) -> str:
    answer = await client("POST", f"/v1/chats/{chat_id}/messages", json=body)
    assert answer.status == 200, answer.text
    pending: str = answer.json["pendingMessageID"]
    return pending


def texts(client: Client, chat_id: str) -> list[str]:
    return [message.text for message in client.sim.world.chats[chat_id].messages]


# The set of traits


def test_names_and_accounts() -> None:
    traits = Traits(["no_labels", "contacts_fail=signal"])
    assert "no_labels" in traits
    assert traits.has("no_labels", "telegram")
    assert traits.has("contacts_fail", "signal")
    assert not traits.has("contacts_fail", "telegram")
    traits.add("contacts_fail", account="telegram")
    assert traits.accounts("contacts_fail") == ["signal", "telegram"]
    traits.add("contacts_fail")
    assert traits.accounts("contacts_fail") is None
    traits.add("contacts_fail=signal")
    assert traits.has("contacts_fail", "whatsapp")
    traits.discard("contacts_fail")
    assert [*traits] == ["no_labels"]
    traits.replace(["no_bridges"])
    assert [*traits] == ["no_bridges"]
    for use in (traits.add, traits.discard, traits.__contains__):
        with pytest.raises(ValueError, match="Unknown trait"):
            use("no_such_trait")


def test_profiles_have_only_known_traits_and_none_by_default() -> None:
    assert SEEN_TRAITS.keys() == PROFILES.keys()
    assert all(traits <= TRAITS.keys() for traits in SEEN_TRAITS.values())
    for name in PROFILES:
        wanted = SEEN_TRAITS[name] if name == EASYMATRIX_MEASURED else set()
        assert {*Simulator(name).traits} == wanted
        assert {*Simulator(name, realistic=True).traits} == SEEN_TRAITS[name]


def test_a_reset_brings_the_first_traits_back() -> None:
    sim = Simulator(traits=["no_labels", "merged_chat"])
    sim.traits.replace(["read_only_chat"])
    assert READ_ONLY in sim.world.chats
    assert MERGED not in sim.world.chats
    sim.reset()
    assert {*sim.traits} == {"no_labels", "merged_chat"}
    assert READ_ONLY not in sim.world.chats
    assert MERGED in sim.world.chats


@pytest.mark.parametrize("name", TRAITS)
async def test_the_world_is_the_same_after_a_trait(connect: Connect, name: str) -> None:
    """With each trait, the server lists chats, messages and accounts."""
    client = await connect()

    async def read() -> list[Any]:
        chats = await client("GET", "/v1/chats")
        family = await client("GET", f"/v1/chats/{FAMILY}/messages")
        grandma = await client("GET", "/v1/chats/imsg%23%23thread:15550104001/messages")
        accounts = await client("GET", "/v1/accounts")
        return [answer.json for answer in (chats, family, grandma, accounts)]

    before = await read()
    client.sim.traits.add(name)
    await read()
    client.sim.traits.discard(name)
    after = await read()
    # Rows of a trait advance the read position permanently.
    for answer in (before, after):
        for chat in answer[0]["items"]:
            del chat["lastReadMessageSortKey"]
    assert after == before


async def test_control(connect: Connect) -> None:
    client = await connect()
    names = {"names": ["no_labels", "contacts_fail=signal"]}
    answer = await client("POST", "/control/traits", json=names)
    assert answer.json == {"on": ["no_labels", "contacts_fail"]}
    listed = (await client("GET", "/control/traits")).json["items"]
    assert [one["name"] for one in listed] == [*TRAITS]
    assert {one["name"]: one["accounts"] for one in listed if one["on"]} == {
        "contacts_fail": ["signal"],
        "no_labels": None,
    }
    assert all(one["text"] for one in listed)
    names = {"names": ["no_labels"]}
    answer = await client("DELETE", "/control/traits", json=names)
    assert answer.json == {"on": ["contacts_fail"]}
    wrong = await client("POST", "/control/traits", json={"names": ["no_such_trait"]})
    assert wrong.status == 400


# The text of a first message, row R1


@pytest.mark.parametrize("profile", ["4.2.557", "4.2.808", "latest", "easymatrix"])
async def test_existing_chat_drops_text(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    await start(client, "one")
    client.sim.traits.add("existing_chat_drops_text")
    answer = await start(client, "two")
    assert answer["status"] == "existing"
    assert texts(client, KIM)[-1] == "one"
    new = await start(client, "three", **START_NEW)
    assert texts(client, new["chatID"]) == ["three"]


async def test_first_text_dropped(connect: Connect) -> None:
    client = await connect(traits=["first_text_dropped"])
    new = await start(client, "three", **START_NEW)
    assert texts(client, new["chatID"]) == []


async def test_start_without_status(connect: Connect) -> None:
    client = await connect(traits=["start_without_status"])
    assert "status" not in await start(client)


async def test_create_finds_existing(connect: Connect) -> None:
    client = await connect()
    body = {"accountID": "whatsapp", "participantIDs": [KIM_ID], "type": "single"}
    other = (await client("POST", "/v1/chats", json=body)).json["chatID"]
    assert other != KIM
    client.sim.traits.add("create_finds_existing", "existing_chat_drops_text")
    again = await client("POST", "/v1/chats", json={**body, "messageText": "hi"})
    assert again.json["chatID"] == other
    assert texts(client, other) == []


# Membership events, row R2


async def test_membership_without_type(connect: Connect) -> None:
    client = await connect()
    assert client.sim.membership(TEAM, None, "Dana joined")["type"] == "NOTICE"
    client.sim.traits.add("membership_without_type")
    assert "type" not in client.sim.membership(TEAM, None, "Ravi joined")
    rows = await items(client, f"/v1/chats/{FAMILY}/messages")
    events = [row for row in rows if "type" not in row]
    assert [row["isSender"] for row in events] == [True, False]
    assert all("joined the chat" in row["text"] for row in events)
    socket = await client.socket()
    await socket.receive_json()
    await socket.send_json({"type": "subscriptions.set", "chatIDs": ["*"]})
    await socket.receive_json()
    client.sim.membership(TEAM, None, "Dana left")
    event = await socket.receive_json()
    assert "type" not in event["entries"][0]


async def test_preview_without_type(connect: Connect) -> None:
    client = await connect()
    assert all("type" in item["preview"] for item in await items(client, "/v1/chats"))
    client.sim.traits.add("preview_without_type")
    assert not any(
        "type" in item["preview"] for item in await items(client, "/v1/chats")
    )


# Accounts without a network, row R3


async def test_self_hosted_accounts(connect: Connect) -> None:
    client = await connect(traits=["self_hosted_accounts", "chat_network_bridgev2"])
    accounts = {
        account["accountID"]: account
        for account in (await client("GET", "/v1/accounts")).json
    }
    for account_id in (EMAIL_ACCOUNT, SLACK_ACCOUNT):
        assert "network" not in accounts[account_id]
        assert accounts[account_id]["bridge"]["provider"] == "self-hosted"
    assert "network" in accounts["whatsapp"]
    chats = await items(client, "/v1/chats")
    assert {EMAIL_ACCOUNT, SLACK_ACCOUNT} <= {chat["accountID"] for chat in chats}
    assert {chat["network"] for chat in chats} == {"bridgev2"}
    client.sim.traits.add("accounts_without_network")
    assert not any(
        "network" in account for account in (await client("GET", "/v1/accounts")).json
    )


# Merged chats, row R4


async def test_merged_chat(connect: Connect) -> None:
    client = await connect(traits=["merged_chat"])
    chats = {chat["id"]: chat for chat in await items(client, "/v1/chats")}
    merge = {"chatIDs": [KIM, KIM_LOCAL], "defaultChatID": KIM_LOCAL}
    assert chats[MERGED]["merge"] == merge
    assert (
        chats[KIM]["mergedIntoChatID"] == chats[KIM_LOCAL]["mergedIntoChatID"] == MERGED
    )
    assert await items(client, f"/v1/chats/{MERGED}/messages") == []
    assert "preview" not in chats[MERGED]
    sent = await client("POST", f"/v1/chats/{MERGED}/messages", json={"text": "hi"})
    assert sent.json["chatID"] == KIM_LOCAL
    assert (await start(client))["chatID"] == KIM

    client.sim.traits.add("merge_without_default")
    chat = (await client("GET", f"/v1/chats/{MERGED}")).json
    assert chat["merge"] == {"chatIDs": [KIM, KIM_LOCAL]}
    sent = await client("POST", f"/v1/chats/{MERGED}/messages", json={"text": "hi"})
    assert sent.json["chatID"] == KIM


async def test_merged_members_hidden(connect: Connect) -> None:
    client = await connect(traits=["merged_chat", "merged_members_hidden"])
    for path in ("/v1/chats", "/v1/chats/search?query=kim&scope=participants"):
        found = await ids(client, path)
        assert MERGED in found
        assert not found & {KIM, KIM_LOCAL}
    assert (await client("GET", f"/v1/chats/{KIM}")).status == 200


# Filters, row R5


@pytest.mark.parametrize(
    ("trait", "query", "extra"),
    [
        ("include_muted_ignored", "includeMuted=false", TEAM),
        ("unread_only_ignored", "unreadOnly=true", TEAM),
        ("inbox_ignored", "inbox=archive", TEAM),
        ("no_labels", "labelID=home", TEAM),
    ],
)
async def test_ignored_filters(
    connect: Connect, trait: str, query: str, extra: str
) -> None:
    client = await connect()
    path = f"/v1/chats/search?{query}"
    assert extra not in await ids(client, path)
    client.sim.traits.add(trait)
    assert extra in await ids(client, path)


async def test_primary_hides_unread(connect: Connect) -> None:
    client = await connect()
    client.sim.incoming(KIM, None, "hi")
    path = "/v1/chats/search?inbox=primary&unreadOnly=true"
    assert await ids(client, path) == {KIM, FAMILY}
    client.sim.traits.add("primary_hides_unread")
    assert await ids(client, path) == {KIM}
    assert await ids(client, "/v1/chats/search?unreadOnly=true") == {KIM, FAMILY}


async def test_list_limit_ignored(connect: Connect) -> None:
    client = await connect()
    assert len(await items(client, "/v1/chats?limit=3")) == 3
    client.sim.traits.add("list_limit_ignored")
    assert len(await items(client, "/v1/chats?limit=3")) == 10


# Archive and the answers of writes, row R6


async def test_patch_archive_ignored(connect: Connect) -> None:
    client = await connect(traits=["patch_archive_ignored"])
    body = {"isArchived": True, "isMuted": False}
    answer = await client("PATCH", f"/v1/chats/{TEAM}", json=body)
    chat = client.sim.world.chats[TEAM]
    assert (answer.status, chat.is_archived, chat.is_muted) == (200, False, False)
    await client("POST", f"/v1/chats/{TEAM}/archive", json={})
    assert chat.is_archived


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [("PATCH", "", "isPinned"), ("POST", "/unread", "isMarkedUnread")],
)
async def test_stale_write_answers(
    connect: Connect, method: str, path: str, key: str
) -> None:
    client = await connect(traits=["stale_write_answers"])
    path = f"/v1/chats/{TEAM}{path}"
    body = {"isPinned": True} if method == "PATCH" else {}
    assert (await client(method, path, json=body)).json[key] is False
    assert (await client("GET", f"/v1/chats/{TEAM}")).json[key] is True


async def test_archive_comes_back(connect: Connect) -> None:
    client = await connect(traits=["archive_comes_back"])
    await send(client, text="hi")
    for chat_id, stays in ((FAMILY, False), (KIM, False), (TEAM, True)):
        await client("POST", f"/v1/chats/{chat_id}/archive", json={})
        client.sim.world.settle()
        assert client.sim.world.chats[chat_id].is_archived is stays


# Labels and bridges, row R7


async def test_no_labels_and_no_bridges(connect: Connect) -> None:
    client = await connect(traits=["no_labels", "no_bridges"])
    for path in ("/v1/labels", "/v1/bridges", "/v1/bridges/whatsapp/capabilities"):
        answer = await client("GET", path)
        assert (answer.status, answer.text) == (404, "Not Found")
    assert "labels" not in (await client("GET", f"/v1/chats/{FAMILY}")).json
    client.sim.traits.discard("no_labels")
    assert (await client("GET", "/v1/labels")).status == 200
    assert "labels" in (await client("GET", f"/v1/chats/{FAMILY}")).json


# Attachments that are not served, row R8


async def test_unservable_assets(connect: Connect) -> None:
    client = await connect(traits=["unservable_assets"])
    path = IMESSAGE.replace("#", "%23")
    rows = await items(client, f"/v1/chats/{path}/messages")
    urls = [row["attachments"][0]["srcURL"] for row in rows if "attachments" in row]
    statuses = {}
    for url in urls:
        served = await client("GET", f"/v1/assets/serve?url={url}")
        statuses[url.partition(":")[0]] = served.status
    assert statuses == {"asset": 400, "file": 403}
    cake = await client("GET", "/v1/assets/serve?url=mxc://beeper.local/cake")
    assert cake.status == 200


# Contacts, row R9


async def test_contacts_fail(connect: Connect) -> None:
    client = await connect(traits=["contacts_fail=telegram"])
    for path in ("contacts/list", "contacts?query=alex"):
        broken = await client("GET", f"/v1/accounts/telegram/{path}")
        works = await client("GET", f"/v1/accounts/whatsapp/{path}")
        assert (broken.status, works.status) == (500, 200)
    assert (await client("GET", "/v1/chats/search?query=alex")).json["items"]


# Accounts of older servers, row R10


async def test_hungryserv(connect: Connect) -> None:
    client = await connect("4.1.294", traits=["hungryserv", "network_user_ids"])
    accounts = {
        account["accountID"]: account
        for account in (await client("GET", "/v1/accounts")).json
    }
    assert "matrix" not in accounts
    assert accounts["hungryserv"]["network"] == "Beeper (Matrix)"
    assert accounts["whatsapp"]["user"]["id"] == "+15550100001"
    assert accounts["slackgo.TEAM-USER"]["user"]["id"] == "team-user"
    new = await start_mode_create(client, "hungryserv", "@b:beeper.com")
    assert client.sim.world.chats[new].account_id == "hungryserv"
    client.sim.traits.discard("hungryserv")
    assert client.sim.world.chats[new].account_id == "matrix"


async def start_mode_create(client: Client, account_id: str, person_id: str) -> str:
    body = {"accountID": account_id, "participantIDs": [person_id], "type": "single"}
    chat_id: str = (await client("POST", "/v1/chats", json=body)).json["chatID"]
    return chat_id


# A server that is still loading, row R11


async def test_loading(connect: Connect) -> None:
    client = await connect(
        traits=["accounts_loading=telegram", "chats_loading=whatsapp"]
    )
    accounts = {one["accountID"] for one in (await client("GET", "/v1/accounts")).json}
    assert "telegram" not in accounts
    assert "whatsapp" in accounts
    listed = {chat["accountID"] for chat in await items(client, "/v1/chats")}
    assert "whatsapp" not in listed
    assert "telegram" in listed
    for method, path, body in (
        ("GET", f"/v1/chats/{KIM}", None),
        ("POST", f"/v1/chats/{KIM}/messages", {"text": "hi"}),
        ("POST", "/v1/chats/start", START),
    ):
        answer = await client(method, path, json=body)
        assert (answer.status, answer.json["code"]) == (500, "TOOL_EXECUTION_ERROR")
    assert not client.sim.executed
    client.sim.traits.add("accounts_loading")
    assert (await client("GET", "/v1/accounts")).json == []


async def test_loading_after_restart(connect: Connect) -> None:
    client = await connect(traits=["loading_after_restart"])
    client.sim.loading_seconds = 0.2
    assert await ids(client)
    await client.sim.stop()
    await client.sim.start()
    assert not await ids(client)
    assert (await client("GET", "/v1/accounts")).json == []
    await asyncio.sleep(0.25)
    assert await ids(client)
    assert (await client("GET", "/v1/accounts")).json


# Names that are ids, rows R12, R33


async def test_names_are_ids(connect: Connect) -> None:
    client = await connect(
        traits=[
            "sender_names_are_ids",
            "user_names_are_ids=telegram",
            "null_titles=whatsapp",
        ]
    )
    rows = await items(client, f"/v1/chats/{FAMILY}/messages")
    assert all(row["senderName"] == row["senderID"] for row in rows)
    chat = (await client("GET", "/v1/chats/!aLexTeLegram:beeper.com")).json
    alex = chat["participants"]["items"][0]
    assert alex["fullName"] == alex["id"] == chat["title"]
    kim = (await client("GET", f"/v1/chats/{KIM}")).json
    assert kim["title"] is None
    assert kim["participants"]["items"][0]["fullName"] == "Kim"
    assert (await client("GET", f"/v1/chats/{FAMILY}")).json["title"]


# GIFs, row R13


@pytest.mark.parametrize(("kind", "stays"), [("image", False), ("gif", True)])
async def test_gif_withdrawn(connect: Connect, kind: str, stays: bool) -> None:
    client = await connect(traits=["gif_withdrawn"])
    upload = (await client("POST", "/v1/assets/upload/base64", json=GIF)).json
    await send(client, attachment={"uploadID": upload["uploadID"], "type": kind})
    client.sim.world.settle()
    assert client.sim.world.chats[KIM].messages[-1].is_deleted is not stays


# Several chats with one person, rows R14, R22


async def test_chat_per_conversation(connect: Connect) -> None:
    client = await connect(traits=["chat_per_conversation"])
    chats = {(await start(client))["chatID"] for _ in range(3)}
    assert len(chats) == 3
    assert KIM not in chats


async def test_new_chat_not_found(connect: Connect) -> None:
    client = await connect(traits=["new_chat_not_found"])
    client.sim.world.discovery_seconds = 0.1
    first = await start(client, "one", **START_NEW)
    second = await start(client, "two", **START_NEW)
    assert [first["status"], second["status"]] == ["created", "created"]
    assert first["chatID"] != second["chatID"]
    await asyncio.sleep(0.12)
    third = await start(client, "three", **START_NEW)
    assert third["status"] == "existing"
    assert third["chatID"] in (first["chatID"], second["chatID"])
    assert (await start(client))["chatID"] == KIM


# Chats that take no messages, rows R15, R16


async def test_read_only_chat(connect: Connect) -> None:
    client = await connect(traits=["read_only_chat"])
    assert (await client("GET", f"/v1/chats/{READ_ONLY}")).json["isReadOnly"] is True
    path = f"/v1/chats/{READ_ONLY}/messages"
    answer = await client("POST", path, json={"text": "hi"})
    assert (answer.status, answer.json["code"]) == (403, "FORBIDDEN")
    assert texts(client, READ_ONLY) == ["The pool is closed today"]


async def test_logged_out(connect: Connect) -> None:
    client = await connect(traits=["logged_out=whatsapp"])
    pending = await send(client, text="hi")
    client.sim.world.settle()
    row = (await client("GET", f"/v1/chats/{KIM}/messages/{pending}")).json
    assert row["sendStatus"]["status"] == "FAIL_PERMANENT"
    assert KIM in await ids(client)
    client.sim.traits.add("logged_out_chats_vanish", account="whatsapp")
    assert KIM not in await ids(client)
    assert KIM not in await ids(client, "/v1/chats/search")
    assert TEAM in await ids(client)


# Shapes, row R17


async def test_numeric_read_sort_key(connect: Connect) -> None:
    client = await connect(traits=["numeric_read_sort_key"])
    chat = (await client("GET", f"/v1/chats/{KIM}")).json
    assert isinstance(chat["lastReadMessageSortKey"], int)


async def test_mentions(connect: Connect) -> None:
    client = await connect(traits=["mentions_room"])
    rows = await items(client, f"/v1/chats/{TEAM}/messages")
    assert [row.get("mentions") for row in rows] == [None, ["@room"], ["@room"]]
    client.sim.traits.replace(["mentions_null"])
    rows = await items(client, f"/v1/chats/{FAMILY}/messages")
    assert {row["mentions"] for row in rows} == {None}


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_text_sort_keys(connect: Connect, profile: str) -> None:
    client = await connect(profile, traits=["text_sort_keys"])
    for number in range(45):
        client.sim.incoming(KIM, None, str(number))
    path = f"/v1/chats/{KIM}/messages"
    rows = await items(client, path)
    keys = [row["sortKey"] for row in rows]
    assert keys == sorted(keys, reverse=True)
    assert not any(key.isdigit() for key in keys)
    more = await items(client, f"{path}?cursor={keys[-1]}&direction=before")
    assert more[0]["text"] == "24"
    chat = (await client("GET", f"/v1/chats/{KIM}")).json
    assert not chat["lastReadMessageSortKey"].isdigit()


async def test_five_participants(connect: Connect) -> None:
    client = await connect(traits=["five_participants"])
    people = [f"1555020{number:04}" for number in range(8)]
    body = {"accountID": "whatsapp", "participantIDs": people, "type": "group"}
    chat_id = (await client("POST", "/v1/chats", json=body)).json["chatID"]
    listed = (await items(client, "/v1/chats"))[0]["participants"]
    assert (len(listed["items"]), listed["hasMore"], listed["total"]) == (5, True, 9)
    one = (await client("GET", f"/v1/chats/{chat_id}")).json["participants"]
    assert len(one["items"]) == 9


async def test_serve_without_content_type(connect: Connect) -> None:
    client = await connect()
    path = "/v1/assets/serve?url=mxc://beeper.local/cake"
    assert (await client("GET", path)).headers["Content-Type"] == "image/png"
    client.sim.traits.add("serve_without_content_type")
    answer = await client("GET", path)
    assert answer.status == 200
    assert "Content-Type" not in answer.headers


# Pending ids and own messages, rows R18, R23, R24


async def test_pending_id_unknown(connect: Connect) -> None:
    client = await connect(traits=["pending_id_unknown"])
    path = f"/v1/chats/{KIM}/messages/{await send(client, text='hi')}"
    assert (await client("GET", path)).status == 404
    client.sim.world.settle()
    assert (await client("GET", path)).status == 200


async def test_pending_id_useless(connect: Connect) -> None:
    client = await connect("easymatrix", traits=["pending_id_useless"])
    pending = await send(client, text="hi")
    client.sim.world.settle()
    path = f"/v1/chats/{KIM}/messages/{pending}"
    assert (await client("GET", path)).status == 405
    assert (await client("PUT", path, json={"text": "x"})).status == 404
    reaction = {"reactionKey": "👍"}
    answer = await client("POST", f"{path}/reactions", json=reaction)
    assert (answer.status, answer.json["messageID"]) == (200, pending)
    newest = client.sim.world.chats[KIM].messages[-1]
    assert newest.reactions == []
    path = f"/v1/chats/{KIM}/messages/{newest.id}/reactions"
    assert (await client("POST", path, json=reaction)).status == 200
    assert newest.reactions


async def test_unconfirmed_hidden(connect: Connect) -> None:
    client = await connect()
    await send(client, text="one")
    path = f"/v1/chats/{KIM}/messages"
    assert len(await items(client, path)) == 4
    client.sim.traits.add("unconfirmed_hidden")
    assert len(await items(client, path)) == 3
    client.sim.world.settle()
    assert (await items(client, path))[0]["id"] == "4"


async def test_file_name_as_text_and_plain_text(connect: Connect) -> None:
    client = await connect(traits=["file_name_as_text", "plain_text"])
    rows = await items(client, f"/v1/chats/{FAMILY}/messages")
    assert [row["text"] for row in rows if "attachments" in row] == ["cake.png"]
    await send(client, text="**a** <b>")
    assert (await items(client, f"/v1/chats/{KIM}/messages"))[0]["text"] == "**a** <b>"


# Rows, rows R25 to R28


async def test_event_sort_keys_missing(connect: Connect) -> None:
    client = await connect(traits=["event_sort_keys_missing"])
    previews = [item["preview"] for item in await items(client, "/v1/chats")]
    assert {preview["sortKey"] for preview in previews} == {"-1"}
    rows = await items(client, f"/v1/chats/{KIM}/messages")
    assert "-1" not in {row["sortKey"] for row in rows}
    socket = await client.socket()
    await socket.receive_json()
    await socket.send_json({"type": "subscriptions.set", "chatIDs": ["*"]})
    await socket.receive_json()
    client.sim.incoming(KIM, None, "hi")
    assert (await socket.receive_json())["entries"][0]["sortKey"] == "-1"


async def test_edits_without_time(connect: Connect) -> None:
    client = await connect()
    before = (await items(client, f"/v1/chats/{KIM}/messages"))[1]
    client.sim.edit(KIM, before["id"], "edited")
    assert "editedTimestamp" in (await items(client, f"/v1/chats/{KIM}/messages"))[1]
    client.sim.traits.add("edits_without_time")
    after = (await items(client, f"/v1/chats/{KIM}/messages"))[1]
    assert after == {**before, "text": "edited"}


async def test_rows_never_unread(connect: Connect) -> None:
    client = await connect(traits=["rows_never_unread"])
    chat = (await client("GET", f"/v1/chats/{FAMILY}")).json
    rows = await items(client, f"/v1/chats/{FAMILY}/messages")
    assert chat["unreadCount"] == 1
    assert not any(row["isUnread"] for row in rows)


async def test_empty_values(connect: Connect) -> None:
    client = await connect("4.2.557", traits=["empty_values"])
    row = (await items(client, f"/v1/chats/{KIM}/messages"))[0]
    assert (row["attachments"], row["reactions"]) == (None, None)
    assert row["linkedMessageID"] == ""
    chat = (await client("GET", f"/v1/chats/{KIM}")).json
    kim = chat["participants"]["items"][0]
    assert (kim["username"], kim["email"]) == ("", "")
    created = await client(
        "POST",
        "/v1/chats",
        json={
            "accountID": "whatsapp",
            "participantIDs": [MIA_ID],
            "type": "single",
        },
    )
    assert created.json["status"] == ""


async def test_missing_routes_405(connect: Connect) -> None:
    client = await connect("4.2.808", traits=["missing_routes_405"])
    wrong = await client("PUT", f"/v1/chats/{KIM}", json={})
    assert (wrong.status, wrong.text) == (405, "Method Not Allowed\n")
    unknown = await client("GET", "/v1/bridges")
    assert (unknown.status, unknown.text) == (404, "404 page not found\n")


# Creating, rows R21, R32


@pytest.mark.parametrize(
    ("trait", "title"),
    [("titles_trimmed", "Cafe\u0301  2"), ("titles_folded", "Café 2")],
)
async def test_titles(connect: Connect, trait: str, title: str) -> None:
    client = await connect(traits=[trait])
    body = {
        "accountID": "whatsapp",
        "participantIDs": [KIM_ID, MIA_ID],
        "type": "group",
        "title": " Cafe\u0301  2 ",
    }
    chat = (await client("POST", "/v1/chats", json=body)).json
    assert chat["title"] == title
    path = f"/v1/chats/{chat['id']}"
    renamed = await client("PATCH", path, json={"title": " Cafe\u0301  2 "})
    assert renamed.json["title"] == title


async def test_first_text_fails(connect: Connect) -> None:
    client = await connect(traits=["first_text_fails"])
    answer = await client(
        "POST", "/v1/chats/start", json={**START_NEW, "messageText": "hi"}
    )
    assert answer.status == 500
    assert len(client.sim.executed) == 1
    assert len(client.sim.world.chats) == 11
    assert (await start(client, "hi"))["status"] == "existing"


async def test_network_hangs(connect: Connect) -> None:
    client = await connect(traits=["network_hangs"])
    client.sim.world.hang_seconds = 0.1
    answer = await client(
        "POST", "/v1/chats/start", json={**START_NEW, "messageText": "hi"}
    )
    assert answer.status == 500
    newest = client.sim.world.recent_chats()[0]
    assert newest.participants[0].phone_number == "+15550107001"
    assert newest.messages == []


async def test_unknown_users_accepted(connect: Connect) -> None:
    client = await connect()
    body = {"accountID": "telegram", "user": {"username": "nobody_here"}}
    answer = await client("POST", "/v1/chats/start", json=body)
    assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")
    client.sim.traits.add("unknown_users_accepted")
    assert (await client("POST", "/v1/chats/start", json=body)).status == 200


# Set-up state, row R19


async def test_setup_initializing(connect: Connect) -> None:
    client = await connect()
    assert (await client("GET", "/v1/app/setup")).json["state"] == "ready"
    client.sim.traits.add("setup_initializing")
    assert (await client("GET", "/v1/app/setup")).json["state"] == "initializing"


# Delivery, row R29


async def test_slow_delivery(connect: Connect) -> None:
    client = await connect(traits=["slow_delivery"])
    client.sim.confirm_after = 0
    client.sim.world.delivery_interval = 0.15
    for text in ("one", "two", "three"):
        await send(client, text=text)
    messages = client.sim.world.chats[KIM].messages
    await asyncio.sleep(0.05)
    assert [message.confirmed for message in messages[-3:]] == [True, False, False]
    await asyncio.sleep(0.35)
    assert all(message.confirmed for message in messages)


async def test_reordered_delivery(connect: Connect) -> None:
    client = await connect(traits=["reordered_delivery"])
    for text in ("one", "two", "three"):
        await send(client, text=text)
    client.sim.world.settle()
    rows = await items(client, f"/v1/chats/{KIM}/messages")
    assert [row["text"] for row in rows[:3]] == [
        "<p>three</p>",
        "<p>one</p>",
        "<p>two</p>",
    ]
    assert [row["id"] for row in rows[:3]] == ["6", "5", "4"]


@pytest.mark.parametrize("lost", [False, True])
async def test_lost_at_stop(connect: Connect, lost: bool) -> None:
    client = await connect(traits=["lost_at_stop"] if lost else [])
    client.sim.confirm_after = 10
    await send(client, text="hi")
    await client.sim.stop()
    await client.sim.start()
    assert (texts(client, KIM)[-1] == "hi") is not lost


# Chats without people, invitations, rows R30, R33


async def test_abandoned_chat(connect: Connect) -> None:
    client = await connect(traits=["abandoned_chat"])
    chat = (await client("GET", f"/v1/chats/{ABANDONED}")).json
    assert chat["title"] == f"Empty room (was {HEIDI})"
    assert [one["isSelf"] for one in chat["participants"]["items"]] == [True]
    found = await start(client, accountID="matrix", user={"id": HEIDI})
    assert (found["chatID"], found["status"]) == (ABANDONED, "existing")
    client.sim.traits.discard("abandoned_chat")
    new = await start(client, accountID="matrix", user={"id": HEIDI})
    assert new["status"] == "created"


async def test_leave(connect: Connect) -> None:
    client = await connect()
    client.sim.leave(TEAM, "@slack_team-dana:beeper.com")
    chat = client.sim.world.chats[TEAM]
    assert (chat.title, len(chat.participants)) == ("Team", 2)
    await client("POST", "/control/leave", json={"chatID": TEAM})
    assert chat.title == "Empty room (was Dana Cole, Ravi Shah)"
    assert len(chat.participants) == 1


async def test_invitation(connect: Connect) -> None:
    client = await connect(traits=["invitation"])
    assert INVITATION not in await ids(client)
    assert INVITATION not in await ids(client, "/v1/chats/search?query=book")
    assert (await client("GET", f"/v1/chats/{INVITATION}")).json["title"] == "Book club"

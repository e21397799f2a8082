"""Sample data for traits that need it.

Each function adds accounts, chats or messages and returns a function to remove them.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from .model import Account, Chat, Message, Person
from .people import display_name
from .world import World

type Undo = Callable[[], None]

KIM = "!NCdzlIaMjZUmvmvyHU:beeper.com"
KIM_LOCAL = "!whatsapp_15550101002:ba_Sample.local-whatsapp.localhost"
IMESSAGE = "imsg##thread:15550104001"
MERGED = "!kImMerged:beeper.com"
ABANDONED = "!aBandoned:beeper.com"
INVITATION = "!iNvited:beeper.com"
READ_ONLY = "!aNnounceWhatsApp:beeper.com"
HEIDI = "@heidi:beeper.com"
EMAIL_ACCOUNT = "sh-email_email:me@example.com"
SLACK_ACCOUNT = "sh-slack_T0-U0"


def self_hosted_accounts(world: World) -> Undo:
    """Add an e-mail and a Slack account of self-hosted bridges, with a chat each."""
    chats = []
    for account_id, kind, person in (
        (
            EMAIL_ACCOUNT,
            "email",
            Person(
                id="@email_lou=40example.com:beeper.local",
                full_name="Lou Example",
                email="lou@example.com",
            ),
        ),
        (
            SLACK_ACCOUNT,
            "slack",
            Person(id="@slack_T0-U1:beeper.local", full_name="Robin", username="robin"),
        ),
    ):
        account = Account(
            id=account_id,
            network=kind.capitalize(),
            bridge=(f"sh-{kind}", kind, "self-hosted"),
            login_id=account_id.partition("_")[2],
            user=Person(
                id=f"@{kind}_me:beeper.local", full_name="Sam Sample", is_self=True
            ),
        )
        world.accounts[account_id] = account
        chat = _chat(world, account, [person], f"!{kind}SelfHosted:beeper.local")
        world.incoming(chat, person, "Hello from here", when=chat.last_activity)
        world.mark_read(chat, None)
        chats.append(chat)

    def undo() -> None:
        for chat in chats:
            _remove(world, chat)
            del world.accounts[chat.account_id]

    return undo


def merged_chat(world: World) -> Undo:
    """Add a merged chat for the two chats with Kim."""
    members = [world.chat(KIM), world.chat(KIM_LOCAL)]
    chat = world.merge(members, MERGED)

    def undo() -> None:
        for member in members:
            member.merged_into = None
        _remove(world, chat)

    return undo


def membership_rows(world: World) -> Undo:
    """Add two membership events to every group, one of them of the user."""
    rows: list[tuple[Chat, Message]] = []
    for chat in world.chats.values():
        if chat.type == "group" and chat.messages:
            first = chat.messages[0].timestamp - timedelta(minutes=1)
            for person in (chat.participants[0], chat.participants[-1]):
                text = f"{display_name(person)} joined the chat"
                rows.append((chat, world.membership(chat, person, text, when=first)))
    return partial(_remove_rows, rows)


def hungryserv(world: World) -> Undo:
    """Rename the Beeper account."""
    account = world.accounts["matrix"]
    old = (account.network, account.bridge)
    world.rename_account(account, "hungryserv")
    account.network = "Beeper (Matrix)"
    account.bridge = ("hungryserv", "matrix", "cloud")

    def undo() -> None:
        world.rename_account(account, "matrix")
        account.network, account.bridge = old

    return undo


def unservable_assets(world: World) -> Undo:
    """Add two iMessage pictures that cannot be served."""
    chat = world.chat(IMESSAGE)
    rows = []
    for url in (
        "asset://imessage/6f70656e",
        "file:///Users/sample/Library/Messages/Attachments/0a/photo.heic",
    ):
        row = world.incoming(chat, chat.participants[0], "", when=chat.last_activity)
        row.type = "IMAGE"
        row.attachments = [
            {
                "type": "img",
                "id": url,
                "srcURL": url,
                "mimeType": "image/heic",
                "fileName": "photo.heic",
            }
        ]
        rows.append((chat, row))
    world.mark_read(chat, None)
    return partial(_remove_rows, rows)


def read_only_chat(world: World) -> Undo:
    """Add a read-only group."""
    account = world.account("whatsapp")
    kim = account.contacts["@whatsapp_15550101002:beeper.com"]
    chat = _chat(world, account, [kim], READ_ONLY, title="Announcements")
    world.incoming(chat, kim, "The pool is closed today", when=chat.last_activity)
    world.mark_read(chat, None)
    chat.is_read_only = True
    return partial(_remove, world, chat)


def abandoned_chat(world: World) -> Undo:
    """Add a chat that Heidi has left."""
    account = _matrix(world)
    heidi = Person(id=HEIDI, full_name=HEIDI)
    chat = _chat(world, account, [heidi], ABANDONED)
    world.incoming(chat, heidi, "Goodbye", when=chat.last_activity)
    world.mark_read(chat, None)
    world.leave(chat, heidi)

    def undo() -> None:
        _remove(world, chat)
        account.contacts.pop(heidi.id, None)

    return undo


def invitation(world: World) -> Undo:
    """Add an invitation."""
    account = _matrix(world)
    ben = account.contacts["@b:beeper.com"]
    chat = _chat(world, account, [ben], INVITATION, title="Book club")
    chat.is_invitation = True
    return partial(_remove, world, chat)


def _matrix(world: World) -> Account:
    return next(
        account for account in world.accounts.values() if account.bridge[1] == "matrix"
    )


def _chat(
    world: World,
    account: Account,
    people: list[Person],
    chat_id: str,
    *,
    title: str | None = None,
) -> Chat:
    """Add a chat that is older than those of the sample world."""
    return world.add_chat(
        account,
        people,
        kind="group" if title else "single",
        title=title,
        chat_id=chat_id,
        when=world.now() - timedelta(days=1),
    )


def _remove(world: World, chat: Chat) -> None:
    if chat.id in world.chats:
        world.delete_chat(chat)


def _remove_rows(rows: list[tuple[Chat, Message]]) -> None:
    for chat, row in rows:
        if row in chat.messages:
            chat.messages.remove(row)


SCENES: dict[str, Callable[[World], Undo]] = {
    "self_hosted_accounts": self_hosted_accounts,
    "merged_chat": merged_chat,
    "membership_without_type": membership_rows,
    "hungryserv": hungryserv,
    "unservable_assets": unservable_assets,
    "read_only_chat": read_only_chat,
    "abandoned_chat": abandoned_chat,
    "invitation": invitation,
}

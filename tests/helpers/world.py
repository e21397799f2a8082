"""The simulated world: its chats by id, more people and chats, and written messages."""

from datetime import timedelta
from typing import Any

from simulator import Simulator
from simulator.model import Chat, Message, Person

PROFILES = ["4.1.294", "4.2.557", "4.2.808", "latest", "easymatrix"]
KIM_BY_NUMBER = {"user": {"phone_number": "+1 555 010 1002"}}
GROUP_OF_TWO = {"participant_ids": ["15550101002", "15550101003"], "type": "group"}
KIM = "!NCdzlIaMjZUmvmvyHU:beeper.com"
FAMILY = "!fAmiLyGroUp:beeper.com"
INSTAGRAM = "!lEnaInsta:beeper.com"
ALEX = "!aLexTeLegram:beeper.com"


def write(
    simulator: Simulator,
    text: str,
    *,
    chat_id: str = KIM,
    ago: float = 0,
    sender: Person | None = None,
) -> Message:
    """Add a message, by default from the chat's first participant; `ago` in seconds."""
    chat = simulator.world.chat(chat_id)
    when = simulator.world.now() - timedelta(seconds=ago)
    sender = sender or chat.participants[0]
    return simulator.world.incoming(chat, sender, text, when=when)


def sign_in(simulator: Simulator) -> None:
    """Connect all accounts; one of them starts signed out."""
    for account in simulator.world.accounts.values():
        account.status = "connected"


def group(simulator: Simulator) -> str:
    """Return a group's id."""
    return next(
        chat.id for chat in simulator.world.chats.values() if chat.type == "group"
    )


def texts(simulator: Simulator, chat_id: str = KIM) -> list[str]:
    return [message.text for message in simulator.world.chats[chat_id].messages]


def contact(
    simulator: Simulator, person_id: str, account_id: str = "whatsapp", **more: Any
) -> Person:
    """Add a person to the contacts of an account."""
    person = Person(id=person_id, **more)
    simulator.world.accounts[account_id].contacts[person_id] = person
    return person


def chat(
    simulator: Simulator,
    people: list[Person],
    title: str | None = None,
    account_id: str = "whatsapp",
) -> Chat:
    """Add a group, or without a title a direct chat."""
    return simulator.world.add_chat(
        simulator.world.accounts[account_id],
        people,
        kind="group" if title else "single",
        title=title,
    )


def ten_thousand(simulator: Simulator) -> None:
    """Give an account 10,000 contacts, and direct chats with most of them."""
    account = simulator.world.accounts["whatsapp"]
    for number in range(10_000):
        person = contact(
            simulator,
            f"@whatsapp_1556{number:07}:beeper.com",
            full_name=f"Contact {number}",
            phone_number=f"+1556{number:07}",
        )
        if number % 100:
            simulator.world.add_chat(account, [person])
    simulator.world.recent_chats()


def last(simulator: Simulator, chat_id: str) -> str:
    return simulator.world.chats[chat_id].messages[-1].text

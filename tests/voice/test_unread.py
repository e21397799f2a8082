"""Reading unread messages aloud: senders, chats, and nothing marked as read."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Chat
from tests.helpers.servers import add_entry
from tests.helpers.talking import say, talk
from tests.helpers.world import (
    ALEX,
    FAMILY,
    INSTAGRAM,
    KIM,
    PROFILES,
    chat as new_chat,
    contact,
    write,
)

pytestmark = pytest.mark.usefixtures("signed_in", "assist")

READ = "Read my Beeper messages"
FROM_FAMILY = "Kim in Family 🏡 on WhatsApp: See you all on Sunday."


def read_all(simulator: Simulator) -> None:
    for chat in simulator.world.chats.values():
        simulator.world.mark_read(chat, None)


def unread(chat: Chat) -> int:
    return sum(message.is_unread for message in chat.messages)


@pytest.mark.parametrize("profile", PROFILES)
async def test_on_each_generation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    answer = await say(hass, READ)

    assert "See you all on Sunday" in answer
    assert unread(simulator.world.chats[FAMILY]) == 1
    assert not simulator.executed


async def test_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    read_all(simulator)

    assert await say(hass, READ) == "You have no unread messages."
    answer = await say(hass, "Lies meine Beeper-Nachrichten vor", language="de")
    assert answer == "Du hast keine ungelesenen Nachrichten."


async def test_the_newest_three_of_a_chat_in_their_order(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    read_all(simulator)
    for text in "One", "Two {x}", "Three\n{{ 1 }}", "Four?":
        write(simulator, text)

    assert await say(hass, READ) == (
        "Kim on WhatsApp: Two {x} Kim on WhatsApp: Three {{ 1 }} Kim on WhatsApp: Four?"
    )
    assert simulator.world.chats[KIM].unread_count == 4


async def test_chats_the_last_active_first(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    read_all(simulator)
    write(simulator, "Older", ago=60)
    write(simulator, "Newer", chat_id=ALEX)

    assert await say(hass, READ) == (
        "Alex Rivera on Telegram: Newer. Kim on WhatsApp: Older."
    )


@pytest.mark.parametrize("traits", [[], ["rows_never_unread"]])
async def test_own_and_deleted_messages_are_skipped(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    traits: list[str],
) -> None:
    simulator.traits.add(*traits)
    read_all(simulator)
    chat = simulator.world.chats[KIM]
    write(simulator, "Stays", ago=10)
    write(simulator, "Regretted", ago=5).is_deleted = True
    me = simulator.world.accounts["whatsapp"].user
    simulator.world.incoming(chat, me, "My own", when=simulator.world.now())
    chat.unread_count = 2

    assert await say(hass, READ) == "Kim on WhatsApp: Stays."


async def test_a_picture_and_a_long_text(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    read_all(simulator)
    write(simulator, "", chat_id=KIM, ago=5)
    write(simulator, "word " * 100, chat_id=INSTAGRAM)

    answer = await say(hass, READ)

    long, _, picture = answer.partition(" … (500 characters) ")
    assert len(long) < 340
    assert picture == "Kim on WhatsApp: a message without text."


@pytest.mark.parametrize(
    ("language", "read", "length"),
    [
        ("de", "Lies meine Beeper-Nachrichten vor", "… (3333 Zeichen)"),
        ("nl", "Lees mijn Beeper-berichten voor", "… (3333 tekens)"),
        ("fr", "Lis mes messages Beeper", "… (3333 caractères)"),
        ("es", "Lee mis mensajes de Beeper", "… (3333 caracteres)"),
        ("en", READ, "… (3,333 characters)"),
    ],
)
async def test_lengths_are_said_in_the_language(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    read: str,
    length: str,
) -> None:
    read_all(simulator)
    write(simulator, "x" * 3333, chat_id=KIM)

    answer = await say(hass, read, language=language)

    assert answer.endswith(length)
    nobody = await say(hass, f"Message {'x' * 3333} on WhatsApp: hi", language=language)
    assert length in nobody


async def test_at_most_five_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    awake = [chat for chat in simulator.world.chats.values() if not chat.is_muted]
    for chat in awake:
        write(simulator, "Hello", chat_id=chat.id)

    answer = await say(hass, READ)

    assert answer.count("Hello") == 5
    assert answer.endswith(f" … and {len(awake) - 5} more chats with unread messages.")


async def test_muted_chats_are_left_out_unless_they_are_asked_for(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    read_all(simulator)
    [team] = [chat for chat in simulator.world.chats.values() if chat.is_muted]
    write(simulator, "Lunch?", chat_id=team.id)

    assert await say(hass, READ) == "You have no unread messages."
    assert await say(hass, "Read my Beeper messages from Team") == (
        "Dana Cole in Team on Slack: Lunch?"
    )


async def test_of_one_network(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    write(simulator, "Hi", chat_id=ALEX)

    assert (
        await say(hass, "Read my Telegram messages") == "Alex Rivera on Telegram: Hi."
    )
    assert await say(hass, "Read my WhatsApp messages") == FROM_FAMILY
    assert await say(hass, "Read my Signal messages") == "You have no unread messages."


async def test_messages_of_one_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    write(simulator, "Hi", chat_id=ALEX)

    answer = await say(hass, "Read my messages from Alex Rivera")
    assert answer == "Alex Rivera on Telegram: Hi."
    answer = await say(hass, "Read my Beeper messages from Alex Rivera")
    assert answer == "Alex Rivera on Telegram: Hi."
    answer = await say(hass, "Read my WhatsApp messages from Alex Rivera")
    assert answer == "You have no unread messages."
    answer = await say(hass, "Read my Beeper messages from Mia")
    assert answer == "You have no unread messages."
    answer = await say(hass, "Read my Beeper messages from Nobody")
    assert answer == "I couldn't find Nobody."


async def test_of_two_servers(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    async with Simulator("latest", "dev-token") as other:
        other.world.accounts["signal"].status = "connected"
        read_all(other)
        write(other, "From elsewhere", chat_id=INSTAGRAM)
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)

        assert await say(hass, READ) == (
            f"Lena Park on Instagram: From elsewhere. {FROM_FAMILY}"
        )
        assert await hass.config_entries.async_unload(second.entry_id)


@pytest.mark.parametrize("path", ["/v1/chats/search", "/v1/chats/*/messages"])
async def test_read_failure_is_explained(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, path: str
) -> None:
    simulator.faults.add(
        "status_before", method="GET", path=path, status=429, times=None
    )

    assert await say(hass, READ) == (
        "That didn't work. Nothing was read: Beeper reports too many requests."
        " Wait a few minutes."
    )


async def test_offline_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await simulator.stop()

    assert await say(hass, READ) == "Beeper could not be reached, so nothing was done."
    assert await say(hass, f"{READ} from Kim") == (
        "Beeper could not be reached, so nothing was done."
    )


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        ("en", "Any new messages on Signal?", "Signal is not connected"),
        ("en", "Do I have new Signal messages", "Signal is not connected"),
        ("en", READ, "Signal is not connected"),
        ("en", "How many unread messages do I have?", "Signal is not connected"),
        ("de", "Gibt es neue Nachrichten auf Signal?", "Signal ist gerade nicht"),
        ("nl", "Nieuwe berichten op Signal?", "Signal is op dit moment niet"),
        ("fr", "De nouveaux messages sur Signal ?", "Signal n'est pas connecté"),
        ("es", "¿Hay mensajes nuevos en Signal?", "Signal no está conectado"),
        ("en", "Read my WhatsApp messages", ""),
    ],
)
async def test_a_network_that_is_signed_out_is_named(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
    answer: str,
) -> None:
    simulator.world.accounts["signal"].status = "reconnect_required"
    await loaded.runtime_data.async_refresh()

    spoken = await say(hass, said, language=language)

    assert answer in spoken
    assert ("Signal" in spoken) is bool(answer)


async def test_several_networks_that_are_signed_out(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    read_all(simulator)
    for account_id in "signal", "telegram":
        simulator.world.accounts[account_id].status = "connection_required"
    await loaded.runtime_data.async_refresh()

    assert await say(hass, READ) == (
        "You have no unread messages. Signal and Telegram are not connected at the"
        " moment, so their messages may be missing."
    )


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        (
            "en",
            "How many unread messages do I have?",
            "You have 3 unread messages: 2 on WhatsApp and 1 on Telegram.",
        ),
        (
            "de",
            "Wie viele ungelesene Nachrichten habe ich?",
            "Du hast 3 ungelesene Nachrichten: 2 auf WhatsApp und 1 auf Telegram.",
        ),
        (
            "nl",
            "Hoeveel ongelezen berichten heb ik?",
            "Je hebt 3 ongelezen berichten: 2 op WhatsApp en 1 op Telegram.",
        ),
        (
            "fr",
            "Combien de messages non lus ai-je ?",
            "Vous avez 3 messages non lus : 2 sur WhatsApp et 1 sur Telegram.",
        ),
        (
            "es",
            "¿Cuántos mensajes sin leer tengo?",
            "Tienes 3 mensajes sin leer: 2 en WhatsApp y 1 en Telegram.",
        ),
        (
            "en",
            "How many What's App messages do I have?",
            "You have 2 unread messages on WhatsApp.",
        ),
        (
            "en",
            "How many unread messages do I have from Kim",
            "You have one unread message on WhatsApp.",
        ),
        (
            "en",
            "How many unread messages are there on Slack",
            "You have no unread messages.",
        ),
    ],
)
async def test_how_many(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
    answer: str,
) -> None:
    write(simulator, "Hi", chat_id=ALEX)
    write(simulator, "Hi", chat_id=KIM)

    assert await say(hass, said, language=language) == answer


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Read Anna's messages"),
        ("en", "Read Anna’s new WhatsApp messages"),
        ("en", "Check the messages from Anna"),
        ("de", "Lies die Nachrichten von der Anna vor"),
        ("de", "Neue Nachrichten vom Anna"),
        ("nl", "Lees de berichten van Anna voor"),
        ("fr", "Lis les messages d'Anna"),
        ("fr", "Ai-je de nouveaux messages d’Anna ?"),
        ("fr", "Lis mes messages WhatsApp d'Anna"),
        ("fr", "Lis les messages du Anna"),
        ("es", "Lee los mensajes de Anna"),
        ("es", "Lee mis mensajes del Anna"),
    ],
)
async def test_ways_to_name_a_sender(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
) -> None:
    anna = contact(
        simulator, "@whatsapp_15550107001:beeper.com", full_name="Anna d'Angelo"
    )
    write(simulator, "Ciao", chat_id=new_chat(simulator, [anna]).id)

    answer = await say(hass, said, language=language)

    assert "Ciao" in answer
    assert "Sunday" not in answer


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        ("fr", "Marque les messages d'Family comme lus", "La discussion avec Family"),
        ("es", "Marca los mensajes del Family como leídos", "El chat con Family 🏡"),
        ("en", "Mark Family as read", "The chat with Family 🏡 on WhatsApp is marked"),
        ("en", "Please mark the messages from Family as read", "The chat with Family"),
        ("de", "Markiere Family als gelesen", "Der Chat mit Family 🏡 auf WhatsApp"),
        ("nl", "Markeer Family als gelezen", "De chat met Family 🏡 op WhatsApp"),
        ("fr", "Marque Family comme lu", "La discussion avec Family 🏡 sur WhatsApp"),
        ("es", "Marca a Family como leído", "El chat con Family 🏡 en WhatsApp"),
    ],
)
async def test_marking_as_read(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
    answer: str,
) -> None:
    assert unread(simulator.world.chats[FAMILY]) == 1

    assert (await say(hass, said, language=language)).startswith(answer)

    assert unread(simulator.world.chats[FAMILY]) == 0


async def test_marking_an_ambiguous_chat_as_read_asks(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    write(simulator, "Hi", chat_id=KIM)

    question, conversation_id = await talk(hass, "Mark Kim as read")
    assert question.startswith("I found two: first, Kim on your number ending in 0001")
    assert unread(simulator.world.chats[KIM])
    answer = await say(hass, "the one ending in 0001", conversation_id)

    assert answer == "The chat with Kim on WhatsApp is marked as read."
    assert not unread(simulator.world.chats[KIM])
    assert await say(hass, "Mark Mia as read") == (
        "You have no chat with Mia 🌻 on WhatsApp."
    )
    hass.config_entries.async_update_entry(loaded, options={"read_only": True})
    await hass.async_block_till_done()
    assert "allow reading only" in await say(hass, "Mark Family as read")
    assert unread(simulator.world.chats[FAMILY])


async def test_marking_a_part_of_a_name_as_read_asks(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    question, conversation_id = await talk(hass, "Mark Famil as read")

    assert question == "Should I mark the chat with Family 🏡 on WhatsApp as read?"
    assert unread(simulator.world.chats[FAMILY])
    await say(hass, "yes", conversation_id)
    assert not unread(simulator.world.chats[FAMILY])


async def test_messages_of_an_unlisted_account(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Servers omit accounts that work from their list."""
    write(simulator, "Hi", chat_id=ALEX)
    simulator.world.accounts["telegram"].listed = False
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()

    answer = await say(hass, "Read my Beeper messages from Alex Rivera")
    assert answer == "Alex Rivera on Telegram: Hi."


async def test_spoken_answers_are_limited(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for chat in simulator.world.chats.values():
        chat.is_muted = False
        chat.title = "Title " * 2000
        for _ in range(4):
            write(simulator, "word " * 4000, chat_id=chat.id)

    answer = await say(hass, READ)

    assert len(answer) < 8000
    assert answer.count("(20,000 characters)") == 15
    assert "more chats with unread messages" in answer

"""Requests as people say them: who is meant, and what to send."""

from datetime import timedelta

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Person
from tests.helpers.entities import add_chat
from tests.helpers.talking import SENT_TO_MIA, say, set_options, talk
from tests.helpers.world import ALEX, FAMILY, KIM, chat, contact, last

pytestmark = pytest.mark.usefixtures("assist")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Send a WhatsApp to family saying I'm late"),
        ("en", "Send a What's App to family saying I'm late"),
        ("en", "Send family a WhatsApp I'm late"),
        ("en", "Send family a WhatsApp message saying I'm late"),
        ("en", "Send family a message saying I'm late"),
        ("en", "Send a message on WhatsApp to Family I'm late"),
        ("de", "Schick eine Nachricht über WhatsApp an Family: I'm late"),
        ("nl", "Stuur een bericht via WhatsApp naar Family I'm late"),
        ("fr", "Envoie un message sur WhatsApp à Family I'm late"),
        ("es", "Envía un mensaje por WhatsApp a Family I'm late"),
        ("en", "Send a message to family saying I'm late"),
        ("en", "WhatsApp Family I'm late"),
        ("en", "What’s App Family I'm late"),
        ("en", "Text Family I'm late"),
        ("en", "Text the Family I'm late"),
        ("en", "text family: I'm late"),
        ("en", "Message family saying I'm late"),
        ("en", "Please message family saying I'm late"),
        ("en", "Can you send a WhatsApp to family saying I'm late"),
        ("en", "Could you please text Family I'm late"),
        ("en", "Reply to family saying I'm late"),
        ("en", "Reply to Family I'm late"),
        ("en", "Reply to family on What's App I'm late"),
        ("en", "Tell family on WhatsApp I'm late"),
        ("de", "Schick Family eine WhatsApp I'm late"),
        ("de", "Bitte schick Family eine Nachricht mit dem Text I'm late"),
        ("de", "Kannst du Family eine WhatsApp schicken mit dem Text I'm late"),
        ("de", "WhatsApp Family: I'm late"),
        ("de", "Antworte Family: I'm late"),
        ("de", "Antworte Family mit dem Text I'm late"),
        ("nl", "Stuur Family een WhatsApp I'm late"),
        ("nl", "Stuur een bericht naar Family met de tekst I'm late"),
        ("nl", "Kun je Family een WhatsApp sturen met de tekst I'm late"),
        ("nl", "App Family I'm late"),
        ("nl", "Antwoord Family I'm late"),
        ("fr", "Envoie un WhatsApp à Family disant I'm late"),
        ("fr", "Peux-tu envoyer un message à Family disant I'm late"),
        ("fr", "Envoie à Family un WhatsApp I'm late"),
        ("fr", "WhatsApp Family I'm late"),
        ("fr", "Réponds à Family I'm late"),
        ("fr", "Envoie un message à Family sur WhatsApp\u00a0: I'm late"),
        ("es", "Envía un WhatsApp a Family diciendo I'm late"),
        ("es", "¿Puedes enviar un mensaje a Family diciendo I'm late"),
        ("es", "Envíale a Family un WhatsApp I'm late"),
        ("es", "WhatsApp Family I'm late"),
        ("es", "Responde a Family I'm late"),
    ],
)
async def test_ways_to_send(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
) -> None:
    await say(hass, said, language=language)

    assert last(simulator, FAMILY) == "I'm late"
    assert len(simulator.executed) == 1


# No text


@pytest.mark.parametrize(
    ("language", "said", "question"),
    [
        ("en", "Message family on WhatsApp", "What should I send to Family 🏡"),
        ("en", "Text Family", "What should I send to Family 🏡"),
        ("en", "Send a WhatsApp to family", "What should I send to Family 🏡"),
        ("en", "Send family a message", "What should I send to Family 🏡"),
        ("en", "Reply to family", "What should I send to Family 🏡"),
        ("de", "Schick Family eine WhatsApp", "Was soll ich an Family 🏡"),
        ("de", "Schreib Family auf WhatsApp", "Was soll ich an Family 🏡"),
        ("nl", "Stuur Family een WhatsApp", "Wat zal ik naar Family 🏡"),
        ("fr", "Envoie un message à Family sur WhatsApp", "Que dois-je envoyer à"),
        ("es", "Envía un mensaje a Family por WhatsApp", "¿Qué envío a Family 🏡"),
        # The rest was not heard.
        ("en", "Send a WhatsApp to family saying", "What should I send to Family 🏡"),
        ("en", "Text Family saying …", "What should I send to Family 🏡"),
        ("en", "Tell family on WhatsApp that", "What should I send to Family 🏡"),
        ("en", "Message family on WhatsApp: \u200b", "What should I send to Family 🏡"),
        ("de", "Schick Family eine WhatsApp mit dem Text", "Was soll ich an Family 🏡"),
        ("de", "Sag Family auf WhatsApp, dass", "Was soll ich an Family 🏡"),
        ("nl", "Stuur Family een WhatsApp met de tekst", "Wat zal ik naar Family 🏡"),
        ("fr", "Dis à Family sur WhatsApp que", "Que dois-je envoyer à"),
        ("es", "Dile a Family por WhatsApp que", "¿Qué envío a Family 🏡"),
    ],
)
async def test_a_sentence_without_a_text_asks_for_it(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
    question: str,
) -> None:
    asked, conversation_id = await talk(hass, said, language=language)
    assert asked.startswith(question)
    assert not simulator.executed

    await say(hass, "Yes, that's fine – see you!", conversation_id, language=language)

    assert last(simulator, FAMILY) == "Yes, that's fine – see you!"


async def test_a_text_that_shows_nothing_is_not_sent(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, conversation_id = await talk(hass, "Text Family")

    assert "nothing to send" in await say(hass, "\u2800\u200b", conversation_id)
    assert not simulator.executed


async def test_commands_instead_of_a_text(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for drop in "Never mind", "cancel", "No.":
        _, conversation_id = await talk(hass, "Text Family")
        assert await say(hass, drop, conversation_id) == "OK, nothing was sent."
    # Another request is not the text.
    _, conversation_id = await talk(hass, "Text Family")
    await say(hass, "Message Alex on Telegram: Hello", conversation_id)
    assert last(simulator, ALEX) == "Hello"
    # Nor are later sentences, or those of other conversations.
    assert (await say(hass, "I'm late", conversation_id)).startswith("Sorry")
    _, conversation_id = await talk(hass, "Text Family")
    assert (await say(hass, "I'm late", "elsewhere")).startswith("Sorry")

    assert len(simulator.executed) == 1


async def test_without_text_to_somebody_new(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    question, conversation_id = await talk(hass, "Send a WhatsApp to Mia")
    assert question == "What should I send to Mia 🌻 on WhatsApp?"
    question = await say(hass, "Hello!", conversation_id)
    assert question == (
        "You have no chat with Mia 🌻 on WhatsApp yet. Should I send “Hello!”?"
    )
    assert not simulator.executed

    assert await say(hass, "yes please", conversation_id) == SENT_TO_MIA


# Words around a name


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Message the family on WhatsApp: hi"),
        ("en", "Send the family group a WhatsApp hi"),
        ("en", "Text my family hi"),
        ("en", "Reply to our family saying hi"),
        ("de", "Schick der Familie eine WhatsApp hi"),
        ("de", "Schick eine WhatsApp an die Gruppe Familie hi"),
        ("nl", "Stuur de familie een WhatsApp hi"),
        ("fr", "Envoie un message à la famille disant hi"),
        ("fr", "Écris à l’équipe sur WhatsApp hi"),
        ("es", "Envía un WhatsApp a la familia diciendo hi"),
    ],
)
async def test_words_that_need_not_belong_to_a_name(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
) -> None:
    person = simulator.world.chats[KIM].participants[0]
    title = {"de": "Familie", "nl": "Familie", "es": "Familia"}.get(language)
    if language == "fr":
        title = "Équipe" if "équipe" in said else "Famille"
    meant = chat(simulator, [person], title=title).id if title else FAMILY

    # The family may be somebody else.
    _, conversation_id = await talk(hass, said, language=language)
    assert not simulator.executed
    await say(
        hass,
        {"en": "yes", "de": "ja", "nl": "ja", "fr": "oui", "es": "sí"}[language],
        conversation_id,
        language=language,
    )

    assert last(simulator, meant) == "hi"
    assert len(simulator.executed) == 1


async def test_a_name_that_begins_with_an_article(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    person = simulator.world.chats[KIM].participants[0]
    titles = ["The Family Group", "Group", "Family"]
    meant = [chat(simulator, [person], title=title).id for title in titles]

    assert await say(hass, "Message the family group on WhatsApp: hi") == (
        "Sent to The Family Group on WhatsApp."
    )

    assert [last(simulator, chat_id) for chat_id in meant[:1]] == ["hi"]
    assert len(simulator.executed) == 1


# Nothing between the name and the text


@pytest.fixture
def namesakes(simulator: Simulator) -> dict[str, str]:
    """Return chats with Robin, with Robin Park and with Robin Lee Jones, by name."""
    return {
        name: chat(
            simulator, [Person(id=name, full_name=name)], account_id="telegram"
        ).id
        for name in ("Robin", "Robin Park", "Robin Lee Jones")
    }


@pytest.mark.parametrize(
    ("said", "name", "text", "asked"),
    [
        ("Text Robin hello there", "Robin", "hello there", False),
        ("Text Robin I'm late", "Robin", "I'm late", False),
        ("Text Robin: Park is closed", "Robin", "Park is closed", False),
        ("Text Robin Lee Jones hello", "Robin Lee Jones", "hello", True),
        # Robin may be meant.
        ("Text Robin Park is closed", "Robin Park", "is closed", True),
        # So may another Robin, who is not known.
        ("Text Robin Baker hello", "Robin", "Baker hello", True),
        # Nothing shows where a name ends.
        ("text robin baker hello", "Robin", "baker hello", True),
    ],
)
async def test_where_a_name_ends(
    hass: HomeAssistant,
    simulator: Simulator,
    namesakes: dict[str, str],
    loaded: MockConfigEntry,
    said: str,
    name: str,
    text: str,
    asked: bool,
) -> None:
    answer, conversation_id = await talk(hass, said)

    if asked:
        assert answer == f"Should I send “{text}” to {name} on Telegram?"
        assert not simulator.executed
        await say(hass, "yes", conversation_id)
    else:
        assert answer == f"Sent to {name} on Telegram."
    assert last(simulator, namesakes[name]) == text
    assert len(simulator.executed) == 1


async def test_a_number_without_anything_between(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    answer = await say(hass, "Text +1 555 010 1003 hello there")

    assert answer == "Sent to Alex Rivera on WhatsApp."


async def test_no_person_of_that_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert await say(hass, "Text Zoe I'm late") == (
        "I couldn't find Zoe, so nothing was sent."
    )
    assert not simulator.executed


# Several matches


async def test_the_likeliest_is_offered_first(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """The default account, unless a chat was added to Home Assistant."""
    said = "Message Alex Rivera saying Hello"
    asked, conversation_id = await talk(hass, said)
    assert asked == (
        "I found two: first, Alex Rivera on WhatsApp; second, Alex Rivera on Telegram."
        " Which one?"
    )
    assert await say(hass, "WhatsApp", conversation_id) == (
        "Sent to Alex Rivera on WhatsApp."
    )

    await add_chat(hass, loaded, ALEX)

    asked, conversation_id = await talk(hass, said)
    assert asked == (
        "I found two: first, Alex Rivera on Telegram; second, Alex Rivera on WhatsApp."
        " Which one?"
    )
    assert len(simulator.executed) == 1
    assert await say(hass, "the first", conversation_id) == (
        "Sent to Alex Rivera on Telegram."
    )


async def test_the_latest_chat_is_offered_first(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for ago, account_id in enumerate(("signal", "instagramgo", "telegram"), 1):
        person = Person(id=f"robin-{account_id}", full_name="Robin")
        made = chat(simulator, [person], account_id=account_id)
        made.last_activity = simulator.world.now() - timedelta(days=ago)

    asked = await say(hass, "Message Robin saying Hello")

    assert asked == (
        "I found 3: first, Robin on Signal; second, Robin on Instagram; third, Robin"
        " on Telegram. Which one?"
    )


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "the one ending in 0009"),
        ("en", "The one ending in 0 0 0 9."),
        ("en", "0009"),
        ("en", "the number ending in 09"),
        ("en", "Kim on your number ending in 0009"),
        ("en", "second, Kim on your number ending in 0009"),
        ("en", "the second"),
        ("de", "die auf 0009 endet"),
        ("de", "die zweite"),
        ("nl", "die op 0009 eindigt"),
        ("nl", "de tweede"),
        ("fr", "celui finissant par 0009"),
        ("fr", "la deuxième"),
        ("es", "el que termina en 0009"),
        ("es", "la segunda"),
    ],
)
async def test_an_answer_repeats_any_part_of_a_choice(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    answer: str,
) -> None:
    asked, conversation_id = await talk(
        hass, "Message Kim on WhatsApp: Hello", language=language
    )
    assert "0001" in asked
    assert "0009" in asked

    await say(hass, answer, conversation_id, language=language)

    [request] = simulator.executed
    assert KIM not in request.path


@pytest.mark.parametrize(
    "answer", ["Kim", "the one on WhatsApp", "the third", "the one on Signal", "yes"]
)
async def test_an_answer_without_a_choice_asks_again(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, answer: str
) -> None:
    asked, conversation_id = await talk(hass, "Message Kim on WhatsApp: Hello")

    assert await say(hass, answer, conversation_id) == asked
    assert not simulator.executed


@pytest.mark.parametrize("said", ["the kitchen", "turn on Kim", "the one on the left"])
async def test_other_texts_are_left_to_home_assistant(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, said: str
) -> None:
    before = await say(hass, said)
    _, conversation_id = await talk(hass, "Message Kim on WhatsApp: Hello")

    assert await say(hass, said, conversation_id) == before
    assert not simulator.executed


async def test_a_choice_among_several_narrows_them_down(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await set_options(hass, loaded, confirm="never")
    for network, number in ("signal", "01"), ("signal", "02"), ("telegram", "03"):
        contact(
            simulator,
            f"@{network}_{number}:beeper.com",
            network,
            full_name="Robin",
            phone_number=f"+155501077{number}",
        )
    _, conversation_id = await talk(hass, "Message Robin saying Hello")

    asked = await say(hass, "the one on Signal", conversation_id)
    assert asked == (
        "I found two: first, Robin on Signal, number ending in 7701; second, Robin on"
        " Signal, number ending in 7702. Which one?"
    )
    await say(hass, "7702", conversation_id)

    [start] = simulator.executed
    assert start.json["user"]["phoneNumber"] == "+15550107702"

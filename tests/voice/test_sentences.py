"""The sentences: their forms, their registration, and texts that they must not match."""

import re
import string
from typing import Any
from unittest.mock import Mock

from hassil.intents import Intents
from hassil.parser import ParseError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import yaml

from homeassistant.components.conversation import ConversationInput
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Account, Person
from tests.helpers.built_in_sentences import built_in_sentences
from tests.helpers.repository import BEEPER
from tests.helpers.servers import add_entry
from tests.helpers.talking import say, talk

FOLDER = BEEPER / "voice/languages"
FILES: dict[str, Any] = {
    file.stem: yaml.safe_load(file.read_text("utf-8")) for file in FOLDER.glob("*.yaml")
}
UNREAD_FRENCH = "Kim dans Family 🏡 sur WhatsApp : See you all on Sunday."
UNREAD = "Kim in Family 🏡 on WhatsApp: See you all on Sunday."


async def known(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> list[str]:
    """Return the sentences that Home Assistant listens for."""
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "conversation/sentences/list"})
    sentences: list[str] = (await client.receive_json())["result"]["trigger_sentences"]
    return sentences


# The files


def test_all_languages_of_the_integration_have_sentences() -> None:
    assert FILES.keys() == {
        file.stem for file in (BEEPER / "translations").glob("*.json")
    }


def places(sentence: str) -> set[str]:
    return {*re.findall(r"{(?:\w+:)?(\w+)}", sentence)}


def in_full(language: str, sentence: str) -> str:
    """Return a sentence with its parts."""
    parts = FILES[language]["parts"]
    while "<" in sentence:
        sentence = re.sub(r"<(\w+)>", lambda part: parts[part[1]], sentence)
    return sentence


@pytest.mark.parametrize("language", FILES)
def test_languages_have_equal_keys(language: str) -> None:
    file, english = FILES[language], FILES["en"]
    assert file.keys() == english.keys()
    for group in "commands", "replies":
        assert [*file[group]] == [*english[group]]
        for meaning, sentences in file[group].items():
            found, wanted = (
                {
                    place
                    for sentence in some
                    for place in places(in_full(code, sentence))
                }
                for code, some in (
                    (language, sentences),
                    ("en", english[group][meaning]),
                )
            )
            assert found == wanted, meaning
    assert len(file["ordinals"]) == len(english["ordinals"])
    assert file["speech"].keys() == english["speech"].keys()
    for key, text in file["speech"].items():
        parsed = [*string.Formatter().parse(text)]
        assert {name for _, name, _, _ in parsed if name} == {
            name
            for _, name, _, _ in string.Formatter().parse(english["speech"][key])
            if name
        }, key


# No side effects

OTHERS = {
    "en": """
tell me a joke
tell me a story about a signal that is on
tell the vacuum to go home
send the vacuum home
send the robot to the kitchen
send a signal to the garage door
message the living room that dinner is ready
write a shopping list
add milk to my shopping list
turn on the kitchen lights
turn on the signal light
open a window
open the chat
start the washing machine
start a timer for five minutes
start a chat with kim
create a scene
read the temperature
read me the news
what is new
what is on telegraph hill
do I have any appointments
are there any lights on
what are the lights in the kitchen
broadcast dinner is ready
play signal fire
the one on the left
yes
yes send it
no don't send it
cancel it
the first one
""",
    "de": """
erzähl mir einen Witz
sag mir was es Neues gibt
sag allen dass das Essen fertig ist
sag im Wohnzimmer dass das Essen fertig ist
schick den Staubsauger nach Hause
sende ein Signal an das Garagentor
schreib Milch auf die Einkaufsliste
schreib eine Einkaufsliste
schalte das Licht in der Küche ein
schalte die Signalleuchte ein
öffne das Fenster
öffne den Chat
starte die Waschmaschine
starte einen Timer für fünf Minuten
starte einen Chat mit Kim
erstelle eine Szene
lies die Temperatur vor
was gibt es Neues
habe ich heute Termine
welche Lichter sind an
durchsage das Essen ist fertig
der auf der linken Seite
ja
ja sende es
nein nicht senden
brich es ab
der erste
""",
    "nl": """
vertel me een mop
zeg tegen iedereen dat het eten klaar is
stuur de stofzuiger naar huis
stuur een signal naar de garagedeur
schrijf melk op het boodschappenlijstje
doe het licht in de keuken aan
open de chat
start een timer van vijf minuten
start een chat met Kim
lees de temperatuur voor
wat is er nieuw
heb ik vandaag afspraken
ja
laat maar
de eerste
""",
    "fr": """
raconte-moi une blague
dis à tout le monde que le repas est prêt
envoie l'aspirateur à la maison
envoie un signal à la porte du garage
ajoute du lait à la liste de courses
allume la lumière de la cuisine
ouvre la fenêtre
ouvre la discussion
démarre un minuteur de cinq minutes
lis la température
quoi de neuf
ai-je des rendez-vous
oui
annule
la première
""",
    "es": """
cuéntame un chiste
di a todos que la cena está lista
envía la aspiradora a casa
envía una signal a la puerta del garaje
añade leche a la lista de la compra
enciende la luz de la cocina
abre la ventana
abre el chat
inicia un temporizador de cinco minutos
lee la temperatura
qué hay de nuevo
tengo citas hoy
sí
cancela
el primero
""",
}


@pytest.mark.usefixtures("assist", "loaded")
@pytest.mark.parametrize("language", OTHERS)
async def test_other_requests_are_left_to_home_assistant(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    simulator: Simulator,
    language: str,
) -> None:
    hass.config.language = language
    client = await hass_ws_client(hass)
    sentences = OTHERS[language].strip().splitlines()

    await client.send_json_auto_id(
        {
            "type": "conversation/agent/homeassistant/debug",
            "sentences": sentences,
            "language": language,
        }
    )
    results = (await client.receive_json())["result"]["results"]

    assert len(results) == len(sentences)
    ours = [
        sentence
        for sentence, result in zip(sentences, results, strict=True)
        if result and result["source"] == "trigger"
    ]
    assert not ours


@pytest.mark.usefixtures("assist", "loaded")
async def test_similar_requests_reach_the_integration(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {
            "type": "conversation/agent/homeassistant/debug",
            "sentences": ["read my beeper messages"],
            "language": "en",
        }
    )
    [result] = (await client.receive_json())["result"]["results"]
    assert result["source"] == "trigger"


@pytest.mark.usefixtures("assist", "loaded")
@pytest.mark.parametrize("language", FILES)
async def test_no_sentence_of_home_assistant_is_taken(
    hass: HomeAssistant, language: str
) -> None:
    """Every one of them, in several forms, as Home Assistant matches sentences."""
    hass.config.language = language
    agent = get_agent_manager(hass).default_agent
    assert agent
    taken = []
    sentences = [*built_in_sentences(language, each=2)]
    for sentence in sentences:
        user_input = ConversationInput(
            text=sentence,
            context=Context(),
            conversation_id=None,
            device_id=None,
            satellite_id=None,
            language=language,
            agent_id="conversation.home_assistant",
        )
        if await agent.async_recognize_sentence_trigger(user_input):
            taken.append(sentence)

    assert len(sentences) > 1000
    assert not taken


# When Home Assistant knows them


@pytest.mark.usefixtures("signed_in", "assist", "loaded")
@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        ("en", "What's new on Beeper?", UNREAD),
        ("en-GB", "Read my unread WhatsApp messages", UNREAD),
        (
            "de-AT",
            "Lies mir die neuen WhatsApp-Nachrichten vor!",
            UNREAD.replace(" on ", " auf ", 1),
        ),
        ("nl", "Wat is er nieuw op Beeper?", UNREAD.replace(" on ", " op ", 1)),
        ("fr-CA", "Quoi de neuf sur Beeper ?", UNREAD_FRENCH),
        (
            "es",
            "¿Qué hay de nuevo en Beeper?",
            UNREAD.replace(" on ", " en ", 1).replace(" in ", " en ", 1),
        ),
        # Spoken in another language than the pipeline's, and in an unsupported one.
        ("de", "What's new on Beeper?", UNREAD.replace(" on ", " auf ", 1)),
        ("en", "Was gibt es Neues auf Beeper?", UNREAD),
        ("it", "What's new on Beeper?", UNREAD),
    ],
)
async def test_every_language_is_understood_and_the_speakers_is_answered(
    hass: HomeAssistant, language: str, said: str, answer: str
) -> None:
    assert await say(hass, said, language=language) == answer


@pytest.mark.usefixtures("signed_in", "loaded")
async def test_conversation_may_come_later(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})
    await hass.async_block_till_done()

    assert await say(hass, "What's new on Beeper?") == UNREAD


async def test_conversation_integration_is_optional(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    assert "conversation" not in hass.config.components
    assert await hass.config_entries.async_reload(loaded.entry_id)
    assert loaded.state is ConfigEntryState.LOADED


@pytest.mark.usefixtures("assist")
async def test_sentences_follow_option_and_server(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    sentences = await known(hass, hass_ws_client)
    assert len(sentences) == len({*sentences}) > 20

    hass.config_entries.async_update_entry(loaded, options={"sentences": False})
    await hass.async_block_till_done()
    assert await known(hass, hass_ws_client) == []

    hass.config_entries.async_update_entry(loaded, options={"sentences": True})
    await hass.async_block_till_done()
    assert await known(hass, hass_ws_client) == sentences

    assert await hass.config_entries.async_unload(loaded.entry_id)
    await hass.async_block_till_done()
    assert await known(hass, hass_ws_client) == []


@pytest.mark.usefixtures("assist", "loaded")
async def test_two_servers_share_them(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
) -> None:
    sentences = await known(hass, hass_ws_client)
    async with Simulator("latest", "dev-token") as other:
        second = add_entry(hass, other.url, sentences=False)
        assert await hass.config_entries.async_setup(second.entry_id)
        await hass.async_block_till_done()
        assert await known(hass, hass_ws_client) == sentences
        assert await hass.config_entries.async_unload(second.entry_id)
    await hass.async_block_till_done()
    assert await known(hass, hass_ws_client) == sentences


@pytest.mark.usefixtures("assist")
async def test_unknown_network(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    said = "Message nobody on Google Messages: Hello"
    assert (await say(hass, said)).startswith("Sorry")
    for account_id, network in ("gmessages", "Google Messages"), ("odd", "(Odd|{x}"):
        simulator.world.accounts[account_id] = Account(
            id=account_id,
            network=network,
            bridge=(account_id, account_id, "cloud"),
            user=Person(id=f"@{account_id}:beeper.com"),
        )

    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()

    assert await say(hass, said) == (
        "I couldn't find nobody on Google Messages, so nothing was sent."
    )


@pytest.mark.usefixtures("assist", "loaded")
async def test_commands_stay_while_new_ones_cannot_be_parsed(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = await known(hass, hass_ws_client)
    async with Simulator("latest", "dev-token") as other:
        other.world.accounts["gmessages"] = Account(
            id="gmessages",
            network="Google Messages",
            bridge=("gmessages", "gmessages", "cloud"),
            user=Person(id="@gmessages:beeper.com"),
        )
        second = add_entry(hass, other.url)
        with monkeypatch.context() as patched:
            patched.setattr(Intents, "from_dict", Mock(side_effect=ParseError("no")))
            assert not await hass.config_entries.async_setup(second.entry_id)
            await hass.async_block_till_done()

        assert await known(hass, hass_ws_client) == before
        said = await say(hass, "Message nobody on WhatsApp: Hello")
        assert said.startswith("I couldn't find nobody on WhatsApp")
        assert await hass.config_entries.async_reload(second.entry_id)
        await hass.async_block_till_done()
        assert await known(hass, hass_ws_client) != before
        assert await hass.config_entries.async_unload(second.entry_id)


@pytest.mark.usefixtures("assist", "loaded")
async def test_replies_are_not_sentences_of_home_assistant(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator
) -> None:
    before = await known(hass, hass_ws_client)

    _, conversation_id = await talk(hass, "Message Mia on WhatsApp: Hello")
    waiting = await known(hass, hass_ws_client)
    await say(hass, "no, don't send it", conversation_id)

    assert waiting == before == await known(hass, hass_ws_client)


@pytest.mark.usefixtures("assist", "loaded")
@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("Message family on WhatsApp:   two   spaces ", "two   spaces"),
        ("Message family on WhatsApp hi, family on WhatsApp", "hi, family on WhatsApp"),
        (
            "Message family on WhatsApp “quoted” – and so on…",
            "“quoted” – and so on…",
        ),
        ("Message family on WhatsApp that is fine by me", "that is fine by me"),
        ("Message family on WhatsApp saying that is fine", "that is fine"),
        ("Tell family on WhatsApp that I am late", "I am late"),
        ("Schreib family auf WhatsApp und zwar um acht", "und zwar um acht"),
        ("Schreib family auf WhatsApp dass es acht wird", "dass es acht wird"),
        ("Message family on WhatsApp: – milk\n– bread", "– milk\n– bread"),
        ("Message family on WhatsApp: … and so on", "… and so on"),
        ("Message family on WhatsApp: (maybe) 8?", "(maybe) 8?"),
        ("Message family on WhatsApp: ¿Qué tal?", "¿Qué tal?"),
        ("Message family on WhatsApp ¡Hola!", "¡Hola!"),
        ("Message family on WhatsApp: ❤️ ❤️", "❤️ ❤️"),
        ("Message family on WhatsApp saying: cafe\u0301!", "caf\u00e9!"),
        ("Text family: that's it, 1.5 €", "that's it, 1.5 €"),
        ("Message family on WhatsApp: 🎂!", "🎂!"),
        ("Message family on WhatsApp: line one\nline two", "line one\nline two"),
        ("Message family on WhatsApp: yes, send it", "yes, send it"),
    ],
)
async def test_message_text_is_complete(
    hass: HomeAssistant, simulator: Simulator, said: str, message: str
) -> None:
    await say(hass, said)

    family = simulator.world.chats["!fAmiLyGroUp:beeper.com"]
    assert family.messages[-1].text == message

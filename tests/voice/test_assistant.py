"""Sending by voice: the right person, once, after a question where necessary."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.beeper.const import DOMAIN
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.components.conversation import async_converse
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from simulator.model import Person
from tests.helpers.servers import add_entry
from tests.helpers.talking import (
    NOTHING_ASKED,
    SENT_TO_MIA,
    TO_MIA,
    Echo,
    add_agent,
    say,
    set_options,
    talk,
)
from tests.helpers.waiting import until
from tests.helpers.world import ALEX, FAMILY, KIM, chat, contact, last

pytestmark = pytest.mark.usefixtures("assist")

MIA_IS_NEW = "You have no chat with Mia 🌻 on WhatsApp yet. Should I send “Hi, Mia!”?"
NOT_UNDERSTOOD = "Sorry, I couldn't understand that"


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        (
            "en",
            "Message Alex Rivera on Telegram: I'm late, sorry! {{ 1 }} https://x.y/?a=b.",
            "Sent to Alex Rivera on Telegram.",
        ),
        (
            "de",
            "Schreib Alex Rivera über Telegram: I'm late, sorry! {{ 1 }} https://x.y/?a=b.",
            "Gesendet an Alex Rivera auf Telegram.",
        ),
    ],
)
async def test_a_message_arrives_as_it_was_written(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
    answer: str,
) -> None:
    assert await say(hass, said, language=language) == answer

    assert len(simulator.executed) == 1
    assert last(simulator, ALEX) == "I'm late, sorry! {{ 1 }} https://x.y/?a=b."


async def test_a_group_by_a_part_of_its_title(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    answer = await say(hass, "Send a Beeper message to family saying dinner is ready")

    assert answer == "Sent to Family 🏡 on WhatsApp."
    assert last(simulator, FAMILY) == "dinner is ready"


# Somebody new


@pytest.mark.parametrize(
    ("language", "said", "question", "yes", "answer"),
    [
        (
            "en",
            TO_MIA,
            MIA_IS_NEW,
            "yes, send it",
            SENT_TO_MIA,
        ),
        (
            "de",
            "Schick Mia eine WhatsApp-Nachricht mit dem Text Hi, Mia!",
            (
                "Du hast noch keinen Chat mit Mia 🌻 auf WhatsApp. Soll ich „Hi, Mia!“"
                " senden?"
            ),
            "Ja, sende es.",
            "Gesendet an Mia 🌻 auf WhatsApp.",
        ),
    ],
)
async def test_new_recipient_needs_one_confirmation(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
    question: str,
    yes: str,
    answer: str,
) -> None:
    asked, conversation_id = await talk(hass, said, language=language)
    assert asked == question
    assert not simulator.executed

    answers = await asyncio.gather(
        *(say(hass, yes, conversation_id, language=language) for _ in range(2))
    )

    answers.append(await say(hass, yes, conversation_id, language=language))

    # The others are not even taken for the same again: nothing waits any more.
    assert [text for text in answers if "Mia" in text] == [answer]
    [start] = simulator.executed
    assert start.json == {
        "accountID": "whatsapp",
        "user": {
            "id": "@whatsapp_15550101004:beeper.com",
            "phoneNumber": "+15550101004",
        },
        "messageText": "Hi, Mia!",
    }


@pytest.mark.parametrize(
    ("language", "said", "yes", "no"),
    [
        (
            "en",
            TO_MIA,
            [
                *(
                    "yes",
                    "Yes please.",
                    "OK",
                    "send it",
                    "Send it!",
                    "sure",
                    "go ahead",
                ),
                *("Yes 👍", "👍🏽", "\u200fyes\u200f", "ＯＫ", "All right."),
            ],
            [
                *("no", "No.", "No thanks", "cancel", "never mind", "Nevermind!"),
                *("stop", "no 🙅🏽‍♀️", "👎"),
            ],
        ),
        (
            "de",
            "Schreib Mia über WhatsApp: Hi, Mia!",
            ["ja", "Ja bitte.", "Sende es!", "schick es ab", "Na klar 🙂", "yes"],
            ["nein", "Nein danke.", "abbrechen", "vergiss es", "lieber nicht"],
        ),
        (
            "nl",
            "Stuur Mia een WhatsApp met de tekst Hi, Mia!",
            ["ja", "Ja, graag.", "oké", "verstuur het", "doe maar"],
            ["nee", "Nee, dank je.", "annuleer", "laat maar", "stop"],
        ),
        (
            "fr",
            "Envoie un WhatsApp à Mia disant Hi, Mia!",
            ["oui", "Oui, s'il te plaît.", "d'accord", "envoie-le", "Vas-y !"],
            ["non", "Non merci.", "annule", "laisse tomber", "ne l'envoie pas"],
        ),
        (
            "es",
            "Envía un WhatsApp a Mia diciendo Hi, Mia!",
            ["sí", "Sí, por favor.", "vale", "envíalo", "¡Adelante!"],
            ["no", "No, gracias.", "cancela", "olvídalo", "déjalo"],
        ),
    ],
)
async def test_plain_yes_or_no_counts_right_after_the_question(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
    yes: list[str],
    no: list[str],
) -> None:
    nothing_sent = {
        "en": "OK, nothing was sent.",
        "de": "OK, es wurde nichts gesendet.",
        "nl": "Oké, er is niets verstuurd.",
        "fr": "D'accord, rien n'a été envoyé.",
        "es": "De acuerdo, no se ha enviado nada.",
    }
    for answer in no:
        _, conversation_id = await talk(hass, said, language=language)
        spoken = await say(hass, answer, conversation_id, language=language)
        assert spoken == nothing_sent[language], answer
        # The message is forgotten.
        await say(hass, "yes, send it", conversation_id)
    assert not simulator.executed

    await set_options(hass, loaded, confirm="always")
    for count, answer in enumerate(yes, 1):
        _, conversation_id = await talk(hass, said, language=language)
        assert len(simulator.executed) == count - 1
        await say(hass, answer, conversation_id, language=language)
        assert len(simulator.executed) == count, answer


@pytest.mark.parametrize(
    "answer", ["yes", "ok", "send it", "yes, send it", "the first"]
)
async def test_replies_elsewhere_are_left_to_home_assistant(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, answer: str
) -> None:
    before = await say(hass, answer)
    _, conversation_id = await talk(hass, TO_MIA)

    for other in None, "other":
        assert await say(hass, answer, other) == before

    assert not simulator.executed
    assert await say(hass, "yes", conversation_id) == SENT_TO_MIA


async def test_replies_elsewhere_reach_who_waits_for_them(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Home Assistant's own sentence, somebody's automation, and another agent."""
    await add_agent(hass, Echo())
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "trigger": {"platform": "conversation", "command": "okay"},
                "action": {"set_conversation_response": "Garage opened"},
            }
        },
    )
    _, conversation_id = await talk(hass, TO_MIA)

    # It says nothing in response to this.
    silent = await async_converse(hass, "never mind", "other", Context())
    assert silent.response.intent
    assert silent.response.intent.intent_type == "HassNevermind"
    assert await say(hass, "okay", "other") == "Garage opened"
    answer = await say(hass, "yes", "echo", agent_id="conversation.echo")
    assert answer == "You said yes"

    assert not simulator.executed
    assert await say(hass, "yes", conversation_id) == SENT_TO_MIA


async def test_replies_meet_at_once(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, conversation_id = await talk(hass, TO_MIA)

    answers = await asyncio.gather(
        *(
            say(hass, "yes", conversation)
            for conversation in ("a", conversation_id, "b")
        )
    )

    assert answers == [NOT_UNDERSTOOD, SENT_TO_MIA, NOT_UNDERSTOOD]
    assert len(simulator.executed) == 1


async def test_a_plain_yes_later_does_not_confirm(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, conversation_id = await talk(hass, TO_MIA)
    await say(hass, "what time is it", conversation_id)

    assert await say(hass, "yes", conversation_id) == NOT_UNDERSTOOD

    assert not simulator.executed
    assert await say(hass, "yes, send it", conversation_id) == SENT_TO_MIA


async def test_only_the_requester_can_answer(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    me, you = [
        (await hass.auth.async_create_user(name, group_ids=[GROUP_ID_USER])).id
        for name in ("me", "you")
    ]
    _, conversation_id = await talk(hass, TO_MIA, "mine", user_id=me)
    assert conversation_id == "mine"

    for other, user_id, heard in (
        (None, me, NOT_UNDERSTOOD),
        ("other", me, NOT_UNDERSTOOD),
        ("mine", you, NOTHING_ASKED),
    ):
        answer = await say(hass, "yes, send it", other, user_id=user_id)
        assert answer == heard

    assert not simulator.executed
    assert await say(hass, "yes, send it", "mine", user_id=me) == SENT_TO_MIA


async def test_question_expires_after_a_minute(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, first = await talk(hass, TO_MIA)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=59))
    _, second = await talk(hass, TO_MIA)

    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61))
    await hass.async_block_till_done()

    # Without an open question, the reply sentences are not handled.
    assert await say(hass, "yes, send it", first) == NOT_UNDERSTOOD
    assert await say(hass, "yes, send it", second) == NOT_UNDERSTOOD
    assert not simulator.executed


@pytest.mark.parametrize(
    ("language", "no", "answer"),
    [
        ("en", "No, don't send it.", "OK, nothing was sent."),
        ("de", "Nein, nicht senden!", "OK, es wurde nichts gesendet."),
    ],
)
async def test_no_cancels(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    no: str,
    answer: str,
) -> None:
    _, conversation_id = await talk(hass, TO_MIA)

    assert await say(hass, no, conversation_id, language=language) == answer

    assert await say(hass, "yes, send it", conversation_id) == NOT_UNDERSTOOD
    assert not simulator.executed


async def test_two_requesters_answer_separately(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contact(simulator, "@zoe:beeper.com", full_name="Zoe")
    await talk(hass, TO_MIA, "one")
    await talk(hass, "Message Zoe on WhatsApp: Hello", "two")

    assert await say(hass, "yes, send it", "one") == SENT_TO_MIA
    assert await say(hass, "yes, send it", "two") == "Sent to Zoe on WhatsApp."

    assert len(simulator.executed) == 2


async def test_newer_question_replaces_the_older(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, conversation_id = await talk(hass, TO_MIA)
    await say(hass, "Message Mia on WhatsApp: Second", conversation_id)

    await say(hass, "yes, send it", conversation_id)

    assert [request.json["messageText"] for request in simulator.executed] == ["Second"]


async def test_newer_question_has_its_own_timeout(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    _, conversation_id = await talk(hass, TO_MIA)
    skip_time(40)
    await say(hass, TO_MIA, conversation_id)
    skip_time(30)
    await asyncio.sleep(0.05)

    assert await say(hass, "yes, send it", conversation_id) == SENT_TO_MIA


async def test_unloading_forgets_questions(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, conversation_id = await talk(hass, TO_MIA)

    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()

    assert await say(hass, "yes, send it", conversation_id) == NOT_UNDERSTOOD
    assert not simulator.executed


async def test_confirmation_can_be_disabled(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await set_options(hass, loaded, confirm="never")

    assert await say(hass, TO_MIA) == SENT_TO_MIA
    assert len(simulator.executed) == 1


async def test_confirmation_can_be_required(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await set_options(hass, loaded, confirm="always")

    question, conversation_id = await talk(hass, "Message family on WhatsApp: {hi}")

    assert question == "Should I send “{hi}” to Family 🏡 on WhatsApp?"
    assert not simulator.executed
    await say(hass, "yes, send it", conversation_id)
    assert last(simulator, FAMILY) == "{hi}"


# Several of a name


ALEXES = (
    "I found two: first, Alex Rivera on WhatsApp; second, Alex Rivera on Telegram."
    " Which one?"
)


@pytest.mark.parametrize(
    ("language", "choice", "answer"),
    [
        ("en", "The one on Telegram.", "Sent to Alex Rivera on Telegram."),
        ("en", "the first", "Sent to Alex Rivera on WhatsApp."),
        ("en", "the second one", "Sent to Alex Rivera on Telegram."),
        ("de", "Der auf Telegram.", "Gesendet an Alex Rivera auf Telegram."),
        ("de", "den zweiten", "Gesendet an Alex Rivera auf Telegram."),
    ],
)
async def test_choose_one_of_two(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    choice: str,
    answer: str,
) -> None:
    question, conversation_id = await talk(hass, "Message Alex Rivera on Beeper: Hello")
    assert question == ALEXES
    assert not simulator.executed

    assert await say(hass, choice, conversation_id, language=language) == answer

    assert len(simulator.executed) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Dr. Quill", "Dr. Quill"),
        ("Dr. Quill", "Dr Quill"),
        ("Dr Quill", "Dr. Quill"),
        ("O’Quill", "O'Quill"),
        ("O'Quill", "OQuill"),
        ("Anna-Lena", "Anna Lena"),
        ("Anna Lena", "Anna‑Lena"),
        ("J.R.", "JR"),
        ("JR", "J.R."),
        ("Quill & Sons, Ltd.", "Quill & Sons Ltd"),
        ("¿Quill?", "quill"),
        ("Flat 1/2", "Flat 1-2"),
        ("Quill, 3.", "Quill 3"),
    ],
)
async def test_punctuation_is_ignored(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    name: str,
    said: str,
) -> None:
    """A whole name all the same: the longer one is not meant."""
    _, quill = [
        chat(
            simulator,
            [Person(id=full_name, full_name=full_name)],
            account_id="telegram",
        )
        for full_name in (f"{name} Junior", name)
    ]

    answer = await say(hass, f"Message {said} on Telegram: Hello")

    assert answer == f"Sent to {name} on Telegram."
    assert last(simulator, quill.id) == "Hello"


@pytest.mark.parametrize("name", ["Flat 1/2", "Flat 1 (2)", "Flat 1.-2"])
async def test_digits_do_not_run_together(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, name: str
) -> None:
    """Text between digits separates numbers: "1 2" is not twelve."""
    chat(simulator, [Person(id="flat", full_name=name)], account_id="telegram")

    answer = await say(hass, "Message Flat 12 on Telegram: Hello")

    assert "Sent" not in answer
    assert not simulator.executed


async def test_names_differing_in_punctuation_are_confirmed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for number, name in enumerate(("Dr. Quill", "Dr Quill")):
        person = Person(id=f"quill{number}", full_name=name)
        chat(simulator, [person], account_id="telegram")

    question, conversation_id = await talk(hass, "Message Dr. Quill on Telegram: Hello")
    assert "Dr. Quill" in question
    assert "Dr Quill" in question
    assert not simulator.executed

    assert "Sent to Dr" in await say(hass, "the first", conversation_id)
    assert len(simulator.executed) == 1


@pytest.mark.parametrize("answer", ["yes, send it", "the one on Signal", "the fifth"])
async def test_unmatched_choice_is_asked_again(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, answer: str
) -> None:
    _, conversation_id = await talk(hass, "Message Alex Rivera on Beeper: Hello")

    assert await say(hass, answer, conversation_id) == ALEXES
    assert not simulator.executed
    await say(hass, "the one on Telegram", conversation_id)
    assert last(simulator, ALEX) == "Hello"


async def test_chosen_new_recipient_is_confirmed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contact(simulator, "@signal_9:beeper.com", "signal", full_name="Jordan Lee")
    contact(simulator, "@telegram_9:beeper.com", "telegram", full_name="Jordan Lee")

    question, conversation_id = await talk(hass, "Message Jordan Lee on Beeper: Hello")
    assert question.startswith("I found 3: first, Jordan Lee on Signal, number ending")
    question = await say(hass, "the one on Telegram", conversation_id)
    assert question.startswith("You have no chat with Jordan Lee on Telegram yet")
    assert not simulator.executed
    answer = await say(hass, "yes, send it", conversation_id)

    assert answer == "Sent to Jordan Lee on Telegram."
    assert simulator.executed[0].json["accountID"] == "telegram"


async def test_person_on_two_own_accounts(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    question, conversation_id = await talk(hass, "Tell Kim on WhatsApp that I'm in")

    assert question == (
        "I found two: first, Kim on your number ending in 0001; second, Kim on your"
        " number ending in 0009. Which one?"
    )
    await say(hass, "the first one", conversation_id)
    assert last(simulator, KIM) == "I'm in"


async def test_two_people_of_one_name_on_one_network(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for number in "7701", "7702":
        person = contact(
            simulator,
            f"@telegram_{number}:beeper.com",
            "telegram",
            full_name="Robin",
            phone_number=f"+1555010{number}",
        )
        chat(simulator, [person], account_id="telegram")

    question = await say(hass, "Message Robin on Telegram: Hello")

    assert "Robin on Telegram, number ending in 7701" in question
    assert "Robin on Telegram, number ending in 7702" in question


async def test_person_on_three_networks(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    person = contact(
        simulator, "@ig:beeper.com", "instagramgo", full_name="Alex Rivera"
    )
    chat(simulator, [person], account_id="instagramgo")

    question = await say(hass, "Message Alex Rivera on Beeper: Hello")

    assert question.startswith("I found 3: first, Alex Rivera on ")
    assert question.endswith("Which one?")


async def test_too_many_matches(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for number in range(6):
        contact(simulator, f"@w{number}:beeper.com", full_name="Robin")

    answer = await say(hass, "Message Robin on Beeper: Hello")

    assert answer == (
        "I found 6 matches for Robin, so nothing was sent. Say the full name, or the network."
    )


async def test_two_servers(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    async with Simulator("latest", "dev-token") as other:
        del other.world.accounts["whatsapp"].contacts[
            "@whatsapp_15550101004:beeper.com"
        ]
        contact(other, "@telegram_8:beeper.com", "telegram", full_name="Mia")
        second = add_entry(hass, other.url, confirm="never")
        assert await hass.config_entries.async_setup(second.entry_id)

        # The better fit counts, wherever it is, and so do the options there.
        assert (
            await say(hass, "Message Mia on Beeper: Hello")
            == "Sent to Mia on Telegram."
        )
        assert [request.json["messageText"] for request in other.executed] == ["Hello"]

        question, conversation_id = await talk(
            hass, "Message Lena Park on Beeper: Hello"
        )
        assert question.startswith("I found two: first, Lena Park on Instagram")
        await say(hass, "the second one", conversation_id)

        assert len(simulator.executed) + len(other.executed) == 2
        question, conversation_id = await talk(hass, "Message Mia 🌻 on Beeper: Hello")
        assert question.startswith("You have no chat with Mia 🌻 on WhatsApp yet")
        # It is about the other server, so this one may go.
        assert await hass.config_entries.async_unload(second.entry_id)
        assert await say(hass, "yes, send it", conversation_id) == SENT_TO_MIA


# Incomplete searches


async def test_match_with_incomplete_search_is_confirmed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Zoe is in the contacts, and it is for her."""
    await set_options(hass, loaded, confirm="never")
    contact(simulator, "@zoe:beeper.com", full_name="Zoe")
    friend = contact(simulator, "@friend:beeper.com", full_name="Ann")
    group = chat(simulator, [friend], title="Zoe's birthday")
    simulator.faults.add(
        "status_before", path="/v1/accounts/whatsapp/contacts*", times=None
    )

    question, conversation_id = await talk(hass, "Message Zoe on WhatsApp: Hello")
    assert question == "Should I send “Hello” to Zoe's birthday on WhatsApp?"
    assert not simulator.executed

    # An exact name needs no question, and neither does another network.
    answer = await say(hass, "Message Zoe's birthday on WhatsApp: Hello")
    assert answer == "Sent to Zoe's birthday on WhatsApp."
    answer = await say(hass, "Message Alex on Telegram: Hello")
    assert answer == "Sent to Alex Rivera on Telegram."
    simulator.faults.clear()
    assert await say(hass, "yes, send it", conversation_id) != ""
    assert [message.text for message in group.messages] == ["Hello", "Hello"]


async def test_match_with_offline_server_is_confirmed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await set_options(hass, loaded, confirm="never")
    add_entry(hass, "http://127.0.0.1:1")

    question = await say(hass, "Message Alex on Telegram: Hello")
    assert question == "Should I send “Hello” to Alex Rivera on Telegram?"
    assert not simulator.executed

    answer = await say(hass, "Message Alex Rivera on Telegram: Hello")
    assert answer == "Sent to Alex Rivera on Telegram."


@pytest.mark.parametrize("said", ["Message family on WhatsApp: Hello", TO_MIA])
async def test_server_unloaded_during_a_request(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, said: str
) -> None:
    # These logs are not shown to users.
    slow = simulator.faults.add(
        "delay", path="/v1/accounts/*/contacts*", seconds=0.5, times=None
    )
    talking = hass.async_create_task(say(hass, said))
    await until(lambda: slow.hits)

    assert await hass.config_entries.async_unload(loaded.entry_id)
    answer = await talking

    assert answer == "Beeper is not connected at the moment, so nothing was done."
    assert not simulator.executed


# Numbers and addresses


@pytest.mark.parametrize(
    ("said", "account_id", "user"),
    [
        (
            "Message +1 555 010 7777 on Beeper: Hello",
            "whatsapp",
            {"phoneNumber": "+15550107777"},
        ),
        (
            "Message +1 555 010 7777 on Signal: Hello",
            "signal",
            {"phoneNumber": "+15550107777"},
        ),
        (
            "Message new@work.example on Slack: Hello",
            "slackgo.TEAM-USER",
            {"email": "new@work.example"},
        ),
    ],
)
async def test_number_or_address_of_unknown_person(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    said: str,
    account_id: str,
    user: dict[str, str],
) -> None:
    question, conversation_id = await talk(hass, said)
    assert "You have no chat with" in question

    await say(hass, "yes, send it", conversation_id)

    starts = [
        request.json for request in simulator.requests if request.method == "POST"
    ]
    assert [request["accountID"] for request in starts] == [account_id]
    assert starts[0]["user"] == user


async def test_number_of_person_with_a_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    answer = await say(hass, "Message +1 555 010 1003 on Beeper: Hello")

    assert answer == "Sent to Alex Rivera on WhatsApp."


# Failures


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (
            "Message Nobody on Beeper: Hello",
            "I couldn't find Nobody, so nothing was sent.",
        ),
        (
            "Message 01002 on Beeper: Hello",
            "I couldn't find 01002, so nothing was sent.",
        ),
        (
            "Message Mia on Telegram: Hello",
            "I couldn't find Mia on Telegram, so nothing was sent.",
        ),
        (
            "Message 555 010 1002 on Beeper: Hello",
            (
                "That didn't work. recipient has no country code. Write it like"
                " +1 555 010 1002 or 0015550101002."
            ),
        ),
    ],
)
async def test_invalid_recipients(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    said: str,
    answer: str,
) -> None:
    assert await say(hass, said) == answer
    assert not simulator.executed


async def test_read_only_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await set_options(hass, loaded, read_only=True)

    answer = await say(hass, "Message family on WhatsApp: Hello")

    assert answer == "The options of Beeper allow reading only, so nothing was sent."
    assert not simulator.executed


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("language", "unknown", "again"),
    [
        (
            "en",
            ("I don't know whether it was sent. Check the chat before you try again."),
            (
                "I still don't know whether the first attempt was sent, so I didn't repeat it. Check the chat."
            ),
        ),
        (
            "de",
            (
                "Ich weiß nicht, ob es gesendet wurde. Sieh im Chat nach, bevor du es noch einmal versuchst."
            ),
            (
                "Ich weiß immer noch nicht, ob der erste Versuch gesendet wurde, deshalb habe ich ihn nicht wiederholt. Sieh im Chat nach."
            ),
        ),
    ],
)
async def test_unknown_outcome_is_spoken_and_not_repeated(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    unknown: str,
    again: str,
) -> None:
    simulator.faults.add("drop_before", method="POST", path="/v1/chats/*/messages")
    said = "Message family on WhatsApp: Hello"

    assert await say(hass, said, language=language) == unknown
    assert await say(hass, said, language=language) == again

    assert not simulator.executed


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("arrived", [True, False])
async def test_an_unknown_message_to_somebody_new_is_not_repeated(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, arrived: bool
) -> None:
    """A chat exists if the message arrived; a repeat is still the same message."""
    await set_options(hass, loaded, confirm="never")
    drop = simulator.faults.add(
        "drop_after" if arrived else "drop_before", method="POST", path="/v1/chats*"
    )
    talking = hass.async_create_task(say(hass, TO_MIA))
    await until(lambda: drop.hits)
    simulator.faults.add("status_before", method="GET", path="/v1/chats*", times=None)
    assert (await talking).startswith("I don't know whether it was sent.")
    simulator.faults.clear()

    again = await say(hass, TO_MIA)

    assert len(simulator.executed) == int(arrived)
    assert again == SENT_TO_MIA if arrived else again.startswith("I still don't know")


@pytest.mark.usefixtures("impatient")
async def test_lost_response_is_resolved(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST", path="/v1/chats/*/messages")

    answer = await say(hass, "Message family on WhatsApp: Hello")

    assert answer == "Sent to Family 🏡 on WhatsApp."
    assert len(simulator.executed) == 1


@pytest.mark.parametrize("failing", ["/v1/chats/search", "/v1/chats/*/messages"])
async def test_failure_reason_is_spoken(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, failing: str
) -> None:
    simulator.faults.add("status_before", path=failing, status=429, times=None)

    answer = await say(hass, "Message family on WhatsApp: Hello")

    assert answer == (
        "That didn't work. Nothing was done: Beeper reports too many"
        " requests. Wait a few minutes."
    )
    assert not simulator.executed


async def test_rejected_token_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.tokens.clear()

    answer = await say(hass, "Message family on WhatsApp: Hello")
    await hass.async_block_till_done()

    assert "no longer accepts the access token" in answer
    assert [*loaded.async_get_active_flows(hass, {"reauth"})]


async def test_offline_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await simulator.stop()

    for said in "Message family on WhatsApp: Hello", "Text Family I'm late":
        answer = await say(hass, said)
        assert answer == "Beeper could not be reached, so nothing was done."


async def test_a_limit_of_new_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await set_options(hass, loaded, confirm="never", chats_per_hour=1)
    assert await say(hass, TO_MIA) == SENT_TO_MIA

    answer = await say(hass, "Message +1 555 010 7777 on Beeper: Hello")

    assert answer == (
        "There were too many new chats within the last hour, so nothing was sent."
    )


async def test_concurrent_identical_requests_send_once(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "delay", method="POST", path="/v1/chats/*/messages", seconds=0.2
    )
    slots = {"recipient": {"value": "family"}, "message": {"value": "Hello"}}
    context = Context()

    answers = await asyncio.gather(
        *(
            intent.async_handle(
                hass, "test", "BeeperSendMessage", slots, context=context
            )
            for _ in range(2)
        )
    )

    assert sorted(answer.speech["plain"]["speech"] for answer in answers) == [
        "Sent to Family 🏡 on WhatsApp.",
        "This was already sent to Family 🏡 on WhatsApp a moment ago, so it was not sent again.",
    ]
    assert len(simulator.executed) == 1


# Chats


@pytest.mark.parametrize(
    ("language", "said", "ending", "yes", "answer"),
    [
        (
            "en",
            "Start a WhatsApp chat with Mia",
            "Should I start one?",
            "yes, start it",
            "The chat with Mia 🌻 on WhatsApp is open.",
        ),
        (
            "de",
            "Starte einen Chat mit Mia auf WhatsApp",
            "Soll ich einen starten?",
            "ja, starte ihn",
            "Der Chat mit Mia 🌻 auf WhatsApp ist geöffnet.",
        ),
    ],
)
async def test_a_new_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    language: str,
    said: str,
    ending: str,
    yes: str,
    answer: str,
) -> None:
    question, conversation_id = await talk(hass, said, language=language)
    assert question.endswith(ending)
    assert not simulator.executed

    assert await say(hass, yes, conversation_id, language=language) == answer

    [start] = simulator.executed
    assert "messageText" not in start.json


async def test_a_new_chat_with_a_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, conversation_id = await talk(
        hass, "Start a WhatsApp chat with Mia saying Hello!"
    )

    assert await say(hass, "yes, send it", conversation_id) == SENT_TO_MIA
    assert simulator.executed[0].json["messageText"] == "Hello!"


async def test_existing_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    answer = await say(hass, "Start a chat with Lena Park on Instagram")

    assert answer == "You already have a chat with Lena Park on Instagram."
    assert not simulator.executed


async def test_chat_known_only_to_the_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, conversation_id = await talk(hass, "Start a chat with Mia on WhatsApp")
    mia = simulator.world.accounts["whatsapp"].contacts[
        "@whatsapp_15550101004:beeper.com"
    ]
    chat(simulator, [mia])

    answer = await say(hass, "yes, start it", conversation_id)

    assert answer == "You already have a chat with Mia 🌻 on WhatsApp."


@pytest.mark.usefixtures("loaded")
async def test_nothing_personal_is_logged(
    hass: HomeAssistant, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    _, conversation_id = await talk(hass, TO_MIA)
    await say(hass, "yes, send it", conversation_id)
    await say(hass, "Message Alex Rivera on Beeper: Hello")
    await say(hass, "read my Beeper messages")

    ours = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(f"custom_components.{DOMAIN}")
    ]
    assert ours
    assert not [line for line in ours if "Mia" in line or "Alex" in line]


async def test_spoken_text_is_not_recorded(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Home Assistant's recorder keeps what actions are called with."""
    calls = async_capture_events(hass, EVENT_CALL_SERVICE)

    assert await say(hass, TO_MIA) != ""
    assert await say(hass, "yes, send it") != ""
    await say(hass, "Message Alex Rivera on Telegram saying hello")
    await say(hass, "Read my Beeper messages")

    assert len(simulator.executed) >= 1
    assert {call.data["domain"] for call in calls} == {"conversation"}


@pytest.mark.parametrize(
    ("name", "asked"), [("Alex", False), ("Alex Riv", True), ("ex Riv", True)]
)
async def test_partial_word_is_confirmed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    name: str,
    asked: bool,
) -> None:
    await set_options(hass, loaded, confirm="never")

    answer = await say(hass, f"Message {name} on Telegram saying hello")

    assert answer.startswith("Should I send" if asked else "Sent to Alex Rivera")
    assert len(simulator.executed) == (not asked)


@pytest.mark.parametrize(
    "said",
    [
        "Schick Alex Rivera auf Telegram eine Nachricht mit dem Text ich komme später",
        "Schick eine Nachricht auf Telegram an Alex Rivera mit dem Text ich komme später",
        "Schick eine Telegram-Nachricht an Alex Rivera mit dem Text ich komme später",
        "Schick an Alex Rivera auf Telegram ich komme später",
        "Schick Alex Rivera eine Telegram-Nachricht ich komme später",
        "Sag Alex Rivera auf Telegram ich komme später",
    ],
)
async def test_in_german_there_are_many_ways_to_send_the_same(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, said: str
) -> None:
    answer = await say(hass, said, language="de")

    assert answer == "Gesendet an Alex Rivera auf Telegram."
    assert last(simulator, ALEX) == "ich komme später"

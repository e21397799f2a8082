"""Phone numbers as people write them, wherever a person can be named."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.trigger import async_validate_trigger_config
from simulator import Simulator
from tests.helpers.actions import call_action, create_chat, find
from tests.helpers.cells import cells
from tests.helpers.talking import say
from tests.helpers.world import KIM, chat, contact, last

KIMS_NUMBER = [
    "+1 555 010 1002",
    "+1‑555–010—1002",
    "+1 555⁃010−1002",
    "+1·555·010·1002",
    "+1\u00a0555\u202f010\u30001002",
    "\u202a+1 555\u200b010\u20601002\u202c",
    "+1\u00ad555\u00ad010\u00ad1002\ufeff",
    "＋１（５５５）０１０－１００２",
    "+١ ٥٥٥ ٠١٠ ١٠٠٢",
    "+1 [555] 010 {1002}",
    "(+1) 555 010 1002",
    "+1 (555) (010) 1002",
    "+1 555/0101002",
    "TEL:+1-555-010-1002",
    "Tel: +1 555 010 1002",
    "whatsapp:+15550101002",
    "WhatsApp: +1 555 010 1002",
    "sms:+15550101002",
    "https://wa.me/15550101002",
    "wa.me/15550101002?text=Hello",
    "https://api.whatsapp.com/send?phone=15550101002&text=Hello",
    "whatsapp://send?phone=+15550101002",
    "+1 555 010 1002 (mobile)",
    "+1 555 010 1002 [Handy, privat]",
    "+1 555 010 1002 (Mia's) (work)",
    "+1 555 010 1002, mobile",
    "+1 555 010 1002 📱",
    "☎ +1 555 010 1002",
    "00 1 555 010 1002",
]
REFUSED = [
    ("+49 0151 1234567", "zero after the country code +49"),
    ("+49 (0)151 1234567", "zero after the country code +49"),
    ("0049 0151 1234567", "zero after the country code +49"),
    ("+44 (020) 7946 0000", "zero after the country code +44"),
    ("+33 (0)6 12 34 56 78", "zero after the country code +33"),
    ("tel:+81-090-1234-5678", "zero after the country code +81"),
    ("https://wa.me/4901511234567", "zero after the country code +49"),
    ("+353 086 1234567", "zero after the country code +353"),
    ("+39 (0)6 6982 1234", "is not an international"),
    ("+39 0339 123 4567", "zero after the country code +39"),
    ("+39 (0)339 123 4567", "zero after the country code +39"),
    ("0039 0347 1234567", "zero after the country code +39"),
    ("https://wa.me/3903201234567", "zero after the country code +39"),
    ("+39 0366 123456", "zero after the country code +39"),
    ("+225 0 07 07 12 34 56", "zero after the country code +225"),
    ("+1 555 010 1002 x3", "is not an international"),
    ("+1 555 010 1002 ext. 3", "is not an international"),
    ("+1 555 010 1002¹", "is not an international"),
    ("+1 800 555 CALL", "is not an international"),
    ("+1 555 010 1002/1003", "is not an international"),
    ("+1 555 010 1002, +1 555 010 1003", "is not an international"),
    ("+1 555 010 1002;ext=3", "is not an international"),
    ("whatsapp:15550101002", "has no country code"),
    ("+1 1 555 010 1002", "is not an international"),
    ("+1 555 010 1002-0", "is not an international"),
    ("001 555 010 100", "is not an international"),
    ("0011 61 412 345 678", "is not an international"),
    ("+7 8 (912) 345-67-89", "is not an international"),
    ("+370 8 612 34567", "is not an international"),
    ("+375 80 29 123 45 67", "is not an international"),
    ("+٧ ٨ ٩١٢ ٣٤٥ ٦٧ ٨٩", "is not an international"),
    ("+００ ４９ １５１ ２３４５６７８", "is not an international"),
]
KEPT = [
    ("+39 06 6982 1234", "+390669821234"),
    ("+39 (02) 1234567", "+39021234567"),
    ("+39 0331 123456", "+390331123456"),
    ("+39 030 1234567", "+390301234567"),
    ("+39 0376 123456", "+390376123456"),
    ("+39 339 123 4567", "+393391234567"),
    ("+378 0549 882345", "+3780549882345"),
    ("+225 07 07 12 34 56", "+2250707123456"),
    ("+242 06 123 4567", "+242061234567"),
    ("+229 01 97 12 34 56", "+2290197123456"),
    ("+7 (912) 345-67-89 (мобильный)", "+79123456789"),
    ("+375 29 123-45-67", "+375291234567"),
    ("\u200f+٩٧١ ٥٠ ١٢٣ ٤٥٦٧", "+971501234567"),
    ("+４９－１５１－２３４５６７８（携帯）", "+491512345678"),
]
FORMS = [
    ("+54 9 11 2345 6789", "+54 11 2345 6789"),
    ("+52 1 55 1234 5678", "+52 55 1234 5678"),
    ("+55 31 98765 4321", "+55 31 8765 4321"),
]


@pytest.mark.parametrize("written", KIMS_NUMBER)
async def test_each_form_reaches_the_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, written: str
) -> None:
    await create_chat(hass, recipient=written)
    assert simulator.executed[0].json["user"] == {"phoneNumber": "+15550101002"}
    await create_chat(hass, user={"phone_number": written})
    response = await send(hass, written, account_id="whatsapp")
    assert response["chat_id"] == KIM
    found = await find(hass, query=written, account_id="whatsapp")
    assert [match["match"] for match in found["matches"]] == ["identity"]
    assert await allowed(hass, loaded, written) == ["+15550101002"]
    assert await sender(hass, written) == ["+15550101002"]


async def send(hass: HomeAssistant, recipient: str, **data: Any) -> dict[str, Any]:
    return await call_action(
        hass, "send_message", recipient=recipient, message="hi", **data
    )


async def allowed(
    hass: HomeAssistant, entry: MockConfigEntry, text: str
) -> list[str] | None:
    """Return the allowed senders that the options store, None if they are refused."""
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    flow = await hass.config_entries.options.async_configure(
        flow["flow_id"], {"incoming": {"allowed_senders": [text]}}
    )
    if flow["type"] is not FlowResultType.CREATE_ENTRY:
        hass.config_entries.options.async_abort(flow["flow_id"])
        return None
    await hass.async_block_till_done()
    stored: list[str] = entry.options["allowed_senders"]
    return stored


async def sender(hass: HomeAssistant, text: str) -> list[str]:
    """Return the senders of a trigger; raises vol.Invalid."""
    [trigger] = await async_validate_trigger_config(
        hass,
        [
            {
                "platform": "beeper.message_received",
                "options": {"sender": [text]},
            }
        ],
    )
    senders: list[str] = trigger["options"]["sender"]
    return senders


@cells
@pytest.mark.parametrize(("written", "reason"), REFUSED)
async def test_ambiguous_numbers_are_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    written: str,
    reason: str,
) -> None:
    calls: list[dict[str, Any]] = [
        {"recipient": written},
        {"user": {"phone_number": written}},
        {"participants": ["Kim", written], "type": "group"},
    ]
    for data in calls:
        with pytest.raises(ServiceValidationError) as error:
            await create_chat(hass, **data)
        assert reason in str(error.value)
    with pytest.raises(ServiceValidationError) as error:
        await send(hass, written)
    assert reason in str(error.value)
    with pytest.raises(vol.Invalid) as invalid:
        await sender(hass, written)
    assert reason in str(invalid.value)
    assert await allowed(hass, loaded, written) is None
    assert not simulator.executed


@cells
@pytest.mark.parametrize(("written", "sent"), KEPT)
async def test_all_digits_of_the_number_are_kept(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    written: str,
    sent: str,
) -> None:
    await create_chat(hass, recipient=written)

    assert simulator.executed[0].json["user"] == {"phoneNumber": sent}


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("known", [0, 1])
async def test_two_forms_of_one_number_are_one_person(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    forms: tuple[str, str],
    known: int,
) -> None:
    number, written = forms[known], forms[1 - known]
    zoe = contact(
        simulator,
        "@whatsapp_lid-9:beeper.com",
        full_name="Zoe",
        phone_number=number.replace(" ", ""),
    )
    with_zoe = chat(simulator, [zoe])

    response = await send(hass, written)

    assert response["chat_id"] == with_zoe.id
    assert (await find(hass, query=written))["count"] == 1
    await create_chat(hass, recipient=written)
    assert simulator.executed[-1].json["user"] == {
        "phoneNumber": written.replace(" ", "")
    }


@cells
@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+541123456789", "+54 9 11 2345 6780"),
        ("+551123456789", "+55 11 92345 6789"),  # a fixed line has no ninth digit
        ("+15550101002", "+52 1 555 010 1002"),
        ("+390612345678", "+39 612345678"),
    ],
)
async def test_similar_numbers_are_two_people(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    number: str,
    written: str,
) -> None:
    zoe = contact(
        simulator, "@whatsapp_lid-9:beeper.com", full_name="Zoe", phone_number=number
    )
    chat(simulator, [zoe])

    with pytest.raises(ServiceValidationError, match="matches no person"):
        await send(hass, written)


@cells
@pytest.mark.usefixtures("assist")
@pytest.mark.parametrize(
    "written", ["+1 555 010 1003", "+1‑555‑010‑1003", "0015550101003"]
)
async def test_a_number_in_a_sentence(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, written: str
) -> None:
    answer = await say(hass, f"Message {written} on WhatsApp: hello")

    assert answer == "Sent to Alex Rivera on WhatsApp."
    assert last(simulator, "!aLexWhAtsApp:beeper.com") == "hello"

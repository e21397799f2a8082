"""A dashboard with buttons that write to simulated contacts, and the added chat."""

from typing import Any

KIM_PHONE = "+1 555 010 1002"
MIA = "@whatsapp_15550101004:beeper.com"
CAMERA = "camera.door"
GRANDPA = "@whatsapp_15550101005:beeper.com"


def _button(name: str, icon: str, action: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "button",
        "name": name,
        "icon": icon,
        "tap_action": {
            "action": "perform-action",
            "perform_action": action,
            "data": data,
        },
    }


def _card(kind: str, **options: Any) -> dict[str, Any]:
    return {"type": kind, **options}


_CHATS = [
    _card(
        "markdown",
        content="Each button calls `beeper.create_chat`. The terminal shows what "
        "reaches the simulated Beeper. Press one twice within 30 seconds: the second "
        "press sends nothing.",
    ),
    _button(
        "Chat with Kim",
        "mdi:message-plus",
        "beeper.create_chat",
        {"user": {"phone_number": KIM_PHONE}},
    ),
    _button(
        "New group",
        "mdi:account-multiple-plus",
        "beeper.create_chat",
        {"participant_ids": [MIA, GRANDPA], "type": "group", "title": "Birthday"},
    ),
    _button(
        "A number without country code",
        "mdi:phone-alert",
        "beeper.create_chat",
        {"user": {"phone_number": "555 010 1002"}},
    ),
]
_KIM = [
    _card(
        "markdown",
        title="Kim",
        content="{{ 'You' if state_attr('sensor.kim_last_message', 'is_self') else "
        "state_attr('sensor.kim_last_message', 'sender') }}: "
        "{{ state_attr('sensor.kim_last_message', 'text') or '📷' }}",
    ),
    _card("tile", entity="sensor.kim_last_message", name="Last message"),
    _card("tile", entity="sensor.kim_unread_messages", name="Unread"),
    _card("picture-entity", entity=CAMERA, show_state=False),
    _button(
        "Send the picture to Kim",
        "mdi:camera",
        "beeper.send_message",
        {
            "entity_id": "notify.kim",
            "message": "Somebody is at the door.",
            "attachment": CAMERA,
        },
    ),
]
DASHBOARD = {
    "views": [
        {
            "title": "Beeper",
            "path": "chats",
            "type": "sections",
            "max_columns": 2,
            "sections": [{"type": "grid", "cards": cards} for cards in (_CHATS, _KIM)],
        }
    ]
}

"""A dashboard with buttons that create chats with simulated contacts."""

from typing import Any

KIM_PHONE = "+1 555 010 1002"
MIA = "@whatsapp_15550101004:beeper.com"
GRANDPA = "@whatsapp_15550101005:beeper.com"


def _button(name: str, icon: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "button",
        "name": name,
        "icon": icon,
        "tap_action": {
            "action": "perform-action",
            "perform_action": "beeper.create_chat",
            "data": data,
        },
    }


DASHBOARD = {
    "views": [
        {
            "title": "Beeper",
            "path": "chats",
            "cards": [
                {
                    "type": "markdown",
                    "content": "Each button calls `beeper.create_chat`. The terminal "
                    "shows what reaches the simulated Beeper. Press one twice within "
                    "30 seconds: the second press sends nothing.",
                },
                _button(
                    "Chat with Kim",
                    "mdi:message-plus",
                    {"user": {"phone_number": KIM_PHONE}},
                ),
                _button(
                    "New group",
                    "mdi:account-multiple-plus",
                    {
                        "participant_ids": [MIA, GRANDPA],
                        "type": "group",
                        "title": "Birthday",
                    },
                ),
                _button(
                    "A number without country code",
                    "mdi:phone-alert",
                    {"user": {"phone_number": "555 010 1002"}},
                ),
            ],
        }
    ]
}

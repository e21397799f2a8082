"""An automation that answers messages, and the chat it is shown with."""

from typing import Any

KIM_CHAT = "!NCdzlIaMjZUmvmvyHU:beeper.com"
QUESTION = "Is anybody home?"
ANSWER = "Nobody, but the door is locked."

AUTOMATION_ID = "anybody_home"
AUTOMATION: dict[str, Any] = {
    "alias": "Anybody home",
    "triggers": [
        {
            "trigger": "beeper.message_received",
            "options": {"chat_type": "single", "phrase": "anybody home"},
        }
    ],
    "actions": [
        {
            "action": "beeper.send_message",
            "data": {"chat_id": "{{ trigger.chat_id }}", "message": ANSWER},
        }
    ],
}

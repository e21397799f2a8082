"""Responses to users and language models, in the requester's language."""

from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN
from .questions import PendingRequest, Requester
from .sentences import Language, async_get_languages, choose_language
from .spoken_recipients import Recipient, labels

MAX_QUOTED_TEXT: Final = 1000
"""Characters of a message in a question, or of an error."""

DONE: Final = frozenset(
    ("already_sent", "chat_exists", "chat_open", "marked_read", "read", "sent")
)
"""Statuses of a request that succeeded."""

ASKED: Final = frozenset(("confirm", "text", "which"))
"""Statuses of a request that waits for an answer."""

# Errors with a spoken text, by translation key.
_SPOKEN_ERRORS: Final = {
    "unloaded": "no_server",
    "budget_empty": "budget_empty",
    "cannot_connect": "not_reached",
    "earlier_unknown": "still_unknown",
    "message_still_unknown": "still_unknown",
    "message_unconfirmed": "unknown",
    "message_unknown": "unknown",
    "outcome_unknown": "unknown",
    "read_cannot_connect": "not_reached",
    "read_only": "read_only",
}


@dataclass(kw_only=True, repr=False, eq=False)
class VoiceResponse:
    """The result of a request: a status for programs, and a text for users.

    `status` is in DONE, in ASKED, or the reason why nothing was done or the outcome is
    unknown. `speech` is empty if a satellite speaks it.
    """

    status: str
    speech: str
    recipients: tuple[Recipient, ...] = ()


class Responder:
    """Writes the responses."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Load nothing yet."""
        self._hass = hass

    async def language(self, requester: Requester) -> Language:
        """Return the requester's language, else Home Assistant's, else English."""
        return choose_language(
            await async_get_languages(self._hass),
            requester.language,
            self._hass.config.language,
        )

    async def text(
        self, requester: Requester, key: str, *, limit: int = 60, **values: str
    ) -> VoiceResponse:
        """Return the text of a key, with shortened values; the key is the status."""
        language = await self.language(requester)
        short = {name: language.shorten(value, limit) for name, value in values.items()}
        return VoiceResponse(status=key, speech=language.render(key, **short))

    async def about(
        self, requester: Requester, key: str, recipient: Recipient
    ) -> VoiceResponse:
        """Return the text of a key about a recipient."""
        language = await self.language(requester)
        [person] = labels(language, [recipient])
        return VoiceResponse(
            status=key,
            speech=language.render(key, person=person),
            recipients=(recipient,),
        )

    async def error(
        self, requester: Requester, err: HomeAssistantError
    ) -> VoiceResponse:
        """Return an error's text in the requester's language."""
        if key := _SPOKEN_ERRORS.get(err.translation_key or ""):
            return await self.text(requester, key)
        language = await self.language(requester)
        domain = err.translation_domain or DOMAIN
        texts = await async_get_translations(
            self._hass, language.code, "exceptions", {domain}
        )
        text = texts.get(f"component.{domain}.exceptions.{err.translation_key}.message")
        reason = (
            text.format(**(err.translation_placeholders or {})) if text else str(err)
        )
        return await self.text(
            requester, "failed", reason=reason, limit=MAX_QUOTED_TEXT
        )

    async def question(
        self, requester: Requester, request: PendingRequest
    ) -> VoiceResponse:
        """Return the question to ask before a request is carried out."""
        language = await self.language(requester)
        people = labels(language, request.recipients)
        if len(people) > 1:
            status = "which"
            speech = language.render(
                "which_2" if len(people) == 2 else "which_more",
                count=str(len(people)),
                people="; ".join(
                    language.render(f"choice_{number}", person=person)
                    for number, person in enumerate(people, 1)
                ),
            )
        elif request.wants_text:
            status = "text"
            speech = language.render("text", person=people[0])
        else:
            status = "confirm"
            if request.purpose == "mark_read":
                key = "confirm_read"
            elif request.message is None:
                key = "confirm_chat"
            else:
                key = "confirm" if request.recipients[0].chat_id else "confirm_new"
            speech = language.render(
                f"{key}_llm" if request.from_llm else key,
                person=people[0],
                name=language.shorten(request.recipients[0].name),
                message=language.shorten(request.message or "", MAX_QUOTED_TEXT),
            )
        return VoiceResponse(
            status=status, speech=speech, recipients=request.recipients
        )

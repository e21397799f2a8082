"""The only map from what goes wrong with the API to errors Home Assistant shows.

No text names a person, a number or a message: Home Assistant logs these texts when an
automation fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    HomeAssistantError,
    ServiceValidationError,
)
from homeassistant.helpers.update_coordinator import UpdateFailed

from .api.exceptions import (
    AnswerError,
    AuthenticationError,
    BeeperError,
    CannotConnectError,
    ConnectionLostError,
    ForbiddenError,
    PersonNotResolvedError,
    RequestTimeoutError,
    RouteAbsentError,
    TLSError,
    UploadError,
)
from .api.generations import UPLOAD_SINCE
from .const import DOMAIN

_BY_KIND = (
    (TLSError, "tls_failed"),
    (CannotConnectError, "cannot_connect"),
    (RequestTimeoutError, "timeout"),
    (ConnectionLostError, "connection_lost"),
    (AuthenticationError, "token_refused"),
    (RouteAbsentError, "route_absent"),
    (UploadError, "upload_refused"),
)
_BY_STATUS = {404: "not_found", 409: "conflict", 429: "rate_limited"}
# What the caller can put right by calling differently.
_INVALID = {
    "chat_not_found",
    "person_ambiguous",
    "person_not_found",
    "rejected",
    "rejected_fields",
}
# Of what was attempted, whether it happened is unknown; all else is not done.
_UNKNOWN = {
    "change_still_unknown",
    "change_unknown",
    "earlier_unknown",
    "message_still_unknown",
    "message_unconfirmed",
    "message_unknown",
    "outcome_unknown",
}
# What has a text of its own where a message is sent, and the names of its fields there.
_SENDING = {"forbidden": "chat_forbidden", "not_found": "chat_not_found"}
_SENDING_FIELDS = {"text": "message", "reply_to_message_id": "reply_to"}
_CHANGING_FIELDS = {
    "reaction_key": "reaction",
    "reminder": "remind_at",
    "text": "message",
}
# What is said of ids, which nobody has given a shortcut.
_GONE = {"chat_not_found", "not_found"}
# What has a text of its own while the integration is set up.
_SETUP = {
    "cannot_connect",
    "connection_lost",
    "forbidden",
    "scope_missing",
    "server_error",
    "timeout",
    "tls_failed",
    "token_refused",
}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why something was not done, or is not known to be done, as data.

    Several callers may wait for one outcome: `error` makes an exception for each.
    """

    key: str
    placeholders: Mapping[str, str] = field(default_factory=dict)
    kind: type[HomeAssistantError] = ServiceValidationError

    def error(self) -> HomeAssistantError:
        """Return a new translated error."""
        return self.kind(
            translation_domain=DOMAIN,
            translation_key=self.key,
            translation_placeholders=dict(self.placeholders),
        )


class NotDoneError(Exception):
    """A request was refused before it ran."""

    def __init__(self, refusal: Refusal) -> None:
        """Keep the reason."""
        super().__init__(refusal.key)
        self.refusal = refusal


def refuse(
    key: str,
    *,
    kind: type[HomeAssistantError] = ServiceValidationError,
    **placeholders: str,
) -> NoReturn:
    """Refuse a request before it runs; raises NotDoneError."""
    raise NotDoneError(Refusal(key=key, placeholders=placeholders, kind=kind))


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error of a call that is wrong in itself or not allowed."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )


def failed(key: str, **placeholders: str) -> HomeAssistantError:
    """Return the error of a valid call that did not succeed."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )


def is_unknown(err: HomeAssistantError) -> bool:
    """Tell whether what ended with this error may have happened."""
    return err.translation_key in _UNKNOWN


def reason(err: BeeperError) -> tuple[str, dict[str, str]]:
    """Return the translation key and the placeholders for what went wrong."""
    for kind, key in _BY_KIND:
        if isinstance(err, kind):
            return key, {}
    match err:
        case ForbiddenError(missing_scope=str(scope)):
            return "scope_missing", {"scope": scope}
        case ForbiddenError():
            return "forbidden", {}
        case PersonNotResolvedError(matches=0):
            return "person_not_found", {}
        case PersonNotResolvedError(matches=count):
            return "person_ambiguous", {"count": str(count)}
        case AnswerError(status=status) if status in _BY_STATUS:
            return _BY_STATUS[status], {}
        case AnswerError(status=400 | 422, fields=(_, *_) as fields):
            return "rejected_fields", {"fields": ", ".join(fields)}
        case AnswerError(status=status) if status < 400:
            return "redirected", {}
        case AnswerError(status=400 | 422):
            return "rejected", {}
        case AnswerError(status=status):
            return "server_error", {"status": str(status)}
        case _:
            return "unreadable", {}


def _refusal(key: str, placeholders: Mapping[str, str], prefix: str = "") -> Refusal:
    is_invalid = key in _INVALID or (prefix == "change_" and key == "not_found")
    return Refusal(
        key=f"{prefix}{key}",
        placeholders=placeholders,
        kind=ServiceValidationError if is_invalid else HomeAssistantError,
    )


def not_done(err: BeeperError, *, network: str) -> Refusal:
    """Return why a chat was certainly not created or started."""
    key, placeholders = reason(err)
    if isinstance(err, PersonNotResolvedError):
        placeholders["network"] = network
    return _refusal(key, placeholders)


def not_sent(err: BeeperError) -> Refusal:
    """Return why a message was certainly not sent."""
    key, placeholders = reason(err)
    key = _SENDING.get(key, key)
    if isinstance(err, AnswerError) and "fields" in placeholders:
        placeholders["fields"] = _renamed(err, _SENDING_FIELDS)
    return _refusal(key, placeholders)


def _renamed(err: AnswerError, names: Mapping[str, str]) -> str:
    """Return the fields an error names, by the names they have in the action."""
    return ", ".join(names.get(field, field) for field in err.fields)


def of_shortcut(err: HomeAssistantError) -> HomeAssistantError:
    """Return the error as whoever presses a shortcut understands it."""
    return failed("shortcut_gone") if err.translation_key in _GONE else err


def not_uploaded(err: BeeperError) -> Refusal:
    """Return why an attachment did not reach Beeper, and its message was not sent."""
    if isinstance(err, RouteAbsentError):
        return Refusal(
            key="upload_absent",
            placeholders={"version": UPLOAD_SINCE},
            kind=HomeAssistantError,
        )
    # Nobody has seen a file that may have been uploaded: it can be sent again.
    if err.may_have_run:
        return Refusal(key="upload_failed", kind=HomeAssistantError)
    return not_sent(err)


def not_changed(err: BeeperError, *, since: str) -> Refusal:
    """Return why a change was certainly not made; `since` is the version that brought it."""
    key, placeholders = reason(err)
    if isinstance(err, RouteAbsentError):
        placeholders["version"] = since
    if isinstance(err, AnswerError) and "fields" in placeholders:
        placeholders["fields"] = _renamed(err, _CHANGING_FIELDS)
    return _refusal(key, placeholders, prefix="change_")


def not_read(err: BeeperError, *, since: str) -> Refusal:
    """Return why a read failed; `since` is the version that brought the route."""
    key, placeholders = reason(err)
    if isinstance(err, RouteAbsentError):
        placeholders["version"] = since
    if key == "not_found":
        key = "chat_not_found"
    return _refusal(key, placeholders, prefix="read_")


def not_set_up(err: BeeperError) -> HomeAssistantError:
    """Return the error that makes Home Assistant try again or ask for a token."""
    key, placeholders = reason(err)
    match err:
        case AuthenticationError() | ForbiddenError(missing_scope=str()):
            error: type[HomeAssistantError] = ConfigEntryAuthFailed
        case _:
            error = UpdateFailed
    return error(
        translation_domain=DOMAIN,
        translation_key=f"setup_{key}" if key in _SETUP else "setup_failed",
        translation_placeholders=placeholders,
    )

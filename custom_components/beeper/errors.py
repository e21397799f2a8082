"""Translated errors, including the only mapping from API errors to them.

Error texts contain no names, numbers or message texts: Home Assistant logs them when an
automation fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re
from typing import NoReturn

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .api.exceptions import (
    AnswerError,
    AuthenticationError,
    BeeperError,
    CannotConnectError,
    ConnectionLostError,
    ForbiddenError,
    NoChatsError,
    NotLoadedError,
    PersonNotResolvedError,
    ProxyLoginError,
    RequestTimeoutError,
    RouteAbsentError,
    TLSError,
    UploadError,
)
from .api.server_generations import UPLOAD_SINCE
from .const import DOMAIN

_KEY_BY_CLASS = (
    (TLSError, "tls_failed"),
    (CannotConnectError, "cannot_connect"),
    (RequestTimeoutError, "timeout"),
    (ConnectionLostError, "connection_lost"),
    (AuthenticationError, "token_refused"),
    (ProxyLoginError, "proxy_login"),
    (RouteAbsentError, "route_absent"),
    (NoChatsError, "no_chats"),
    (NotLoadedError, "not_loaded"),
    (UploadError, "upload_refused"),
)
_KEY_BY_STATUS = {
    404: "not_found",
    409: "conflict",
    413: "too_large",
    429: "rate_limited",
}
# Errors that the caller can avoid by changing the call.
_INVALID_KEYS = {
    "chat_not_found",
    "person_ambiguous",
    "person_not_found",
    "rejected",
    "rejected_fields",
}
# Errors after which the request may have been performed; after all others, it was not.
_UNKNOWN_OUTCOME_KEYS = {
    "change_not_shown",
    "change_still_unknown",
    "change_unknown",
    "earlier_unknown",
    "message_still_unknown",
    "message_unconfirmed",
    "message_unknown",
    "outcome_unknown",
    "several_unknown",
}
# More specific error texts for sending a message.
_SENDING_KEYS = {"forbidden": "chat_forbidden", "not_found": "chat_not_found"}
# The actions' names of the API's fields.
_SENDING_FIELDS = {"text": "message", "reply_to_message_id": "reply_to"}
_CHANGING_FIELDS = {
    "reaction_key": "reaction",
    "reminder": "remind_at",
    "text": "message",
}
# Errors about IDs in a call; a shortcut's user did not enter any.
_GONE_KEYS = {"chat_not_found", "not_found"}
# Errors with a separate text for setup.
_SETUP_KEYS = {
    "cannot_connect",
    "connection_lost",
    "forbidden",
    "gateway",
    "proxy_login",
    "redirected",
    "scope_missing",
    "server_error",
    "timeout",
    "tls_failed",
    "token_refused",
}


_ROW = re.compile(r"\.(\d+)")


def with_rows(field: str) -> str:
    """Return the path to a field with rows of lists counted from one: `answers #1`."""
    return _ROW.sub(lambda match: f" #{int(match[1]) + 1}", field)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a request was not performed, or its outcome is unknown.

    Several callers can wait for one outcome: each gets an exception from `error`.
    """

    key: str
    placeholders: Mapping[str, str] = field(default_factory=dict)
    kind: type[HomeAssistantError] = ServiceValidationError

    def error(self) -> HomeAssistantError:
        """Return a new translated exception."""
        return self.kind(
            translation_domain=DOMAIN,
            translation_key=self.key,
            translation_placeholders=dict(self.placeholders),
        )


class NotDoneError(Exception):
    """A request was refused before it was sent."""

    def __init__(self, refusal: Refusal) -> None:
        """Store the reason."""
        super().__init__(refusal.key)
        self.refusal = refusal


def refuse(
    key: str,
    *,
    kind: type[HomeAssistantError] = ServiceValidationError,
    **placeholders: str,
) -> NoReturn:
    """Refuse a request before it is sent; raises NotDoneError."""
    raise NotDoneError(Refusal(key=key, placeholders=placeholders, kind=kind))


def invalid(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error for a call that is invalid or not allowed."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )


def failed(key: str, **placeholders: str) -> HomeAssistantError:
    """Return the error for a valid call that failed."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )


def is_unknown(err: HomeAssistantError) -> bool:
    """Return whether a request that raised this error may have been performed."""
    return err.translation_key in _UNKNOWN_OUTCOME_KEYS


def translation(err: BeeperError) -> tuple[str, dict[str, str]]:
    """Return the translation key and placeholders for an API error."""
    if isinstance(err, RouteAbsentError) and not err.is_beeper:
        return "route_absent_other", {}
    for error_class, key in _KEY_BY_CLASS:
        if isinstance(err, error_class):
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
        case AnswerError(status=status) if status in _KEY_BY_STATUS:
            return _KEY_BY_STATUS[status], {}
        case AnswerError(status=400 | 422, fields=(_, *_) as fields):
            return "rejected_fields", {"fields": ", ".join(fields)}
        case AnswerError(status=status) if status < 400:
            return "redirected", {}
        case AnswerError(status=400 | 422):
            return "rejected", {}
        case AnswerError(by_proxy=True):
            return "gateway", {}
        case AnswerError(status=status):
            return "server_error", {"status": str(status)}
        case _:
            return "unreadable", {}


def _refusal(key: str, placeholders: Mapping[str, str], prefix: str = "") -> Refusal:
    is_invalid = key in _INVALID_KEYS or (prefix == "change_" and key == "not_found")
    return Refusal(
        key=f"{prefix}{key}",
        placeholders=placeholders,
        kind=ServiceValidationError if is_invalid else HomeAssistantError,
    )


def not_done(err: BeeperError, *, network: str = "", accounts: str = "") -> Refusal:
    """Return the refusal of a chat that was not created or started.

    `accounts` are the names of all accounts, for a call that names another one.
    """
    key, placeholders = translation(err)
    if isinstance(err, PersonNotResolvedError):
        placeholders["network"] = network
    if key == "not_found":
        placeholders["accounts"] = accounts
    return _refusal(key, placeholders)


def not_sent(err: BeeperError) -> Refusal:
    """Return the refusal of a message that was not sent."""
    key, placeholders = translation(err)
    key = _SENDING_KEYS.get(key, key)
    if isinstance(err, AnswerError) and "fields" in placeholders:
        placeholders["fields"] = _renamed(err, _SENDING_FIELDS)
    return _refusal(key, placeholders)


def _renamed(err: AnswerError, names: Mapping[str, str]) -> str:
    """Return the fields in an error with their names in the action."""
    return ", ".join(names.get(field, field) for field in err.fields)


def shortcut_error(err: HomeAssistantError) -> HomeAssistantError:
    """Return the error to show for a shortcut, without mentioning IDs."""
    return failed("shortcut_gone") if err.translation_key in _GONE_KEYS else err


def not_uploaded(err: BeeperError, *, size: int = 0) -> Refusal:
    """Return the refusal of a message whose attachment of `size` bytes was not uploaded."""
    if isinstance(err, AnswerError) and err.status == 413:
        return Refusal(
            key="upload_too_large",
            placeholders={"size": f"{max(size / 1_000_000, 0.1):.1f}"},
            kind=HomeAssistantError,
        )
    if isinstance(err, RouteAbsentError) and not err.is_beeper:
        return Refusal(key="upload_absent_other", kind=HomeAssistantError)
    if isinstance(err, RouteAbsentError):
        return Refusal(
            key="upload_absent",
            placeholders={"version": UPLOAD_SINCE},
            kind=HomeAssistantError,
        )
    # An uploaded file is not visible to anybody, so it is safe to upload it again.
    if err.may_have_run:
        return Refusal(key="upload_failed", kind=HomeAssistantError)
    return not_sent(err)


def not_changed(err: BeeperError, *, since: str) -> Refusal:
    """Return the refusal of a change; `since` is the first version with its route."""
    key, placeholders = translation(err)
    if isinstance(err, RouteAbsentError):
        placeholders["version"] = since
    if isinstance(err, AnswerError) and "fields" in placeholders:
        placeholders["fields"] = _renamed(err, _CHANGING_FIELDS)
    return _refusal(key, placeholders, prefix="change_")


def not_read(err: BeeperError, *, since: str) -> Refusal:
    """Return the refusal of a read; `since` is the first version with its route."""
    key, placeholders = translation(err)
    if isinstance(err, RouteAbsentError):
        placeholders["version"] = since
    if key == "not_found":
        key = "chat_not_found"
    return _refusal(key, placeholders, prefix="read_")


def needs_new_token(err: BeeperError) -> bool:
    """Return whether the user must enter another token."""
    return isinstance(err, AuthenticationError) or (
        isinstance(err, ForbiddenError) and err.missing_scope is not None
    )


def not_set_up(err: BeeperError) -> HomeAssistantError:
    """Return the setup error; Home Assistant retries."""
    key, placeholders = translation(err)
    return UpdateFailed(
        translation_domain=DOMAIN,
        translation_key=f"setup_{key}" if key in _SETUP_KEYS else "setup_failed",
        translation_placeholders=placeholders,
    )

"""Guard: every error has a text, and every text of an error is used."""

import ast
from collections.abc import Callable

import pytest

from custom_components.beeper import errors
from custom_components.beeper.api.exceptions import (
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
    TooLongAnswerError,
    UnreadableAnswerError,
    UploadError,
)
from custom_components.beeper.const import DOMAIN
from custom_components.beeper.outgoing.job import Job
from homeassistant.exceptions import HomeAssistantError
from tests.helpers.repository import (
    BEEPER,
    ENGLISH,
    placeholders,
    sources,
    strings,
    walk,
)


def missing_elsewhere() -> RouteAbsentError:
    """Return the error of a route that a server of somebody else does not have."""
    err = RouteAbsentError(405)
    err.is_beeper = False
    return err


API_ERRORS: list[BeeperError] = [
    CannotConnectError(),
    TLSError(),
    RequestTimeoutError(connecting=True),
    RequestTimeoutError(connecting=False),
    ConnectionLostError(),
    TooLongAnswerError(),
    UnreadableAnswerError(),
    AuthenticationError(401),
    ForbiddenError(403),
    ForbiddenError(403, missing_scope="write"),
    NotLoadedError(500),
    NoChatsError(503),
    AnswerError(502, by_proxy=True),
    *(ProxyLoginError(status) for status in (200, 302, 401)),
    AnswerError(302, location="https://beeper.example/v1/info"),
    *(RouteAbsentError(status) for status in (404, 405, 501)),
    missing_elsewhere(),
    *(
        AnswerError(status, code="X")
        for status in (302, 400, 402, 404, 408, 409, 413, 422, 429, 500, 502, 503)
    ),
    AnswerError(400, code="X", fields=("title", "type")),
    AnswerError(422, code="X", fields=("title",)),
    PersonNotResolvedError(0),
    PersonNotResolvedError(2),
    UploadError(),
]


def raised() -> list[tuple[str, set[str] | None]]:
    """Return the key of every error in the code, and the placeholders passed to it."""
    found: list[tuple[str, set[str] | None]] = []
    for call in walk(ast.Call, *sources(BEEPER)):
        function, arguments = ast.unparse(call.func), [*call.args]
        words = {word.arg: word.value for word in call.keywords if word.arg}
        if function.endswith("Refusal"):
            arguments = [words["key"]]
        if not arguments or not isinstance(arguments[0], ast.Constant):
            continue
        passed: set[str] | None = {*words} - {"kind"}
        if function == "vol.Invalid":
            [given] = [
                word.value for word in call.keywords if word.arg == "placeholders"
            ] or [ast.Dict([], [])]
            assert isinstance(given, ast.Dict)
            passed = {"field"} | {ast.literal_eval(key) for key in given.keys if key}
        elif function.endswith("Refusal"):
            passed = None
            if isinstance(
                given := words.get("placeholders", ast.Dict([], [])), ast.Dict
            ):
                passed = {ast.literal_eval(key) for key in given.keys if key}
                passed = passed if None not in given.keys else None
        elif function not in ("errors.invalid", "errors.failed", "errors.refuse"):
            continue
        elif any(word.arg is None for word in call.keywords):
            passed = None  # a mapping made elsewhere
        found.append((str(arguments[0].value), passed))
    return found


def test_error_calls_are_found() -> None:
    assert len(raised()) > 20


@pytest.mark.parametrize(("key", "passed"), raised())
def test_every_error_has_its_text(key: str, passed: set[str] | None) -> None:
    wanted = placeholders(ENGLISH["exceptions"][key]["message"])
    # Errors about a field may omit its name.
    assert passed is None or wanted <= passed
    assert passed is None or passed - wanted <= {"field"}


@pytest.mark.parametrize(
    "key",
    ["message_unconfirmed"]
    + [key for job in Job.__subclasses__() for key in (job.unknown, job.still_unknown)],
)
def test_every_unknown_outcome_is_recognized(key: str) -> None:
    assert errors.is_unknown(errors.failed(key))
    assert not errors.is_unknown(errors.failed("cannot_connect"))


def kinds(kind: type[BeeperError] = BeeperError) -> set[type[BeeperError]]:
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def test_every_api_error_class_is_tested() -> None:
    assert {type(err) for err in API_ERRORS} == kinds() - {BeeperError}


@pytest.mark.parametrize("err", API_ERRORS, ids=repr)
@pytest.mark.parametrize("setting_up", [True, False])
def test_every_api_error_has_its_text(err: BeeperError, setting_up: bool) -> None:
    error: HomeAssistantError
    if setting_up:
        error = errors.not_set_up(err)
    else:
        error = errors.not_done(err, network="WhatsApp").error()
    text = ENGLISH["exceptions"][error.translation_key]["message"]
    assert error.translation_domain == DOMAIN
    assert placeholders(text) <= (error.translation_placeholders or {}).keys()
    if not setting_up:
        assert text.startswith(("Nothing was created: ", "Nothing was done: "))


@pytest.mark.parametrize(
    "err",
    # A message goes into a chat, not to a person.
    [err for err in API_ERRORS if not isinstance(err, PersonNotResolvedError)],
    ids=repr,
)
@pytest.mark.parametrize("make", [errors.not_sent, errors.not_uploaded])
def test_every_api_error_of_a_message_has_its_text(
    make: Callable[[BeeperError], errors.Refusal], err: BeeperError
) -> None:
    error = make(err).error()
    text = ENGLISH["exceptions"][error.translation_key]["message"]
    assert error.translation_domain == DOMAIN
    assert placeholders(text) <= (error.translation_placeholders or {}).keys()
    assert text.startswith(("Nothing was sent: ", "Nothing was done: "))


@pytest.mark.parametrize(
    "err",
    # Nobody is written to, and nothing uploaded.
    [
        err
        for err in API_ERRORS
        if not isinstance(err, PersonNotResolvedError | UploadError)
    ],
    ids=repr,
)
def test_every_api_error_of_reading_and_changing_has_its_text(err: BeeperError) -> None:
    for refusal, says in (
        (errors.not_read(err, since="4.2.808"), "Nothing was read: "),
        (errors.not_changed(err, since="4.2.808"), "Nothing was changed: "),
    ):
        error = refusal.error()
        text = ENGLISH["exceptions"][error.translation_key]["message"]
        assert error.translation_domain == DOMAIN
        assert placeholders(text) <= (error.translation_placeholders or {}).keys()
        assert text.startswith(says)


@pytest.mark.parametrize("key", ENGLISH["exceptions"])
def test_every_text_of_an_error_is_used(key: str) -> None:
    names = (key, *map(key.removeprefix, ("setup_", "read_", "change_")))
    assert any(f'"{used}"' in strings() for used in names)

"""Errors of requests to a Beeper server.

    BeeperError                    may_have_run
    ├── CannotConnectError         no     refused, unreachable, name unknown
    │   └── TLSError               no     certificate or handshake
    ├── RequestTimeoutError        no while connecting, else maybe
    ├── ConnectionLostError        maybe  the connection broke after sending
    ├── UnreadableAnswerError      maybe  a 2xx response of an unexpected shape
    │   └── TooLongAnswerError     maybe  it is longer than is read
    ├── AnswerError                no for 3xx and 4xx, maybe for 408 and 5xx
    │   ├── ProxyLoginError        no     a proxy in front of Beeper asks for a log-in
    │   ├── AuthenticationError    no     401
    │   ├── ForbiddenError         no     403
    │   ├── NotLoadedError         no     the account or its chats are not loaded yet
    │   │   └── NoChatsError       no     no chats are listed: not loaded, or there are none
    │   └── RouteAbsentError       no     404 that is not an API error, 405, 501
    ├── PersonNotResolvedError     no     not exactly one contact matches
    └── UploadError                no     a file was rejected

`may_have_run` is true if the server may have executed the request. The texts of these
exceptions reach logs, so they contain nothing that a person or the server wrote.
"""


class BeeperError(Exception):
    """Base of all errors that this package raises."""

    may_have_run: bool = False


class CannotConnectError(BeeperError):
    """No connection could be established."""


class TLSError(CannotConnectError):
    """The secure connection failed: the certificate is untrusted, or there is no TLS."""

    def __init__(self, *args: object, is_untrusted: bool = False) -> None:
        """Store whether there is a certificate, but an untrusted one."""
        super().__init__(*args)
        self.is_untrusted = is_untrusted


class RequestTimeoutError(BeeperError):
    """The request timed out; `may_have_run` is false if it was still connecting."""

    def __init__(self, *, connecting: bool) -> None:
        """Store whether the request was still connecting."""
        super().__init__("connecting timed out" if connecting else "no answer in time")
        self.may_have_run = not connecting


class ConnectionLostError(BeeperError):
    """The connection broke after the request was (or may have been) sent."""

    may_have_run = True


class UnreadableAnswerError(BeeperError):
    """The status is a success, but the body is not JSON of the expected shape."""

    may_have_run = True


class TooLongAnswerError(UnreadableAnswerError):
    """The body is too long, or has too many values, to be read."""


class AnswerError(BeeperError):
    """The status is not a success."""

    def __init__(
        self,
        status: int,
        *,
        code: str | None = None,
        fields: tuple[str, ...] = (),
        location: str | None = None,
        by_proxy: bool = False,
    ) -> None:
        """Store the status, the API's error code and the request fields it names.

        If the body is not an API error, `code` is None and `fields` is empty.
        `location` is where a 3xx leads, as the server writes it. `by_proxy`: a proxy
        has no answer from Beeper.
        """
        super().__init__(f"HTTP status {status}")
        self.status = status
        self.code = code
        self.fields = fields
        self.location = location
        self.by_proxy = by_proxy
        self.may_have_run = status == 408 or status >= 500


class ProxyLoginError(AnswerError):
    """A proxy requires a separate log-in; the request has not reached Beeper."""

    def __init__(self, status: int) -> None:
        """Store the status, which can be 200 for a log-in page."""
        super().__init__(status)
        self.may_have_run = False


class AuthenticationError(AnswerError):
    """The token is invalid or was revoked."""


class ForbiddenError(AnswerError):
    """The token lacks a scope, or Beeper does not allow the request.

    `missing_scope` is `read`, `write`, or None if no scope is missing.
    """

    def __init__(self, status: int, *, missing_scope: str | None = None) -> None:
        """Store the missing scope."""
        super().__init__(status)
        self.missing_scope = missing_scope


class NotLoadedError(AnswerError):
    """Beeper has not loaded the account or its chats yet; nothing ran.

    Some calls fail like this just after a restart, others return empty lists.
    """

    def __init__(self, status: int) -> None:
        """Store the status; even a 5xx means that nothing ran."""
        super().__init__(status)
        self.may_have_run = False


class NoChatsError(NotLoadedError):
    """The server lists no chats at all: not yet, or because there are none."""


class RouteAbsentError(AnswerError):
    """The server does not have the route, which proves that nothing ran.

    `is_beeper` is false for a server of somebody else, such as EasyMatrix, whose
    versions are its own.
    """

    is_beeper = True

    def __init__(self, status: int) -> None:
        """Store the status; even a 501 proves that nothing ran."""
        super().__init__(status)
        self.may_have_run = False


class PersonNotResolvedError(BeeperError):
    """The contact search of an old server did not return exactly one match."""

    def __init__(self, matches: int) -> None:
        """Store the number of matches."""
        super().__init__(f"{matches} contacts match")
        self.matches = matches


class UploadError(BeeperError):
    """The server reported that it rejected a file, possibly with a 200."""

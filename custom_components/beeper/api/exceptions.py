"""What can go wrong between us and a Beeper server.

    BeeperError                    may_have_run
    ├── CannotConnectError         no     refused, unreachable, name unknown
    │   └── TLSError               no     certificate or handshake
    ├── RequestTimeoutError        no while connecting, else maybe
    ├── ConnectionLostError        maybe  the connection broke after sending
    ├── UnreadableAnswerError      maybe  a 2xx answer that is not what was promised
    ├── AnswerError                no for 3xx and 4xx, maybe for 408 and 5xx
    │   ├── AuthenticationError    no     401
    │   ├── ForbiddenError         no     403
    │   └── RouteAbsentError       no     404 that is no API error, 405, 501
    ├── PersonNotResolvedError     no     not exactly one contact fits
    └── UploadError                no     a file was not taken

`may_have_run` says whether the server may have carried the request out. No text of
an exception holds anything a person or the server wrote: these texts reach logs.
"""


class BeeperError(Exception):
    """Base of everything this package raises."""

    may_have_run: bool = False


class CannotConnectError(BeeperError):
    """No connection came about."""


class TLSError(CannotConnectError):
    """The secure connection failed: an unknown certificate, or no TLS at all."""


class RequestTimeoutError(BeeperError):
    """Time ran out; `may_have_run` is False if it did while still connecting."""

    def __init__(self, *, connecting: bool) -> None:
        """Remember how far the request came."""
        super().__init__("connecting timed out" if connecting else "no answer in time")
        self.may_have_run = not connecting


class ConnectionLostError(BeeperError):
    """The connection broke after the request was (or may have been) sent."""

    may_have_run = True


class UnreadableAnswerError(BeeperError):
    """A success status, but the body is no JSON of the promised shape."""

    may_have_run = True


class AnswerError(BeeperError):
    """The server answered with another status than success."""

    def __init__(
        self,
        status: int,
        *,
        code: str | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        """Keep the status, the API's error code and the request fields it names.

        `code` and `fields` are None and empty where the body is no API error.
        """
        super().__init__(f"HTTP status {status}")
        self.status = status
        self.code = code
        self.fields = fields
        self.may_have_run = status == 408 or status >= 500


class AuthenticationError(AnswerError):
    """The server does not know the token (any more)."""


class ForbiddenError(AnswerError):
    """The token lacks a scope, or Beeper does not allow this.

    `missing_scope` is `read`, `write`, or None where it is not about scopes.
    """

    def __init__(self, status: int, *, missing_scope: str | None = None) -> None:
        """Keep the scope the server names."""
        super().__init__(status)
        self.missing_scope = missing_scope


class RouteAbsentError(AnswerError):
    """This server does not have the route: proof that nothing ran."""

    def __init__(self, status: int) -> None:
        """Remember the status; 501 is no server fault here."""
        super().__init__(status)
        self.may_have_run = False


class PersonNotResolvedError(BeeperError):
    """The contact search of an old server does not point to exactly one person."""

    def __init__(self, matches: int) -> None:
        """Remember how many contacts fit."""
        super().__init__(f"{matches} contacts match")
        self.matches = matches


class UploadError(BeeperError):
    """The server answered that it could not take a file, be it with a 200."""

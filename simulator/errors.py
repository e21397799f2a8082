"""Errors in the API's envelope: `{"message", "code", "details"?}`."""

from .model import Json


class ApiError(Exception):
    """An error response."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Json | None = None,
        *,
        ran: bool = False,
    ) -> None:
        """`ran`: the request changed something before it failed."""
        super().__init__(message)
        self.status = status
        self.ran = ran
        self.body: Json = {"message": message, "code": code}
        if details is not None:
            self.body["details"] = details


def not_found(what: str) -> ApiError:
    """404 for a missing object. Missing routes have a different response."""
    return ApiError(404, "NOT_FOUND", f"{what} not found")


def invalid(*path: str | int, message: str, code: str = "custom") -> ApiError:
    """400 for one field. The declared 422 was never seen on live servers."""
    return invalid_many([{"code": code, "message": message, "path": list(path)}])


def invalid_many(issues: list[Json]) -> ApiError:
    """400 for several fields: `[{"code", "message", "path": ["body", "field"]}]`."""
    return ApiError(400, "VALIDATION_ERROR", "Invalid input", {"issues": issues})

"""Responses to requests that are refused or have no route."""

from collections.abc import Awaitable

from aiohttp import hdrs, web

from .errors import ApiError
from .profiles import Profile
from .traits import Traits


def absent(err: web.HTTPException, profile: Profile, traits: Traits) -> web.Response:
    """Return the response to a request without a route."""
    if profile.absent and "missing_routes_405" not in traits:
        status, text = profile.absent
        return web.Response(status=status, text=text)
    if err.status == 404:
        return web.Response(status=404, text="404 page not found\n")
    return web.Response(
        status=405,
        text="Method Not Allowed\n",
        headers={hdrs.ALLOW: ", ".join(sorted(err.headers[hdrs.ALLOW].split(",")))},
    )


def refuse(err: ApiError, profile: Profile) -> web.Response:
    """Return an error in the format of this generation."""
    auth_codes = ("unauthorized", "forbidden")  # other codes are upper case
    if profile.plain_auth and err.body["code"] in auth_codes:
        return web.Response(
            status=err.status,
            text=f"{err}\n",
            headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
        )
    body = err.body
    if profile.strict and "details" in body:
        issues = body["details"]["issues"]
        body = {
            **body,
            "details": {
                ".".join(map(str, issue["path"][1:])): issue["message"]
                for issue in issues
            },
        }
    return web.json_response(body, status=err.status)


async def plain_refusals(
    answer: Awaitable[web.StreamResponse],
) -> web.StreamResponse:
    """Return a response, or an error in the format of the newest servers."""
    try:
        return await answer
    except ApiError as err:
        return web.json_response(err.body, status=err.status)

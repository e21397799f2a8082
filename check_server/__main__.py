"""Read a Beeper server and write a report about it, without personal data.

The server is BEEPER_URL; the token is BEEPER_ACCESS_TOKEN. Nothing is changed there
unless --write is given.
"""

import argparse
import asyncio
from contextlib import suppress
import os
from pathlib import Path
import signal
import sys

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from yarl import URL

from .client import Client
from .comparison import nearest_profile, read_simulator
from .reading import Reading
from .report import Report, identity
from .terminal import confirm, say
from .writing import NotOneselfError, Writing

_EPILOG = """\
exit status:
  0    the report is written
  1    no report: no answer, the token is refused, or the file cannot be written
  2    wrong use
  130  interrupted
"""
_ISSUES = "https://github.com/ha-beeper/ha-beeper/issues"


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/check-server",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("beeper-server-report.md"),
        metavar="FILE",
        help="the report's file (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=15,
        metavar="SECONDS",
        help="how long to wait for each answer (default: %(default)s)",
    )
    parser.add_argument(
        "--no-verify-ssl",
        action="store_true",
        help="accept any certificate, such as a self-signed one",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="also try to send, edit, delete and more in the chat of --chat; "
        "asks before each, so it needs a terminal",
    )
    parser.add_argument(
        "--chat", metavar="ID", help="the id of a chat with yourself, for --write"
    )
    options = parser.parse_args()
    if options.write != bool(options.chat):
        parser.error("--write and --chat belong together")
    if options.write and not sys.stdin.isatty():
        parser.error("--write asks before each step and needs a terminal")
    url = os.environ.get("BEEPER_URL", "")
    token = os.environ.get("BEEPER_ACCESS_TOKEN", "")
    if not url or not token:
        parser.error("set BEEPER_URL and BEEPER_ACCESS_TOKEN")
    if not _is_usable(url):
        parser.error("BEEPER_URL must look like http://192.168.1.10:23373")
    if not (token.isascii() and token.isprintable()):
        parser.error("BEEPER_ACCESS_TOKEN has characters that no token has")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return asyncio.run(_check(url, token, options))
    except KeyboardInterrupt, asyncio.CancelledError:
        say("\nInterrupted. No report was written.")
        return 130


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 600:
        raise ValueError
    return seconds


def _is_usable(text: str) -> bool:
    with suppress(ValueError):
        url = URL(text)
        return url.scheme in ("http", "https") and bool(url.host) and not url.user
    return False


async def _check(url: str, token: str, options: argparse.Namespace) -> int:
    # Each request has a new connection: one that died while a question waited for its
    # answer would look like a fault of the server.
    connector = TCPConnector(force_close=True, ssl=not options.no_verify_ssl)
    async with ClientSession(
        connector=connector, cookie_jar=DummyCookieJar()
    ) as session:
        client = Client(session, url, token, timeout=options.timeout)
        say("Reading the server:")
        reading = Reading(client, lambda line: say(f"  {line}"))
        await reading.run()
        if not reading.is_reached:
            say("The server did not answer. No report was written.")
            return 1
        if reading.is_token_refused:
            say("The server refused BEEPER_ACCESS_TOKEN. No report was written.")
            return 1
        profile = nearest_profile(*identity(reading))
        say(f"Reading the simulator, profile {profile}, to compare.")
        report = Report(
            profile=profile,
            server=reading,
            simulator=await read_simulator(profile, session),
        )
        if options.write:
            report.writes = await _write(client, options.chat)
    return _save(report.text(), options.output)


async def _write(client: Client, chat_id: str) -> list[str]:
    """Try writes; what went before an error stays in the report."""
    writing = Writing(client, chat_id, confirm)
    say("Writing to your chat with yourself:")
    try:
        await writing.run()
    except NotOneselfError as err:
        say(f"{err} Nothing was written.")
        return ["Nothing was written: not known to be a chat with oneself."]
    return writing.lines


def _save(text: str, file: Path) -> int:
    try:
        file.write_text(text, "utf-8")
    except OSError as err:
        say(f"The report cannot be written: {err.strerror}")
        return 1
    say()
    say(text)
    say(
        f"The report above is in {file}. It contains no names, numbers, texts, tokens"
        " or addresses:\nread it, then attach it to a bug report at"
        f" {_ISSUES}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Run a simulator.

`python -m simulator --profile latest --port 23373 --token dev-token`
"""

import argparse
import asyncio
import os
import sys

from .profiles import PROFILES, SEEN_TRAITS
from .server import Simulator
from .traits import TRAITS


def main() -> int:
    """Serve until Ctrl-C. Return exit status 1 if the port is not available."""
    parser = _parser()
    options = parser.parse_args()
    try:
        simulator = Simulator(
            options.profile,
            options.token,
            chats=options.chats,
            host=options.host,
            port=options.port,
            realistic=options.realistic,
            traits=options.trait,
        )
        simulator.traits.discard(*options.no_trait)
    except ValueError as err:
        parser.error(str(err))
    try:
        asyncio.run(_serve(simulator, options.profile))
    except OSError as err:
        reason = os.strerror(err.errno) if err.errno and err.errno > 0 else err
        print(  # noqa: T201 - a program's output
            f"Cannot listen on {options.host} port {options.port}: {reason}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A simulated Beeper server.",
        epilog=_traits_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default="latest",
        help="server generation (default: %(default)s)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=23373,
        help="port, or 0 for any free port (default: %(default)s)",
    )
    parser.add_argument(
        "--token",
        default="dev-token",
        help="access token with both scopes (default: %(default)s)",
    )
    parser.add_argument(
        "--chats", type=int, help="fill the world up to this many chats"
    )
    parser.add_argument(
        "--realistic",
        action="store_true",
        help="switch on the traits that servers of this profile were seen to have",
    )
    parser.add_argument(
        "--trait",
        action="append",
        default=[],
        metavar="NAME[=ACCOUNT]",
        help="switch a trait on, for one account or for all; may be repeated",
    )
    parser.add_argument(
        "--no-trait",
        action="append",
        default=[],
        metavar="NAME",
        help="switch a trait off again; may be repeated",
    )
    return parser


def _traits_help() -> str:
    """Return a line for each trait, with the profiles that were seen to have it."""
    lines = ["traits, and the profiles for which --realistic switches them on:"]
    for name, trait in TRAITS.items():
        profiles = ", ".join(seen for seen in PROFILES if name in SEEN_TRAITS[seen])
        lines.append(f"  {name:27}{trait.text}{profiles and f' [{profiles}]'}")
    return "\n".join(lines)


async def _serve(simulator: Simulator, profile: str) -> None:
    async with simulator:
        print(  # noqa: T201 - a program's output
            f"Simulated Beeper {profile} at {simulator.url}", flush=True
        )
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())

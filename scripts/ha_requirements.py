"""Print what the installed Home Assistant would pip-install at its first start, one requirement a line.

With all of it installed, Home Assistant starts without a network. The pins differ from release to release, so they are
read from the release: the manifests of the integrations that an empty configuration loads, and of all they depend on.
Integrations given as arguments are treated as loaded.
"""

import json
from pathlib import Path
import sys

from homeassistant import bootstrap
from homeassistant.auth.mfa_modules import totp

PACKAGE = Path(bootstrap.__file__).parent


def collect(domain: str, found: dict[str, list[str]]) -> None:
    """Add the requirements of an integration and of its dependencies, soft ones included, as HA does."""
    if domain in found:
        return
    manifest = json.loads(
        (PACKAGE / "components" / domain / "manifest.json").read_text()
    )
    found[domain] = manifest.get("requirements", [])
    for key in ("dependencies", "after_dependencies"):
        for dependency in manifest.get(key, []):
            collect(dependency, found)


def main() -> None:
    """Print the requirements, and the constraints that Home Assistant installs them under."""
    found: dict[str, list[str]] = {"two-factor login": totp.REQUIREMENTS}
    loaded = bootstrap.CORE_INTEGRATIONS | bootstrap.DEFAULT_INTEGRATIONS
    for domain in loaded | {*sys.argv[1:]}:
        collect(domain, found)
    print(f"-c {PACKAGE / 'package_constraints.txt'}")
    print(
        *sorted(
            {
                requirement
                for requirements in found.values()
                for requirement in requirements
            }
        ),
        sep="\n",
    )


if __name__ == "__main__":
    main()

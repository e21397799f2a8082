#!/usr/bin/env python3
"""Build dist/beeper.zip: what belongs into custom_components/beeper of a Home Assistant.

  scripts/package.py            as the files are now
  scripts/package.py v0.1.0     for a release: only if manifest and changelog are of this version and the changelog has
                                its date; also writes the release notes to dist/notes.md

Needs nothing but Python. The same files make the same zip, byte for byte.
"""

import json
from pathlib import Path
import re
import sys
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parents[1]
BEEPER = ROOT / "custom_components/beeper"
DIST = ROOT / "dist"


def notes(tag: str) -> str:
    """Return the changelog of a release; exit with an error if the release is not ready."""
    version = json.loads((BEEPER / "manifest.json").read_text("utf-8"))["version"]
    if tag != f"v{version}":
        sys.exit(f"The tag is {tag}, but the manifest's version is {version}.")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(
        r"^## \[(.+?)\] - (\S+)\n(.*?)(?=^## \[|\Z)",
        changelog,
        re.DOTALL | re.MULTILINE,
    )
    if newest is None or newest[1] != version:
        sys.exit(f"The changelog does not begin with version {version}.")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", newest[2]):
        sys.exit(f"The changelog says {newest[2]} instead of the date of the release.")
    return newest[3].strip() + "\n"


def package() -> Path:
    """Build the zip and return where it is."""
    DIST.mkdir(exist_ok=True)
    target = DIST / "beeper.zip"
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for file in sorted(BEEPER.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                # A fixed time, so that the same files make the same zip.
                member = ZipInfo(file.relative_to(BEEPER).as_posix())
                member.external_attr = 0o644 << 16
                archive.writestr(member, file.read_bytes(), ZIP_DEFLATED)
    return target


def main() -> None:
    """Build, after all that can be wrong has been looked at."""
    if len(sys.argv) > 2 or (len(sys.argv) == 2 and sys.argv[1].startswith("-")):
        sys.exit(__doc__)
    notes_text = notes(sys.argv[1]) if len(sys.argv) == 2 else None
    print(package().relative_to(ROOT))
    if notes_text is not None:
        (DIST / "notes.md").write_text(notes_text, "utf-8")


if __name__ == "__main__":
    main()

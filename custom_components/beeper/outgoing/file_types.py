"""The type of a file and a fitting name: from a header, a name, or the first bytes."""

import mimetypes
from pathlib import PurePosixPath
import re
from typing import Final
from urllib.parse import unquote

UNKNOWN: Final = "application/octet-stream"
HEAD: Final = 512
"""Bytes at the beginning of a file that show its type."""

_MAX_NAME_LENGTH: Final = 200
"""Characters."""

_MAX_ENCODINGS: Final = 10
"""How often a name is decoded at most; names are encoded twice at most."""

_HTML: Final = "text/html"
_PLAIN_TEXT: Final = "text/plain"
_NO_INFORMATION: Final = frozenset(
    {
        "",
        UNKNOWN,
        "application/binary",
        "application/download",
        "application/force-download",
        "application/unknown",
        "application/x-download",
        "application/x-unknown",
        "binary/octet-stream",
        "content/unknown",
        "unknown/unknown",
    }
)
"""What servers write that know no type."""

_SAME_TYPE: Final = {
    "application/x-gzip": "application/gzip",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "audio/m4a": "audio/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/opus": "audio/ogg",  # Networks know it by its container.
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
}
_COMPRESSED: Final = {
    "br": "application/x-brotli",
    "bzip2": "application/x-bzip2",
    "compress": "application/x-compress",
    "gzip": "application/gzip",
    "xz": "application/x-xz",
}
_EXTENSIONS: Final = {
    "application/gzip": ".gz",
    "application/pdf": ".pdf",
    "application/vnd.rar": ".rar",
    "application/x-7z-compressed": ".7z",
    "application/x-brotli": ".br",
    "application/x-bzip2": ".bz2",
    "application/x-xz": ".xz",
    "application/zip": ".zip",
    "application/zstd": ".zst",
    "audio/amr": ".amr",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tiff",
    "image/webp": ".webp",
    "text/html": ".html",
    "text/plain": ".txt",
    "video/3gpp": ".3gp",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
}
"""The usual extensions; Python's table differs between computers."""

_CONTENT: Final = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), mime_type)
    for pattern, mime_type in (
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"\x89PNG", "image/png"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBP", "image/webp"),
        (rb"RIFF....WAVE", "audio/wav"),
        (rb"BM....\0\0\0\0", "image/bmp"),
        (rb"II\*\0|MM\0\*", "image/tiff"),
        (rb"....ftyp(?:heic|heix|mif1|msf1)", "image/heic"),
        (rb"....ftyp(?:avif|avis)", "image/avif"),
        (rb"....ftypM4[AB] ", "audio/mp4"),
        (rb"....ftyp3g", "video/3gpp"),
        (rb"....ftypqt  ", "video/quicktime"),
        (rb"....ftyp", "video/mp4"),
        (rb"\x1a\x45\xdf\xa3.{0,60}webm", "video/webm"),
        (rb"\x1a\x45\xdf\xa3", "video/x-matroska"),
        (rb"OggS", "audio/ogg"),
        (rb"fLaC", "audio/flac"),
        (rb"#!AMR", "audio/amr"),
        (rb"ID3|\xff[\xfb\xf3\xf2]", "audio/mpeg"),
        (rb"%PDF-", "application/pdf"),
        (rb"PK\x03\x04", "application/zip"),
        (rb"\x1f\x8b", "application/gzip"),
        (rb"BZh", "application/x-bzip2"),
        (rb"\xfd7zXZ\0", "application/x-xz"),
        (rb"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (rb"Rar!\x1a\x07", "application/vnd.rar"),
        (rb"\x28\xb5\x2f\xfd", "application/zstd"),
        (rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html)\b", _HTML),
        (rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<svg\b", "image/svg+xml"),
    )
)


def find_type(declared: str | None, names: tuple[str, ...], head: bytes) -> str:
    """Return the type of a file.

    From the type that a server declares, if that means something, else from the first
    of its names with an extension that is known, else from its first bytes.
    """
    mime_type, proved = normalize(declared), type_of_content(head)
    is_text = mime_type.startswith("text/")
    if proved and proved in _COMPRESSED.values() and is_text:
        return proved  # Some servers declare the type of the uncompressed file.
    if mime_type not in (UNKNOWN, _PLAIN_TEXT):
        return proved if proved and is_text and proved != _HTML else mime_type
    by_name = next(filter(None, map(type_of_name, names)), None)
    return by_name or proved or mime_type


def normalize(declared: str | None) -> str:
    """Return a declared type in its usual form; the unknown type if it says nothing."""
    mime_type = (declared or "").partition(";")[0].strip().lower()
    if mime_type in _NO_INFORMATION or not re.fullmatch(
        r"[\w.+-]+/[\w.+-]+", mime_type
    ):
        return UNKNOWN
    return _SAME_TYPE.get(mime_type, mime_type)


def type_of_name(name: str) -> str | None:
    """Return the type that an extension stands for; compressed files are never text."""
    suffix = PurePosixPath(name).suffix.lower()
    for mime_type, extension in _EXTENSIONS.items():
        if suffix == extension:
            return mime_type
    guessed, encoding = mimetypes.guess_type(f"x{suffix}")
    if encoding:
        return _COMPRESSED.get(encoding, UNKNOWN)
    mime_type = normalize(guessed)
    return None if mime_type == UNKNOWN else mime_type


def type_of_content(head: bytes) -> str | None:
    """Return the type that the first bytes of a file prove, None if they do not."""
    for pattern, mime_type in _CONTENT:
        if pattern.match(head):
            return mime_type
    return None


def is_page_instead(declared: str | None, names: tuple[str, ...], head: bytes) -> bool:
    """Return whether a server answered with a page, such as its log-in, for a file."""
    proved = type_of_content(head)
    if proved not in (None, _HTML):
        return False
    by_name = next(filter(None, map(type_of_name, names)), None) or ""
    mime_type = normalize(declared)
    if _HTML in (proved, mime_type):
        return "html" not in by_name
    is_media = by_name.partition("/")[0] in ("audio", "image", "video")
    is_text = mime_type.startswith("text/") or mime_type.endswith(("json", "/xml"))
    return is_media and is_text and "svg" not in by_name


def safe_name(name: str) -> str:
    """Return the file's own part of a name that nobody chose, decoded and printable.

    A server's address can hide a path in it.
    """
    for _ in range(_MAX_ENCODINGS):
        # What shows nothing can hide an encoded character.
        decoded = "".join(char for char in unquote(name) if char.isprintable())
        if decoded == name:
            break
        name = decoded
    else:
        name = name.replace("%", "")
    name = re.split(r"[/\\]", name)[-1].strip()
    return "" if not name.strip(".") else name[:_MAX_NAME_LENGTH]


def fitting_name(name: str, mime_type: str, *, is_chosen: bool) -> str:
    """Return a file name with an extension for the type.

    A name that the caller chose keeps the extension that it has.
    """
    name = name or "file"
    by_name = type_of_name(name)
    if mime_type in (by_name, UNKNOWN) or (by_name and is_chosen):
        return name
    extension = _EXTENSIONS.get(mime_type) or mimetypes.guess_extension(mime_type) or ""
    if not extension or (
        by_name and by_name.partition("/")[0] == mime_type.partition("/")[0] == "text"
    ):
        return name
    path = PurePosixPath(name)
    if path.suffix.lower() in mimetypes.guess_all_extensions(mime_type):
        return name
    if by_name and type_of_name(path.stem) == mime_type:
        return path.stem  # It was compressed on its way only.
    return f"{path.stem if by_name else name}{extension}"

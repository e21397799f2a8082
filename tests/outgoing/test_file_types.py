"""The type of a file and its name: from a header, a name, or the first bytes."""

import pytest

from custom_components.beeper.outgoing.file_types import (
    find_type,
    fitting_name,
    is_page_instead,
)
from tests.helpers.cells import cells

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF"
GZIP = b"\x1f\x8b\x08\0"
PAGE = b"\n<!DOCTYPE html><html><head><title>Log in</title>"


@cells
@pytest.mark.parametrize(
    ("declared", "names", "head", "mime_type"),
    [
        # What the server declares
        ("image/png", ("x.jpg",), JPEG, "image/png"),
        ("image/jpg", (), b"?", "image/jpeg"),
        ("IMAGE/JPEG; charset=binary", (), b"?", "image/jpeg"),
        ("audio/x-wav", (), b"?", "audio/wav"),
        (None, ("speech.opus",), b"?", "audio/ogg"),
        ("application/x-gzip", (), b"?", "application/gzip"),
        # It knows no type: the first name that has one
        ("application/octet-stream", ("a.pdf", "b.txt"), b"?", "application/pdf"),
        ("binary/octet-stream", ("a", "b.txt"), b"?", "text/plain"),
        ("", ("a.PNG",), b"?", "image/png"),
        (None, ("a.jpeg",), b"?", "image/jpeg"),
        ("text/plain", ("a.jpg",), JPEG, "image/jpeg"),
        ("text/plain", ("a.csv",), b"a;b", "text/csv"),
        ("nonsense", ("a.mp4",), b"?", "video/mp4"),
        # Compressed files are never text
        (None, ("a.csv.gz",), GZIP, "application/gzip"),
        (None, ("a.tar.gz",), GZIP, "application/gzip"),
        (None, ("a.tgz",), GZIP, "application/gzip"),
        (None, ("a.svgz",), GZIP, "application/gzip"),
        (None, ("a.log.bz2",), b"BZh9", "application/x-bzip2"),
        (None, ("a.txt.xz",), b"\xfd7zXZ\0", "application/x-xz"),
        ("text/csv", ("a.csv.gz",), GZIP, "application/gzip"),
        ("text/csv", ("a.csv.gz",), b"a;b", "text/csv"),
        # The first bytes
        (None, ("a",), JPEG, "image/jpeg"),
        ("text/plain", ("picture",), JPEG, "image/jpeg"),
        (None, ("a.bin",), b"\x89PNG\r\n\x1a\n", "image/png"),
        (None, ("a",), b"GIF89a", "image/gif"),
        (None, ("a",), b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (None, ("a",), b"\0\0\0\x18ftypheic", "image/heic"),
        (None, ("a",), b"\0\0\0\x18ftypmp42", "video/mp4"),
        (None, ("a",), b"\0\0\0\x18ftypM4A ", "audio/mp4"),
        (None, ("a",), b"OggS\0", "audio/ogg"),
        (None, ("a",), b"ID3\4", "audio/mpeg"),
        (None, ("a",), b"%PDF-1.7", "application/pdf"),
        (None, ("a",), b"PK\3\4", "application/zip"),
        # Nothing tells
        (None, ("a",), b"?", "application/octet-stream"),
        ("text/plain", ("a",), b"hi", "text/plain"),
    ],
)
def test_type(
    declared: str | None, names: tuple[str, ...], head: bytes, mime_type: str
) -> None:
    assert find_type(declared, names, head) == mime_type


@cells
@pytest.mark.parametrize(
    ("name", "mime_type", "is_chosen", "fitting"),
    [
        ("door", "image/jpeg", False, "door.jpg"),
        ("door", "image/jpeg", True, "door.jpg"),
        ("", "image/png", False, "file.png"),
        ("door.jpeg", "image/jpeg", False, "door.jpeg"),
        ("door.JPG", "image/jpeg", False, "door.JPG"),
        ("door.png", "image/jpeg", False, "door.jpg"),
        ("door.png", "image/jpeg", True, "door.png"),
        ("snapshot.cgi", "image/jpeg", False, "snapshot.cgi.jpg"),
        ("Energy 1.2", "application/pdf", True, "Energy 1.2.pdf"),
        ("a.csv.gz", "application/gzip", False, "a.csv.gz"),
        ("a.csv.gz", "text/csv", False, "a.csv"),
        ("notes.csv", "text/plain", False, "notes.csv"),
        ("voice", "audio/mpeg", False, "voice.mp3"),
        ("clip", "video/quicktime", False, "clip.mov"),
        ("x", "application/octet-stream", False, "x"),
        ("x.dat", "application/octet-stream", False, "x.dat"),
        ("x", "application/x-nonsense", False, "x"),
    ],
)
def test_name(name: str, mime_type: str, is_chosen: bool, fitting: str) -> None:
    assert fitting_name(name, mime_type, is_chosen=is_chosen) == fitting


@cells
@pytest.mark.parametrize(
    ("declared", "names", "head", "is_page"),
    [
        ("text/html; charset=utf-8", ("door.jpg",), PAGE, True),
        ("text/html", ("snapshot",), PAGE, True),
        ("image/jpeg", ("door.jpg",), PAGE, True),
        (None, ("door.jpg",), b"\xef\xbb\xbf<html>", True),
        (None, ("door.jpg",), b"<!-- x --><HTML lang=en>", True),
        ("text/html", ("door.jpg",), b"Unauthorized", True),
        ("text/plain", ("door.jpg",), b"Unauthorized", True),
        ("application/json", ("door.jpg",), b'{"error": 1}', True),
        ("text/html", ("page.html",), PAGE, False),
        ("text/html", ("door.jpg",), JPEG, False),
        ("image/jpeg", ("door.jpg",), JPEG, False),
        ("application/json", ("data.json",), b"{}", False),
        ("text/plain", ("notes.txt",), b"hi", False),
        ("image/svg+xml", ("plan.svg",), b"<svg>", False),
    ],
)
def test_page_instead_of_a_file(
    declared: str | None, names: tuple[str, ...], head: bytes, is_page: bool
) -> None:
    assert is_page_instead(declared, names, head) is is_page

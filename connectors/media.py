"""What a body is, judged by its bytes: names and headers of government portals are often wrong."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Final

PDF: Final = "application/pdf"
HTML: Final = "text/html"
XML: Final = "application/xml"
TEXT: Final = "text/plain"
ZIP: Final = "application/zip"
OLE: Final = "application/x-ole-storage"
UNKNOWN: Final = "application/octet-stream"

#: Suffix of an archived file, so that a browser and a reader open it for what it is.
SUFFIXES: Final[Mapping[str, str]] = {
    PDF: ".pdf",
    HTML: ".html",
    XML: ".xml",
    TEXT: ".txt",
    "application/json": ".json",
    "application/rtf": ".rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/ofd": ".ofd",
    OLE: ".ole",
    ZIP: ".zip",
    "application/vnd.rar": ".rar",
    "application/x-7z-compressed": ".7z",
    "application/gzip": ".gz",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/tiff": ".tif",
    "image/bmp": ".bmp",
    UNKNOWN: ".bin",
}

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
)
_OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Readers accept a PDF whose header stands within the first kilobyte (ISO 32000-1, annex H).
_PDF_HEADER_WITHIN_BYTES: Final = 1024
_HEAD_BYTES: Final = 4096
_FIRST_TAG: Final = re.compile(rb"(?:<!--.*?-->\s*)*<(!?\??[A-Za-z][\w:.-]*)", re.DOTALL)
_HTML_TAGS: Final = frozenset(
    b"!doctype html head body meta title link style script base div table tr td p a ul ol li "
    b"span font center br hr img h1 h2 h3 h4 form iframe section article input b strong".split()
)
_HTML_INSIDE: Final = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)


def sniff(body: bytes) -> str:
    """The media type of ``body`` from its bytes alone; ``application/octet-stream`` if unknown."""
    if body.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(body)
    if body.startswith(_OLE_MAGIC):
        return _sniff_ole(body)
    for magic, media_type in _MAGIC:
        if body.startswith(magic):
            return media_type
    if body.startswith(b"BM") and body[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if b"%PDF-" in body[:_PDF_HEADER_WITHIN_BYTES]:
        return PDF
    return _sniff_text(body[:_HEAD_BYTES])


def suffix_of(media_type: str) -> str:
    return SUFFIXES.get(media_type, ".bin")


def _sniff_zip(body: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return ZIP
    office = "application/vnd.openxmlformats-officedocument."
    if "[Content_Types].xml" in names:
        for folder, kind in (
            ("word/", "wordprocessingml.document"),
            ("xl/", "spreadsheetml.sheet"),
            ("ppt/", "presentationml.presentation"),
        ):
            if any(name.startswith(folder) for name in names):
                return office + kind
    if "OFD.xml" in names:
        return "application/ofd"
    if "mimetype" in names and body[30:38] == b"mimetype":
        for kind in ("spreadsheet", "text"):
            declared = f"application/vnd.oasis.opendocument.{kind}"
            if body[38 : 38 + len(declared)] == declared.encode():
                return declared
    return ZIP


def _sniff_ole(body: bytes) -> str:
    """Excel, Word or another compound file, by the streams its directory names (UTF-16LE).

    WPS writes .wps and .et in the same containers with the same stream names.
    """
    if "Workbook".encode("utf-16-le") in body or "Book\0".encode("utf-16-le") in body:
        return "application/vnd.ms-excel"
    if "WordDocument".encode("utf-16-le") in body:
        return "application/msword"
    return OLE


def _sniff_text(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        return UNKNOWN
    plain = text.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\0", b"")
    tag = _FIRST_TAG.match(plain)
    if _HTML_INSIDE.search(plain) or (tag and tag[1].lower() in _HTML_TAGS):
        return HTML
    if tag:
        return XML
    if b"\0" in text:
        return UNKNOWN
    if text[:1] in b"{[" and text[:2] != b"{\\":
        return "application/json"
    for encoding in ("utf-8", "gb18030"):
        try:
            # A cut in the middle of the last character is no sign of binary data.
            text[: len(text) - 3 if len(head) == _HEAD_BYTES else None].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start > len(text) - 8:
                return TEXT
            continue
        controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in text)
        return TEXT if controls * 100 < len(text) else UNKNOWN
    return UNKNOWN

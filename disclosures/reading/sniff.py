"""What a file is, by its content. Names and headers of portals are often wrong."""

from __future__ import annotations

import io
import re
import zipfile
from enum import StrEnum

from disclosures.reading.packages import ZIP_ERRORS, directory
from disclosures.reading.readers.base import UnreadableError


class MediaType(StrEnum):
    """Media types that are told apart; the value is the IANA name."""

    PDF = "application/pdf"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
    XLS = "application/vnd.ms-excel"
    ODS = "application/vnd.oasis.opendocument.spreadsheet"
    ODT = "application/vnd.oasis.opendocument.text"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    DOC = "application/msword"
    # Microsoft's envelope of an encrypted xlsx or docx.
    ENCRYPTED_OFFICE = "application/vnd.ms-office"
    OFD = "application/ofd"
    ZIP = "application/zip"
    RAR = "application/vnd.rar"
    SEVEN_ZIP = "application/x-7z-compressed"
    GZIP = "application/gzip"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    GIF = "image/gif"
    BMP = "image/bmp"
    HTML = "text/html"
    MHTML = "multipart/related"
    RTF = "application/rtf"
    XML = "application/xml"
    TEXT = "text/plain"
    BINARY = "application/octet-stream"
    EMPTY = "application/x-empty"

    @property
    def is_spreadsheet(self) -> bool:
        return self in (MediaType.XLSX, MediaType.XLSB, MediaType.XLS, MediaType.ODS)

    @property
    def is_image(self) -> bool:
        return self.value.startswith("image/")


_MAGIC: tuple[tuple[bytes, MediaType], ...] = (
    (b"Rar!\x1a\x07", MediaType.RAR),
    (b"7z\xbc\xaf\x27\x1c", MediaType.SEVEN_ZIP),
    (b"\x1f\x8b", MediaType.GZIP),
    (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
    (b"\xff\xd8\xff", MediaType.JPEG),
    (b"II*\x00", MediaType.TIFF),
    (b"MM\x00*", MediaType.TIFF),
    (b"GIF8", MediaType.GIF),
    (b"BM", MediaType.BMP),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_HOLDERS = (_ZIP, _OLE, *(mark for mark, kind in _MAGIC if not kind.is_image))
_HTML_TAG = re.compile(r"<(?:!doctype\s+html|html|head|body|table|div|meta|script)[\s>/]", re.I)
# Headers of a message, in any order.
_MHTML = re.compile(r"(?=(?:.+\n)*?MIME-Version:)(?:.+\n)*?Content-Type:\s*multipart/related", re.I)
# Of text in UTF-16 without a mark this much is ASCII, Chinese or their punctuation.
_MOSTLY = 0.98
_EXPECTED = re.compile(
    r"[\t\n\r\f -~\u00a0\u00b7\u00d7\u2010-\u203b\u2190-\u22ff\u2460-\u25ff\u3000-\u301f"
    r"\u3200-\u33ff\u4e00-\u9fff\uff01-\uff5e\uffe5]"
)
# C0 controls that no text holds; tab, line breaks, form feed and escape may occur.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_DECLARED_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_\-]+)", re.I)
# What pages may declare. Other codecs (punycode, idna, unicode_escape) take quadratic time or
# turn some figures into others, and the single-byte ones make a text of anything.
_CHARSETS = frozenset(
    {"utf-8", "gb2312", "gbk", "gb18030", "hz-gb-2312", "big5", "big5-hkscs", "utf-16"}
)


def sniff(body: bytes) -> MediaType:
    """The media type of a whole file, from its content alone."""
    if not body.strip(b"\x00 \t\r\n"):
        return MediaType.EMPTY
    # Readers tolerate some bytes (mail headers, a BOM) before the mark, up to 1024 (PDF 1.7, H.3).
    # What may hold files may hold a PDF right at its beginning, and others behind it.
    if b"%PDF-" in body[:1024] and not body.startswith(_HOLDERS):
        return MediaType.PDF
    if body.startswith(_ZIP):
        return _sniff_zip(body)
    if body.startswith(_OLE):
        return _sniff_ole(body)
    text = decode_text(body)
    if text is None:
        return next((kind for mark, kind in _MAGIC if body.startswith(mark)), MediaType.BINARY)
    head = text[:65536].lstrip("\ufeff \t\r\n")
    if head.startswith("{\\rtf"):
        return MediaType.RTF
    if _MHTML.match(head[:4096].replace("\r", "")):
        return MediaType.MHTML
    if _HTML_TAG.search(head[:4096]) or (head.startswith("<") and _HTML_TAG.search(head)):
        return MediaType.HTML
    return MediaType.XML if head.startswith("<?xml") else MediaType.TEXT


def _sniff_zip(body: bytes) -> MediaType:
    try:
        names = frozenset(member.filename for member in directory(io.BytesIO(body)))
        if "mimetype" in names:
            with zipfile.ZipFile(io.BytesIO(body)) as package:
                if package.getinfo("mimetype").file_size < 200:
                    declared = package.read("mimetype").decode("ascii", "replace").strip()
                    if declared in (MediaType.ODS, MediaType.ODT):
                        return MediaType(declared)
    except (UnreadableError, *ZIP_ERRORS):
        # A cut package has no directory at its end; local headers still say what it was.
        head = body[:65536]
        for mark, kind in ((b"word/", MediaType.DOCX), (b"xl/", MediaType.XLSX)):
            if mark in head:
                return kind
        return MediaType.ZIP
    if "OFD.xml" in names:
        return MediaType.OFD
    if "xl/workbook.bin" in names:
        return MediaType.XLSB
    if "[Content_Types].xml" in names:
        if any(name.startswith("xl/") for name in names):
            return MediaType.XLSX
        if any(name.startswith("word/") for name in names):
            return MediaType.DOCX
    return MediaType.ZIP


def _sniff_ole(body: bytes) -> MediaType:
    """Excel and Word 97 (and the .et and .wps of WPS) by the names of their streams."""
    for stream, kind in (
        ("EncryptedPackage", MediaType.ENCRYPTED_OFFICE),
        ("Workbook", MediaType.XLS),
        ("Book", MediaType.XLS),
        ("WordDocument", MediaType.DOC),
    ):
        # A directory entry is 64 bytes of UTF-16 name, so the name ends in zeros.
        if stream.encode("utf-16-le") + b"\x00\x00" in body:
            return kind
    return MediaType.BINARY


def decode_text(body: bytes) -> str | None:
    """Text of a file in the encodings of Chinese portals, or None when it is no text."""
    encodings: list[str] = []
    if body.startswith(b"\xef\xbb\xbf"):
        encodings.append("utf-8-sig")
    elif body.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings.append("utf-16")
    elif b"\x00" in body[:4096]:
        return _without_mark(body)
    declared = _DECLARED_CHARSET.search(body[:4096])
    encodings.append("utf-8")
    if declared and (name := declared[1].decode("ascii").lower()) in _CHARSETS:
        # Pages that declare gb2312 use characters of its superset.
        encodings.append("gb18030" if name in ("gb2312", "gbk") else name)
    encodings.append("gb18030")
    for encoding in encodings:
        try:
            text = body.decode(encoding)
        except (UnicodeError, LookupError):
            continue
        if _is_text(text):
            return text
    # Pages with a few broken bytes are common, and browsers show them. A figure that was hit
    # keeps the replacement character and so is no amount.
    for encoding in dict.fromkeys(encodings):
        try:
            text = body.decode(encoding, errors="replace")
        except LookupError:
            continue
        if text.count("\ufffd") <= len(text) // 200 and _is_text(text):
            return text
    return None


def _without_mark(body: bytes) -> str | None:
    """Text in UTF-16 that does not say so: in one order of its bytes what comes out is what
    Chinese texts are made of."""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = body.decode(encoding)
        except UnicodeError:
            continue
        sample = text[:65536]
        if len(_EXPECTED.findall(sample)) >= _MOSTLY * len(sample):
            return text
    return None


def _is_text(text: str) -> bool:
    return len(_CONTROLS.findall(text[:65536])) <= len(text) // 1000

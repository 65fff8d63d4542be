"""Names of archived files by what they are. What a body is, :mod:`disclosures.reading.sniff`
says from its bytes: names and headers of government portals are often wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from disclosures.reading.sniff import MediaType

#: Suffixes, so that a browser opens ``file.pdf#page=5``; anything else is ``.bin``.
_SUFFIXES: Final[Mapping[str, str]] = {
    MediaType.PDF: ".pdf",
    MediaType.XLSX: ".xlsx",
    MediaType.XLSB: ".xlsb",
    MediaType.XLS: ".xls",
    MediaType.ODS: ".ods",
    MediaType.DOCX: ".docx",
    MediaType.DOC: ".doc",
    MediaType.ODT: ".odt",
    MediaType.OFD: ".ofd",
    MediaType.ZIP: ".zip",
    MediaType.RAR: ".rar",
    MediaType.SEVEN_ZIP: ".7z",
    MediaType.GZIP: ".gz",
    MediaType.PNG: ".png",
    MediaType.JPEG: ".jpg",
    MediaType.TIFF: ".tif",
    MediaType.GIF: ".gif",
    MediaType.BMP: ".bmp",
    MediaType.HTML: ".html",
    MediaType.XML: ".xml",
    MediaType.TEXT: ".txt",
}
#: What a list or an article may be; the rest is a document or a failure.
PAGES: Final = frozenset({MediaType.HTML, MediaType.XML, MediaType.TEXT})


_UNSEEN: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.I | re.S)
_AMOUNT: Final = re.compile(r"(?<![\d.,])-?\d[\d,，]*\.\d{1,6}(?![\d.])")
_AMOUNTS: Final = 10


def suffix_of(media_type: str) -> str:
    """The suffix under which a body of this type is archived."""
    return _SUFFIXES.get(media_type, ".bin")


def is_document(media_type: str) -> bool:
    """Whether a body that was no page after all can be a disclosure: an office file, a PDF or a
    package of them, but no picture and nothing unknown."""
    kind = MediaType(media_type)
    return (
        kind not in PAGES
        and kind not in {MediaType.BINARY, MediaType.EMPTY}
        and not (kind.is_image)
    )


def bears_figures(text: str) -> bool:
    """Whether a page or a text shows amounts as accounts do: ten at least, with decimals."""
    return len(_AMOUNT.findall(_UNSEEN.sub(" ", text))) >= _AMOUNTS

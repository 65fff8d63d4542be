"""Web archives (MHTML, RFC 2557): what browsers, Word and Excel save as one file.

Word's archives are often published as .doc. They are messages whose parts are pages, pictures and
style sheets; the pages are read like any other, in their order.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Collection
from email import errors
from pathlib import Path
from typing import Final

from disclosures.reading.grids import PageText
from disclosures.reading.readers.base import Extraction, UnreadableError
from disclosures.reading.readers.html_reader import HtmlReader, read_page

_MOST_PARTS: Final = 2000
_BREAKS_OFF: Final = (
    errors.CloseBoundaryNotFoundDefect,
    errors.StartBoundaryNotFoundDefect,
    errors.InvalidBase64LengthDefect,
)


class MhtmlReader:
    """The pages of an archive one after the other; see :class:`HtmlReader`."""

    name: Final = HtmlReader.name
    version: Final = HtmlReader.version
    stack: Final = HtmlReader.stack

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
        parts = []
        for part in message.walk():
            parts.append(part)
            if len(parts) > _MOST_PARTS:
                raise UnreadableError(f"网页存档的部分超过{_MOST_PARTS}个，不是决算报表")
        found = []
        for part in parts:
            if part.get_content_type() != "text/html":
                continue
            body = part.get_payload(decode=True)
            if any(
                isinstance(defect, _BREAKS_OFF) for one in (message, part) for defect in one.defects
            ):
                raise UnreadableError("网页存档不完整：在中间断开，请重新下载")
            if isinstance(body, bytes) and body.strip():
                found.append(read_page(body))
        if not found:
            raise UnreadableError("网页存档中没有网页，请另存为 .docx 或 PDF 后再读取")
        texts = [text.text for one in found for text in one.texts if text.text.strip()]
        return Extraction(
            tuple(grid for one in found for grid in one.grids),
            (PageText(None, "\n".join(texts)),),
            tuple(dict.fromkeys(note for one in found for note in one.notes)),
            tuple(block for one in found for block in one.blocks),
        )

"""Reading documents into facts and statements."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from disclosures.model import Reading

#: Version of everything that turns a document into a reading. Raise it with every change that
#: makes a document read differently: stored readings of older versions are then read again.
READER_VERSION: Final = "1"


def read_document(
    path: Path,
    *,
    media_type: str | None = None,
    max_pages: int | None = None,
    max_bytes: int | None = None,
) -> Reading:
    """Read one document of any supported format. Never raises.

    What cannot be read comes back as ``DocumentKind.UNREADABLE`` with the reason. The format is
    that of the content; ``media_type``, as a server declared it, only serves to tell when it was
    wrong. PDFs start a Java virtual machine in this process: long runs use
    ``disclosures.reading.workers.ReaderPool``.

    Args:
        path: the file.
        media_type: what the source said that it is.
        max_pages: refuse PDFs of more pages.
        max_bytes: refuse larger files.
    """
    # Imported late: the readers take a second to load and many callers never read a document.
    from disclosures.reading import document

    return document.read_document(
        path, media_type=media_type, max_pages=max_pages, max_bytes=max_bytes
    )

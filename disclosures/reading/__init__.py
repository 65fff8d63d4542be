"""Reading documents into facts and statements."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from disclosures.model import Reading


def _version() -> str:
    """A hash of all code and data that turn a document into a reading."""
    root = Path(__file__).parent.parent
    sources = [root / "amounts.py", root / "model.py"]
    for folder in ("forms", "reading"):
        sources += [p for p in (root / folder).rglob("*") if p.suffix in {".py", ".yaml"}]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"1.0+{digest.hexdigest()[:12]}"


#: Stored readings of other versions are read again. It follows from the sources, because a number
#: that people must remember to raise is one day forgotten, and old readings would stand for new.
READER_VERSION: Final = _version()


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
    wrong. PDFs start a process with a Java virtual machine, which ends with this one: long runs
    use ``disclosures.reading.workers.ReaderPool``.

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

"""The bytes of attachments: rendered once, then kept under the hash of what they came from."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from connectors.replica.offer import Attachment, DeadLink, SavedPage


class Store:
    """Files of the portals below ``root``; an entry is never changed once it is written."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def body_of(self, attachment: Attachment) -> bytes:
        """The file of an attachment.

        Raises:
            LookupError: the attachment has no file of its own (a dead link, a saved page).
        """
        content = attachment.of
        if isinstance(content, DeadLink | SavedPage):
            raise LookupError(f"{attachment.name} has no file")
        return f"%PDF-1.4\n% {attachment.name}\n".encode()

    def _kept(self, key: str) -> bytes | None:
        path = self._root / key[:2] / key
        return path.read_bytes() if path.exists() else None

    def _keep(self, key: str, body: bytes) -> None:
        """Write through a temporary file: a killed start leaves no half of a document."""
        folder = self._root / key[:2]
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        os.replace(name, folder / key)

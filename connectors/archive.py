"""The document archive: bodies by content, and the journals of what was fetched.

    <archive>/ab/abcdef….pdf   a body, named by its SHA-256
    <archive>/journal/…        rows of fetches (connectors.journal)
    <archive>/damaged/…        bodies that no longer had their SHA-256 when they were read

Nothing that comes from the web (names, headers) becomes part of a name.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from connectors import journal as journals_of
from connectors.journal import Journal, JournalFile, fetch_from_row, fetch_to_row
from connectors.media import suffix_of
from connectors.store import INCOMING, Store, StoredObject, sweep, write_durably
from disclosures.reading.sniff import sniff

__all__ = ["Archive", "Damaged", "Journal", "JournalFile", "fetch_from_row", "fetch_to_row"]

logger = logging.getLogger(__name__)

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FOLDER: Final = re.compile(r"[0-9a-f]{2}")


class Damaged(FileNotFoundError):
    """A body that no longer has its SHA-256. It has been set aside: it is as if it were not
    there, and the next crawl fetches it again."""


class Archive:
    """Bodies and journals at ``location``: a folder, or an fsspec URL such as
    ``s3://bucket/prefix`` with the ``storage`` options of its file system.

    ``copies`` is where bodies of an archive elsewhere are copied to when a file is needed; it can
    be deleted between runs. Safe for several processes at once; can be pickled.
    """

    def __init__(
        self,
        location: Path | str,
        *,
        storage: Mapping[str, Any] | None = None,
        copies: Path | None = None,
    ) -> None:
        self.store = Store(location, storage)
        if self.store.folder is not None:
            self.root = self.store.folder
        else:
            self.root = Path(copies or Path(tempfile.gettempdir()) / "juesuan-archive")

    @property
    def incoming(self) -> Path:
        """A folder of this machine for what a crawl needs while it goes on."""
        return self.root / INCOMING

    # -- bodies -----------------------------------------------------------------------------

    def put(self, body: bytes, media_type: str | None = None) -> tuple[str, str]:
        """Keep ``body``; returns its SHA-256 and its name below the archive.

        ``media_type`` decides the suffix; without it the bytes do. A body that is already there
        keeps its first name; a damaged one is replaced.
        """
        sha256 = hashlib.sha256(body).hexdigest()
        found = self._find(sha256)
        if found is not None and found.size_bytes == len(body) and self._is_sound(found, sha256):
            return sha256, found.name
        name = found.name if found else self._name(sha256, media_type or sniff(body))
        self.store.write(name, body)
        return sha256, name

    def archived_as(self, sha256: str, media_type: str | None = None) -> str:
        """The name of a body below the archive, also if it is not there yet.

        Raises:
            ValueError: ``sha256`` is no SHA-256.
            FileNotFoundError: the body is not there and no ``media_type`` says its name.
        """
        found = self._find(sha256)
        if found is not None:
            return found.name
        if media_type is None:
            raise FileNotFoundError(f"{sha256} is not in the archive")
        return self._name(sha256, media_type)

    def path(self, sha256: str, media_type: str | None = None) -> Path:
        """The file of a body, where :meth:`local` puts it; raises what :meth:`archived_as` does."""
        return self.root / self.archived_as(sha256, media_type)

    def size(self, sha256: str) -> int:
        """Size of a body in bytes.

        Raises:
            FileNotFoundError: it is not there.
        """
        found = self._find(sha256)
        if found is None:
            raise FileNotFoundError(f"{sha256} is not in the archive")
        return found.size_bytes

    def read(self, sha256: str) -> bytes:
        """The body, which has its SHA-256.

        Raises:
            FileNotFoundError: it is not there.
            Damaged: it is not what was archived.
        """
        name = self.archived_as(sha256)
        body = self.store.read(name)
        if hashlib.sha256(body).hexdigest() != sha256:
            self._set_aside(name)
        return body

    def local(self, sha256: str) -> Path:
        """A file with the body, which has its SHA-256: of an archive elsewhere, a copy.

        Raises:
            FileNotFoundError: it is not there.
            Damaged: it is not what was archived.
        """
        if self.store.folder is not None:
            path = self.path(sha256)
            if _hash_of(path) != sha256:
                self._set_aside(self.archived_as(sha256))
            return path
        copy = next((self.root / sha256[:2]).glob(f"{sha256}.*"), None)
        if copy is not None and _hash_of(copy) == sha256:
            return copy
        name = self.archived_as(sha256)
        write_durably(self.root, name, self.read(sha256))
        return self.root / name

    def __contains__(self, sha256: str) -> bool:
        return self._find(sha256) is not None

    def verify(self) -> tuple[int, list[str]]:
        """Read every body; how many are sound, and what is told of those that are not."""
        sound, damaged = 0, []
        for folder in self.store.folders(""):
            if not _FOLDER.fullmatch(folder):
                continue
            for one in self.store.objects(folder):
                sha256 = one.name.rpartition("/")[2].partition(".")[0]
                if not _SHA256.fullmatch(sha256):
                    continue
                try:
                    self.read(sha256)
                    sound += 1
                except Damaged as error:
                    damaged.append(str(error))
                except FileNotFoundError:  # another process set it aside in this moment
                    continue
        return sound, damaged

    def sweep(self) -> None:
        """Remove what writers left that were killed more than a day ago."""
        sweep(self.root)

    # -- journals ---------------------------------------------------------------------------

    def journal(self, run_id: str, site: str) -> AbstractContextManager[Journal]:
        """Open a crawl's journal for appending (:func:`connectors.journal.open_journal`)."""
        return journals_of.open_journal(self.store, run_id, site)

    def journals(self, *, loaded: bool = False) -> list[JournalFile]:
        """Journals that the warehouse does not have yet (``loaded=False``) or has, oldest first.

        One that a crawl is still writing is not among them.
        """
        return journals_of.journals(self.store, loaded=loaded)

    def journal_of(self, run_id: str, site: str) -> JournalFile | None:
        """The journal of one run's crawls of one site, if it is among :meth:`journals`."""
        return journals_of.journal_of(self.store, run_id, site)

    def settle(self, journal: JournalFile) -> None:
        """Mark a journal as loaded into the warehouse. Its rows are kept."""
        journals_of.settle(journal)

    # -- inside -----------------------------------------------------------------------------

    def _name(self, sha256: str, media_type: str) -> str:
        return f"{_folder(sha256)}/{sha256}{suffix_of(media_type)}"

    def _find(self, sha256: str) -> StoredObject | None:
        return next(iter(self.store.objects(_folder(sha256), f"{sha256}.")), None)

    def _is_sound(self, found: StoredObject, sha256: str) -> bool:
        """Whether what is there may stay. An object store keeps checksums of its own; reading
        back every body that comes in would cost a transfer each."""
        return self.store.folder is None or _hash_of(self.store.folder / found.name) == sha256

    def _set_aside(self, name: str) -> None:
        target = f"damaged/{time.time_ns()}-{name.rpartition('/')[2]}"
        self.store.set_aside(name, target)
        logger.error("archived body %s is damaged; set aside as %s", name, target)
        raise Damaged(f"归档文件 {name} 已损坏（内容与 SHA-256 不符），已移至 {target}")


def _folder(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return sha256[:2]


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

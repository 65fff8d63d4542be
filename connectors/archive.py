"""The document archive: bodies by content, and the journal of what was fetched.

    <root>/ab/abcdef….pdf                    a body, named by its SHA-256
    <root>/journal/<run>.<site>.jsonl        one line per fetch, written while a crawl goes on
    <root>/journal/<run>.<site>.loaded.jsonl the same, once the warehouse has it

Nothing that comes from the web (names, headers) becomes part of a path.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

try:
    import fcntl
except ImportError:  # Windows, where no two crawls share an archive
    fcntl = None  # type: ignore[assignment]

from connectors.media import suffix_of
from connectors.records import Fetch, FetchOutcome, FetchRole
from disclosures.reading.sniff import sniff

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_JOURNAL: Final = re.compile(
    r"(?P<run>[A-Za-z0-9-]+)\.(?P<site>[a-z0-9_-]+)(?P<loaded>\.loaded)?\.jsonl"
)
_STALE_AFTER_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class JournalFile:
    """The journal of one crawl of one site."""

    run_id: str
    site: str
    path: Path

    def fetches(self) -> list[Fetch]:
        """The complete rows. A last line that a crash cut short is left out."""
        return list(_read_rows(self.path))


class Journal:
    """Appends fetches to one journal file; every row is on the disk when ``append`` returns."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def append(self, fetch: Fetch) -> None:
        row = json.dumps(fetch_to_row(fetch), ensure_ascii=False, separators=(",", ":"))
        self._file.write(row.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


class Archive:
    """Bodies and journals below ``root``. Safe for several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    # -- bodies -----------------------------------------------------------------------------

    def put(self, body: bytes, media_type: str | None = None) -> tuple[str, str]:
        """Keep ``body``; returns its SHA-256 and its path relative to the archive.

        ``media_type`` decides the suffix; without it the bytes do. A body that is already there
        keeps its first name.
        """
        sha256 = hashlib.sha256(body).hexdigest()
        found = self._find(sha256)
        if found is not None and found.stat().st_size == len(body):
            return sha256, self._relative(found)
        target = found or self._target(sha256, media_type or sniff(body))
        self._write(target, body)
        return sha256, self._relative(target)

    def path(self, sha256: str, media_type: str | None = None) -> Path:
        """Where a body is kept, or would be if it is not there yet.

        Raises:
            ValueError: ``sha256`` is no SHA-256.
            FileNotFoundError: the body is not there and no ``media_type`` says its name.
        """
        found = self._find(sha256)
        if found is not None:
            return found
        if media_type is None:
            raise FileNotFoundError(f"{sha256} is not in the archive")
        return self._target(sha256, media_type)

    def read(self, sha256: str) -> bytes:
        """The body.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self.path(sha256).read_bytes()

    def __contains__(self, sha256: str) -> bool:
        return self._find(sha256) is not None

    def sweep(self) -> None:
        """Remove what writers left that were killed more than a day ago."""
        for path in (self.root / "incoming").glob("*"):
            try:
                if path.stat().st_mtime < time.time() - _STALE_AFTER_S:
                    path.unlink()
            except FileNotFoundError:  # another process swept or finished it
                continue

    # -- journals ---------------------------------------------------------------------------

    @contextmanager
    def journal(self, run_id: str, site: str) -> Iterator[Journal]:
        """Open the journal of a crawl for appending.

        Raises:
            ValueError: ``run_id`` or ``site`` cannot be part of a file name.
        """
        name = f"{run_id}.{site}.jsonl"
        if not _JOURNAL.fullmatch(name):
            raise ValueError(f"not a journal name: {name!r}")
        path = self.root / "journal" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = path.exists() and not path.read_bytes().endswith(b"\n")
        with path.open("ab") as file:
            _lock(file)
            if torn:  # an earlier crawl of the same run was killed within a row
                file.write(b"\n")
            yield Journal(file)

    def journals(self, *, loaded: bool = False) -> list[JournalFile]:
        """Journals that the warehouse does not have yet (``loaded=False``) or has, oldest first.

        One that a crawl is still writing is not among them.
        """
        found = []
        for path in (self.root / "journal").glob("*.jsonl"):
            match = _JOURNAL.fullmatch(path.name)
            if match and bool(match["loaded"]) is loaded and not _is_locked(path):
                found.append((path.stat().st_mtime, JournalFile(match["run"], match["site"], path)))
        return [journal for _, journal in sorted(found, key=lambda item: item[0])]

    def settle(self, journal: JournalFile) -> None:
        """Mark a journal as loaded into the warehouse. Its rows are kept."""
        target = journal.path.with_name(f"{journal.run_id}.{journal.site}.loaded.jsonl")
        try:
            os.replace(journal.path, target)
        except FileNotFoundError:
            if not target.exists():
                raise

    # -- inside -----------------------------------------------------------------------------

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _target(self, sha256: str, media_type: str) -> Path:
        return self._folder(sha256) / f"{sha256}{suffix_of(media_type)}"

    def _folder(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a SHA-256: {sha256!r}")
        return self.root / sha256[:2]

    def _find(self, sha256: str) -> Path | None:
        return next(iter(sorted(self._folder(sha256).glob(f"{sha256}.*"))), None)

    def _write(self, target: Path, body: bytes) -> None:
        incoming = self.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # mkstemp makes it private; the data docs link to it
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


def _lock(file: IO[bytes]) -> None:
    """Mark a journal as being written, until the file is closed or its process ends.

    Raises:
        BlockingIOError: another crawl writes it.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_locked(path: Path) -> bool:
    if fcntl is None:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # settled in this moment
        return True
    return False


def fetch_to_row(fetch: Fetch) -> dict[str, Any]:
    """A fetch as JSON values."""
    row = asdict(fetch)
    row["fetched_at"] = fetch.fetched_at.isoformat()
    return {key: value for key, value in row.items() if value is not None}


def fetch_from_row(row: dict[str, Any]) -> Fetch:
    """The fetch of a journal row; keys that later versions added are ignored.

    Raises:
        KeyError, TypeError, ValueError: the row is not that of a fetch.
    """
    known = {field.name for field in fields(Fetch)}
    values = {key: value for key, value in row.items() if key in known}
    values["role"] = FetchRole(row["role"])
    values["outcome"] = FetchOutcome(row["outcome"])
    values["fetched_at"] = datetime.fromisoformat(row["fetched_at"])
    return Fetch(**values)


def _read_rows(path: Path) -> Iterator[Fetch]:
    with path.open("rb") as file:
        for line in file:
            try:
                yield fetch_from_row(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # torn by a crash; the same URL is fetched again


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut (POSIX; elsewhere folders cannot be opened)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

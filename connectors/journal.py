"""The journal of a crawl: one row per fetch, kept before anyone is told of it.

On a disk a journal is one file that grows; in an object store, where nothing grows, one object
per row. Once the warehouse has the rows they become one compressed object, which keeps the
evidence of the crawl.

    journal/<run>.<site>.jsonl            a crawl on this disk, being written or left by one
    journal/<run>.<site>/000001-….json    the same in an object store
    journal/loaded/<run>.<site>.jsonl.gz  rows that the warehouse has

The loaded ones lie apart, so that looking for the others costs what they are and not how many
nights there were.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, Protocol

from connectors import locks
from connectors.evidence import Hop
from connectors.records import Fetch, FetchOutcome, FetchRole
from connectors.scratch import Scratch
from connectors.store import Store

FOLDER: Final = "journal"
LOADED: Final = f"{FOLDER}/loaded"
_NAME: Final = re.compile(
    r"(?P<run>[A-Za-z0-9-]+)\.(?P<site>[a-z0-9_-]+)"
    r"(?P<form>\.jsonl|\.loaded\.jsonl|\.loaded\.jsonl\.gz|\.jsonl\.gz)?"
)
#: Loaded journals of earlier versions, beside the others. They are read where they are.
_LOADED_BESIDE: Final = (".loaded.jsonl.gz", ".loaded.jsonl")
_LEASE: Final = "lease"
#: A crawl of another machine that has not renewed its lease for so long is dead.
_LEASE_S: Final = 15 * 60
_RENEWED_EVERY_S: Final = 60


class Journal(Protocol):
    """Takes the rows of a crawl; a row is kept when ``append`` returns."""

    def append(self, fetch: Fetch) -> None: ...


@dataclass(frozen=True, slots=True)
class JournalFile:
    """The journal of one run's crawls of one site."""

    run_id: str
    site: str
    name: str
    store: Store = field(compare=False, repr=False)

    @property
    def path(self) -> Path:
        """The file, of a journal that is one on this disk."""
        assert self.store.folder is not None
        return self.store.folder / self.name

    def fetches(self) -> list[Fetch]:
        """The complete rows. A last line that a crash cut short is left out."""
        return list(self.rows())

    def rows(self) -> Iterator[Fetch]:
        """The same, one by one."""
        for line in _lines(self.store, self.name):
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                # Torn by a crash where it fails; the same URL is fetched again.
                yield fetch_from_row(json.loads(line))


@contextmanager
def open_journal(store: Store, run_id: str, site: str) -> Iterator[Journal]:
    """Open the journal of a crawl for appending.

    Raises:
        ValueError: ``run_id`` or ``site`` cannot be part of a name.
        BlockingIOError: another crawl writes it.
    """
    name = f"{run_id}.{site}"
    match = _NAME.fullmatch(name)
    if match is None or match["form"]:
        raise ValueError(f"not a journal name: {name!r}")
    if store.folder is None:
        rows = _Objects(store, f"{FOLDER}/{name}")
        try:
            yield rows
        finally:
            rows.close()
        return
    path = store.folder / FOLDER / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        locks.lock(file)
        if _is_torn(path):  # an earlier crawl of the same run was killed within a row
            file.write(b"\n")
        yield _Lines(file)


def journals(store: Store, *, loaded: bool) -> list[JournalFile]:
    """Journals that the warehouse has (``loaded``) or does not have yet, oldest first.

    One that a crawl is still writing is not among them.
    """
    found: list[tuple[float, str]] = []
    for one in store.objects(FOLDER):
        match = _NAME.fullmatch(one.name.removeprefix(f"{FOLDER}/"))
        if match is None or match["form"] not in (".jsonl", *_LOADED_BESIDE):
            continue
        if (match["form"] in _LOADED_BESIDE) is not loaded:
            continue
        if not loaded and _is_being_written(store, one.name):
            continue
        found.append((one.written_at, one.name))
    if loaded:
        found += [(one.written_at, one.name) for one in store.objects(LOADED)]
    elif store.folder is None:
        for folder in store.folders(FOLDER):
            if folder == LOADED:
                continue
            rows = store.objects(folder)
            if rows and not _is_being_written(store, folder):
                found.append((min(one.written_at for one in rows), folder))
    journals = []
    for _, name in sorted(found):
        match = _NAME.fullmatch(name.rpartition("/")[2])
        if match is not None:
            journals.append(JournalFile(match["run"], match["site"], name, store))
    return journals


def journal_of(store: Store, run_id: str, site: str) -> JournalFile | None:
    """The journal of one run's crawls of one site, if the warehouse does not have it yet and no
    crawl is writing it. Costs the same however many there are."""
    name = f"{FOLDER}/{run_id}.{site}" + (".jsonl" if store.folder is not None else "")
    if store.folder is not None:
        is_there = (store.folder / name).exists()
    else:
        is_there = bool(store.objects(name))
    if not is_there or _is_being_written(store, name):
        return None
    return JournalFile(run_id, site, name, store)


def _is_being_written(store: Store, name: str) -> bool:
    if store.folder is not None:
        return _is_locked(store.folder / name)
    return not name.endswith(".jsonl") and _is_leased(store, name)


def settle(journal: JournalFile) -> None:
    """Keep a journal's rows as loaded. Rows of the same crawl that are so already stay."""
    store = journal.store
    stem = f"{FOLDER}/{journal.run_id}.{journal.site}"
    target = f"{LOADED}/{journal.run_id}.{journal.site}.jsonl.gz"
    beside = [stem + form for form in _LOADED_BESIDE]
    if journal.name in (target, *beside):
        return
    sources = [target, *beside, journal.name]
    seen = Scratch().texts()
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder) / "journal.gz"
        # No time in the header: the same rows give the same object.
        with merged.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
            for source in sources:
                for line in _lines(store, source):
                    mark = hashlib.blake2b(line, digest_size=16).hexdigest()
                    if mark not in seen and line.strip():
                        seen.add(mark)
                        file.write(line.rstrip(b"\n") + b"\n")
        if not seen:
            _remove(store, journal.name)
            return
        store.write_file(target, merged)
    for source in sources[1:]:
        _remove(store, source)


class _Lines:
    """A file; every row is on the disk when ``append`` returns."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def append(self, fetch: Fetch) -> None:
        self._file.write(_line(fetch) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


class _Objects:
    """One object per row, beside a lease that says that somebody still writes."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = folder
        if _is_leased(store, folder):
            raise BlockingIOError(f"another crawl writes {folder}")
        self._opened = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
        self._rows = 0
        self._renewed_at = 0.0
        self._renew()

    def append(self, fetch: Fetch) -> None:
        self._rows += 1
        name = f"{self._folder}/{self._opened}-{self._rows:06d}.json"
        self._store.write(name, _line(fetch))
        if time.monotonic() - self._renewed_at > _RENEWED_EVERY_S:
            self._renew()

    def close(self) -> None:
        self._store.remove(f"{self._folder}/{_LEASE}")

    def _renew(self) -> None:
        lease = {"host": socket.gethostname(), "pid": os.getpid(), "at": time.time()}
        self._store.write(f"{self._folder}/{_LEASE}", json.dumps(lease).encode())
        self._renewed_at = time.monotonic()


def _is_leased(store: Store, folder: str) -> bool:
    try:
        lease = json.loads(store.read(f"{folder}/{_LEASE}"))
        age_s = time.time() - float(lease["at"])
        host, pid = lease["host"], int(lease["pid"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    if host == socket.gethostname() and not _is_alive(pid):
        return False
    return age_s < _LEASE_S


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lines(store: Store, name: str) -> Iterator[bytes]:
    if not name.endswith((".jsonl", ".gz")):
        for one in store.objects(name):
            if not one.name.endswith(f"/{_LEASE}"):
                yield store.read(one.name)
        return
    try:
        with store.open(name) as file:
            if name.endswith(".gz"):
                with gzip.open(file, "rb") as lines:
                    yield from lines
            else:
                yield from file
    except FileNotFoundError:
        return


def _remove(store: Store, name: str) -> None:
    if name.endswith((".jsonl", ".gz")):
        store.remove(name)
        return
    for one in store.objects(name):
        store.remove(one.name)


def _is_torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            locks.lock(file, shared=True)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # settled in this moment
        return True
    return False


def _line(fetch: Fetch) -> bytes:
    return json.dumps(fetch_to_row(fetch), ensure_ascii=False, separators=(",", ":")).encode()


def fetch_to_row(fetch: Fetch) -> dict[str, Any]:
    """A fetch as JSON values."""
    row = {field.name: getattr(fetch, field.name) for field in fields(Fetch)}
    row["fetched_at"] = fetch.fetched_at.isoformat()
    row["headers"] = dict(fetch.headers)
    row["hops"] = [hop.to_row() for hop in fetch.hops]
    return {key: value for key, value in row.items() if value is not None}


def fetch_from_row(row: dict[str, Any]) -> Fetch:
    """The fetch of a journal row; keys that later versions added are ignored.

    Raises:
        KeyError, TypeError, ValueError: the row is not that of a fetch.
    """
    known = {field.name for field in fields(Fetch)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in row.items()
        if key in known
    }
    values["role"] = FetchRole(row["role"])
    values["outcome"] = FetchOutcome(row["outcome"])
    values["fetched_at"] = datetime.fromisoformat(row["fetched_at"])
    values["hops"] = tuple(Hop.from_row(hop) for hop in row.get("hops", ()))
    return Fetch(**values)

"""What a crawl knows of a site's URLs, looked up in a file instead of held in memory."""

from __future__ import annotations

import os
import pickle
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from connectors import locks
from connectors.records import Known
from connectors.scratch import CACHE_KIB

_START: Final = "known-"


@contextmanager
def known_index(folder: Path, known: Iterable[Known]) -> Iterator[KnownIndex]:
    """An index of what ``known`` yields, in ``folder`` until the block ends. What killed
    processes left there is removed first.

    Raises:
        OSError, sqlite3.Error: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    handle, name = tempfile.mkstemp(dir=folder)
    lock = Path(name)
    path = folder / f"{_START}{lock.name}.db"
    try:
        if locks.AVAILABLE:  # elsewhere the archive sweeps what is a day old
            # Locked before it has the name by which others find it.
            locks.lock(handle)
            lock = lock.rename(path.with_suffix(".lock"))
        with closing(KnownIndex.build(path, known)) as index:
            yield index
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)
        lock.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove the indexes of processes that are no more: nobody holds their locks."""
    for lock in folder.glob(f"{_START}*.lock"):
        try:
            with lock.open("rb") as file:
                locks.lock(file)
                lock.with_suffix(".db").unlink(missing_ok=True)
                lock.unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):  # in use; swept by another in this moment
            continue


class KnownIndex(Mapping[str, Known]):
    """The terms of conditional requests by URL, in an SQLite file of one crawl. Can be handed to
    the crawl's process, which opens the file itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None

    @classmethod
    def build(cls, path: Path, known: Iterable[Known]) -> KnownIndex:
        """Write an index of what ``known`` yields; nothing of it stays in memory."""
        # No journal beside it: an index that was not finished is not used.
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(
                "CREATE TABLE known (url TEXT PRIMARY KEY, entry BLOB) WITHOUT ROWID"
            )
            connection.executemany(
                "INSERT OR REPLACE INTO known VALUES (?, ?)",
                ((entry.url, pickle.dumps(entry)) for entry in known),
            )
        return cls(path)

    def __getstate__(self) -> dict[str, object]:
        return {"_path": self._path, "_opened": None}

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            # Not one of a crawl's threads writes.
            self._opened = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
            self._opened.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return self._opened

    def __getitem__(self, url: str) -> Known:
        query = "SELECT entry FROM known WHERE url = ?"
        row = self._connection.execute(query, (url,)).fetchone()
        if row is None:
            raise KeyError(url)
        entry: Known = pickle.loads(row[0])
        return entry

    def __iter__(self) -> Iterator[str]:
        for (url,) in self._connection.execute("SELECT url FROM known ORDER BY url"):
            yield url

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM known").fetchone()[0])

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

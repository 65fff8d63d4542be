"""What a crawl knows of a site's URLs, looked up in a file instead of held in memory."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from connectors.records import Known
from connectors.scratch import CACHE_KIB


class KnownIndex(Mapping[str, Known]):
    """The terms of conditional requests by URL, in an SQLite file of one crawl. Can be handed to
    the crawl's process, which opens the file itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None

    @classmethod
    def build(cls, path: Path, known: Iterable[Known]) -> KnownIndex:
        """Write an index of what ``known`` yields; nothing of it stays in memory."""
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(
                "CREATE TABLE known (url TEXT PRIMARY KEY, entry BLOB) WITHOUT ROWID"
            )
            connection.executemany(
                "INSERT OR REPLACE INTO known VALUES (?, ?)",
                ((entry.url, pickle.dumps(entry)) for entry in known),
            )
        connection.close()
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

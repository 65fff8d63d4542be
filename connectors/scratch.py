"""Sets and tables of texts on the disk, for what grows with the size of a site."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterable, Iterator, MutableMapping, MutableSet
from typing import Final

#: Of SQLite's pages, whatever is written; the rest lies in a file without a name.
CACHE_KIB: Final = 256


class Scratch:
    """Sets and tables of one process, in a file that goes when they do. One thread at a time."""

    def __init__(self) -> None:
        # SQLite's temporary database: it becomes a file as soon as its cache is full.
        self.connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for pragma in (f"cache_size = -{CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute(
            "CREATE TABLE items (owner INTEGER, name BLOB, value BLOB, PRIMARY KEY (owner, name))"
            " WITHOUT ROWID"
        )
        self._owners = 0
        weakref.finalize(self, self.connection.close)

    def texts(self, given: Iterable[str] = ()) -> Texts:
        """A new set that holds ``given``."""
        return Texts(self._table(), given)

    def table(self) -> Table:
        """A new table."""
        return self._table()

    def _table(self) -> Table:
        self._owners += 1
        return Table(self, self._owners)


class Table(MutableMapping[str, str]):
    """A table of texts by text, in their order. Made by :meth:`Scratch.table`."""

    def __init__(self, scratch: Scratch, owner: int) -> None:
        self._scratch = scratch  # held: the file lasts as long as what is in it
        self._owner = owner
        self._count = 0

    def _run(self, statement: str, *values: str) -> sqlite3.Cursor:
        # As bytes: what comes from the web may hold halves of surrogate pairs.
        given = (value.encode("utf-8", "surrogatepass") for value in values)
        return self._scratch.connection.execute(statement, (self._owner, *given))

    def __getitem__(self, name: str) -> str:
        found = self._run("SELECT value FROM items WHERE owner = ? AND name = ?", name).fetchone()
        if found is None:
            raise KeyError(name)
        return _text(found[0])

    def __setitem__(self, name: str, value: str) -> None:
        if not self.put(name, value):
            self._run("UPDATE items SET value = ?3 WHERE owner = ?1 AND name = ?2", name, value)

    def put(self, name: str, value: str) -> bool:
        """Keep a value unless the name has one; whether it had none."""
        statement = "INSERT OR IGNORE INTO items (owner, name, value) VALUES (?, ?, ?)"
        is_new = self._run(statement, name, value).rowcount == 1
        self._count += is_new
        return is_new

    def __delitem__(self, name: str) -> None:
        if not self._run("DELETE FROM items WHERE owner = ? AND name = ?", name).rowcount:
            raise KeyError(name)
        self._count -= 1

    def __iter__(self) -> Iterator[str]:
        query = "SELECT name FROM items WHERE owner = ? ORDER BY name"
        for (name,) in self._run(query):
            yield _text(name)

    def __len__(self) -> int:
        return self._count


class Texts(MutableSet[str]):
    """A set of texts, in their order. Made by :meth:`Scratch.texts`."""

    def __init__(self, table: Table, given: Iterable[str] = ()) -> None:
        self._table = table
        for text in given:
            self.add(text)

    @classmethod
    def _from_iterable(cls, given: Iterable[str]) -> set[str]:  # type: ignore[override]
        """Unions and the like are sets in memory."""
        return set(given)

    def __contains__(self, text: object) -> bool:
        return text in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def add(self, text: str) -> None:
        self._table.put(text, "")

    def discard(self, text: str) -> None:
        self._table.pop(text, None)


def _text(kept: bytes) -> str:
    return kept.decode("utf-8", "surrogatepass")

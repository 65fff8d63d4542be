"""Where the archive's objects lie: a local folder, or any place that fsspec reaches by URL.

An object appears whole or not at all. On a local disk it is also durable when ``write`` returns;
an object store promises that itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final, cast

_STALE_AFTER_S: Final = 24 * 3600
INCOMING: Final = "incoming"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Name below the store, size in bytes, time of writing (epoch seconds)."""

    name: str
    size_bytes: int
    written_at: float


class Store:
    """Objects below ``location``: a folder, or an fsspec URL such as ``s3://bucket/prefix``.

    ``options`` go to the fsspec file system (endpoint, credentials); what they leave out comes
    from the environment, as the service's own tools read it. Can be pickled.

    Every method raises OSError where the place cannot be reached or written.
    """

    def __init__(self, location: Path | str, options: Mapping[str, Any] | None = None) -> None:
        self.location = str(location)
        self.options = dict(options or {})

    def __getstate__(self) -> dict[str, Any]:
        return {"location": self.location, "options": self.options}

    @property
    def folder(self) -> Path | None:
        """The local folder, or None for a store elsewhere."""
        return None if "://" in self.location else Path(self.location)

    @cached_property
    def _place(self) -> tuple[Any, str]:
        import fsspec

        if self.folder is not None:
            return fsspec.filesystem("file"), str(self.folder.absolute())
        # Other processes write here as well, so nothing may be remembered.
        options = {"use_listings_cache": False, "skip_instance_cache": True} | self.options
        file_system, path = fsspec.core.url_to_fs(self.location, **options)
        return file_system, path.rstrip("/")

    def _path(self, name: str) -> str:
        return f"{self._place[1]}/{name}"

    def objects(self, folder: str, start: str = "") -> list[StoredObject]:
        """The objects of ``folder`` whose names begin with ``start``, by name; not recursive."""
        file_system, base = self._place
        with _as_os_error():
            try:
                found = file_system.find(
                    self._path(folder), maxdepth=1, detail=True, **self._prefix(start)
                )
            except FileNotFoundError:
                return []
        objects = (
            StoredObject(path.removeprefix(f"{base}/"), info["size"] or 0, _written_at(info))
            for path, info in found.items()
        )
        return sorted(
            (one for one in objects if one.name.startswith(f"{folder}/{start}")),
            key=lambda one: one.name,
        )

    def _prefix(self, start: str) -> dict[str, str]:
        # Object stores look names up by their beginning; a folder is read as a whole.
        return {"prefix": start} if start and self.folder is None else {}

    def folders(self, folder: str) -> list[str]:
        """The names of the folders in ``folder``."""
        file_system, base = self._place
        with _as_os_error():
            try:
                found = file_system.ls(self._path(folder).rstrip("/"), detail=True)
            except FileNotFoundError:
                return []
        return sorted(
            info["name"].rstrip("/").removeprefix(f"{base}/")
            for info in found
            if info["type"] == "directory"
        )

    def read(self, name: str) -> bytes:
        """Raises:
        FileNotFoundError: there is no such object.
        """
        with _as_os_error():
            return cast(bytes, self._place[0].cat_file(self._path(name)))

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """An object for reading from its beginning to its end.

        Raises:
            FileNotFoundError: there is no such object.
        """
        with _as_os_error(), self._place[0].open(self._path(name), "rb") as file:
            yield file

    def write(self, name: str, body: bytes) -> None:
        """Put an object, in place of one of that name."""
        if self.folder is not None:
            write_durably(self.folder, name, body)
            return
        with _as_os_error():
            self._place[0].pipe_file(self._path(name), body)

    def write_file(self, name: str, source: Path) -> None:
        """Put what a file holds."""
        if self.folder is not None:
            write_durably(self.folder, name, source)
            return
        with _as_os_error():
            self._place[0].put_file(str(source), self._path(name))

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with _as_os_error():
            try:
                self._place[0].rm_file(self._path(name))
            except FileNotFoundError:
                return

    def set_aside(self, name: str, target: str) -> None:
        """Give an object another name.

        Raises:
            FileNotFoundError: there is no such object.
        """
        if self.folder is not None:
            (self.folder / target).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.folder / name, self.folder / target)
            return
        self.write(target, self.read(name))
        self.remove(name)


def sweep(root: Path) -> None:
    """Remove what writers below ``root`` left that were killed more than a day ago."""
    for path in (root / INCOMING).glob("*"):
        try:
            if path.stat().st_mtime < time.time() - _STALE_AFTER_S:
                path.unlink()
        except (FileNotFoundError, PermissionError):  # swept or finished by another; of another
            continue


def write_durably(root: Path, name: str, body: bytes | Path) -> None:
    """Write ``root / name`` whole or not at all, and on the disk when this returns."""
    target = root / name
    incoming = root / INCOMING
    incoming.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=incoming)
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(body, bytes):
                file.write(body)
            else:
                with body.open("rb") as source:
                    shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes it private; the data docs link to it
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut (POSIX; elsewhere folders cannot be opened)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _written_at(info: Mapping[str, Any]) -> float:
    for key in ("mtime", "LastModified", "last_modified", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Services raise errors of their own; who stores something knows OSError."""
    try:
        yield
    except (OSError, ValueError, TypeError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error

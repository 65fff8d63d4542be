"""Put a finished folder in place of an old one, whole, with one builder at a time."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors import locks

LOCK_TIMEOUT_S = 1800.0
_POLL_S = 0.2


class SiteBusyError(RuntimeError):
    """Another builder held the site for longer than the caller wanted to wait."""


@contextmanager
def sole_builder(out: Path, *, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold the lock of ``out``; the kernel frees it when the holder dies.

    Raises:
        SiteBusyError: the lock was not free within ``timeout_s`` seconds.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    with out.with_name(f".{out.name}.lock").open("ab") as lock:
        while True:
            try:
                locks.lock(lock)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise SiteBusyError(f"{out} is being built by another process") from None
                time.sleep(_POLL_S)
        yield


@contextmanager
def swapped_in(out: Path, *, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[Path]:
    """Yield an empty side folder that takes the place of ``out`` when the block ends well.

    A folder cannot be renamed over a full one, so the old one is moved aside first. A builder
    that is killed between the two renames leaves ``<out>.old-<pid>``: the next one moves it back
    before it builds, and sweeps away what else was left behind.
    """
    with sole_builder(out, timeout_s=timeout_s):
        _recover(out)
        building = out.with_name(f"{out.name}.building-{os.getpid()}")
        building.mkdir()
        try:
            yield building
            aside = out.with_name(f"{out.name}.old-{os.getpid()}")
            if out.exists():
                out.rename(aside)
            building.rename(out)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _recover(out: Path) -> None:
    aside = sorted(out.parent.glob(f"{out.name}.old-*"), key=lambda path: path.stat().st_mtime)
    if aside and not out.exists():
        aside.pop().rename(out)
    for leftover in [*aside, *out.parent.glob(f"{out.name}.building-*")]:
        shutil.rmtree(leftover, ignore_errors=True)

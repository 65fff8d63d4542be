"""Locks on files that end with the process that holds them.

Where the system has none (Windows), every lock is had, and nobody is seen to hold one.
"""

from __future__ import annotations

from typing import IO, Final

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

#: Whether one process sees what another holds.
AVAILABLE: Final = fcntl is not None


def lock(file: IO[bytes] | int, *, shared: bool = False) -> None:
    """Hold a file until it is closed or the process ends.

    Raises:
        BlockingIOError: another holds it.
    """
    if fcntl is not None:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

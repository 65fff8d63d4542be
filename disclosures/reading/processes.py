"""What the processes that read hostile files share: an end with their parent, and pipes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO


def start_process(
    call: str, arguments: Sequence[str], *, stderr: int | IO[bytes], own_group: bool
) -> tuple[subprocess.Popen[bytes], Connection, Connection]:
    """Start ``call`` ("module:function") in an interpreter of its own.

    Its first two arguments are the descriptors of its orders and of its results; the answer's
    second and third are this process's ends of both. Pipes of its own: libraries print to stdout.
    Its orders end when this process dies, however it dies. ``own_group`` keeps Ctrl-C from it and
    makes it leader of what it starts.
    """
    module, _, function = call.partition(":")
    there_r, ours_w = os.pipe()
    ours_r, there_w = os.pipe()
    try:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"from {module} import {function}; {function}()",
                str(there_r),
                str(there_w),
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            pass_fds=(there_r, there_w),
            # The child imports the project from where this process did, whatever its directory.
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=own_group,
        )
    except BaseException:
        os.close(ours_r)
        os.close(ours_w)
        raise
    finally:
        os.close(there_r)
        os.close(there_w)
    return process, Connection(ours_w, readable=False), Connection(ours_r, writable=False)


def end_with_parent(parent: int) -> None:
    """Body of a thread that ends this process once ``parent`` is not its parent any more."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def rss_mb(pid: int) -> float:
    """Resident memory in MiB of a process and of those that its first thread has started; 0 where
    the system does not tell (no /proc) or the process is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError, ValueError):
        return 0.0
    own = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return own + sum(rss_mb(int(child)) for child in children)

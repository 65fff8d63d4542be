"""Prefect's private server, which ends with the run that started it, however that ends.

Prefect stops the server when its process exits in order. One that is killed would leave it behind:
so a small process of its own waits for the end of the run and then ends the server.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
from typing import Any, Final

from prefect.server.api.server import SubprocessASGIServer

#: Reads from a pipe whose other end goes with the run. The server is held by a descriptor, for its
#: number may be another's by then.
_WATCHER: Final = """
import os, select, signal, sys
try:
    server = os.pidfd_open(int(sys.argv[1]))
except ProcessLookupError:
    sys.exit()
sys.stdin.read()
ended = select.poll()
ended.register(server, select.POLLIN)
for kind in (signal.SIGTERM, signal.SIGKILL):
    try:
        signal.pidfd_send_signal(server, kind)
    except ProcessLookupError:
        break
    if ended.poll(5000):
        break
"""


def end_with_this_process(pid: int) -> None:
    """Have a child process end when this process is gone (Linux; elsewhere it stays)."""
    if sys.platform != "linux":
        return
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WATCHER, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # An interrupt at the terminal is for the run.
        start_new_session=True,
    )
    atexit.register(watcher.communicate)


class PrivateServer(SubprocessASGIServer):
    """The server that Prefect starts where none is configured."""

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        process = super()._run_uvicorn_command()
        end_with_this_process(process.pid)
        return process


def provide() -> None:
    """Let flow runs of this process find this server where they would start one."""
    PrivateServer()  # Prefect keeps one instance per port

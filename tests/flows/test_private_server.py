"""The private server of a run from the command line does not outlive it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SERVED = """
import sys
from pathlib import Path
from flows.cli import _prefect
from flows.settings import Settings

with _prefect(Settings(data=Path(sys.argv[1]))):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        assert client.api_healthcheck() is None
    from prefect.server.api.server import SubprocessASGIServer

    print(SubprocessASGIServer().server_process.pid, flush=True)
    sys.stdin.read()
"""

BOUND = """
import subprocess, sys
from flows.private_server import end_with_this_process

sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
end_with_this_process(sleeper.pid)
print(sleeper.pid, flush=True)
sys.stdin.read()
if sys.argv[1] == "in order":
    sleeper.kill()
    sleeper.wait()
"""


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int]) -> bool:
    """Whether processes end, in their time."""
    deadline = time.monotonic() + 60
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(is_running, pids))


def started(code: str, argument: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PREFECT_API_URL"}
    return subprocess.Popen(
        [sys.executable, "-c", code, argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )


@pytest.mark.timeout(600)
def test_a_killed_run_takes_its_server_along(tmp_path: Path) -> None:
    with started(SERVED, str(tmp_path)) as run:
        assert run.stdout is not None
        server = int(run.stdout.readline())
        below = children_of(run.pid)
        assert server in below
        assert is_running(server)
        run.kill()
    assert gone(below)


@pytest.mark.parametrize("how", ["in order", "at once"])
def test_nobody_stays_where_a_run_ends_by_itself(how: str) -> None:
    with started(BOUND, how) as run:
        assert run.stdout is not None
        sleeper = int(run.stdout.readline())
        below = children_of(run.pid)
        assert sleeper in below
        assert len(below) == 2
        run.communicate("")
    assert run.returncode == 0
    assert gone(below)

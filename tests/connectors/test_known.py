"""What a crawl knows of its site lies in a file that goes with it, also when it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from portal import Portal, portal
from test_crawl import site_of, three_documents

from connectors.known import known_index
from connectors.records import Known
from flows import steps
from flows.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def entries(number: int) -> list[Known]:
    return [Known(f"http://hill.example/{n}.pdf", f"{n:064x}") for n in range(number)]


def test_what_is_known_is_looked_up_until_the_crawl_ends(tmp_path: Path) -> None:
    with known_index(tmp_path, entries(3)) as one, known_index(tmp_path, entries(1)) as other:
        assert dict(one) == {known.url: known for known in entries(3)}
        assert len(other) == 1
        with pytest.raises(KeyError):
            one["http://hill.example/3.pdf"]
    assert list(tmp_path.iterdir()) == []


def test_an_index_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> list[Known]:
        raise OSError("the warehouse is gone")

    with (
        pytest.raises(OSError, match="the warehouse is gone"),
        known_index(tmp_path, (known for known in broken())),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


_NIGHT = """
import sys
from pathlib import Path
from test_known import crawl
crawl(Path(sys.argv[1]), sys.argv[2])
"""


def crawl(data: Path, url: str) -> steps.SiteOutcome:
    """One night's crawl of the portal at ``url``."""
    work = steps.Workspace(Settings(data=data))
    site = site_of(Portal(int(url.rpartition(":")[2]), {}))
    work.__dict__["sites"] = {site.key: site}
    try:
        with steps.recorded_run(work, "nightly", {}) as run:
            return steps.crawl(work, run.run_id, site.key, None)
    finally:
        work.engine.dispose()


@pytest.mark.timeout(300)
def test_nothing_is_left_of_a_killed_night_after_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, temporary = tmp_path / "data", tmp_path / "tmp"
    temporary.mkdir()
    incoming = data / "archive" / "incoming"
    path = os.pathsep.join((str(Path(__file__).parent), str(ROOT)))
    environment = os.environ | {"PYTHONPATH": path, "TMPDIR": str(temporary)}

    def indexes() -> list[Path]:
        return [one for one in tmp_path.rglob("*known*") if "pycache" not in str(one)]

    with portal(three_documents()) as running:
        running.gate_after = 2  # the crawl is under way and waits for its third answer
        night = subprocess.Popen(
            [sys.executable, "-c", _NIGHT, str(data), running.url], env=environment, cwd=ROOT
        )
        with night:
            waited = time.monotonic() + 200
            while len(running.log) < 2 and night.poll() is None and time.monotonic() < waited:
                time.sleep(0.05)
            left = indexes()
            with known_index(incoming, entries(1)):
                assert set(left) < set(indexes()), "that of a living crawl stays"
            assert night.poll() is None
            night.kill()
        assert indexes() == left, "a killed process clears nothing away"
        assert {one.parent for one in left} == {incoming}
        running.gate_after = None
        running.open.set()
        outcome = crawl(data, running.url)
    assert (outcome.failed, outcome.documents) == (None, 3)
    assert indexes() == []

"""Which sites a nightly run asks, and how often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import pytest
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

from bench import loopback
from connectors.records import Fetch, FetchOutcome, FetchRole
from connectors.sites import Column, Site
from flows import nightly, steps
from flows.settings import Settings


@contextmanager
def portal(
    pages: dict[str, bytes],
    rest: str | None = None,
    before: Callable[[str], None] = lambda path: None,
) -> Iterator[tuple[str, list[str]]]:
    """Serves pages; with ``rest`` it asks for that many seconds of it instead, but for robots.
    ``before`` is called before every answer."""
    asked: list[str] = []

    class Handler(loopback.Handler):
        def do_GET(self) -> None:
            asked.append(self.path)
            before(self.path)
            busy = rest is not None and self.path != "/robots.txt"
            body = b"" if busy else pages.get(self.path, b"")
            self.send_response(429 if busy else 200)
            if busy:
                self.send_header("Retry-After", rest or "")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with loopback.serving(Handler) as port:
        yield f"http://127.0.0.1:{port}", asked


PAGES = {
    "/bmjs/index.html": '<li><a href="./t20240920_1.html">甲局2023年度部门决算</a></li>'.encode(),
    "/bmjs/t20240920_1.html": '<title>甲局2023年度决算</title><a href="/a.pdf">a.pdf</a>'.encode(),
    "/a.pdf": b"%PDF-1.7\na test\n%%EOF\n",
}


def site(key: str, url: str, **values: object) -> Site:
    column = Column(url=f"{url}/bmjs/index.html", what="部门决算")
    return Site.model_validate(
        {
            "key": key,
            "name": key,
            "region": "示例市",
            "family": "trs_static",
            "columns": (column,),
            "allow_loopback": True,
            "delay_s": 0,
            **values,
        }
    )


def test_a_site_that_wants_rest_is_asked_once_and_one_in_its_quiet_hours_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUESUAN_DATA", str(tmp_path))
    now = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    with (
        portal(PAGES) as (good, _),
        portal(PAGES, "86400") as (tired, asked),
        prefect_test_harness(),
    ):
        work = steps.workspace()
        work.sites = {
            "good": site("good", good),
            "tired": site("tired", tired),
            "quiet": site("quiet", good, quiet_hours=(hours,)),
        }

        @flow
        def night() -> tuple[list[steps.SiteOutcome], dict[str, str]]:
            with steps.recorded_run(work, "nightly", {}) as run:
                return nightly.crawl_sites(run, list(work.sites), None)

        outcomes, failed = night()
        work.engine.dispose()
    assert {o.site: o.documents for o in outcomes} == {"good": 1, "quiet": 0}
    assert set(failed) == {"tired", "quiet"}
    assert "86400" in failed["tired"]
    assert "静默时段" in failed["quiet"]
    assert asked == ["/robots.txt", "/bmjs/index.html"], "no second try"


class Clock(datetime):
    """The time of this process, which a test may put forward."""

    ahead = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.ahead


def test_a_site_whose_quiet_hours_end_meanwhile_is_crawled_after_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUESUAN_DATA", str(tmp_path))
    monkeypatch.setattr(nightly, "datetime", Clock)
    monkeypatch.setattr("connectors.crawl.datetime", Clock)
    monkeypatch.setattr(Clock, "ahead", timedelta(0))
    now = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M}"

    def hours_pass(path: str) -> None:
        """While the other site is crawled, and not before the first was found to be quiet."""
        deadline = time.monotonic() + 120
        while not any(one.site == "quiet" for one in work.archive.journals(loaded=True)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        Clock.ahead = timedelta(hours=3)

    with (
        portal(PAGES, before=hours_pass) as (good, _),
        portal(PAGES) as (quiet, asked),
        prefect_test_harness(),
    ):
        work = steps.workspace()
        work.sites = {
            "quiet": site("quiet", quiet, quiet_hours=(hours,)),
            "good": site("good", good),
        }

        @flow
        def night() -> tuple[list[steps.SiteOutcome], dict[str, str]]:
            with steps.recorded_run(work, "nightly", {}) as run:
                return nightly.crawl_sites(run, list(work.sites), None)

        outcomes, failed = night()
        work.engine.dispose()
    assert [(o.site, o.documents) for o in outcomes] == [("quiet", 0), ("good", 1), ("quiet", 1)]
    assert failed == {}
    assert sorted(asked) == sorted(["/robots.txt", *PAGES])


def test_a_journal_that_cannot_be_loaded_is_told_and_costs_the_others_nothing(
    tmp_path: Path,
) -> None:
    work = steps.Workspace(Settings(data=tmp_path))

    def leave(run_id: str, key: str, sha256: str) -> None:
        row = Fetch(
            site=key,
            url=f"http://{key}.test/a.pdf",
            role=FetchRole.DOCUMENT,
            outcome=FetchOutcome.NEW,
            fetched_at=datetime.now(UTC),
            sha256=sha256,
            media_type="application/pdf",
        )
        with work.archive.journal(run_id, key) as journal:
            journal.append(row)

    with steps.recorded_run(work, "nightly", {}) as run:
        leave(run.run_id, "broken", "no hash of anything")
        leave(run.run_id, "sound", "a" * 64)
        leave("another-warehouse", "sound", "b" * 64)
        left = steps.take_up_journals(work)
    work.engine.dispose()
    assert list(left) == [f"journal/{run.run_id}.broken.jsonl"]
    assert "no hash of anything" in left.popitem()[1]
    assert [one.site for one in work.archive.journals(loaded=True)] == ["sound"]
    assert {one.run_id for one in work.archive.journals()} == {run.run_id, "another-warehouse"}

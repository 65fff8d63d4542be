"""New, changed, withdrawn and replaced documents are told apart, night after night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from portal import Portal, Reply, portal
from sqlalchemy import select, update
from test_crawl import PDF, article, list_page, site_of, three_documents

from connectors.sites import Site
from flows import steps
from flows.settings import Settings
from warehouse import load, locations
from warehouse.schema import RawDocument, RawFetch, RawLocation, RawVersion

FIRST, SECOND, OLD = "/bmjs/202409/P02024.pdf", "/bmjs/202409/P02024b.xlsx", "/files/down?id=9"


class Nights:
    """A workspace over one portal, and what its warehouse says of the portal's URLs."""

    def __init__(self, running: Portal, data: Path) -> None:
        self.running = running
        self.work = steps.Workspace(Settings(data=data))
        self.site: Site = site_of(running)
        self.work.__dict__["sites"] = {self.site.key: self.site}

    def crawl(self, since: date | None = None) -> steps.SiteOutcome:
        run = load.start_run(
            self.work.engine,
            kind="nightly",
            parameters={},
            code_version="0",
            ruleset="r",
            reader_version="r",
        )
        outcome = steps.crawl(self.work, run, self.site.key, since)
        locations.settle_replacements(self.work.engine, [self.site.key])
        return outcome

    def states(self) -> dict[str, str]:
        with self.work.engine.connect() as connection:
            rows = connection.execute(
                select(RawLocation.url, RawLocation.state).where(RawLocation.role == "document")
            )
            return {row.url.removeprefix(self.running.url): row.state for row in rows}

    def sha_of(self, path: str) -> str:
        with self.work.engine.connect() as connection:
            query = select(RawLocation.sha256).where(RawLocation.url == self.running.url + path)
            return str(connection.scalars(query).one())

    def let_time_pass(self) -> None:
        """Everything was received long ago, so that articles are asked for again."""
        with self.work.engine.begin() as connection:
            long_ago = datetime.now(UTC) - timedelta(days=400)
            connection.execute(update(RawLocation).values(received_at=long_ago))

    def standing(self, sha256: str) -> locations.Standing:
        with self.work.engine.connect() as connection:
            return locations.standings(connection, [sha256])[sha256]


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    with portal(three_documents()) as running:
        yield Nights(running, tmp_path)


def test_a_night_tells_changed_withdrawn_and_replaced_apart(nights: Nights) -> None:
    outcome = nights.crawl()
    assert (outcome.failed, outcome.partial, outcome.withdrawn) == (None, None, 0)
    assert nights.states() == dict.fromkeys((FIRST, SECOND, OLD), "current")
    before = {path: nights.sha_of(path) for path in (FIRST, SECOND, OLD)}

    replies = nights.running.replies
    replies[FIRST] = Reply(PDF + b"corrected")
    replies[OLD] = Reply(b"<html>404</html>", 404)
    replies["/bmjs/index.html"] = list_page(
        ("./202409/t20240920_1.html", "甲局2023年度部门决算", "2024-09-20"),
        ("./202410/t20241008_9.html", "乙局2023年度部门决算", "2024-10-08"),
        pages=2,
    )
    replies["/bmjs/202410/t20241008_9.html"] = article(
        ("./P9.xlsx", "乙局决算.xlsx"), title="甲局2023年度部门决算"
    )
    replies["/bmjs/202410/P9.xlsx"] = Reply(PDF + b"9")
    outcome = nights.crawl()
    assert (outcome.failed, outcome.partial, outcome.withdrawn) == (None, None, 1)
    new = "/bmjs/202410/P9.xlsx"
    assert nights.states() == {
        FIRST: "current",
        SECOND: "replaced",
        OLD: "withdrawn",
        new: "current",
    }
    changed = nights.standing(before[FIRST])
    assert (changed.state, changed.successor) == ("changed", nights.sha_of(FIRST))
    gone = nights.standing(before[OLD])
    assert (gone.state, gone.reason) == ("withdrawn", "网址已失效（HTTP 404）")
    replaced = nights.standing(before[SECOND])
    assert (replaced.state, replaced.successor) == ("replaced", nights.sha_of(new))
    assert replaced.successor_url == nights.running.url + new
    assert nights.standing(nights.sha_of(FIRST)).state == "current"
    with nights.work.engine.connect() as connection:
        versions = connection.execute(
            select(RawVersion.ordinal, RawVersion.sha256)
            .join(RawLocation)
            .where(RawLocation.url == nights.running.url + FIRST)
            .order_by(RawVersion.ordinal)
        ).all()
        assert [tuple(v) for v in versions] == [(1, before[FIRST]), (2, nights.sha_of(FIRST))]
        outcomes = connection.scalars(
            select(RawFetch.outcome)
            .where(RawFetch.url == nights.running.url + FIRST)
            .order_by(RawFetch.fetched_at)
        ).all()
        assert outcomes == ["new", "changed"]
    for sha256 in before.values():
        assert nights.work.archive.read(sha256), "every version is kept"
    assert nights.work.archive.journals() == [], "all rows are in the warehouse"

    # What comes back is published again.
    replies[OLD] = three_documents()[OLD]
    assert nights.crawl().withdrawn == 0
    assert nights.states()[OLD] == "current"
    assert nights.standing(before[OLD]).state == "current"


def test_what_was_read_in_part_withdraws_nothing(nights: Nights) -> None:
    nights.crawl()
    everything = dict.fromkeys((FIRST, SECOND, OLD), "current")
    replies = nights.running.replies
    whole = dict(replies)
    replies["/bmjs/index_1.html"] = Reply(b"no", 403)
    outcome = nights.crawl()
    assert outcome.partial is not None
    assert "index_1.html" in outcome.partial
    assert nights.states() == everything
    replies["/bmjs/index_1.html"] = Reply("<html><body>系统维护</body></html>".encode())
    assert nights.crawl().partial
    assert nights.states() == everything
    replies["/bmjs/index_1.html"] = whole["/bmjs/index_1.html"]
    assert nights.crawl(since=date(2024, 9, 1)).partial == "只看 2024-09-01 以来的条目"
    assert nights.states() == everything
    # An article that cannot be read tells nothing of its files; one that is gone does.
    article_page = "/bmjs/202409/t20240919_2.html"
    nights.let_time_pass()
    replies[article_page] = Reply(b"no", 403)
    assert nights.crawl().partial is None
    assert nights.states() == everything
    nights.let_time_pass()
    replies[article_page] = Reply(b"gone", 410)
    assert nights.crawl().withdrawn == 1
    assert nights.states() == everything | {SECOND: "withdrawn"}


def test_most_of_a_site_does_not_vanish_overnight(tmp_path: Path) -> None:
    names = [f"./2024/t{number}.pdf" for number in range(100, 112)]
    entries = [(name, f"{name[-7:-4]}局2023年度部门决算.pdf", "2024-09-20") for name in names]
    replies: dict[str, Reply | list[Reply]] = {
        f"/bmjs/{name[2:]}": Reply(PDF + name.encode()) for name in names
    }
    replies["/bmjs/index.html"] = list_page(*entries)
    with portal(replies) as running:
        nights = Nights(running, tmp_path)
        nights.crawl()
        assert list(nights.states().values()) == ["current"] * 12
        replies["/bmjs/index.html"] = list_page(*entries[:2])
        outcome = nights.crawl()
        assert outcome.partial == "12 份文件中有 10 份同时不再列出，疑为栏目异常，未记为撤回"
        assert set(nights.states().values()) == {"current"}


def test_damaged_pages_and_rules_are_fetched_again(nights: Nights) -> None:
    nights.crawl()
    archive = nights.work.archive
    pages = [path for path in archive.root.glob("??/*") if path.suffix in (".html", ".txt")]
    assert len(pages) == 6, "robots.txt, two lists, three articles"
    for path in pages:
        path.write_bytes(b"spoilt")
    outcome = nights.crawl()
    assert (outcome.failed, outcome.partial, outcome.documents) == (None, None, 3)
    assert archive.verify() == (9, [])
    assert len(list((archive.root / "damaged").iterdir())) == 6


def test_a_damaged_document_is_noted_and_fetched_again(nights: Nights) -> None:
    nights.crawl()
    work = nights.work
    sha256 = nights.sha_of(FIRST)
    path = work.archive.path(sha256)
    body = path.read_bytes()
    path.write_bytes(b"%PDF-1.7 spoilt")
    run = load.start_run(
        work.engine,
        kind="rerun",
        parameters={},
        code_version="0",
        ruleset="r",
        reader_version="r",
    )
    stored = load.stored_documents(work.engine, sha256s=[sha256])
    assert steps.read_documents(work, run, stored) == []

    def damage() -> str | None:
        with work.engine.connect() as connection:
            query = select(RawDocument.damage).where(RawDocument.sha256 == sha256)
            return connection.scalars(query).one()

    assert "已损坏" in (damage() or "")
    nights.crawl()
    assert damage() is None
    assert work.archive.read(sha256) == body

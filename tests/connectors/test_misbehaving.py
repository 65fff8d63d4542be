"""Crawls of the misbehaving portal, under a connection layer that writes down every connection and
makes only those to the loopback."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from misbehaving import (
    CAP_BYTES,
    INSIDE,
    TIMEOUT_S,
    Behaviour,
    Misbehaving,
    behind_links,
    endless_pages,
    misbehaving,
    page,
    portal_pages,
    sends,
    whole,
)
from recorded_crawl import PUBLIC, crawl_recorded

from connectors.archive import Archive
from connectors.challenges import challenge_in
from connectors.crawl import crawl_site, user_agent
from connectors.encodings import DamagedEncodingError, OversizedError, unpack
from connectors.orders import CrawlOrder, Limits
from connectors.records import CrawlResult, Fetch, FetchOutcome, FetchRole, Known
from connectors.sites import Column, Site
from disclosures.model import DocumentKind
from disclosures.reading.grids import PageText
from disclosures.reading.triage import classify
from disclosures.rendering import load_figures, render

LIMITS = Limits(
    body_bytes=CAP_BYTES,
    request_timeout_s=TIMEOUT_S,
    retries=1,
    retry_wait_s=0.02,
    retry_wait_max_s=0.05,
    # On a busy machine good pages may be late, too; only some tests are about giving up.
    host_failures=1000,
)
PDF = b"%PDF-1.7 a test\n%%EOF\n"
FIGURES = Path(__file__).parents[2] / "connectors/replica/figures/acheng-2023.yaml"


@cache
def disclosure() -> bytes:
    return render(load_figures(FIGURES), "heilongjiang", "pdf")


def genuine(name: str) -> bytes:
    """A disclosure that no other name has: a comment at the end of a PDF is not shown."""
    return disclosure() + b"%" + name.encode() + b"\n%%EOF\n"


@dataclass(frozen=True)
class Crawled:
    closed: str
    attempts: list[tuple[str, int]]
    looks: dict[str, int]
    fetches: list[Fetch]

    def row(self, name: str) -> Fetch:
        (row,) = [f for f in self.fetches if f.url.endswith(f"/files/{name}")]
        return row


def crawl(running: Misbehaving, root: Path, *, known: dict[str, Known] | None = None) -> Crawled:
    site = Site(
        key="misbehaving",
        name="坏门户",
        region="示例市",
        family="trs_static",
        columns=(Column(url=f"{running.url}/col/index.html", what="部门决算"),),
        allow_loopback=True,
        hosts=(*(host.strip("[]") for host in INSIDE.values()), "::ffff:a00:5", "64:ff9b::a00:5"),
        delay_s=0,
    )
    order = CrawlOrder(site, Archive(root), "run", known or {}, None, 500, LIMITS, user_agent(""))
    result = root.with_suffix(".pickle")
    process = multiprocessing.get_context("spawn").Process(
        target=crawl_recorded, args=(order, running.port, result)
    )
    process.start()
    process.join(550)
    if process.is_alive():
        process.kill()
    assert process.exitcode == 0
    return Crawled(*pickle.loads(result.read_bytes()))


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Misbehaving, Crawled, Path]]:
    root = tmp_path_factory.mktemp("portal") / "archive"
    with misbehaving(portal_pages(behind_links(genuine, ""))) as running:
        yield running, crawl(running, root), root


Night = tuple[Misbehaving, Crawled, Path]
BEHIND = behind_links(genuine, "")


@pytest.mark.parametrize("name", BEHIND)
def test_each_misbehaviour_ends_as_its_row_says(night: Night, name: str) -> None:
    row, expected = night[1].row(name), BEHIND[name]
    assert row.outcome is expected.outcome, row.reason
    assert (expected.reason or "") in (row.reason or "")
    if expected.outcome is FetchOutcome.NEW:
        assert (row.reason is None) is (expected.reason is None)
    else:
        assert row.reason
    if expected.file_name is not None:
        assert row.file_name == expected.file_name


def test_every_genuine_disclosure_is_found_and_nothing_else_is_taken_for_one(night: Night) -> None:
    _, crawled, root = night
    assert crawled.closed == "finished"
    kept = {f.sha256 for f in crawled.fetches if f.role is FetchRole.DOCUMENT and f.sha256}
    there = {sha256(body).hexdigest() for one in BEHIND.values() for body in one.genuine}
    assert kept == there
    bodies = [Archive(root).read(found) for found in kept]
    kinds = [classify(text_of(body)).kind for body in bodies if body.startswith(b"%PDF")]
    assert kinds
    assert set(kinds) == {DocumentKind.FINAL_ACCOUNTS}


def text_of(body: bytes) -> list[PageText]:
    document = pypdfium2.PdfDocument(body)
    try:
        return [
            PageText(number + 1, document[number].get_textpage().get_text_bounded())
            for number in range(min(len(document), 4))
        ]
    finally:
        document.close()


def test_no_connection_is_tried_outside_the_portal(night: Night) -> None:
    running, crawled, _ = night
    # The one other address is public: the first answer of the name that changes its mind.
    assert set(crawled.attempts) == {("127.0.0.1", running.port), (PUBLIC, 80)}
    assert crawled.looks["rebinding.example"] >= 2


def test_one_request_at_a_time_and_rest_where_it_is_asked_for(night: Night) -> None:
    running, crawled, _ = night
    hops = sorted(
        (hop.started_at, hop.finished_at)
        for fetch in crawled.fetches
        for hop in fetch.hops
        if hop.url.startswith(running.url)
    )
    assert len(hops) > len(BEHIND)
    assert all(after >= before for (_, before), (after, _) in pairwise(hops))
    first, second = running.times("/files/rest-seconds.pdf")
    assert second - first >= 1.0
    first, second = running.times("/files/rest-date.pdf")
    assert second > first


def test_titles_are_right_whatever_pages_say_of_their_encoding(night: Night) -> None:
    articles = [f for f in night[1].fetches if f.role is FetchRole.ARTICLE]
    assert len(articles) == len(BEHIND) - 1
    assert {f.article_title for f in articles} == {
        f"第{number}局2023年度部门决算" for number in range(len(articles))
    }


def test_nothing_is_written_outside_the_archive(night: Night) -> None:
    root = night[2]
    assert {path.name for path in root.parent.iterdir()} == {"archive", "archive.pickle"}
    names = [path.name for path in root.rglob("*") if path.is_file()]
    assert not [name for name in names if "passwd" in name or name.startswith("a.")]


# -- the second night ------------------------------------------------------------------------


def known_of(crawled: Crawled, **changes: Any) -> dict[str, Known]:
    return {
        f.url: Known(f.url, f.sha256, f.media_type, f.etag, f.last_modified, f.final_url)
        for f in crawled.fetches
        if f.sha256
    }


def served(state: dict[str, bytes]) -> dict[str, Behaviour]:
    """A portal whose files come from ``state``, each with another notion of validators."""
    stamp = {"new": format_datetime(datetime(2024, 9, 20, tzinfo=UTC), usegmt=True)}

    def conditional(name: str, *, tag: str | None, dated: bool, honest: bool) -> Behaviour:
        def answer(connection: socket.socket, asked: Any) -> None:
            headers: dict[str, Any] = {}
            if tag is not None:
                headers["ETag"] = tag.format(asked.times)
            if dated:
                headers["Last_Modified"] = stamp["new"]
            matches = tag is not None and asked.headers.get("if-none-match") == tag
            if matches and not honest:
                lines = [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
                text = "\r\n".join(["HTTP/1.1 304 Not Modified", *lines, "", ""])
                connection.sendall(text.encode())
            else:
                connection.sendall(whole(state[name], **headers))

        return answer

    files = {
        "tag-changes": conditional("tag-changes", tag='"{}"', dated=False, honest=True),
        "tag-stays": conditional("tag-stays", tag='"same"', dated=False, honest=True),
        "tag-lies-dated": conditional("tag-lies-dated", tag='"x"', dated=True, honest=False),
        "tag-lies": conditional("tag-lies", tag='"x"', dated=False, honest=False),
        "no-validators": conditional("no-validators", tag=None, dated=False, honest=True),
    }
    links = "".join(f'<a href="/files/{name}.pdf">{name}.pdf</a>' for name in files)
    state["stamp"] = b""
    pages: dict[str, Behaviour] = {
        "/robots.txt": sends(whole(b"")),
        "/col/index.html": sends(
            whole(page('<ul><li><a href="./t20240920_1.html">甲局2023年度部门决算</a></li></ul>'))
        ),
        "/col/t20240920_1.html": sends(whole(page(links, "甲局2023年度部门决算"))),
    }
    pages |= {f"/files/{name}.pdf": answer for name, answer in files.items()}
    served.stamp = stamp  # type: ignore[attr-defined]
    return pages


def test_hashes_tell_what_changed_whatever_the_validators_say(tmp_path: Path) -> None:
    names = ("tag-changes", "tag-stays", "tag-lies-dated", "tag-lies", "no-validators")
    state = {name: genuine(f"{name} 1") for name in names}
    pages = served(state)
    with misbehaving(pages) as running:
        first = crawl(running, tmp_path / "archive")
        for name in names[1:]:
            state[name] = genuine(f"{name} 2")
        served.stamp["new"] = format_datetime(datetime(2024, 10, 1, tzinfo=UTC), usegmt=True)  # type: ignore[attr-defined]
        known = known_of(first)
        second = crawl(running, tmp_path / "archive", known=known)
        # Only time brings to light what a server denies throughout.
        old = datetime.now(UTC) - timedelta(days=60)
        third = crawl(
            running,
            tmp_path / "archive",
            known={url: replace(entry, received_at=old) for url, entry in known.items()},
        )
    outcomes = {name: second.row(f"{name}.pdf").outcome for name in names}
    assert outcomes == {
        "tag-changes": FetchOutcome.UNCHANGED,
        "tag-stays": FetchOutcome.CHANGED,
        "tag-lies-dated": FetchOutcome.CHANGED,
        "tag-lies": FetchOutcome.UNCHANGED,
        "no-validators": FetchOutcome.CHANGED,
    }
    assert third.row("tag-lies.pdf").outcome is FetchOutcome.CHANGED
    archive = Archive(tmp_path / "archive")
    for name in names[1:3]:
        assert archive.read(first.row(f"{name}.pdf").sha256 or "") == genuine(f"{name} 1")
        assert archive.read(second.row(f"{name}.pdf").sha256 or "") == genuine(f"{name} 2")


def test_a_file_that_never_has_an_end_is_asked_for_twice_once(tmp_path: Path) -> None:
    article = page('<a href="/files/endless.pdf">决算.pdf</a>', "甲局2023年度部门决算")
    pages = {
        "/robots.txt": sends(whole(b"")),
        "/col/index.html": sends(
            whole(page('<ul><li><a href="./t20240920_1.html">甲局2023年度部门决算</a></li></ul>'))
        ),
        "/col/t20240920_1.html": sends(whole(article)),
        "/files/endless.pdf": BEHIND["endless.pdf"].answer,
    }
    with misbehaving(pages) as running:
        first = crawl(running, tmp_path / "archive")
        asked = len(running.times("/files/endless.pdf"))
        second = crawl(running, tmp_path / "archive", known=known_of(first))
        again = len(running.times("/files/endless.pdf")) - asked
    assert (asked, again) == (2, 1)
    assert [hop.status for hop in first.row("endless.pdf").hops] == [200, 200]
    row = second.row("endless.pdf")
    assert row.outcome is FetchOutcome.UNCHANGED
    assert "按原样归档" in (row.reason or "")


# -- lists without an end ------------------------------------------------------------------


def run_site(
    running: Misbehaving, root: Path, column: str, limits: Limits, **values: Any
) -> CrawlResult:
    site = Site(
        key="endless",
        name="无尽门户",
        region="示例市",
        family="trs_static",
        columns=(Column(url=running.url + column, what="部门决算"),),
        allow_loopback=True,
        delay_s=0,
        **values,
    )
    return crawl_site(site, Archive(root), known={}, limits=limits, run_deadline_s=300)


@pytest.mark.parametrize(
    ("column", "pages", "reason"),
    [
        ("/same/index.html", 4, "连续 3 个列表页只重复已有条目"),
        ("/days/index.html", 12, "超过单栏目列表页上限 12"),
        ("/none/index.html", 5, "连续 5 个列表页没有条目"),
    ],
)
def test_lists_without_an_end_are_left(
    tmp_path: Path, column: str, pages: int, reason: str
) -> None:
    limits = replace(LIMITS, list_pages=12, empty_pages=5)
    with misbehaving(endless_pages()) as running:
        result = run_site(running, tmp_path, column, limits)
        asked = [path for path, _ in running.log if "/index" in path]
    # Those that follow are on their way already when a page has been read.
    assert pages <= len(asked) <= min(pages + 4, 12)
    assert any(reason in (fetch.reason or "") for fetch in result.fetches)


# -- hosts that fail -----------------------------------------------------------------------


def many(count: int, answer: Behaviour) -> dict[str, Behaviour]:
    links = "".join(f'<a href="/files/{n}.pdf">{n}.pdf</a>' for n in range(count))
    entry = '<ul><li><a href="./t20240920_1.html">甲局2023年度部门决算</a></li></ul>'
    return {
        "/robots.txt": sends(whole(b"")),
        "/col/index.html": sends(whole(page(entry))),
        "/col/t20240920_1.html": sends(whole(page(links, "甲局2023年度部门决算"))),
        "/files/*": answer,
    }


@pytest.mark.parametrize(
    ("answer", "limits", "asked", "reason"),
    [
        (sends(whole(b"", "503 Busy")), {"host_failures": 6}, 6, "连续失败 6 次（HTTP 503）"),
        (
            sends(whole(b"", "429 Slow down", Retry_After="86400")),
            {},
            1,
            "要求 86400 秒后再来",
        ),
        (
            sends(whole(b"<html><script>$_ts=window['$_ts']</script></html>", "412 X")),
            {},
            3,
            "连续 3 次要求瑞数浏览器验证",
        ),
    ],
)
def test_a_host_that_goes_on_failing_is_left_for_the_night(
    tmp_path: Path, answer: Behaviour, limits: dict[str, Any], asked: int, reason: str
) -> None:
    with misbehaving(many(20, answer)) as running:
        result = run_site(running, tmp_path, "/col/index.html", replace(LIMITS, **limits))
        times = [path for path, _ in running.log if path.startswith("/files/")]
    assert len(times) == asked
    left = [f for f in result.fetches if f.outcome is FetchOutcome.SKIPPED]
    assert left
    assert all(reason in (f.reason or "") for f in left)
    assert len([f for f in result.fetches if f.role is FetchRole.DOCUMENT]) == 20, "a row for each"
    assert reason in (result.failed or ""), "such a night is not one without news"


def test_a_challenge_before_robots_txt_blocks_what_stands_behind_it(tmp_path: Path) -> None:
    challenge = sends(whole(b"<script>document.cookie='__jsl_clearance='</script>", "521 X"))
    with misbehaving({"/*": challenge}) as running:
        result = run_site(running, tmp_path, "/col/index.html", LIMITS)
        assert {path for path, _ in running.log} == {"/robots.txt"}
    assert [(f.role, f.outcome) for f in result.fetches] == [
        (FetchRole.ROBOTS, FetchOutcome.BLOCKED),
        (FetchRole.LIST, FetchOutcome.BLOCKED),
    ]
    assert "加速乐" in (result.failed or "")


def test_crawls_of_two_sites_take_turns_at_a_host(tmp_path: Path) -> None:
    """Through a lock file, for they run in processes of their own."""

    slow_s = 0.05

    def slowly(answer: Behaviour) -> Behaviour:
        def late(connection: socket.socket, asked: Any) -> None:
            time.sleep(slow_s)
            answer(connection, asked)

        return late

    pages = {path: slowly(answer) for path, answer in many(3, sends(whole(PDF))).items()}
    with misbehaving(pages) as running, ThreadPoolExecutor(3) as pool:
        roots = [tmp_path / name for name in "abc"]
        crawls = [pool.submit(run_site, running, root, "/col/index.html", LIMITS) for root in roots]
        hops = sorted(
            (hop.started_at, hop.finished_at)
            for crawled in crawls
            for fetch in crawled.result().fetches
            for hop in fetch.hops
        )
    asked_at = sorted(at for path, at in running.log if path in pages)
    # Each of these is answered no sooner than `slow_s` after it arrived, so that no two overlap.
    assert all(after - before >= slow_s for before, after in pairwise(asked_at))
    assert len(hops) == 3 * 6
    assert all(after >= before for (_, before), (after, _) in pairwise(hops))


# -- pieces ----------------------------------------------------------------------------------


def test_pages_that_show_something_are_no_challenges() -> None:
    words = "<p>" + "本单位2023年度部门决算公开如下。" * 30 + "</p>"
    script = "<script>$_ts=window['$_ts'];document.cookie='acw_sc__v2=1'</script>"
    assert challenge_in(200, [], page(script + words)) is None
    assert (
        challenge_in(200, [], page("<a href=a>1</a><a href=b>2</a><a href=c>3</a>" + script))
        is None
    )
    found = challenge_in(200, [], page(script))
    assert found is not None
    assert found.what == "阿里云浏览器验证"
    assert challenge_in(404, [], page(script + words)) is None
    assert challenge_in(404, [], page("<p>404</p>")) is None
    assert challenge_in(200, [], b"%PDF-1.7 acw_sc__v2") is None


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_compressed_bodies_are_whole_or_refused(encoding: str) -> None:
    import gzip
    import zlib

    import brotli
    from backports import zstd

    body = json.dumps([*range(30_000)]).encode()
    pack: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstd.compress,
    }
    sent = pack[encoding](body)
    assert unpack(sent, encoding, len(body)) == body
    with pytest.raises(OversizedError):
        unpack(sent, encoding, len(body) - 1)
    for cut in (0, 1, len(sent) // 2, len(sent) - 1):
        with pytest.raises(DamagedEncodingError):
            unpack(sent[:cut], encoding, len(body))

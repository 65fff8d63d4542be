from __future__ import annotations

import gzip
import hashlib
import multiprocessing
import os
import shutil
import ssl
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from portal import Portal, Reply, portal

from connectors.archive import Archive
from connectors.crawl import _listen, crawl_site, user_agent
from connectors.orders import CrawlOrder, Limits
from connectors.recorder import storable
from connectors.records import CrawlResult, Fetch, FetchOutcome, FetchRole, Known
from connectors.sites import Column, Quirk, Site

PDF = b"%PDF-1.7\nthe body of a test\n%%EOF\n"


def site_of(running: Portal, *, path: str = "/bmjs/index.html", **values: Any) -> Site:
    return Site(
        key="test_site",
        name="测试门户",
        region="示例市",
        family="trs_static",
        columns=(Column(url=running.url + path, what="部门决算"),),
        allow_loopback=True,
        delay_s=values.pop("delay_s", 0.0),
        **values,
    )


def list_page(*entries: tuple[str, str, str], pages: int = 1, current: int = 0) -> Reply:
    rows = "".join(
        f'<li><a href="{href}">{title}</a><span>{day}</span></li>' for href, title, day in entries
    )
    pager = f'<script>createPageHTML({pages}, {current}, "index", "html");</script>'
    text = f"<html><head><meta charset=utf-8></head><body><ul>{rows}</ul>{pager}</body></html>"
    return Reply(text.encode())


def article(*links: tuple[str, str], title: str = "甲局2023年度部门决算") -> Reply:
    files = "".join(f'<p><a href="{href}">{text}</a></p>' for href, text in links)
    text = (
        f'<html><head><meta charset="utf-8"><meta name="ArticleTitle" content="{title}">'
        f'<meta name="PubDate" content="2024-09-20 10:00"></head><body>{files}</body></html>'
    )
    return Reply(text.encode())


def three_documents() -> dict[str, Reply | list[Reply]]:
    """Two list pages, three articles, three files and a dead link."""
    return {
        "/robots.txt": Reply(b"User-agent: *\nDisallow: /secret/\n"),
        "/bmjs/index.html": list_page(
            ("./202409/t20240920_1.html", "甲局2023年度部门决算", "2024-09-20"),
            ("./202409/t20240919_2.html", "乙局2023年度部门决算", "2024-09-19"),
            pages=2,
        ),
        "/bmjs/index_1.html": list_page(
            ("./202309/t20230920_3.html", "甲局2022年度部门决算", "2023-09-20"),
            pages=2,
            current=1,
        ),
        "/bmjs/202409/t20240920_1.html": article(
            ("./P02024.pdf", "甲局决算.pdf"), ("./gone.pdf", "失效.pdf")
        ),
        "/bmjs/202409/t20240919_2.html": article(
            ("/secret/hidden.pdf", "不许取.pdf"), ("./P02024b.xlsx", "乙局决算.xlsx")
        ),
        "/bmjs/202309/t20230920_3.html": article(("/files/down?id=9", "甲局2022决算.pdf")),
        "/bmjs/202409/P02024.pdf": Reply(PDF + b"1"),
        "/bmjs/202409/P02024b.xlsx": Reply(PDF + b"2"),
        "/files/down?id=9": Reply(
            PDF + b"3",
            headers={"Content-Disposition": "attachment; filename*=UTF-8''%E7%94%B2.pdf"},
        ),
        "/secret/hidden.pdf": Reply(PDF + b"4"),
    }


def known_of(fetches: Iterable[Fetch]) -> dict[str, Known]:
    return {
        fetch.url: Known(
            fetch.url,
            fetch.sha256,
            fetch.media_type,
            fetch.etag,
            fetch.last_modified,
            fetch.final_url,
        )
        for fetch in fetches
        if fetch.sha256
    }


def crawl(site: Site, root: Path, **given: Any) -> CrawlResult:
    given.setdefault("known", {})
    given.setdefault("limits", Limits(retry_wait_s=0.05, request_timeout_s=30))
    given.setdefault("run_deadline_s", 300.0)
    return crawl_site(site, Archive(root), **given)


def by_path(result: CrawlResult, running: Portal) -> dict[str, Fetch]:
    return {fetch.url.removeprefix(running.url): fetch for fetch in result.fetches}


def test_every_document_is_found_and_every_request_leaves_a_row(tmp_path: Path) -> None:
    seen: list[Fetch] = []
    with portal(three_documents()) as running:
        result = crawl(site_of(running, min=3), tmp_path, on_progress=seen.append)
        rows = by_path(result, running)
    assert result.failed is None
    assert result.documents == 3
    assert tuple(seen) == result.fetches
    assert sorted(running.paths()) == sorted(set(running.paths())), "each URL once"
    assert "/secret/hidden.pdf" not in running.paths()
    assert rows["/secret/hidden.pdf"].outcome is FetchOutcome.REFUSED
    assert rows["/secret/hidden.pdf"].reason == "robots.txt 不允许"
    gone = rows["/bmjs/202409/gone.pdf"]
    assert (gone.outcome, gone.status, gone.reason) == (FetchOutcome.FAILED, 404, "HTTP 404")
    first = rows["/bmjs/202409/P02024.pdf"]
    assert first.outcome is FetchOutcome.NEW
    assert first.article_title == "甲局2023年度部门决算"
    assert first.published_on == "2024-09-20"
    assert first.link_text == first.file_name == "甲局决算.pdf"
    assert first.found_on == running.url + "/bmjs/202409/t20240920_1.html"
    assert first.media_type == "application/pdf"
    assert Archive(tmp_path).read(first.sha256 or "") == PDF + b"1"
    assert rows["/files/down?id=9"].file_name == "甲.pdf"
    assert rows["/robots.txt"].role is FetchRole.ROBOTS
    (journal,) = Archive(tmp_path).journals()
    assert tuple(journal.fetches()) == result.fetches


@dataclass(frozen=True)
class Night:
    """A first night on a portal that goes on running, in an archive of the test's own."""

    running: Portal
    site: Site
    root: Path
    first: CrawlResult
    known: dict[str, Known]


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    root = tmp_path_factory.mktemp("first")
    with portal(three_documents()) as running:
        site = site_of(running, min=3)
        first = crawl(site, root)
        yield Night(running, site, root, first, known_of(first.fetches))


@pytest.fixture
def night(first_night: Night, tmp_path: Path) -> Night:
    first_night.running.replies = three_documents()
    first_night.running.log.clear()
    root = tmp_path / "archive"
    shutil.copytree(first_night.root, root)
    return replace(first_night, root=root, known=dict(first_night.known))


def test_the_second_night_transfers_no_body_and_finds_the_same(night: Night) -> None:
    second = crawl(night.site, night.root, known=night.known)
    assert second.failed is None
    assert second.documents == night.first.documents == 3
    sent = [(path, status, size) for path, status, size, _ in night.running.log if size]
    assert sent == [("/bmjs/202409/gone.pdf", 404, len(b"<html>gone</html>"))]
    outcomes = Counter(fetch.outcome for fetch in second.fetches)
    assert outcomes == {
        FetchOutcome.UNCHANGED: 9,
        FetchOutcome.FAILED: 1,
        FetchOutcome.REFUSED: 1,
    }
    assert known_of(second.fetches) == night.known


def test_what_changed_is_kept_beside_the_old_and_what_was_lost_is_fetched_again(
    night: Night,
) -> None:
    before = by_path(night.first, night.running)
    lost = before["/bmjs/202409/P02024b.xlsx"]
    archive = Archive(night.root)
    archive.path(lost.sha256 or "").unlink()
    night.running.replies["/bmjs/202409/P02024.pdf"] = Reply(PDF + b"corrected")
    after = by_path(crawl(night.site, night.root, known=night.known), night.running)
    changed = after["/bmjs/202409/P02024.pdf"]
    assert changed.outcome is FetchOutcome.CHANGED
    assert archive.read(before["/bmjs/202409/P02024.pdf"].sha256 or "") == PDF + b"1"
    assert archive.read(changed.sha256 or "") == PDF + b"corrected"
    assert after["/bmjs/202409/P02024b.xlsx"].status == 200
    assert (lost.sha256 or "") in archive


def test_without_conditional_answers_the_hash_tells(night: Night) -> None:
    known = {
        url: replace(entry, etag=None, last_modified=None) for url, entry in night.known.items()
    }
    second = crawl(night.site, night.root, known=known)
    assert {f.outcome for f in second.fetches if f.status == 200} == {FetchOutcome.UNCHANGED}
    assert not [status for _, status, *_ in night.running.log if status == 304]


def test_fewer_documents_than_min_fail_the_crawl(night: Night) -> None:
    site = night.site.model_copy(update={"min": 4})
    result = crawl(site, night.root, known=night.known)
    assert result.documents == 3, "unchanged documents count"
    assert result.failed == "只找到 3 份文件，少于应有的 4 份"


def test_entries_before_since_are_left_and_min_is_not_asked(night: Night) -> None:
    site = night.site.model_copy(update={"min": 4})
    result = crawl(site, night.root, since=date(2024, 1, 1))
    rows = by_path(result, night.running)
    assert result.failed is None
    assert result.documents == 2
    assert "/bmjs/202309/t20230920_3.html" not in rows
    assert rows["/bmjs/index_1.html"].reason == "1 条早于 2024-01-01，未跟进"


def test_what_cannot_be_fetched_says_why_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad: dict[str, tuple[Reply, FetchOutcome, str]] = {
        "error": (Reply(b"x", 500), FetchOutcome.FAILED, "HTTP 500"),
        "large": (Reply(PDF * 200), FetchOutcome.REFUSED, "超过大小上限"),
        "bomb": (
            Reply(gzip.compress(bytes(1_000_000)), headers={"Content-Encoding": "gzip"}),
            FetchOutcome.REFUSED,
            "超过大小上限",
        ),
        "slow": (Reply(PDF * 20, drip_s=20.0), FetchOutcome.FAILED, "超时"),
        "cut": (Reply(PDF, declared=4000), FetchOutcome.FAILED, "不完整"),
        "away": (
            Reply(b"", 302, {"Location": "http://elsewhere.example/a.pdf"}),
            FetchOutcome.REFUSED,
            "转向其他网站",
        ),
        "ftp": (
            Reply(b"", 302, {"Location": "ftp://127.0.0.1/a.pdf"}),
            FetchOutcome.FAILED,
            "HTTP 302",
        ),
        "loop": (Reply(b"", 302, {"Location": "./loop.pdf"}), FetchOutcome.FAILED, "重定向"),
    }
    replies = three_documents()
    replies["/bmjs/202409/t20240920_1.html"] = article(
        ("./P02024.pdf", "甲局决算.pdf"),
        ("http://elsewhere.example/b.pdf", "别处.pdf"),
        *((f"./{name}.pdf", f"{name}.pdf") for name in bad),
    )
    replies |= {f"/bmjs/202409/{name}.pdf": reply for name, (reply, _, _) in bad.items()}
    limits = Limits(body_bytes=5000, request_timeout_s=3.0, retries=1, retry_wait_s=0.05)
    with portal(replies) as running:
        result = crawl(site_of(running), tmp_path, limits=limits)
        rows = by_path(result, running)
    found = {
        name: (row.outcome, row.reason)
        for name in bad
        if (row := rows[f"/bmjs/202409/{name}.pdf"]) is not None
    }
    for name, (_, outcome, reason) in bad.items():
        assert found[name][0] is outcome, name
        assert reason in (found[name][1] or ""), name
    assert rows["http://elsewhere.example/b.pdf"].outcome is FetchOutcome.SKIPPED
    assert result.documents == 3


def test_a_page_of_the_wrong_type_is_a_document_or_a_failure(tmp_path: Path) -> None:
    replies = three_documents()
    replies["/bmjs/202309/t20230920_3.html"] = Reply(b"<html>" + b" " * 20_000)
    replies["/bmjs/202409/t20240920_1.html"] = Reply(PDF + b"instead of an article")
    replies["/bmjs/202409/t20240919_2.html"] = Reply(b"\x89PNG\r\n\x1a\nnot a page")
    with portal(replies) as running:
        limits = Limits(page_bytes=10_000)
        rows = by_path(crawl(site_of(running), tmp_path, limits=limits), running)
    assert rows["/bmjs/202309/t20230920_3.html"].reason == "网页超过 10000 字节，未解析"
    first = rows["/bmjs/202409/t20240920_1.html"]
    assert (first.role, first.outcome) == (FetchRole.DOCUMENT, FetchOutcome.NEW)
    second = rows["/bmjs/202409/t20240919_2.html"]
    assert (second.outcome, second.reason) == (
        FetchOutcome.FAILED,
        "类型不符：应为网页，实为 image/png",
    )


def test_an_article_that_is_the_disclosure_is_a_document_too(tmp_path: Path) -> None:
    cells = "".join(f"<tr><td>科目{i}</td><td>{i}.50</td></tr>" for i in range(12))
    title = "甲局2023年度部门决算" + "长" * 3000
    replies = three_documents()
    replies["/bmjs/202409/t20240920_1.html"] = Reply(
        f"<meta charset=utf-8><title>{title}</title><table>{cells}</table>".encode()
    )
    with portal(replies) as running:
        result = crawl(site_of(running), tmp_path)
        rows = [f for f in result.fetches if f.url.endswith("t20240920_1.html")]
    assert [row.role for row in rows] == [FetchRole.ARTICLE, FetchRole.DOCUMENT]
    kept = rows[0].article_title or ""
    assert kept.startswith("甲局2023年度部门决算")
    assert len(kept) == 500


def test_text_of_rows_is_fit_for_every_database() -> None:
    assert storable("甲\0局\ud800") == "甲局?"
    assert storable("长" * 501) == "长" * 499 + "…"


def test_a_failing_server_is_tried_again(tmp_path: Path) -> None:
    replies = three_documents()
    replies["/bmjs/202409/P02024.pdf"] = [
        Reply(b"", 503, {"Retry-After": "1"}),
        Reply(PDF + b"1"),
    ]
    with portal(replies) as running:
        result = crawl(site_of(running), tmp_path)
        times = [at for path, _, _, at in running.log if path == "/bmjs/202409/P02024.pdf"]
    assert result.documents == 3
    assert times[1] - times[0] >= 1.0


def test_redirects_are_followed_and_asked_for_conditionally(tmp_path: Path) -> None:
    replies = three_documents()
    replies["/bmjs/202409/P02024.pdf"] = Reply(b"", 302, {"Location": "/new/place.pdf"})
    replies["/new/place.pdf"] = Reply(PDF + b"moved")
    with portal(replies) as running:
        site = site_of(running)
        first = crawl(site, tmp_path)
        row = by_path(first, running)["/bmjs/202409/P02024.pdf"]
        running.log.clear()
        second = crawl(site, tmp_path, known=known_of(first.fetches))
    assert row.final_url == running.url + "/new/place.pdf"
    assert ("/new/place.pdf", 304) in [(path, status) for path, status, *_ in running.log]
    assert second.documents == 3


def test_robots_txt_sets_the_pace_and_one_request_runs_at_a_time(tmp_path: Path) -> None:
    replies = three_documents()
    replies["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 0.3\n")
    with portal(replies) as running:
        running.hold_s = 0.05
        result = crawl(site_of(running), tmp_path, contact="audit@example.org")
    # Times of the crawl's own: what a busy machine does to the server is not its pace.
    times = sorted(hop.started_at for fetch in result.fetches for hop in fetch.hops)
    assert len(times) == len(running.log) > 8
    pace_s = (times[-1] - times[0]).total_seconds() / (len(times) - 1)
    assert pace_s >= 0.3 * 0.95
    assert running.most_at_once == 1
    assert running.agents == {user_agent("audit@example.org")}


@pytest.mark.parametrize(("status", "allowed"), [(403, True), (503, False)])
def test_a_robots_txt_that_cannot_be_had(tmp_path: Path, status: int, allowed: bool) -> None:
    replies = three_documents()
    replies["/robots.txt"] = Reply(b"", status)
    with portal(replies) as running:
        result = crawl(site_of(running), tmp_path)
    assert (result.documents > 0) is allowed
    assert (result.failed is None) is allowed
    if not allowed:
        assert "robots.txt" in (result.failed or "")
        assert set(running.paths()) == {"/robots.txt"}


def test_a_lost_column_and_a_list_without_entries_fail_the_crawl(tmp_path: Path) -> None:
    with portal({"/robots.txt": Reply(b"")}) as running:
        lost = crawl(site_of(running), tmp_path / "a")
        running.replies["/bmjs/index.html"] = Reply(b"<html><p>loading</p></html>")
        empty = crawl(site_of(running), tmp_path / "b")
    assert "栏目无法取得" in (lost.failed or "")
    assert empty.failed == "所有栏目中均未识别出条目"
    assert by_path(empty, running)["/bmjs/index.html"].reason == "列表页中未识别出任何条目"


def test_time_runs_out(tmp_path: Path) -> None:
    with portal(three_documents()) as running:
        running.gate_after = 3  # then no answer comes any more
        limits = Limits(request_timeout_s=4)
        result = crawl(site_of(running), tmp_path, run_deadline_s=2.0, limits=limits)
        running.open.set()
    assert result.failed == "到达时限，未完成"
    assert result.partial == result.failed
    assert len(running.log) <= 4, "nothing is asked for once time is up"


def test_a_crawl_that_has_to_be_killed_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.crawl._GRACE_S", 1.0)
    replies = three_documents()
    replies["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 600\n")
    with portal(replies) as running:
        result = crawl(site_of(running), tmp_path, run_deadline_s=4.0)
    assert result.failed == result.partial == "到达时限，未完成"
    assert set(running.paths()) <= {"/robots.txt"}


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_broken_certificate_needs_a_quirk(tmp_path: Path) -> None:
    quirk = Quirk(name="verify_tls", value=False, reason="证书由门户自己签发，浏览器也提示不安全")
    with portal(three_documents(), tls=self_signed(tmp_path)) as running:
        refused = crawl(site_of(running), tmp_path / "a")
        accepted = crawl(site_of(running, quirks=(quirk,)), tmp_path / "b")
    assert refused.documents == 0
    assert "certificate" in (refused.failed or "")
    assert (accepted.documents, accepted.failed) == (3, None)


def test_an_archive_that_cannot_be_written_ends_the_crawl(tmp_path: Path) -> None:
    sha256 = hashlib.sha256(PDF + b"1").hexdigest()
    (tmp_path / sha256[:2]).write_text("a file where a folder should be")
    with portal(three_documents()) as running:
        result = crawl(site_of(running), tmp_path)
    assert "归档无法写入" in (result.failed or "")


ORPHAN = """
import sys
from datetime import date
from pathlib import Path
from connectors.archive import Archive
from connectors.crawl import crawl_site
from connectors.sites import Column, Site

site = Site(key="test_site", name="x", region="x", family="trs_static", allow_loopback=True,
            delay_s=0, columns=(Column(url=sys.argv[1], what="x"),))
crawl_site(site, Archive(Path(sys.argv[2])), known={}, run_id="run-1",
           on_progress=lambda fetch: print(fetch.url, flush=True))
"""


def test_a_killed_night_leaves_its_fetches_and_no_process(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    with portal(three_documents()) as running:
        running.gate_after = 3
        program = subprocess.Popen(
            [sys.executable, "-c", ORPHAN, running.url + "/bmjs/index.html", str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=root,
        )
        assert program.stdout is not None
        with program:
            told = [program.stdout.readline().decode().strip() for _ in range(3)]
            program.kill()
        waited = time.monotonic() + 120
        while not Archive(tmp_path).journals() and time.monotonic() < waited:
            time.sleep(0.1)  # the crawl process still holds its journal
        # It ended although it had nothing to tell: no answer has come since.
        assert len(running.log) == 3
        running.open.set()
    (journal,) = Archive(tmp_path).journals()
    assert (journal.run_id, journal.site) == ("run-1", "test_site")
    fetches = journal.fetches()
    assert [fetch.url for fetch in fetches][:3] == told
    assert all(fetch.sha256 in Archive(tmp_path) for fetch in fetches if fetch.sha256)


def test_a_site_that_cannot_start_says_so(tmp_path: Path) -> None:
    site = Site(key="empty", name="空", region="示例市")
    assert crawl(site, tmp_path).failed == "未登记起始栏目"


def test_the_user_agent_is_one_clean_header_line() -> None:
    assert user_agent("a@b.cn\r\nX: 1").count("\n") == 0
    assert user_agent("a@b.cn").endswith("(+a@b.cn)")


# -- quiet hours ---------------------------------------------------------------------------------


def beijing(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo('Asia/Shanghai')):%H:%M}"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-15T{text}:00+08:00")


@pytest.mark.parametrize(
    ("hours", "moment", "until", "following"),
    [
        ("08:00-18:00", "07:59", None, "08:00"),
        ("08:00-18:00", "08:00", "18:00", None),
        ("08:00-18:00", "18:00", None, None),
        ("22:00-6:00", "23:30", "06:00", None),
        ("22:00-06:00", "05:59", "06:00", "22:00"),
        ("18:00-24:00", "19:00", "00:00", None),
    ],
)
def test_quiet_hours_are_of_beijing(
    hours: str, moment: str, until: str | None, following: str | None
) -> None:
    site = Site(key="quiet", name="静", region="示例市", quiet_hours=(hours,))
    found = site.quiet_until(at(moment).astimezone(UTC))
    assert (found and beijing(found)) == until
    after = site.quiet_from(at(moment))
    assert after is not None
    if following is not None:
        assert after == at(following)
    assert site.quiet_until(after) is not None


@pytest.mark.parametrize("hours", ["8-18", "08:00", "25:00-26:00", "08:60-09:00", ""])
def test_what_are_no_quiet_hours_is_refused(hours: str) -> None:
    with pytest.raises(ValueError, match="quiet_hours"):
        Site(key="quiet", name="静", region="示例市", quiet_hours=(hours,))


def test_in_its_quiet_hours_a_site_is_not_asked(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    hours = f"{beijing(now - timedelta(hours=1))}-{beijing(now + timedelta(hours=2))}"
    with portal(three_documents()) as running:
        result = crawl(site_of(running, quiet_hours=(hours,)), tmp_path)
    assert running.log == []
    (row,) = result.fetches
    assert (row.role, row.outcome) == (FetchRole.LIST, FetchOutcome.SKIPPED)
    assert row.reason == result.failed
    assert "静默时段" in (result.failed or "")
    assert result.resume_at is not None
    assert result.resume_at > now
    (journal,) = Archive(tmp_path).journals()
    assert tuple(journal.fetches()) == (row,)


def test_articles_with_files_are_followed_from_the_archive_for_a_while(night: Night) -> None:
    """The files themselves are asked for every night."""

    def known(days: float) -> dict[str, Known]:
        received = datetime.now(UTC) - timedelta(days=days)
        texts = {fetch.url: fetch.link_text for fetch in night.first.fetches}
        return {
            url: replace(entry, received_at=received, link_text=texts[url])
            for url, entry in night.known.items()
        }

    recent = crawl(night.site, night.root, known=known(1))
    assert recent.documents == 3
    assert recent.failed is None
    articles = [f for f in recent.fetches if f.role is FetchRole.ARTICLE]
    assert [f.outcome for f in articles] == [FetchOutcome.SKIPPED] * 3
    asked = [path for path in night.running.paths() if path.endswith(".html")]
    assert asked == ["/bmjs/index.html", "/bmjs/index_1.html"]

    night.running.log.clear()
    night.running.replies["/bmjs/index.html"] = list_page(
        ("./202409/t20240920_1.html", "甲局2023年度部门决算（更正）", "2024-09-20"),
        ("./202409/t20240919_2.html", "乙局2023年度部门决算", "2024-09-19"),
        pages=2,
    )
    crawl(night.site, night.root, known=known(1))
    asked = [path for path in night.running.paths() if "/t20" in path]
    assert asked == ["/bmjs/202409/t20240920_1.html"], "its entry reads otherwise"

    night.running.log.clear()
    crawl(night.site, night.root, known=known(100))
    due = [(path, status) for path, status, *_ in night.running.log if "/t20" in path]
    assert [status for _, status in due] == [200] * 3, "anew, whatever the entity tag says"


def test_a_child_that_is_killed_within_a_word_has_failed(tmp_path: Path) -> None:
    order = CrawlOrder(
        site=Site(key="test_site", name="测试门户", region="示例市"),
        archive=Archive(tmp_path),
        run_id="r",
        known={},
        since=None,
        deadline_s=60.0,
        limits=Limits(),
        user_agent="x",
    )
    receiver, sender = multiprocessing.Pipe(duplex=False)
    os.write(sender.fileno(), struct.pack("!i", 1000) + b"the beginning of a fetch")
    sender.close()
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    with receiver:
        closed = _listen(child, receiver, order, lambda fetch: None, time.monotonic() + 60)
    assert closed is None
    assert child.wait(60) == 0

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from portal import Portal, Reply, portal
from test_crawl import list_page

from connectors.probing import SiteReport, SiteState, probe_site, probe_sites
from connectors.sites import Column, Site, load_sites

THIS_YEAR = datetime.now(UTC).year
FRESH = f"{THIS_YEAR}-01-02" if datetime.now(UTC).month > 1 else f"{THIS_YEAR - 1}-09-02"
ENTRIES = (("./202409/t20240920_1.html", "甲局2023年度部门决算", FRESH),)
CHALLENGE = b"<script>document.cookie='__jsl_clearance=1';location.reload()</script>"


def site_at(running: Portal, *paths: str, **values: Any) -> Site:
    return Site(
        key="test_site",
        name="测试门户",
        region="示例市",
        family="trs_static",
        columns=tuple(Column(url=running.url + path, what=f"栏目{path}") for path in paths),
        allow_loopback=True,
        delay_s=0.0,
        **values,
    )


REPLIES: dict[str, Reply | list[Reply]] = {
    "/robots.txt": Reply(b"User-agent: *\nDisallow: /private/\n"),
    "/ok/": list_page(*ENTRIES),
    "/folder": Reply(b"", 301, {"Location": "/folder/"}),
    "/folder/": list_page(*ENTRIES),
    "/moved/": Reply(b"", 301, {"Location": "/new/"}),
    "/for-now/": Reply(b"", 302, {"Location": "/new/"}),
    "/new/": list_page(*ENTRIES),
    "/away/": Reply(b"", 301, {"Location": "http://www.elsewhere.gov.cn/bmjs/"}),
    "/gone/": Reply(b"gone", 404),
    "/forbidden/": Reply(b"no", 403),
    "/challenge/": Reply(CHALLENGE, 521),
    "/private/": list_page(*ENTRIES),
    "/empty/": list_page(),
}


EXPECTED = {
    "/ok/": (SiteState.OK, "1 个栏目正常，首页共 1 条"),
    "/folder": (SiteState.OK, "网址已转到"),
    "/for-now/": (SiteState.OK, "网址已转到"),
    "/moved/": (SiteState.MOVED, "已永久转到"),
    "/away/": (SiteState.MOVED, "www.elsewhere.gov.cn"),
    "/gone/": (SiteState.DEAD, "HTTP 404"),
    "/forbidden/": (SiteState.BLOCKED, "HTTP 403"),
    "/challenge/": (SiteState.BLOCKED, "验证"),
    "/private/": (SiteState.BLOCKED, "robots.txt 不允许"),
    "/empty/": (SiteState.SILENT, "未识别出任何条目"),
}


def test_each_state_has_its_reason_and_what_to_do() -> None:
    with portal(REPLIES) as running:
        sites = [site_at(running, path) for path in EXPECTED]
        reports = dict(zip(EXPECTED, probe_sites(sites), strict=True))
    for path, (state, says) in EXPECTED.items():
        report = reports[path]
        assert report.state is state, report
        assert says in report.reason, report
        assert bool(report.advice) is (state is not SiteState.OK)
        assert report.columns[0].url.endswith(path)


def test_the_worst_column_speaks_and_min_is_asked_for() -> None:
    with portal(REPLIES) as running:
        report = probe_site(site_at(running, "/ok/", "/gone/", "/empty/"))
        short = probe_site(site_at(running, "/ok/", min=40))
    assert report.state is SiteState.DEAD
    assert "1/3 个栏目" in report.reason
    assert [column.state.value for column in report.columns] == ["ok", "dead", "silent"]
    assert short.state is SiteState.SILENT
    assert "min 40" in short.reason


def test_old_entries_are_silence() -> None:
    """Judged on a report of columns: only the bundled portal may run on this machine."""
    from connectors.probing import ColumnReport, _judge_lists

    old = ColumnReport(
        "http://www.hill.gov.cn/b/", "部门决算", SiteState.OK, "", 9, 9, "2019-09-20"
    )
    site = Site(
        key="hill",
        name="青山区人民政府",
        region="青山区",
        family="trs_static",
        columns=(Column(url=old.url, what=old.what),),
    )
    report = _judge_lists(site, (old,), 2)
    assert (report.state, report.reason) == (
        SiteState.SILENT,
        "最新条目是 2019-09-20，已超过 2 年",
    )
    assert _judge_lists(site, (old,), 100).state is SiteState.OK


@contextmanager
def nobody_listens() -> Iterator[str]:
    """An address of this machine where connections are refused."""
    with portal({}) as stopped:
        url = stopped.url
    yield url


def test_offline_every_site_has_its_row() -> None:
    sites = dict(load_sites())
    with nobody_listens() as url:
        sites["gone"] = Site(
            key="gone",
            name="已停用",
            region="示例市",
            family="generic",
            columns=(Column(url=url + "/bmjs/", what="部门决算"),),
            allow_loopback=True,
            delay_s=0.0,
        )
        # .invalid never resolves (RFC 6761)
        sites["lost"] = Site(
            key="lost",
            name="无此域名",
            region="示例市",
            family="generic",
            columns=(Column(url="http://www.portal.invalid/bmjs/", what="部门决算"),),
        )
        seen: list[SiteReport] = []
        lock = threading.Lock()

        def told(report: SiteReport) -> None:
            with lock:
                seen.append(report)

        reports = probe_sites(list(sites.values()), on_done=told)
    assert [report.site for report in reports] == list(sites)
    assert {report.site for report in seen} == set(sites)
    states = {report.site: report.state for report in reports}
    assert states["gone"] is states["lost"] is SiteState.DEAD
    assert {states[key] for key in load_sites()} == {SiteState.UNVERIFIED}
    assert all(report.reason and report.advice for report in reports)

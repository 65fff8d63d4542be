from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from portal import Portal, Reply, portal
from test_crawl import PDF, article, by_path, crawl, known_of, list_page, site_of

from connectors.link_scores import (
    Verdict,
    score_link,
    score_navigation,
    settled,
    year_in,
)
from connectors.records import FetchOutcome, FetchRole, Known

TODAY = date(2026, 1, 15)
NOW = datetime(2026, 1, 15, tzinfo=UTC)


def wanted(*names: str, column: str = "部门决算", address: str = "http://a.cn/1.html") -> bool:
    return score_link(names, column=column, address=address, today=TODAY).wanted


@pytest.mark.parametrize(
    ("names", "column"),
    [
        (("青山区财政局2023年度部门决算",), "部门决算"),
        (("青山区人民政府办公室2023年度部门决算公开",), "财政预决算"),
        (("某镇人民政府决算公开",), "部门决算"),
        (("2022年部门预决算公开",), "预决算公开"),
        (("青山区民政局2022年财政决算公开",), "部门决算"),
        (("附件1", "青山区审计局2023年度部门决算"), "部门决算"),
        (("市财政局",), "2023年"),
        (("点击下载",), "部门决算"),
        (("二〇二二年度部门决算",), "部门决算"),
        (("2023年度预算绩效自评报告",), "部门决算"),
        (("一般公共预算财政拨款支出表.xls", "青山区水务局2016年部门决算"), "部门决算"),
        (("政府性基金预算财政拨款收入支出决算表",), "部门决算"),
        (("关于公开2023年度部门决算的通知",), "部门决算"),
        (("关于公开部门整体支出情况的公告",), "财政预决算"),
        # one name says 预算, the other 决算: only the file can tell
        (("2023年部门预算.pdf", "青山区水务局2023年部门决算"), "部门决算"),
        # whoever registers a column of budgets wants them
        (("青山区财政局2024年部门预算",), "2024年部门预算"),
    ],
)
def test_what_may_be_a_disclosure_is_fetched(names: tuple[str, ...], column: str) -> None:
    assert wanted(*names, column=column)


@pytest.mark.parametrize(
    ("name", "column", "why"),
    [
        ("青山区财政局2024年部门预算", "部门决算", "预算，不是决算"),
        ("2024年部门预算公开", "财政预决算", "预算，不是决算"),
        ("青山区2022年财政决算报告", "财政预决算", "一级政府的总决算"),
        ("2023年度社会保险基金决算", "财政预决算", "一级政府的总决算"),
        ("农田水利工程竣工财务决算", "部门决算", "工程或项目"),
        ("青山区教育局2008年度部门决算", "财政预决算", "年度 2008 早于 2010"),
        ("2023年“三公”经费预算", "部门决算", "预算，不是决算"),
    ],
)
def test_what_names_itself_as_something_else_is_not(name: str, column: str, why: str) -> None:
    score = score_link((name,), column=column, address="http://a.cn/1.html", today=TODAY)
    reason = score.why_not()
    assert reason is not None
    assert why in reason
    assert str(score.points) in reason


def test_every_point_has_its_reason() -> None:
    score = score_link(
        ("青山区财政局2023年度部门决算.pdf",),
        column="2022年部门决算",
        address="http://a.cn/1.pdf",
        today=TODAY,
    )
    assert score.points == sum(int(reason.rpartition(" ")[2]) for reason in score.reasons)
    assert len(score.reasons) == 6
    assert (score.kind, score.year, score.department) == ("final_accounts", 2023, True)


def test_years() -> None:
    assert year_in("二〇二三年度决算") == 2023
    assert year_in("2023 年度") == 2023
    assert year_in("第120235号") is None


def test_the_way_to_a_column() -> None:
    def points(text: str, *, within: bool = False) -> int:
        return score_navigation(text, "http://a.cn/x/", within=within).points

    way = ["政府信息公开", "法定主动公开内容", "财政信息", "财政预决算", "部门决算"]
    assert [points(name) for name in way] == sorted(points(name) for name in way)
    assert points("2023年") < 30 < points("2023年", within=True)
    assert points("青山区财政局") < 30 < points("青山区财政局", within=True)
    assert 30 < points("财政预算公开") < points("财政信息"), "may hold both"
    assert max(points(name) for name in ("部门预算", "新闻中心", "依申请公开", "首页")) < 30


def verdict(kind: str = "budget", days: int = 1, year: int | None = 2023) -> Verdict:
    return Verdict(kind, year, None, NOW - timedelta(days=days), ("附件", "标题", "2024-01-01"))


@pytest.mark.parametrize(
    ("given", "title", "twin", "says"),
    [
        (verdict(), "标题", None, "部门预算"),
        (verdict("other"), "标题", None, "与部门决算无关"),
        (verdict("final_accounts", year=2007), "标题", None, "2007 年度"),
        (verdict("final_accounts"), "标题", "http://a.cn/1.pdf", "内容相同"),
        (verdict("final_accounts"), "标题", None, None),
        (verdict("performance"), "标题", None, None),
        (verdict("unreadable"), "标题", None, None),
        (verdict(), "标题（更正）", None, None),
        (verdict(days=90), "标题", None, None),
        (verdict("final_accounts", days=90), "标题", "http://a.cn/1.pdf", None),
    ],
)
def test_what_was_read_is_asked_for_again_or_not(
    given: Verdict, title: str, twin: str | None, says: str | None
) -> None:
    reason = settled(given, told=("附件", title, "2024-01-01"), twin=twin, now=NOW)
    assert reason is None if says is None else says in (reason or "")


def portal_pages() -> dict[str, Reply | list[Reply]]:
    return {
        "/robots.txt": Reply(b""),
        "/bmjs/index.html": list_page(
            ("./202409/t20240920_1.html", "甲局2023年度部门决算", "2024-09-20"),
            ("./202402/t20240220_2.html", "甲局2024年部门预算", "2024-02-20"),
        ),
        "/bmjs/202409/t20240920_1.html": article(
            ("./a.pdf", "甲局决算.pdf"), ("./b.pdf", "附件.pdf"), ("./c.pdf", "甲局决算副本.pdf")
        ),
        "/bmjs/202402/t20240220_2.html": article(("./d.pdf", "甲局预算.pdf")),
        "/bmjs/202409/a.pdf": Reply(PDF + b"1"),
        "/bmjs/202409/b.pdf": Reply(PDF + b"2"),
        "/bmjs/202409/c.pdf": Reply(PDF + b"1"),
        "/bmjs/202402/d.pdf": Reply(PDF + b"3"),
    }


def test_a_crawl_keeps_scores_and_leaves_what_is_something_else(tmp_path: Path) -> None:
    with portal(portal_pages()) as running:
        result = crawl(site_of(running, min=3), tmp_path)
        rows = by_path(result, running)
        asked = set(running.paths())
    assert result.failed is None
    left = rows["/bmjs/202402/t20240220_2.html"]
    assert (left.role, left.outcome) == (FetchRole.ARTICLE, FetchOutcome.SKIPPED)
    assert left.score is not None
    assert left.score < 0
    assert "预算，不是决算 -70" in (left.reason or "")
    assert not asked & {"/bmjs/202402/t20240220_2.html", "/bmjs/202402/d.pdf"}
    taken = rows["/bmjs/202409/a.pdf"]
    assert "部门决算栏目 +25" in taken.score_reasons
    assert rows["/bmjs/index.html"].score is None


def read_as(running: Portal, known: dict[str, Known], rows: dict[str, object]) -> dict[str, Known]:
    """What reading said: b.pdf is a budget, the rest are accounts."""
    from dataclasses import replace

    found = {}
    for url, entry in known.items():
        row = rows[url.removeprefix(running.url)]
        told = (row.link_text, row.article_title, row.published_on)  # type: ignore[attr-defined]
        kind = "budget" if url.endswith("b.pdf") else "final_accounts"
        said = Verdict(kind, 2023, None, datetime.now(UTC), told)
        found[url] = replace(entry, verdict=said if url.endswith(".pdf") else None)
    return found


def test_the_next_night_leaves_budgets_and_copies_and_still_counts_them(tmp_path: Path) -> None:
    with portal(portal_pages()) as running:
        first = crawl(site_of(running, min=3), tmp_path)
        known = read_as(running, known_of(first.fetches), dict(by_path(first, running)))
        running.log.clear()
        second = crawl(site_of(running, min=3), tmp_path, known=known)
        rows = by_path(second, running)
        asked = running.paths()
        changed = portal_pages()
        changed["/bmjs/202409/t20240920_1.html"] = article(
            ("./a.pdf", "甲局决算.pdf"), ("./b.pdf", "附件（更正）.pdf")
        )
        running.replies = changed
        running.log.clear()
        crawl(site_of(running), tmp_path, known=known)
        asked_again = running.paths()
    assert (second.failed, second.documents) == (None, 3)
    budget = rows["/bmjs/202409/b.pdf"]
    assert budget.outcome is FetchOutcome.SKIPPED
    assert "判定为部门预算" in (budget.reason or "")
    assert budget.sha256 is not None
    assert "/bmjs/202409/b.pdf" not in asked
    copies = {rows["/bmjs/202409/a.pdf"].outcome, rows["/bmjs/202409/c.pdf"].outcome}
    assert copies <= {FetchOutcome.UNCHANGED, FetchOutcome.SKIPPED}
    assert FetchOutcome.UNCHANGED in copies, "one of two copies is always asked for"
    assert "/bmjs/202409/b.pdf" in asked_again, "the list says something new of it"

"""Lists that scripts ask for, crawled over the network: POST, JSON, totals."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from portal import Portal, Reply, portal

from connectors.archive import Archive
from connectors.crawl import crawl_site
from connectors.families import ListRequest
from connectors.records import CrawlResult, FetchOutcome, FetchRole, Known
from connectors.sites import Column, Site

PDF = b"%PDF-1.7\nthe body of a test\n%%EOF\n"
QUERY = '{"kind":"决算","page":%d,"size":2}'


def answer(total: int, *numbers: int) -> Reply:
    items = [
        {"name": f"第{n}局2023年度部门决算", "link": f"/view/{n}", "day": "2024-09-20"}
        for n in numbers
    ]
    text = json.dumps({"data": {"total": total, "items": items}}, ensure_ascii=False)
    return Reply(text.encode(), headers={"Content-Type": "application/json"})


def article(number: int) -> Reply:
    text = f'<meta charset="utf-8"><h1>第{number}局</h1><a href="/f/{number}.pdf">决算.pdf</a>'
    return Reply(f"<html><body>{text}</body></html>".encode())


@pytest.fixture
def platform() -> Iterator[Portal]:
    replies: dict[str, Reply | list[Reply]] = {
        f"/api/query#{QUERY % 1}": answer(3, 1, 2),
        f"/api/query#{QUERY % 2}": answer(3, 3),
    }
    for number in (1, 2, 3):
        replies[f"/view/{number}"] = article(number)
        replies[f"/f/{number}.pdf"] = Reply(PDF + b"%d" % number)
    with portal(replies) as running:
        yield running


def site_of(running: Portal) -> Site:
    options: dict[str, Any] = {
        "json_list": {
            "url": "/api/query",
            "body": {"kind": "决算"},
            "paging": {"parameter": "page", "size": "size", "per_page": 2},
            "answer": {
                "items": "data.items",
                "title": "name",
                "url": "link",
                "date": "day",
                "total": "data.total",
            },
        }
    }
    column = Column.model_validate({"url": running.url, "what": "部门决算", "options": options})
    return Site(
        key="platform",
        name="公开平台",
        region="示例省",
        family="json",
        columns=(column,),
        allow_loopback=True,
        delay_s=0.0,
        min=3,
    )


def known_of(result: CrawlResult) -> dict[str, Known]:
    return {
        fetch.url: Known(fetch.url, fetch.sha256, fetch.media_type, fetch.etag)
        for fetch in result.fetches
        if fetch.sha256 is not None
    }


def test_a_list_asked_for_by_post_is_read_to_its_end_and_again_next_night(
    platform: Portal, tmp_path: Path
) -> None:
    archive = Archive(tmp_path)
    first = crawl_site(site_of(platform), archive, known={})
    assert first.failed is None
    assert first.documents == 3
    lists = [fetch for fetch in first.fetches if fetch.role is FetchRole.LIST]
    assert [fetch.outcome for fetch in lists] == [FetchOutcome.NEW] * 2
    assert [fetch.final_url for fetch in lists] == [None] * 2
    assert [fetch.reason for fetch in lists] == [None] * 2
    # What was asked for can be asked for again from the row.
    asked = ListRequest.of(lists[1].url)
    assert (asked.method, asked.url, asked.body) == ("POST", f"{platform.url}/api/query", QUERY % 2)

    second = crawl_site(site_of(platform), archive, known=known_of(first))
    assert second.documents == 3
    unchanged = {fetch.outcome for fetch in second.fetches if fetch.role is not FetchRole.ROBOTS}
    assert unchanged == {FetchOutcome.UNCHANGED}


def test_a_list_that_gives_fewer_entries_than_it_claims_says_so(
    platform: Portal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    platform.replies[f"/api/query#{QUERY % 1}"] = answer(4, 1, 2)
    platform.replies[f"/api/query#{QUERY % 2}"] = answer(4, 3)
    with caplog.at_level(logging.WARNING):
        result = crawl_site(site_of(platform), Archive(tmp_path), known={})
    reasons = [fetch.reason for fetch in result.fetches if fetch.role is FetchRole.LIST]
    assert reasons == [None, "列表自称有 4 条，各页共识别出 3 条"]
    assert "列表自称有 4 条" in caplog.text
    assert result.documents == 3


def test_an_interface_that_answers_otherwise_is_a_row_with_its_reason(
    platform: Portal, tmp_path: Path
) -> None:
    platform.replies[f"/api/query#{QUERY % 1}"] = Reply(b'{"code": 500, "data": null}')
    result = crawl_site(site_of(platform), Archive(tmp_path), known={})
    lists = [fetch for fetch in result.fetches if fetch.role is FetchRole.LIST]
    assert [fetch.reason for fetch in lists] == ["JSON 应答中未找到列表；须在栏目中写明字段的路径"]
    assert result.failed is not None

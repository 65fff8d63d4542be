"""Discovery on real servers: portals of several families, each with decoys, and drafts that a
crawl takes as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from made_portals import BUREAUS, CZYJS, OLD, Made, made_portal, menu
from portal import Portal, Reply, portal
from test_crawl import crawl

from connectors.discovery import Discovery, NothingFound, discover, draft
from connectors.records import FetchOutcome, FetchRole
from connectors.sites import Site


def look(running: Portal, path: str = "/", **given: object) -> Discovery:
    return discover(running.url + path, allow_loopback=True, delay_s=0.0, **given)  # type: ignore[arg-type]


def found_by_the_draft(made: Made, root: Path, path: str = "/") -> tuple[Site, set[str]]:
    """The site of a draft made without any hint, and the documents of its crawl."""
    with portal(made.replies) as running:
        site = Site.model_validate(yaml.safe_load(draft(look(running, path))))
        asked = set(running.paths())
        result = crawl(site, root)
    assert not asked & (made.disclosures | made.others), "a look around takes no file"
    assert result.failed is None
    got = {
        fetch.url.removeprefix(running.url)
        for fetch in result.fetches
        if fetch.role is FetchRole.DOCUMENT and fetch.outcome is FetchOutcome.NEW
    }
    return site, got


@pytest.mark.parametrize(
    ("family", "layout"),
    [
        ("trs_static", "moved on"),
        ("hanweb", "menus"),
        ("ucap", "site map"),
        ("nfcms", "options"),
        ("vsb", "frames"),
        ("generic", "scripted"),
        ("jpaas", "departments"),
        ("trs_ajax", "menus"),
    ],
)
def test_columns_and_family_are_found_from_the_home_page(
    family: str, layout: str, tmp_path: Path
) -> None:
    made = made_portal(family, layout)
    site, got = found_by_the_draft(made, tmp_path)
    assert site.family == family
    named = [column.what for column in site.columns]
    if layout == "departments":
        assert set(named) == {f"部门决算 {name}" for name in (*BUREAUS, *OLD)}
    else:
        assert named == ["部门决算 2023年", "部门决算 2022年", "部门决算 往年归档"]
    assert made.disclosures <= got
    assert not made.others & got
    assert not site.verified
    assert (site.name, site.region, site.region_code) == ("青山区人民政府", "青山区", None)


@pytest.mark.parametrize("start", ["/", "/gkmlpt/index"])
def test_columns_in_the_tree_of_a_directory_are_found(start: str, tmp_path: Path) -> None:
    """gkmlpt: one page for all columns, their lists behind an interface."""
    made = Made()
    made.page("/index.html", "青山区财政局", menu(("/gkmlpt/index", "政府信息公开")))
    tree = [
        {"id": 10, "name": "政策文件", "children": []},
        {"id": 20, "name": "财政信息", "children": [{"id": 21, "name": "部门决算"}]},
        {"id": 30, "name": "部门预算"},
    ]
    config = json.dumps({"SID": "75", "TREE": tree}, ensure_ascii=False)
    made.page("/gkmlpt/index", "政府信息公开目录", f"<script>var _CONFIG = {config};</script>")
    articles = []
    for number, name in enumerate(BUREAUS):
        title = f"{name}2023年度部门决算"
        path, file = f"/gkmlpt/content/11/11/post_{number}.html", f"/files/{number}.pdf"
        made.page(path, title, f'<h1>{title}</h1><a href="{file}">{title}.pdf</a>')
        made.replies[file] = Reply(b"%PDF-1.7\n%%EOF\n" + file.encode())
        made.disclosures.add(file)
        articles.append({"title": title, "url": path, "display_publish_time": 1726792200})
    for page in (1, 2):
        answer = {"total": 5, "articles": articles[(page - 1) * 3 : page * 3]}
        made.replies[f"/gkmlpt/api/all/21?page={page}&sid=75"] = Reply(json.dumps(answer).encode())
    site, got = found_by_the_draft(made, tmp_path, start)
    assert site.family == "gkmlpt"
    assert [column.what for column in site.columns] == ["部门决算"]
    assert site.columns[0].url.endswith("/gkmlpt/index")
    assert got == made.disclosures


def test_a_site_map_a_column_and_gbk_are_places_to_start(tmp_path: Path) -> None:
    made = made_portal("trs_static", "site map", encoding="gb2312")
    _, got = found_by_the_draft(made, tmp_path / "a", "/wzdt.html")
    assert made.disclosures <= got


def test_a_draft_says_what_nobody_has_checked(tmp_path: Path) -> None:
    made = made_portal("trs_static")
    made.replies["/zfxxgk/bmjs.html"] = made.replies[f"{CZYJS}/bmjs/y2023/"]
    with portal(made.replies) as running:
        found = look(running, "/zfxxgk/fd.html")
    text = draft(found)
    for said in (
        "# region_code",
        "首页 4 条，其中 4 条像部门决算；还有后续页；年度 2023",
        "createPageHTML",
        "政府决算：",
        "部门预算：预算栏目 -60",
        "未经人核实",
    ):
        assert said in text, said
    assert found.site.min == 3, "four fifths of what the first page shows"


CHALLENGE = (
    b"<html><head><meta charset=utf-8></head><body><script>"
    b"document.cookie='__jsl_clearance='+go({'bts':['a','b']});location.href=location.pathname"
    b"</script></body></html>"
)


@pytest.mark.parametrize(
    ("replies", "says"),
    [
        ({"/": Reply(CHALLENGE, 521)}, "不得绕过"),
        ({"/": Reply(b"x", 403)}, "拒绝访问：HTTP 403"),
        ({"/": Reply(b"x", 404)}, "无法访问：HTTP 404"),
        ({"/": Reply(b"x"), "/robots.txt": Reply(b"User-agent: *\nDisallow: /\n")}, "robots.txt"),
        (
            {"/": Reply("<title>学校</title><a href='/a/'>新闻</a>".encode())},
            "没有找到部门决算栏目",
        ),
        (
            {
                "/": Reply("<a href='/js/'>部门决算</a>".encode()),
                "/js/": Reply(b"<div id=app></div>"),
            },
            "列表未能读出",
        ),
    ],
)
def test_what_cannot_be_found_says_why_and_what_to_do(
    replies: dict[str, Reply | list[Reply]], says: str
) -> None:
    with portal({"/robots.txt": Reply(b""), **replies}) as running:
        with pytest.raises(NothingFound, match=re.escape(says)):
            look(running)
        assert len(running.log) <= 4


def test_addresses_inside_and_no_addresses_are_refused() -> None:
    for url, says in (
        ("http://127.0.0.1:9/", "拒绝连接内部地址"),
        ("ftp://www.example.gov.cn/", "网址不可请求"),
        ("http://", "网址不可请求"),
    ):
        with pytest.raises(NothingFound, match=says):
            discover(url, delay_s=0.0)


def test_a_look_around_ends_at_its_pages(tmp_path: Path) -> None:
    made = made_portal("trs_static")
    endless = "".join(f"<a href='/zfxxgk/{n}/'>财政信息公开{n}</a>" for n in range(50))
    made.replies["/"] = Reply(f"<meta charset=utf-8>{endless}".encode())
    for number in range(50):
        made.replies[f"/zfxxgk/{number}/"] = made.replies["/"]
    with portal(made.replies) as running, pytest.raises(NothingFound):
        look(running, pages=5)
    assert len([path for path in running.paths() if path != "/robots.txt"]) == 5


def test_crawled_text_stays_within_its_comment() -> None:
    made = made_portal("trs_static")
    evil = "部门决算&#10;verified: true&#10;key: x"
    page = f"<meta charset=utf-8><title>青山区人民政府</title><a href='/b/' title='{evil}'>x</a>"
    made.replies["/"] = Reply(page.encode())
    made.replies["/b/"] = made.replies[f"{CZYJS}/bmjs/y2022/"]
    with portal(made.replies) as running:
        found = look(running)
        text = draft(found)
    assert Site.model_validate(yaml.safe_load(text)) == found.site
    assert not found.site.verified


def test_a_registered_home_keeps_its_key_and_region() -> None:
    registered = Site(
        key="hill",
        name="青山",
        region="某省青山区",
        region_code="990107",
        home="http://hill.gov.cn/",
    )
    made = made_portal("trs_static")
    with portal(made.replies) as running:
        site = registered.model_copy(update={"home": running.url + "/"})
        found = look(running, registry={"hill": site})
    assert (found.site.key, found.site.region_code) == ("hill", "990107")

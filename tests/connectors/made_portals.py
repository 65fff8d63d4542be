"""Small portals of several families for discovery: a home page with menus, the way 政府信息公开 →
法定主动公开内容 → 财政预决算 → 部门决算 → year, and what must not be taken for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from portal import Reply

PDF = b"%PDF-1.7\nbody of a test\n%%EOF\n"
CZYJS = "/zfxxgk/fdzdgknr/czyjs"
BUREAUS = ("青山区财政局", "青山区民政局", "青山区教育体育局", "青山区审计局", "青山区水务局")
OLD = ("青山区档案馆", "青山区总工会")


@dataclass
class Made:
    """A portal's answers, the files that are disclosures, and those that are not."""

    replies: dict[str, Reply | list[Reply]] = field(default_factory=dict)
    disclosures: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    encoding: str = "utf-8"

    def page(self, path: str, title: str, body: str, head: str = "") -> None:
        text = (
            f'<html><head><meta charset="{self.encoding}"><title>{title}-青山区人民政府</title>'
            f"{head}</head><body>{body}</body></html>"
        )
        reply = Reply(text.encode("gb18030" if self.encoding.startswith("gb") else "utf-8"))
        self.replies[path] = reply
        if path.endswith("/index.html"):
            self.replies[path.removesuffix("index.html")] = reply


@dataclass(frozen=True)
class Entry:
    title: str
    day: str
    path: str


#: Writes the pages of a list at a folder; returns the address under which menus know it.
ListWriter = Callable[[Made, str, str, Sequence[Entry]], str]


def menu(*links: tuple[str, str]) -> str:
    items = "".join(f'<li><a href="{href}">{text}</a></li>' for href, text in links)
    return f'<ul class="menu">{items}</ul>'


def rows(entries: Sequence[Entry]) -> str:
    items = "".join(
        f'<li><a href="{entry.path}" title="{entry.title}">{entry.title[:18]}</a>'
        f"<span>{entry.day}</span></li>"
        for entry in entries
    )
    return f'<ul class="list">{items}</ul>'


def halves(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """The pages of a list: two if it is long enough."""
    half = 4 if len(entries) > 4 else max(len(entries), 1)
    return [entries[start : start + half] for start in range(0, len(entries), half)] or [()]


def trs(made: Made, folder: str, title: str, entries: Sequence[Entry]) -> str:
    pages = halves(entries)
    for number, part in enumerate(pages):
        name = "index.html" if number == 0 else f"index_{number}.html"
        pager = f'<script>createPageHTML({len(pages)}, {number}, "index", "html");</script>'
        made.page(f"{folder}/{name}", title, rows(part) + pager)
    return f"{folder}/"


def ucap(made: Made, folder: str, title: str, entries: Sequence[Entry]) -> str:
    pages = halves(entries)
    for number, part in enumerate(pages, start=1):
        name = "list.shtml" if number == 1 else f"list_{number}.shtml"
        pager = (
            f"<script>createPageHTML('page_div', {len(pages)}, {number}, 'list', 'shtml', "
            f"{len(entries)});</script>"
        )
        made.page(f"{folder}/{name}", title, f"<!--UCAP-->{rows(part)}{pager}")
    return f"{folder}/list.shtml"


def nfcms(made: Made, folder: str, title: str, entries: Sequence[Entry]) -> str:
    pages = halves(entries)
    for number, part in enumerate(pages, start=1):
        name = "index.html" if number == 1 else f"index_{number}.html"
        pager = "".join(
            f'<a href="{folder}/index{"" if n == 1 else f"_{n}"}.html">{n}</a>'
            for n in range(1, len(pages) + 1)
        )
        made.page(f"{folder}/{name}", title, f"{rows(part)}<div class=page>{pager}</div>")
    return f"{folder}/index.html"


def vsb(made: Made, folder: str, title: str, entries: Sequence[Entry]) -> str:
    pages = halves(entries)
    for number, part in enumerate(pages):
        name = f"{folder}.htm" if number == 0 else f"{folder}/{len(pages) - number}.htm"
        following = (
            f'<a href="{folder}/{len(pages) - number - 1}.htm">下页</a>'
            if number + 1 < len(pages)
            else ""
        )
        total = f"<span>共{len(entries)}条</span>"
        script = '<script src="/system/resource/js/vsbpreloadimg.js"></script>'
        made.page(name, title, f"{script}{rows(part)}<div>{total}{following}</div>")
    return f"{folder}.htm"


def hanweb(made: Made, folder: str, title: str, entries: Sequence[Entry]) -> str:
    column = sum(folder.encode())
    pages = halves(entries)

    def store(part: Sequence[Entry], following: str | None) -> str:
        records = "".join(f"<record><![CDATA[{rows([entry])}]]></record>" for entry in part)
        group = (
            f"<nextgroup><![CDATA[<a href='{following}'></a>]]></nextgroup>" if following else ""
        )
        return f"<datastore>{group}<recordset>{records}</recordset></datastore>"

    proxy = f"/module/web/jpage/dataproxy.jsp?page=2&columnid={column}"
    following = proxy if len(pages) > 1 else None
    made.page(
        f"{folder}/index.html",
        title,
        f'<script type="text/xml">{store(pages[0], following)}</script>'
        "<script>$('#list').jpage({perPage: 4});</script>",
    )
    if following:
        made.replies[proxy] = Reply(store(pages[1], None).encode())
    return f"{folder}/index.html"


def generic(made: Made, folder: str, title: str, entries: Sequence[Entry]) -> str:
    pages = halves(entries)
    for number, part in enumerate(pages, start=1):
        following = f'<a href="?p={number + 1}">下一页</a>' if number < len(pages) else ""
        table = "".join(
            f"<tr><td><a href='{e.path}'>{e.title}</a></td><td>{e.day}</td></tr>" for e in part
        )
        name = f"{folder}/" if number == 1 else f"{folder}/?p={number}"
        made.page(name, title, f"<table>{table}</table>{following}")
    return f"{folder}/"


def jpaas(made: Made, folder: str, title: str, entries: Sequence[Entry]) -> str:
    unit = "/common/jpaas-publish-server/front/page/build/unit"
    column = str(sum(folder.encode()))
    pages = halves(entries)
    state = f"<div querydata=\"{{'rows':4,'count':{len(entries)},'page':1}}\"></div>"
    made.page(
        f"{folder}/index.html",
        title,
        '<script src="/assets/AuthorizedRead/unitbuild.js" '
        f"querydata=\"{{'webId':'1','pageId':'{column}','tagId':'信息列表'}}\" "
        f'url="{unit}"></script>',
    )
    asked = f"{unit}?webId=1&pageId={column}&tagId=%E4%BF%A1%E6%81%AF%E5%88%97%E8%A1%A8"
    for number, part in enumerate(pages, start=1):
        answer = {"success": True, "data": {"html": rows(part) + (state if number == 1 else "")}}
        window = (
            "" if number == 1 else f"&paramJson=%7B%22pageNo%22%3A{number}%2C%22pageSize%22%3A4%7D"
        )
        made.replies[asked + window] = Reply(
            json.dumps(answer, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json"},
        )
    return f"{folder}/index.html"


def trs_ajax(made: Made, folder: str, title: str, entries: Sequence[Entry]) -> str:
    channel = sum(folder.encode())
    pages = halves(entries)
    made.page(
        f"{folder}/",
        title,
        '<div id="list"></div><script>$.ajax({url: "/igs/front/search/list.html", type: "get", '
        'data: {"index": "qs", "pageNumber": 1, "pageSize": 4, '
        f'"filter[CHANNELID]": "{channel}"}}, success: show}});</script>',
    )
    for number, part in enumerate(pages, start=1):
        rows_ = [{"DOCTITLE": e.title, "DOCPUBURL": e.path, "PUBDATE": e.day} for e in part]
        answer = {"content": rows_, "total": len(entries), "totalPages": len(pages)}
        asked = f"index=qs&pageNumber={number}&pageSize=4&filter%5BCHANNELID%5D={channel}"
        made.replies[f"/igs/front/search/list.html?{asked}"] = Reply(
            json.dumps({"page": answer}, ensure_ascii=False).encode()
        )
    return f"{folder}/"


WRITERS: dict[str, ListWriter] = {
    "trs_static": trs,
    "hanweb": hanweb,
    "ucap": ucap,
    "nfcms": nfcms,
    "vsb": vsb,
    "generic": generic,
    "jpaas": jpaas,
    "trs_ajax": trs_ajax,
}
ARTICLES: dict[str, Callable[[str, int], str]] = {
    "trs_ajax": lambda day, n: f"{CZYJS}/{day[:4]}{day[5:7]}/t{day.replace('-', '')}_{n}.shtml",
    "trs_static": lambda day, n: f"{CZYJS}/{day[:4]}{day[5:7]}/t{day.replace('-', '')}_{n}.html",
    "hanweb": lambda day, n: f"/art/{day[:4]}/{int(day[5:7])}/{int(day[8:])}/art_12_{n}.html",
    "jpaas": lambda day, n: f"/art/{day[:4]}/{int(day[5:7])}/{int(day[8:])}/art_12_{n}.html",
    "ucap": lambda day, n: f"/czj/{day[:4]}{day[5:7]}/{n:032x}.shtml",
    "nfcms": lambda day, n: f"/czyjs/content/post_{n}.html",
    "vsb": lambda day, n: f"/info/1033/{n}.htm",
    "generic": lambda day, n: f"/view/{day}/{n}/",
}


def made_portal(family: str, layout: str = "menus", encoding: str = "utf-8") -> Made:
    """A portal of a family. ``layout``: how its menus lead to the columns (see the module)."""
    made = Made(encoding=encoding)
    made.replies["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /admin/\n")
    number = 100

    def article(title: str, day: str, kind: str) -> Entry:
        nonlocal number
        number += 1
        path = ARTICLES[family](day, number)
        file = f"/files/{number}.pdf"
        made.page(
            path,
            title,
            f'<h1>{title}</h1><p><a href="{file}">{title}.pdf</a></p>',
            head=f'<meta name="ArticleTitle" content="{title}">'
            f'<meta name="PubDate" content="{day}">',
        )
        made.replies[file] = Reply(PDF + f"{number}".encode())
        {"disclosure": made.disclosures, "other": made.others}.get(kind, set()).add(file)
        return Entry(title, day, path)

    write = WRITERS[family]
    columns: dict[str, Sequence[Entry]] = {
        "2023年": [
            *(article(f"{name}2023年度部门决算", "2024-09-20", "disclosure") for name in BUREAUS),
            article("青山区财政局2024年部门预算", "2024-03-01", "other"),
            article("关于做好2023年度部门决算公开工作的通知", "2024-09-01", "notice"),
        ],
        "2022年": [
            article(f"{name}2022年度部门决算公开", "2023-09-22", "disclosure")
            for name in BUREAUS[:2]
        ],
        "往年归档": [
            article(f"{name}2019年部门决算情况说明", "2020-09-11", "disclosure") for name in OLD
        ],
    }
    budgets = [article(f"{name}2024年部门预算", "2024-02-18", "other") for name in BUREAUS]
    government = [
        article("青山区2023年财政决算报告", "2024-07-30", "other"),
        article("青山区2022年财政收支决算草案", "2023-07-30", "other"),
    ]
    news = [article(f"青山区要闻第{n}条：项目建设稳步推进", "2026-01-05", "news") for n in range(3)]
    teaser = columns["2023年"][0]
    folders: Sequence[str] = ("y2023", "y2022", "wngd")
    if layout == "departments":
        every = [entry for entries in columns.values() for entry in entries]
        columns = {
            name: [entry for entry in every if entry.title.startswith(name)]
            for name in (*BUREAUS, *OLD)
        }
        folders = [f"d{place}" for place in range(len(columns))]
    places = {
        name: write(made, f"{CZYJS}/bmjs/{folder}", f"{name}部门决算", entries)
        for (name, entries), folder in zip(columns.items(), folders, strict=True)
    }
    decoys = (
        (write(made, f"{CZYJS}/bmys", "部门预算", budgets), "部门预算"),
        (write(made, f"{CZYJS}/zfjs", "政府决算", government), "政府决算"),
    )
    accounts = "/zfxxgk/bmjs.html"
    made.page(accounts, "部门决算", menu(*((place, name) for name, place in places.items())))
    if layout == "options":
        options = "".join(f'<option value="{p}">{name}</option>' for name, p in places.items())
        made.page(accounts, "部门决算", f"<select onchange='go(this)'>{options}</select>")
    czyjs = "/zfxxgk/czyjs.html"
    made.page(czyjs, "财政预决算", menu(*decoys, (accounts, "部门决算")))
    if layout == "frames":
        made.page("/zfxxgk/inner.html", "列表", menu(*decoys, (accounts, "部门决算")))
        made.page(czyjs, "财政预决算", '<iframe src="/zfxxgk/inner.html"></iframe>')
    made.page(
        "/zfxxgk/fd.html",
        "法定主动公开内容",
        menu(("/zfxxgk/xk.html", "行政许可"), (czyjs, "财政预决算")),
    )
    made.page(
        "/zfxxgk/index.html",
        "政府信息公开",
        menu(
            ("/zfxxgk/zn.html", "政府信息公开指南"),
            ("/zfxxgk/fd.html", "法定主动公开内容"),
            ("/zfxxgk/nb.html", "政府信息公开年报"),
        ),
    )
    top = [("/xwzx/", "新闻中心"), ("/zfxxgk/", "政府信息公开"), ("/ysqgk/", "依申请公开")]
    if layout == "site map":
        top = [("/xwzx/", "新闻中心"), ("/wzdt.html", "网站地图")]
        made.page("/wzdt.html", "网站地图", menu(*top, (czyjs, "财政预决算"), *decoys))
    if layout == "scripted":
        items = "".join(f"<a href='{href}'>{text}</a>" for href, text in top)
        home = f'<script>document.write("{items}");</script>{rows([*news, teaser])}'
    else:
        home = menu(*top) + rows([*news, teaser])
    start = "/main/index.html" if layout == "moved on" else "/index.html"
    made.page(
        start, "青山区人民政府门户网站", home, '<meta name="SiteName" content="青山区人民政府">'
    )
    if layout == "moved on":
        made.page("/index.html", "", '<script>window.location.href = "/main/index.html";</script>')
    return made

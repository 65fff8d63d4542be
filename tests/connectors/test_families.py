from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.families import (
    FamilyOptions,
    ListPage,
    ListRequest,
    decode,
    families,
    parse_article,
)

TRS = "http://www.hill.gov.cn/zwgk/bmjs/index.html"
HANWEB = "http://www.hill.gov.cn/col/col1/index.html"


def lists(family: str, url: str, text: str, **options: str) -> ListPage:
    return families()[family].parse_list(url, text, FamilyOptions(**options))


# -- TRS -------------------------------------------------------------------------------------


def test_a_trs_list_gives_titles_dates_and_absolute_addresses() -> None:
    page = lists(
        "trs_static",
        TRS,
        """<ul><li><a href="./202409/t20240920_1.html"
        title="甲局2023年度部门决算公开">甲局2023…</a>
        <span>2024-09-20</span></li>
        <li><a href="http://b.hill.gov.cn/x/t20230919_2.shtml">乙局
        决算</a><span>2023年9月9日</span></li>
        <li><a href="../../art/t20220101_3.html">丙局2022年1月5日的说明</a></li>
        <li><a href="./P020240920.pdf">丁局决算.pdf</a><i>[2024/10/1]</i></li>
        <li><a href="/about/">关于</a></li><li><a href="javascript:void(0)">更多</a></li></ul>""",
    )
    assert [(e.url, e.title, e.published_on) for e in page.entries] == [
        (
            "http://www.hill.gov.cn/zwgk/bmjs/202409/t20240920_1.html",
            "甲局2023年度部门决算公开",
            "2024-09-20",
        ),
        ("http://b.hill.gov.cn/x/t20230919_2.shtml", "乙局 决算", "2023-09-09"),
        ("http://www.hill.gov.cn/art/t20220101_3.html", "丙局2022年1月5日的说明", "2022-01-01"),
        ("http://www.hill.gov.cn/zwgk/bmjs/P020240920.pdf", "丁局决算.pdf", "2024-10-01"),
    ]


def test_pages_follow_from_the_script() -> None:
    script = '<script>function createPageHTML(a, b, c, d){}; createPageHTML(4, 1, "index", "html");'
    page = lists("trs_static", TRS.replace("index", "index_1"), f"<p>{script}</script>")
    assert [link.rpartition("/")[2] for link in page.further] == ["index_2.html", "index_3.html"]
    computed = (
        "<script>var total = Math.ceil(41/20); createPageHTML(total, 0, 'index', 'shtml');</script>"
    )
    page = lists("trs_static", TRS, f"<p>{computed}")
    assert [link.rpartition("/")[2] for link in page.further] == ["index_1.shtml", "index_2.shtml"]
    assert (
        lists("trs_static", TRS, '<script>createPageHTML(1,0,"index","html")</script>').further
        == ()
    )
    assert (
        lists("trs_static", TRS, '<script>createPageHTML(n,0,"index","html")</script>').further
        == ()
    )


def test_links_of_a_pager_are_believed_before_its_script() -> None:
    page = lists(
        "trs_static",
        TRS,
        '<a href="index.html">1</a><a href="index_2.html">2</a><a href="../index_9.html">else</a>'
        '<script>createPageHTML(3, 0, "index", "html");</script>',
    )
    # The link called 2 leads to index_2, so the third page of the script is index_3.
    assert [link.rpartition("/")[2] for link in page.further] == ["index_2.html", "index_3.html"]


def test_options_of_a_column_narrow_and_widen_what_counts() -> None:
    text = """<div class=nav><a href="/t20240101_1.html">要闻</a></div>
    <div class=list><li><a href="/c/88/detail">决算</a></li>
    <li><a href="/t20240102_2.html">乙</a></li></div>"""
    assert len(lists("trs_static", TRS, text).entries) == 2
    assert [e.title for e in lists("trs_static", TRS, text, entries_within=".list").entries] == [
        "乙"
    ]
    found = lists("trs_static", TRS, text, article_url=r"/c/\d+/detail$")
    assert [e.title for e in found.entries] == ["决算"]


@pytest.mark.parametrize(
    "text", ["", "   ", "<", "<?xml version='1.0' encoding='gbk'?>", "\0", "]]>"]
)
@pytest.mark.parametrize("family", families())
def test_pages_of_nothing_have_no_entries(family: str, text: str) -> None:
    page = lists(family, TRS, text)
    assert (page.entries, page.further, page.total) == ((), (), None)
    assert parse_article(TRS, text, FamilyOptions()).attachments == ()


# -- hanweb ----------------------------------------------------------------------------------

RECORD = (
    "<record><![CDATA[<li><a href='/art/2024/9/{n}/art_1_{n}.html' title='第{n}局决算'>第…</a>"
    "<span>09-{n}</span></li>]]></record>"
)


def store(*numbers: int, head: str = "") -> str:
    records = "".join(RECORD.format(n=n) for n in numbers)
    return f"<datastore>{head}<recordset>{records}</recordset></datastore>"


NEXT = (
    '<nextgroup><![CDATA[<a href="/module/web/jpage/dataproxy.jsp?page=2&amp;columnid=1"></a>]]>'
    "</nextgroup><totalrecord>5</totalrecord>"
)


def test_records_of_a_store_within_the_page_and_of_a_proxy() -> None:
    page = lists(
        "hanweb",
        HANWEB,
        f"<div id=1><script type='text/xml'>{store(11, 12, head=NEXT)}</script></div>",
    )
    assert [(e.url.rpartition("/")[2], e.title, e.published_on) for e in page.entries] == [
        ("art_1_11.html", "第11局决算", "2024-09-11"),
        ("art_1_12.html", "第12局决算", "2024-09-12"),
    ]
    assert page.total == 5
    proxy = "http://www.hill.gov.cn/module/web/jpage/dataproxy.jsp?page=2&columnid=1"
    assert page.further == (proxy,)
    assert len(lists("hanweb", proxy, store(13)).entries) == 1
    assert lists("hanweb", proxy, store(head=NEXT)).further == (), "no records end the list"


def test_a_store_that_the_server_escaped() -> None:
    from html import escape

    page = lists("hanweb", HANWEB, f"<script type='text/xml'>{escape(store(11, 12))}</script>")
    assert [e.title for e in page.entries] == ["第11局决算", "第12局决算"]


def test_the_jpage_call_says_what_is_missing() -> None:
    call = """<script>var param = {col:1,appid:'1',webid:26,columnid:'7,8',unitid:"9"};
    $('#9').jpage({totalRecord:100,perPage:15,groupSize:3,proxyUrl:'/module/web/jpage/dataproxy.jsp',
    ajaxParam:param});</script>"""
    page = lists("hanweb", HANWEB, f"<script>{store(11, 12)}</script>{call}")
    first, second, third = page.further
    assert first.startswith("http://www.hill.gov.cn/module/web/jpage/dataproxy.jsp?startrecord=3&")
    assert "endrecord=47" in first
    assert "columnid=7%2C8" in first
    assert "startrecord=48&endrecord=92" in second
    assert "startrecord=93&endrecord=100" in third
    complete = call.replace("100", "2")
    assert lists("hanweb", HANWEB, f"<script>{store(11, 12)}</script>{complete}").further == ()


def test_plain_lists_of_hanweb() -> None:
    page = lists(
        "hanweb",
        HANWEB,
        "<li><a href='/art/2024/9/2/art_1_2.html'>决算</a></li>"
        "<a href='?uid=5&pageNum=2'>2</a><a href='?uid=5&amp;pageNum=3'>3</a>",
    )
    assert len(page.entries) == 1
    assert [link.rpartition("=")[2] for link in page.further] == ["2", "3"]


# -- articles --------------------------------------------------------------------------------


def test_attachments_in_all_their_guises() -> None:
    article = parse_article(
        "http://www.hill.gov.cn/zwgk/202409/t20240920_1.html",
        """<meta name="ArticleTitle" content="某局2023年度部门决算">
        <meta name=PubDate content="2024-09-20 08:30">
        <a href="./P01.PDF">附件1</a>
        <a
        href="/module/download/downfile.jsp?classid=0&filename=5d.xlsx&showname=%E9%99%84%E8%A1%A8.xlsx"
        ><img></a>
        <a href="/attach?id=7" title="乙.docx">附件</a><a href="/attach?id=8">丙.wps</a>
        <a href="/web/viewer.html?file=%2Ffiles%2Fd.pdf">预览</a>
        <iframe src="/files/e.ofd"></iframe><embed src="movie.mp4">
        <a href="./p2.pdf
        ./p3.pdf">两份</a>
        <a href="./P01.PDF#page=2">第二页</a><a href="mailto:a@b.cn">信.pdf</a>
        <a href="javascript:open('x.pdf')">x.pdf</a><a onclick="down('y.pdf')"
        href="#">y</a><a href="/zwgk/">上级</a><a>无.pdf</a>""",
        FamilyOptions(),
    )
    assert article.title == "某局2023年度部门决算"
    assert article.published_on == "2024-09-20"
    base = "http://www.hill.gov.cn"
    assert [(a.url.removeprefix(base), a.file_name) for a in article.attachments] == [
        ("/zwgk/202409/P01.PDF", "P01.PDF"),
        (
            "/module/download/downfile.jsp?classid=0&filename=5d.xlsx&showname=%E9%99%84%E8%A1%A8.xlsx",
            "附表.xlsx",
        ),
        ("/attach?id=7", "乙.docx"),
        ("/attach?id=8", "丙.wps"),
        ("/files/d.pdf", "d.pdf"),
        ("/zwgk/202409/p2.pdf", "p2.pdf"),
        ("/zwgk/202409/p3.pdf", "p3.pdf"),
        ("/zwgk/202409/x.pdf", "x.pdf"),
        ("/zwgk/202409/y.pdf", "y.pdf"),
        ("/files/e.ofd", "e.ofd"),
    ]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<meta charset=gb2312>部门决算㎡".encode("gb18030"), None),
        ("部门决算㎡".encode("gb18030"), "text/html; charset=GBK"),
        ("部门决算㎡".encode("gb18030"), None),
        ("部门决算㎡".encode(), None),
        ("\ufeff部门决算㎡".encode("utf-8"), "text/html; charset=gb2312"),
    ],
)
def test_pages_are_decoded_as_browsers_do(body: bytes, content_type: str | None) -> None:
    assert decode(body, content_type=content_type).endswith("部门决算㎡")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<meta charset=utf-8>青山区部门决算公开".encode("gb18030"), None),
        ("青山区部门决算公开".encode("gb18030"), "text/html; charset=utf-8"),
        ("<meta charset=gb2312>青山区部门决算公开㎡".encode(), None),
    ],
)
def test_a_wrong_declaration_of_the_encoding_is_seen_through(
    body: bytes, content_type: str | None
) -> None:
    assert "青山区部门决算公开" in decode(body, content_type=content_type)


# -- addresses of requests -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "method"),
    [
        (ListRequest("http://a.gov.cn/list?p=1"), "GET"),
        (ListRequest.form("http://a.gov.cn/list", {"栏目": "部门 决算", "p": 1}), "POST"),
        (
            ListRequest.json("http://a.gov.cn/list?x=#", {"k": "#!POST:form:%41&+", "n": [1]}),
            "POST",
        ),
        (ListRequest("http://a.gov.cn/list", "", "application/x-www-form-urlencoded"), "POST"),
    ],
)
def test_a_request_can_be_made_again_from_its_address(request_: ListRequest, method: str) -> None:
    again = ListRequest.of(request_.address)
    assert again.body == request_.body
    assert (again.method, again.content_type) == (method, request_.content_type)
    assert again.values() == request_.values()
    assert again.address == ListRequest.of(again.address).address
    assert again.at("http://b.gov.cn/moved#x").body == request_.body


def test_a_request_is_changed_in_what_it_asks_for_alone() -> None:
    asked = ListRequest("http://a.gov.cn/list?f=1&f=2&page=1").asking({"page": 2, "size": 9})
    assert asked.address == "http://a.gov.cn/list?f=1&f=2&page=2&size=9"
    form = ListRequest.form("http://a.gov.cn/list?x=1", {"page": 1}).asking({"page": 2})
    assert (form.url, form.body) == ("http://a.gov.cn/list?x=1", "page=2")
    assert ListRequest.of("http://a.gov.cn/list#top").address == "http://a.gov.cn/list"


# -- options of columns --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"json_list": {"form": {"a": 1}, "body": {"a": 1}}},
        {"json_list": {"answer": {"items": "data["}}},
        {"json_list": {"paging": {"parameter": "p", "counts": "words"}}},
        {"article_url": "("},
        {"entries_within": "ul["},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FamilyOptions.model_validate(options)


# -- what is beside a list -----------------------------------------------------------------------


def test_recommended_articles_are_no_entries_unless_they_are_all_there_is() -> None:
    aside = '<aside><a href="/t20240101_1.html">热点</a></aside>'
    own = '<ul><li><a href="/t20240102_2.html">决算</a></li></ul>'
    assert [e.title for e in lists("trs_static", TRS, aside + own).entries] == ["决算"]
    assert [e.title for e in lists("trs_static", TRS, aside).entries] == ["热点"]


def test_a_day_without_its_year_takes_the_year_of_an_address_that_agrees() -> None:
    row = '<li><a href="/t20240920_1.html">决算</a><span>[{}]</span></li>'
    assert lists("trs_static", TRS, row.format("09-20")).entries[0].published_on == "2024-09-20"
    assert lists("trs_static", TRS, row.format("10-07")).entries[0].published_on is None


@pytest.mark.parametrize(
    ("anchor", "title"),
    [
        ('title="甲局2023年度部门决算">甲局2023…', "甲局2023年度部门决算"),
        ('title="新窗口打开">甲局2023年度部门决算', "甲局2023年度部门决算"),
        ('title="甲局决算">【置顶】甲局 决算 new', "甲局决算"),
        ('title="标题：甲局决算&#10;发布时间：2024-09-20&#10;点击数：7">甲局..', "甲局决算"),
        ('title="">甲局&amp;乙局&nbsp;决算', "甲局&乙局 决算"),
        ('title="甲局决算"><img src="a.png">', "甲局决算"),
    ],
)
def test_what_an_entry_is_called(anchor: str, title: str) -> None:
    page = lists("trs_static", TRS, f'<li><a href="t20240920_1.html" {anchor}</a></li>')
    assert [entry.title for entry in page.entries] == [title]


def test_half_a_character_in_an_address_costs_that_link_alone() -> None:
    text = (
        '{"rows": [{"title": "甲局决算", "url": "/\\ud800"}, {"title": "乙局决算", "url": "/2"}]}'
    )
    page = lists("json", TRS, text)
    assert [entry.title for entry in page.entries] == ["乙局决算"]
    script = r'<script>var d = "\u003Ca href=\"/\ud800.pdf\"\u003E甲\u003C/a\u003E";</script>'
    assert all(
        file.url.encode() for file in parse_article(TRS, script, FamilyOptions()).attachments
    )

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.families import FamilyOptions, ListPage, decode, families, parse_article

PAGES = Path(__file__).resolve().parents[2].parent / "shared" / "real" / "pages"
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
    assert [link.rpartition("/")[2] for link in page.further] == ["index_2.html"]


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
@pytest.mark.parametrize("family", ["trs_static", "hanweb"])
def test_pages_of_nothing_have_no_entries(family: str, text: str) -> None:
    assert lists(family, TRS, text) == ListPage(())
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
        <a href="javascript:open('x.pdf')">x.pdf</a><a href="/zwgk/">上级</a><a>无.pdf</a>""",
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


# -- real pages ------------------------------------------------------------------------------


def real(name: str) -> str:
    path = PAGES / name
    if not path.is_file():
        pytest.skip("the real pages are not beside the repository")
    return decode(path.read_bytes())


@pytest.mark.shared
def test_a_real_trs_list() -> None:
    # Read off the page by eye: the dates are those of the list, also where the address differs.
    page = lists(
        "trs_static",
        "http://www.changsha.gov.cn/a/b/c/sjj/index.html",
        real("trs-list-changsha.html"),
    )
    assert [
        (e.published_on, e.url.rpartition("_")[2].removesuffix(".html")) for e in page.entries
    ] == [
        ("2026-02-10", "12283572"),
        ("2025-09-28", "12010051"),
        ("2025-02-14", "11747002"),
        ("2024-09-26", "11606600"),
        ("2024-02-07", "11369156"),
        ("2023-10-31", "11269137"),
        ("2023-02-06", "10983478"),
        ("2022-09-26", "10821372"),
        ("2022-06-30", "10983405"),
        ("2022-02-09", "10466775"),
        ("2021-09-16", "10198245"),
        ("2021-02-24", "9794006"),
        ("2020-09-27", "9030354"),
        ("2020-01-21", "6396312"),
        ("2019-09-27", "6384512"),
    ]
    assert page.entries[1].title == "长沙市审计局2024年度部门决算公开"
    assert page.entries[-1].url.startswith("http://sjj.changsha.gov.cn/")
    assert [link.rpartition("/")[2] for link in page.further] == ["index_1.html", "index_2.html"]


@pytest.mark.shared
def test_a_real_list_that_numbers_its_pages_from_one() -> None:
    page = lists(
        "trs_static",
        "https://www.gz.gov.cn/zwgk/zdly/lysc/index.html",
        real("trs-list-computed-total-guangzhou.html"),
    )
    assert len(page.entries) == 20
    assert (page.entries[0].published_on, page.entries[-1].published_on) == (
        "2026-02-25",
        "2024-10-19",
    )
    assert [link.rpartition("/")[2] for link in page.further] == [
        "index_2.html",
        "index_3.html",
        "index_4.html",
    ]


@pytest.mark.shared
def test_a_real_jpage_list() -> None:
    page = lists(
        "hanweb", "http://yjj.lanzhou.gov.cn/index.html", real("hanweb-jpage-list-lanzhou.html")
    )
    # Two stores of 11 and 15 records, all of them in the page.
    assert len(page.entries) == page.total == 26
    assert page.further == ()
    assert page.entries[0].url == "http://yjj.lanzhou.gov.cn/art/2014/4/4/art_10578_565827.html"
    assert page.entries[0].published_on == "2014-04-04"
    assert page.entries[-1].published_on == "2024-01-15"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "attachments", "published_on", "first", "last"),
    [
        (
            "trs-article-178-attachments-chongqing.html",
            178,
            "2026-03-02",
            "000-418-",
            ".pdf",
        ),
        ("trs-article-attachments-changchun.html", 5, None, "中共长春市委宣传部（汇总）", ".pdf"),
        ("hanweb-article-attachments-weihai.html", 11, "2026-02-10", "附件1", ".docx"),
    ],
)
def test_real_articles(
    name: str, attachments: int, published_on: str | None, first: str, last: str
) -> None:
    article = parse_article(
        "http://www.hill.gov.cn/a/b/t20260101_1.html", real(name), FamilyOptions()
    )
    assert len(article.attachments) == attachments
    assert article.published_on == published_on
    names = [attachment.file_name or "" for attachment in article.attachments]
    assert names[0].startswith(first)
    assert names[-1].endswith(last)
    assert not article.holds_tables

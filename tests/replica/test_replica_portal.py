"""The replica portals answer as the CMS families and web servers that they stand for."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import pytest
from lxml import etree, html

from connectors.replica.offer import RenderedDisclosure, load_offer
from connectors.replica.server import ReplicaPortal, build_site, serve
from disclosures.model import DocumentKind
from disclosures.reading import read_document


class Answer:
    def __init__(self, status: int, body: bytes, headers: Message) -> None:
        self.status, self.body, self.headers = status, body, headers

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(url: str, data: bytes | None = None, method: str | None = None, **headers: str) -> Answer:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    try:
        with urlopen(Request(url, data, named, method=method), timeout=10) as response:
            return Answer(response.status, response.read(), response.headers)
    except HTTPError as error:
        with error:
            return Answer(error.code, error.read(), error.headers)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replica")


@pytest.fixture(scope="module")
def portal(cache: Path) -> Iterator[ReplicaPortal]:
    with serve(cache) as running:
        yield running


def trs_articles(portal: ReplicaPortal, column: str) -> list[str]:
    """Article addresses of a TRS column, found as its pager script says."""
    first = f"{portal.base_url}/trs/{column}/index.html"
    pager = re.search(r'createPageHTML\((\d+), (\d+), "index", "html"\);', ask(first).text)
    assert pager is not None
    pages = [first] + [
        first.replace("index.html", f"index_{number}.html") for number in range(1, int(pager[1]))
    ]
    found: list[str] = []
    for number, page in enumerate(pages):
        text = ask(page).text
        assert f"createPageHTML({len(pages)}, {number}, " in text
        links: Any = html.fromstring(text).xpath("//ul[@class='list']/li/a/@href")
        found += [urljoin(page, str(link)) for link in links]
    assert ask(first.replace("index.html", f"index_{len(pages)}.html")).status == 404
    return found


def _links(markup: str) -> Any:
    return html.fromstring(markup).xpath(".//@href")


def hanweb_articles(portal: ReplicaPortal, column: str) -> list[str]:
    """Article addresses of a hanweb column, from the page's own records and its next groups."""
    page: Any = html.fromstring(ask(f"{portal.base_url}/hanweb/col/col{column}/index.html").text)
    store = page.xpath("//script[@type='text/xml']")[0].text
    found: list[str] = []
    while True:
        tree: Any = etree.fromstring(store.strip())
        for record in tree.findall(".//record"):
            found.append(urljoin(portal.base_url, _links(record.text)[0]))
        group = tree.findtext("nextgroup")
        if group is None:
            assert int(tree.findtext("totalrecord")) == len(found)
            return found
        store = ask(urljoin(portal.base_url, html.fromstring(group).get("href"))).text


def test_lists_lead_to_every_article(portal: ReplicaPortal) -> None:
    for offered in load_offer().portals:
        walk = {"trs": trs_articles, "hanweb": hanweb_articles}[offered.family]
        for column in offered.columns:
            statuses = [ask(address).status for address in walk(portal, column.path)]
            assert statuses == [404 if article.gone else 200 for article in column.articles]


def test_articles_name_title_date_and_attachments(portal: ReplicaPortal) -> None:
    for file in portal.documents():
        page: Any = html.fromstring(ask(file.article_url).body)
        metas = {str(m.get("name")): str(m.get("content")) for m in page.xpath("//meta[@name]")}
        assert metas["ArticleTitle"] == file.article_title
        assert metas["PubDate"] == file.published.strftime("%Y-%m-%d %H:%M")
        links = {urljoin(file.article_url, str(a.get("href"))): a.text for a in page.xpath("//a")}
        assert links[file.url] == file.name


def test_dataproxy_serves_any_range_by_post(portal: ReplicaPortal) -> None:
    proxy = f"{portal.base_url}/hanweb/module/web/jpage/dataproxy.jsp"
    answer = ask(f"{proxy}?startrecord=2&endrecord=3&perpage=2", b"col=1&columnid=20631&unitid=1")
    tree = etree.fromstring(answer.body)
    assert len(tree.findall(".//record")) == 2
    assert tree.findtext("totalpage") == "2"
    assert ask(f"{proxy}?page=1&columnid=1").status == 404
    assert ask(f"{proxy}?page=x&columnid=20631").status == 404


def test_every_page_and_file_answers_conditionally(portal: ReplicaPortal) -> None:
    addresses = {f"{portal.base_url}{path}" for path in ("/robots.txt", "/index.html")}
    addresses |= {file.url for file in portal.documents()}
    addresses |= {file.article_url for file in portal.documents()}
    addresses.add(f"{portal.base_url}/trs/zwgk/czxx/bmjs/2023/index_1.html")
    addresses.add(f"{portal.base_url}/hanweb/col/col20631/index.html")
    addresses.add(f"{portal.base_url}/hanweb/module/web/jpage/dataproxy.jsp?page=2&columnid=20631")
    for address in sorted(addresses):
        first = ask(address)
        if first.status == 404:
            assert "ETag" not in first.headers
            continue
        tag, changed = first.headers["ETag"], first.headers["Last-Modified"]
        for conditions in (
            {"If_None_Match": tag},
            {"If_None_Match": f'"other", W/{tag}'},
            {"If_Modified_Since": changed},
        ):
            again = ask(address, **conditions)
            assert (again.status, again.body) == (304, b""), (address, conditions)
            assert again.headers["ETag"] == tag
        # A tag that does not match wins over a date that would (RFC 9110, 13.2.2).
        assert ask(address, If_None_Match='"other"', If_Modified_Since=changed).status == 200
        earlier = "Sat, 01 Jan 2000 00:00:00 GMT"
        assert ask(address, If_Modified_Since=earlier).status == 200
        assert ask(address, If_Modified_Since="yesterday").status == 200
        assert ask(address, method="HEAD").body == b""


def test_requests_are_recorded_with_the_bytes_sent(portal: ReplicaPortal) -> None:
    portal.requests.clear()
    body = ask(f"{portal.base_url}/robots.txt")
    ask(f"{portal.base_url}/robots.txt", If_None_Match=body.headers["ETag"])
    ask(f"{portal.base_url}/nowhere?x=1")
    seen = [(served.method, served.path, served.status) for served in portal.requests]
    assert seen == [
        ("GET", "/robots.txt", 200),
        ("GET", "/robots.txt", 304),
        ("GET", "/nowhere?x=1", 404),
    ]
    assert portal.requests[0].body_bytes == len(body.body)
    assert portal.requests[1].body_bytes == 0


def test_robots_txt_delays_and_forbids_what_exists(portal: ReplicaPortal) -> None:
    lines = ask(f"{portal.base_url}/robots.txt").text.splitlines()
    assert lines[0] == "User-agent: *"
    assert any(line.startswith("Crawl-delay: ") for line in lines)
    forbidden = [line.partition(": ")[2] for line in lines if line.startswith("Disallow: ")]
    assert len(forbidden) == len(load_offer().portals)
    for path in forbidden:
        assert ask(f"{portal.base_url}{path}").status == 200


def test_files_are_what_the_offer_says(portal: ReplicaPortal) -> None:
    starts = {"pdf": b"%PDF-", "docx": b"PK\x03\x04", "xlsx": b"PK\x03\x04"}
    for file in portal.documents():
        answer = ask(file.url)
        if file.content == "dead_link":
            assert answer.status == 404
        elif file.content == "saved_page":
            assert answer.body.startswith(b"<!DOCTYPE html>")
            assert file.name.endswith(".pdf")
        else:
            assert answer.body.startswith(starts[file.name.rpartition(".")[2]])
            ends = file.name.endswith(".pdf") and b"%%EOF" in answer.body[-64:]
            assert ends == (file.name.endswith(".pdf") and file.content != "truncated")
        if "/downfile.jsp" in file.url and answer.status == 200:
            assert "filename*=UTF-8''" in answer.headers["Content-Disposition"]


def test_files_that_are_no_accounts_are_told_apart(portal: ReplicaPortal, tmp_path: Path) -> None:
    others = [file for file in portal.documents() if file.kind is not DocumentKind.FINAL_ACCOUNTS]
    assert {file.content for file in others} >= {"paper", "saved_page", "truncated", "dead_link"}
    for file in others:
        if file.content != "dead_link":
            path = tmp_path / file.name
            path.write_bytes(ask(file.url).body)
            reading = read_document(path)
            assert reading.kind is file.kind, (file.name, reading.reason)
            assert reading.reason


def test_six_disclosures_are_offered(portal: ReplicaPortal) -> None:
    offered = {(d.agency, d.year): [f.name for f in d.files] for d in portal.disclosures()}
    assert len(offered) == 6
    suffixes = sorted(sorted(n.rpartition(".")[2] for n in names) for names in offered.values())
    assert suffixes == [["docx", "pdf"], ["pdf"], ["pdf"], ["pdf"], ["pdf"], ["pdf", "xlsx"]]
    assert {year for _, year in offered} == {2022, 2023}
    layouts = {
        a.of.layout
        for p in load_offer().portals
        for c in p.columns
        for article in c.articles
        for a in article.attachments
        if isinstance(a.of, RenderedDisclosure)
    }
    assert len(layouts) >= 5


def test_the_second_start_renders_nothing(
    portal: ReplicaPortal, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise AssertionError("rendered again")

    monkeypatch.setattr("connectors.replica.content.render", refuse)
    monkeypatch.setattr("connectors.replica.content.typst.compile", refuse)
    again = build_site(cache)
    for path in again.paths:
        page = again.find(path, "")
        assert page is not None
        assert page.etag == ask(portal.base_url + path).headers["ETag"]


def test_rendering_gives_the_same_bytes_elsewhere(
    portal: ReplicaPortal, cache: Path, tmp_path: Path
) -> None:
    """Another process with another hash seed: a lost cache must not look like new documents."""
    code = """
import pathlib, sys
from connectors.replica.content import Store
from connectors.replica.offer import load_offer
store, seen = Store(pathlib.Path(sys.argv[1])), set()
for portal in load_offer().portals:
    for attachment in (a for c in portal.columns for x in c.articles for a in x.attachments):
        form = (attachment.of.content, attachment.suffix)
        if form[0] in ("disclosure", "paper") and form not in seen:
            seen.add(form)
            store.body_of(attachment)
"""
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(root)}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, env=environment, timeout=120
    )

    def contents(folder: Path) -> dict[str, str]:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    again = contents(tmp_path)
    assert len(again) == 4  # a PDF, a workbook, a Word file and a paper
    assert again.items() <= contents(cache).items()


def test_a_taken_port_is_an_error_at_once(portal: ReplicaPortal, tmp_path: Path) -> None:
    port = int(portal.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), serve(tmp_path, port):
        pytest.fail("served twice on one port")
    assert not list(tmp_path.iterdir())


def test_the_server_is_gone_after_the_context(cache: Path) -> None:
    with serve(cache) as running:
        address = f"{running.base_url}/robots.txt"
        assert ask(address).status == 200
    with pytest.raises(URLError):
        ask(address)

"""Real pages of government portals, compared with what a reader sees on them."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
import yaml

from connectors.families import FamilyOptions, decode, families, parse_article, recognise
from connectors.media import is_document
from disclosures.reading.sniff import sniff

PAGES = Path(__file__).resolve().parents[2].parent / "shared" / "real" / "pages"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("pages").joinpath("real.yaml").read_text(encoding="utf-8")
)
LISTS, ARTICLES, DOCUMENTS = (EXPECTED[kind] for kind in ("lists", "articles", "documents"))

pytestmark = pytest.mark.shared


def body_of(name: str) -> bytes:
    path = PAGES / name
    if not path.is_file():
        pytest.skip("the real pages are not beside the repository")
    return path.read_bytes()


def day(value: date | None) -> str | None:
    return value.isoformat() if value is not None else None


def test_every_real_page_has_its_expectation() -> None:
    if not PAGES.is_dir():
        pytest.skip("the real pages are not beside the repository")
    assert {path.name for path in PAGES.iterdir()} == {*LISTS, *ARTICLES, *DOCUMENTS}


@pytest.mark.parametrize("name", LISTS)
def test_a_real_list(name: str) -> None:
    expected = LISTS[name]
    url = expected["url"]
    page = families()[expected["family"]].parse_list(url, decode(body_of(name)), FamilyOptions())
    assert [(entry.published_on, entry.title, entry.url) for entry in page.entries] == [
        (day(published_on), title, urljoin(url, address))
        for published_on, title, address in expected["entries"]
    ]
    assert list(page.further) == [urljoin(url, address) for address in expected["further"]]
    assert page.total == expected["total"]
    assert page.note == expected["note"]


@pytest.mark.parametrize("name", ARTICLES)
def test_a_real_article(name: str) -> None:
    expected = ARTICLES[name]
    url = expected["url"]
    article = parse_article(url, decode(body_of(name)), FamilyOptions())
    assert article.title == expected["title"]
    assert article.published_on == day(expected["published_on"])
    for field in ("column", "source", "site_id_code"):
        assert getattr(article, field) == expected[field]
    assert not article.holds_tables
    found = [(file.text or file.file_name, unquote(file.url)) for file in article.attachments]
    assert len(found) == expected["count"]
    listed = [
        (name, urljoin(url, address))
        for name, address in expected.get("attachments", expected.get("some"))
    ]
    if "attachments" in expected:
        assert found == listed
        return
    assert set(listed) <= set(found)
    folder = url.rpartition("/")[0] + "/"
    lines = "\n".join(f"{name} {address.removeprefix(folder)}" for name, address in found)
    assert hashlib.sha256(lines.encode()).hexdigest() == expected["digest"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_real_document_under_the_name_of_a_page(name: str) -> None:
    media_type = sniff(body_of(name))
    assert media_type == DOCUMENTS[name]
    assert is_document(media_type)


@pytest.mark.parametrize(
    ("name", "likeliest"),
    [
        ("hanweb-jpage-list-lanzhou.html", "hanweb"),
        ("jpaas-list-jinan.html", "jpaas"),
        ("trs-list-changsha.html", "trs_static"),
        ("trs-list-computed-total-guangzhou.html", "nfcms"),
        ("trs-article-guiyang.html", "trs_static"),
        ("ucap-dongguan.html", "generic"),  # nothing of any system is in it
    ],
)
def test_real_pages_are_recognised(name: str, likeliest: str) -> None:
    found = recognise(LISTS[name]["url"], decode(body_of(name)))
    assert found[0].family == likeliest


def test_the_family_of_a_page_with_both_kinds_of_lists_is_among_the_likely() -> None:
    name = "trs-list-ajax-wuhan.html"
    likely = [found.family for found in recognise(LISTS[name]["url"], decode(body_of(name)))]
    assert set(likely[:2]) == {"trs_static", "trs_ajax"}

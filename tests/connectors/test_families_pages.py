"""Every family on pages of its kind: a list is walked from its first request to its last."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import yaml

from connectors.families import (
    FamilyOptions,
    ListEntry,
    ListRequest,
    families,
    parse_article,
    recognise,
)
from connectors.families.recognition import signs

PAGES = Path(__file__).with_name("pages")
CASES = [
    pytest.param(case, id=f"{case['family']}: {case['what']}")
    for path in sorted(PAGES.glob("*.yaml"))
    if path.name not in {"real.yaml", "articles.yaml"}
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]


ARTICLES = [
    pytest.param(case, id=case["what"])
    for case in yaml.safe_load(PAGES.joinpath("articles.yaml").read_text(encoding="utf-8"))
]


def pages_of(case: dict[str, Any]) -> dict[str, str]:
    """The answers of a case by address; long ones are generated from a record."""
    pages: dict[str, str] = dict(case.get("pages", {}))
    generate: Any = case.get("generate")
    for page in generate["pages"] if generate else ():
        first, last = page["numbers"]
        records = (generate["record"].replace("{n}", str(n)) for n in range(first, last + 1))
        pages[page["address"]] = page["before"] + "".join(records) + page["after"]
    return pages


@pytest.mark.parametrize("case", CASES)
def test_a_list_is_walked_to_its_end(case: dict[str, Any]) -> None:
    family, options = families()[case["family"]], FamilyOptions(**case.get("options", {}))
    pages = pages_of(case)
    waiting = [family.start(case["start"], options)]
    asked: list[str] = []
    entries: dict[str, ListEntry] = {}
    totals, notes = [], []
    while waiting:
        address = waiting.pop(0)
        if address in asked:
            continue
        asked.append(address)
        # Each request can be made again from its address alone.
        assert ListRequest.of(address).address == address
        page = family.parse_list(address, pages[address], options)
        for entry in page.entries:
            entries.setdefault(entry.url, entry)
        totals += [page.total] if page.total is not None else []
        notes += [page.note] if page.note is not None else []
        waiting += page.further
    assert set(asked) == set(pages)
    found = [(entry.published_on, entry.title, entry.url) for entry in entries.values()]
    if "generate" in case:
        assert len(found) == case["count"]
        assert [found[0], found[-1]] == expected(case, "entries_from", "entries_to")
    else:
        assert found == [row(case, entry) for entry in case["entries"]]
    assert (max(totals) if totals else None) == case["total"]
    assert notes == ([case["note"]] if "note" in case else [])


def row(case: dict[str, Any], entry: list[Any]) -> tuple[str | None, str, str]:
    published_on, title, address = entry
    url = urljoin(case["start"], address).partition("#")[0]
    return str(published_on) if published_on else None, title, url


def expected(case: dict[str, Any], *names: str) -> list[tuple[str | None, str, str]]:
    return [row(case, case[name]) for name in names]


def test_every_family_has_pages_and_signs() -> None:
    tested = {case.values[0]["family"] for case in CASES}  # type: ignore[index]
    assert tested == set(families()) == set(signs())


@pytest.mark.parametrize("case", CASES)
def test_a_list_is_recognised_as_of_its_family(case: dict[str, Any]) -> None:
    pages = pages_of(case)
    first = next(iter(pages))
    found = recognise(first, pages[first])
    assert case["family"] in [recognition.family for recognition in found]
    assert all(0 < recognition.score <= 1 and recognition.reasons for recognition in found)
    # What is unlike any system is not taken for one.
    assert found[0].family == case["family"] or case["family"] in {"json", "trs_ajax", "generic"}


@pytest.mark.parametrize("case", ARTICLES)
def test_an_article_is_read_as_a_reader_sees_it(case: dict[str, Any]) -> None:
    article = parse_article(case["url"], case["source"], FamilyOptions())
    assert article.title == case["title"]
    assert article.published_on == (str(case["published_on"]) if case["published_on"] else None)
    assert (article.column, article.source, article.site_id_code) == (
        case.get("column"),
        case.get("source_name"),
        case.get("site_id_code"),
    )
    assert [(file.text or file.file_name, file.url) for file in article.attachments] == [
        (name, urljoin(case["url"], address)) for name, address in case["attachments"]
    ]


@pytest.mark.parametrize("case", CASES)
def test_damaged_pages_are_read_as_far_as_they_go(case: dict[str, Any]) -> None:
    family, options = families()[case["family"]], FamilyOptions(**case.get("options", {}))
    chance = random.Random(case["what"])
    for address, text in pages_of(case).items():
        for _ in range(10):
            start = chance.randrange(len(text))
            end = start + chance.randrange(1, 40)
            damaged = text[:start] + chance.choice(["", "\0", "<", "&#x110000;", '"']) + text[end:]
            family.parse_list(address, damaged, options)
            parse_article(address, damaged[: chance.randrange(len(text))], options)

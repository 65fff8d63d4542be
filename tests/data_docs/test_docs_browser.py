"""The data docs in a real Chromium, from the disk, as an auditor without a network sees them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


@dataclass
class Visit:
    """A page with all that it asked for and complained of."""

    page: Page
    site: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, name: str) -> Page:
        self.page.goto(f"{self.site.as_uri()}/{name}")
        return self.page


@pytest.fixture
def visit(browser: Browser, small_site: Path) -> Iterator[Visit]:
    """Every request stays on the disk and nothing complains, whatever the test does."""
    context = browser.new_context(viewport={"width": 1500, "height": 900}, locale="zh-CN")
    failed: list[tuple[str, str | None]] = []
    made = Visit(context.new_page(), small_site)
    context.on("request", lambda request: made.requests.append(request.url))
    made.page.on("console", lambda message: made.complaints.append(message.text))
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    context.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    yield made
    # What a click on the next page cuts short is no failure.
    lost = [
        (url, why) for url, why in failed if url.startswith("file:") and "ABORTED" not in str(why)
    ]
    complaints = [*made.complaints, *lost]
    context.close()
    assert made.requests
    # The PDF viewer is part of the browser and loads its own parts.
    schemes = {urlsplit(url).scheme for url in made.requests}
    assert schemes <= {"file", "chrome", "chrome-extension"}, made.requests
    assert complaints == []


def _agencies(page: Page) -> list[str]:
    return page.locator("#disclosures tbody tr td:first-child").all_inner_texts()


def test_search_filter_and_sort(visit: Visit) -> None:
    page = visit.open("index.html")
    table = page.locator("#disclosures")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(12)
    table.locator("[data-filter=text]").fill("财政局")
    expect(rows).to_have_count(2)
    expect(table.locator(".count")).to_have_text("符合条件的 2 份披露，共 12")
    table.locator("button[type=reset]").click()
    expect(rows).to_have_count(12)
    table.locator("[data-filter=region]").select_option("四川省北山市")
    expect(rows).to_have_count(3)
    table.locator("[data-filter=year]").select_option("2022")
    expect(rows).to_have_count(1)
    table.locator("button[type=reset]").click()
    table.locator("[data-filter=grade]").select_option("C")
    expect(rows).to_have_count(3)
    table.locator("[data-filter=agency]").fill("东台")
    expect(rows).to_have_count(1)
    table.locator("button[type=reset]").click()
    expect(rows).to_have_count(12)
    score = table.locator("th[data-sort=score]")
    score.locator("button").click()
    expect(score).to_have_attribute("aria-sort", "descending")
    expect(rows.last.locator("td").nth(4)).to_have_text("98.8")
    score.locator("button").press("Enter")
    expect(score).to_have_attribute("aria-sort", "ascending")
    expect(rows.first.locator("td").nth(4)).to_have_text("98.8")


def test_filters_are_there_again_after_going_back(visit: Visit) -> None:
    page = visit.open("index.html")
    page.locator("#disclosures [data-filter=text]").fill("交通")
    rows = page.locator("#disclosures tbody tr")
    expect(rows).to_have_count(2)
    rows.first.locator("a").click()
    expect(page.locator("h1")).to_contain_text("交通运输局")
    page.go_back()
    expect(rows).to_have_count(2)
    expect(page.locator("#disclosures [data-filter=text]")).to_have_value("交通")


def test_documents_that_were_not_judged_are_listed_with_reasons(visit: Visit) -> None:
    page = visit.open("index.html")
    rows = page.locator("#documents tbody tr")
    expect(rows).to_have_count(9)
    page.locator("#documents [data-filter=kind]").select_option("抓取失败")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("链接失效；HTTP 404")


def test_a_finding_lights_its_cells_and_a_cell_its_finding(visit: Visit) -> None:
    page = visit.open("disclosures/d00005.html")
    page.locator("#f1 .message").click()
    lit = page.locator("td.lit")
    expect(lit).to_have_count(6)
    expect(page.locator("td.mark.error.lit")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(lit).to_have_count(0)
    cell = page.locator("#form-09 td.mark.warn")
    cell.hover()
    expect(page.locator(".tip")).to_contain_text("决算数合计印为24.31万元")
    cell.click()
    expect(page.locator("article.lit")).to_have_attribute("id", "f2")
    expect(page.locator("#f2")).to_be_in_viewport()
    page.locator("#f1 .operands a.cell").nth(1).click()
    expect(page.locator("#form-01 td.lit", has_text="1,832.46")).to_be_in_viewport()


def test_the_original_opens_at_its_page_beside_the_finding(visit: Visit) -> None:
    page = visit.open("disclosures/d00005.html")
    page.locator("#f2 a.page").first.click()
    pane = page.locator("aside.pane")
    expect(pane).to_contain_text("原件第12页")
    source = pane.locator("iframe").get_attribute("src") or ""
    assert source.startswith(visit.site.parent.as_uri() + "/archive/")
    assert "#page=12" in source
    expect(page.locator("#f2 .message")).to_be_in_viewport()
    expect(pane.locator("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(pane).to_have_count(0)
    expect(page.locator("#f2 a.page").first).to_be_focused()


def test_payloads_are_shown_and_do_nothing(visit: Visit) -> None:
    for name in ("index.html", "list.html", "disclosures/d00000.html", "validations.html"):
        page = visit.open(name)
        page.wait_for_load_state()
        assert page.evaluate("window.pwned === undefined"), name
        assert page.evaluate("document.querySelectorAll('img').length") == 0, name
    page = visit.open("disclosures/d00000.html")
    page.locator("#form-01 td.mark.error").hover()
    expect(page.locator(".tip")).to_contain_text("<img src=x onerror=")
    assert page.evaluate("window.pwned === undefined")


def test_the_policy_stops_what_escaping_would_miss(
    browser: Browser, small_site: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "site"
    shutil.copytree(small_site, broken)
    index = broken / "index.html"
    injected = "<img src=x onerror='window.pwned=1'><script>window.pwned=2</script>"
    injected += "<img src='http://127.0.0.1:9/x.png'>"
    index.write_text(index.read_text().replace("</h1>", "</h1>" + injected, 1))
    page = browser.new_page()
    refused: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.goto(index.as_uri())
    expect(page.locator("#disclosures tbody tr")).to_have_count(12)
    assert page.evaluate("window.pwned === undefined")
    assert len([text for text in refused if "Content Security Policy" in text]) >= 3
    assert not [url for url in asked if url.startswith("http")]
    page.close()


def test_ten_thousand_rows_answer_at_once(
    browser: Browser, small_site: Path, tmp_path: Path
) -> None:
    many = tmp_path / "site"
    shutil.copytree(small_site, many)
    rows = [
        ["x.html", f"第{n}号部门", f"省{n % 31}", 2015 + n % 9, "ABCDE"[n % 5], f"{n % 1000 / 10}",
         "95.0", n % 7, n % 3, n % 11, "2024-09-01", f"site-{n % 400}"]
        for n in range(10_000)
    ]  # fmt: skip
    data = {"disclosures": rows, "documents": []}
    (many / "assets/data.js").write_text(f"window.juesuan={json.dumps(data)};")
    page = browser.new_page()
    page.goto((many / "index.html").as_uri())
    shown = page.locator("#disclosures tbody tr")
    expect(page.locator("#disclosures .count")).to_have_text("共 10000 份披露")
    assert shown.count() <= 1000, "rows are drawn as they come into view"
    page.locator("#disclosures .more").scroll_into_view_if_needed()
    expect(shown.nth(399)).to_be_attached()
    took_ms = page.evaluate(
        """() => {
            const begin = performance.now();
            document.querySelector('#disclosures th[data-sort=agency] button').click();
            return performance.now() - begin;
        }"""
    )
    assert took_ms < 2000
    page.locator("#disclosures [data-filter=text]").fill("9999号")
    expect(shown).to_have_count(1)
    page.close()


def test_pages_work_without_scripts(browser: Browser, small_site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((small_site / "index.html").as_uri())
    page.get_by_role("link", name="全部清单").click()
    page.get_by_role("link", name="沙河县人民政府办公室").click()
    page.locator("#f1 a.cell").first.click()
    assert page.url.endswith("#c1")
    page.locator("td#c1 a").click()
    assert page.url.endswith("#f1")
    context.close()


def test_a_page_prints(browser: Browser, small_site: Path) -> None:
    page = browser.new_page()
    page.goto((small_site / "disclosures/d00005.html").as_uri())
    page.emulate_media(media="print")
    expect(page.locator("header.site")).to_be_hidden()
    expect(page.locator("nav.jump")).to_be_hidden()
    expect(page.locator("#f1 .message")).to_be_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    page.close()

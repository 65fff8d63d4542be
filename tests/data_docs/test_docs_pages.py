from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import made_up_accounts as accounts
from lxml import html
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from data_docs.build import build_site
from warehouse.database import open_engine
from warehouse.schema import (
    Base,
    CoreDisclosure,
    CoreFinding,
    CoreJudgement,
    RawDocument,
    RawLocation,
    RawRun,
    RawVersion,
)


def _page(site: Path, name: str) -> Any:
    return html.fromstring((site / name).read_text(encoding="utf-8"))


def _words(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _data(site: Path) -> dict[str, list[list[Any]]]:
    text = (site / "assets/data.js").read_text(encoding="utf-8")
    found: dict[str, list[list[Any]]] = json.loads(
        text.removeprefix("window.juesuan=").rstrip().removesuffix(";")
    )
    return found


def _grave(site: Path) -> Any:
    return _page(site, "disclosures/d00005.html")


def test_every_link_of_the_site_leads_somewhere(small_site: Path) -> None:
    pages = {path: html.parse(path) for path in sorted(small_site.rglob("*.html"))}
    assert len(pages) == 4 + 12 + 2
    followed = 0
    for path, page in pages.items():
        for value in page.xpath("//@href | //@src"):
            if value.startswith(("http:", "https:")):
                continue
            target, fragment = urldefrag(value)
            file = (path.parent / unquote(target)).resolve() if target else path
            assert file.is_file(), f"{path.name}: {value}"
            if fragment and file.suffix == ".html":
                assert pages[file].xpath("//*[@id=$id]", id=fragment), f"{path.name}: {value}"
                followed += 1
        ids = page.xpath("//@id")
        assert len(ids) == len(set(ids)), path.name
    assert followed > 100


def test_the_folder_tree_can_be_copied_anywhere(small_site: Path, tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere" / "copy"
    shutil.copytree(small_site.parent, copied)
    page = _grave(copied / "data_docs")
    link = page.xpath("//*[@id='f1']//a[@data-pdf]/@href")[0]
    target, fragment = urldefrag(link)
    assert fragment == "page=4"
    assert link.startswith("../../archive/")
    assert (copied / "data_docs/disclosures" / target).resolve().is_relative_to(copied)
    assert (copied / "data_docs/disclosures" / target).is_file()


def test_a_finding_shows_figures_equation_difference_and_place(small_site: Path) -> None:
    page = _grave(small_site)
    (finding,) = page.xpath("//section[@id='g-error']//article")
    words = _words(finding)
    for said in (
        "本年支出合计等于各类支出之和",
        "印出的数 2,297.25",
        "计算的数 2,296.25",
        "差额 +1.00",
        "±0.025",
        "本年支出合计 = 各功能分类支出之和",
        "本年支出合计 2,297.25 ≠ 一般公共服务支出 1,832.46 + 社会保障和就业支出 212.08"
        " + 卫生健康支出 88.17 + 住房保障支出 163.54 = 2,296.25（另有 1 项为零或空白）",
        "依据：部门决算报表栏次公式",
        "原件第4页",
    ):
        assert said in words
    cells = [page.get_element_by_id(one) for one in finding.get("data-cells").split()]
    assert [_words(cell) for cell in cells] == [
        "2,297.25", "1,832.46", "212.08", "88.17", "163.54", "0.00",
    ]  # fmt: skip
    assert "error" in cells[0].get("class").split()
    assert all("part" in cell.get("class").split() for cell in cells[1:])
    assert cells[0].getparent().xpath("string(td[4])") == "本年支出合计"


def test_what_is_no_error_stands_apart(small_site: Path) -> None:
    page = _grave(small_site)
    groups = page.xpath("//section[@id='findings']/section/@id")
    assert groups == [
        "g-error", "g-warn", "g-info", "g-extraction_suspect", "g-not_evaluable",
        "g-not_applicable",
    ]  # fmt: skip
    suspect = page.get_element_by_id("g-extraction_suspect")
    assert "不能据此认为披露有误" in _words(suspect)
    assert "12.80" in page.xpath("string(//td[contains(@class,'suspect')]/@title)")
    assert "完全相符 110 ，四舍五入范围内相符 12" in _words(page), "passes are only counted"


def test_the_score_is_explained(small_site: Path) -> None:
    page = _grave(small_site)
    words = _words(page.xpath("//section[@class='result']")[0])
    assert "按得分为 A；因有错误级问题，最高评为 C" in words
    assert "0/1 通过，扣 2.3 分" in words
    assert "按权重合计（只计能够判断的维度） 98.76" in words
    assert "未能判断，不计分" in words
    fine = _page(small_site, "disclosures/d00001.html")
    assert "最高评为" not in _words(fine)


def test_forms_that_are_empty_or_absent_say_so(small_site: Path) -> None:
    page = _grave(small_site)
    assert "注明为空表" in _words(page.get_element_by_id("form-07"))
    assert "没有找到这张表" in _words(page.get_element_by_id("form-08"))
    assert "1 格无法辨认" in _words(page.get_element_by_id("form-03"))
    assert page.xpath("count(//section[@id='form-09']//tbody/tr)") == 1


def test_nothing_is_silently_lost(small_site: Path) -> None:
    data = _data(small_site)
    assert len(data["disclosures"]) == 12
    listed = {(row[0], row[1], row[2].split("<")[0]) for row in data["documents"]}
    assert listed == {
        ("预算", "标题与表格为部门预算", "2024年部门预算.pdf"),
        ("其他文件", "通知，没有决算表", "关于批复决算的通知.pdf"),
        ("无法读取", "文件在第3页处截断", "决算公开.pdf"),
        ("其他文件", "网页，文件名却是 .pdf", "网页另存.pdf"),
        ("尚未读取", "文件已存档，读取尚未完成", "刚取得的文件.pdf"),
        ("抓取失败", "链接失效；HTTP 404", "部门决算公开"),
        ("拒绝抓取", "不访问内网地址", "部门决算公开"),
        ("被网站拦截", "要求滑块验证", "部门决算公开"),
        ("未下载", "链接不是网址", "部门决算公开"),
    }, "an address that answers again is no longer a failure"
    static = _words(_page(small_site, "list.html"))
    for row in [*data["disclosures"], *data["documents"]]:
        assert " ".join(str(row[1]).split()) in static


def test_sites_that_failed_are_named_with_the_reason(small_site: Path) -> None:
    (notice,) = _page(small_site, "index.html").xpath("//main/section[@class='notice']")
    assert "bei-shan：找到 2 个文件，少于下限 5" in _words(notice)


def test_disclosures_that_look_the_same_are_told_apart_by_their_files(
    own_warehouse: Engine, tmp_path: Path
) -> None:
    with Session(own_warehouse) as session:
        session.execute(
            update(CoreDisclosure)
            .where(CoreDisclosure.disclosure_id.in_(["d00000", "d00001"]))
            .values(agency="财政局", region=None, year=2023)
        )
        session.commit()
    out = tmp_path / "docs"
    build_site(own_warehouse, out)
    files = {row[0]: row[12] for row in _data(out)["disclosures"]}
    assert files["d00000.html"].endswith("部门决算.pdf")
    assert files["d00000.html"] != files["d00001.html"]
    assert files["d00002.html"] == ""


def test_crawled_text_is_inert(small_site: Path) -> None:
    for path in small_site.rglob("*.html"):
        page = html.parse(path)
        assert not page.xpath("//img | //*[@*[starts-with(name(), 'on')]]"), path.name
        scripts = page.xpath("//script/@src")
        assert len(page.xpath("//script")) == len(scripts), "no script inside a page"
        for value in page.xpath("//@href | //@src"):
            assert not value.lower().startswith(("javascript:", "data:")), path.name
        assert page.xpath("//meta[@http-equiv='Content-Security-Policy']"), path.name
        assert not page.xpath("//@style"), "the policy would drop it"
    hostile = _page(small_site, "disclosures/d00000.html")
    assert accounts.HOSTILE.split("\u2028")[0] in _words(hostile)
    for source in (small_site / "assets").glob("data.js"):
        assert "<" not in source.read_text(encoding="utf-8")


def test_nothing_comes_from_another_host(small_site: Path) -> None:
    for path in small_site.rglob("*.html"):
        page = html.parse(path)
        loaded = page.xpath("//link/@href | //script/@src | //iframe/@src | //object/@data")
        assert not [value for value in loaded if ":" in value or value.startswith("//")]
        for away in page.xpath("//a[starts-with(@href, 'http')]"):
            assert set(away.get("rel").split()) == {"noopener", "noreferrer"}
    for asset in (small_site / "assets").glob("*.css"):
        assert "url(" not in asset.read_text(encoding="utf-8")


def test_validations_and_rules_have_pages(small_site: Path) -> None:
    overview = _page(small_site, "validations.html")
    links = overview.xpath("//table//a/@href")
    assert len(links) == 2
    words = [_words(_page(small_site, link)) for link in links]
    (within,) = [text for text in words if "within_forms" in text]
    assert "1 条有不符的行" in within
    assert "01.expense_total，01.201 6 2 " in within
    rules = _page(small_site, "rules.html")
    for rule in accounts.RULES:
        (row,) = rules.xpath("//tr[td[1]/code=$id]", id=rule["id"])
        assert rule["equation"] in _words(row)
        assert rule["basis"] in _words(row)


def test_unchanged_pages_are_taken_over_and_changed_ones_are_not(
    own_warehouse: Engine, tmp_path: Path
) -> None:
    out = tmp_path / "docs"
    build_site(own_warehouse, out)
    first = {path.name: path.stat().st_ino for path in (out / "disclosures").iterdir()}
    with Session(own_warehouse) as session:
        session.execute(
            update(CoreJudgement)
            .where(CoreJudgement.disclosure_id == "d00001")
            .values(grade="E", digest="other", judged_at=accounts.NIGHT + timedelta(days=1))
        )
        session.execute(
            update(CoreDisclosure)
            .where(CoreDisclosure.disclosure_id == "d00002")
            .values(current=False)
        )
        session.commit()
    build_site(own_warehouse, out)
    second = {path.name: path.stat().st_ino for path in (out / "disclosures").iterdir()}
    assert second.keys() == {"d00000.html", "d00001.html"}
    assert second["d00000.html"] == first["d00000.html"]
    assert second["d00001.html"] != first["d00001.html"]
    assert _page(out, "disclosures/d00001.html").xpath("string(//p[@class='grade'])") == "E"
    gone = [row for row in _data(out)["documents"] if row[0] == "决算但未归入披露"]
    assert len(gone) == 1, "the document of a disclosure that is no longer current is listed"
    build_site(own_warehouse, out, rules=accounts.RULES)
    assert (out / "disclosures/d00000.html").stat().st_ino != first["d00000.html"]


def test_nothing_evaluated_is_not_praised(own_warehouse: Engine, tmp_path: Path) -> None:
    with Session(own_warehouse) as session:
        session.execute(delete(CoreFinding).where(CoreFinding.state == "fail"))
        session.execute(
            update(CoreJudgement).values(
                score=None, grade="-", coverage="0.0", checks={"not_evaluable": 114}
            )
        )
        session.commit()
    out = tmp_path / "docs"
    build_site(own_warehouse, out)
    page = _page(out, "disclosures/d00001.html")
    assert "也不能说没有错误" in _words(page.get_element_by_id("findings"))
    assert page.xpath("string(//p[contains(@class,'grade')])") == "未评分"
    assert {row[4] for row in _data(out)["disclosures"]} == {"未评分"}


def test_a_disclosure_without_judgement_is_listed_and_shown(
    own_warehouse: Engine, tmp_path: Path
) -> None:
    with Session(own_warehouse) as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name in ("core_findings", "core_judgements"):
                session.execute(delete(table))
        session.commit()
    out = tmp_path / "docs"
    build_site(own_warehouse, out)
    assert {row[4] for row in _data(out)["disclosures"]} == {"未评判"}
    assert "尚未评判" in _words(_page(out, "disclosures/d00001.html"))


def test_an_archived_web_page_is_named_but_not_opened(
    own_warehouse: Engine, tmp_path: Path
) -> None:
    path = accounts.archived_as(accounts.sha_of(1), ".html")
    (tmp_path / "archive" / path).write_text("<script>alert(1)</script>")
    with Session(own_warehouse) as session:
        session.execute(
            update(RawDocument)
            .where(RawDocument.sha256 == accounts.sha_of(1))
            .values(archived_as=path, media_type="text/html")
        )
        session.commit()
    out = tmp_path / "docs"
    build_site(own_warehouse, out, archive=tmp_path / "archive")
    page = _page(out, "disclosures/d00001.html")
    assert not page.xpath("//a[contains(@href, 'archive')]")
    assert "可能含有脚本" in _words(page.get_element_by_id("sources"))


def test_what_became_of_a_document_is_told(own_warehouse: Engine, tmp_path: Path) -> None:
    sha256, run = accounts.sha_of(1), "r"
    out = tmp_path / "docs"
    build_site(own_warehouse, out)  # whose pages must not be taken over as they are
    moment = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    location = RawLocation(
        location_id="l", site="linxi", url="http://linxi.test/a.pdf", role="document",
        state="replaced", state_since=moment, state_reason="已由新文件替换",
        replaced_by="http://linxi.test/b.pdf", sha256=sha256, first_seen_at=moment,
        last_seen_at=moment, checked_at=moment, seen_in=run,
    )  # fmt: skip
    with Session(own_warehouse) as session:
        known = session.scalars(select(RawRun.run_id)).first()
        session.add(location)
        session.flush()
        session.add(
            RawVersion(
                location_id="l", sha256=sha256, ordinal=1, first_seen_at=moment, run_id=known
            )
        )
        session.commit()
    build_site(own_warehouse, out)
    told = _words(_page(out, "disclosures/d00001.html").get_element_by_id("sources"))
    assert "本文件于" in told
    assert "已替换" in told
    assert "http://linxi.test/b.pdf" in told
    assert "本文件于" not in _words(
        _page(out, "disclosures/d00002.html").get_element_by_id("sources")
    )


def test_an_empty_warehouse_has_a_site(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/warehouse.db")
    index = build_site(engine, tmp_path / "docs")
    engine.dispose()
    assert index == tmp_path / "docs" / "index.html"
    assert "0 份披露" in _words(html.parse(index).getroot())

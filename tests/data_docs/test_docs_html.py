from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from data_docs.html import ArchiveLinks, anchor, money, one_decimal, page_name, script_json, web_url
from data_docs.views import sum_formula


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://a.gov.cn/x.pdf?a=1", "https://a.gov.cn/x.pdf?a=1"),
        ("HTTP://a.gov.cn/", "HTTP://a.gov.cn/"),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,<script>", None),
        ("//a.gov.cn/x", None),
        ("http:/x", None),
        ("http://[", None),
        ("", None),
        (None, None),
    ],
)
def test_only_http_becomes_a_link(given: str | None, expected: str | None) -> None:
    assert web_url(given) == expected


def test_data_for_scripts_cannot_end_the_script() -> None:
    value = {"name": "</script><!-- & \u2028\u2029 决算"}
    text = script_json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_page_names_are_never_paths() -> None:
    assert page_name("d0a1-2_3") == "d0a1-2_3.html"
    names = {page_name(odd) for odd in ("../x", "a/b", "A", "a", "", "决算", ".hidden", "x" * 99)}
    assert len(names) == 8, "different ids, different pages, on file systems without case too"
    assert all(name.removesuffix(".html").isalnum() for name in names)


def test_anchors_of_different_ids_differ() -> None:
    assert len({anchor("r-", rule) for rule in ("a b", "a_b", "a/b", "a.b", "a-b")}) == 5


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1234567.8", "1,234,567.80"), ("-3", "−3.00"), ("0.000012", "0.000012"), ("1E+2", "100.00")],
)
def test_money_keeps_what_it_needs(amount: str, shown: str) -> None:
    assert money(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("stored", "shown"), [("99.96", "99.9"), ("100", "100.0"), ("94.10", "94.1"), (None, "")]
)
def test_percentages_are_never_rounded_up_to_a_false_hundred(stored: str, shown: str) -> None:
    assert one_decimal(stored) == shown


def _operand(name: str, amount: str | None, role: str = "addend") -> dict[str, str | None]:
    return {"name": name, "amount_wan": amount, "role": role}


def test_a_formula_is_written_only_when_it_is_true() -> None:
    sum_of_two = [
        _operand("合计", "10.05", "stated"),
        _operand("甲", "4"),
        _operand("乙", "6"),
        _operand("丙", None),
    ]
    assert sum_formula(sum_of_two, Decimal("10.05"), Decimal(10)) == (
        "合计 10.05 ≠ 甲 4.00 + 乙 6.00 = 10.00（另有 1 项为零或空白）"
    )
    difference = [_operand("收入", "9"), _operand("支出", "4", "subtrahend")]
    assert sum_formula(difference, None, Decimal(5)) == "收入 9.00 − 支出 4.00 = 5.00"
    assert sum_formula(sum_of_two, Decimal("10.05"), Decimal("66.67")) == "", "a ratio is no sum"
    assert sum_formula([], Decimal(1), Decimal(0)) == ""


def test_archive_links_stay_inside_and_open_nothing_that_runs(tmp_path: Path) -> None:
    archive, out = tmp_path / "存 档", tmp_path / "data_docs"
    for name in ("ab/x.pdf", "ab/x.html", "ab/x.svg"):
        (archive / name).parent.mkdir(parents=True, exist_ok=True)
        (archive / name).write_text("x")
    (tmp_path / "secret.pdf").write_text("x")
    links = ArchiveLinks(out, archive)
    assert links.href("ab/x.pdf", folder="disclosures") == "../../%E5%AD%98%20%E6%A1%A3/ab/x.pdf"
    assert links.href("ab/x.pdf", folder="") == "../%E5%AD%98%20%E6%A1%A3/ab/x.pdf"
    for refused in ("ab/x.html", "ab/x.svg", "ab/absent.pdf", "../secret.pdf"):
        assert links.href(refused, folder="") is None
    assert links.href(str(tmp_path / "secret.pdf"), folder="") is None
    assert ArchiveLinks(out, None).href("ab/x.pdf", folder="") is None

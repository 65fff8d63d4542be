"""Several disclosures in one file: the first is read, the others are told."""

from __future__ import annotations

import io
from pathlib import Path

import pypdfium2
import pytest

from disclosures.model import DocumentKind
from disclosures.reading import read_document
from disclosures.reading.grids import PageText
from disclosures.reading.splitting import Part, parts
from disclosures.rendering import Figures, load_figures, render

EXAMPLE = Path(__file__).parents[1] / "rendering" / "example.yaml"


def another(figures: Figures) -> Figures:
    """The same forms ten times as large, of another department."""
    raw = figures.model_dump(by_alias=True)

    def larger(value: object) -> object:
        if isinstance(value, dict):
            return {key: larger(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [larger(one) for one in value]
        if isinstance(value, str) and value.replace(".", "").isdigit() and "." in value:
            return "1" + value
        return value

    raw["forms"] = larger(raw["forms"])
    return Figures.model_validate(raw | {"agency": "某某县档案馆"})


def joined(*documents: bytes) -> tuple[bytes, list[int]]:
    whole, lengths = pypdfium2.PdfDocument.new(), []
    for body in documents:
        with pypdfium2.PdfDocument(body) as one:
            lengths.append(len(one))
            whole.import_pages(one)
    written = io.BytesIO()
    whole.save(written)
    whole.close()
    return written.getvalue(), lengths


@pytest.mark.parametrize("layout", ["heilongjiang", "xinjiang_excel"])
def test_the_second_disclosure_is_told_and_not_mixed_in(layout: str, tmp_path: Path) -> None:
    figures = load_figures(EXAMPLE)
    alone = render(figures, layout, "pdf")
    body, lengths = joined(alone, render(another(figures), layout, "pdf"))
    both, one = tmp_path / "both.pdf", tmp_path / "one.pdf"
    both.write_bytes(body)
    one.write_bytes(alone)
    first, expected = read_document(both), read_document(one)
    assert first.kind is DocumentKind.FINAL_ACCOUNTS
    assert {f.key: f.text for f in first.facts} == {f.key: f.text for f in expected.facts}
    assert set(first.statements) <= set(expected.statements)
    assert "文件含2个部门或单位的决算" in (first.reason or "")
    assert f"—{sum(lengths)}页为某某县档案馆" in (first.reason or "")
    assert expected.reason is None


def page(number: int, *lines: str) -> PageText:
    return PageText(number, "\n".join(lines))


def forms_of(first: int, total: str, label: str | None = None) -> list[PageText]:
    head = [f"编制单位：{label}"] if label else []
    names = ("收入支出决算总表", "收入决算表", "支出决算表")
    figures = f"本年收入合计 {total} 本年支出合计 {total}\n总计 {total} 总计 {total}"
    return [page(first + n, name, *head, figures) for n, name in enumerate(names)]


def test_sets_are_told_apart_by_covers_labels_or_totals() -> None:
    narrative = page(4, "第三部分 情况说明", "2023年度收入总计9.00万元。")
    cover = page(5, "某某县水利局2023年度部门决算")
    first = [*forms_of(1, "9.00", "某某县教育局"), narrative]
    assert parts([*first, cover, *forms_of(6, "7.00")]) == (
        Part("某某县教育局", 1, 4),
        Part("某某县水利局", 5, 8),
    )
    # Without a cover nobody knows whose the text between the sets is.
    assert parts([*first, *forms_of(5, "9.00", "某某县水利局")]) == (
        Part("某某县教育局", 1, 3),
        Part("某某县水利局", 5, 7),
    )
    assert len(parts([*first, *forms_of(5, "7.00")])) == 2


def test_one_disclosure_printed_twice_or_over_pages_is_one() -> None:
    first = forms_of(1, "9.00", "某某县教育局")
    assert parts(first) == ()
    assert parts([*first, *forms_of(4, "9.00", "某某县教育局")]) == ()
    goes_on = page(2, "收入支出决算总表", "年末结转和结余 1.00 2.00 3.00")
    assert parts([first[0], goes_on, *forms_of(3, "9.00")[1:]]) == ()
    contents = page(1, "目录", "收入支出决算总表", "收入决算表", "支出决算表")
    assert parts([contents, *forms_of(2, "9.00")]) == ()

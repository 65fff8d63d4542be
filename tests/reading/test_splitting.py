"""Several disclosures in one file: each is read by itself, its pages counted as in the file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import docx
import openpyxl
import pypdfium2
import pytest

from disclosures.model import DocumentKind, Reading
from disclosures.reading import read_document
from disclosures.reading.grids import PageText
from disclosures.reading.splitting import Part, parts
from disclosures.rendering import Figures, Format, load_figures, render

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


def len_of(path: Path) -> int:
    with pypdfium2.PdfDocument(path) as pdf:
        return len(pdf)


def by_key(reading: Reading, pages_on: int = 0) -> dict[tuple[str, ...], tuple[object, ...]]:
    return {
        fact.key: (fact.text, fact.agreed, fact.bbox, (fact.page or 0) + pages_on)
        for fact in reading.facts
    }


@pytest.mark.parametrize("layout", ["heilongjiang", "xinjiang_excel", "narrow_gaps"])
def test_each_disclosure_of_a_pdf_is_read_by_itself(layout: str, tmp_path: Path) -> None:
    figures = load_figures(EXAMPLE)
    bodies = [render(figures, layout, "pdf"), render(another(figures), layout, "pdf")]
    body, (ahead, _) = joined(*bodies)
    both = tmp_path / "both.pdf"
    both.write_bytes(body)
    alone = []
    for number, one in enumerate(bodies):
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(one)
        alone.append(read_document(path))
    first = read_document(both)
    assert first.sha256 == first.file_sha256 == hashlib.sha256(body).hexdigest()
    [second] = first.further
    assert (second.part, second.part_of) == (2, first.sha256)
    assert second.sha256 not in (first.sha256, *(one.sha256 for one in alone))
    for reading, own, pages_on in zip((first, second), alone, (0, ahead), strict=True):
        assert reading.kind is DocumentKind.FINAL_ACCOUNTS
        assert (reading.agency, reading.year) == (own.agency, own.year)
        assert by_key(reading) == by_key(own, pages_on)
        assert [(s.subject, s.measure, s.value) for s in reading.statements] == [
            (s.subject, s.measure, s.value) for s in own.statements
        ]
        assert len(reading.performance) == len(own.performance)
        assert "文件含2个部门或单位的决算" in (reading.reason or "")
        assert f"—{len_of(both)}页为某某县档案馆" in (reading.reason or "")
    assert second.agency == "某某县档案馆"
    assert all(own.further == () and own.reason is None for own in alone)


def in_one_file(format: Format, figures: Sequence[Figures], folder: Path) -> Path:
    """Several disclosures one after the other in a format without pages."""
    bodies = [render(one, "heilongjiang", format) for one in figures]
    path = folder / f"both.{format}"
    if format == "html":
        first, second = (body.decode() for body in bodies)
        path.write_text(first.partition("</body>")[0] + second.partition("<body>")[2])
    elif format == "docx":
        whole, other = (docx.Document(io.BytesIO(body)) for body in bodies)
        for element in list(other.element.body)[:-1]:
            whole.element.body.insert(-1, element)
        whole.save(str(path))
    else:
        book, further = (openpyxl.load_workbook(io.BytesIO(body)) for body in bodies)
        for sheet in further.worksheets:
            copied = book.create_sheet(f"{sheet.title}2")
            for cell in (c for row in sheet.iter_rows() for c in row if c.value is not None):
                one = copied.cell(cell.row, cell.column, cell.value)
                one.number_format = cell.number_format
        book.save(path)
    return path


@pytest.mark.parametrize("format", ["html", "docx", "xlsx"])
def test_formats_without_pages_are_split_too(format: Format, tmp_path: Path) -> None:
    figures = load_figures(EXAMPLE)
    both = [figures, another(figures)]
    first = read_document(in_one_file(format, both, tmp_path))
    for reading, one in zip(first.all(), both, strict=True):
        path = tmp_path / f"alone.{format}"
        path.write_bytes(render(one, "heilongjiang", format))
        alone = read_document(path)
        assert alone.further == ()
        assert (reading.agency, reading.year) == (alone.agency, alone.year)
        assert by_key(reading) == by_key(alone)
        assert len(reading.statements) == len(alone.statements)
        assert reading.performance == alone.performance


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

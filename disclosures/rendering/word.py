"""Word documents."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import docx
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt

from disclosures.rendering.document import Document, PartTitle
from disclosures.rendering.grid import placed
from disclosures.rendering.layout import Layout
from disclosures.rendering.narrative import Paragraph
from disclosures.rendering.tables import Table
from disclosures.rendering.workbook import fixed_dates

_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - python-docx takes naive times
_SIDES = {
    "left": WD_ALIGN_PARAGRAPH.LEFT,
    "center": WD_ALIGN_PARAGRAPH.CENTER,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
}
#: Fonts that every Chinese office computer has; nothing is embedded.
_BODY, _HEADING = "宋体", "黑体"
_A4_PT = (595.3, 841.9)


def render_word(document: Document, layout: Layout) -> bytes:
    """The document as docx bytes."""
    word = docx.Document()
    properties = word.core_properties
    properties.title, properties.author = document.title, ""
    properties.created = properties.modified = _EPOCH
    _font(word.styles["Normal"], _BODY, layout.page.text_size_pt)
    section = word.sections[0]
    _paper(section, False, layout.page.margin_pt)
    if layout.cover:
        _cover(word, document, layout)
    if layout.contents:
        _contents(word, document)
    upright = True
    for block in document.blocks:
        if isinstance(block, Table):
            if block.landscape is upright:
                _turn(word, block.landscape, layout)
                upright = not block.landscape
            _table(word, block, layout)
            continue
        if not upright:
            _turn(word, False, layout)
            upright = True
        if isinstance(block, PartTitle):
            _text(word, block.text, "center", layout.page.text_size_pt * 1.35, heading=True)
        else:
            _paragraph(word, block, layout)
    written = io.BytesIO()
    word.save(written)
    return fixed_dates(written.getvalue())


def _font(owner: Any, name: str, size_pt: float) -> None:
    owner.font.name = name
    owner.font.size = Pt(size_pt)
    owner.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), name)


def _paper(section: Any, landscape: bool, margin_pt: float) -> None:
    width, height = (Pt(length) for length in _A4_PT)
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = (height, width) if landscape else (width, height)
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Pt(margin_pt))


def _turn(word: Any, landscape: bool, layout: Layout) -> None:
    margin = layout.page.form_margin_pt if landscape else layout.page.margin_pt
    _paper(word.add_section(), landscape, margin)


def _text(word: Any, text: str, side: str, size_pt: float, *, heading: bool = False) -> Any:
    paragraph = word.add_paragraph()
    paragraph.alignment = _SIDES[side]
    _font(paragraph.add_run(text), _HEADING if heading else _BODY, size_pt)
    return paragraph


def _paragraph(word: Any, block: Paragraph, layout: Layout) -> None:
    size = layout.page.text_size_pt
    paragraph = _text(word, block.text, "left", size, heading=block.level == 1)
    paragraph.paragraph_format.first_line_indent = Pt(2 * size)


def _cover(word: Any, document: Document, layout: Layout) -> None:
    title = _text(word, document.title, "center", layout.page.text_size_pt * 1.75, heading=True)
    title.paragraph_format.space_before = Pt(180)
    last = title
    for line in document.subtitle:
        last = _text(word, line, "center", layout.page.text_size_pt)
    last.add_run().add_break(WD_BREAK.PAGE)


def _contents(word: Any, document: Document) -> None:
    last = _text(word, "目　录", "center", 18, heading=True)
    for level, text in document.contents:
        last = _text(word, text, "left", 12, heading=level == 0)
        last.paragraph_format.left_indent = Pt(24 * level)
    last.add_run().add_break(WD_BREAK.PAGE)


def _table(word: Any, table: Table, layout: Layout) -> None:
    size = layout.page.form_size_pt
    for line in table.top:
        if line.center and not (line.left or line.right):
            title = line.center == table.title
            _text(word, line.center, "center", size * (1.75 if title else 1), heading=title)
            continue
        texts = [text for text in (line.left, line.center, line.right) if text]
        side = "right" if not (line.left or line.center) else "left"
        _text(word, "　　".join(texts), side, size)
    rows = (*table.header, *table.body)
    grid = word.add_table(rows=len(rows), cols=table.columns)
    if layout.page.rules == "all" or not table.key:
        grid.style = "Table Grid"
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    # Cells are reached once: python-docx searches the whole table for each ``cell()``.
    cells = [list(row.cells) for row in grid.rows]
    for row, column, cell in placed(rows):
        target = cells[row][column]
        if cell.colspan > 1 or cell.rowspan > 1:
            target = target.merge(cells[row + cell.rowspan - 1][column + cell.colspan - 1])
        paragraph = target.paragraphs[0]
        paragraph.alignment = _SIDES[cell.align]
        if cell.text:
            _font(paragraph.add_run(cell.text), _BODY, size)
    if layout.page.repeat_heading:
        for row in grid.rows[: len(table.header)]:
            row._tr.get_or_add_trPr().append(_repeated())
    for note in table.notes:
        _text(word, note, "left", size)


def _repeated() -> Any:
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    return mark

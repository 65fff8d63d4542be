"""PDF through Typst. The same input gives the same bytes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import mplfonts
import pypdfium2
import pypdfium2.raw as pdfium
import typst

from disclosures.rendering.document import Document, PartTitle
from disclosures.rendering.layout import Layout
from disclosures.rendering.narrative import Paragraph
from disclosures.rendering.tables import Table

#: Freely licensed (SIL OFL) faces that the mplfonts wheel carries.
BODY_FONT = "Noto Serif CJK SC"
HEADING_FONT = "Noto Sans CJK SC"

#: Room above and below the lines of a performance form, whose rows are texts.
_PERFORMANCE_INSET_PT = 5.0

#: FontBBox of the whole Noto Serif CJK SC, in thousandths of an em.
_WHOLE_FONT_BOX = (-997, -1049, 2929, 1809)


def render_pdf(document: Document, layout: Layout) -> bytes:
    """The document as PDF bytes."""
    content = json.dumps(_content(document, layout), ensure_ascii=False)
    compiled = typst.compile(
        (files(__package__) / "document.typ").read_bytes(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"document": content},
        timestamp=0,
    )
    assert isinstance(compiled, bytes)
    if layout.page.turn:
        return _turned(compiled, layout.page.turn)
    if layout.page.embedding == "whole_font_box":
        return _widen_boxes(compiled)
    return compiled


@cache
def _fonts() -> Any:
    folder = Path(mplfonts.__file__).parent / "fonts"
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)]
    )


def _content(document: Document, layout: Layout) -> dict[str, Any]:
    page = layout.page
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "cover": layout.cover,
        "contents": document.contents if layout.contents else (),
        "pages": list(_pages(document, layout)),
        "style": {
            "body_font": BODY_FONT,
            "heading_font": HEADING_FONT,
            "text_size": page.text_size_pt,
            "margin": page.margin_pt,
            "form_margin": page.form_margin_pt,
            "page_numbers": page.page_numbers,
        },
    }


def _pages(document: Document, layout: Layout) -> Iterator[dict[str, Any]]:
    """Runs of text and single tables; a part's title heads its text or stands on a page."""
    title = ""
    paragraphs: list[dict[str, Any]] = []
    for block in document.blocks:
        if not isinstance(block, Paragraph) and paragraphs:
            yield {"kind": "text", "title": title, "paragraphs": paragraphs}
            title, paragraphs = "", []
        if isinstance(block, PartTitle):
            title = block.text
        elif isinstance(block, Paragraph):
            paragraphs.append({"text": block.text, "level": block.level})
        else:
            if title:
                yield {"kind": "title", "text": title}
                title = ""
            yield {"kind": "table", "table": _table(block, layout)}
    if paragraphs:
        yield {"kind": "text", "title": title, "paragraphs": paragraphs}


def _table(table: Table, layout: Layout) -> dict[str, Any]:
    page = layout.page
    size = page.form_size_pt
    # A form of the nine is ruled as the layout says; performance forms are always ruled.
    rules = page.rules if table.key else "all"
    return {
        "title": table.title,
        "top": [{"left": t.left, "center": t.center, "right": t.right} for t in table.top],
        "widths": table.widths,
        "landscape": table.landscape,
        "header": [_row(row, page.figures) for row in table.header],
        "chunks": [[_row(row, page.figures) for row in chunk] for chunk in _chunks(table, layout)],
        "notes": table.notes,
        "rules": rules,
        "repeat": page.repeat_heading,
        # A row of a form never runs over a page's end; long goals of a performance form do.
        "breakable": not table.key,
        "size": size,
        "inset": max(1.0, (page.row_pt - size) / 2) if table.key else _PERFORMANCE_INSET_PT,
    }


def _row(row: tuple[Any, ...], figures: str) -> list[dict[str, Any]]:
    return [
        {
            "text": cell.text,
            "colspan": cell.colspan,
            "rowspan": cell.rowspan,
            "align": figures if cell.amount and cell.align == "right" else cell.align,
        }
        for cell in row
    ]


def _chunks(table: Table, layout: Layout) -> list[tuple[Any, ...]]:
    """The rows of each page where the layout breaks them by count."""
    page = layout.page
    if not table.key or page.rows_per_page is None:
        return [table.body]
    rows, total = table.body, table.total_row
    chunks = []
    start = 0
    while start < len(rows):
        chunk = rows[start : start + page.rows_per_page]
        if start and page.repeat_total and total is not None:
            chunk = (rows[total], *chunk)
        chunks.append(chunk)
        start += page.rows_per_page
    return chunks


def _turned(compiled: bytes, turn: int) -> bytes:
    """Landscape pages stored turned, for viewers to turn back, as printer drivers do."""
    document = pypdfium2.PdfDocument(compiled)
    try:
        for page in document:
            width, height = page.get_size()
            if width <= height:
                continue
            matrix, size = {
                90: ((0, 1, -1, 0, height, 0), (height, width)),
                180: ((-1, 0, 0, -1, width, height), (width, height)),
                270: ((0, -1, 1, 0, 0, width), (height, width)),
            }[turn]
            pdfium.FPDFPage_TransFormWithClip(page, pdfium.FS_MATRIX(*matrix), None)
            page.set_mediabox(0, 0, *size)
            page.set_cropbox(0, 0, *size)
            page.set_rotation(turn)
        written = io.BytesIO()
        document.save(written)
        return written.getvalue()
    finally:
        document.close()


_BOX = re.compile(
    rb"/FontBBox\[[^\]]*\](/ItalicAngle [^/]*)/Ascent [^/]*/Descent [^/]*/CapHeight [^/]*"
)


def _widen_boxes(compiled: bytes) -> bytes:
    """Write the box of the whole font into every font descriptor, without CapHeight.

    Lengths stay, so that the cross-reference table still holds.
    """
    left, bottom, right, top = _WHOLE_FONT_BOX

    def widen(match: re.Match[bytes]) -> bytes:
        box = f"/FontBBox[{left} {bottom} {right} {top}]".encode()
        wide = box + match[1] + f"/Ascent {top}/Descent {bottom}".encode()
        assert len(wide) <= len(match[0]), "no room in the font descriptor"
        return wide.ljust(len(match[0]))

    widened, count = _BOX.subn(widen, compiled)
    assert count, "no font descriptor found"
    return widened

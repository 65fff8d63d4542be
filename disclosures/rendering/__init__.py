"""Rendering whole disclosures: figures (YAML) and a layout (YAML) to PDF, xlsx, docx or HTML.

Figures hold what a department printed, its errors included; a layout holds how its province
prints it. ``python -m disclosures.rendering FIGURES LAYOUT OUT`` writes one file; the suffix of
OUT chooses the format.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from disclosures.rendering.document import compose
from disclosures.rendering.figures import Figures, FiguresError, load_figures
from disclosures.rendering.layout import Layout, layouts
from disclosures.rendering.narrative import unprinted

__all__ = [
    "Figures",
    "FiguresError",
    "Format",
    "Layout",
    "layouts",
    "load_figures",
    "render",
    "render_to",
    "unprinted",
]


class Format(StrEnum):
    PDF = "pdf"
    XLSX = "xlsx"
    DOCX = "docx"
    HTML = "html"


def render(figures: Figures, layout: Layout | str, format: Format | str) -> bytes:
    """One disclosure as a file's bytes; the same input gives the same bytes.

    Args:
        figures: what is printed.
        layout: a layout or the name of one.
        format: ``pdf``, ``xlsx``, ``docx`` or ``html``.

    Raises:
        FiguresError: no layout of that name, or the figures do not fit it.
    """
    if isinstance(layout, str):
        if layout not in layouts():
            raise FiguresError(f"no layout is called {layout!r}; known are {sorted(layouts())}")
        layout = layouts()[layout]
    document = compose(figures, layout)
    # Each format's library is loaded when it is needed: a reader of figures needs none.
    match Format(format):
        case Format.PDF:
            from disclosures.rendering.pdf import render_pdf

            return render_pdf(document, layout)
        case Format.XLSX:
            from disclosures.rendering.workbook import render_workbook

            return render_workbook(document, layout)
        case Format.DOCX:
            from disclosures.rendering.word import render_word

            return render_word(document, layout)
        case Format.HTML:
            from disclosures.rendering.html import render_html

            return render_html(document, layout)


def render_to(path: Path, figures: Figures, layout: Layout | str) -> Path:
    """Write one disclosure; the suffix of ``path`` chooses the format.

    Raises:
        FiguresError: the suffix is none of the formats, or as for ``render``.
    """
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in set(Format):
        raise FiguresError(f"{path.name}: the suffix is none of {[f.value for f in Format]}")
    path.write_bytes(render(figures, layout, suffix))
    return path

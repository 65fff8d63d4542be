"""HTML pages, as portals publish disclosures without an attachment."""

from __future__ import annotations

from functools import cache

import jinja2

from disclosures.rendering.document import Document, PartTitle
from disclosures.rendering.layout import Layout
from disclosures.rendering.narrative import Paragraph
from disclosures.rendering.tables import Table


def render_html(document: Document, layout: Layout) -> bytes:
    """The document as one UTF-8 page without outside assets."""
    page = (
        _environment()
        .get_template("document.html.j2")
        .render(document=document, layout=layout, kind=_kind)
    )
    return page.encode("utf-8")


def _kind(block: object) -> str:
    if isinstance(block, Table):
        return "table"
    if isinstance(block, PartTitle):
        return "part"
    assert isinstance(block, Paragraph)
    return "heading" if block.level else "text"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("disclosures.rendering", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

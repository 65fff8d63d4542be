"""Web pages by lxml: text, and the tables printed inline."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lxml import etree, html

from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.readers.base import MAX_SPAN, Captions, Extraction, UnreadableError
from disclosures.reading.sniff import decode_text

_SKIPPED: Final = frozenset({"script", "style", "noscript", "template", "head", "select", "button"})
_BLOCK: Final = re.compile(
    r"address|article|aside|blockquote|br|caption|center|d[dlt]|div|fieldset|footer|form|h[1-6r]"
    r"|header|li|main|nav|[ou]l|option|p|pre|section|t(?:able|body|[dhr]|foot|head)"
)
_UNBROKEN: Final = ("table", "style", "script", "title")
# Cells of one table with its spans laid out; the longest form has some 30,000.
_MAX_CELLS: Final = 500_000


class HtmlReader:
    """Each innermost table becomes a grid, headed by the lines that stand right above it."""

    name: Final = "lxml"
    version: Final = version("lxml")
    stack: Final = "lxml"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        text = decode_text(path.read_bytes())
        if text is None:
            raise UnreadableError("网页的文字编码无法识别")
        # lxml refuses text that declares its encoding, and control characters.
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.lstrip("\ufeff"))
        text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)
        try:
            root = html.document_fromstring(text, parser=html.HTMLParser(huge_tree=False))
        except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
            raise UnreadableError(f"网页无法解析：{error}") from error
        if _breaks_off(text):
            raise UnreadableError("网页不完整：在中间断开，请重新下载")
        title = (root.findtext(".//title") or "").strip()
        walk = _Walk()
        walk.visit(root)
        walk.end_line()
        grids = tuple(grid for _, grid in walk.blocks if grid)
        lines = [title, *walk.lines] if title else walk.lines
        broken = text.count("\ufffd")
        notes = (f"网页中有{broken}个损坏的字符",) if broken else ()
        texts = (PageText(None, "\n".join(lines)),)
        return Extraction(grids, texts, notes, tuple(walk.blocks))


def _breaks_off(text: str) -> bool:
    """Whether a page ends within a tag, a table or a style sheet; browsers show it as if it were
    whole, and the forms of its lost part would be reported as missing."""
    tags = text.lower()
    if max(tags.rfind("</body"), tags.rfind("</html")) >= 0:
        return False
    if tags.rfind("<") > tags.rfind(">"):
        return True
    return any(tags.rfind(f"<{tag}") > tags.rfind(f"</{tag}") for tag in _UNBROKEN)


class _Walk:
    """The lines of a page in reading order and its innermost tables."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.blocks: list[tuple[str, Grid | None]] = []
        self._captions = Captions()
        self._line: list[str] = []

    def visit(self, root: html.HtmlElement) -> None:
        # An explicit stack, because hostile pages nest deeper than Python recurses.
        stack: list[tuple[html.HtmlElement, bool]] = [(root, False)]
        while stack:
            element, closing = stack.pop()
            block = isinstance(element.tag, str) and bool(_BLOCK.fullmatch(element.tag))
            if closing:
                if block:
                    self.end_line()
                self._line.append(element.tail or "")
                continue
            if not isinstance(element.tag, str) or element.tag in _SKIPPED:
                self._line.append(element.tail or "")
                continue
            if block:
                self.end_line()
            if element.tag == "table" and element.find(".//table") is None:
                self._table(element)
                self._line.append(element.tail or "")
                continue
            self._line.append(element.text or "")
            stack.append((element, True))
            stack += [(child, False) for child in reversed(element)]

    def end_line(self) -> None:
        line = re.sub(r"[\s\u200b]+", " ", "".join(self._line)).strip()
        self._line.clear()
        if line:
            self.lines.append(line)
            self.blocks.append((line, None))
            self._captions.add(line)

    def _table(self, table: html.HtmlElement) -> None:
        rows = table_rows(table)
        if not any(cell.text for row in rows for cell in row):
            return
        shown = ["\t".join(cell.text.replace("\n", "") for cell in row).rstrip() for row in rows]
        self.lines += shown
        grid = Grid(HtmlReader.name, None, (*self._captions.take(), *rows))
        self.blocks.append(("\n".join(shown), grid))


def table_rows(table: html.HtmlElement) -> tuple[tuple[GridCell, ...], ...]:
    """Cells by row and column with row and column spans laid out; covered cells are empty."""
    rows: list[list[GridCell]] = []
    covered: dict[int, int] = {}  # column -> rows that a span above still covers
    laid_out = 0
    for tr in table.iter("tr"):
        row: list[GridCell] = []

        def skip_covered(row: list[GridCell] = row) -> None:
            while covered.get(len(row), 0) > 0:
                covered[len(row)] -= 1
                row.append(GridCell(""))

        for cell in tr.iterchildren("td", "th"):
            skip_covered()
            text = re.sub(r"[ \t\u00a0\u3000\u200b]+", " ", _cell_text(cell)).strip()
            height = _span(cell.get("rowspan"))
            for offset in range(_span(cell.get("colspan"))):
                if height > 1:
                    covered[len(row)] = height - 1
                row.append(GridCell("" if offset else text))
        skip_covered()
        rows.append(row)
        laid_out += len(row)
        if laid_out > _MAX_CELLS:
            raise UnreadableError(f"网页中的表格超过{_MAX_CELLS}格，不是决算报表")
    return tuple(tuple(row) for row in rows)


def _cell_text(cell: html.HtmlElement) -> str:
    parts: list[str] = []
    for element in cell.iter():
        if not isinstance(element.tag, str) or element.tag in _SKIPPED:
            text = ""
        else:
            text = ("\n" if element.tag in ("br", "p", "div") and parts else "") + (
                element.text or ""
            )
        parts.append(re.sub(r"\s*\n\s*", "\n", text) if text.strip() else text[:1])
        if element is not cell:
            parts.append((element.tail or "").strip("\r\n\t "))
    return re.sub(r"\s*\n\s*", "\n", "".join(parts))


def _span(value: str | None) -> int:
    digits = re.match(r"\s*(\d+)", value or "")
    return min(max(int(digits[1]), 1), MAX_SPAN) if digits else 1

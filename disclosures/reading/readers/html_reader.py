"""Web pages by lxml: text, and the tables printed inline."""

from __future__ import annotations

import re
from collections.abc import Collection, Set
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lxml import etree, html

from disclosures.reading.grids import Grid, GridCell, PageText, without_empty_columns
from disclosures.reading.readers import style_sheets
from disclosures.reading.readers.base import MAX_SPAN, Captions, Extraction, UnreadableError
from disclosures.reading.sniff import decode_text
from disclosures.reading.titles import form_of_title

_SKIPPED: Final = frozenset({"script", "style", "noscript", "template", "head", "select", "button"})
_BLOCK: Final = re.compile(
    r"address|article|aside|blockquote|br|caption|center|d[dlt]|div|fieldset|footer|form|h[1-6r]"
    r"|header|li|main|nav|[ou]l|option|p|pre|section|t(?:able|body|[dhr]|foot|head)"
)
_HIDDEN: Final = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all)",
    re.I,
)
# Cells that keep their place when what they say is hidden.
_CELLS: Final = ("td", "th")
_KEEPS_PLACE: Final = re.compile(r"visibility\s*:\s*hidden", re.I)
# Letters of a table of one cell that is but a frame around a word or figure, and of a cell of a
# form.
_FRAMED, _IN_FORM = 80, 200
_TITLED_ROWS: Final = 8
_UNBROKEN: Final = ("table", "style", "script", "title")
_SHOWN_INPUTS: Final = ("", "text", "number")
# Cells of one table with its spans laid out; the longest form has some 30,000.
_MAX_CELLS: Final = 500_000


class HtmlReader:
    """Each innermost table becomes a grid, headed by the lines that stand right above it."""

    name: Final = "lxml"
    version: Final = version("lxml")
    stack: Final = "lxml"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        return read_page(path.read_bytes())


def read_page(body: bytes) -> Extraction:
    """A page as :class:`HtmlReader` reads it.

    Raises:
        UnreadableError: it cannot be parsed, or breaks off.
    """
    text = decode_text(body)
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
    notes = (
        []
        if style_sheets.hide(root)
        else ["网页的样式表有未能识别的显示规则，隐藏的内容可能已读入"]
    )
    _unframe(root)
    hidden = _without_hidden_parts(root)
    notes += [f"网页中有{hidden}处隐藏的文字或单元格，未读"] if hidden else []
    walk = _walked(root, blocks := _hidden_blocks(root))
    if blocks:
        shown = _marks(walk)
        twice = {block for block in blocks if shown & _marks(_walked(block))}
        if twice:
            notes.append(f"网页中有{len(twice)}处隐藏的表格与显示的重复，未读")
        # Others are sheets of which the page shows one at a time.
        walk = _walked(root, twice)
    grids = tuple(grid for _, grid in walk.blocks if grid)
    lines = [title, *walk.lines] if title else walk.lines
    broken = text.count("\ufffd")
    notes += [f"网页中有{broken}个损坏的字符"] if broken else []
    texts = (PageText(None, "\n".join(lines)),)
    return Extraction(grids, texts, tuple(notes), tuple(walk.blocks))


def _is_hidden(element: html.HtmlElement) -> bool:
    if not isinstance(element.tag, str) or element.tag in ("html", "body"):
        return False
    return "hidden" in element.attrib or bool(_HIDDEN.search(element.get("style", "")))


def _without_hidden_parts(root: html.HtmlElement) -> int:
    """Take out hidden rows, cells and words, and say how many had text. Hidden blocks stay."""
    innermost: dict[html.HtmlElement, bool] = {}
    hidden = 0
    gone: set[html.HtmlElement] = set()
    for element in list(root.iter()):
        if element in gone or not _is_hidden(element) or element.find(".//table") is not None:
            continue
        table = next(element.iterancestors("table"), None)
        if table is not None and table not in innermost:
            innermost[table] = table.find(".//table") is None
        block = element.tag == "table" or bool(_BLOCK.fullmatch(element.tag))
        if block and not (table is not None and innermost[table]):
            continue
        hidden += bool(element.text_content().strip())
        gone.update(element.iter())
        if block and not (element.tag in _CELLS and _KEEPS_PLACE.search(element.get("style", ""))):
            element.drop_tree()
            continue
        # Left empty: what is behind each of thousands of words would be copied for every one.
        for child in list(element):
            element.remove(child)
        element.text = ""
        if not block:
            element.tag = "span"
    return hidden


def _hidden_blocks(root: html.HtmlElement) -> set[html.HtmlElement]:
    """The outermost hidden blocks with tables."""
    blocks: set[html.HtmlElement] = set()
    inside: set[html.HtmlElement] = set()
    for element in list(root.iter()):
        if element in inside or not _is_hidden(element):
            continue
        if element.tag == "table" or element.find(".//table") is not None:
            blocks.add(element)
            inside.update(element.iter())
    return blocks


def _walked(root: html.HtmlElement, ignored: Set[html.HtmlElement] = frozenset()) -> _Walk:
    walk = _Walk(ignored)
    walk.visit(root)
    walk.end_line()
    return walk


def _marks(walk: _Walk) -> set[object]:
    """What tells each table from others: its form, by the last title at its head, and its words."""
    marks: set[object] = set()
    for _, grid in walk.blocks:
        if grid is None:
            continue
        heads = [cell.text for row in grid.rows[:_TITLED_ROWS] for cell in row]
        titles = [form for text in heads if text and (form := form_of_title(text))]
        marks.update(titles[-1:])
        inside = [row for row in grid.rows if sum(bool(cell.text) for cell in row) > 1]
        words = {c.text for row in inside for c in row if c.text and not re.search(r"\d", c.text)}
        marks.update([frozenset(words)] if len(words) > 1 else [])
    return marks


def _unframe(root: html.HtmlElement) -> None:
    """Tables of one cell that frame a word or figure within a cell of a form, as plain text."""
    for table in list(root.iter("table")):
        inner = table.findall(".//table")
        if not inner or any(len(t.findall(".//td")) != 1 for t in inner):
            continue
        rows = [row for row in table.iter("tr") if any(child.tag in _CELLS for child in row)]
        texts = [cell.text_content().strip() for cell in table.iter(*_CELLS)]
        framed = [t.text_content().strip() for t in inner]
        if (
            len(rows) - len(inner) < 3
            or max(map(len, texts)) > _IN_FORM
            or max(map(len, framed)) > _FRAMED
        ):
            continue
        for one in inner:
            for part in (*one.iter("tr", "tbody", "thead", *_CELLS), one):
                part.tag = "span"


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

    def __init__(self, ignored: Set[html.HtmlElement] = frozenset()) -> None:
        self._ignored = ignored
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
            if (
                not isinstance(element.tag, str)
                or element.tag in _SKIPPED
                or element in self._ignored
            ):
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
    return without_empty_columns(tuple(tuple(row) for row in rows))


def _cell_text(cell: html.HtmlElement) -> str:
    parts: list[str] = []
    for element in cell.iter():
        if not isinstance(element.tag, str) or element.tag in _SKIPPED:
            text = ""
        elif element.tag == "input" and element.get("type", "text").lower() in _SHOWN_INPUTS:
            text = element.get("value", "")
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

"""Word documents by python-docx: paragraphs and tables in their order."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from disclosures.reading.grids import Grid, GridCell, PageText, without_empty_columns
from disclosures.reading.packages import demand_sound
from disclosures.reading.readers.base import MAX_SPAN, Captions, Extraction, UnreadableError

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import Table

_WORD: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BOX: Final = f"{_WORD}txbxContent"
_LETTERS: Final = f"{_WORD}t"
# What is no longer in the text, and what only wraps it; python-docx passes over both.
_GONE: Final = tuple(f"{_WORD}{tag}" for tag in ("del", "moveFrom"))
_WRAPPERS: Final = tuple(
    f"{_WORD}{tag}"
    for tag in ("ins", "moveTo", "smartTag", "customXml", "fldSimple", "sdt", "sdtContent")
)
_OFF: Final = ("0", "false", "off")
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


class DocxReader:
    """Each table becomes a grid, headed by the paragraphs that stand right above it (title,
    form number, department, unit). Word stores no pages, so ``page`` is None."""

    name: Final = "python-docx"
    version: Final = version("python-docx")
    stack: Final = "python-docx"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        import docx
        from docx.opc.exceptions import PackageNotFoundError
        from docx.table import Table
        from lxml.etree import XMLSyntaxError

        demand_sound(path)
        try:
            document = docx.Document(str(path))
        except (
            PackageNotFoundError,
            XMLSyntaxError,
            zlib.error,
            NotImplementedError,  # from zipfile: a compression or version that it does not know
            KeyError,
            ValueError,
            OSError,
        ) as error:
            raise UnreadableError(
                f"文档无法打开（{error}），请用 Word 打开并另存后再读取"
            ) from error
        hidden = _lay_bare(document.element.body, _hidden_styles(document.styles.element))
        notes = (f"文档中有{hidden}处隐藏的文字或行，未读",) if hidden else ()
        grids: list[Grid] = []
        lines: list[str] = []
        blocks: list[tuple[str, Grid | None]] = []
        captions = Captions()
        for block in _blocks(document):
            if not isinstance(block, Table):
                text = block.strip()
                lines.append(text)
                blocks.append((text, None))
                captions.add(text)
                continue
            for rows in _tables(block):
                if not any(cell.text for row in rows for cell in row):
                    continue
                grids.append(Grid(self.name, None, (*captions.take(), *rows)))
                shown = ["\t".join(c.text.replace("\n", "") for c in row).rstrip() for row in rows]
                lines += shown
                blocks.append(("\n".join(shown), grids[-1]))
        texts = (PageText(None, "\n".join(lines)),)
        return Extraction(tuple(grids), texts, notes, tuple(blocks))


def _hidden_styles(styles: Any) -> frozenset[str]:
    """The ids of styles whose text is hidden, those that are based on them included."""
    own: dict[str, bool | None] = {}
    base: dict[str, str] = {}
    for style in styles.iter(f"{_WORD}style"):
        key = style.get(f"{_WORD}styleId", "")
        mark = style.find(f"{_WORD}rPr/{_WORD}vanish")
        own[key] = None if mark is None else _is_on(mark)
        parent = style.find(f"{_WORD}basedOn")
        base[key] = "" if parent is None else parent.get(f"{_WORD}val", "")
    hidden: set[str] = set()
    for key in own:
        met: set[str] = set()
        at = key
        while at in own and at not in met and own[at] is None:
            met.add(at)
            at = base[at]
        if own.get(at):
            hidden.add(key)
    return frozenset(hidden)


def _is_run_hidden(run: Any, styles: frozenset[str]) -> bool:
    """By its own mark, else its style, else that of its paragraph."""
    about = run.find(f"{_WORD}rPr")
    mark = None if about is None else about.find(f"{_WORD}vanish")
    if mark is not None:
        return _is_on(mark)
    if not styles:
        return False
    named = None if about is None else about.find(f"{_WORD}rStyle")
    if named is not None and named.get(f"{_WORD}val") in styles:
        return True
    paragraph = next(run.iterancestors(f"{_WORD}p"), None)
    of = None if paragraph is None else paragraph.find(f"{_WORD}pPr/{_WORD}pStyle")
    return of is not None and of.get(f"{_WORD}val") in styles


def _lay_bare(body: Any, styles: frozenset[str] = frozenset()) -> int:
    """Leave of a document what Word shows: tracked changes as accepted, nothing hidden, and no
    wrapper (content control, smart tag, field, table of one cell) around what it shows.

    ``styles`` are those that hide text. Returns how many runs and rows were hidden.
    """
    hidden = 0
    for row in list(body.iter(f"{_WORD}tr")):
        about = row.find(f"{_WORD}trPr")
        if about is not None and about.find(f"{_WORD}del") is not None:
            row.getparent().remove(row)
        elif about is not None and _is_on(about.find(f"{_WORD}hidden")):
            row.getparent().remove(row)
            hidden += 1
    for element in list(body.iter(*_GONE)):
        if element.getparent().tag != f"{_WORD}rPr":
            element.getparent().remove(element)
    for run in list(body.iter(f"{_WORD}r")):
        if _is_run_hidden(run, styles):
            hidden += any(letters.text for letters in run.iter(_LETTERS))
            run.getparent().remove(run)
    for element in list(body.iter(*_WRAPPERS)):
        if element.getparent().tag not in (f"{_WORD}rPr", f"{_WORD}trPr"):
            _unwrap(element, list(element))
    for table in reversed(list(body.iter(f"{_WORD}tbl"))):
        cells = table.findall(f"{_WORD}tr/{_WORD}tc")
        inside = table.getparent().tag == f"{_WORD}tc"
        if len(cells) == 1 and (inside or cells[0].find(f"{_WORD}tbl") is not None):
            _unwrap(table, [child for child in cells[0] if child.tag != f"{_WORD}tcPr"])
    return hidden


def _is_on(mark: Any) -> bool:
    return mark is not None and mark.get(f"{_WORD}val", "1") not in _OFF


def _unwrap(element: Any, children: list[Any]) -> None:
    for child in children:
        element.addprevious(child)
    element.getparent().remove(element)


def _blocks(document: Document) -> Iterator[str | Table]:
    """Paragraphs and tables in their order; those of a text box behind the paragraph that it
    hangs on."""
    from docx.table import Table

    for block in document.iter_inner_content():
        yield block if isinstance(block, Table) else str(block.text)
        if isinstance(block, Table):
            continue
        for box in block._p.iter(_BOX):
            # The fallback repeats a box for old programs; a box in a box comes with the outer one.
            if any(parent.tag in (_FALLBACK, _BOX) for parent in box.iterancestors()):
                continue
            for element in box:
                if element.tag.endswith("}tbl"):
                    yield Table(cast(Any, element), document._body)
                else:
                    yield "".join(t.text or "" for t in element.iter(_LETTERS))


def _tables(table: object) -> list[tuple[tuple[GridCell, ...], ...]]:
    """The rows of a table, then those of the tables inside its cells."""
    from docx.table import Table, _Cell

    assert isinstance(table, Table)
    rows: list[tuple[GridCell, ...]] = []
    nested: list[tuple[tuple[GridCell, ...], ...]] = []
    for row in table.rows:
        line = [GridCell("")] * min(row.grid_cols_before, MAX_SPAN)
        # row.cells repeats merged cells and takes quadratic time; the elements do not.
        for element in row._tr.tc_lst:
            continued = element.vMerge == "continue"
            cell = _Cell(element, table)
            line.append(GridCell("" if continued else str(cell.text).strip()))
            line += [GridCell("")] * (min(element.grid_span, MAX_SPAN) - 1)
            for inner in cell.tables:
                nested += _tables(inner)
        rows.append(tuple(line))
    return [without_empty_columns(tuple(rows)), *nested]

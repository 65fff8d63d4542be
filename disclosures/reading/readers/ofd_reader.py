"""OFD (GB/T 33190): a zip of XML; text objects with places, and the lines drawn as paths."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from lxml import etree

from disclosures.model import Box
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.packages import ZIP_ERRORS, demand_sound
from disclosures.reading.readers.base import Extraction, UnreadableError, place_cells

_PT_PER_MM: Final = 72 / 25.4
_MAX_PAGES: Final = 1000
_MAX_XML_BYTES: Final = 64 * 2**20
_MAX_OBJECTS: Final = 200_000
_MAX_EDGES: Final = 4000
# Lines drawn cell by cell meet within this distance (points).
_JOIN_PT: Final = 1.5
_THIN_PT: Final = 2.0
_LEAST_LINE_PT: Final = 5.0
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Word:
    """A run of text with its box in points."""

    text: str
    box: Box


class OfdReader:
    """Pages by their text objects; tables by their ruling lines. What is stored is exact."""

    name: Final = "ofd"
    version: Final = "1"
    stack: Final = "lxml"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        demand_sound(path)
        grids: list[Grid] = []
        texts: list[PageText] = []
        notes: list[str] = []
        try:
            with zipfile.ZipFile(path) as package:
                ofd = _Package(package)
                for number, parts in enumerate(ofd.pages(), start=1):
                    if number > _MAX_PAGES:
                        raise UnreadableError(f"OFD 超过上限{_MAX_PAGES}页")
                    if pages is not None and number not in pages:
                        continue
                    words: list[_Word] = []
                    lines: list[Box] = []
                    for root in parts:
                        _collect(root, words, lines)
                    found = _tables(words, lines)
                    grids += [Grid(self.name, number, rows, box) for rows, box in found]
                    texts.append(PageText(number, _text(words)))
                if not texts:
                    raise UnreadableError("OFD 中没有页面，请重新下载")
                if not any(text.text for text in texts):
                    raise UnreadableError("OFD 中没有文字（可能是扫描件），请转换为 PDF 后再读取")
                if ofd.signed:
                    notes.append("OFD 带有电子签章，签章未验证")
        except (*ZIP_ERRORS, KeyError, etree.XMLSyntaxError) as error:
            raise UnreadableError(f"OFD 文件已损坏（{error}），请重新下载") from error
        return Extraction(tuple(grids), tuple(texts), tuple(notes))


class _Package:
    """The parts of an OFD; references are relative to the file that makes them, or to the root."""

    def __init__(self, package: zipfile.ZipFile) -> None:
        self._package = package
        self._names = {name.lstrip("/") for name in package.namelist()}
        self.signed = any(name.endswith("Signatures.xml") for name in self._names)

    def pages(self) -> Iterator[list[Any]]:
        """The XML roots of each page: its templates first, then itself."""
        for body in _all(self._xml("OFD.xml"), "DocRoot"):
            home = self._resolve(PurePosixPath(), body.text)
            document = self._xml(str(home))
            templates = {
                template.get("ID"): self._resolve(home.parent, template.get("BaseLoc"))
                for template in _all(document, "TemplatePage")
            }
            for page in _all(document, "Page"):
                if not page.get("BaseLoc"):
                    continue
                content = self._xml(str(self._resolve(home.parent, page.get("BaseLoc"))))
                below = [
                    self._xml(str(templates[use.get("TemplateID")]))
                    for use in _all(content, "Template")
                    if use.get("TemplateID") in templates
                ]
                yield [*below, content]

    def _resolve(self, folder: PurePosixPath, target: str | None) -> PurePosixPath:
        if not target or not target.strip():
            raise KeyError("缺少引用")
        plain = target.strip().replace("\\", "/")
        place = PurePosixPath(plain.lstrip("/")) if plain.startswith("/") else folder / plain
        # Producers also write paths from the root without a slash.
        if str(place) not in self._names and plain in self._names:
            return PurePosixPath(plain)
        return place

    def _xml(self, name: str) -> Any:
        if self._package.getinfo(name).file_size > _MAX_XML_BYTES:
            raise UnreadableError(f"OFD 中的{name[:80]}过大")
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        return etree.fromstring(self._package.read(name), parser)


def _all(root: Any, tag: str) -> Iterator[Any]:
    """Elements of a name in whatever namespace: early producers use their own."""
    yield from root.iter("{*}" + tag)


# --- what is on a page ------------------------------------------------------------------------


def _collect(root: Any, words: list[_Word], lines: list[Box]) -> None:
    for count, element in enumerate(root.iter("{*}TextObject", "{*}PathObject")):
        if count > _MAX_OBJECTS:
            raise UnreadableError(f"OFD 的一页超过{_MAX_OBJECTS}个对象")
        if element.get("Visible") == "false":
            continue
        boundary = _numbers(element.get("Boundary"))
        if len(boundary) != 4:
            continue
        matrix = _numbers(element.get("CTM"))
        ctm: Matrix = _IDENTITY
        if len(matrix) == 6:
            ctm = (matrix[0], matrix[1], matrix[2], matrix[3], matrix[4], matrix[5])
        if etree.QName(element).localname == "TextObject":
            words += _words(element, boundary, ctm)
        else:
            lines += _lines(element, boundary, ctm)


def _words(element: Any, boundary: Sequence[float], ctm: Matrix) -> Iterator[_Word]:
    size = (_numbers(element.get("Size")) or [3.5])[0]
    left, top = boundary[:2]
    for code in element.iter("{*}TextCode"):
        text = "".join(code.itertext())
        if not text.strip():
            continue
        x, y = ((_numbers(code.get(name)) or [0.0])[0] for name in ("X", "Y"))
        steps = _deltas(code.get("DeltaX"), len(text) - 1)
        # Letters without steps of their own follow one another by their width.
        width = sum(steps) if steps else sum(size * _share(c) for c in text[:-1])
        x0, base = _apply(ctm, x, y)
        x1, end = _apply(ctm, x + width + size * _share(text[-1]), y)
        height = size * max(abs(ctm[3]), abs(ctm[1])) or size
        box = (
            left + min(x0, x1),
            top + min(base, end) - height * 0.85,
            left + max(x0, x1),
            top + max(base, end) + height * 0.15,
        )
        yield _Word(text, _points(box))


def _lines(element: Any, boundary: Sequence[float], ctm: Matrix) -> Iterator[Box]:
    """Level and upright strokes of a path, and the rims of thin rectangles."""
    left, top = boundary[:2]
    data = "".join(element.findtext("{*}AbbreviatedData") or "")
    start = here = (0.0, 0.0)
    tokens = data.replace(",", " ").split()
    index = 0
    while index < len(tokens):
        command = tokens[index]
        index += 1
        if command == "C":
            place = start
        else:
            values: list[float] = []
            while index < len(tokens) and _NUMBER.fullmatch(tokens[index]):
                values.append(float(tokens[index]))
                index += 1
            if len(values) < 2:
                continue
            x, y = _apply(ctm, values[-2], values[-1])
            place = (left + x, top + y)
        if command in ("M", "S"):
            start = here = place
            continue
        if command in ("L", "C"):
            stroke = _points(
                (
                    min(here[0], place[0]),
                    min(here[1], place[1]),
                    max(here[0], place[0]),
                    max(here[1], place[1]),
                )
            )
            wide, high = stroke[2] - stroke[0], stroke[3] - stroke[1]
            if min(wide, high) <= _THIN_PT and max(wide, high) >= _LEAST_LINE_PT:
                yield stroke
        here = place


def _numbers(text: str | None) -> list[float]:
    return [float(number) for number in _NUMBER.findall(text or "")][:16]


def _deltas(text: str | None, most: int) -> list[float]:
    """Steps between letters; ``g 3 2.5`` stands for three steps of 2.5."""
    tokens = (text or "").split()
    steps: list[float] = []
    index = 0
    while index < len(tokens) and len(steps) < most:
        if tokens[index] == "g" and index + 2 < len(tokens):
            counted = _numbers(tokens[index + 1])
            step = _numbers(tokens[index + 2])
            if counted and step:
                steps += [step[0]] * min(int(max(counted[0], 0)), most - len(steps))
            index += 3
            continue
        steps += _numbers(tokens[index])[:1]
        index += 1
    return steps


def _share(letter: str) -> float:
    return 0.5 if letter.isascii() else 1.0


def _apply(ctm: Matrix, x: float, y: float) -> tuple[float, float]:
    return ctm[0] * x + ctm[2] * y + ctm[4], ctm[1] * x + ctm[3] * y + ctm[5]


def _points(box: Box) -> Box:
    x0, top, x1, bottom = (round(value * _PT_PER_MM, 2) for value in box)
    return (x0, top, x1, bottom)


# --- text and tables --------------------------------------------------------------------------


def _text(words: Sequence[_Word]) -> str:
    """Lines from top to bottom; a gap within a line becomes blanks."""
    rows: list[list[_Word]] = []
    for word in sorted(words, key=lambda word: (word.box[1] + word.box[3], word.box[0])):
        middle = (word.box[1] + word.box[3]) / 2
        if rows and rows[-1][0].box[1] < middle < rows[-1][0].box[3]:
            rows[-1].append(word)
        else:
            rows.append([word])
    return "\n".join(_joined(row) for row in rows)


def _joined(row: Sequence[_Word]) -> str:
    text, end = "", 0.0
    for word in sorted(row, key=lambda word: word.box[0]):
        gap = word.box[0] - end
        text += (
            word.text if not text or gap < (word.box[3] - word.box[1]) * 0.3 else f" {word.text}"
        )
        end = word.box[2]
    return text


def _tables(
    words: Sequence[_Word], lines: Sequence[Box]
) -> list[tuple[tuple[tuple[GridCell, ...], ...], Box]]:
    """Cells are the smallest rectangles that ruling lines close; merged ones stay whole."""
    tables = []
    for group in _connected(lines):
        cells = _cells(group)
        if len(cells) < 4:
            continue
        inside: dict[Box, list[_Word]] = {cell: [] for cell in cells}
        for word in words:
            x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
            home = next((c for c in cells if c[0] <= x <= c[2] and c[1] <= y <= c[3]), None)
            if home is not None:
                inside[home].append(word)
        rows = place_cells([(_text(held), cell) for cell, held in inside.items()])
        box = (
            min(cell[0] for cell in cells),
            min(cell[1] for cell in cells),
            max(cell[2] for cell in cells),
            max(cell[3] for cell in cells),
        )
        tables.append((rows, box))
    return sorted(tables, key=lambda table: table[1][1])


def _connected(lines: Sequence[Box]) -> list[list[Box]]:
    """Lines that touch one another make one table."""
    if len(lines) > _MAX_EDGES:
        raise UnreadableError(f"OFD 的一页有{len(lines)}条线，超过上限{_MAX_EDGES}")
    groups: list[list[Box]] = []
    for line in lines:
        touched = [group for group in groups if any(_touch(line, other) for other in group)]
        merged = [line, *(other for group in touched for other in group)]
        groups = [group for group in groups if group not in touched]
        groups.append(merged)
    return groups


def _touch(a: Box, b: Box) -> bool:
    return (
        a[0] <= b[2] + _JOIN_PT
        and b[0] <= a[2] + _JOIN_PT
        and a[1] <= b[3] + _JOIN_PT
        and b[1] <= a[3] + _JOIN_PT
    )


def _cells(lines: Sequence[Box]) -> list[Box]:
    level = [line for line in lines if line[2] - line[0] >= line[3] - line[1]]
    upright = [line for line in lines if line[2] - line[0] < line[3] - line[1]]
    ys = _clusters([(line[1] + line[3]) / 2 for line in level])
    xs = _clusters([(line[0] + line[2]) / 2 for line in upright])
    across = {
        y: [line for line in level if abs((line[1] + line[3]) / 2 - y) <= _JOIN_PT] for y in ys
    }
    down = {
        x: [line for line in upright if abs((line[0] + line[2]) / 2 - x) <= _JOIN_PT] for x in xs
    }

    def ruled_across(y: float, x0: float, x1: float) -> bool:
        middle = (x0 + x1) / 2
        return any(line[0] <= middle <= line[2] for line in across[y])

    def ruled_down(x: float, y0: float, y1: float) -> bool:
        middle = (y0 + y1) / 2
        return any(line[1] <= middle <= line[3] for line in down[x])

    cells: list[Box] = []
    taken: set[tuple[int, int]] = set()
    for row in range(len(ys) - 1):
        for column in range(len(xs) - 1):
            if (row, column) in taken:
                continue
            right = column
            while right + 2 < len(xs) and not ruled_down(xs[right + 1], ys[row], ys[row + 1]):
                right += 1
            low = row
            while low + 2 < len(ys) and not ruled_across(ys[low + 1], xs[column], xs[column + 1]):
                low += 1
            taken |= {(r, c) for r in range(row, low + 1) for c in range(column, right + 1)}
            cells.append((xs[column], ys[row], xs[right + 1], ys[low + 1]))
    return cells


def _clusters(values: Sequence[float]) -> list[float]:
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > _JOIN_PT:
            found.append(value)
    return found

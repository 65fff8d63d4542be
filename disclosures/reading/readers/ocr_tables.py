"""Ruled tables on pictures of pages: ruling lines into cells, cells into text, looked at twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from disclosures.reading.readers.ocr_engine import Image, recognise_crops

PixelBox = tuple[int, int, int, int]

# Shortest ruling lines, in inches: letters have no strokes of this length.
_ACROSS_IN: Final = 0.5
_DOWN_IN: Final = 0.3
_LEAST_CELL_IN: Final = 0.06
_LEAST_TABLE_IN: Final = (1.5, 0.4)
# A line that divides a cell may miss a few pixels.
_CROSSED: Final = 0.93
# A ruling is drawn over this much of its length at least.
_SOLID: Final = 0.9
_SOME: Final = 0.1
_MOSTLY: Final = 0.6
# Lines this many times as long as the shortest may be worn for the most part.
_LONG_LINE: Final = 8
# Of level lines more than this is drawn, unless they are dashes.
_DRAWN: Final = 0.95
_FILLED: Final = 0.6
# How much darker than paper ink is, of 255.
_INK: Final = 70
_FAINT: Final = 45
# Fewer dark pixels than this are dust; a printed dot at 150 dpi has more.
_DUST: Final = 4
_FIGURE: Final = re.compile(r"[-\d.,，．。:：()（）△▲—\s]*")
_MIXED_MARKS: Final = re.compile(r"-?\d{1,3}(?:[,.，．]\d{3})*[,.，．]\d{2}")
# Words below this confidence are looked at again.
_SURE_WORD: Final = 0.95
# A line of some words is this many times as wide as high.
_SOME_WORDS: Final = 8
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")


@dataclass(slots=True)
class PictureCell:
    """A cell of a table on a picture. ``second`` is the text of the second look; ``score`` the
    least confidence of its lines; ``ink`` whether anything is printed in it at all."""

    box: PixelBox
    ink: bool = False
    text: str = ""
    second: str = ""
    score: float = 1.0


@dataclass(slots=True)
class PictureTable:
    box: PixelBox
    cells: list[PictureCell] = field(default_factory=list)


def find_tables(page: Image, dpi: float) -> list[PictureTable]:
    """The ruled tables of a gray page with their cells, without text, from top to bottom."""
    dark = _dark(page)
    rulings = _rulings(dark, dpi)
    count, _, stats, _ = cv2.connectedComponentsWithStats(rulings, connectivity=8)
    tables = []
    for x, y, width, height, _ in stats[1:count].tolist():
        if width < _LEAST_TABLE_IN[0] * dpi or height < _LEAST_TABLE_IN[1] * dpi:
            continue
        part = (slice(y, y + height), slice(x, x + width))
        cells = _cells(rulings[part], dark[part], dpi)
        if len(cells) >= 4:
            shifted = [PictureCell((a + x, b + y, c + x, d + y)) for a, b, c, d in cells]
            tables.append(PictureTable((x, y, x + width, y + height), shifted))
    # A table inside a cell of another one is read as that cell's text.
    outer = [t for t in tables if not any(o is not t and _inside(t.box, o.box) for o in tables)]
    return sorted(outer, key=lambda table: (table.box[1], table.box[0]))


def skew_degrees(page: Image, dpi: float) -> float:
    """How far the long lines of a page are turned from level; 0 where there are none."""
    scale = 75 / dpi
    small = cv2.resize(255 - page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    dark = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 15, -12)
    # Only what runs across for a quarter of an inch, which letters do not.
    level = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, 18), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(level, connectivity=8)
    widths, heights = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    lines = (widths >= 250) & (heights <= 0.09 * widths + 6)
    lines[0] = False
    ys, xs = np.nonzero(lines[labels])
    if lines.sum() < 3:
        return 0.0
    # The slope of each line by least squares.
    line = labels[ys, xs]
    points = np.bincount(line, minlength=count)[lines]
    x, y, xy, xx = (
        np.bincount(line, weights=values, minlength=count)[lines] / points
        for values in (xs, ys, xs * ys, xs * xs)
    )
    return float(np.degrees(np.median(np.arctan((xy - x * y) / (xx - x * x)))))


def reading_score(page: Image, tables: Sequence[PictureTable], sample: int) -> float:
    """How confidently a few lines are read, 0 to 1; 1 where the cells hold no print, 0 where
    they hold no long line: letters one above the other are words seen from the side."""
    cells = [cell for table in tables for cell in table.cells]
    paper = float(np.median(page))
    pitch = _letter_height(page, cells, paper)
    lines = [line for cell in cells for line in _lines_of(page, cell.box, paper, pitch)]
    long = [line for line in lines if line[2] - line[0] >= 3 * (line[3] - line[1])]
    # Some words each: figures may read as well from below, and sentences take long.
    usual = sorted(long, key=lambda line: abs(line[2] - line[0] - _SOME_WORDS * pitch))[:sample]
    read = recognise_crops([_crop(page, line, pitch, paper) for line in usual])
    if not read:
        return 0.0 if lines else 1.0
    return sum(score for _, score in read) / len(read)


def read_cells(page: Image, tables: Sequence[PictureTable]) -> None:
    """Recognise all cells in place; every cell without Chinese is looked at a second time."""
    paper = float(np.median(page))
    cells = [cell for table in tables for cell in table.cells]
    lines: list[tuple[PictureCell, PixelBox]] = []
    pitch = _letter_height(page, cells, paper)
    for cell in cells:
        found = _lines_of(page, cell.box, paper, pitch)
        cell.ink = bool(found)
        if not found and _ink(page, cell.box, paper, _FAINT).sum() >= _DUST:
            # Too pale to be read, but not nothing.
            cell.ink, cell.text, cell.second, cell.score = True, "？", "？", 0.0
        lines += [(cell, line) for line in found]
    first = recognise_crops([_crop(page, line, pitch, paper) for _, line in lines])
    _look_again_at_words(page, [line for _, line in lines], first, pitch, paper)
    for (cell, _), (text, score) in zip(lines, first, strict=True):
        text = _shown(text)
        cell.text = f"{cell.text}\n{text}" if cell.text else text
        cell.second = cell.text
        cell.score = min(cell.score, score)
    again = [(cell, line) for cell, line in lines if not _CHINESE.search(cell.text) and cell.text]
    bolder = recognise_crops([_bolder_crop(page, line, pitch, paper) for _, line in again])
    seconds: dict[int, list[str]] = {}
    for (cell, _), (text, score) in zip(again, bolder, strict=True):
        seconds.setdefault(id(cell), []).append(_shown(text))
        cell.score = min(cell.score, score)
    for cell, _ in again:
        cell.second = "\n".join(seconds[id(cell)])
    _settle(page, again, pitch, paper)


def _look_again_at_words(
    page: Image,
    lines: Sequence[PixelBox],
    read: list[tuple[str, float]],
    pitch: int,
    paper: float,
) -> None:
    """Words that were read with doubt, as the surest of three looks sees them: a header or name
    with a letter missing costs its column or row. Figures are looked at twice by themselves."""
    weak = [
        n for n, (text, score) in enumerate(read) if score < _SURE_WORD and _CHINESE.search(text)
    ]
    for look in (_bolder_crop, _finer_crop):
        others = recognise_crops([look(page, lines[n], pitch, paper) for n in weak])
        for n, other in zip(weak, others, strict=True):
            read[n] = max(read[n], other, key=lambda one: one[1])


def _settle(
    page: Image, looked: Sequence[tuple[PictureCell, PixelBox]], pitch: int, paper: float
) -> None:
    """A third look where two differ: the reading that two looks share stands in ``text``; in
    ``second`` too when it does, and the cell's score is halved, so that it stays visible."""
    open_lines = [(cell, line) for cell, line in looked if cell.text != cell.second]
    thirds: dict[int, list[str]] = {}
    texts = recognise_crops([_finer_crop(page, line, pitch, paper) for _, line in open_lines])
    for (cell, _), (text, _) in zip(open_lines, texts, strict=True):
        thirds.setdefault(id(cell), []).append(_shown(text))
    for cell, _ in open_lines:
        third = "\n".join(thirds[id(cell)])
        if third == cell.second and cell.text != third:
            cell.text = third
            cell.score = min(cell.score, 0.5)
        elif third == cell.text and cell.second != third:
            cell.second = third
            cell.score = min(cell.score, 0.5)


def _shown(text: str) -> str:
    """A recognised line of a cell. Points and commas look alike on worn pictures: what stands
    before three digits parts thousands, and what stands before the last two parts decimals."""
    text = text.strip()
    if _MIXED_MARKS.fullmatch(text):
        return re.sub(r"[.．，]", ",", text[:-3]) + "." + text[-2:]
    # Ink that yields no letters must not pass for a blank cell.
    return text or "？"


def is_figure(text: str) -> bool:
    """Whether a cell's text is made of digits and what stands between them."""
    return bool(_FIGURE.fullmatch(text)) and any(letter.isdigit() for letter in text)


# --- rulings ----------------------------------------------------------------------------------


def _dark(page: Image) -> Any:
    return cv2.adaptiveThreshold(
        255 - page, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 31, -12
    )


def _rulings(dark: Any, dpi: float) -> Image:
    length = int(_DOWN_IN * dpi)
    across = _strokes(dark, (int(_ACROSS_IN * dpi), 1))
    down = _strokes(dark, (1, length))
    # Lines end a pixel or two before those that they meet.
    grown = cv2.dilate(
        across | _without_letters(down, across, dark, length), np.ones((3, 3), np.uint8)
    )
    return np.asarray(grown, dtype=np.uint8)


def _without_letters(down: Any, across: Any, dark: Any, least: int) -> Any:
    """Upright lines without strokes of letters that stand one above the other in low rows.

    Between two level lines a ruling has hardly a gap, and where it is shorter than ``least`` it
    meets both. Letters may seem to in one row, but not in most. Where rulings are dashes, as the
    level ones then are too, all stay.
    """
    beside = cv2.dilate(dark, np.ones((3, 1), np.uint8))
    if not across.any() or (beside[across > 0] > 0).mean() < _DRAWN:
        return down
    level = cv2.dilate(across, np.ones((3, 3), np.uint8))
    pieces = cv2.bitwise_and(down, cv2.bitwise_not(level))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(pieces, connectivity=8)
    near = cv2.dilate(dark, np.ones((1, 3), np.uint8)) > 0
    solid, full = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    lines, line_of = cv2.connectedComponents(down, connectivity=8)
    line = np.zeros(count, dtype=int)
    for number, (x, y, width, height, _) in enumerate(stats.tolist()):
        columns = slice(x, x + width)
        part = (slice(y, y + height), columns)
        own = labels[part] == number
        drawn = (near[part] & own).any(axis=1)
        ends = level[max(y - 2, 0) : y, columns], level[y + height : y + height + 2, columns]
        long = height >= least
        solid[number] = drawn.mean() >= _SOLID and (long or all(end.any() for end in ends))
        full[number] = solid[number] and (long or (drawn[0] and drawn[-1]))
        line[number] = line_of[part][own].max()
    solid[0] = full[0] = False
    lengths = np.where(np.arange(count) > 0, stats[:, cv2.CC_STAT_HEIGHT], 0)
    if lengths[solid].sum() < _SOME * lengths.sum():
        return down
    whole = np.bincount(line, weights=lengths, minlength=lines)
    good = np.bincount(line, weights=np.where(full, lengths, 0), minlength=lines)
    ruling = (solid & (good > _MOSTLY * whole)[line]) | (full & (whole >= _LONG_LINE * least)[line])
    return np.where(ruling[labels], pieces, 0).astype(np.uint8)


def _strokes(dark: Any, size: tuple[int, int]) -> Image:
    bridge = (5, 1) if size[0] > size[1] else (1, 5)
    closed = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones(bridge[::-1], np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones(size[::-1], np.uint8))
    return np.asarray(opened, dtype=np.uint8)


def _cells(rulings: Image, dark: Any, dpi: float) -> list[PixelBox]:
    count, _, stats, _ = cv2.connectedComponentsWithStats(255 - rulings, connectivity=4)
    least = int(_LEAST_CELL_IN * dpi)
    found: list[PixelBox] = []
    boxes = [
        (x, y, x + width, y + height)
        for x, y, width, height, area in stats[1:count].tolist()
        # Blurred lines leave slivers of paper that run around other cells.
        if width >= least and height >= least and area >= _FILLED * width * height
    ]
    for box in boxes:
        if not any(_holds(box, other) for other in boxes):
            found += [
                part
                for column in _split(dark, box, least, 1)
                for part in _split(dark, column, least, 0)
            ]
    return found


def _split(dark: Any, box: PixelBox, least: int, along: int) -> list[PixelBox]:
    """Parts of a cell between short lines that cross all of it: upright ones (``along`` 1), or
    level ones (0). Lines no longer than a row is high pass for strokes of letters elsewhere."""
    x0, top, x1, bottom = box
    inner = cv2.dilate(dark[top:bottom, x0:x1], np.ones((1, 3) if along else (3, 1), np.uint8))
    crossed = (inner > 0).mean(axis=1 - along) >= _CROSSED
    parts: list[PixelBox] = []
    for start, stop in _runs(~crossed):
        if stop - start >= least:
            if along:
                parts.append((x0 + start, top, x0 + stop, bottom))
            else:
                parts.append((x0, top + start, x1, top + stop))
    return parts or [box]


def _holds(box: PixelBox, other: PixelBox) -> bool:
    """Whether the middle of a smaller box lies in a box."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    smaller = (other[2] - other[0]) * (other[3] - other[1]) < (box[2] - box[0]) * (box[3] - box[1])
    return smaller and box[0] < x < box[2] and box[1] < y < box[3]


def _inside(box: PixelBox, other: PixelBox) -> bool:
    return box[0] >= other[0] and box[1] >= other[1] and box[2] <= other[2] and box[3] <= other[3]


# --- lines within cells -----------------------------------------------------------------------


def _letter_height(page: Image, cells: Sequence[PictureCell], paper: float) -> int:
    """Usual height of a line's ink in pixels: that of most cells with one line."""
    heights = [
        bottom - top
        for cell in cells
        for top, bottom in _runs((_ink(page, cell.box, paper)).any(axis=1))
        if bottom - top > 5
    ]
    return int(np.percentile(heights, 75)) if heights else 20


def _ink(page: Image, box: PixelBox, paper: float, darker: int = _INK) -> npt.NDArray[np.bool_]:
    x0, top, x1, bottom = box
    # What ruling lines leave on a cell's rim is not print.
    inner = page[top + 1 : bottom - 1, x0 + 1 : x1 - 1]
    return np.asarray(inner < paper - darker)


def _runs(rows: Any) -> Iterator[tuple[int, int]]:
    """Start and end of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], rows.astype(np.int8), [0]))))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _lines_of(page: Image, box: PixelBox, paper: float, pitch: int) -> list[PixelBox]:
    """Boxes of the lines of print in a cell, tight around their ink."""
    ink = _ink(page, box, paper)
    if ink.size == 0 or int(ink.sum()) < _DUST:
        return []
    pale = _ink(page, box, paper, _FAINT)
    lines: list[list[int]] = []
    for top, bottom in _runs(ink.any(axis=1)):
        # 二 and 三 have gaps of their own; a line is never much lower than its letters.
        if lines and bottom - lines[-1][0] <= 1.25 * pitch:
            lines[-1][1] = bottom
        else:
            lines.append([top, bottom])
    boxes: list[PixelBox] = []
    for top, bottom in lines:
        band = ink[top:bottom]
        if int(band.sum()) < _DUST:
            continue
        # The thin stroke of 一 is paler than other letters where print is blurred.
        high, low = max(top - 2, 0), bottom + 2
        columns = np.flatnonzero((pale[high:low] | ink[high:low]).any(axis=0))
        x0, y0 = box[0] + 1, box[1] + 1
        boxes.append((x0 + int(columns[0]), y0 + top, x0 + int(columns[-1]) + 1, y0 + bottom))
    return boxes


def _crop(page: Image, line: PixelBox, pitch: int, paper: float) -> Image:
    return _padded(page, line, pitch, paper, margin=0.2)


def _bolder_crop(page: Image, line: PixelBox, pitch: int, paper: float) -> Image:
    """The same print seen otherwise: larger, in black and white, with more room around it."""
    crop = _padded(page, line, pitch, paper, margin=0.4)
    large = cv2.resize(crop, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    black = cv2.threshold(large, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    return np.asarray(cv2.GaussianBlur(black, (3, 3), 0), dtype=np.uint8)


def _finer_crop(page: Image, line: PixelBox, pitch: int, paper: float) -> Image:
    crop = _padded(page, line, pitch, paper, margin=0.3)
    large = cv2.resize(crop, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4)
    return np.asarray(large, dtype=np.uint8)


def _padded(page: Image, line: PixelBox, pitch: int, paper: float, *, margin: float) -> Image:
    """A line with paper around it, as high as letters are even where it is a dash."""
    x0, top, x1, bottom = line
    lack = max(pitch - (bottom - top), 0)
    room = int(margin * pitch) + 1
    above, below = room + lack // 2, room + lack - lack // 2
    return np.pad(
        # The rim of letters is paler than ink.
        page[max(top - 1, 0) : bottom + 1, max(x0 - 1, 0) : x1 + 1],
        ((above, below), (room, room)),
        constant_values=int(paper),
    )

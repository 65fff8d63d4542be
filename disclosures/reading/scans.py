"""Pages that are pictures: scanned PDFs and image files, by character recognition.

Recognition is slow and errs. It is given up after the first pages where these are about something
else. A figure of a form counts as agreed when two looks at it gave the same and a sum of its form
proves it, a figure of the narrative when such a figure is the same; all others stay suspect.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from disclosures.amounts import CellState
from disclosures.forms import forms, squeeze
from disclosures.model import Box, Fact, FormReading
from disclosures.reading.agreement import Method, Witness, agree, agree_forms
from disclosures.reading.grammar import read_flattened
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.readers import ocr_engine as engine
from disclosures.reading.readers.base import UnreadableError, place_cells
from disclosures.reading.readers.ocr_engine import Image
from disclosures.reading.readers.ocr_seals import PixelBox, without_seals
from disclosures.reading.readers.ocr_tables import (
    PictureTable,
    find_tables,
    read_cells,
    reading_score,
    skew_degrees,
)
from disclosures.reading.recognise import recognise
from disclosures.reading.sums import FactKey, broken_rows, confirmed, unbalanced
from disclosures.reading.titles import find_titles

#: Scans of more pages are refused: recognition takes seconds a page.
MAX_PAGES: Final = 120

_DPI: Final = 150.0
_MAX_SIDE: Final = 3600
_MAX_PIXELS: Final = 80_000_000
_LONG_SIDE_PT: Final = 842.0
_OPENING_PAGES: Final = 4
_OPENING_LETTERS: Final = 60
_TOPICS: Final = ("决算", "预算", "绩效")
_LEVEL_DEGREES: Final = 0.15
_GOOD_SCORE: Final = 0.8
# Of the pixels of a page with a table, more than this percentage are ink.
_INK_SHARE: Final = 0.5
# Below the least the page is blank; above the full one it needs no stretching.
_LEAST_CONTRAST: Final = 50
_FULL_CONTRAST: Final = 190
_PAPER: Final = 235
_CLEARLY: Final = 0.1
_SAMPLE: Final = 8
#: The second look and its grammar, as readers of their own.
_SECOND: Final = "ocr-second"
_GRAMMAR: Final = "ocr-text"

ROWS_IN_DOUBT: Final = "图像识别所得各行相加不等于合计，可能有行未能识别"
UNCONFIRMED: Final = "图像识别的数字，未得到表内合计关系的印证"


@dataclass(frozen=True, slots=True)
class Picture:
    """One page as a gray picture; ``pt`` is the size of a pixel in points. ``seals`` are the
    places, in points, from which seals were taken off."""

    page: int
    pixels: Image
    pt: float
    seals: tuple[Box, ...] = ()


@dataclass(slots=True)
class ScanRead:
    """The forms of recognised pages."""

    forms: tuple[FormReading, ...] = ()
    facts: tuple[Fact, ...] = ()
    readers: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SeenPages:
    """Recognised pages. ``firsts`` and ``seconds`` are their tables as the two looks saw them,
    ``unruled`` the pages without any that may hold a form.
    ``scores`` are the confidence of cells by page and box, ``sealed`` the cells that a seal
    touched, ``lines`` what stands outside tables by page."""

    texts: list[PageText] = field(default_factory=list)
    firsts: list[Grid] = field(default_factory=list)
    seconds: list[Grid] = field(default_factory=list)
    unruled: list[PageText] = field(default_factory=list)
    scores: dict[tuple[int, Box], float] = field(default_factory=dict)
    sealed: set[tuple[int, Box]] = field(default_factory=set)
    lines: dict[int, list[engine.Line]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def read(self, pages: Collection[int | None] | None = None) -> ScanRead:
        """The forms of these pages, or of all."""

        def mine(page: int | None) -> bool:
            return pages is None or page in pages

        texts = [text for text in self.texts if mine(text.page)]
        read = ScanRead(readers={engine.NAME: engine.VERSION}, notes=[*self.notes])
        witnesses = [
            _witness(name, recognise([g for g in grids if mine(g.page)], texts), Method.RULED)
            for name, grids in ((engine.NAME, self.firsts), (_SECOND, self.seconds))
        ]
        ruled = {form.form for witness in witnesses for form in witness.forms if witness.facts}
        if unruled := [text for text in self.unruled if mine(text.page)]:
            found = read_flattened(unruled, reader=_GRAMMAR)
            extra = [item for item in found if item[0].form not in ruled]
            witnesses.append(_witness(_GRAMMAR, extra, Method.GRAMMAR))
        result = agree(witnesses)
        read.notes += result.dropped
        read.forms = _whole(agree_forms(witnesses), result.facts)
        read.facts = _doubt(result.facts, self.scores, self.sealed)
        suspect = sum(not fact.agreed for fact in read.facts)
        if read.facts:
            read.notes.append(
                f"数字由图像识别得出：{len(read.facts)}个单元格中{suspect}个未能印证，按存疑处理"
            )
        return read


def pdf_pictures(path: Path, pages: Collection[int]) -> Iterator[Picture]:
    """Pages of a PDF (counted from 1) as pictures."""
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    try:
        for number in sorted(pages):
            page = document[number - 1]
            longest = max(page.get_size())
            dpi = min(_DPI, _MAX_SIDE / max(longest, 1.0) * 72)
            colours = page.render(scale=dpi / 72, rev_byteorder=True).to_numpy()
            pixels, seals = without_seals(np.asarray(colours[:, :, :3]), dpi)
            yield Picture(number, pixels, 72 / dpi, _in_points(seals, 72 / dpi))
            page.close()
    finally:
        document.close()


def image_pictures(path: Path) -> Iterator[Picture]:
    """The frames of an image file as pictures. The page is taken to be as long as A4, because
    what images say of their resolution is rarely true.

    Raises:
        UnreadableError: it cannot be opened, or is too large.
    """
    import cv2
    from PIL import Image as Pillow
    from PIL import ImageOps, ImageSequence

    try:
        with Pillow.open(path) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise UnreadableError(
                    f"图片过大（{image.width}×{image.height}像素），请换用分辨率较低的图片"
                )
            frames = getattr(image, "n_frames", 1)
            if frames > MAX_PAGES:
                raise UnreadableError(f"图片共{frames}页，超过识别上限{MAX_PAGES}页")
            for number, frame in enumerate(ImageSequence.Iterator(image), start=1):
                if frame.width * frame.height > _MAX_PIXELS:
                    raise UnreadableError("图片过大，请换用分辨率较低的图片")
                upright = ImageOps.exif_transpose(frame)
                flat = Pillow.new("RGBA", upright.size, "white")
                flat.alpha_composite(upright.convert("RGBA"))
                longest = max(flat.size)
                pt = _LONG_SIDE_PT / longest
                pixels, found = without_seals(np.array(flat.convert("RGB")), 72 / pt)
                seals = _in_points(found, pt)
                scale = _LONG_SIDE_PT / 72 * _DPI / longest
                if scale > 1.2 or scale < 0.6:
                    # Small print gains from size, and photographs cost time without gain.
                    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
                    pixels = np.asarray(
                        cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how),
                        dtype=np.uint8,
                    )
                yield Picture(number, pixels, _LONG_SIDE_PT / max(pixels.shape), seals)
    except UnreadableError:
        raise
    # Pillow's decoders raise errors of many types on damaged files.
    except Exception as error:
        raise UnreadableError(
            f"图片无法打开（{type(error).__name__}），请重新下载或向发布单位索取"
        ) from error


def _in_points(boxes: Iterable[PixelBox], pt: float) -> tuple[Box, ...]:
    return tuple((box[0] * pt, box[1] * pt, box[2] * pt, box[3] * pt) for box in boxes)


def check_length(pages: int) -> None:
    """Refuse scans that would take too long.

    Raises:
        UnreadableError: more than ``MAX_PAGES`` pages.
    """
    if pages > MAX_PAGES:
        raise UnreadableError(
            f"扫描件，没有文字层，共{pages}页，超过图像识别上限{MAX_PAGES}页，"
            "请向发布单位索取带文字的版本"
        )


def names_accounts(texts: Iterable[PageText]) -> bool:
    """Whether texts speak of accounts, budgets or performance at all."""
    words = squeeze("".join(text.text for text in texts))
    return any(topic in words for topic in _TOPICS)


def recognise_pages(pictures: Iterator[Picture], *, opening: bool = True) -> SeenPages:
    """Recognise pictures of pages.

    ``opening`` says that these are a whole document: then it is given up after its first pages
    when their words are about something else.
    """
    seen = SeenPages()
    for order, picture in enumerate(pictures, start=1):
        if opening and order == _OPENING_PAGES + 1 and _is_about_something_else(seen.texts):
            seen.notes.append(
                f"扫描件前{_OPENING_PAGES}页未见决算、预算或绩效字样，其余各页未作识别"
            )
            return seen
        page = _straighten(picture)
        first, second = _table_grids(page, seen)
        seen.firsts += first
        seen.seconds += second
        lines = seen.lines[picture.page] = []
        text = _page_text(page, first, lines)
        opens = (opening and order <= _OPENING_PAGES) or any(
            title.form for title in find_titles(text.text)[1]
        )
        if opens and not page.tables:
            seen.unruled.append(text)
        seen.texts.append(text)
    return seen


def _is_about_something_else(texts: Sequence[PageText]) -> bool:
    words = squeeze("".join(text.text for text in texts))
    return len(words) >= _OPENING_LETTERS and not names_accounts(texts)


def _witness(
    name: str, found: Sequence[tuple[FormReading, Sequence[Fact]]], method: Method
) -> Witness:
    return Witness(
        name,
        tuple(form for form, _ in found),
        tuple(fact for _, facts in found for fact in facts),
        method,
    )


# --- one page ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Page:
    """A picture set upright. ``back`` takes its pixels to those of the picture."""

    picture: Picture
    pixels: Image
    tables: list[PictureTable]
    back: npt.NDArray[np.float64]

    def box(self, box: tuple[int, int, int, int]) -> Box:
        """Pixels of the upright page as points of the page."""
        x0, top, x1, bottom = box
        corners = np.array([[x0, x1, x0, x1], [top, top, bottom, bottom], [1, 1, 1, 1]])
        xs, ys = (self.back @ corners)[:2] * self.picture.pt
        return (
            round(float(xs.min()), 1),
            round(float(ys.min()), 1),
            round(float(xs.max()), 1),
            round(float(ys.max()), 1),
        )


def _straighten(picture: Picture) -> _Page:
    """Level the ruling lines of a page, then turn it the way its words run."""
    dpi = 72 / picture.pt
    level, back = _level(picture.pixels, dpi)
    pixels, tables = _contrasted(level), _tables(level, dpi)
    upright = reading_score(pixels, tables, _SAMPLE)
    if upright < _GOOD_SCORE:
        from_level = back
        for quarters in (3, 1, 2):
            other = np.ascontiguousarray(np.rot90(level, quarters))
            turned = _tables(other, dpi)
            contrasted = _contrasted(other)
            score = reading_score(contrasted, turned, _SAMPLE)
            if score > upright + _CLEARLY:
                upright, pixels, tables = score, contrasted, turned
                back = from_level @ _quarter_back(quarters, level.shape)
    return _Page(picture, pixels, tables, back)


def _tables(pixels: Image, dpi: float) -> list[PictureTable]:
    """The tables of a page as it is: with more contrast grain joins strokes of letters to lines.
    Only where lines are too pale to be found at all are they sought again."""
    return find_tables(pixels, dpi) or find_tables(_contrasted(pixels), dpi)


def _contrasted(pixels: Image) -> Image:
    """A pale page with its ink as dark and its paper as light as those of others."""
    import cv2

    paper = float(np.median(pixels))
    ink = float(np.percentile(pixels, _INK_SHARE))
    if not _LEAST_CONTRAST < paper - ink < _FULL_CONTRAST:
        return pixels
    stretched = (pixels.astype(np.float32) - ink) * (_PAPER / (paper - ink))
    # The grain of the paper grows with the contrast.
    smooth = cv2.GaussianBlur(np.clip(stretched, 0, 255), (3, 3), 0.8)
    return np.asarray(smooth, dtype=np.uint8)


def _level(pixels: Image, dpi: float) -> tuple[Image, npt.NDArray[np.float64]]:
    """A page turned until its ruling lines are level, and the way back."""
    import cv2

    degrees = skew_degrees(pixels, dpi)
    if abs(degrees) < _LEVEL_DEGREES:
        return pixels, np.eye(3)
    height, width = pixels.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    level = cv2.warpAffine(
        pixels, turn, (width, height), flags=cv2.INTER_CUBIC, borderValue=(255.0,)
    )
    return np.asarray(level, dtype=np.uint8), np.linalg.inv(np.vstack([turn, [0, 0, 1]]))


def _quarter_back(quarters: int, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """What undoes ``np.rot90(pixels, quarters)`` for points ``(x, y)`` of the turned picture."""
    height, width = shape[:2]
    return {
        1: np.array([[0, -1, width], [1, 0, 0], [0, 0, 1]], dtype=np.float64),
        2: np.array([[-1, 0, width], [0, -1, height], [0, 0, 1]], dtype=np.float64),
        3: np.array([[0, 1, 0], [-1, 0, height], [0, 0, 1]], dtype=np.float64),
    }[quarters]


def _table_grids(page: _Page, seen: SeenPages) -> tuple[list[Grid], list[Grid]]:
    """The tables as the two looks saw them; ``seen`` takes what is known of their cells."""
    read_cells(page.pixels, page.tables)
    number = page.picture.page
    first: list[Grid] = []
    second: list[Grid] = []
    for table in page.tables:
        # Cells are put into rows on the level page; their boxes then go to the page as it is.
        pt = page.picture.pt
        level = {
            (c.box[0] * pt, c.box[1] * pt, c.box[2] * pt, c.box[3] * pt): c for c in table.cells
        }
        box = page.box(table.box)
        for name, grids, look in ((engine.NAME, first, "text"), (_SECOND, second, "second")):
            rows = place_cells([(getattr(cell, look), place) for place, cell in level.items()])
            placed = tuple(
                tuple(
                    GridCell(cell.text, page.box(level[cell.bbox].box)) if cell.bbox else cell
                    for cell in row
                )
                for row in rows
            )
            grids.append(Grid(name, number, placed, box))
        for cell in table.cells:
            box = page.box(cell.box)
            seen.scores[number, box] = cell.score
            if any(_touch(box, seal) for seal in page.picture.seals):
                seen.sealed.add((number, box))
    return first, second


def _touch(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _page_text(page: _Page, grids: Sequence[Grid], outside: list[engine.Line]) -> PageText:
    """Lines outside the tables, which ``outside`` collects, and rows of the tables, from top to
    bottom."""
    height = page.pixels.shape[0]
    pieces: list[tuple[int, str]] = []
    top = 0
    for table, grid in zip(page.tables, grids, strict=True):
        pieces += _band(page, top, table.box[1], outside)
        rows = (" ".join(c.text.replace("\n", "") for c in row if c.text) for row in grid.rows)
        pieces.append((table.box[1], "\n".join(row for row in rows if row)))
        top = max(top, table.box[3])
    pieces += _band(page, top, height, outside)
    return PageText(page.picture.page, "\n".join(text for _, text in pieces if text))


def _band(page: _Page, top: int, bottom: int, outside: list[engine.Line]) -> list[tuple[int, str]]:
    """Lines of a strip over the whole width; boxes at one height make one line."""
    if bottom - top < 12:
        return []
    lines: list[list[engine.Line]] = []
    for line in engine.read_lines(page.pixels[top:bottom]):
        outside.append(line)
        middle = (line.box[1] + line.box[3]) / 2
        if lines and lines[-1][0].box[1] <= middle <= lines[-1][0].box[3]:
            lines[-1].append(line)
        else:
            lines.append([line])
    return [
        (
            top + row[0].box[1],
            "  ".join(line.text for line in sorted(row, key=lambda line: line.box[0])),
        )
        for row in lines
    ]


# --- doubt ------------------------------------------------------------------------------------


def _whole(found: Sequence[FormReading], facts: Sequence[Fact]) -> tuple[FormReading, ...]:
    """Forms, incomplete where their totals are more or less than their rows, where a row is none
    that the form can have, or where a level of codes has gaps: nothing else tells that
    recognition lost a row."""
    lost = unbalanced(facts) | _with_gaps(facts) | _with_strange_rows(facts)
    return tuple(
        replace(form, complete=False, notes=(*form.notes, ROWS_IN_DOUBT))
        if form.form in lost
        else form
        for form in found
    )


def _codes(facts: Iterable[Fact]) -> dict[str, set[str]]:
    """The codes of each form."""
    codes: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if fact.code:
            codes[fact.form].add(fact.code)
    return codes


def _with_strange_rows(facts: Sequence[Fact]) -> frozenset[str]:
    """Forms with a row that they cannot have: its code or name was misread."""
    codes = _codes(facts)
    return frozenset(
        fact.form
        for fact in facts
        if (fact.state is not CellState.BLANK or fact.name or fact.code)
        and not _is_row_of_its_form(fact, codes)
    )


def _with_gaps(facts: Sequence[Fact]) -> frozenset[str]:
    """Functional forms with items in which a group with figures has none."""
    filled = _codes(fact for fact in facts if fact.amount_wan)
    return frozenset(
        form
        for form, own in filled.items()
        if forms()[form].codes == "functional"
        and any(len(code) == 7 for code in own)
        and not all(
            any(other.startswith(code) and other != code for other in own)
            for code in own
            if len(code) < 7
        )
    )


def _doubt(
    facts: Sequence[Fact],
    scores: Mapping[tuple[int, Box], float],
    sealed: Collection[tuple[int, Box]],
) -> tuple[Fact, ...]:
    """Facts with their confidence; agreed stays what sums prove, and cells without any ink that
    no seal touched."""
    proven = confirmed(facts) - _printed_unlike_others(facts)
    broken = broken_rows(facts)
    odd = _rows_with_doubtful_codes(facts)
    codes = _codes(facts)
    strange = _with_strange_rows(facts)
    doubted: list[Fact] = []
    for fact in facts:
        score = scores.get((fact.page or 0, fact.bbox)) if fact.bbox else None
        empty = fact.state is CellState.BLANK and not fact.text and fact.bbox is not None
        # What a seal or a stain hides looks blank, but then its row does not add up.
        empty = empty and fact.key not in broken and (fact.page, fact.bbox) not in sealed
        # Where one name was misread, another line may have been taken for its own.
        empty = empty and fact.form not in strange
        sure = fact.agreed and (fact.key in proven or empty)
        sure = sure and (fact.form, fact.row) not in odd and _is_row_of_its_form(fact, codes)
        notes = [fact.note] if fact.note else []
        if score is not None and fact.text:
            notes.append(f"图像识别，置信度{score:.2f}")
        if fact.agreed and not sure:
            notes.append(UNCONFIRMED)
        doubted.append(replace(fact, agreed=sure, note="；".join(notes) or None))
    return tuple(doubted)


def _printed_unlike_others(facts: Sequence[Fact]) -> frozenset[FactKey]:
    """Figures with fewer decimals than their form prints: strokes of seals and ruling lines are
    read as ones, and several such ones may even add up."""
    shown: dict[str, Counter[int]] = defaultdict(Counter)
    for fact in facts:
        if fact.amount_wan and fact.decimals is not None:
            shown[fact.form][fact.decimals] += 1
    usual = {form: counts.most_common(1)[0][0] for form, counts in shown.items()}
    return frozenset(
        fact.key
        for fact in facts
        if fact.amount_wan and (fact.decimals or 0) < usual.get(fact.form, 0)
    )


def _is_row_of_its_form(fact: Fact, codes: Mapping[str, Collection[str]]) -> bool:
    """Whether a row is a line of the form, or its code one that the form can have: sums do not
    tell that a figure stands under a misread code or name."""
    form = forms()[fact.form]
    if fact.code is None or form.codes is None:
        # A line without a name is left empty.
        unnamed = fact.row.startswith("line_") and fact.state is CellState.BLANK
        return unnamed or fact.row in {line.key for line in form.lines_of(fact.side)}
    own = codes[fact.form]
    if form.codes == "economic":
        return len(fact.code) in (3, 5) and (fact.code[:3] in own)
    return len(fact.code) in (3, 5, 7) and all(
        fact.code[:length] in own for length in (3, 5) if length < len(fact.code)
    )


def _rows_with_doubtful_codes(facts: Sequence[Fact]) -> frozenset[tuple[str, str]]:
    """Rows whose code stands beside another name elsewhere in the document, or whose name
    stands beside another code of the same group: one of the two was misread."""
    names: dict[str, set[str]] = defaultdict(set)
    codes: dict[tuple[str, str], set[str]] = defaultdict(set)
    coded = [fact for fact in facts if fact.code]
    for fact in coded:
        assert fact.code is not None
        names[fact.code].add(squeeze(fact.name))
        codes[fact.code[:-2], squeeze(fact.name)].add(fact.code)
    return frozenset(
        (fact.form, fact.row)
        for fact in coded
        if fact.code
        and (len(names[fact.code]) > 1 or len(codes[fact.code[:-2], squeeze(fact.name)]) > 1)
    )

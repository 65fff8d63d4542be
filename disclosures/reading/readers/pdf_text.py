"""The text of PDF pages, on PDFium; and whether the file is whole."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from disclosures.reading.grids import Glyph, PageGlyphs, PageText
from disclosures.reading.readers.base import Extraction, UnreadableError, with_true_sizes

#: Pages with fewer characters than this have no text layer worth the name (a page number at most).
MIN_PAGE_CHARS: Final = 8
# Scans are cut into strips by some machines, so a strip is enough.
_PICTURE_SHARE: Final = 0.1
_OUTLINES: Final = 400
# Points of paths: the shortest way around a cell is a rectangle, or lines of two points each.
_LEAST_RULING_POINTS: Final = 4
_PASSWORD_ERROR: Final = 4  # FPDF_ERR_PASSWORD
# Tail of a file after its end mark in which an object shows that more was to come.
_OBJECT: Final = re.compile(rb"\d+\s+\d+\s+obj\b")


@dataclass(frozen=True, slots=True)
class PdfTexts:
    """Texts of all pages; ``images`` are the pages that hold pictures but no text."""

    texts: tuple[PageText, ...]
    images: tuple[int, ...]


class PdfTextReader:
    """Page texts in the order in which the file draws them."""

    name: Final = "pypdfium2"
    version: Final = version("pypdfium2")
    stack: Final = "pdfium"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        read = self.read_pages(path, max_pages=None)
        return Extraction(texts=tuple(t for t in read.texts if pages is None or t.page in pages))

    def read_pages(
        self,
        path: Path,
        *,
        max_pages: int | None,
        on_page: Callable[[PageText], None] | None = None,
    ) -> PdfTexts:
        """Text of every page; ``on_page`` sees each as soon as it is there.

        Raises:
            UnreadableError: encrypted, damaged, or more than ``max_pages`` pages.
        """
        import pypdfium2

        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == _PASSWORD_ERROR:
                raise UnreadableError("文件设有密码，请向发布单位索取不加密的版本") from error
            raise UnreadableError(
                f"不是可读的 PDF（{error}），请重新下载或向发布单位索取"
            ) from error
        try:
            count = len(document)
            if count == 0:
                raise UnreadableError("PDF 没有任何一页，请重新下载")
            if max_pages is not None and count > max_pages:
                raise UnreadableError(f"共{count}页，超过上限{max_pages}页，放宽限制后可读")
            texts: list[PageText] = []
            images: list[int] = []
            for number in range(1, count + 1):
                try:
                    page = document[number - 1]
                    text = _clean(page.get_textpage().get_text_range())
                except pypdfium2.PdfiumError:
                    # A page that cannot be loaded is shown blank by viewers.
                    texts.append(PageText(number, ""))
                    images.append(number)
                    continue
                texts.append(PageText(number, text, _shift(page), _may_be_ruled(page)))
                if on_page is not None:
                    on_page(texts[-1])
                if len("".join(text.split())) < MIN_PAGE_CHARS and _has_pictures(page):
                    images.append(number)
                page.close()
            return PdfTexts(tuple(texts), tuple(images))
        finally:
            document.close()


def read_glyphs(path: Path, pages: Collection[int]) -> tuple[PageGlyphs, ...]:
    """The letters of these pages with their places.

    Raises:
        UnreadableError: the file cannot be opened.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(f"PDFium无法打开文件：{error}") from error
    try:
        found: list[PageGlyphs] = []
        for number in sorted(pages):
            try:
                page = document[number - 1]
                found.append(PageGlyphs(number, with_true_sizes(_glyphs(page))))
                page.close()
            except (pypdfium2.PdfiumError, IndexError):
                continue
        return tuple(found)
    finally:
        document.close()


def _glyphs(page: Any) -> list[Glyph]:
    import pypdfium2.raw as pdfium

    left, bottom, right, top = page.get_cropbox()
    turn = page.get_rotation()

    def shown(x: float, y: float) -> tuple[float, float]:
        match turn:
            case 90:
                return y - bottom, x - left
            case 180:
                return right - x, y - bottom
            case 270:
                return top - y, right - x
            case _:
                return x - left, top - y

    text = page.get_textpage()
    raw = text.raw
    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    glyphs: list[Glyph] = []
    for index in range(text.count_chars()):
        letter = chr(pdfium.FPDFText_GetUnicode(raw, index))
        if letter.isspace() or pdfium.FPDFText_IsGenerated(raw, index):
            continue
        if not pdfium.FPDFText_GetLooseCharBox(raw, index, box):
            continue
        pdfium.FPDFText_GetCharOrigin(raw, index, x, y)
        (x0, _), (x1, _) = shown(box.left, box.bottom), shown(box.right, box.top)
        size = float(pdfium.FPDFText_GetFontSize(raw, index))
        baseline = shown(x.value, y.value)[1]
        glyphs.append(Glyph(letter, min(x0, x1), max(x0, x1), baseline, size))
    text.close()
    return glyphs


def _clean(text: str) -> str:
    # PDFium marks a hyphen at a line's end with U+FFFE or U+0002.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)


# Device units a point: PDFium tells whole ones.
_PER_POINT: Final = 100


def _shift(page: Any) -> tuple[float, float]:
    """See :class:`PageText`: where the visible page begins, turned as it is displayed."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    x, y = ctypes.c_int(), ctypes.c_int()
    size = (round(width * _PER_POINT), round(height * _PER_POINT))
    if not pdfium.FPDF_PageToDevice(page, 0, 0, *size, 0, 0.0, 0.0, x, y):
        return (0.0, 0.0)
    turn = page.get_rotation()
    right = x.value / _PER_POINT - (width if turn in (180, 270) else 0.0)
    down = y.value / _PER_POINT - (height if turn in (0, 270) else 0.0)
    # A hair's breadth is rounding.
    return (0.0, 0.0) if abs(right) < 0.1 and abs(down) < 0.1 else (right, down)


def _may_be_ruled(page: Any) -> bool:
    """Whether anything is drawn on a page that could be the lines of a table: lines and areas, or
    a form XObject, whose contents are not looked into."""
    import pypdfium2.raw as pdfium

    raw = page.raw
    points = 0
    for index in range(pdfium.FPDFPage_CountObjects(raw)):
        item = pdfium.FPDFPage_GetObject(raw, index)
        match pdfium.FPDFPageObj_GetType(item):
            case pdfium.FPDF_PAGEOBJ_TEXT | pdfium.FPDF_PAGEOBJ_IMAGE:
                continue
            case pdfium.FPDF_PAGEOBJ_PATH:
                count = pdfium.FPDFPath_CountSegments(item)
                points += count if count >= 0 else _LEAST_RULING_POINTS
            case _:
                return True
        if points >= _LEAST_RULING_POINTS:
            return True
    return False


def _has_pictures(page: Any) -> bool:
    """Whether a page shows a picture of text: an image over a good part of it, or letters drawn
    as outlines. A logo, a stamp or the lines of an empty table do not count."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    outlines = 0
    kinds = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_PATH)
    for item in page.get_objects(filter=kinds, max_depth=3):
        if item.type == pdfium.FPDF_PAGEOBJ_PATH:
            outlines += 1
            continue
        left, bottom, right, top = item.get_bounds()
        if (right - left) * (top - bottom) >= width * height * _PICTURE_SHARE:
            return True
    return outlines >= _OUTLINES


def truncation(body: bytes) -> str | None:
    """Why a PDF is known to be cut, or None.

    Viewers repair cut files in silence and show fewer pages; a form on a lost page would then be
    reported as missing.
    """
    end = body.rfind(b"%%EOF")
    if end < 0:
        # A few producers leave the mark out, never the pointer before it.
        if re.search(rb"startxref\s+\d+\s*\Z", body[-64:]):
            return None
        return "文件不完整：缺少结尾，请重新下载"
    # Cut after the end mark of a linearized file's first section, or within an update.
    if _OBJECT.search(body, end):
        return "文件不完整：在最后一个结束标记之后中断，请重新下载"
    return None


def garbled(texts: Collection[PageText]) -> bool:
    """Whether the text layer is not text: fonts without a character map."""
    letters: Counter[str] = Counter()
    for page in texts:
        letters.update("".join(page.text.split()))
    odd = sum(
        count
        for letter, count in letters.items()
        if letter == "\ufffd" or unicodedata.category(letter) in ("Co", "Cn", "Cc", "Cs")
    )
    return odd > letters.total() * 0.3

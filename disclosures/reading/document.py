"""One document, whatever its format, into a :class:`Reading`."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from disclosures.amounts import MoneyUnit
from disclosures.forms import squeeze
from disclosures.model import (
    DocumentKind,
    Fact,
    FormReading,
    PerformanceFact,
    Reading,
    Statement,
    UnitList,
    part_key,
)
from disclosures.reading import READER_VERSION, page_pictures
from disclosures.reading.containers import CONTAINERS, members
from disclosures.reading.grammar import read_flattened
from disclosures.reading.grids import Grid, PageText, as_shown
from disclosures.reading.narrative import statements
from disclosures.reading.performance import (
    PerformanceRead,
    is_evaluation_page,
    is_performance_page,
    read_performance,
)
from disclosures.reading.performance_text import read_performance_text
from disclosures.reading.readers.base import Reader, UnreadableError
from disclosures.reading.recognise import recognise
from disclosures.reading.remarks import remarks, topics
from disclosures.reading.sniff import MediaType, decode_text, sniff
from disclosures.reading.splitting import Part, pages_of, parts, pieces, told, within
from disclosures.reading.storable import storable
from disclosures.reading.text import READER as TEXT_READER
from disclosures.reading.text import read_text_document, read_text_pages
from disclosures.reading.triage import Triage, classify
from disclosures.reading.units import units_of

if TYPE_CHECKING:
    from disclosures.reading.pdf import Begun
    from disclosures.reading.scans import ScanRead, SeenPages

OnScan = Callable[[int], None]
#: Seconds that recognising a page takes at worst.
PAGE_S: Final = 20.0

_UNSUPPORTED: Final = {
    MediaType.ENCRYPTED_OFFICE: "文件设有密码，请向发布单位索取不加密的版本",
    MediaType.XML: "未知格式的 XML 文件，请向发布单位索取 PDF 或 Excel 文件",
    MediaType.EMPTY: "空文件，请重新下载",
    MediaType.BINARY: "内容不是任何已知格式，请重新下载或向发布单位索取",
}
_MONEY: Final = frozenset(unit.value for unit in MoneyUnit)
#: Digits that a figure of a recognised sentence must have to be known again in the forms.
_TELLING: Final = 4
#: Letters on recognised pages, outside tables, above which a part of the narrative is among them.
_PROSE: Final = 200
#: Titles of so many of the nine forms stand in accounts, hardly ever in anything else.
_MANY_FORMS: Final = 5
_UNCONFIRMED: Final = "图像识别的数字，未得到报表数字的印证"
_WITH_PERFORMANCE: Final = (DocumentKind.FINAL_ACCOUNTS, DocumentKind.PERFORMANCE)


_Stated = TypeVar("_Stated", Statement, PerformanceFact)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the running text of these pages says."""

    texts: Sequence[PageText]
    statements: tuple[Statement, ...]
    units: UnitList | None

    @classmethod
    def of(cls, texts: Sequence[PageText]) -> _Said:
        return cls(texts, tuple(statements(texts)), units_of(texts))


@dataclass(slots=True)
class _Content:
    """What was got out of a file, besides what kind of document it is. ``recognised`` are the pages
    that are pictures, with the lines outside their tables and the confidence in each."""

    texts: Sequence[PageText]
    pages: int
    readers: dict[str, str]
    forms: tuple[FormReading, ...] = ()
    facts: tuple[Fact, ...] = ()
    performance: tuple[PerformanceFact, ...] = ()
    notes: list[str] = field(default_factory=list)
    recognised: dict[int, Sequence[tuple[str, float]]] = field(default_factory=dict)
    said: _Said | None = None

    def take_performance(self, read: PerformanceRead) -> None:
        self.performance = read.facts
        self.notes += read.notes

    def take(self, found: Iterable[tuple[FormReading, Sequence[Fact]]]) -> None:
        pairs = list(found)
        self.forms = tuple(form for form, _ in pairs)
        self.facts = tuple(fact for _, facts in pairs for fact in facts)


def read_document(
    path: Path,
    *,
    media_type: str | None = None,
    max_pages: int | None = None,
    max_bytes: int | None = None,
    on_scan: OnScan | None = None,
) -> Reading:
    """See :func:`disclosures.reading.read_document`.

    ``on_scan`` is told how many pages are about to be recognised, which takes seconds each.
    """
    started_s = time.perf_counter()
    reading = Reading("", MediaType.BINARY, DocumentKind.UNREADABLE)
    try:
        size = path.stat().st_size
        if max_bytes is not None and size > max_bytes:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            reading = replace(reading, sha256=digest)
            raise UnreadableError(f"文件共{size}字节，超过上限{max_bytes}字节")
        body = path.read_bytes()
        reading = replace(reading, sha256=hashlib.sha256(body).hexdigest())
        kind = sniff(body)
        reading = replace(reading, media_type=kind.value)
        reading = _read(path, body, kind, reading, max_pages, on_scan)
    except UnreadableError as error:
        reading = replace(reading, reason=str(error))
    except OSError as error:
        reading = replace(reading, reason=f"文件无法打开：{error.strerror or error}")
    except MemoryError:
        reading = replace(reading, reason="内存不足，未能读完")
    # The border between hostile files and everybody else: whatever a library raises on one of
    # them becomes this document's reason, and the night goes on.
    except Exception as error:
        reading = replace(
            reading,
            kind=DocumentKind.UNREADABLE,
            reason=f"读取失败（{type(error).__name__}: {error}），请把这个文件报告给维护人员"[:500],
        )
    notes = reading.notes
    if media_type and _differs(media_type, reading.media_type):
        notes = (f"网站称其为{media_type}，实为{reading.media_type}", *notes)
    seconds = round(time.perf_counter() - started_s, 3)
    return storable(replace(reading, notes=notes, seconds=seconds))


def warm_up(*, many: bool = False, reader_s: float | None = None) -> None:
    """Load the readers and start tabula's process before the first document comes.

    ``many`` says that more than a hundred are to come, for which its Java virtual machine then
    compiles longer; ``reader_s`` is how many seconds it may take for one.
    """
    from disclosures.reading import pdf

    pdf.warm_up(many=many, **({} if reader_s is None else {"reader_s": reader_s}))


def _read(
    path: Path,
    body: bytes,
    kind: MediaType,
    reading: Reading,
    max_pages: int | None,
    on_scan: OnScan | None,
) -> Reading:
    if kind in _UNSUPPORTED:
        raise UnreadableError(_UNSUPPORTED[kind])
    if kind in CONTAINERS:
        return _list_container(path, reading)
    if kind.is_image:
        return _read_image(path, reading, on_scan)
    if kind is MediaType.PDF:
        return _read_pdf(path, body, reading, max_pages, on_scan)
    if kind is MediaType.TEXT:
        return _read_plain_text(body, reading)
    return _read_exact(path, kind, reading)


def _list_container(path: Path, reading: Reading) -> Reading:
    """A container is no document; its members are read as documents of their own."""
    contents = members(path)
    names = [member.name for member in contents.members]
    shown = "、".join(names[:20]) + ("等" if len(names) > 20 else "")
    reason = f"压缩包，内有{len(names)}个文件，分别作为文件读取：{shown}"
    if not names:
        reason = "压缩包内没有可以读取的文件"
    return replace(
        reading,
        kind=DocumentKind.OTHER if names else DocumentKind.UNREADABLE,
        reason=reason,
        notes=tuple(contents.notes),
    )


def _read_pdf(
    path: Path, body: bytes, reading: Reading, max_pages: int | None, on_scan: OnScan | None
) -> Reading:
    from disclosures.reading import pdf, two_up
    from disclosures.reading.readers.pdf_streams import directory_damage, stream_damage
    from disclosures.reading.readers.pdf_text import PdfTextReader, garbled, truncation

    damage = truncation(body) or directory_damage(body) or stream_damage(path, body)
    if damage:
        raise UnreadableError(damage)
    reader = PdfTextReader()
    read = reader.read_pages(path, max_pages=max_pages, on_page=pdf.Expecting(path))
    content = _Content(read.texts, len(read.texts), {reader.name: reader.version})
    content.notes += filter(None, [page_pictures.told(body)])
    reading = replace(reading, pages=content.pages, readers=content.readers)
    written = [page for page in read.texts if page.text.strip()]
    if not written and not read.images:
        raise UnreadableError("各页都是空白，请重新下载")
    if doubles := two_up.two_up_pages(path, read.texts):
        with two_up.split_sheets(path, doubles) as split:
            if split is not None:
                apart = _read_pdf(split.path, split.path.read_bytes(), reading, None, on_scan)
                if not apart.further:
                    return split.back(apart)
    # A typed cover or covering letter does not make a scan readable.
    if 2 * len(read.images) > len(written):
        return _read_scanned_pdf(path, reading, content, read.images, on_scan)
    if garbled(read.texts):
        content.texts = ()
        content.notes.append("文字层是乱码（字体没有字符对照表），改用图像识别")
        everything = range(1, content.pages + 1)
        return _read_scanned_pdf(path, reading, content, everything, on_scan)
    several = parts(read.texts)
    begun = None if several else pdf.begin_forms(path, read.texts, least=_MANY_FORMS)
    triage = classify(read.texts, may_be_scan=False)
    if triage.kind is DocumentKind.FINAL_ACCOUNTS:

        def read_part(part: Part) -> _Content:
            own = replace(content, texts=tuple(within(read.texts, part)), notes=[*content.notes])
            images = [page for page in read.images if part.first <= page <= part.last]
            with pages_of(path, part) as cut:
                _read_pdf_forms(cut, own, images, on_scan)
            return own

        if several:
            return _read_parts(reading, triage, read.texts, several, read_part)
        _read_pdf_forms(path, content, read.images, on_scan, begun)
    elif triage.kind is DocumentKind.PERFORMANCE:
        # A form goes on over pages that show nothing of its headings.
        wanted = any(is_performance_page(text.text) for text in read.texts)
        pages = range(1, content.pages + 1)
        tables = pdf.read_tables(path, pages) if wanted else pdf.FormsRead()
        content.readers |= tables.readers
        content.notes += tables.notes
        content.take_performance(_performance(tables.grids, read.texts, strict=True))
    elif read.images:
        content.notes.append(f"第{_numbers(read.images)}页是图片，没有文字层，未作识别")
    blank = [t for t in read.texts if not t.text.strip() and t.page not in read.images]
    silent = triage.kind in (DocumentKind.FINAL_ACCOUNTS, DocumentKind.OTHER) and not content.facts
    if silent and 4 * len(blank) > content.pages:
        # A damaged page shows nothing, and nothing says so.
        raise UnreadableError(
            f"文件可能已损坏：{content.pages}页中有{len(blank)}页没有任何内容，也没有找到报表，"
            "请重新下载"
        )
    return _conclude(reading, content, triage)


def _read_pdf_forms(
    path: Path,
    content: _Content,
    images: Sequence[int],
    on_scan: OnScan | None,
    begun: Begun | None = None,
) -> None:
    """Forms and performance forms of the pages that ``content`` has the text of."""
    from disclosures.reading import pdf, two_up

    performance = PerformanceRead()

    def read_the_rest(grids: Sequence[Grid]) -> None:
        nonlocal performance
        performance = _performance(grids, content.texts, strict=True)
        content.said = _Said.of(content.texts)

    found = pdf.read_forms(path, content.texts, begun=begun, meanwhile=read_the_rest)
    content.forms, content.facts = found.forms, found.facts
    content.readers = content.readers | found.readers
    content.notes += found.notes
    content.take_performance(performance)
    if doubles := two_up.two_up_pages(path, content.texts):
        content.forms, content.facts = two_up.in_doubt(content.forms, content.facts, doubles)
        content.notes.append(f"第{_numbers(sorted(doubles))}页{two_up.IN_DOUBT}")
    if images:
        _add_scanned_pages(path, content, images, on_scan)


def _read_parts(
    reading: Reading,
    whole: Triage,
    texts: Sequence[PageText],
    several: Sequence[Part],
    read_part: Callable[[Part], _Content],
) -> Reading:
    """Each of several disclosures in one file by itself: facts of two must not be mixed."""
    readings: list[Reading] = []
    for number, part in enumerate(several, start=1):
        own = classify(within(texts, part), may_be_scan=False)
        own = replace(
            own,
            kind=whole.kind,
            reason=told(several, number),
            agency=part.agency or own.agency,
            # A part without a cover may leave to the file's what year it is.
            year=own.year or whole.year,
        )
        one = replace(
            reading,
            sha256=part_key(reading.sha256, number),
            part=number,
            part_of=reading.sha256,
            notes=(told(several, number),),
        )
        try:
            content = read_part(part)
        except UnreadableError as error:
            readings.append(replace(one, kind=DocumentKind.UNREADABLE, reason=str(error)))
            continue
        content.notes[:0] = one.notes
        readings.append(_conclude(one, content, own))
    first, *others = readings
    return replace(first, further=tuple(others))


def _read_scanned_pdf(
    path: Path,
    reading: Reading,
    content: _Content,
    pages: Sequence[int],
    on_scan: OnScan | None,
) -> Reading:
    """A PDF most of whose pages are pictures; ``content`` has the text of the others."""
    from disclosures.reading import pdf, scans

    scans.check_length(len(pages))
    if on_scan:
        on_scan(len(pages))
    written = {text.page: text for text in content.texts if text.text.strip()}
    seen = scans.recognise_pages(
        scans.pdf_pictures(path, pages), opening=not scans.names_accounts(written.values())
    )
    texts = {**{text.page: text for text in seen.texts}, **written}
    ordered = [texts[page] for page in sorted(texts, key=lambda page: page or 0)]

    def add_written(part: Part | None, own: _Content) -> None:
        mine = within(content.texts, part) if part else content.texts
        if any(text.page in written for text in mine):
            with pages_of(path, part) if part else nullcontext(path) as cut:
                found = pdf.read_forms(cut, mine)
            own.forms, own.facts = found.forms, found.facts
            own.readers = own.readers | found.readers
            own.notes += found.notes

    return _conclude_scan(reading, content, seen, ordered, add_written)


def _read_image(path: Path, reading: Reading, on_scan: OnScan | None) -> Reading:
    from disclosures.reading import scans

    pictures = scans.image_pictures(path)
    if on_scan:
        on_scan(scans.MAX_PAGES)
    seen = scans.recognise_pages(pictures)
    content = _Content((), len(seen.texts), {})
    return _conclude_scan(reading, content, seen, seen.texts)


def _conclude_scan(
    reading: Reading,
    content: _Content,
    seen: SeenPages,
    texts: Sequence[PageText],
    add_written: Callable[[Part | None, _Content], None] = lambda part, own: None,
) -> Reading:
    """Conclude from recognised pages; ``add_written`` adds the forms of pages with text."""
    triage = classify(texts)
    if triage.kind is DocumentKind.UNREADABLE:
        triage = replace(triage, reason="扫描件，没有文字层，图像识别也未得出文字")
    elif triage.kind is not DocumentKind.FINAL_ACCOUNTS:
        triage = replace(triage, reason=f"扫描件，没有文字层；经图像识别，{triage.reason}")
    content.notes.insert(0, "扫描件，没有文字层，内容由图像识别得出")

    def read_part(part: Part | None) -> _Content:
        own = replace(content, notes=[*content.notes])
        own.texts = tuple(within(texts, part) if part else texts)
        scan = seen.read({text.page for text in own.texts})
        own.readers = own.readers | scan.readers
        own.notes += scan.notes
        own.recognised = _recognised(seen, own.texts)
        if triage.kind is DocumentKind.FINAL_ACCOUNTS:
            add_written(part, own)
            _merge_scan(own, scan)
        if triage.kind in _WITH_PERFORMANCE:
            grids = [grid for grid in seen.firsts if grid.page in own.recognised]
            own.take_performance(_performance(grids, own.texts, strict=True))
        return own

    if triage.kind is DocumentKind.FINAL_ACCOUNTS and (several := parts(texts)):
        return _read_parts(reading, triage, texts, several, read_part)
    return _conclude(reading, read_part(None), triage)


def _add_scanned_pages(
    path: Path, content: _Content, pages: Sequence[int], on_scan: OnScan | None
) -> None:
    """What stands on pages that are pictures within a document that has text."""
    from disclosures.reading import scans

    if len(pages) > scans.MAX_PAGES:
        content.notes.append(f"第{_numbers(pages)}页是图片，数量超过识别上限，未作识别")
        return
    if on_scan:
        on_scan(len(pages))
    content.notes.append(f"第{_numbers(pages)}页是图片，没有文字层，由图像识别读取")
    seen = scans.recognise_pages(scans.pdf_pictures(path, pages), opening=False)
    scan = seen.read()
    content.readers = content.readers | scan.readers
    content.notes += scan.notes
    _merge_scan(content, scan)
    pictured = {text.page: text for text in seen.texts}
    content.texts = tuple(pictured.get(text.page, text) for text in content.texts)
    content.recognised = _recognised(seen, seen.texts)
    performed = _performance(seen.firsts, seen.texts, strict=True)
    content.performance = (*content.performance, *performed.facts)
    content.notes += performed.notes


def _recognised(
    seen: SeenPages, texts: Sequence[PageText]
) -> dict[int, Sequence[tuple[str, float]]]:
    pages = {text.page for text in texts}
    return {
        page: tuple((squeeze(line.text), line.score) for line in lines)
        for page, lines in seen.lines.items()
        if page in pages
    }


def _in_doubt(
    said: Sequence[Statement], performance: Sequence[PerformanceFact], content: _Content
) -> tuple[tuple[Statement, ...], tuple[PerformanceFact, ...]]:
    """Figures of recognised pages, agreed where a figure of the forms that is beyond doubt is the
    same, with the confidence in their line."""
    certain = {abs(fact.amount_wan) for fact in content.facts if fact.agreed and fact.amount_wan}

    def doubted(one: _Stated) -> _Stated:
        if one.page not in content.recognised:
            return one
        sure = _is_printed_in_forms(one, certain)
        shown = "" if one.value is None else str(one.value)
        scores = [
            score
            for line, score in content.recognised[one.page]
            if shown and shown in line.replace(",", "")
        ]
        notes = [f"图像识别，置信度{min(scores):.2f}" if scores else "图像识别"]
        notes += [] if sure else [_UNCONFIRMED]
        return replace(one, agreed=sure, note="；".join(notes))

    return tuple(doubted(one) for one in said), tuple(doubted(one) for one in performance)


def _is_printed_in_forms(one: Statement | PerformanceFact, certain: Collection[Decimal]) -> bool:
    if one.value is None or one.unit not in _MONEY:
        return False
    if len(str(one.value).replace(".", "").strip("-0")) < _TELLING:
        return False
    exponent = one.value.as_tuple().exponent
    assert isinstance(exponent, int)
    wan = MoneyUnit(one.unit).to_wan(abs(one.value))
    half = MoneyUnit(one.unit).to_wan(Decimal(5).scaleb(exponent - 1))
    return any(abs(wan - amount) <= half for amount in certain)


def _merge_scan(content: _Content, scan: ScanRead) -> None:
    """Take the forms of a scan that the text of the document does not have."""
    written = {fact.form for fact in content.facts}
    twice = sorted({fact.form for fact in scan.facts} & written)
    if twice:
        content.notes.append(f"图片中的表{'、'.join(twice)}与文字层中的表重复，未采用")
    new = [form for form in scan.forms if form.form not in written]
    names = {form.form for form in new}
    content.forms = (*(form for form in content.forms if form.form not in names), *new)
    content.facts = (*content.facts, *(f for f in scan.facts if f.form in names))


def _numbers(pages: Sequence[int]) -> str:
    return "、".join(map(str, pages))


def _performance(
    grids: Sequence[Grid], texts: Sequence[PageText], *, strict: bool = False
) -> PerformanceRead:
    """Performance forms among the tables; those without ruling lines, by their text.

    ``strict`` says that the lines of neighbouring cells may be mixed up in the text.
    """
    # An annex must not cost the accounts: what a library or we ourselves stumble over here is
    # noted, and everything else of the document stands.
    try:
        grids = [as_shown(grid) for grid in grids]
        if not grids and not strict:
            return read_performance_text(texts)
        read = read_performance(grids, texts)
        seen = {fact.page for fact in read.facts}
        if read.facts and None in seen:
            return read
        left = [text for text in texts if text.page not in seen and is_performance_page(text.text)]
        flat = read_performance_text(left, strict=strict) if left else PerformanceRead()
        seen |= {fact.page for fact in flat.facts}
        unread = [
            f"第{text.page}页有绩效自评表，未能读出"
            for text in left
            if text.page not in seen and is_evaluation_page(text.text)
        ]
        return PerformanceRead((*read.facts, *flat.facts), (*read.notes, *flat.notes, *unread))
    except Exception as error:
        return PerformanceRead((), (f"绩效表读取失败（{type(error).__name__}: {error}）"[:300],))


def _read_plain_text(body: bytes, reading: Reading) -> Reading:
    text = decode_text(body)
    if text is None:
        raise UnreadableError("文字编码无法识别，请另存为 UTF-8 后再读取")
    read = read_text_document(text)
    pages = max((page.page or 0 for page in read.pages), default=0)
    content = _Content(read.pages, pages, {TEXT_READER: READER_VERSION})
    triage = classify(read.pages, may_be_scan=False)
    if triage.kind is DocumentKind.FINAL_ACCOUNTS:

        def read_part(part: Part) -> _Content:
            own = replace(content, texts=tuple(within(read.pages, part)), notes=[*content.notes])
            own.take(read_text_pages(own.texts).forms)
            own.take_performance(_performance((), own.texts))
            return own

        if several := parts(read.pages):
            return _read_parts(reading, triage, read.pages, several, read_part)
        unpaged = all(page.page is None for page in read.pages)
        paged = pieces([(line, None) for page in read.pages for line in page.text.split("\n")])

        def read_piece(part: Part) -> _Content:
            own = replace(content, texts=(paged.text_of(part),), notes=[*content.notes])
            own.take(read_text_pages(own.texts).forms)
            own.take_performance(_performance((), own.texts))
            return own

        if unpaged and (several := parts(paged.pages)):
            several = tuple(replace(part, in_pieces=True) for part in several)
            return _read_parts(reading, triage, paged.pages, several, read_piece)
        content.take(read.forms)
    if triage.kind in _WITH_PERFORMANCE:
        content.take_performance(_performance((), content.texts))
    return _conclude(reading, content, triage)


def _read_exact(path: Path, kind: MediaType, reading: Reading) -> Reading:
    """Formats that store their tables: what is read is what was written."""
    reader = _exact_reader(kind)
    read = reader.read(path)
    count = max((text.page or 0 for text in read.texts), default=0)
    content = _Content(read.texts, count, {reader.name: reader.version}, notes=list(read.notes))
    triage = classify(read.texts, may_be_scan=False)
    if triage.kind is DocumentKind.UNREADABLE and kind is MediaType.HTML:
        triage = replace(triage, kind=DocumentKind.OTHER, reason="网页中没有文字")
    if triage.kind is DocumentKind.FINAL_ACCOUNTS:
        paged = pieces(read.blocks)

        def read_part(part: Part) -> _Content:
            own = replace(content, texts=(paged.text_of(part),), notes=[*content.notes])
            _take_exact(own, paged.grids_of(part))
            own.take_performance(_performance(paged.grids_of(part), own.texts))
            return own

        if several := parts(paged.pages):
            several = tuple(replace(part, in_pieces=True) for part in several)
            return _read_parts(reading, triage, paged.pages, several, read_part)
        _take_exact(content, read.grids)
    if triage.kind in _WITH_PERFORMANCE:
        content.take_performance(_performance(read.grids, read.texts))
    return _conclude(reading, content, triage)


def _take_exact(content: _Content, grids: Sequence[Grid]) -> None:
    content.take(recognise(grids, content.texts))
    if not content.facts:
        # Tables typed with blanks, or pasted without their cells.
        content.readers = {**content.readers, TEXT_READER: READER_VERSION}
        content.take(read_flattened(content.texts, reader=TEXT_READER, by_sums=True))


def _exact_reader(kind: MediaType) -> Reader:
    if kind.is_spreadsheet:
        from disclosures.reading.readers.calamine_reader import CalamineReader

        return CalamineReader()
    if kind is MediaType.DOCX:
        from disclosures.reading.readers.docx_reader import DocxReader

        return DocxReader()
    if kind is MediaType.OFD:
        from disclosures.reading.readers.ofd_reader import OfdReader

        return OfdReader()
    if kind in (MediaType.DOC, MediaType.RTF, MediaType.ODT):
        from disclosures.reading.readers.office_reader import OfficeReader

        return OfficeReader()
    if kind is MediaType.MHTML:
        from disclosures.reading.readers.mhtml_reader import MhtmlReader

        return MhtmlReader()
    from disclosures.reading.readers.html_reader import HtmlReader

    return HtmlReader()


def _conclude(reading: Reading, content: _Content, triage: Triage) -> Reading:
    final = triage.kind is DocumentKind.FINAL_ACCOUNTS
    # What is not said, and how it is worded, text alone tells for certain.
    written = [text for text in content.texts if text.page not in content.recognised]
    prose = sum(len(line) for lines in content.recognised.values() for line, _ in lines)
    said = content.said
    if final and (said is None or said.texts is not content.texts):
        said = _Said.of(content.texts)
    stated = said.statements if said else ()
    performance = content.performance
    if content.recognised:
        stated, performance = _in_doubt(stated, performance, content)
    units = said.units if said else None
    if final and len(written) != len(content.texts):
        units = units_of(written)
    return replace(
        reading,
        kind=triage.kind,
        reason=triage.reason,
        agency=triage.agency,
        year=triage.year,
        title=triage.title,
        unit=_common_unit(content.forms) or triage.unit,
        sections=triage.sections,
        pages=content.pages,
        forms=content.forms,
        facts=content.facts,
        statements=stated,
        topics=topics(content.texts) if final and prose < _PROSE else (),
        remarks=tuple(remarks(written, triage.year)) if final else (),
        units=units,
        performance=performance,
        readers=content.readers,
        notes=tuple(content.notes),
    )


def _common_unit(forms: Sequence[FormReading]) -> MoneyUnit | None:
    """The unit that most forms are printed in."""
    units = Counter(form.unit for form in forms)
    return units.most_common(1)[0][0] if units else None


def _differs(declared: str, actual: str) -> bool:
    plain = declared.partition(";")[0].strip().lower()
    return plain not in ("", "application/octet-stream", actual)

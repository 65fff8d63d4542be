"""One document, whatever its format, into a :class:`Reading`."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from disclosures.amounts import MoneyUnit
from disclosures.model import DocumentKind, Fact, FormReading, PerformanceFact, Reading
from disclosures.reading import READER_VERSION
from disclosures.reading.grammar import read_flattened
from disclosures.reading.grids import Grid, PageText
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
from disclosures.reading.sniff import MediaType, decode_text, sniff
from disclosures.reading.text import READER as TEXT_READER
from disclosures.reading.text import read_text_document
from disclosures.reading.triage import Triage, classify

_UNSUPPORTED: Final = {
    MediaType.DOC: "Word 97 document; save it as .docx or PDF to have it read",
    MediaType.RTF: "RTF document; save it as .docx or PDF to have it read",
    MediaType.MHTML: "web archive; save it as .docx or PDF to have it read",
    MediaType.ENCRYPTED_OFFICE: "encrypted with a password; ask the publisher for a copy without",
    MediaType.OFD: "OFD document; convert it to PDF to have it read",
    MediaType.ZIP: "ZIP archive; unpack it and read its members",
    MediaType.RAR: "RAR archive; unpack it and read its members",
    MediaType.SEVEN_ZIP: "7z archive; unpack it and read its members",
    MediaType.GZIP: "gzip archive; unpack it and read its content",
    MediaType.XML: "XML document of no known format; ask the publisher for a PDF or Excel file",
    MediaType.EMPTY: "empty file; download it again",
    MediaType.BINARY: "content of no known format; download it again or ask the publisher for it",
}
_WITH_PERFORMANCE: Final = (DocumentKind.FINAL_ACCOUNTS, DocumentKind.PERFORMANCE)
_SCAN: Final = "scanned, no text layer; it needs character recognition"


@dataclass(slots=True)
class _Content:
    """What was got out of a file, besides what kind of document it is."""

    texts: Sequence[PageText]
    pages: int
    readers: dict[str, str]
    forms: tuple[FormReading, ...] = ()
    facts: tuple[Fact, ...] = ()
    performance: tuple[PerformanceFact, ...] = ()
    notes: list[str] = field(default_factory=list)

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
) -> Reading:
    """See :func:`disclosures.reading.read_document`."""
    started_s = time.perf_counter()
    reading = Reading("", MediaType.BINARY, DocumentKind.UNREADABLE)
    try:
        size = path.stat().st_size
        if max_bytes is not None and size > max_bytes:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            reading = replace(reading, sha256=digest)
            raise UnreadableError(f"{size} bytes, more than the limit of {max_bytes}")
        body = path.read_bytes()
        reading = replace(reading, sha256=hashlib.sha256(body).hexdigest())
        kind = sniff(body)
        reading = replace(reading, media_type=kind.value)
        reading = _read(path, body, kind, reading, max_pages)
    except UnreadableError as error:
        reading = replace(reading, reason=str(error))
    except OSError as error:
        reading = replace(reading, reason=f"the file cannot be opened: {error.strerror or error}")
    except MemoryError:
        reading = replace(reading, reason="reading it takes more memory than there is")
    # The border between hostile files and everybody else: whatever a library raises on one of
    # them becomes this document's reason, and the night goes on.
    except Exception as error:
        reading = replace(
            reading,
            kind=DocumentKind.UNREADABLE,
            reason=f"reading failed ({type(error).__name__}: {error}); please report this file"[
                :500
            ],
        )
    notes = reading.notes
    if media_type and _differs(media_type, reading.media_type):
        notes = (f"declared as {media_type}, is {reading.media_type}", *notes)
    return replace(reading, notes=notes, seconds=round(time.perf_counter() - started_s, 3))


def warm_up() -> None:
    """Load the readers and start the Java virtual machine before the first document comes."""
    from disclosures.reading import pdf

    pdf.warm_up()


def _read(
    path: Path, body: bytes, kind: MediaType, reading: Reading, max_pages: int | None
) -> Reading:
    if kind in _UNSUPPORTED:
        raise UnreadableError(_UNSUPPORTED[kind])
    if kind.is_image:
        raise UnreadableError(f"a picture; {_SCAN}")
    if kind is MediaType.PDF:
        return _read_pdf(path, body, reading, max_pages)
    if kind is MediaType.TEXT:
        return _read_plain_text(body, reading)
    return _read_exact(path, kind, reading)


def _read_pdf(path: Path, body: bytes, reading: Reading, max_pages: int | None) -> Reading:
    from disclosures.reading import pdf
    from disclosures.reading.readers.pdf_text import PdfTextReader, garbled, truncation

    cut = truncation(body)
    if cut:
        raise UnreadableError(cut)
    reader = PdfTextReader()
    read = reader.read_pages(path, max_pages=max_pages)
    content = _Content(read.texts, len(read.texts), {reader.name: reader.version})
    reading = replace(reading, pages=content.pages, readers=content.readers)
    if read.images:
        numbers = ", ".join(map(str, read.images))
        content.notes.append(f"pages without text, pictures only: {numbers}")
    # A typed cover or covering letter does not make a scan readable.
    if 2 * len(read.images) > sum(bool(page.text.strip()) for page in read.texts):
        return replace(reading, reason=_SCAN, notes=tuple(content.notes))
    if not any(page.text.strip() for page in read.texts):
        raise UnreadableError("all pages are blank; download it again")
    if garbled(read.texts):
        raise UnreadableError(
            "the text layer is garbled (fonts without a character map); it needs character "
            "recognition"
        )
    triage = classify(read.texts, may_be_scan=False)
    if triage.kind is DocumentKind.FINAL_ACCOUNTS:
        found = pdf.read_forms(path, read.texts)
        content.forms, content.facts = found.forms, found.facts
        content.readers |= found.readers
        content.notes += found.notes
        content.take_performance(_performance(found.grids, read.texts))
    elif triage.kind is DocumentKind.PERFORMANCE:
        pages = {t.page for t in read.texts if t.page and is_performance_page(t.text)}
        tables = pdf.read_tables(path, pages) if pages else pdf.FormsRead()
        content.readers |= tables.readers
        content.notes += tables.notes
        content.take_performance(_performance(tables.grids, read.texts))
    blank = [t for t in read.texts if not t.text.strip() and t.page not in read.images]
    silent = triage.kind in (DocumentKind.FINAL_ACCOUNTS, DocumentKind.OTHER) and not content.facts
    if silent and 4 * len(blank) > content.pages:
        # A damaged page shows nothing, and nothing says so.
        raise UnreadableError(
            f"damaged: {len(blank)} of {content.pages} pages show nothing and no form was "
            "found; download it again"
        )
    return _conclude(reading, content, triage)


def _performance(grids: Sequence[Grid], texts: Sequence[PageText]) -> PerformanceRead:
    """Performance forms among the tables; those without ruling lines, by their text."""
    # An annex must not cost the accounts: what a library or we ourselves stumble over here is
    # noted, and everything else of the document stands.
    try:
        if not grids:
            return read_performance_text(texts)
        read = read_performance(grids, texts)
        seen = {fact.page for fact in read.facts}
        if read.facts and None in seen:
            return read
        left = [text for text in texts if text.page not in seen and is_performance_page(text.text)]
        flat = read_performance_text(left, strict=True) if left else PerformanceRead()
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
        raise UnreadableError("text in no known encoding; save it as UTF-8")
    read = read_text_document(text)
    pages = max((page.page or 0 for page in read.pages), default=0)
    content = _Content(read.pages, pages, {TEXT_READER: READER_VERSION})
    triage = classify(read.pages, may_be_scan=False)
    if triage.kind is DocumentKind.FINAL_ACCOUNTS:
        content.take(read.forms)
    if triage.kind in _WITH_PERFORMANCE:
        content.take_performance(_performance((), read.pages))
    return _conclude(reading, content, triage)


def _read_exact(path: Path, kind: MediaType, reading: Reading) -> Reading:
    """Formats that store their tables: what is read is what was written."""
    reader = _exact_reader(kind)
    read = reader.read(path)
    content = _Content(read.texts, 0, {reader.name: reader.version}, notes=list(read.notes))
    triage = classify(read.texts, may_be_scan=False)
    if triage.kind is DocumentKind.UNREADABLE and kind is MediaType.HTML:
        triage = replace(triage, kind=DocumentKind.OTHER, reason="a web page without text")
    if triage.kind is DocumentKind.FINAL_ACCOUNTS:
        content.take(recognise(read.grids, read.texts))
        if not content.facts:
            # Tables typed with blanks, or pasted without their cells.
            content.readers[TEXT_READER] = READER_VERSION
            content.take(read_flattened(read.texts, reader=TEXT_READER))
    if triage.kind in _WITH_PERFORMANCE:
        content.take_performance(_performance(read.grids, read.texts))
    return _conclude(reading, content, triage)


def _exact_reader(kind: MediaType) -> Reader:
    if kind.is_spreadsheet:
        from disclosures.reading.readers.calamine_reader import CalamineReader

        return CalamineReader()
    if kind is MediaType.DOCX:
        from disclosures.reading.readers.docx_reader import DocxReader

        return DocxReader()
    from disclosures.reading.readers.html_reader import HtmlReader

    return HtmlReader()


def _conclude(reading: Reading, content: _Content, triage: Triage) -> Reading:
    final = triage.kind is DocumentKind.FINAL_ACCOUNTS
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
        statements=tuple(statements(content.texts)) if final else (),
        performance=content.performance,
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

"""PDFs into forms: two table readers, a third for what they dispute, then the text grammar."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from disclosures.model import Fact, FormReading
from disclosures.reading.agreement import Agreement, Method, Witness, agree, agree_forms
from disclosures.reading.grammar import read_flattened
from disclosures.reading.grids import Grid, PageText
from disclosures.reading.readers.base import Reader, UnreadableError
from disclosures.reading.readers.pdfplumber_reader import PdfplumberReader
from disclosures.reading.readers.tablers_reader import TablersReader
from disclosures.reading.readers.tabula_reader import TabulaReader
from disclosures.reading.recognise import recognise
from disclosures.reading.titles import find_titles

_MONEY: Final = re.compile(r"\d\.\d{2}(?!\d)")
# A page of a form without ruling lines still shows this many amounts.
_DENSE: Final = 12

_TABLERS: Final[Reader] = TablersReader()
_TABULA: Final = TabulaReader()
_TABLERS_ALIGNED: Final[Reader] = TablersReader(aligned=True)
_TABULA_ALIGNED: Final[Reader] = TabulaReader(aligned=True)
_PDFPLUMBER: Final[Reader] = PdfplumberReader()


@dataclass(slots=True)
class FormsRead:
    """Forms and facts of a document, who read them, and what auditors should know of it.

    ``grids`` are all tables of all pages, as the first reader saw them.
    """

    forms: tuple[FormReading, ...] = ()
    facts: tuple[Fact, ...] = ()
    readers: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    grids: tuple[Grid, ...] = ()


def read_forms(path: Path, texts: Sequence[PageText]) -> FormsRead:
    """Read the forms of a PDF whose page texts are known."""
    read = FormsRead()
    witnesses: list[Witness] = []

    first = _testify(_TABLERS, path, None, texts, read)
    witnesses.append(first)
    pages = form_pages(texts, first.forms)
    if pages:
        witnesses.append(_testify(_TABULA, path, pages, texts, read))
    result = agree(witnesses)
    open_facts = result.open_facts
    _note_blindness(witnesses, read)
    if open_facts:
        before = len(open_facts)
        pages = _pages_of({fact.form for fact in open_facts}, witnesses)
        witnesses.append(_testify(_PDFPLUMBER, path, pages, texts, read))
        result = agree(witnesses)
        open_facts = result.open_facts
        read.notes.append(f"{before}个有分歧的数字中，{before - len(open_facts)}个由pdfplumber确定")
    unread = _titled_forms(texts) - {form.form for w in witnesses for form in w.forms}
    if open_facts or unread:
        wanted = {fact.form for fact in open_facts} | unread
        witnesses += _without_lines(path, texts, wanted, unread, read)
        result = agree(witnesses)
    read.facts = result.facts
    # Without ruling lines nothing shows that a row is missing, but what is open or set aside.
    doubtful = unread & (result.dropped_forms | {fact.form for fact in result.open_facts})
    read.forms = tuple(
        replace(form, complete=form.complete and form.form not in doubtful)
        for form in agree_forms(witnesses)
    )
    _note_undecided(result, read)
    return read


def read_tables(path: Path, pages: Collection[int]) -> FormsRead:
    """The tables of these pages as the first reader sees them, and who that is."""
    read = FormsRead(readers={_TABLERS.name: _TABLERS.version})
    try:
        extraction = _TABLERS.read(path, pages)
    except UnreadableError as error:
        read.notes.append(str(error))
    else:
        read.grids = extraction.grids
        read.notes += extraction.notes
    return read


def _without_lines(
    path: Path,
    texts: Sequence[PageText],
    wanted: Collection[str],
    unread: Collection[str],
    read: FormsRead,
) -> list[Witness]:
    """What the words alone say of the ``wanted`` forms: by grammar, and, for the ``unread``
    forms, which have a title but no ruled table, by alignment; each on both stacks."""
    first = _testify_by_text("text", texts, wanted, read)
    if not first.facts:
        return []
    witnesses = [first]
    try:
        others = _TABULA.read_texts(path, len(texts))
        witnesses.append(_testify_by_text("text-pdfbox", others, wanted, read))
    except UnreadableError as error:
        read.notes.append(str(error))
    pages = {page for form in first.forms if form.form in unread for page in form.pages}
    if pages:
        witnesses += [
            _only(unread, _testify(reader, path, pages, texts, read, Method.ALIGNED))
            for reader in (_TABLERS_ALIGNED, _TABULA_ALIGNED)
        ]
    return witnesses


def _only(forms: Collection[str], witness: Witness) -> Witness:
    return replace(
        witness,
        forms=tuple(form for form in witness.forms if form.form in forms),
        facts=tuple(fact for fact in witness.facts if fact.form in forms),
    )


def warm_up() -> None:
    """Start the Java virtual machine; a failure shows again, with a note, at the first file."""
    with contextlib.suppress(UnreadableError):
        _TABULA.start()


def form_pages(texts: Sequence[PageText], found: Iterable[FormReading]) -> set[int]:
    """Pages that hold forms: where one was found, where a title stands, and the pages full of
    amounts that follow."""
    pages = {page for form in found for page in form.pages}
    open_form = False
    for text in texts:
        if text.page is None:
            continue
        titled = any(title.form for title in find_titles(text.text)[1])
        dense = len(_MONEY.findall(text.text)) >= _DENSE
        if titled or text.page in pages or (open_form and dense):
            pages.add(text.page)
            open_form = True
        else:
            open_form = False
    return pages


def _titled_forms(texts: Sequence[PageText]) -> set[str]:
    return {title.form for text in texts for title in find_titles(text.text)[1] if title.form}


def _testify(
    reader: Reader,
    path: Path,
    pages: Collection[int] | None,
    texts: Sequence[PageText],
    read: FormsRead,
    method: Method = Method.RULED,
) -> Witness:
    """What one reader's tables say; nothing, with a note, when the reader fails."""
    read.readers[reader.name] = reader.version
    grids: tuple[Grid, ...] = ()
    try:
        extraction = reader.read(path, pages)
        grids = extraction.grids
        if pages is None:
            read.grids = grids
        read.notes += extraction.notes
    except UnreadableError as error:
        read.notes.append(str(error))
    return _witness(reader.name, recognise(grids, texts) if grids else [], method)


def _testify_by_text(
    name: str, texts: Sequence[PageText], forms: Collection[str], read: FormsRead
) -> Witness:
    from disclosures.reading import READER_VERSION

    read.readers[name] = READER_VERSION
    found = read_flattened(texts, reader=name)
    return _witness(name, [item for item in found if item[0].form in forms], Method.GRAMMAR)


def _witness(
    name: str, found: Sequence[tuple[FormReading, Sequence[Fact]]], method: Method
) -> Witness:
    return Witness(
        name,
        tuple(form for form, _ in found),
        tuple(fact for _, facts in found for fact in facts),
        method,
    )


def _pages_of(forms: Collection[str], witnesses: Sequence[Witness]) -> set[int]:
    """All pages of these forms: a continuation page is understood from its first page."""
    return {
        page
        for witness in witnesses
        for form in witness.forms
        if form.form in forms
        for page in form.pages
    }


def _note_blindness(witnesses: Sequence[Witness], read: FormsRead) -> None:
    """Tell when one of the two readers saw next to nothing (tabula on CFF fonts)."""
    counts = {witness.reader: len(witness.facts) for witness in witnesses}
    most = max(counts.values(), default=0)
    read.notes += [
        f"{reader}只读到{most}个数字中的{count}个，不能读取本文件的字体或表线"
        for reader, count in counts.items()
        if count < most / 2
    ]


def _note_undecided(result: Agreement, read: FormsRead) -> None:
    read.notes += result.dropped
    undecided = Counter(fact.form for fact in result.facts if not fact.agreed)
    read.notes += [
        f"表{form}：{count}个数字各读取方式结果不一" for form, count in sorted(undecided.items())
    ]

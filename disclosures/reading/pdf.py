"""PDFs into forms: two table readers, a third for what they dispute, then the text grammar."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from disclosures.model import Fact, FormReading
from disclosures.reading import at_work
from disclosures.reading.agreement import Agreement, Method, Witness, agree, agree_forms
from disclosures.reading.grammar import read_flattened
from disclosures.reading.grids import Grid, PageGlyphs, PageText
from disclosures.reading.positions import pages_with_tables, read_positions
from disclosures.reading.readers.base import Extraction, Reader, UnreadableError, moved
from disclosures.reading.readers.pdf_text import read_glyphs
from disclosures.reading.readers.pdfplumber_reader import PdfplumberReader
from disclosures.reading.readers.tablers_reader import TablersReader
from disclosures.reading.readers.tabula_process import LIMIT_S, Pending, TabulaProcess
from disclosures.reading.recognise import recognise
from disclosures.reading.sums import unproven, violated
from disclosures.reading.titles import find_titles

_MONEY: Final = re.compile(r"\d\.\d{2}(?!\d)")
_PLACED: Final = frozenset({"words", "words-pdfbox"})
#: Why a figure whose column its place alone tells is not agreed, as its note.
UNPROVEN: Final = "无表线，所在行合计不符，列位未能证实"
# A page of a form without ruling lines still shows this many amounts.
_DENSE: Final = 12

#: The cover and the contents, one of which names what the document is.
_FIRST_PAGES: Final = 3

_TABLERS: Final[Reader] = TablersReader()
_TABULA: Final = TabulaProcess()
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


@dataclass(slots=True)
class Expecting:
    """Looks at the first pages of a PDF as their text comes, and has the second reader open the
    file if they speak of final accounts."""

    path: Path
    begun: bool = False

    def __call__(self, page: PageText) -> None:
        if self.begun or page.page is None or page.page > _FIRST_PAGES:
            return
        if "决算" in "".join(page.text.split()):
            self.begun = True
            _TABULA.prepare(self.path)


@dataclass(frozen=True, slots=True)
class Begun:
    """Pages that the second reader is at."""

    pages: frozenset[int]
    pending: Pending


def begin_forms(path: Path, texts: Sequence[PageText], *, least: int = 1) -> Begun | None:
    """Have the second reader begin with the pages that show titles of forms, if ``least`` of the
    nine are among them: it takes longer than everything else, which goes on meanwhile."""
    if len(_titled_forms(texts)) < least:
        return None
    ruled = {text.page for text in texts if text.page is not None and text.ruled}
    pages = frozenset(form_pages(texts, ()) & ruled)
    return Begun(pages, _TABULA.begin(path, pages)) if pages else None


def read_forms(
    path: Path,
    texts: Sequence[PageText],
    *,
    begun: Begun | None = None,
    meanwhile: Callable[[Sequence[Grid]], None] | None = None,
) -> FormsRead:
    """Read the forms of a PDF whose page texts are known.

    ``begun`` is what the second reader has begun with already, by :func:`begin_forms`;
    ``meanwhile`` is called once, with the tables that the first reader saw, while the second is at
    work.
    """
    read = FormsRead()
    witnesses: list[Witness] = []

    # Letters alone (the list of contents, the narrative) are no table to the second reader either.
    ruled = {text.page for text in texts if text.page is not None and text.ruled}
    begun = begun or begin_forms(path, texts)
    first = _testify(_TABLERS, lambda: _TABLERS.read(path, ruled), texts, read, keep=True)
    witnesses.append(first)
    pages = form_pages(texts, first.forms) & ruled
    parts = [begun] if begun else []
    if missing := pages - (begun.pages if begun else frozenset()):
        parts.append(Begun(frozenset(missing), _TABULA.begin(path, missing)))
    if meanwhile is not None:
        meanwhile(read.grids)
    if pages:
        witnesses.append(_testify(_TABULA, lambda: _joined(parts), texts, read))
    result = agree(witnesses)
    open_facts = result.open_facts
    _note_blindness(witnesses, read)
    # Sums that do not hold are misread or wrong; a third pair of eyes looks before anyone is told.
    broken = violated(result.facts)
    if open_facts or broken:
        before = len(open_facts)
        pages = _pages_of({fact.form for fact in open_facts} | broken, witnesses)
        witnesses.append(_testify(_PDFPLUMBER, lambda: _PDFPLUMBER.read(path, pages), texts, read))
        result = agree(witnesses)
        open_facts = result.open_facts
        if before:
            settled = before - len(open_facts)
            read.notes.append(f"{before}个有分歧的数字中，{settled}个由pdfplumber确定")
        if broken:
            read.notes.append(_reread(broken, result.facts))
    whole = {form.form for w in witnesses for form in w.forms if form.complete}
    # A form without a table is empty by its note, unless figures stand below its title.
    seen = {fact.form for witness in witnesses for fact in witness.facts}
    unread = (_titled_forms(texts) - whole) | _with_figures(texts, whole - seen)
    doubtful: set[str] = set()
    if open_facts or unread:
        wanted = {fact.form for fact in open_facts} | unread
        placed, doubtful = _by_places(path, texts, wanted, read)
        witnesses += placed
        witnesses += _by_grammar(texts, path, wanted, placed, doubtful, read)
        result = agree(witnesses)
    read.facts = _proven(result.facts)
    # Without ruling lines nothing shows that a row is missing, but what is open or set aside.
    doubtful |= unread & (
        result.dropped_forms | {fact.form for fact in read.facts if not fact.agreed}
    )
    read.forms = tuple(
        replace(form, complete=form.complete and form.form not in doubtful)
        for form in agree_forms(witnesses)
    )
    _note_undecided(result, read)
    return read


def _reread(forms: Collection[str], facts: Sequence[Fact]) -> str:
    """What rereading forms whose sums do not hold has shown."""
    other = sum(
        fact.form in forms and any(name == _PDFPLUMBER.name for name, _ in fact.seen)
        for fact in facts
    )
    told = f"其中{other}个数字读数不同" if other else "各数字读数相同"
    return f"表{'、'.join(sorted(forms))}有合计不等于各项之和，已由pdfplumber复读，{told}"


def read_tables(path: Path, pages: Collection[int]) -> FormsRead:
    """The tables of these pages as the first reader sees them, and who that is."""
    read = FormsRead(readers={_TABLERS.name: _TABLERS.version})
    try:
        with at_work.reader(_TABLERS.name):
            extraction = _TABLERS.read(path, pages)
    except UnreadableError as error:
        read.notes.append(str(error))
    else:
        read.grids = extraction.grids
        read.notes += extraction.notes
    return read


def _by_places(
    path: Path, texts: Sequence[PageText], wanted: Collection[str], read: FormsRead
) -> tuple[list[Witness], set[str]]:
    """What the places of words say of the ``wanted`` forms, on both stacks; and the forms some
    figures of which found no place."""
    from disclosures.reading import READER_VERSION

    pages = pages_with_tables(texts, wanted)
    witnesses: list[Witness] = []
    doubtful: set[str] = set()
    if not pages:
        return witnesses, doubtful
    sources: tuple[tuple[str, Callable[[Path, Collection[int]], tuple[PageGlyphs, ...]]], ...]
    sources = (("words", read_glyphs), ("words-pdfbox", _TABULA.read_glyphs))
    for name, source in sources:
        read.readers[name] = READER_VERSION
        try:
            glyphs = source(path, pages)
        except UnreadableError as error:
            read.notes.append(str(error))
            continue
        placed = read_positions(glyphs, wanted, reader=name)
        witnesses.append(_witness(name, placed.found, Method.PLACED))
        doubtful |= placed.doubtful
    return witnesses, doubtful


def _by_grammar(
    texts: Sequence[PageText],
    path: Path,
    wanted: Collection[str],
    placed: Sequence[Witness],
    doubtful: set[str],
    read: FormsRead,
) -> list[Witness]:
    """What the order of words says of the ``wanted`` forms, on both stacks.

    Where places gave the whole form, order neither adds rows (the tail of a wrapped name reads
    like one) nor goes unheard: a figure that places did not see makes the form ``doubtful``.
    """
    first = _testify_by_text("text", texts, wanted, read)
    if not first.facts:
        return []
    witnesses = [first]
    try:
        others = _TABULA.read_texts(path, max((text.page or 0 for text in texts), default=0))
        witnesses.append(_testify_by_text("text-pdfbox", others, wanted, read))
    except UnreadableError as error:
        read.notes.append(str(error))
    whole = [{form.form for form in witness.forms if form.complete} for witness in placed]
    sure = set.intersection(*whole) if len(whole) > 1 else set()
    keys = {fact.key for witness in placed for fact in witness.facts}
    figures = {(f.form, f.text) for witness in placed for f in witness.facts}
    kept: list[Witness] = []
    for witness in witnesses:
        extra = [f for f in witness.facts if f.form in sure and f.key not in keys]
        doubtful |= {f.form for f in extra if f.amount_wan and (f.form, f.text) not in figures}
        left = tuple(f for f in witness.facts if f.form not in sure or f.key in keys)
        kept.append(replace(witness, facts=left))
    return kept


def _proven(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Facts, without agreement where places alone chose the columns and the row's sum fails."""
    by_places = {fact.key for fact in facts if fact.readers and set(fact.readers) <= _PLACED}
    open_keys = unproven(facts) & by_places
    return tuple(
        replace(fact, agreed=False, note="; ".join(filter(None, (fact.note, UNPROVEN))))
        if fact.agreed and fact.key in open_keys
        else fact
        for fact in facts
    )


def warm_up(*, many: bool, reader_s: float = LIMIT_S) -> None:
    """Start tabula's process, for few documents or for ``many``, each of which it may take
    ``reader_s`` seconds for; a failure shows again, with a note, at the first file."""
    with contextlib.suppress(UnreadableError):
        _TABULA.start(many=many, limit_s=reader_s)


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


def _with_figures(texts: Sequence[PageText], wanted: Collection[str]) -> set[str]:
    """The ``wanted`` forms below whose titles amounts are printed."""
    found: set[str] = set()
    for page in texts if wanted else ():
        squeezed, titles = find_titles(page.text)
        stops = [*(title.start for title in titles[1:]), len(squeezed)]
        for title, stop in zip(titles, stops, strict=False):
            form = title.form
            if form and form in wanted and _MONEY.search(squeezed, title.end, stop):
                found.add(form)
    return found


def _titled_forms(texts: Sequence[PageText]) -> set[str]:
    return {title.form for text in texts for title in find_titles(text.text)[1] if title.form}


def _joined(parts: Sequence[Begun]) -> Extraction:
    """What the second reader saw, in the order of the pages.

    Raises:
        UnreadableError: it saw nothing of some pages.
    """
    found: list[Extraction] = [part.pending.result() for part in parts]
    grids = sorted((grid for one in found for grid in one.grids), key=lambda grid: grid.page or 0)
    return Extraction(grids=tuple(grids), notes=tuple(note for one in found for note in one.notes))


def _testify(
    reader: Reader,
    extract: Callable[[], Extraction],
    texts: Sequence[PageText],
    read: FormsRead,
    *,
    keep: bool = False,
) -> Witness:
    """What the tables say that ``extract`` yields; nothing, with a note, when the reader fails.

    ``keep`` leaves the tables in ``read``.
    """
    read.readers[reader.name] = reader.version
    grids: tuple[Grid, ...] = ()
    try:
        with at_work.reader(reader.name):
            extraction = extract()
        grids = extraction.grids
        if reader.stack == _TABLERS.stack:
            # It tells no page's origin; the others measure from the visible page themselves.
            shifts = {text.page: text.shift for text in texts if any(text.shift)}
            grids = tuple(
                moved(grid, *shifts[grid.page]) if grid.page in shifts else grid for grid in grids
            )
        if keep:
            read.grids = grids
        read.notes += extraction.notes
    except UnreadableError as error:
        read.notes.append(str(error))
    return _witness(reader.name, recognise(grids, texts) if grids else [], Method.RULED)


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
    undecided = Counter(fact.form for fact in read.facts if not fact.agreed)
    read.notes += [
        f"表{form}：{count}个数字各读取方式结果不一" for form, count in sorted(undecided.items())
    ]

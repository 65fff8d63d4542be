"""What reading a document yields. All types are plain, frozen and picklable."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from disclosures.amounts import CellState, MoneyUnit

#: ``(x0, top, x1, bottom)`` in points, origin at the top left of the page.
Box = tuple[float, float, float, float]


class DocumentKind(StrEnum):
    """What a document turned out to be, by its content."""

    FINAL_ACCOUNTS = "final_accounts"
    BUDGET = "budget"
    PERFORMANCE = "performance"
    OTHER = "other"
    UNREADABLE = "unreadable"


class Side(StrEnum):
    """Half of a two-sided form (01 and 04)."""

    INCOME = "income"
    EXPENSE = "expense"


@dataclass(frozen=True, slots=True)
class Fact:
    """One cell of a form.

    ``row`` is the canonical key of the line (``income_total``, ``opening_balance``, …), the
    class code for expense classes in 01 and 04, the printed code in coded forms, ``total`` for
    合计, ``only`` in 09, or ``line_N`` for a numbered line without a name. ``(form, side, row,
    column)`` is unique within a reading.

    ``amount_wan`` is None when the cell is blank or unreadable. ``decimals`` are those printed,
    in the printed ``unit``. ``page`` counts from 1 and is None where a format has no pages.
    ``seen`` holds what other readers saw instead, as (reader, text).
    ``agreed`` says that two independent readers (or a format with only one exact source, such
    as a spreadsheet) gave this value; where it is False the figure is suspect.
    """

    form: str
    side: Side | None
    row: str
    line: str | None
    code: str | None
    name: str
    column: str
    amount_wan: Decimal | None
    text: str
    decimals: int | None
    state: CellState = CellState.READ
    unit: MoneyUnit = MoneyUnit.WAN
    page: int | None = None
    bbox: Box | None = None
    readers: tuple[str, ...] = ()
    agreed: bool = True
    note: str | None = None
    seen: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.form, self.side.value if self.side else "", self.row, self.column)


@dataclass(frozen=True, slots=True)
class FormReading:
    """One form as found: where, and whether it is declared empty by its own note."""

    form: str
    title: str
    pages: tuple[int, ...]
    unit: MoneyUnit
    variant: str
    declared_empty: bool = False
    complete: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One number of the narrative, or the word that stands for one.

    ``measure`` is one of ``amount share change_amount change_pct completion budget_initial
    budget_full variance_pct adjustment_rate count score score_floor compare none``. ``value`` is
    in ``unit`` as printed; ``compare`` ("与上年持平") and ``none`` ("没有政府性基金收支") have
    none, and ``direction`` is their word (持平, 存在差异, 大于, 小于, 无). ``agreed`` is False
    where recognition of a picture alone saw it and no figure of the forms confirms it.
    """

    section: str
    subject: str
    measure: str
    value: Decimal | None
    unit: str
    quote: str
    page: int | None = None
    direction: str | None = None
    versus: str | None = None
    agreed: bool = True
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PerformanceFact:
    """One figure of a performance self-evaluation form (design §4, ``performance.jsonl``).

    ``project`` is the project's name, or the unit's in a form on a whole unit. ``indicator`` is
    the printed label: of the row of funds, of the indicator (its group in front where a form has
    two of one name), 总分 or the like for the totals (measures ``weight`` and ``total``), of the
    column in a summary. ``value`` is None when the cell is blank or no single number; ``text``
    tells which. ``agreed`` as in :class:`Statement`.
    """

    table: str
    project: str
    indicator: str
    measure: str
    value: Decimal | None
    unit: str | None
    text: str
    page: int | None = None
    agreed: bool = True
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """Words of the running text that no finished disclosure should hold; ``kind`` is one of
    :func:`disclosures.reading.remarks.kinds`, ``quote`` what stands around ``text``."""

    kind: str
    text: str
    quote: str
    page: int | None = None


def part_key(sha256: str, part: int) -> str:
    """What stands for the ``part``-th disclosure (from 1) of a file wherever documents are known
    by their hash: the file's own for the first one, else one of the same length made of it."""
    return sha256 if part == 1 else hashlib.sha256(f"{sha256}#{part}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UnitList:
    """The units whose accounts a department adds up, as its narrative lists them: ``names`` of
    those with accounts of their own, squeezed; ``complete`` says that the whole list was read."""

    names: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one document said, or the reason why it said nothing.

    A file that holds the disclosures of several departments gives a reading of the first one,
    with the others as ``further``. They are documents of their own, known by :func:`part_key`;
    ``part_of`` is their file's hash, and pages are counted as in the file.
    """

    sha256: str
    media_type: str
    kind: DocumentKind
    reason: str | None = None
    agency: str | None = None
    year: int | None = None
    unit: MoneyUnit | None = None
    pages: int = 0
    title: str | None = None
    forms: tuple[FormReading, ...] = ()
    facts: tuple[Fact, ...] = ()
    statements: tuple[Statement, ...] = ()
    performance: tuple[PerformanceFact, ...] = ()
    sections: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    units: UnitList | None = None
    readers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    part: int = 1
    part_of: str | None = None
    further: tuple[Reading, ...] = ()

    @property
    def form_keys(self) -> tuple[str, ...]:
        return tuple(form.form for form in self.forms)

    @property
    def file_sha256(self) -> str:
        """The hash of the file that this was read from."""
        return self.part_of or self.sha256

    def all(self) -> tuple[Reading, ...]:
        """The readings of all disclosures in the file, this one first."""
        return (self, *self.further)

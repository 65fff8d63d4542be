"""Marts: the wide frames of exact integers that the suites validate.

A :class:`Batch` holds the facts of some disclosures as printed. :func:`build_marts` turns it into
two wide frames in ticks (10⁻⁸ 万元, nullable ``Int64``):

* grain ``disclosure``: one row per disclosure, one column per address that a rule names;
* grain ``code``: one row per disclosure and functional or economic code. The row ``total`` stands
  for 合计, whose children are the topmost printed codes.

An **address** names a figure: ``form[.side].row.column``, for instance
``01.income.income_total.amount``, ``03.total.basic``, ``06.30212.amount`` or
``09.only.actual.hospitality``. Four words stand for rows:

* ``items``: the sum of all lines with the role *item* (forms 01 and 04);
* ``top``, ``top-301-303``, ``top-not-301-303``: the sum of the topmost printed codes, all, some or
  all but some;
* ``each``: the figure of the mart row's own code (grain ``code``);
* ``children``: the sum of the codes printed directly below it (grain ``code``).

A trailing ``?`` says that an absent row counts as zero even where the form always prints it, and
so does a form that its year did not have yet.

**NULL is not zero.** A blank cell is zero, and so is an item or a code that a form which is present
and wholly read does not list. Whatever else is missing is NULL, with a :class:`Gap` that says why:
a rule whose figure is missing neither passes nor fails.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    cast,
    insert,
    select,
    type_coerce,
)

from disclosures.amounts import TICKS_PER_WAN, CellState, MoneyUnit, half_unit_wan
from disclosures.forms import Form, forms, squeeze
from disclosures.model import Reading, Side
from warehouse.schema import (
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFact,
    CorePerformance,
    CoreStatement,
    RawDocument,
    RawReading,
)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Gaps = npt.NDArray[np.int8]

#: No single department accounts for 1 万亿元 (10⁸ 万元). Beyond it a figure is two cells read as
#: one, and sums of such figures would leave 64 bits.
LARGEST_TICKS: Final = 10**8 * TICKS_PER_WAN

DISCLOSURE_COLUMNS: Final = (
    "disclosure_id",
    "agency",
    "year",
    "published_on",
    "site",
    "region",
    "version",
    "media_types",
    "urls",
    "documents",
    "forms",
)
FACT_COLUMNS: Final = (
    "disclosure_id",
    "sha256",
    "form",
    "side",
    "row",
    "column",
    "code",
    "name",
    "text",
    "amount_ticks",
    "half_ticks",
    "state",
    "agreed",
    "page",
    "readers",
    "unit",
    "seen",
)


STATEMENT_COLUMNS: Final = (
    "disclosure_id",
    "sha256",
    "section",
    "subject",
    "measure",
    "value",
    "unit",
    "quote",
    "page",
    "direction",
    "versus",
)
PERFORMANCE_COLUMNS: Final = (
    "disclosure_id",
    "sha256",
    "table",
    "project",
    "indicator",
    "measure",
    "value",
    "unit",
    "text",
    "page",
    "doubtful",
)


class Gap(IntEnum):
    """Why a figure of a mart is NULL."""

    NONE = 0
    FORM_ABSENT = 1
    FORM_NOT_YET = 2
    UNREADABLE = 3
    ROW_ABSENT = 4
    COLUMN_ABSENT = 5
    INCOMPLETE = 6
    UNKNOWN_LINE = 7
    NOT_LISTED = 8
    NO_CHILDREN = 9
    OTHER_KIND = 10
    UNKNOWN = 11
    FILLED = 12

    @property
    def inapplicable(self) -> bool:
        """The figure cannot exist, as opposed to exists but is not known."""
        return self in (Gap.FORM_NOT_YET, Gap.NO_CHILDREN, Gap.OTHER_KIND, Gap.FILLED)


# --------------------------------------------------------------------------------------- batch


@dataclass(frozen=True)
class Batch:
    """The facts of some disclosures.

    ``disclosures``: one row each, columns :data:`DISCLOSURE_COLUMNS`; ``year`` is ``Int64``,
    ``published_on`` ``YYYY-MM-DD`` or None, ``media_types``, ``urls`` and ``documents`` are tuples,
    ``forms`` maps a form key to its ``title``, ``declared_empty``, ``complete`` and ``sha256``.

    ``facts``: one row per cell, columns :data:`FACT_COLUMNS`; ``amount_ticks`` and ``half_ticks``
    are ``Int64`` ticks, the first NULL when the cell is blank or unreadable. ``half_ticks`` is half
    a unit of the last decimal of the *column* as printed (see :func:`half_units`).

    ``statements``: one row per figure of the narrative, columns :data:`STATEMENT_COLUMNS`, from the
    one document whose narrative counts. ``performance``: one row per figure of the performance
    forms, columns :data:`PERFORMANCE_COLUMNS`. Both in printed order, ``value`` a decimal string
    in ``unit`` as printed.
    """

    disclosures: pd.DataFrame
    facts: pd.DataFrame
    statements: pd.DataFrame = field(default_factory=lambda: _said_frame([]))
    performance: pd.DataFrame = field(default_factory=lambda: _performance_frame([]))

    @classmethod
    def from_readings(
        cls,
        readings: Mapping[str, Sequence[Reading]],
        *,
        details: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Batch:
        """A batch straight from readings, keyed by disclosure id.

        A form that several documents of one disclosure hold is taken from the first. ``details``
        adds ``published_on``, ``site``, ``region``, ``version`` or ``urls`` per disclosure.
        """
        disclosures: list[dict[str, Any]] = []
        cells = _Cells()
        said: list[tuple[Any, ...]] = []
        performed: list[tuple[Any, ...]] = []
        for disclosure_id, documents in readings.items():
            told = max(documents, key=lambda r: len(r.statements), default=None)
            said += [
                (
                    disclosure_id,
                    told.sha256,
                    one.section,
                    one.subject,
                    one.measure,
                    str(one.value),
                    one.unit,
                    one.quote,
                    one.page,
                    one.direction,
                    one.versus,
                )
                for one in (told.statements if told else ())
                if told is not None
            ]
            performed += [
                (
                    disclosure_id,
                    reading.sha256,
                    one.table,
                    one.project,
                    one.indicator,
                    one.measure,
                    None if one.value is None else str(one.value),
                    one.unit,
                    one.text,
                    one.page,
                    _is_doubtful(one.project, reading.notes),
                )
                for reading in documents
                for one in reading.performance
            ]
            found: dict[str, dict[str, Any]] = {}
            for reading in documents:
                taken = {form.form for form in reading.forms} - found.keys()
                for form in reading.forms:
                    if form.form in taken:
                        found.setdefault(
                            form.form,
                            {
                                "title": form.title,
                                "declared_empty": form.declared_empty,
                                "complete": form.complete,
                                "sha256": reading.sha256,
                            },
                        )
                cells.add(
                    [
                        (
                            disclosure_id,
                            reading.sha256,
                            fact.form,
                            fact.side.value if fact.side else "",
                            fact.row,
                            fact.column,
                            fact.code,
                            fact.name,
                            fact.text,
                            None if fact.amount_wan is None else _ticks(fact.amount_wan),
                            fact.state.value,
                            fact.agreed,
                            fact.page,
                            fact.decimals,
                            fact.unit.value,
                            fact.readers,
                            fact.seen,
                        )
                        for fact in reading.facts
                        if fact.form in taken
                    ]
                )
            first = documents[0] if documents else None
            row: dict[str, Any] = {
                "disclosure_id": disclosure_id,
                "agency": next((r.agency for r in documents if r.agency), None),
                "year": next((r.year for r in documents if r.year), None),
                "published_on": None,
                "site": None,
                "region": None,
                "version": first.sha256 if first else "",
                "media_types": tuple(r.media_type for r in documents),
                "urls": (),
                "documents": tuple(r.sha256 for r in documents),
                "forms": found,
            }
            row.update((details or {}).get(disclosure_id, {}))
            disclosures.append(row)
        return cls(
            _disclosure_frame(disclosures),
            cells.frame(),
            _said_frame(said),
            _performance_frame(performed),
        )

    def __len__(self) -> int:
        return len(self.disclosures)

    @cached_property
    def _positions(self) -> dict[str, Ints]:
        found = self.facts.groupby("disclosure_id").indices
        return {str(k): np.asarray(v, dtype=np.int64) for k, v in found.items()}

    def facts_of(self, disclosure_id: str) -> pd.DataFrame:
        """The facts of one disclosure, in printed order."""
        return self.facts.iloc[self._positions.get(disclosure_id, np.array([], dtype=np.int64))]


_RAW_FACTS: Final = (
    "disclosure_id",
    "sha256",
    "form",
    "side",
    "row",
    "column",
    "code",
    "name",
    "text",
    "amount_ticks",
    "state",
    "agreed",
    "page",
    "decimals",
    "unit",
    "readers",
    "seen",
)


def _ticks(amount_wan: Decimal) -> int:
    # A spreadsheet may hold a figure finer than a tick; a tick is 0.0001 元, so it is rounded.
    return int((amount_wan * TICKS_PER_WAN).to_integral_value())


def _disclosure_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(DISCLOSURE_COLUMNS))
    frame["year"] = pd.array(frame["year"].tolist(), dtype="Int64")
    return frame


class _Cells:
    """Facts on their way into a frame, column by column. Equal texts are kept once: millions of
    cells repeat few of them, and each would otherwise be an object of its own."""

    _NUMBERS: Final = ("amount_ticks", "page", "decimals")

    def __init__(self) -> None:
        self._pieces: list[dict[str, Any]] = []
        self._known: dict[Any, Any] = {}

    def add(self, cells: Sequence[tuple[Any, ...]]) -> None:
        """Take some cells, with the columns ``_RAW_FACTS``."""
        if not cells:
            return
        piece: dict[str, Any] = {}
        for name, values in zip(_RAW_FACTS, zip(*cells, strict=True), strict=True):
            if name in self._NUMBERS:
                piece[name] = _integers(values)
            elif name == "agreed":
                piece[name] = np.array(values, dtype=bool)
            else:
                column = np.empty(len(values), dtype=object)
                column[:] = [self._known.setdefault(value, value) for value in values]
                piece[name] = column
        # Figures too large to be true are dropped.
        wild = np.abs(piece["amount_ticks"][0]) > LARGEST_TICKS
        piece["amount_ticks"][1][wild] = True
        piece["state"][wild] = CellState.UNREADABLE.value
        self._pieces.append(piece)

    def frame(self) -> pd.DataFrame:
        """All cells, columns ``FACT_COLUMNS``."""
        columns: dict[str, Any] = {}
        for name in _RAW_FACTS:
            parts = [piece[name] for piece in self._pieces]
            if name in self._NUMBERS:
                values, missing = (
                    np.concatenate([part[n] for part in parts]) if parts else np.array([], kind)
                    for n, kind in enumerate((np.int64, np.bool_))
                )
                columns[name] = pd.arrays.IntegerArray(values, missing)
            elif name == "agreed":
                columns[name] = np.concatenate(parts) if parts else np.array([], bool)
            else:
                columns[name] = np.concatenate(parts) if parts else np.array([], object)
        self._pieces.clear()
        frame = pd.DataFrame(columns)
        frame["side"] = frame["side"].fillna("")
        frame["half_ticks"] = half_units(frame)
        return frame[list(FACT_COLUMNS)]


def _integers(values: Sequence[int | None]) -> tuple[Ints, Bools]:
    """The values (0 where there is none) and where there is none. What 64 bits do not hold is
    taken to be as large as they can: no figure of a department comes near."""
    missing = np.array([v is None for v in values], dtype=bool)
    most = np.iinfo(np.int64).max
    held = [0 if v is None else max(-most, min(most, v)) for v in values]
    return np.array(held, dtype=np.int64), missing


def _said_frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(STATEMENT_COLUMNS), dtype=object)


def _performance_frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(PERFORMANCE_COLUMNS), dtype=object)


def _is_doubtful(project: str, notes: Sequence[str]) -> bool:
    """Whether the readers note of a performance form that a row of it was not read."""
    return any("绩效表" in note and project and project in note for note in notes)


def half_units(facts: pd.DataFrame) -> pd.Series[Any]:
    """Half a unit of the last printed decimal of each cell's column, in ticks.

    The column decides and not the cell, because spreadsheets drop trailing zeros. It has as many
    decimals as the most precise tenth of its non-zero figures shows, so that one stray cell does
    not make every other figure more precise than it is; a cell that shows more than its column
    keeps its own. A column with fewer than three figures tells too little about itself and is
    taken to be as precise as its form.
    """
    shown = facts["decimals"].to_numpy(dtype="float64", na_value=np.nan)
    amounts = facts["amount_ticks"].to_numpy(dtype="int64", na_value=0)
    spoken = (amounts != 0) & ~np.isnan(shown)
    by_column = _groups(facts, ["disclosure_id", "form", "column"])
    by_form = _groups(facts, ["disclosure_id", "form"])
    of_column, figures = _precision(by_column, shown, spoken)
    of_form, form_figures = _precision(by_form, shown, spoken)
    # A form of zeros only is as precise as its zeros look.
    zeros_of_form, zeros = _precision(by_form, shown, ~np.isnan(shown))
    fallback = np.where(form_figures > 0, of_form, np.where(zeros > 0, zeros_of_form, np.nan))
    decimals = np.where(figures >= 3, of_column, np.fmax(of_column, fallback))
    decimals = np.fmax(decimals, np.where(spoken, shown, np.nan))
    halves = np.zeros(len(facts), dtype=np.int64)
    units = facts["unit"].to_numpy(dtype=object)
    known = ~np.isnan(decimals)
    table: dict[tuple[int, str], int] = {}
    for position in np.flatnonzero(known):
        key = (int(decimals[position]), str(units[position]))
        if key not in table:
            half = half_unit_wan(key[0], MoneyUnit(key[1])) * TICKS_PER_WAN
            table[key] = math.ceil(half)
        halves[position] = table[key]
    return pd.Series(halves, index=facts.index, dtype="Int64")


def _groups(facts: pd.DataFrame, columns: list[str]) -> Ints:
    return np.asarray(facts.groupby(columns, sort=False).ngroup(), dtype=np.int64)


def _precision(
    group: Ints, shown: npt.NDArray[np.float64], counted: Bools
) -> tuple[npt.NDArray[np.float64], Ints]:
    """Per cell: the decimals of its group and the number of figures that they rest on."""
    size = int(group.max()) + 1 if len(group) else 0
    figures = np.bincount(group[counted], minlength=size)
    result = np.full(size, np.nan)
    deepest = int(np.nanmax(shown[counted])) if counted.any() else -1
    for decimals in range(deepest + 1):
        at_least = np.bincount(group[counted & (shown >= decimals)], minlength=size)
        enough = at_least >= np.maximum(1, np.ceil(figures / 10))
        result[enough & (figures > 0)] = decimals
    return result[group], figures[group].astype(np.int64)


_CHUNK: Final = 500


@lru_cache(maxsize=256)
def _names_of(stored: str | None) -> tuple[str, ...]:
    # A few combinations of readers stand beside hundreds of thousands of cells.
    return tuple(json.loads(stored or "[]"))


@lru_cache(maxsize=256)
def _seen_of(stored: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((reader, text) for reader, text in json.loads(stored or "[]"))


def load_batch(engine: Engine, disclosure_ids: Sequence[str] | None = None) -> Batch:
    """The facts of the named disclosures (all when None) as the warehouse holds them.

    Forms come from the documents, and in the reader versions, that ``core_disclosure_documents``
    names for them.
    """
    disclosures: list[dict[str, Any]] = []
    cells = _Cells()
    said: list[tuple[Any, ...]] = []
    performed: list[tuple[Any, ...]] = []
    with engine.connect() as connection:
        if disclosure_ids is None:
            found = connection.execute(
                select(CoreDisclosure.disclosure_id).order_by(CoreDisclosure.disclosure_id)
            )
            disclosure_ids = [row[0] for row in found]
        for start in range(0, len(disclosure_ids), _CHUNK):
            wanted = list(disclosure_ids[start : start + _CHUNK])
            heads = connection.execute(
                select(
                    CoreDisclosure.disclosure_id,
                    CoreDisclosure.agency,
                    CoreDisclosure.year,
                    CoreDisclosure.published_on,
                    CoreDisclosure.site,
                    CoreDisclosure.region,
                    CoreDisclosure.version,
                ).where(CoreDisclosure.disclosure_id.in_(wanted))
            ).all()
            documents = connection.execute(
                select(
                    CoreDisclosureDocument.disclosure_id,
                    CoreDisclosureDocument.sha256,
                    CoreDisclosureDocument.forms,
                    RawDocument.media_type,
                    RawDocument.url,
                    RawReading.forms.label("read_forms"),
                )
                .join(RawDocument, RawDocument.sha256 == CoreDisclosureDocument.sha256)
                .join(
                    RawReading,
                    (RawReading.sha256 == CoreDisclosureDocument.sha256)
                    & (RawReading.reader_version == CoreDisclosureDocument.reader_version),
                    isouter=True,
                )
                .where(CoreDisclosureDocument.disclosure_id.in_(wanted))
                .order_by(CoreDisclosureDocument.disclosure_id, CoreDisclosureDocument.sha256)
            ).all()
            taken = {(d.disclosure_id, d.sha256): frozenset(d.forms or ()) for d in documents}
            by_id: dict[str, dict[str, Any]] = {
                head.disclosure_id: {
                    **head._mapping,
                    "media_types": (),
                    "urls": (),
                    "documents": (),
                    "forms": {},
                }
                for head in heads
            }
            for document in documents:
                row = by_id[document.disclosure_id]
                row["documents"] += (document.sha256,)
                row["media_types"] += (document.media_type,)
                row["urls"] += (document.url,) if document.url else ()
                for form in document.read_forms or ():
                    if form["form"] in taken[document.disclosure_id, document.sha256]:
                        row["forms"][form["form"]] = {
                            "title": form.get("title", ""),
                            "declared_empty": bool(form.get("declared_empty", False)),
                            "complete": bool(form.get("complete", True)),
                            "sha256": document.sha256,
                        }
            disclosures += [by_id[i] for i in wanted if i in by_id]
            rows = connection.execute(
                select(
                    CoreDisclosureDocument.disclosure_id,
                    CoreFact.sha256,
                    CoreFact.form,
                    CoreFact.side,
                    CoreFact.row,
                    CoreFact.column,
                    CoreFact.code,
                    CoreFact.name,
                    CoreFact.text,
                    type_coerce(CoreFact.amount_wan, BigInteger),
                    CoreFact.state,
                    CoreFact.agreed,
                    CoreFact.page,
                    CoreFact.decimals,
                    CoreFact.unit,
                    cast(CoreFact.readers, Text),
                    cast(CoreFact.seen, Text),
                )
                .join(
                    CoreFact,
                    (CoreFact.sha256 == CoreDisclosureDocument.sha256)
                    & (CoreFact.reader_version == CoreDisclosureDocument.reader_version),
                )
                .where(CoreDisclosureDocument.disclosure_id.in_(bindparam("ids", expanding=True)))
                .order_by(CoreDisclosureDocument.disclosure_id, CoreFact.sha256, CoreFact.ordinal),
                {"ids": wanted},
            )
            cells.add(
                [
                    (*cell[:-2], _names_of(cell[-2]), _seen_of(cell[-1]))
                    for cell in rows
                    if cell[2] in taken[cell[0], cell[1]]
                ]
            )
            said += _stored_statements(connection, wanted)
            performed += _stored_performance(connection, wanted)
    return Batch(
        _disclosure_frame(disclosures),
        cells.frame(),
        _said_frame(said),
        _performance_frame(performed),
    )


def _stored_statements(connection: Connection, wanted: Sequence[str]) -> list[tuple[Any, ...]]:
    rows = connection.execute(
        select(
            CoreDisclosureDocument.disclosure_id,
            CoreStatement.sha256,
            CoreStatement.section,
            CoreStatement.subject,
            CoreStatement.measure,
            CoreStatement.value,
            CoreStatement.unit,
            CoreStatement.quote,
            CoreStatement.page,
            CoreStatement.direction,
            CoreStatement.versus,
        )
        .join(
            CoreStatement,
            (CoreStatement.sha256 == CoreDisclosureDocument.sha256)
            & (CoreStatement.reader_version == CoreDisclosureDocument.reader_version),
        )
        .where(CoreDisclosureDocument.disclosure_id.in_(wanted))
        .where(CoreDisclosureDocument.narrative)
        .order_by(CoreDisclosureDocument.disclosure_id, CoreStatement.ordinal)
    )
    return [tuple(row) for row in rows]


def _stored_performance(connection: Connection, wanted: Sequence[str]) -> list[tuple[Any, ...]]:
    """Of every document but those that only repeat another one."""
    rows = connection.execute(
        select(
            CoreDisclosureDocument.disclosure_id,
            CorePerformance.sha256,
            CorePerformance.table,
            CorePerformance.project,
            CorePerformance.indicator,
            CorePerformance.measure,
            CorePerformance.value,
            CorePerformance.unit,
            CorePerformance.text,
            CorePerformance.page,
            RawReading.notes,
        )
        .join(
            CorePerformance,
            (CorePerformance.sha256 == CoreDisclosureDocument.sha256)
            & (CorePerformance.reader_version == CoreDisclosureDocument.reader_version),
        )
        .join(
            RawReading,
            (RawReading.sha256 == CorePerformance.sha256)
            & (RawReading.reader_version == CorePerformance.reader_version),
        )
        .where(CoreDisclosureDocument.disclosure_id.in_(wanted))
        .where(CoreDisclosureDocument.role != "alternate")
        .order_by(
            CoreDisclosureDocument.disclosure_id,
            CoreDisclosureDocument.ordinal,
            CorePerformance.sha256,
            CorePerformance.ordinal,
        )
    )
    return [(*row[:-1], _is_doubtful(row.project, row.notes or ())) for row in rows]


# ----------------------------------------------------------------------------------- addresses

_TWO_SIDED: Final = frozenset(k for k, f in forms().items() if f.layout == "two_sided")
TOP: Final = re.compile(r"^top(?:-(?P<no>not-)?(?P<codes>\d{3}(?:-\d{3})*))?$")


@dataclass(frozen=True, slots=True)
class Address:
    """A figure, or a sum of figures, of a form. See the module's docstring for the words."""

    form: str
    side: str
    row: str
    column: str
    or_zero: bool = False

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address.

        Raises:
            ValueError: no such form, side, row or column.
        """
        or_zero = text.endswith("?")
        parts = text.removesuffix("?").split(".")
        form = forms().get(parts[0])
        if form is None:
            raise ValueError(f"{text}: no such form")
        side = parts[1] if parts[0] in _TWO_SIDED and len(parts) > 1 else ""
        rest = parts[2:] if side else parts[1:]
        if len(rest) < 2:
            raise ValueError(f"{text}: a row and a column are needed")
        address = cls(form.key, side, rest[0], ".".join(rest[1:]), or_zero)
        address._check(form)
        return address

    def _check(self, form: Form) -> None:
        side = Side(self.side) if self.side else None
        if self.column not in form.column_keys(side):
            raise ValueError(f"{self}: form {form.key} has no column {self.column}")
        lines = {line.key for line in form.lines_of(side)}
        words = {"each"}
        if form.codes:
            words |= {"children"}
            if TOP.match(self.row) or re.fullmatch(r"\d{3,9}", self.row):
                return
        else:
            words |= {"items"}
        if self.row not in lines | words:
            raise ValueError(f"{self}: form {form.key} has no row {self.row}")

    def __str__(self) -> str:
        middle = (self.side,) if self.side else ()
        return ".".join((self.form, *middle, self.row, self.column)) + ("?" if self.or_zero else "")

    @property
    def mart_column(self) -> str:
        """Its column in the mart; ``half_column`` and ``addend_half_column`` stand beside it."""
        return str(self).replace("?", ".or_zero")

    @property
    def half_column(self) -> str:
        """Half a printed unit, in ticks, whatever the figure: for the stated side."""
        return f"{self.mart_column}~half"

    @property
    def addend_half_column(self) -> str:
        """Half a printed unit per non-zero addend, in ticks: zeros were not rounded."""
        return f"{self.mart_column}~ahalf"

    @property
    def grain(self) -> str:
        return "code" if self.row in ("each", "children") else "disclosure"


@dataclass(frozen=True, slots=True)
class Question:
    """A yes/no question about a disclosure (``is.present.03``), answered by an indicator."""

    name: str
    argument: str = ""
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def mart_column(self) -> str:
        return f"is.{self.name}" + (f".{self.argument}" if self.argument else "")

    @property
    def grain(self) -> str:
        return "code" if self.name in _CODE_INDICATORS else "disclosure"


# --------------------------------------------------------------------------------------- marts


@dataclass(frozen=True)
class Mart:
    """One wide frame. ``keys`` are the columns that name a row; ``gaps`` tells per figure and row
    why it is NULL (:class:`Gap`); ``printed`` which rows a form prints (grain ``code``)."""

    name: str
    keys: tuple[str, ...]
    frame: pd.DataFrame
    disclosure: Ints
    gaps: Mapping[str, Gaps]
    printed: Mapping[str, Bools] = field(default_factory=dict)
    details: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def with_columns(self, columns: Mapping[str, pd.Series[Any]]) -> Mart:
        """The same mart with further columns."""
        if not columns:
            return self
        added = pd.DataFrame(dict(columns), index=self.frame.index)
        return Mart(
            self.name,
            self.keys,
            pd.concat([self.frame, added], axis=1),
            self.disclosure,
            self.gaps,
            self.printed,
            self.details,
        )

    def write(self, engine: Engine, *, prefix: str = "out_mart_") -> Table:
        """(Re)build the mart as a table of BIGINT columns; NULL stays NULL."""
        metadata = MetaData()
        table = Table(
            prefix + self.name,
            metadata,
            *(Column(key, String(80), primary_key=True) for key in self.keys),
            *(
                Column(name, BigInteger, nullable=True)
                for name in self.frame.columns
                if name not in self.keys
            ),
        )
        columns = [
            [None if value is None or value is pd.NA else value for value in series.tolist()]
            for _, series in self.frame.items()
        ]
        names = [str(name) for name in self.frame.columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        with engine.begin() as connection:
            table.drop(connection, checkfirst=True)
            table.create(connection)
            for start in range(0, len(rows), 200):
                connection.execute(insert(table), rows[start : start + 200])
        return table


@dataclass(frozen=True)
class _Value:
    ticks: Ints
    half: Ints
    addend_half: Ints
    gap: Gaps


class Builder:
    """Looks figures of a batch up by address. One batch, one builder."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        heads = batch.disclosures
        self.size = len(heads)
        order = {str(i): n for n, i in enumerate(heads["disclosure_id"])}
        facts = batch.facts
        self.d: Ints = np.asarray(facts["disclosure_id"].map(order), dtype=np.int64)
        self.ticks: Ints = facts["amount_ticks"].to_numpy(dtype="int64", na_value=0)
        self.half: Ints = facts["half_ticks"].to_numpy(dtype="int64", na_value=0)
        self.bad: Bools = (facts["state"] == CellState.UNREADABLE.value).to_numpy(dtype=bool)
        self.year: Ints = heads["year"].to_numpy(dtype="int64", na_value=-1)
        self.row: Ints
        self.row, self.row_names = _factorize(facts["row"])
        self.row_ids = {name: n for n, name in enumerate(self.row_names)}
        self.form_of: npt.NDArray[Any] = facts["form"].to_numpy(dtype="U2")
        self.expense: Bools = (facts["side"] == Side.EXPENSE.value).to_numpy(dtype=bool)
        tables: Mapping[Any, Any] = facts.groupby(["form", "side", "column"]).indices
        self._by_table: dict[tuple[str, str, str], Ints] = {
            (str(key[0]), str(key[1]), str(key[2])): np.asarray(positions, dtype=np.int64)
            for key, positions in tables.items()
        }
        self._prepare_forms()
        self._prepare_codes()

    # -- forms ---------------------------------------------------------------------------------

    def _prepare_forms(self) -> None:
        entries = self.batch.disclosures["forms"].tolist()
        self.present: dict[str, Bools] = {}
        self.declared_empty: dict[str, Bools] = {}
        self.complete: dict[str, Bools] = {}
        self.has_facts: dict[str, Bools] = {}
        self.has_amounts: dict[str, Bools] = {}  # other than zero
        self.has_figures: dict[str, Bools] = {}  # zeros included
        self.form_gap: dict[str, Gaps] = {}
        self.unknown_line: dict[tuple[str, str], Bools] = {}
        loud = (self.ticks != 0) | self.bad
        shown = self.batch.facts["amount_ticks"].notna().to_numpy(dtype=bool)
        digits = np.array([name.isdigit() for name in self.row_names], dtype=bool)
        for key, form in forms().items():
            mine = self.form_of == key
            self.present[key] = np.array([key in e for e in entries], dtype=bool)
            self.declared_empty[key] = np.array(
                [bool(e.get(key, {}).get("declared_empty")) for e in entries], dtype=bool
            )
            self.complete[key] = np.array(
                [bool(e.get(key, {}).get("complete", True)) for e in entries], dtype=bool
            )
            self.has_facts[key] = self._mark(self.d[mine])
            self.has_amounts[key] = self._mark(self.d[mine & loud])
            self.has_figures[key] = self._mark(self.d[mine & (shown | self.bad)])
            gap = np.zeros(self.size, dtype=np.int8)
            gap[~self.present[key]] = Gap.FORM_ABSENT
            if form.since is not None:
                early = (self.year >= 0) & (self.year < form.since)
                gap[~self.present[key] & early] = Gap.FORM_NOT_YET
            # A form of which nothing was read is empty only where it may be, or says so.
            silent = self.present[key] & ~self.has_facts[key] & ~self.declared_empty[key]
            if not form.may_be_empty:
                gap[silent] = Gap.INCOMPLETE
            self.form_gap[key] = gap
            for side in form.sides:
                lines = {line.key for line in form.lines_of(side)}
                named = np.array([name in lines for name in self.row_names], dtype=bool)
                if form.codes:
                    named |= digits
                here = mine & loud & (self.expense == (side is Side.EXPENSE))
                strange = here & ~named[self.row]
                self.unknown_line[key, side.value if side else ""] = self._mark(self.d[strange])

    def is_row(self, positions: Ints, row: str | None) -> Bools:
        """Which of these facts stand in the row with this key."""
        return np.asarray(self.row[positions] == self.row_ids.get(row or "", -1), dtype=bool)

    def _mark(self, positions: npt.NDArray[Any]) -> Bools:
        marked = np.zeros(self.size, dtype=bool)
        marked[np.asarray(positions, dtype=np.int64)] = True
        return marked

    def _silent(self, key: str) -> Bools:
        """Forms that are there and hold nothing: every figure of them is zero."""
        read: Bools = self.form_gap[key] == Gap.NONE
        return self.present[key] & ~self.has_facts[key] & read

    def _table(self, address: Address) -> Ints:
        """Positions of the facts of a form, side and column."""
        nothing = np.array([], dtype=np.int64)
        return self._by_table.get((address.form, address.side, address.column), nothing)

    def _table_gap(self, address: Address) -> tuple[Gaps, Bools]:
        """Per disclosure: why the whole column is unknown, and where it is known to be zero."""
        form = forms()[address.form]
        gap = self.form_gap[address.form].copy()
        side = Side(address.side) if address.side else None
        column_key = address.column.rpartition(".")[2] if form.groups else address.column
        optional = any(c.optional for c in form.columns_of(side) if c.key == column_key)
        printed = self._mark(self.d[self._table(address)])
        silent = self._silent(address.form)
        missing = (gap == Gap.NONE) & ~printed & ~silent
        zero = silent | (missing & optional)
        if address.or_zero:
            not_yet = gap == Gap.FORM_NOT_YET
            gap[not_yet] = Gap.NONE
            zero |= not_yet
        gap[missing & ~zero] = Gap.COLUMN_ABSENT
        return gap, zero

    def cell_printed(self, address: Address) -> Bools:
        """Where the form prints this cell, blank or not."""
        positions = self._table(address)
        return self._mark(self.d[positions[self.is_row(positions, address.row)]])

    def cells(self, address: Address, disclosure: int, code: str | None = None) -> list[int]:
        """Positions in ``batch.facts`` of the cells behind a figure of one disclosure (``code``
        for the grain ``code``), in printed order. Of a sum only the cells that are not zero."""
        positions = self._table(address)
        positions = positions[self.d[positions] == disclosure]
        if address.row == "each" and code == self.codes.TOTAL:
            chosen = self.codes.code[positions] == self.codes.total
        elif address.row == "each":
            chosen = self.is_row(positions, code)
        elif address.row == "children":
            name = self.codes.names
            parents = self.codes.parent[positions]
            chosen = np.array([p >= 0 and name[p] == code for p in parents], dtype=bool)
            chosen &= (self.ticks[positions] != 0) | self.bad[positions]
        elif address.row == "items" or TOP.match(address.row):
            chosen = self._summands(address, positions)
            chosen &= (self.ticks[positions] != 0) | self.bad[positions]
        else:
            chosen = self.is_row(positions, address.row)
        return [int(n) for n in positions[np.asarray(chosen, dtype=bool)]]

    def _column_half(self, address: Address, positions: Ints) -> Ints:
        """Half a unit per disclosure for a column: what its figures (or its form) show."""
        half = np.zeros(self.size, dtype=np.int64)
        np.maximum.at(half, self.d[positions], self.half[positions])
        return half

    # -- grain disclosure -----------------------------------------------------------------------

    def value(self, address: Address) -> _Value:
        """A figure per disclosure."""
        if address.row == "items" or TOP.match(address.row):
            return self._sum(address)
        positions = self._table(address)
        own = positions[self.is_row(positions, address.row)]
        gap, zero = self._table_gap(address)
        ticks = np.zeros(self.size, dtype=np.int64)
        ticks[self.d[own]] = self.ticks[own]
        half = self._column_half(address, positions)
        half[self.d[own]] = self.half[own]
        here = self._mark(self.d[own])
        gap[self.d[own][self.bad[own]]] = Gap.UNREADABLE
        absent = (gap == Gap.NONE) & ~zero & ~here
        gap[absent] = self._absent_row(address)[absent]
        return self._finish(ticks, half, gap)

    def _absent_row(self, address: Address) -> Gaps:
        """What the absence of a row means, per disclosure."""
        form = forms()[address.form]
        side = Side(address.side) if address.side else None
        line = next((x for x in form.lines_of(side) if x.key == address.row), None)
        meaning = np.zeros(self.size, dtype=np.int8)
        if line is None:  # a code
            meaning = self.codes.absent(address.form, address.row)
        elif line.role != "item" and not address.or_zero:
            meaning[:] = Gap.ROW_ABSENT
        meaning[self.unknown_line[address.form, address.side]] = Gap.UNKNOWN_LINE
        meaning[~self.complete[address.form]] = Gap.INCOMPLETE
        return meaning

    def _sum(self, address: Address) -> _Value:
        form = forms()[address.form]
        positions = self._table(address)
        gap, zero = self._table_gap(address)
        chosen = self._summands(address, positions)
        own = positions[chosen]
        ticks = np.zeros(self.size, dtype=np.int64)
        np.add.at(ticks, self.d[own], self.ticks[own])
        half = np.zeros(self.size, dtype=np.int64)
        np.add.at(half, self.d[own], np.where(self.ticks[own] != 0, self.half[own], 0))
        gap[self.d[own][self.bad[own]]] = Gap.UNREADABLE
        open_question = (gap == Gap.NONE) & ~zero
        gap[open_question & self.unknown_line[address.form, address.side]] = Gap.UNKNOWN_LINE
        gap[open_question & ~self.complete[address.form]] = Gap.INCOMPLETE
        if form.codes:
            any_code = self._mark(self.d[positions[self.codes.parent[positions] >= 0]])
            gap[(gap == Gap.NONE) & ~zero & ~any_code] = Gap.NO_CHILDREN
        ticks[gap != Gap.NONE] = 0
        return _Value(ticks, half, half, gap)

    def _summands(self, address: Address, positions: Ints) -> Bools:
        """Which cells of a column a sum adds up."""
        if address.row == "items":
            side = Side(address.side) if address.side else None
            lines = forms()[address.form].lines_of(side)
            named = {line.key for line in lines if line.role == "item"}
            ids = [n for n, name in enumerate(self.row_names) if name in named]
            return np.asarray(np.isin(self.row[positions], ids), dtype=bool)
        match = TOP.match(address.row)
        assert match is not None
        chosen = np.asarray(self.codes.parent[positions] == self.codes.total, dtype=bool)
        listed = set((match["codes"] or "").split("-")) - {""}
        if listed:
            ids = [n for n, name in enumerate(self.row_names) if name[:3] in listed]
            inside = np.isin(self.row[positions], ids)
            chosen &= ~inside if match["no"] else inside
        return chosen

    @staticmethod
    def _finish(ticks: Ints, half: Ints, gap: Gaps) -> _Value:
        ticks = np.where(gap == Gap.NONE, ticks, 0)
        return _Value(ticks, half, np.where(ticks != 0, half, 0), gap)

    # -- grain code -----------------------------------------------------------------------------

    def _prepare_codes(self) -> None:
        self.codes = _Codes(self)


class _Codes:
    """The rows of the grain ``code`` and who is whose child, form by form."""

    TOTAL: Final = "total"

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        coded = np.isin(builder.form_of, [k for k, f in forms().items() if f.codes])
        lists_classes = np.isin(builder.form_of, list(_TWO_SIDED)) & builder.expense
        digits = np.array([name.isdigit() for name in builder.row_names], dtype=bool)
        three = np.array([len(name) == 3 for name in builder.row_names], dtype=bool)
        is_code = coded & digits[builder.row]
        is_class = lists_classes & (digits & three)[builder.row]
        loud_class = is_class & ((builder.ticks != 0) | builder.bad)
        spoken = np.unique(builder.row[is_code | loud_class])
        self.names: list[str] = [self.TOTAL, *sorted(builder.row_names[n] for n in spoken)]
        self.total = 0
        self.ids = {name: n for n, name in enumerate(self.names)}
        self.width = len(self.names)
        # Every cell's code; -1 where the row has none. 合计 and 本年支出合计 are the code "total".
        of_row = np.array([self.ids.get(name, -1) for name in builder.row_names], dtype=np.int64)
        self.code: Ints = np.where(is_code | is_class, of_row[builder.row], -1)
        everything = np.arange(len(builder.row), dtype=np.int64)
        self.code[coded & builder.is_row(everything, "total")] = self.total
        self.code[lists_classes & builder.is_row(everything, "expense_total")] = self.total
        self.economic: Bools = np.array(
            [name[0] in "345" and name != self.TOTAL for name in self.names], dtype=bool
        )
        self.length: Ints = np.array(
            [0 if n == self.TOTAL else len(n) for n in self.names], dtype=np.int64
        )
        self._relate(is_code)
        keys = np.unique(
            np.concatenate(
                [
                    builder.d[is_code | loud_class] * self.width + self.code[is_code | loud_class],
                    np.arange(builder.size, dtype=np.int64) * self.width + self.total,
                ]
            )
        )
        self.keys: Ints = keys
        self.row_disclosure: Ints = keys // self.width
        self.row_code: Ints = keys % self.width

    def _relate(self, is_code: Bools) -> None:
        """Parents by what is printed: the longest printed prefix, else 合计.

        Some forms skip a level (类 straight to 项), so a parent is not a fixed number of digits.
        """
        builder = self.builder
        self.parent: Ints = np.full(len(builder.row), -1, dtype=np.int64)
        self.printed_in: dict[str, Ints] = {}
        self.with_children: dict[str, Ints] = {}
        self.with_descendants: dict[str, Ints] = {}
        prefixes = [
            [self.ids[n[:k]] for k in range(len(n) - 1, 2, -1) if n[:k] in self.ids]
            if n != self.TOTAL
            else []
            for n in self.names
        ]
        for key, form in forms().items():
            if not form.codes:
                continue
            mine = np.flatnonzero((builder.form_of == key) & is_code)
            combined = builder.d[mine] * self.width + self.code[mine]
            unique, inverse = np.unique(combined, return_inverse=True)
            printed = set(unique.tolist())
            parents = np.empty(len(unique), dtype=np.int64)
            descendants: set[int] = set()
            for n, value in enumerate(unique.tolist()):
                d, code = divmod(value, self.width)
                base = d * self.width
                above = [base + p for p in prefixes[code] if base + p in printed]
                parents[n] = (above[0] - base) if above else self.total
                descendants.update(base + p for p in prefixes[code])
                descendants.add(base + self.total)
            self.parent[mine] = parents[inverse]
            self.printed_in[key] = unique
            self.with_children[key] = np.unique((unique // self.width) * self.width + parents)
            self.with_descendants[key] = np.array(sorted(descendants), dtype=np.int64)

    def absent(self, form: str, code: str) -> Gaps:
        """What it means, per disclosure, that a form does not print a code: nothing was spent
        on it, unless the form stops above it or prints only what is below it."""
        meaning = np.zeros(self.builder.size, dtype=np.int8)
        base = np.arange(self.builder.size, dtype=np.int64) * self.width
        decided = np.zeros(self.builder.size, dtype=bool)
        if code in self.ids:
            meaning[np.isin(base + self.ids[code], self.with_descendants[form])] = Gap.NOT_LISTED
            decided = meaning != Gap.NONE
        for above in [code[:k] for k in range(len(code) - 1, 2, -1)]:
            if above not in self.ids:
                continue
            key = base + self.ids[above]
            printed = np.isin(key, self.printed_in[form])
            meaning[~decided & printed & ~np.isin(key, self.with_children[form])] = Gap.NOT_LISTED
            decided |= printed
        nothing_listed = ~np.isin(base + self.total, self.with_children[form])
        meaning[~decided & nothing_listed & self.builder.has_amounts[form]] = Gap.NOT_LISTED
        return meaning

    def _rows(self, combined: Ints) -> Ints:
        """Mart rows of combined keys (all of which exist)."""
        return np.searchsorted(self.keys, combined)

    def kind_differs(self, form: Form) -> Bools:
        """Mart rows whose code the form cannot hold: economic ones in functional forms and the
        reverse, and anything below 类 in the lines of 01 and 04."""
        economic: Bools = self.economic[self.row_code]
        lengths = self.length[self.row_code]
        if form.layout == "two_sided":
            deep: Bools = lengths > 3
            return economic | deep
        if form.codes == "economic":
            coded: Bools = self.row_code != self.total
            return ~economic & coded
        return economic

    def value(self, address: Address) -> _Value:
        """A figure per row of the grain ``code``."""
        builder = self.builder
        form = forms()[address.form]
        positions = builder._table(address)
        column_gap, column_zero = builder._table_gap(address)
        gap = column_gap[self.row_disclosure]
        zero = column_zero[self.row_disclosure]
        size = len(self.keys)
        ticks = np.zeros(size, dtype=np.int64)
        half = np.zeros(size, dtype=np.int64)
        if address.row == "children":
            own = positions[self.parent[positions] >= 0]
            at = self._rows(builder.d[own] * self.width + self.parent[own])
            np.add.at(ticks, at, builder.ticks[own])
            np.add.at(half, at, np.where(builder.ticks[own] != 0, builder.half[own], 0))
            here = np.zeros(size, dtype=bool)
            here[at] = True
            gap[at[builder.bad[own]]] = Gap.UNREADABLE
            gap[(gap == Gap.NONE) & ~here] = Gap.NO_CHILDREN
            wanting = ~builder.complete[address.form][self.row_disclosure]
            gap[(gap == Gap.NONE) & wanting] = Gap.INCOMPLETE
            strange = builder.unknown_line[address.form, address.side][self.row_disclosure]
            gap[(gap == Gap.NONE) & strange] = Gap.UNKNOWN_LINE
            gap[self.kind_differs(form)] = Gap.OTHER_KIND
            ticks[gap != Gap.NONE] = 0
            return _Value(ticks, half, half, gap)
        own = positions[self.code[positions] >= 0]
        combined = builder.d[own] * self.width + self.code[own]
        at = self._rows(combined)
        # Lines of 01 and 04 whose class no form mentions have no row here, and are zero.
        exists = (at < size) & (self.keys[np.minimum(at, size - 1)] == combined)
        own, at = own[exists], at[exists]
        ticks[at] = builder.ticks[own]
        half = builder._column_half(address, positions)[self.row_disclosure]
        half[at] = builder.half[own]
        here = np.zeros(size, dtype=bool)
        here[at] = True
        gap[at[builder.bad[own]]] = Gap.UNREADABLE
        absent = (gap == Gap.NONE) & ~zero & ~here
        gap[absent] = self._absent_rows(address, form)[absent]
        gap[self.kind_differs(form)] = Gap.OTHER_KIND
        return Builder._finish(ticks, half, gap)

    def _absent_rows(self, address: Address, form: Form) -> Gaps:
        builder = self.builder
        meaning = np.zeros(len(self.keys), dtype=np.int8)
        if form.codes:
            base = self.row_disclosure * self.width
            below = np.isin(self.keys, self.with_descendants[form.key])
            meaning[below] = Gap.NOT_LISTED
            decided = below.copy()
            parent_of = self._prefixes()
            for level in range(parent_of.shape[1]):
                prefix = parent_of[self.row_code, level]
                known = prefix >= 0
                key = base + np.maximum(prefix, 0)
                printed = known & np.isin(key, self.printed_in[form.key])
                stops = printed & ~np.isin(key, self.with_children[form.key])
                meaning[~decided & stops] = Gap.NOT_LISTED
                decided |= printed
            unlisted = ~np.isin(base + self.total, self.with_children[form.key])
            spoken = builder.has_amounts[form.key][self.row_disclosure]
            meaning[~decided & unlisted & spoken] = Gap.NOT_LISTED
        meaning[self.row_code == self.total] = Gap.ROW_ABSENT
        meaning[builder.unknown_line[form.key, address.side][self.row_disclosure]] = (
            Gap.UNKNOWN_LINE
        )
        meaning[~builder.complete[form.key][self.row_disclosure]] = Gap.INCOMPLETE
        return meaning

    def _prefixes(self) -> Ints:
        """Per code its prefixes that are codes themselves, longest first; -1 pads."""
        table = np.full((self.width, 8), -1, dtype=np.int64)
        for n, name in enumerate(self.names):
            if name == self.TOTAL:
                continue
            above = [
                self.ids[name[:k]] for k in range(len(name) - 1, 2, -1) if name[:k] in self.ids
            ]
            table[n, : len(above[:8])] = above[:8]
        return table

    def printed(self, form: Form) -> Bools:
        """Mart rows of which a form says something: listed codes; lines with an amount."""
        builder = self.builder
        if form.codes:
            listed = np.asarray(np.isin(self.keys, self.printed_in[form.key]), dtype=bool)
        else:
            loud = (
                (builder.form_of == form.key)
                & (self.code >= 0)
                & ((builder.ticks != 0) | builder.bad)
            )
            listed = np.isin(self.keys, builder.d[loud] * self.width + self.code[loud])
        totals = self.row_code == self.total
        listed[totals] = builder.present[form.key][self.row_disclosure[totals]]
        return listed


def build_marts(
    batch: Batch, addresses: Iterable[Address], questions: Iterable[Question] = ()
) -> tuple[Builder, Mart, Mart]:
    """The two marts of a batch with a column per address and question.

    Returns the builder (for clauses and operands), the mart of disclosures and the mart of codes.
    """
    builder = Builder(batch)
    codes = builder.codes
    frames: dict[str, dict[str, pd.Series[Any]]] = {"disclosure": {}, "code": {}}
    gaps: dict[str, dict[str, Gaps]] = {"disclosure": {}, "code": {}}
    details: dict[str, dict[str, Mapping[int, str]]] = {"disclosure": {}, "code": {}}
    for address in sorted(set(addresses), key=str):
        value = codes.value(address) if address.grain == "code" else builder.value(address)
        known = value.gap == Gap.NONE
        columns = frames[address.grain]
        columns[address.mart_column] = nullable(value.ticks, known)
        columns[address.half_column] = nullable(value.half, known)
        columns[address.addend_half_column] = nullable(value.addend_half, known)
        gaps[address.grain][address.mart_column] = value.gap
    for question in sorted(set(questions), key=lambda q: q.mart_column):
        answer = INDICATORS[question.name](builder, question.argument, dict(question.parameters))
        column = question.mart_column
        frames[question.grain][column] = nullable(answer.yes.astype(np.int64), answer.gap == 0)
        gaps[question.grain][column] = answer.gap
        details[question.grain][column] = answer.details
    ids = batch.disclosures["disclosure_id"].astype(str).to_numpy(dtype=object)
    disclosure = Mart(
        "disclosure",
        ("disclosure_id",),
        pd.DataFrame({"disclosure_id": ids, **frames["disclosure"]}),
        np.arange(builder.size, dtype=np.int64),
        gaps["disclosure"],
        {},
        details["disclosure"],
    )
    names = np.array(codes.names, dtype=object)
    code = Mart(
        "code",
        ("disclosure_id", "code"),
        pd.DataFrame(
            {
                "disclosure_id": ids[codes.row_disclosure],
                "code": names[codes.row_code],
                **frames["code"],
            }
        ),
        codes.row_disclosure,
        gaps["code"],
        {key: codes.printed(form) for key, form in forms().items()},
        details["code"],
    )
    return builder, disclosure, code


def _factorize(series: pd.Series[Any]) -> tuple[Ints, list[str]]:
    ids, names = pd.factorize(series)
    return np.asarray(ids, dtype=np.int64), [str(name) for name in names]


def nullable(values: Ints, known: Bools) -> pd.Series[Any]:
    """An ``Int64`` series that is NULL where the value is not known."""
    return pd.Series(pd.arrays.IntegerArray(values.astype(np.int64), ~known))


# ---------------------------------------------------------------------------------- indicators


@dataclass(frozen=True)
class Answer:
    """Yes or no per row, where it can be told; ``details`` explains a no, by row."""

    yes: Bools
    gap: Gaps
    details: Mapping[int, str] = field(default_factory=dict)


Indicator = Callable[[Builder, str, Mapping[str, Any]], Answer]


def _present(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """The form is there, filled or declared empty. With fewer than ``at_least`` forms read the
    others are taken to stand in an attachment that is not at hand."""
    found = np.sum([builder.present[key] for key in forms()], axis=0)
    gap = np.where(found < int(parameters.get("at_least", 1)), Gap.UNKNOWN, Gap.NONE)
    gap[builder.form_gap[form] == Gap.FORM_NOT_YET] = Gap.FORM_NOT_YET
    return Answer(builder.present[form], gap.astype(np.int8))


def _filled(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """The form holds at least one amount. A form of which no cell was read tells nothing."""
    return Answer(builder.has_amounts[form], builder.form_gap[form])


def _explained(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """A blank form says that, and why, it is empty. Printed zeros say so by themselves."""
    gap = np.where(builder.present[form], Gap.NONE, Gap.FORM_ABSENT)
    gap[builder.form_gap[form] == Gap.FORM_NOT_YET] = Gap.FORM_NOT_YET
    gap[builder.has_figures[form] & ~builder.declared_empty[form]] = Gap.FILLED
    return Answer(builder.declared_empty[form], gap.astype(np.int8))


def _itemised(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """Every lowest code with an amount has at least ``digits`` digits."""
    digits = int(parameters["digits"])
    codes = builder.codes
    cells = np.flatnonzero((builder.form_of == form) & (codes.parent >= 0) & (builder.ticks != 0))
    combined = builder.d[cells] * codes.width + codes.code[cells]
    lowest = ~np.isin(combined, codes.with_children[form])
    shallow = np.unique(combined[lowest & (codes.length[codes.code[cells]] < digits)])
    yes = np.ones(builder.size, dtype=bool)
    named: dict[int, list[str]] = {}
    for key in shallow.tolist():
        d, code = divmod(key, codes.width)
        yes[d] = False
        named.setdefault(d, []).append(codes.names[code])
    gap = builder.form_gap[form].copy()
    gap[gap == Gap.NONE] = np.where(builder.has_amounts[form], Gap.NONE, Gap.NO_CHILDREN)[
        gap == Gap.NONE
    ]
    # A form that lists no code at all but has amounts is not itemised either.
    listed = builder._mark(builder.d[cells])
    yes[(gap == Gap.NONE) & ~listed] = False
    return Answer(yes, gap, {d: "、".join(codes) for d, codes in named.items()})


def _published_by(builder: Builder, argument: str, parameters: Mapping[str, Any]) -> Answer:
    """Published no later than ``month``-``day`` of the year after the accounts' year."""
    yes = np.zeros(builder.size, dtype=bool)
    gap = np.full(builder.size, Gap.UNKNOWN, dtype=np.int8)
    details: dict[int, str] = {}
    month, day = int(parameters["month"]), int(parameters["day"])
    for d, text in enumerate(builder.batch.disclosures["published_on"].tolist()):
        if builder.year[d] < 0 or not isinstance(text, str):
            continue
        try:
            published = date.fromisoformat(text)
        except ValueError:
            continue
        gap[d] = Gap.NONE
        yes[d] = published <= date(int(builder.year[d]) + 1, month, day)
        details[d] = text
    return Answer(yes, gap, details)


def _machine_readable(builder: Builder, argument: str, parameters: Mapping[str, Any]) -> Answer:
    """At least one figure was read without optical recognition."""
    optical: dict[tuple[str, ...], bool] = {}
    by_text = np.zeros(len(builder.d), dtype=bool)
    for n, readers in enumerate(builder.batch.facts["readers"].tolist()):
        key = tuple(readers or ())
        if key not in optical:
            optical[key] = bool(key) and all("ocr" in reader.lower() for reader in key)
        by_text[n] = not optical[key]
    any_fact = builder._mark(builder.d)
    yes = builder._mark(builder.d[by_text])
    gap = np.where(any_fact, Gap.NONE, Gap.UNKNOWN).astype(np.int8)
    return Answer(yes, gap)


def _official_host(builder: Builder, argument: str, parameters: Mapping[str, Any]) -> Answer:
    """A document came from a host below one of ``suffixes``. Hosts without a public name (a local
    copy, the replica portal) tell nothing."""
    suffixes = tuple(str(s) for s in parameters["suffixes"])
    yes = np.zeros(builder.size, dtype=bool)
    gap = np.full(builder.size, Gap.UNKNOWN, dtype=np.int8)
    details: dict[int, str] = {}
    for d, urls in enumerate(builder.batch.disclosures["urls"].tolist()):
        hosts = [(urlsplit(str(url)).hostname or "").lower() for url in urls or ()]
        public = [h for h in hosts if "." in h and not re.fullmatch(r"[\d.]+|.*:.*", h)]
        if public:
            gap[d] = Gap.NONE
            yes[d] = any(f".{h}".endswith(suffixes) for h in public)
            details[d] = "、".join(sorted(set(public)))
    return Answer(yes, gap, details)


def _same_name(builder: Builder, argument: str, parameters: Mapping[str, Any]) -> Answer:
    """A code bears one name in all functional forms. A name that is the beginning of another is
    taken to be cut by its cell, as printed forms do with long names."""
    codes = builder.codes
    facts = builder.batch.facts
    functional = np.isin(
        builder.form_of, [k for k, f in forms().items() if f.codes == "functional"]
    )
    size = len(codes.keys)
    yes = np.ones(size, dtype=bool)
    gap = np.full(size, Gap.OTHER_KIND, dtype=np.int8)
    chosen = np.flatnonzero(functional & (codes.parent >= 0))
    table = pd.DataFrame(
        {
            "key": builder.d[chosen] * codes.width + codes.code[chosen],
            "form": builder.form_of[chosen].astype(object),
            "name": facts["name"].to_numpy(dtype=object)[chosen],
        }
    ).drop_duplicates(["key", "form", "name"])
    squeezed = {name: squeeze(str(name)) for name in table["name"].unique()}
    table["plain"] = table["name"].map(squeezed)
    # Where readers saw parts of a wrapped name, the longest is the name.
    table["length"] = table["plain"].map(len)
    table = table[table["length"] > 0].sort_values(["key", "form", "length"], kind="stable")
    table = table.drop_duplicates(["key", "form"], keep="last")
    several = table.groupby("key")["form"].transform("nunique") > 1
    details: dict[int, str] = {}
    at = codes._rows(table.loc[several, "key"].to_numpy(dtype=np.int64))
    gap[at] = Gap.NONE
    distinct = table[several].drop_duplicates(["key", "plain"])
    clashing = distinct[distinct.groupby("key")["plain"].transform("size") > 1]
    for key, group in clashing.groupby("key"):
        longest = max(group["plain"], key=len)
        if not all(longest.startswith(plain) for plain in group["plain"]):
            row = int(codes._rows(np.array([key], dtype=np.int64))[0])
            yes[row] = False
            details[row] = "；".join(
                f"《{forms()[str(f)].title}》为“{n}”"
                for f, n in zip(group["form"], group["name"], strict=True)
            )
    return Answer(yes, gap, details)


INDICATORS: Final[Mapping[str, Indicator]] = {
    "present": _present,
    "filled": _filled,
    "explained": _explained,
    "itemised": _itemised,
    "published_by": _published_by,
    "machine_readable": _machine_readable,
    "official_host": _official_host,
    "same_name": _same_name,
}
_CODE_INDICATORS: Final = frozenset({"same_name"})

"""Batches: the facts of some disclosures as frames, from readings or out of the warehouse."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import compress, repeat
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Text,
    bindparam,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from disclosures.amounts import TICKS_PER_WAN, CellState, MoneyUnit, half_unit_wan
from disclosures.model import Reading, Remark
from disclosures.reading.readers.ocr_engine import NAME as RECOGNITION
from warehouse.figures import Bools, Ints
from warehouse.neighbours import Earlier, Units, neighbours
from warehouse.schema import (
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFact,
    CorePerformance,
    CoreStatement,
    RawDocument,
    RawReading,
)

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
    "topics",
    "remarks",
    "recognised",
    "unread",
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
    "agreed",
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
    "agreed",
    "doubtful",
)


#: Form, side, row and column.
CellKey = tuple[str, str, str, str]


class EarlierCell(NamedTuple):
    """A cell as an earlier version had it: ticks (None: blank or unreadable) and text. ``sure``:
    the readers agree on it, and could read it."""

    ticks: int | None
    text: str
    sure: bool


@dataclass(frozen=True)
class Batch:
    """The facts of some disclosures.

    ``disclosures``: one row each, columns :data:`DISCLOSURE_COLUMNS`; ``year`` is ``Int64``,
    ``published_on`` ``YYYY-MM-DD`` or None, ``media_types``, ``urls`` and ``documents`` are tuples,
    ``forms`` maps a form key to its ``title``, ``declared_empty``, ``complete`` and ``sha256``;
    ``topics`` and ``remarks`` are those of all documents (see :mod:`disclosures.reading.remarks`);
    ``recognised`` says that a document is a scan, of which no sentence was read, ``unread`` that
    pages or parts of tables were not read at all.

    ``facts``: one row per cell, columns :data:`FACT_COLUMNS`; ``amount_ticks`` and ``half_ticks``
    are ``Int64`` ticks, the first NULL when the cell is blank or unreadable. ``half_ticks`` is half
    a unit of the last decimal of the *column* as printed (see :func:`half_units`).

    ``statements``: one row per figure of the narrative, columns :data:`STATEMENT_COLUMNS`, from the
    one document whose narrative counts. ``performance``: one row per figure of the performance
    forms, columns :data:`PERFORMANCE_COLUMNS`. Both in printed order, ``value`` a decimal string
    in ``unit`` as printed; ``agreed`` is false where recognition of a picture alone saw it.
    """

    disclosures: pd.DataFrame
    facts: pd.DataFrame
    statements: pd.DataFrame = field(default_factory=lambda: _said_frame([]))
    performance: pd.DataFrame = field(default_factory=lambda: _performance_frame([]))
    previous: Batch | None = None
    """The same departments' accounts of the year before, as far as they are at hand."""
    previous_of: Mapping[str, str] = field(default_factory=dict)
    """Disclosure of this batch -> its disclosure in ``previous``."""
    unit_accounts: Batch | None = None
    """Accounts of the units whose figures departments of this batch add up."""
    units_of: Mapping[str, Units] = field(default_factory=dict)
    """Disclosure of this batch -> its units in ``unit_accounts``."""
    earlier: Mapping[str, Mapping[CellKey, EarlierCell]] = field(default_factory=dict)
    """Disclosure of this batch -> the cells of its forms in the version published before."""
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Disclosure of this batch -> hash of the others that stand beside it."""

    @classmethod
    def from_readings(
        cls,
        readings: Mapping[str, Sequence[Reading]],
        *,
        details: Mapping[str, Mapping[str, Any]] | None = None,
        previous: Mapping[str, Sequence[Reading]] | None = None,
        units: Mapping[str, Mapping[str, Sequence[Reading]]] | None = None,
        earlier: Mapping[str, Reading] | None = None,
    ) -> Batch:
        """A batch straight from readings, keyed by disclosure id.

        A form that several documents of one disclosure hold is taken from the first. ``details``
        adds ``published_on``, ``site``, ``region``, ``version`` or ``urls`` per disclosure.
        ``previous`` are the readings of the year before, ``units`` those of each listed unit by
        its name (none: not there), ``earlier`` is the version published before.
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
                    "" if one.value is None else str(one.value),
                    one.unit,
                    one.quote,
                    one.page,
                    one.direction,
                    one.versus,
                    one.agreed,
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
                    one.agreed,
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
                mine = [
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
                        _number(_ticks(fact.amount_wan)),
                        fact.state.value,
                        fact.agreed,
                        _number(fact.page),
                        _number(fact.decimals),
                        fact.unit.value,
                        fact.readers,
                        fact.seen,
                    )
                    for fact in reading.facts
                    if fact.form in taken
                ]
                if mine:
                    cells.add(dict(zip(_RAW_FACTS, zip(*mine, strict=True), strict=True)))
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
                "topics": tuple(topic for r in documents for topic in r.topics),
                "remarks": tuple(remark for r in documents for remark in r.remarks),
                "recognised": any(RECOGNITION in r.readers and not r.statements for r in documents),
                "unread": any(_left_out(r.notes) for r in documents),
            }
            row.update((details or {}).get(disclosure_id, {}))
            disclosures.append(row)
        accounts = {
            f"{one}/{name}": found
            for one, listed in (units or {}).items()
            for name, found in listed.items()
            if found
        }
        return cls(
            _disclosure_frame(disclosures),
            cells.frame(),
            _said_frame(said),
            _performance_frame(performed),
            previous=cls.from_readings(previous) if previous else None,
            previous_of={one: one for one in previous or ()},
            unit_accounts=cls.from_readings(accounts) if accounts else None,
            units_of={
                one: Units(
                    {name: f"{one}/{name}" for name, found in listed.items() if found},
                    tuple(name for name, found in listed.items() if not found),
                    complete=True,
                )
                for one, listed in (units or {}).items()
            },
            earlier={
                one: {
                    fact.key: _earlier_cell(
                        _ticks(fact.amount_wan), fact.text, fact.agreed, fact.state
                    )
                    for fact in before.facts
                }
                for one, before in (earlier or {}).items()
            },
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


def _ticks(amount_wan: Decimal | None) -> int | None:
    if amount_wan is None:
        return None
    # A spreadsheet may hold a figure finer than a tick; a tick is 0.0001 元, so it is rounded.
    return int((amount_wan * TICKS_PER_WAN).to_integral_value())


def _earlier_cell(ticks: int | None, text: str, agreed: bool, state: str) -> EarlierCell:
    return EarlierCell(ticks, text, agreed and state != CellState.UNREADABLE)


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

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Take some cells, with the columns ``_RAW_FACTS``. Numbers are ``_NO_NUMBER`` where there
        is none."""
        if not len(columns["form"]):
            return
        piece: dict[str, Any] = {}
        for name in _RAW_FACTS:
            values = columns[name]
            if name in self._NUMBERS:
                piece[name] = np.asarray(values, dtype=np.int64)
            elif name == "agreed":
                piece[name] = np.asarray(values, dtype=bool)
            else:
                piece[name] = self._shared(values)
        # Figures too large to be true are dropped.
        ticks = piece["amount_ticks"]
        wild = (np.abs(ticks) > LARGEST_TICKS) & (ticks != _NO_NUMBER)
        ticks[wild] = _NO_NUMBER
        piece["state"][wild] = CellState.UNREADABLE.value
        self._pieces.append(piece)

    def _shared(self, values: Sequence[Any]) -> npt.NDArray[np.object_]:
        """A column of objects, equal ones being one. None stays None."""
        column = np.empty(len(values), dtype=object)
        column[:] = values
        # Tuples would be taken for rows, were they not looked at one by one.
        ids, found = pd.factorize(column)
        distinct = np.empty(len(found) + 1, dtype=object)
        distinct[:-1] = [self._known.setdefault(value, value) for value in found]
        distinct[-1] = None
        return np.asarray(distinct[ids], dtype=object)

    def frame(self) -> pd.DataFrame:
        """All cells, columns ``FACT_COLUMNS``."""
        columns: dict[str, Any] = {}
        for name in _RAW_FACTS:
            kind = (
                np.int64 if name in self._NUMBERS else np.bool_ if name == "agreed" else np.object_
            )
            parts = [piece.pop(name) for piece in self._pieces]
            values: Any = np.concatenate(parts) if parts else np.array([], dtype=kind)
            if name in self._NUMBERS:
                missing = values == _NO_NUMBER
                values[missing] = 0
                columns[name] = pd.arrays.IntegerArray(values, missing)
            else:
                columns[name] = values
        self._pieces.clear()
        half = half_units(columns)
        frame = pd.DataFrame({n: columns[n] for n in _RAW_FACTS if n in FACT_COLUMNS}, copy=False)
        frame["side"] = frame["side"].fillna("")
        frame["half_ticks"] = pd.Series(half, index=frame.index, dtype="Int64")
        return frame[list(FACT_COLUMNS)]


#: Stands for "no number" in a column of 64-bit integers on its way.
_NO_NUMBER: Final = -(2**63)


def _number(value: int | None) -> int:
    """What 64 bits do not hold is taken to be as large as they can: no figure of a department
    comes near."""
    return _NO_NUMBER if value is None else max(_NO_NUMBER + 1, min(2**63 - 1, value))


def _said_frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(STATEMENT_COLUMNS), dtype=object)


def _performance_frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(PERFORMANCE_COLUMNS), dtype=object)


def _is_doubtful(project: str, notes: Sequence[str]) -> bool:
    """Whether the readers note of a performance form that a row of it was not read."""
    return any("绩效表" in note and project and project in note for note in notes)


#: What readers note of what they did not read: pictures, and tables whose columns tell nothing.
_UNREAD: Final = re.compile(r"未作识别|该部分未读")


def _left_out(notes: Sequence[str]) -> bool:
    return any(_UNREAD.search(note) for note in notes)


def half_units(facts: Mapping[str, Any]) -> Ints:
    """Half a unit of the last printed decimal of each cell's column, in ticks. ``facts`` are
    columns (``disclosure_id``, ``form``, ``column``, ``decimals``, ``amount_ticks``, ``unit``).

    The column decides and not the cell, because spreadsheets drop trailing zeros. It has as many
    decimals as the most precise tenth of its non-zero figures shows, so that one stray cell does
    not make every other figure more precise than it is; a cell that shows more than its column
    keeps its own. A column with fewer than three figures tells too little about itself and is
    taken to be as precise as its form.
    """
    shown = facts["decimals"].to_numpy(dtype="float64", na_value=np.nan)
    amounts = facts["amount_ticks"].to_numpy(dtype="int64", na_value=0)
    spoken = (amounts != 0) & ~np.isnan(shown)
    by_form = _groups(facts, ("disclosure_id", "form"))
    by_column = _groups({"form": by_form, "column": facts["column"]}, ("form", "column"))
    of_column, figures = _precision(by_column, shown, spoken)
    of_form, form_figures = _precision(by_form, shown, spoken)
    # A form of zeros only is as precise as its zeros look.
    zeros_of_form, zeros = _precision(by_form, shown, ~np.isnan(shown))
    fallback = np.where(form_figures > 0, of_form, np.where(zeros > 0, zeros_of_form, np.nan))
    decimals = np.where(figures >= 3, of_column, np.fmax(of_column, fallback))
    decimals = np.fmax(decimals, np.where(spoken, shown, np.nan))
    halves = np.zeros(len(shown), dtype=np.int64)
    unit_of, units = pd.factorize(facts["unit"])
    known = np.flatnonzero(~np.isnan(decimals))
    places = decimals[known].astype(np.int64)
    kinds, kind_of = np.unique(places * len(units) + unit_of[known], return_inverse=True)
    table = np.zeros(len(kinds), dtype=np.int64)
    for n, kind in enumerate(kinds.tolist()):
        place, unit = divmod(kind, len(units))
        table[n] = math.ceil(half_unit_wan(place, MoneyUnit(str(units[unit]))) * TICKS_PER_WAN)
    halves[known] = table[kind_of]
    return halves


def _groups(facts: Mapping[str, Any], columns: tuple[str, str]) -> Ints:
    """Per row the number of its pair of values."""
    one, _ = pd.factorize(facts[columns[0]])
    other, names = pd.factorize(facts[columns[1]])
    ids, _ = pd.factorize(one.astype(np.int64) * len(names) + other)
    return np.asarray(ids, dtype=np.int64)


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
    """The facts of the named disclosures (all when None) as the warehouse holds them, with those
    of the year before and of their units beside them, as far as they are there.

    Forms come from the documents, and in the reader versions, that ``core_disclosure_documents``
    names for them.
    """
    with engine.connect() as connection:
        if disclosure_ids is None:
            found = connection.execute(
                select(CoreDisclosure.disclosure_id).order_by(CoreDisclosure.disclosure_id)
            )
            disclosure_ids = [row[0] for row in found]
        beside = neighbours(connection, disclosure_ids)
        batch = _load(connection, disclosure_ids)
        earlier = {
            one: _earlier_cells(connection, several) for one, several in beside.earlier.items()
        }
        previous, units = (
            _load(connection, sorted(others), totals_only=True) if others else None
            for others in (
                set(beside.previous.values()),
                {one for units in beside.units.values() for one in units.found.values()},
            )
        )
    return replace(
        batch,
        previous=previous,
        previous_of=beside.previous,
        unit_accounts=units,
        units_of=beside.units,
        earlier=earlier,
        contexts=beside.contexts,
    )


def _earlier_cells(
    connection: Connection, versions: Sequence[Earlier]
) -> dict[CellKey, EarlierCell]:
    """The cells of earlier documents; of a form that two of them had, the first's."""
    found: dict[CellKey, EarlierCell] = {}
    forms: set[str] = set()
    for one in versions:
        rows = connection.execute(
            select(
                CoreFact.form,
                CoreFact.side,
                CoreFact.row,
                CoreFact.column,
                type_coerce(CoreFact.amount_wan, BigInteger),
                CoreFact.text,
                CoreFact.agreed,
                CoreFact.state,
            ).where(CoreFact.sha256 == one.earlier, CoreFact.reader_version == one.reader_version)
        ).all()
        for form, side, name, column, ticks, text, agreed, state in rows:
            if form not in forms:
                found[form, side, name, column] = _earlier_cell(ticks, text, agreed, state)
        forms |= {row[0] for row in rows}
    return found


def _load(
    connection: Connection, disclosure_ids: Sequence[str], *, totals_only: bool = False
) -> Batch:
    """A batch; ``totals_only`` leaves out coded rows, narrative and performance forms."""
    disclosures: list[dict[str, Any]] = []
    cells = _Cells()
    said: list[tuple[Any, ...]] = []
    performed: list[tuple[Any, ...]] = []
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
                RawReading.notes,
                RawReading.readers,
                RawReading.statements,
                RawReading.topics,
                RawReading.remarks,
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
                "topics": (),
                "remarks": (),
                "recognised": False,
                "unread": False,
            }
            for head in heads
        }
        for document in documents:
            row = by_id[document.disclosure_id]
            row["documents"] += (document.sha256,)
            row["media_types"] += (document.media_type,)
            row["urls"] += (document.url,) if document.url else ()
            row["topics"] += tuple(document.topics or ())
            row["remarks"] += tuple(Remark(**r) for r in document.remarks or ())
            row["unread"] |= _left_out(document.notes or ())
            row["recognised"] |= RECOGNITION in (document.readers or {}) and not document.statements
            for form in document.read_forms or ():
                if form["form"] in taken[document.disclosure_id, document.sha256]:
                    row["forms"][form["form"]] = {
                        "title": form.get("title", ""),
                        "declared_empty": bool(form.get("declared_empty", False)),
                        "complete": bool(form.get("complete", True)),
                        "sha256": document.sha256,
                    }
        disclosures += [by_id[i] for i in wanted if i in by_id]
        only = (CoreFact.code.is_(None),) if totals_only else ()
        _add_stored_facts(connection, cells, wanted, taken, *only)
        if totals_only:
            continue
        said += _stored_statements(connection, wanted)
        notes = {d.sha256: d.notes or () for d in documents}
        performed += _stored_performance(connection, wanted, notes)
    return Batch(
        _disclosure_frame(disclosures),
        cells.frame(),
        _said_frame(said),
        _performance_frame(performed),
    )


def _listed(
    connection: Connection,
    model: type[CoreFact] | type[CoreStatement] | type[CorePerformance],
    stored: Mapping[str, Any],
    wanted: Sequence[str],
    *conditions: ColumnElement[bool] | InstrumentedAttribute[bool],
) -> Iterator[tuple[str, str, dict[str, Sequence[Any]]]]:
    """Disclosure, document and columns of each document of some disclosures, in printed order.

    One row per document with a JSON list per column: a row per cell would cost more than all that
    is done with it, and so would sorting the cells by their documents.
    """
    sqlite = connection.dialect.name == "sqlite"
    listed = func.json_group_array if sqlite else func.json_agg
    together = func.json_array if sqlite else func.json_build_array
    lists = (
        select(together(listed(model.ordinal), *(listed(column) for column in stored.values())))
        .where(
            model.sha256 == CoreDisclosureDocument.sha256,
            model.reader_version == CoreDisclosureDocument.reader_version,
            *conditions,
        )
        .correlate(CoreDisclosureDocument)
        .scalar_subquery()
    )
    query = (
        select(
            CoreDisclosureDocument.disclosure_id, CoreDisclosureDocument.sha256, cast(lists, Text)
        )
        .where(CoreDisclosureDocument.disclosure_id.in_(bindparam("ids", expanding=True)))
        .order_by(
            CoreDisclosureDocument.disclosure_id,
            CoreDisclosureDocument.ordinal,
            CoreDisclosureDocument.sha256,
        )
    )
    for disclosure_id, sha256, text in connection.execute(query, {"ids": list(wanted)}):
        ordinals, *found = json.loads(text)
        if not ordinals:
            continue
        columns: dict[str, Sequence[Any]] = dict(zip(stored, found, strict=True))
        # The lists of a document come in any order, but all in the same.
        if any(map(operator.gt, ordinals, ordinals[1:])):
            order = operator.itemgetter(*sorted(range(len(ordinals)), key=ordinals.__getitem__))
            columns = {name: order(values) for name, values in columns.items()}
        yield disclosure_id, sha256, columns


def _add_stored_facts(
    connection: Connection,
    cells: _Cells,
    wanted: Sequence[str],
    taken: Mapping[tuple[str, str], frozenset[str]],
    *conditions: ColumnElement[bool],
) -> None:
    """Take the facts of the forms that some disclosures take from each document."""
    stored = {
        "form": CoreFact.form,
        "side": CoreFact.side,
        "row": CoreFact.row,
        "column": CoreFact.column,
        "code": CoreFact.code,
        "name": CoreFact.name,
        "text": CoreFact.text,
        "amount_ticks": func.coalesce(type_coerce(CoreFact.amount_wan, BigInteger), _NO_NUMBER),
        "state": CoreFact.state,
        "agreed": CoreFact.agreed,
        "page": func.coalesce(CoreFact.page, _NO_NUMBER),
        "decimals": func.coalesce(CoreFact.decimals, _NO_NUMBER),
        "unit": CoreFact.unit,
        "readers": cast(CoreFact.readers, Text),
        "seen": cast(CoreFact.seen, Text),
    }
    columns: dict[str, list[Any]] = {name: [] for name in _RAW_FACTS}
    listed = _listed(connection, CoreFact, stored, wanted, *conditions)
    found = sorted(listed, key=operator.itemgetter(0, 1))
    for disclosure_id, sha256, lists in found:
        forms_taken = taken[disclosure_id, sha256]
        if not forms_taken.issuperset(lists["form"]):
            mine = [form in forms_taken for form in lists["form"]]
            lists = {name: list(compress(values, mine)) for name, values in lists.items()}
        size = len(lists["form"])
        columns["disclosure_id"] += [disclosure_id] * size
        columns["sha256"] += [sha256] * size
        for name, values in lists.items():
            columns[name] += values
    columns["readers"] = [_names_of(text) for text in columns["readers"]]
    columns["seen"] = [_seen_of(text) for text in columns["seen"]]
    cells.add(columns)


def _stored_statements(connection: Connection, wanted: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    stored = {name: getattr(CoreStatement, name) for name in STATEMENT_COLUMNS[2:]}
    for disclosure_id, sha256, lists in _listed(
        connection, CoreStatement, stored, wanted, CoreDisclosureDocument.narrative
    ):
        yield from zip(repeat(disclosure_id), repeat(sha256), *lists.values())


def _stored_performance(
    connection: Connection, wanted: Sequence[str], notes: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Any, ...]]:
    """Of every document but those that only repeat another one; ``notes`` by document."""
    stored = {name: getattr(CorePerformance, name) for name in PERFORMANCE_COLUMNS[2:-1]}
    for disclosure_id, sha256, lists in _listed(
        connection, CorePerformance, stored, wanted, CoreDisclosureDocument.role != "alternate"
    ):
        doubtful = {p: _is_doubtful(p, notes[sha256]) for p in set(lists["project"])}
        lists["doubtful"] = [doubtful[project] for project in lists["project"]]
        yield from zip(repeat(disclosure_id), repeat(sha256), *lists.values())

"""Batches: the facts of some disclosures as frames."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from disclosures.amounts import TICKS_PER_WAN, CellState
from disclosures.model import Reading
from disclosures.reading.readers.ocr_engine import NAME as RECOGNITION
from warehouse.cells import RAW_FACTS, Cells, as_int64
from warehouse.figures import Ints
from warehouse.neighbours import Units

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

    ``facts``: one row per cell, columns :data:`warehouse.cells.FACT_COLUMNS`; ``amount_ticks`` and
    ``half_ticks`` are ``Int64`` ticks, the first NULL when the cell is blank or unreadable.
    ``half_ticks`` is half a unit of the last decimal of the *column* as printed (see
    :func:`warehouse.cells.half_units`).

    ``statements``: one row per figure of the narrative, columns :data:`STATEMENT_COLUMNS`, from the
    one document whose narrative counts. ``performance``: one row per figure of the performance
    forms, columns :data:`PERFORMANCE_COLUMNS`. Both in printed order, ``value`` a decimal string
    in ``unit`` as printed; ``agreed`` is false where recognition of a picture alone saw it.
    """

    disclosures: pd.DataFrame
    facts: pd.DataFrame
    statements: pd.DataFrame = field(default_factory=lambda: said_frame([]))
    performance: pd.DataFrame = field(default_factory=lambda: performance_frame([]))
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
        cells = Cells()
        said: list[tuple[Any, ...]] = []
        performed: list[tuple[Any, ...]] = []
        for disclosure_id, documents in readings.items():
            told = max(documents, key=lambda r: len(r.statements), default=None)
            if told is not None:
                said += _statement_rows(disclosure_id, told)
            found: dict[str, dict[str, Any]] = {}
            for reading in documents:
                performed += _performance_rows(disclosure_id, reading)
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
                mine = list(_fact_rows(disclosure_id, reading, taken))
                if mine:
                    cells.add(dict(zip(RAW_FACTS, zip(*mine, strict=True), strict=True)))
            row = _head(disclosure_id, documents, found)
            disclosures.append(row | dict((details or {}).get(disclosure_id, {})))
        accounts = {
            f"{one}/{name}": found
            for one, listed in (units or {}).items()
            for name, found in listed.items()
            if found
        }
        return cls(
            disclosure_frame(disclosures),
            cells.frame(),
            said_frame(said),
            performance_frame(performed),
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
                    fact.key: earlier_cell(
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


def _head(
    disclosure_id: str, documents: Sequence[Reading], forms: Mapping[str, Any]
) -> dict[str, Any]:
    """A row of :attr:`Batch.disclosures`, as far as readings tell it."""
    return {
        "disclosure_id": disclosure_id,
        "agency": next((r.agency for r in documents if r.agency), None),
        "year": next((r.year for r in documents if r.year), None),
        "published_on": None,
        "site": None,
        "region": None,
        "version": documents[0].sha256 if documents else "",
        "media_types": tuple(r.media_type for r in documents),
        "urls": (),
        "documents": tuple(r.sha256 for r in documents),
        "forms": forms,
        "topics": tuple(topic for r in documents for topic in r.topics),
        "remarks": tuple(remark for r in documents for remark in r.remarks),
        "recognised": any(RECOGNITION in r.readers and not r.statements for r in documents),
        "unread": any(left_out(r.notes) for r in documents),
    }


def _statement_rows(disclosure_id: str, reading: Reading) -> Iterator[tuple[Any, ...]]:
    """Rows with :data:`STATEMENT_COLUMNS`."""
    for one in reading.statements:
        yield (
            disclosure_id,
            reading.sha256,
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


def _performance_rows(disclosure_id: str, reading: Reading) -> Iterator[tuple[Any, ...]]:
    """Rows with :data:`PERFORMANCE_COLUMNS`."""
    for one in reading.performance:
        yield (
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
            is_doubtful(one.project, reading.notes),
        )


def _fact_rows(
    disclosure_id: str, reading: Reading, forms: Collection[str]
) -> Iterator[tuple[Any, ...]]:
    """Rows with :data:`warehouse.cells.RAW_FACTS` of some forms."""
    for fact in reading.facts:
        if fact.form in forms:
            yield (
                disclosure_id,
                reading.sha256,
                fact.form,
                fact.side.value if fact.side else "",
                fact.row,
                fact.column,
                fact.code,
                fact.name,
                fact.text,
                as_int64(_ticks(fact.amount_wan)),
                fact.state.value,
                fact.agreed,
                as_int64(fact.page),
                fact.readers,
                fact.unit.value,
                fact.seen,
                as_int64(fact.decimals),
            )


def _ticks(amount_wan: Decimal | None) -> int | None:
    if amount_wan is None:
        return None
    # A spreadsheet may hold a figure finer than a tick; a tick is 0.0001 元, so it is rounded.
    return int((amount_wan * TICKS_PER_WAN).to_integral_value())


def earlier_cell(ticks: int | None, text: str, agreed: bool, state: str) -> EarlierCell:
    return EarlierCell(ticks, text, agreed and state != CellState.UNREADABLE)


def disclosure_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(DISCLOSURE_COLUMNS))
    frame["year"] = pd.array(frame["year"].tolist(), dtype="Int64")
    return frame


def said_frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(STATEMENT_COLUMNS), dtype=object)


def performance_frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(PERFORMANCE_COLUMNS), dtype=object)


def is_doubtful(project: str, notes: Sequence[str]) -> bool:
    """Whether the readers note of a performance form that a row of it was not read."""
    return any("绩效表" in note and project and project in note for note in notes)


#: What readers note of what they did not read: pictures, and tables whose columns tell nothing.
_UNREAD: Final = re.compile(r"未作识别|该部分未读")


def left_out(notes: Sequence[str]) -> bool:
    return any(_UNREAD.search(note) for note in notes)

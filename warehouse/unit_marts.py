"""Checks of a department's accounts against those of its units, where all of them are archived.

A department's accounts add up those of its own office and of its units. A batch may hold the
units' accounts beside its own (:attr:`Batch.unit_accounts`). The one shape, ``summed``, compares a
cell of the department's forms with the sum of the same cell of its units; grain ``units``, in
10⁻⁸ 万元. It is judged only where the department's whole list of units was read and each has its
accounts here.

Dealings among the units are left out of a department's sum, and units come and go, so these are
never more than warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from disclosures.amounts import MoneyUnit
from warehouse.addresses import Address, Gap
from warehouse.checks import CheckMart, CheckRow, Evidence, Span, collect
from warehouse.marts import Builder
from warehouse.neighbours import Units

_UNIT: Final = MoneyUnit.WAN.value
_NAMED: Final = 5


class Summed(BaseModel):
    """A cell of the department's forms is the sum of that cell in its units' forms. ``subject``
    is what auditors read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Literal["summed"]
    subject: str
    cell: str


class UnitChecks:
    """Rows of the shape for all departments of a batch that list units."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        batch = builder.batch
        self.accounts: Builder | None = None
        self._places: dict[str, int] = {}
        if batch.unit_accounts is not None and len(batch.unit_accounts):
            self.accounts = Builder(batch.unit_accounts)
            accounts = batch.unit_accounts.disclosures["disclosure_id"]
            self._places = {str(one): n for n, one in enumerate(accounts)}
        ids = map(str, batch.disclosures["disclosure_id"])
        self.of = {d: batch.units_of[one] for d, one in enumerate(ids) if one in batch.units_of}

    def rows(self, shape: Summed) -> list[CheckRow]:
        """The checks of one rule."""
        return list(self._rows(shape)) if self.of else []

    def _rows(self, shape: Summed) -> Iterator[CheckRow]:
        address = Address.parse(shape.cell)
        own = self.builder.value(address)
        of_units = self.accounts.value(address) if self.accounts is not None else None
        for d, units in self.of.items():
            row = CheckRow(d, shape.subject, _UNIT)
            missing = _missing(units)
            if missing or self.accounts is None or of_units is None:
                yield row.unjudged(missing=missing or "没有归档所属单位的决算")
                continue
            if own.gap[d] != Gap.NONE:
                yield row.unjudged(missing="本决算的报表中没有这个数字")
                continue
            stated = Span(int(own.ticks[d]), int(own.half[d]))
            total, doubtful = Span(0), False
            without: list[str] = []
            evidence: list[Evidence] = [Evidence("address", "stated", address=address)]
            agreed = self.accounts.batch.facts["agreed"]
            larger = ""
            for name, one in units.found.items():
                place = self._places[one]
                if of_units.gap[place] != Gap.NONE:
                    without.append(name)
                    continue
                part = Span(int(of_units.ticks[place]), int(of_units.half[place]))
                if abs(part.value) > abs(stated.value) + stated.half + part.half:
                    larger = name
                total = total.plus(part)
                cells = self.accounts.cells(address, place)
                evidence += [Evidence("unit", position=cell) for cell in cells]
                doubtful |= not all(bool(agreed.iat[cell]) for cell in cells)
            if without:
                yield row.unjudged(missing=f"所属单位的报表中没有这个数字：{_some(without)}")
            elif larger:
                yield row.unjudged(
                    missing=f"所列单位“{larger}”的数大于本决算，所列可能是上级部门的单位名单"
                )
            elif not (stated.is_zero and total.is_zero):
                yield row._replace(doubtful=doubtful).judged(stated, total, tuple(evidence))


def _missing(units: Units) -> str:
    if units.missing:
        return f"没有归档下列所属单位的决算，或有同名的几份：{_some(units.missing)}"
    return "" if units.complete else "所属单位的名单未能读全"


def _some(names: list[str] | tuple[str, ...]) -> str:
    more = f"等{len(names)}个" if len(names) > _NAMED else ""
    return "、".join(names[:_NAMED]) + more


def build_unit_mart(
    builder: Builder, shapes: Mapping[str, Summed]
) -> tuple[CheckMart, frozenset[int]]:
    """The mart, and the disclosures that list units."""
    checks = UnitChecks(builder)
    found = {key: checks.rows(shape) for key, shape in shapes.items()}
    return collect("units", found), frozenset(checks.of)

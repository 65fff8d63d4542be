"""Checks of a disclosure against the version of it that its address gave before.

A disclosure that was published anew may say other figures than before. The one shape, ``reissued``,
counts per form the cells that both versions have and that differ; grain ``versions``, in cells.
Corrections are lawful, so this is information.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from disclosures.amounts import from_ticks
from disclosures.forms import forms
from warehouse.checks import SCALE, CheckMart, CheckRow, Evidence, Span, collect
from warehouse.marts import Builder

_UNIT: Final = "处"
#: Changes that are told in full.
_TOLD: Final = 8


class Reissued(BaseModel):
    """The cells of a form are those of the version before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Literal["reissued"]


class VersionChecks:
    """Rows of the shape for all disclosures of a batch that replaced an earlier version."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        ids = map(str, builder.batch.disclosures["disclosure_id"])
        self.of = {
            d: builder.batch.earlier[i] for d, i in enumerate(ids) if i in builder.batch.earlier
        }

    def rows(self, shape: Reissued) -> list[CheckRow]:
        """The checks of one rule."""
        return [row for d in self.of for row in self._of(d)]

    def _of(self, d: int) -> Iterator[CheckRow]:
        batch, earlier = self.builder.batch, self.of[d]
        facts = batch.facts
        compared: dict[str, int] = defaultdict(int)
        changed: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
        for n in (self.builder.d == d).nonzero()[0].tolist():
            key = tuple(facts[c].iat[n] for c in ("form", "side", "row", "column"))
            before = earlier.get((str(key[0]), str(key[1]), str(key[2]), str(key[3])))
            if before is None:
                continue
            form = str(key[0])
            compared[form] += 1
            # Blank and zero are one value.
            now = int(self.builder.ticks[n])
            if now != (before.ticks or 0):
                read = bool(facts["agreed"].iat[n]) and not self.builder.bad[n]
                then = from_ticks(before.ticks or 0)
                told = f"{facts['name'].iat[n]}由 {then:f} 变为 {from_ticks(now):f}"
                changed[form].append((n, told, read and before.sure))
        for form, count in compared.items():
            row = CheckRow(d, f"《{forms()[form].title}》", _UNIT)
            mine = changed[form]
            if not mine:
                cell = Span(count * SCALE)
                yield row.judged(cell, cell, ())
                continue
            more = f"等 {len(mine)} 处" if len(mine) > _TOLD else ""
            detail = "；".join(told for _, told, _ in mine[:_TOLD]) + more
            # A figure that was not surely read in either version may not have changed at all.
            doubtful = not all(sure for _, _, sure in mine)
            evidence = tuple(Evidence("cell", "stated", position=n) for n, _, _ in mine[:_TOLD])
            yield row._replace(detail=detail, doubtful=doubtful).judged(
                Span(len(mine) * SCALE), Span(0), evidence
            )


def build_version_mart(
    builder: Builder, shapes: Mapping[str, Reissued]
) -> tuple[CheckMart, frozenset[int]]:
    """The mart, and the disclosures that replaced an earlier version."""
    checks = VersionChecks(builder)
    found = {key: checks.rows(shape) for key, shape in shapes.items()}
    return collect("versions", found), frozenset(checks.of)

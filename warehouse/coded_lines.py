"""The coded lines of a form by the names that a narrative gives them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from disclosures.forms import squeeze
from warehouse.addresses import Address
from warehouse.checks import Evidence, Known, Span
from warehouse.marts import Builder

ITEM_PATH: Final = re.compile(
    r"(?P<class>[^,，。;；：:、]*?)\(类\)(?P<section>[^,，。;；：:]*?)\(款\)(?P<item>[^,，。;；：:]*?)\(项\)"
)
#: A cut or wrapped name is taken for the name that it begins, from this many characters on.
_CUT_NAME: Final = 6


class CodedLine(NamedTuple):
    """A coded line; ``ticks`` is None where the figure is unreadable."""

    code: str
    name: str
    position: int
    ticks: int | None
    half: int

    @property
    def known(self) -> Known | None:
        """The figure, unless it is unreadable; few of the lines are ever asked for theirs."""
        if self.ticks is None:
            return None
        return Known(Span(self.ticks, self.half), (Evidence("cell", position=self.position),))


class CodedLines:
    """The coded lines of a form's column by disclosure, for figures that name no code."""

    def __init__(self, builder: Builder, form: str, column: str) -> None:
        self._builder = builder
        positions = builder.table(Address(form, "", "each", column))
        digits = np.array([name.isdigit() for name in builder.row_names], dtype=bool)
        positions = positions[digits[builder.row[positions]]]
        # Facts come by disclosure, but not in the order in which the batch names them.
        positions = positions[np.argsort(builder.d[positions], kind="stable")]
        bounds = np.searchsorted(builder.d[positions], np.arange(builder.size + 1))
        self._positions, self._bounds = positions, bounds.tolist()
        self._of: dict[int, list[CodedLine]] = {}
        self._of_name: dict[int, dict[str, list[int]]] = {}

    def of(self, disclosure: int) -> list[CodedLine]:
        """The coded lines of one disclosure, in printed order."""
        found = self._of.get(disclosure)
        if found is None:
            found = self._of[disclosure] = list(self._made(disclosure))
        return found

    def _made(self, disclosure: int) -> Iterator[CodedLine]:
        builder = self._builder
        start, stop = self._bounds[disclosure : disclosure + 2]
        own = self._positions[start:stop]
        names = builder.row_names
        for n, row, name, ticks, half, bad in zip(
            own.tolist(),
            builder.row[own].tolist(),
            builder.names[own].tolist(),
            builder.ticks[own].tolist(),
            builder.half[own].tolist(),
            builder.bad[own].tolist(),
            strict=True,
        ):
            yield CodedLine(
                names[row], _line_title(str(name or "")), n, None if bad else ticks, half
            )

    def _alike(self, disclosure: int, wanted: str) -> list[CodedLine]:
        """The lines that may bear a name, in printed order."""
        lines = self.of(disclosure)
        found = self._of_name.get(disclosure)
        if found is None:
            found = self._of_name[disclosure] = defaultdict(list)
            for n, line in enumerate(lines):
                for key in _name_keys(line.name):
                    found[key].append(n)
        numbers = {n for key in _name_keys(wanted) for n in found.get(key, ())}
        return [lines[n] for n in sorted(numbers)]

    def named(self, disclosure: int, subject: str, quote: str) -> list[CodedLine]:
        """The lines that a statement's subject names."""
        wanted, lengths = _line_name(subject)
        if not wanted:
            return []
        alike = self._alike(disclosure, wanted)
        found = [x for x in alike if len(x.code) in lengths and same_name(x.name, wanted)]
        if len(found) < 2 or 3 in lengths:
            return found
        path = next(
            (p for p in ITEM_PATH.finditer(squeeze(quote)) if p["item"] == wanted and p["section"]),
            None,
        )
        if path is None:
            return found
        lines = self.of(disclosure)
        sections = [
            x.code for x in lines if len(x.code) == 5 and same_name(x.name, path["section"])
        ]
        exact = [x for x in found if x.code[:5] in sections]
        return exact or found


@lru_cache(maxsize=65536)
def _line_title(name: str) -> str:
    return squeeze(name)


@lru_cache(maxsize=65536)
def _line_name(subject: str) -> tuple[str, tuple[int, ...]]:
    """The name that a subject gives a line, and how many digits its code may have."""
    plain = squeeze(subject)
    if plain.startswith("项:"):
        return plain[2:], (6, 7, 8, 9)
    if plain.startswith("款:"):
        return plain[2:], (5,)
    if plain.endswith("(类)"):
        return plain.removesuffix("(类)"), (3,)
    return "", ()


def _name_keys(name: str) -> tuple[str, ...]:
    """Names that may be the same have one of these in common."""
    whole = name.removesuffix("支出")
    return (whole, name[:_CUT_NAME]) if len(name) >= _CUT_NAME else (whole,)


@lru_cache(maxsize=65536)
def same_name(printed: str, wanted: str) -> bool:
    if printed == wanted or printed.removesuffix("支出") == wanted.removesuffix("支出"):
        return bool(printed)
    short, long = sorted((printed, wanted), key=len)
    return len(short) >= _CUT_NAME and long.startswith(short)

"""Naming figures: addresses of cells and sums, questions, and why a figure is not there.

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
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from disclosures.forms import Form, forms
from disclosures.model import Side


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


TWO_SIDED: Final = frozenset(k for k, f in forms().items() if f.layout == "two_sided")
#: Questions that are asked per code.
_CODE_QUESTIONS: Final = frozenset(
    {
        "same_name",
        "economic_name",
        "economic_known",
        "functional_name",
        "functional_known",
        "no_project",
    }
)
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
        side = parts[1] if parts[0] in TWO_SIDED and len(parts) > 1 else ""
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
        return "code" if self.name in _CODE_QUESTIONS else "disclosure"

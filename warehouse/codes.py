"""The rows of the grain ``code``: which codes a disclosure prints, and who is whose child."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from disclosures.forms import Form, forms
from warehouse.addresses import TWO_SIDED, Address, Gap
from warehouse.figures import Bools, Gaps, Ints, Value, among

if TYPE_CHECKING:
    from warehouse.marts import Builder


class Codes:
    """The rows of the grain ``code`` and who is whose child, form by form."""

    TOTAL: Final = "total"

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        coded = np.isin(builder.form_of, [k for k, f in forms().items() if f.codes])
        lists_classes = np.isin(builder.form_of, list(TWO_SIDED)) & builder.expense
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
        self._absent: dict[tuple[str, str], Gaps] = {}
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
        self._above = self._prefixes()
        for key, form in forms().items():
            if not form.codes:
                continue
            mine = np.flatnonzero((builder.form_of == key) & is_code)
            combined = builder.d[mine] * self.width + self.code[mine]
            unique, inverse = np.unique(combined, return_inverse=True)
            base = unique // self.width * self.width
            parents = np.full(len(unique), self.total, dtype=np.int64)
            missing = np.ones(len(unique), dtype=bool)
            descendants = [base + self.total]
            for above in self._above[unique % self.width].T:
                known = above >= 0
                descendants.append((base + above)[known])
                nearest = missing & known & among(base + above, unique)
                parents[nearest] = above[nearest]
                missing &= ~nearest
            self.parent[mine] = parents[inverse]
            self.printed_in[key] = unique
            self.with_children[key] = np.unique(base + parents)
            self.with_descendants[key] = np.unique(np.concatenate(descendants))

    def absent(self, form: str, code: str) -> Gaps:
        """What it means, per disclosure, that a form does not print a code: nothing was spent
        on it, unless the form stops above it or prints only what is below it."""
        meaning = np.zeros(self.builder.size, dtype=np.int8)
        base = np.arange(self.builder.size, dtype=np.int64) * self.width
        decided = np.zeros(self.builder.size, dtype=bool)
        if code in self.ids:
            meaning[among(base + self.ids[code], self.with_descendants[form])] = Gap.NOT_LISTED
            decided = meaning != Gap.NONE
        for above in [code[:k] for k in range(len(code) - 1, 2, -1)]:
            if above not in self.ids:
                continue
            key = base + self.ids[above]
            printed = among(key, self.printed_in[form])
            meaning[~decided & printed & ~among(key, self.with_children[form])] = Gap.NOT_LISTED
            decided |= printed
        nothing_listed = ~among(base + self.total, self.with_children[form])
        meaning[~decided & nothing_listed & self.builder.has_amounts[form]] = Gap.NOT_LISTED
        return meaning

    def rows(self, combined: Ints) -> Ints:
        """Mart rows of combined keys (all of which exist)."""
        return np.searchsorted(self.keys, combined)

    @cached_property
    def _row_length(self) -> Ints:
        return np.asarray(self.length[self.row_code], dtype=np.int64)

    @cached_property
    def _row_economic(self) -> Bools:
        return np.asarray(self.economic[self.row_code], dtype=bool)

    def kind_differs(self, form: Form) -> Bools:
        """Mart rows whose code the form cannot hold: economic ones in functional forms and the
        reverse, and anything below 类 in the lines of 01 and 04."""
        economic = self._row_economic
        if form.layout == "two_sided":
            deep: Bools = self._row_length > 3
            return economic | deep
        if form.codes == "economic":
            coded: Bools = self.row_code != self.total
            return ~economic & coded
        return economic

    def value(self, address: Address) -> Value:
        """A figure per row of the grain ``code``."""
        builder = self.builder
        form = forms()[address.form]
        positions = builder.table(address)
        column_gap, column_zero = builder.table_gap(address)
        gap = column_gap[self.row_disclosure]
        zero = column_zero[self.row_disclosure]
        size = len(self.keys)
        ticks = np.zeros(size, dtype=np.int64)
        half = np.zeros(size, dtype=np.int64)
        if address.row == "children":
            own = positions[self.parent[positions] >= 0]
            at = self.rows(builder.d[own] * self.width + self.parent[own])
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
            return Value(ticks, half, half, gap)
        own = positions[self.code[positions] >= 0]
        combined = builder.d[own] * self.width + self.code[own]
        at = self.rows(combined)
        # Lines of 01 and 04 whose class no form mentions have no row here, and are zero.
        exists = (at < size) & (self.keys[np.minimum(at, size - 1)] == combined)
        own, at = own[exists], at[exists]
        ticks[at] = builder.ticks[own]
        half = builder.column_half(address, positions)[self.row_disclosure]
        half[at] = builder.half[own]
        here = np.zeros(size, dtype=bool)
        here[at] = True
        gap[at[builder.bad[own]]] = Gap.UNREADABLE
        absent = (gap == Gap.NONE) & ~zero & ~here
        # The same for all columns of a form.
        side = (form.key, address.side)
        if side not in self._absent:
            self._absent[side] = self._absent_rows(address, form)
        gap[absent] = self._absent[side][absent]
        gap[self.kind_differs(form)] = Gap.OTHER_KIND
        return Value.of(ticks, half, gap)

    def _absent_rows(self, address: Address, form: Form) -> Gaps:
        builder = self.builder
        meaning = np.zeros(len(self.keys), dtype=np.int8)
        if form.codes:
            base = self.row_disclosure * self.width
            below = among(self.keys, self.with_descendants[form.key])
            meaning[below] = Gap.NOT_LISTED
            decided = below.copy()
            # Where a form goes as deep elsewhere, a code above that has nothing below it has
            # lost a row; it is not where the form stops.
            shallow = self._row_length > self._depth(form)[self.row_disclosure]
            for prefix in self._above[self.row_code].T:
                known = prefix >= 0
                key = base + np.maximum(prefix, 0)
                printed = known & among(key, self.printed_in[form.key])
                stops = printed & shallow & ~among(key, self.with_children[form.key])
                meaning[~decided & stops] = Gap.NOT_LISTED
                decided |= printed
            unlisted = ~among(base + self.total, self.with_children[form.key])
            spoken = builder.has_amounts[form.key][self.row_disclosure]
            meaning[~decided & unlisted & spoken] = Gap.NOT_LISTED
        meaning[self.row_code == self.total] = Gap.ROW_ABSENT
        meaning[builder.unknown_line[form.key, address.side][self.row_disclosure]] = (
            Gap.UNKNOWN_LINE
        )
        meaning[~builder.complete[form.key][self.row_disclosure]] = Gap.INCOMPLETE
        return meaning

    def _depth(self, form: Form) -> Ints:
        """Digits of the longest code that a form lists, per disclosure; 0 where it lists none."""
        depth = np.zeros(self.builder.size, dtype=np.int64)
        listed = self.printed_in[form.key]
        np.maximum.at(depth, listed // self.width, self.length[listed % self.width])
        return depth

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
            listed = among(self.keys, self.printed_in[form.key])
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

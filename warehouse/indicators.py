"""Indicators: the yes/no questions that a mart answers, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pandas as pd

from disclosures.amounts import from_ticks
from disclosures.classification import (
    bears_name,
    economic_names,
    functional_name_differs,
    functional_names,
)
from disclosures.forms import forms, squeeze
from warehouse.addresses import Address, Gap

if TYPE_CHECKING:
    from warehouse.marts import Builder

Bools = npt.NDArray[np.bool_]
Gaps = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Answer:
    """Yes or no per row, where it can be told; ``details`` explains a no, by row."""

    yes: Bools
    gap: Gaps
    details: Mapping[int, str] = field(default_factory=dict)


Indicator = Callable[["Builder", str, Mapping[str, Any]], Answer]


def _present(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """The form is there, filled or declared empty. With fewer than ``at_least`` forms read the
    others are taken to stand in an attachment that is not at hand, and where anything was left
    unread, a form that was not found may be it."""
    found = np.sum([builder.present[key] for key in forms()], axis=0)
    unread = builder.batch.disclosures["unread"].to_numpy(dtype=bool)
    untold = (found < int(parameters.get("at_least", 1))) | (unread & ~builder.present[form])
    gap = np.where(untold, Gap.UNKNOWN, Gap.NONE)
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
    listed = builder.mark(builder.d[cells])
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
    # Cells share few combinations of readers, which are one object each.
    column = builder.batch.facts["readers"].tolist()
    distinct = {id(readers): tuple(readers or ()) for readers in column}
    optical = {
        one: bool(key) and all("ocr" in reader.lower() for reader in key)
        for one, key in distinct.items()
    }
    by_text = np.array([not optical[id(readers)] for readers in column], dtype=bool)
    any_fact = builder.mark(builder.d)
    yes = builder.mark(builder.d[by_text])
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
    at = codes.rows(table.loc[several, "key"].to_numpy(dtype=np.int64))
    gap[at] = Gap.NONE
    distinct = table[several].drop_duplicates(["key", "plain"])
    clashing = distinct[distinct.groupby("key")["plain"].transform("size") > 1]
    for key, group in clashing.groupby("key"):
        longest = max(group["plain"], key=len)
        if not all(longest.startswith(plain) for plain in group["plain"]):
            row = int(codes.rows(np.array([key], dtype=np.int64))[0])
            yes[row] = False
            details[row] = "；".join(
                f"《{forms()[str(f)].title}》为“{n}”"
                for f, n in zip(group["form"], group["name"], strict=True)
            )
    return Answer(yes, gap, details)


def _coded(builder: Builder, form: str) -> tuple[Bools, Gaps, dict[int, tuple[str, str]]]:
    """For a question about the codes of a form: all yes, none asked; and code and printed name by
    the row of the mart."""
    size = len(builder.codes.keys)
    yes = np.ones(size, dtype=bool)
    if form not in builder.printed_names:
        builder.printed_names[form] = _printed_names(builder, form)
    return yes, np.full(size, Gap.OTHER_KIND, dtype=np.int8), builder.printed_names[form]


def _printed_names(builder: Builder, form: str) -> dict[int, tuple[str, str]]:
    codes = builder.codes
    cells = np.flatnonzero((builder.form_of == form) & (codes.parent >= 0))
    rows = codes.rows(builder.d[cells] * codes.width + codes.code[cells]).tolist()
    names = builder.batch.facts["name"].to_numpy(dtype=object)[cells].tolist()
    printed: dict[int, tuple[str, str]] = {}
    for row, cell, name in zip(rows, cells.tolist(), names, strict=True):
        said = str(name or "")
        # Where readers saw parts of a wrapped name, the longest is the name.
        if row not in printed or len(said) > len(printed[row][1]):
            printed[row] = (codes.names[codes.code[cell]], said)
    return printed


def _economic_name(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """The name printed with an economic code may be that of the code."""
    yes, gap, printed = _coded(builder, form)
    details: dict[int, str] = {}
    for row, (code, name) in printed.items():
        bears = bears_name(code, name)
        if bears is not None:
            gap[row] = Gap.NONE
            yes[row] = bears
            details[row] = f"印为“{name}”，应为“{economic_names()[code][0]}”"
    return Answer(yes, gap, details)


def _economic_known(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """An economic code is one of those that are known."""
    yes, gap, printed = _coded(builder, form)
    details: dict[int, str] = {}
    for row, (code, name) in printed.items():
        gap[row] = Gap.NONE
        yes[row] = code in economic_names()
        details[row] = name
    return Answer(yes, gap, details)


def _functional_name(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """Nothing speaks against the name printed with a functional code."""
    yes, gap, printed = _coded(builder, form)
    details: dict[int, str] = {}
    for row, (code, name) in printed.items():
        gap[row] = Gap.NONE
        differs = functional_name_differs(code, name)
        if differs is not None:
            yes[row] = False
            details[row] = differs
    return Answer(yes, gap, details)


def _functional_known(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """The first three digits of a functional code are a class that there is."""
    yes, gap, printed = _coded(builder, form)
    details: dict[int, str] = {}
    for row, (code, name) in printed.items():
        gap[row] = Gap.NONE
        yes[row] = code[:3] in functional_names()
        details[row] = name
    return Answer(yes, gap, details)


def _no_project(builder: Builder, form: str, parameters: Mapping[str, Any]) -> Answer:
    """Items of the name ``name`` whose codes end in ``ending`` carry no project expenditure."""
    yes, gap, printed = _coded(builder, form)
    codes = builder.codes
    cells = builder.table(Address(form, "", "each", "project"))
    cells = cells[codes.parent[cells] >= 0]
    rows = codes.rows(builder.d[cells] * codes.width + codes.code[cells])
    details: dict[int, str] = {}
    for row, cell in zip(rows.tolist(), cells.tolist(), strict=True):
        code, name = printed[row]
        if len(code) != 7 or not code.endswith(str(parameters["ending"])):
            continue
        if squeeze(name) != parameters["name"] or builder.bad[cell]:
            continue
        gap[row] = Gap.NONE
        yes[row] = builder.ticks[cell] == 0
        details[row] = f"{from_ticks(int(builder.ticks[cell])):f} 万元"
    return Answer(yes, gap, details)


def _speaks_of(builder: Builder, topic: str, parameters: Mapping[str, Any]) -> Answer:
    """The narrative speaks of the topic; ``parameters`` give its name. With fewer than
    ``at_least`` topics the narrative is taken not to be at hand."""
    found = [frozenset(topics) for topics in builder.batch.disclosures["topics"].tolist()]
    yes = np.array([topic in topics for topics in found], dtype=bool)
    told = np.array([len(topics) for topics in found]) >= int(parameters["at_least"])
    gap = np.where(told, Gap.NONE, Gap.UNKNOWN).astype(np.int8)
    return Answer(yes, gap, dict.fromkeys(range(builder.size), str(parameters[topic])))


def _well_worded(builder: Builder, kind: str, parameters: Mapping[str, Any]) -> Answer:
    """The running text has none of the wordings of a kind; the first ``most`` are quoted."""
    frame = builder.batch.disclosures
    yes = np.ones(builder.size, dtype=bool)
    told = np.array([bool(topics) for topics in frame["topics"].tolist()], dtype=bool)
    details: dict[int, str] = {}
    most = int(parameters["most"])
    for d, remarks in enumerate(frame["remarks"].tolist()):
        found = [remark for remark in remarks if remark.kind == kind]
        if found:
            yes[d] = False
            quoted = [
                (f"第{one.page}页" if one.page else "") + f"“{one.quote}”" for one in found[:most]
            ]
            more = f"等{len(found)}处" if len(found) > most else ""
            details[d] = "、".join(quoted) + more
    gap = np.where(told | ~yes, Gap.NONE, Gap.UNKNOWN).astype(np.int8)
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
    "economic_name": _economic_name,
    "economic_known": _economic_known,
    "functional_name": _functional_name,
    "functional_known": _functional_known,
    "no_project": _no_project,
    "speaks_of": _speaks_of,
    "well_worded": _well_worded,
}

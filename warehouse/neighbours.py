"""The other disclosures that a disclosure is judged against, among those of its own site.

* Last year's, of the same department.
* The version of itself that its address gave before this one.
* Those of the units whose accounts a department adds up, as its narrative lists them
  (:mod:`disclosures.reading.units`).

Whatever is there, is not there yet, or comes in another version later changes the *context* of a
disclosure: a new context calls for a new judgement beside the old one.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.orm import aliased

from disclosures.assembly import UNKNOWN_AGENCY
from disclosures.forms import squeeze
from warehouse.rows import CHUNK
from warehouse.schema import CoreDisclosure, CoreDisclosureDocument, RawReading, RawVersion

#: Shorter names (中心, 办公室) are the end of too many others.
_SHORTEST: Final = 4
#: What a name has behind it to say whose accounts they are: the office's own, or those of all.
_OWN: Final = re.compile(
    r"(?:\((?:本级|机关|本级机关|机关本级)\)|机关本级|本级\(机关\)|本级|机关)$"
)
_ALL: Final = re.compile(r"\((?:汇总|部门|部门汇总)\)$")
_UNIT: Final = re.compile(r"\(单位\)$")


@dataclass(frozen=True, slots=True)
class Units:
    """The units of a department: ``found`` maps a listed name to its disclosure, ``missing`` are
    the names of those that have none here or several; ``complete`` says that all are listed."""

    found: Mapping[str, str]
    missing: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """A document of a disclosure, and the one that stood at its address before, as read by the same
    readers and of the same department and year."""

    sha256: str
    earlier: str
    reader_version: str


@dataclass(frozen=True)
class Neighbours:
    """Of some disclosures, by their id."""

    previous: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Units] = field(default_factory=dict)
    earlier: Mapping[str, tuple[Earlier, ...]] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Empty where there is nothing to be judged against."""


def neighbours(connection: Connection, disclosure_ids: Sequence[str]) -> Neighbours:
    """What stands beside these disclosures now."""
    previous = _years_before(connection, disclosure_ids)
    units = _units(connection, disclosure_ids)
    earlier = _earlier(connection, disclosure_ids)
    others = {*previous.values(), *(one for u in units.values() for one in u.found.values())}
    versions = _versions(connection, sorted(others))
    contexts = {}
    for one in disclosure_ids:
        parts = []
        if one in previous:
            parts.append(f"previous {previous[one]} {versions[previous[one]]}")
        if one in units:
            mine = units[one]
            # While one is missing no figure of the others is looked at.
            parts += [f"missing {name}" for name in mine.missing]
            parts += [
                f"unit {other}" + ("" if mine.missing else f" {versions[other]}")
                for other in mine.found.values()
            ]
        parts += [f"earlier {x.sha256} {x.earlier}" for x in earlier.get(one, ())]
        contexts[one] = _hash(parts) if parts else ""
    return Neighbours(previous, units, earlier, contexts)


def _earlier(
    connection: Connection, disclosure_ids: Sequence[str]
) -> dict[str, tuple[Earlier, ...]]:
    now, before = aliased(RawVersion), aliased(RawVersion)
    read, read_before = aliased(RawReading), aliased(RawReading)
    part = CoreDisclosureDocument
    found: dict[str, list[Earlier]] = defaultdict(list)
    for start in range(0, len(disclosure_ids), CHUNK):
        rows = connection.execute(
            select(part.disclosure_id, part.sha256, before.sha256, part.reader_version)
            .join(now, now.sha256 == part.sha256)
            .join(
                before,
                (before.location_id == now.location_id) & (before.ordinal == now.ordinal - 1),
            )
            .join(
                read,
                (read.sha256 == part.sha256) & (read.reader_version == part.reader_version),
            )
            .join(
                read_before,
                (read_before.sha256 == before.sha256)
                & (read_before.reader_version == part.reader_version),
            )
            .where(
                part.disclosure_id.in_(disclosure_ids[start : start + CHUNK]),
                read_before.agency == read.agency,
                read_before.year == read.year,
            )
            .order_by(part.disclosure_id, part.ordinal, before.sha256)
        )
        for disclosure_id, sha256, earlier, version in rows:
            mine = found[disclosure_id]
            # Several addresses may have given the same two bodies.
            if sha256 not in {one.sha256 for one in mine}:
                mine.append(Earlier(sha256, earlier, version))
    return {one: tuple(several) for one, several in found.items()}


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(sorted(parts)).encode()).hexdigest()[:32]


def _versions(connection: Connection, disclosure_ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(disclosure_ids), CHUNK):
        query = select(CoreDisclosure.disclosure_id, CoreDisclosure.version).where(
            CoreDisclosure.disclosure_id.in_(disclosure_ids[start : start + CHUNK])
        )
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def _years_before(connection: Connection, disclosure_ids: Sequence[str]) -> dict[str, str]:
    """Per disclosure that of the same department on the same site, of the year before; where there
    are several, none."""
    now, then = aliased(CoreDisclosure), aliased(CoreDisclosure)
    same = (
        (then.agency == now.agency)
        & (then.year == now.year - 1)
        & then.current
        & (func.coalesce(then.site, "") == func.coalesce(now.site, ""))
        & (func.coalesce(then.region, "") == func.coalesce(now.region, ""))
    )
    found: dict[str, set[str]] = {}
    for start in range(0, len(disclosure_ids), CHUNK):
        wanted = list(disclosure_ids[start : start + CHUNK])
        rows = connection.execute(
            select(now.disclosure_id, then.disclosure_id)
            .join(then, same)
            .where(now.disclosure_id.in_(wanted))
        )
        for one, before in rows:
            found.setdefault(one, set()).add(before)
    return {one: before.pop() for one, before in found.items() if len(before) == 1}


# Units


@dataclass(frozen=True, slots=True)
class _Named:
    """A disclosure by its department's name without what is said of its scope."""

    disclosure_id: str
    name: str
    own: bool
    of_all: bool


def _named(disclosure_id: str, agency: str) -> _Named:
    name = squeeze(agency)
    of_all = _ALL.search(name) is not None
    name = _UNIT.sub("", _ALL.sub("", name))
    own = _OWN.search(name) is not None
    return _Named(disclosure_id, _OWN.sub("", name), own, of_all)


def _units(connection: Connection, disclosure_ids: Sequence[str]) -> dict[str, Units]:
    """The units of those departments that list any beside their own office."""
    lists: dict[str, Row[*tuple[Any, ...]]] = {}
    for start in range(0, len(disclosure_ids), CHUNK):
        rows = connection.execute(
            select(
                CoreDisclosure.disclosure_id,
                CoreDisclosure.site,
                CoreDisclosure.region,
                CoreDisclosure.year,
                CoreDisclosure.agency,
                RawReading.units,
            )
            .join(
                CoreDisclosureDocument,
                CoreDisclosureDocument.disclosure_id == CoreDisclosure.disclosure_id,
            )
            .join(
                RawReading,
                (RawReading.sha256 == CoreDisclosureDocument.sha256)
                & (RawReading.reader_version == CoreDisclosureDocument.reader_version),
            )
            .where(
                CoreDisclosure.disclosure_id.in_(disclosure_ids[start : start + CHUNK]),
                CoreDisclosure.year.is_not(None),
                CoreDisclosure.agency != UNKNOWN_AGENCY,
                RawReading.units.is_not(None),
            )
            .order_by(CoreDisclosureDocument.ordinal)
        )
        for row in rows:
            lists.setdefault(row.disclosure_id, row)
    family: dict[tuple[str, str, int], list[_Named]] = {}
    found: dict[str, Units] = {}
    for disclosure_id, row in lists.items():
        me = _named(disclosure_id, row.agency)
        wanted = _wanted(me, row.units["names"])
        if wanted is None:
            continue
        place = (row.site or "", row.region or "", row.year)
        if place not in family:
            family[place] = _family(connection, place)
        found[disclosure_id] = _matched(me, wanted, family[place], row.units["complete"])
    return found


def _wanted(me: _Named, names: Collection[str]) -> dict[str, bool] | None:
    """The listed names, each with whether it is the department's own office, which belongs to
    them even where it is not listed. None where there is no other unit."""
    if me.own:
        return None  # the office's own accounts, which repeat the department's list
    wanted: dict[str, bool] = {}
    for name in names:
        one = _named("", name)
        # "本级" alone, "局本级", or the department's name itself.
        own = _alike(one.name, me.name) or (one.own and me.name.endswith(one.name))
        wanted[name] = own
    if all(wanted.values()):
        return None
    if not any(wanted.values()):
        wanted = {f"{me.name}(本级)": True, **wanted}
    return wanted


def _alike(one: str, other: str) -> bool:
    """Whether two names are one, as names may lack the region that they begin with."""
    return min(len(one), len(other)) >= _SHORTEST and (one.endswith(other) or other.endswith(one))


def _family(connection: Connection, place: tuple[str, str, int]) -> list[_Named]:
    site, region, year = place
    rows = connection.execute(
        select(CoreDisclosure.disclosure_id, CoreDisclosure.agency).where(
            CoreDisclosure.current,
            func.coalesce(CoreDisclosure.site, "") == site,
            func.coalesce(CoreDisclosure.region, "") == region,
            CoreDisclosure.year == year,
        )
    )
    return [_named(row.disclosure_id, row.agency) for row in rows]


def _matched(
    me: _Named, wanted: Mapping[str, bool], family: Sequence[_Named], complete: bool
) -> Units:
    others = [one for one in family if one.disclosure_id != me.disclosure_id and not one.of_all]
    found: dict[str, str] = {}
    missing: list[str] = []
    for name, own in wanted.items():
        plain = me.name if own else _named("", name).name
        exact = [one for one in others if one.name == plain]
        near = exact or [one for one in others if _alike(one.name, plain)]
        if own and len(near) > 1:
            near = [one for one in near if one.own] or near
        if len(near) == 1:
            found[name] = near[0].disclosure_id
        else:
            missing.append(name)
    # One disclosure cannot be two units'.
    taken: dict[str, list[str]] = defaultdict(list)
    for name, other in found.items():
        taken[other].append(name)
    for twice in (names for names in taken.values() if len(names) > 1):
        for name in twice:
            del found[name]
        missing += twice
    return Units(found, tuple(missing), complete)

"""The registry of sites: one YAML file per site beside this module.

See docs/adding-a-site.md for how to add one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import tldextract
import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from connectors.families import FamilyOptions, families
from connectors.safety import is_loopback, port_of, url_refusal

#: Stands in a column's URL for the address at which the bundled portal runs.
REPLICA_PLACEHOLDER = "{replica}"

_BEIJING = ZoneInfo("Asia/Shanghai")
_DAY = 24 * 60

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_RegionCode = Annotated[str, StringConstraints(pattern=r"^\d{6}$")]

# The public-suffix list that comes with the package; nothing is fetched.
_registered_domain = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _minutes(value: str) -> tuple[int, int]:
    """Start and end of ``HH:MM-HH:MM`` in minutes since midnight.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", value.strip())
    if match is None:
        raise ValueError(f"not HH:MM-HH:MM: {value!r}")
    hours = [int(part) for part in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if hours[1] > 59 or hours[3] > 59 or start >= _DAY or end > _DAY:
        raise ValueError(f"no time of day: {value!r}")
    return start, end % _DAY


class Column(_Model):
    """A list page (栏目) from which a crawl starts."""

    url: _Text
    what: _Text
    options: FamilyOptions = FamilyOptions()


class Quirk(_Model):
    """A deviation in how a site is spoken to, with the fact about the site that calls for it."""

    #: ``verify_tls``: off for a broken certificate chain. ``encoding``: overrides what pages
    #: declare. ``timeout_s``: for one request.
    name: Literal["verify_tls", "encoding", "timeout_s"]
    value: bool | str | float
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]

    @model_validator(mode="after")
    def _value_fits(self) -> Quirk:
        wanted = {"verify_tls": bool, "encoding": str, "timeout_s": (int, float)}[self.name]
        if not isinstance(self.value, wanted) or (  # type: ignore[arg-type]
            self.name == "timeout_s" and isinstance(self.value, bool)
        ):
            raise ValueError(f"quirk {self.name} cannot be {self.value!r}")
        if self.name == "encoding":
            try:
                codecs.lookup(str(self.value))
            except LookupError as error:
                raise ValueError(str(error)) from error
        return self


class Region(_Model):
    """A region of agencies on a portal that serves several: theirs are the names that start so."""

    starts_with: _Text
    region: _Text
    region_code: _RegionCode


class Site(_Model):
    """One portal: where its columns are, how to speak to it, and how many documents it has."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    name: _Text
    region: _Text
    region_code: _RegionCode | None = None
    #: Exceptions to ``region``, on portals that carry agencies of several regions.
    regions: tuple[Region, ...] = ()
    home: str | None = None
    family: str | None = None
    columns: tuple[Column, ...] = ()
    #: Fewer documents than this in a full crawl make the crawl a failure.
    min: int = Field(0, ge=0)
    delay_s: float = Field(2.0, ge=0)
    #: ``HH:MM-HH:MM`` of Beijing time, also past midnight: the site is not asked then.
    quiet_hours: tuple[str, ...] = ()
    #: Hosts outside the columns' registered domain whose articles and files belong to the site.
    hosts: tuple[str, ...] = ()
    quirks: tuple[Quirk, ...] = ()
    #: Whether someone has reached the columns and counted what is there.
    verified: bool = False
    verified_on: date | None = None
    #: Only for the bundled portal: connections to the loopback on the ports of its columns.
    allow_loopback: bool = False
    remark: str = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> Site:
        if self.family is not None and self.family not in families():
            raise ValueError(f"unknown family {self.family!r}; there are {sorted(families())}")
        if self.columns and self.family is None:
            raise ValueError("columns need a family that can read them")
        if self.verified and not self.columns:
            raise ValueError("a verified site has columns")
        for column in self.columns:
            replica = column.url.startswith(REPLICA_PLACEHOLDER)
            if replica and not self.allow_loopback:
                raise ValueError("only the bundled portal is given at run time")
            refusal = None if replica else url_refusal(column.url)
            if refusal:
                raise ValueError(f"{column.url}: {refusal}")
        if self.allow_loopback:
            for column in self.columns:
                host = None if REPLICA_PLACEHOLDER in column.url else urlsplit(column.url).hostname
                if host is not None and not is_loopback(host):
                    raise ValueError("allow_loopback is for a portal on this machine only")
        return self

    @field_validator("quiet_hours")
    @classmethod
    def _are_hours(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            _minutes(value)
        return values

    def quiet_until(self, moment: datetime) -> datetime | None:
        """The end of the quiet hours in which an aware ``moment`` falls, or None."""
        ends = [end for start, end in self._quiet_times(moment) if start <= moment < end]
        return max(ends, default=None)

    def quiet_from(self, moment: datetime) -> datetime | None:
        """When the next quiet hours after an aware ``moment`` begin, or None."""
        return min(
            (start for start, _ in self._quiet_times(moment) if start > moment), default=None
        )

    def _quiet_times(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The quiet hours of the days around a moment."""
        today = moment.astimezone(_BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
        for value in self.quiet_hours:
            start, end = _minutes(value)
            for day in (-1, 0, 1):
                first = today + timedelta(days=day, minutes=start)
                yield first, first + timedelta(minutes=(end - start) % _DAY or _DAY)

    def why_not_crawlable(self) -> str | None:
        """Why no crawl of this site can start (Chinese), or None."""
        if not self.columns:
            return "未登记起始栏目"
        if any(REPLICA_PLACEHOLDER in column.url for column in self.columns):
            return "未给出仿真门户地址"
        return None

    def is_nightly(self) -> bool:
        """Whether a nightly run includes the site: someone has verified it, and it can start."""
        return self.verified and self.why_not_crawlable() is None

    def region_of(self, agency: str) -> tuple[str, str | None]:
        """Region and region code of an agency on this site."""
        for entry in self.regions:
            if agency.startswith(entry.starts_with):
                return entry.region, entry.region_code
        return self.region, self.region_code

    def quirk(self, name: str) -> bool | str | float | None:
        """The value of a quirk, or None."""
        return next((quirk.value for quirk in self.quirks if quirk.name == name), None)

    def loopback_ports(self) -> frozenset[int]:
        """Ports of the loopback that a crawl of this site may connect to."""
        if not self.allow_loopback:
            return frozenset()
        ports = {port_of(column.url) for column in self.columns}
        return frozenset(port for port in ports if port is not None)

    def covers(self, url: str) -> bool:
        """Whether a URL belongs to the site: same registered domain as a column, or a host of
        ``hosts``. The replica's own host and port count as one domain."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if host in self.hosts:
            return True
        for column in self.columns:
            start = urlsplit(column.url)
            if host == start.hostname:
                return not self.allow_loopback or port_of(url) == port_of(column.url)
            domain = _registered_domain(start.hostname or "").top_domain_under_public_suffix
            if (domain and host.endswith(f".{domain}")) or host == domain:
                return True
        return False


def load_sites(*, replica_base_url: str | None = None) -> dict[str, Site]:
    """All registered sites by key, in the order of their keys.

    ``replica_base_url`` is where the bundled portal runs (no trailing slash needed); without it
    the replica's sites are there but cannot be crawled.

    Raises:
        pydantic.ValidationError: a file does not describe a site.
        ValueError: a file is not named after its key.
    """
    sites = {}
    for entry in files(__package__).iterdir():
        if not entry.name.endswith(".yaml"):
            continue
        text = entry.read_text(encoding="utf-8")
        site = Site.model_validate(_placed(yaml.safe_load(text), replica_base_url))
        if entry.name != f"{site.key}.yaml":
            raise ValueError(f"{entry.name} holds the site {site.key}")
        sites[site.key] = site
    return dict(sorted(sites.items()))


def _placed(values: dict[str, object], replica_base_url: str | None) -> dict[str, object]:
    """The values of a file with the replica's address where it belongs."""
    if replica_base_url is None:
        return values
    base = replica_base_url.rstrip("/")

    def place(value: object) -> object:
        if isinstance(value, str):
            return value.replace(REPLICA_PLACEHOLDER, base)
        if isinstance(value, list):
            return [place(item) for item in value]
        if isinstance(value, dict):
            return {key: place(item) for key, item in value.items()}
        return value

    return {key: place(value) for key, value in values.items()}

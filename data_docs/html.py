"""Rendering: the Jinja environment, safe links and data for scripts.

Everything that was crawled is hostile: templates escape by default, only http and https become
links, file names in the site never come from a document, and data for scripts is JSON without
any character that could end a script or a line.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import datetime, timedelta, timezone
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

#: China has one time zone and no summer time.
CHINA = timezone(timedelta(hours=8))

# Scripts and styles come from files beside the pages, so nothing inline is ever allowed, and an
# injected handler or <script> stays dead. 'self' covers a web server; on file:// a page has an
# opaque origin that browsers treat differently under 'self', so `file:` is named too. That scheme
# cannot be reached from a page served by http, and nothing on file:// can reach the network,
# because no directive names a host. Frames show archived PDFs beside the findings.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' file:",
        "style-src 'self' file:",
        "img-src 'self' file:",
        "frame-src 'self' file:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
)

# What a browser shows or saves without running anything. An archived web page is not among them:
# opened from the same place as the data docs, its scripts would run with their rights.
_LINKED_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("pdf", "ofd", "txt", "csv"),
        *("xlsx", "xls", "xlsm", "ods", "et", "docx", "doc", "wps"),
        *("zip", "rar", "7z", "png", "jpg", "jpeg", "tif", "tiff", "bin"),
    )
)
_SAFE_PAGE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def web_url(value: str | None) -> str | None:
    """``value`` when it is an http or https address, else None."""
    if not value or re.search(r"[\x00-\x20\x7f]", value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme.lower() in ("http", "https") and parts.netloc else None


def page_name(identifier: str) -> str:
    """A file name for a disclosure: its id where that is plain, else a hash of it."""
    if _SAFE_PAGE_NAME.fullmatch(identifier):
        return f"{identifier}.html"
    return f"{hashlib.sha256(identifier.encode()).hexdigest()[:32]}.html"


def anchor(prefix: str, identifier: str) -> str:
    """An element id for ``identifier``, unique because odd characters are spelled out."""
    return prefix + re.sub(r"[^A-Za-z0-9_.-]", lambda hit: f"_{ord(hit[0]):x}_", identifier)


def script_json(value: object) -> str:
    """JSON that is safe inside a script, in an attribute and in a ``.js`` file."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def local_time(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def decimal_of(value: object) -> Decimal | None:
    """The number in a JSON value or a decimal string, else None."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def money(value: object, *, sign: bool = False) -> str:
    """万元 with thousands separators, two decimals or as many as the amount needs."""
    number = decimal_of(value)
    if number is None:
        return "" if value is None else str(value)
    plain = number.normalize()
    decimals = max(2, -int(plain.as_tuple().exponent))
    text = f"{number:+,.{decimals}f}" if sign and number else f"{number:,.{decimals}f}"
    return text.replace("-", "−")


def trimmed(value: object) -> str:
    """A score, weight or percentage without trailing zeros."""
    number = decimal_of(value)
    if number is None:
        return "" if value is None else str(value)
    plain = number.normalize()
    return f"{plain:f}"


def one_decimal(value: object) -> str:
    """A score or percentage, cut after one decimal: 99.96 is never shown as 100."""
    number = decimal_of(value)
    if number is None:
        return ""
    return str(number.quantize(Decimal("0.1"), ROUND_DOWN))


class ArchiveLinks:
    """Relative links from pages of the site to archived files, so that the folder tree can move.

    Args:
        out: where the finished site will stand (not the side folder).
        archive: root of the archive, or None when its files do not come along.
    """

    def __init__(self, out: Path, archive: Path | None) -> None:
        self._out = out.resolve()
        self._archive = archive.resolve() if archive else None

    def path(self, archived_as: str) -> Path | None:
        """The file, when it is in the archive."""
        if self._archive is None:
            return None
        file = (self._archive / archived_as).resolve()
        return file if file.is_relative_to(self._archive) and file.is_file() else None

    def href(self, archived_as: str, *, folder: str) -> str | None:
        """Link from a page in ``folder`` ("" or "disclosures"); None where there must be none."""
        file = self.path(archived_as)
        if file is None or PurePosixPath(archived_as).suffix.lower() not in _LINKED_SUFFIXES:
            return None
        return quote(Path(os.path.relpath(file, self._out / folder)).as_posix())


@cache
def environment() -> Environment:
    """Templates with autoescape for every file, whatever its name, and no silent undefined."""
    made = Environment(
        loader=PackageLoader("data_docs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        web_url=web_url,
        money=money,
        trimmed=trimmed,
        one_decimal=one_decimal,
        local_time=local_time,
    )
    made.globals.update(csp=CONTENT_SECURITY_POLICY, anchor=anchor)
    return made

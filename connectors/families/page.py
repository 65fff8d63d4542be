"""Pages as trees, and what their texts and addresses say of dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

import lxml.html
from lxml import etree
from w3lib.encoding import html_to_unicode, resolve_encoding

_DATE: Final = re.compile(
    r"(?<!\d)(20\d{2}|19\d{2})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)"
)
_COMPACT_DATE: Final = re.compile(r"\s*(20\d{2})(\d{2})(\d{2})(?:\d{6})?\s*")
_URL_DATES: Final = (
    re.compile(r"/t(20\d{2})(\d{2})(\d{2})_\d+"),  # TRS
    re.compile(r"/art/(20\d{2})/(\d{1,2})/(\d{1,2})/"),  # hanweb, JPAAS
    re.compile(r"/(20\d{2})-(\d{2})/(\d{2})/"),  # UCAP: /2024-09/20/content_1.shtml
)
#: The fields of a day's date as lists often print it: a big day beside or above its month.
_SPLIT_DATE: Final = re.compile(r"(?<!\d)(\d{1,2})\s+(20\d{2})\s*[-/.年]\s*(\d{1,2})(?!\d)")
#: Some systems list the fields of an article in the ``title`` of its link.
_LABELLED_TITLE: Final = re.compile(
    r"(?:文章)?标\s*题\s*[:：]\s*(.+?)\s*(?:(?:作\s*者|来\s*源|发[布表]\w*|更新\w*|点击\w*)\s*[:：].*)?$"
)
_CHINA: Final = timezone(timedelta(hours=8))


def decode(body: bytes, *, content_type: str | None = None, encoding: str | None = None) -> str:
    """The text of a page, by ``encoding`` if given, else as browsers decide; a page that says
    UTF-8 and is not is GB18030, as on the portals that moved and kept their old pages."""
    if encoding is not None:
        return body.decode(resolve_encoding(encoding) or encoding, "replace")

    def guess(data: bytes) -> str:
        return "utf-8" if _is_utf8(data) else "gb18030"

    declared, text = html_to_unicode(content_type, body, auto_detect_fun=guess)
    if "�" in text:
        other = "gb18030" if declared == "utf-8" else "utf-8"
        repaired = body.decode(other, "replace")
        # A few broken characters are the page's own; half of the text is the wrong encoding.
        if repaired.count("�") * 10 < text.count("�"):
            return repaired
    return str(text)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class Page:
    """A parsed HTML page with absolute links."""

    def __init__(self, url: str, text: str) -> None:
        self.url = url
        self.text = text

    @cached_property
    def root(self) -> lxml.html.HtmlElement | None:
        # lxml refuses text that declares an encoding, and trees of nothing.
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", self.text)
        try:
            return lxml.html.document_fromstring(text) if text.strip() else None
        except etree.ParserError:
            return None

    @cached_property
    def base(self) -> str:
        for found in self.all("//base[@href]"):
            return urljoin(self.url, str(found.get("href")).strip())
        return self.url

    @cached_property
    def links(self) -> tuple[str, ...]:
        """The addresses that the page links to, each once."""
        found = (self.absolute(anchor.get("href", "")) for anchor in self.all("//a[@href]"))
        return tuple(dict.fromkeys(link for link in found if link is not None))

    @cached_property
    def scripts(self) -> str:
        """The source of the page's own scripts."""
        found = (element.text or "" for element in self.all("//script[not(@src)]"))
        return "\n".join(found)

    def all(self, path: str, within: str | None = None) -> Iterator[lxml.html.HtmlElement]:
        """Elements of an XPath, below the elements of the CSS selector ``within`` if given."""
        if self.root is None:
            return
        tops = [self.root] if within is None else self.root.cssselect(within)
        for top in tops:
            yield from top.xpath(f".{path}")

    def absolute(self, reference: str) -> str | None:
        """A link as a URL without fragment, or None if it is none."""
        # Browsers drop line breaks and tabs within a link, and blanks around it.
        reference = re.sub(r"[\r\n\t]", "", reference).strip()
        if not reference or reference.startswith("#"):
            return None
        if re.match(r"(?i)(?:javas?cript|mailto|data|tel|about):", reference):
            return None
        try:
            url = urldefrag(urljoin(self.base, reference)).url
            parts = urlsplit(url)
            url.encode()
        except ValueError:  # no URL, or halves of surrogate pairs in it
            return None
        return url if parts.scheme in {"http", "https"} and parts.hostname else None


def text_of(element: lxml.html.HtmlElement) -> str:
    return re.sub(r"\s+", " ", element.text_content()).strip()


def visible_text(
    element: lxml.html.HtmlElement, *, without: lxml.html.HtmlElement | None = None
) -> str:
    """What a reader sees of an element, its parts apart: <b>20</b><i>2024-09</i> is a date."""
    left_out = set() if without is None else set(without.iter())
    parts = []
    for text in element.xpath(".//text()"):
        holder = text.getparent()
        if holder is not None and text.is_tail:
            holder = holder.getparent()
        if holder not in left_out and getattr(holder, "tag", None) not in {"script", "style"}:
            parts.append(str(text))
    return re.sub(r"\s+", " ", " ".join(parts)).strip()


def title_of(anchor: lxml.html.HtmlElement) -> str:
    """What a link is called: its ``title``, for lists cut their texts short; but its text where
    the ``title`` says something else (新窗口打开)."""
    text = text_of(anchor)
    title = re.sub(r"\s+", " ", anchor.get("title") or "").strip()
    labelled = _LABELLED_TITLE.match(title)
    if labelled:
        title = labelled[1].strip()
    whole = not text.endswith(("…", "..", "。。"))
    other = title.replace(" ", "") not in text.replace(" ", "")
    return text if not title or (whole and other and len(title) < len(text)) else title


def date_in(text: str) -> str | None:
    """The first date of a text as YYYY-MM-DD, or None."""
    for match in _DATE.finditer(text):
        found = _iso(match[1], match[2], match[3])
        if found:
            return found
    for match in _SPLIT_DATE.finditer(text):
        found = _iso(match[2], match[3], match[1])
        if found:
            return found
    return None


def date_of(value: object) -> str | None:
    """The date of a field of an answer: a date in a text, or the seconds or milliseconds of a
    clock, which are read in China."""
    if isinstance(value, str):
        found = date_in(value)
        if found:
            return found
        compact = _COMPACT_DATE.fullmatch(value)
        if compact:
            return _iso(compact[1], compact[2], compact[3])
        value = int(value) if re.fullmatch(r"\d{9,13}", value.strip()) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 10_000_000_000 else value
        if 0 < seconds < 4_102_444_800:
            moment = datetime.fromtimestamp(seconds, UTC).astimezone(_CHINA)
            return moment.date().isoformat()
    return None


def date_of_url(url: str) -> str | None:
    """The date that the common systems put into addresses, or None."""
    for pattern in _URL_DATES:
        match = pattern.search(url)
        if match:
            return _iso(match[1], match[2], match[3])
    return None


def _iso(year: str, month: str, day: str) -> str | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    return f"{int(year):04d}-{int(month):02d}-{int(day):02d}"

"""What families share: pages as trees, entries of lists, attachments of articles."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote, urldefrag, urljoin, urlsplit

import lxml.html
from cssselect import SelectorError
from lxml import etree
from lxml.cssselect import CSSSelector
from pydantic import BaseModel, ConfigDict, field_validator
from w3lib.encoding import html_to_unicode, resolve_encoding

#: Suffixes under which disclosures are published. ceb is Founder's format of the early years.
DOCUMENT_SUFFIXES: Final = frozenset(
    {
        *("pdf", "ofd", "ceb", "doc", "docx", "wps", "wpt", "rtf", "odt"),
        *("xls", "xlsx", "xlsm", "et", "ods", "csv", "ppt", "pptx", "zip", "rar", "7z"),
    }
)
_SUFFIX: Final = re.compile(
    r"\.(" + "|".join(sorted(DOCUMENT_SUFFIXES, key=len, reverse=True)) + r")(?![A-Za-z0-9])",
    re.IGNORECASE,
)
# Endpoints that hand out files under a number: hanweb's downfile.jsp and what others call it.
_DOWNLOAD_PATH: Final = re.compile(r"/down(?:load)?(?:file)?(?:\.\w+)?/?$", re.IGNORECASE)
_VIEWER_PATH: Final = re.compile(r"viewer\.html?$", re.IGNORECASE)
_DATE: Final = re.compile(
    r"(?<!\d)(20\d{2}|19\d{2})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)"
)
_URL_DATES: Final = (
    re.compile(r"/t(20\d{2})(\d{2})(\d{2})_\d+"),  # TRS
    re.compile(r"/art/(20\d{2})/(\d{1,2})/(\d{1,2})/"),  # hanweb
)
#: Addresses of articles as the common systems write them.
ARTICLE_URL: Final = re.compile(
    r"/(?:t\d{8}_\d+|art_\d+_\d+|(?:post|content|article)_\d+)\.s?html?$", re.IGNORECASE
)
_CLIMB: Final = 5


class FamilyOptions(BaseModel):
    """What a column may say about its pages where the family's own rules do not fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: CSS selector of the part of a list page that holds the entries.
    entries_within: str | None = None
    #: Regular expression that the address of an article must match.
    article_url: str | None = None
    #: CSS selector of the part of an article page that holds its attachments.
    attachments_within: str | None = None

    @field_validator("entries_within", "attachments_within")
    @classmethod
    def _is_selector(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                CSSSelector(value)
            except SelectorError as error:
                raise ValueError(f"not a CSS selector: {error}") from error
        return value

    @field_validator("article_url")
    @classmethod
    def _is_expression(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry of a list; ``published_on`` is YYYY-MM-DD as the list says, else as its address."""

    url: str
    title: str
    published_on: str | None


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list page: its entries, further pages of the list, and how many entries the list claims
    to have in all where it says so."""

    entries: tuple[ListEntry, ...]
    further: tuple[str, ...] = ()
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that an article links to. ``file_name`` is for display only."""

    url: str
    text: str
    file_name: str | None


@dataclass(frozen=True, slots=True)
class Article:
    """An article. ``holds_tables``: its own text is a disclosure, with nothing attached."""

    title: str | None
    published_on: str | None
    attachments: tuple[Attachment, ...]
    holds_tables: bool = False


class Family(Protocol):
    """How one CMS writes its lists. Pages are given as text with the URL they came from."""

    @property
    def key(self) -> str: ...

    def parse_list(self, url: str, text: str, options: FamilyOptions) -> ListPage: ...


def decode(body: bytes, *, content_type: str | None = None, encoding: str | None = None) -> str:
    """The text of a page, by ``encoding`` if given, else as browsers decide."""
    if encoding is not None:
        return body.decode(resolve_encoding(encoding) or encoding, "replace")

    def guess(data: bytes) -> str:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return "gb18030"
        return "utf-8"

    text: str = html_to_unicode(content_type, body, auto_detect_fun=guess)[1]
    return text


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
        if not reference or reference.startswith(("#", "javascript:", "mailto:", "data:")):
            return None
        try:
            url = urldefrag(urljoin(self.base, reference)).url
            parts = urlsplit(url)
        except ValueError:
            return None
        return url if parts.scheme in {"http", "https"} and parts.hostname else None


def text_of(element: lxml.html.HtmlElement) -> str:
    return re.sub(r"\s+", " ", element.text_content()).strip()


def title_of(anchor: lxml.html.HtmlElement) -> str:
    """What a link is called: its ``title`` if it has one, for lists cut their texts short."""
    return re.sub(r"\s+", " ", anchor.get("title") or "").strip() or text_of(anchor)


def date_in(text: str) -> str | None:
    """The first date of a text as YYYY-MM-DD, or None."""
    for match in _DATE.finditer(text):
        found = _iso(match)
        if found:
            return found
    return None


def date_of_url(url: str) -> str | None:
    """The date that the common systems put into addresses, or None."""
    for pattern in _URL_DATES:
        match = pattern.search(url)
        if match:
            return _iso(match)
    return None


def _iso(match: re.Match[str]) -> str | None:
    year, month, day = (int(group) for group in match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{year:04d}-{month:02d}-{day:02d}"


def suffix_in(text: str) -> str | None:
    """The document suffix that a name or address ends in or carries, or None."""
    match = _SUFFIX.search(text)
    return match[1].lower() if match else None


def is_document_url(url: str) -> bool:
    """Whether an address alone says that it is a file."""
    parts = urlsplit(url)
    last = unquote(parts.path).rpartition("/")[2].partition(";")[0]
    match = _SUFFIX.search(last)
    if match and match.end() == len(last):
        return True
    return bool(_DOWNLOAD_PATH.search(parts.path)) and any(
        suffix_in(value) for _, value in parse_qsl(parts.query)
    )


def entries_of(page: Page, options: FamilyOptions) -> tuple[ListEntry, ...]:
    """The entries of a list in page order, each address once."""
    pattern = ARTICLE_URL if options.article_url is None else re.compile(options.article_url)
    anchors: dict[str, lxml.html.HtmlElement] = {}
    rows: dict[lxml.html.HtmlElement, str | None] = {}
    for anchor in page.all("//a[@href]", options.entries_within):
        url = page.absolute(anchor.get("href", ""))
        if url is None or not (pattern.search(url) or is_document_url(url)):
            continue
        # A picture may link to the article first; the link with the words counts.
        if url not in anchors or (not title_of(anchors[url]) and title_of(anchor)):
            anchors[url] = anchor
        for around in itertools.islice(anchor.iterancestors(), _CLIMB):
            rows[around] = url if rows.get(around, url) == url else None
    return tuple(
        ListEntry(url, title_of(anchor), _date_beside(anchor, rows) or date_of_url(url))
        for url, anchor in anchors.items()
        if title_of(anchor)
    )


def _date_beside(
    anchor: lxml.html.HtmlElement, rows: Mapping[lxml.html.HtmlElement, str | None]
) -> str | None:
    """The date in the row of a list entry: the nearest one around it that no other entry shares.

    ``rows`` holds the elements around entries, each with its entry, or None if it has several.
    """
    title = text_of(anchor)
    for around in itertools.islice(anchor.iterancestors(), _CLIMB):
        if rows[around] is None:
            return None
        # The title may name a day of its own.
        found = date_in(text_of(around).replace(title, " ", 1))
        if found:
            return found
    return None


def parse_article(url: str, text: str, options: FamilyOptions) -> Article:
    """Title, date and attachments of an article page of any family."""
    page = Page(url, text)
    attachments = _attachments(page, options)
    title = _meta(page, "ArticleTitle") or _heading(page)
    return Article(
        title=title,
        published_on=date_in(_meta(page, "PubDate") or _meta(page, "publishdate") or ""),
        attachments=attachments,
        holds_tables=not attachments and "决算" in (title or "") and _has_figures(page),
    )


def _meta(page: Page, name: str) -> str | None:
    for element in page.all("//meta[@name][@content]"):
        if element.get("name", "").strip().lower() == name.lower():
            content = element.get("content", "").strip()
            if content:
                return str(content)
    return None


def _heading(page: Page) -> str | None:
    for path in ("//h1", "//title"):
        for element in page.all(path):
            found = text_of(element)
            if found:
                return found
    return None


def _has_figures(page: Page) -> bool:
    """Whether the page itself carries accounts: a table with at least ten cells of figures."""
    for table in page.all("//table"):
        cells = [text_of(cell) for cell in table.xpath(".//td[not(.//td)]")]
        if sum(bool(re.fullmatch(r"-?[\d,，]+\.\d+", cell)) for cell in cells) >= 10:
            return True
    return False


def _attachments(page: Page, options: FamilyOptions) -> tuple[Attachment, ...]:
    found: dict[str, Attachment] = {}
    for reference, text, name in _file_links(page, options.attachments_within):
        url = page.absolute(reference)
        if url is not None and _VIEWER_PATH.search(urlsplit(url).path):
            # pdf.js: the file stands in the viewer's query
            inner = dict(parse_qsl(urlsplit(url).query)).get("file")
            url = page.absolute(urljoin(url, inner)) if inner else None
        if url is None or not (is_document_url(url) or suffix_in(name or text)):
            continue
        # A file may be linked to twice; the link with the words counts.
        if url not in found or (text and not found[url].text):
            found[url] = Attachment(url, text, _file_name(url, name, text))
    return tuple(found.values())


def _file_links(page: Page, within: str | None) -> Iterator[tuple[str, str, str | None]]:
    """Link, text and declared name of whatever may point to a file."""
    for element in page.all("//*[self::a or self::area][@href]", within):
        name = element.get("download") or element.get("title") or None
        text = text_of(element)
        # Some templates write all attachments of an article into one link, a line each.
        lines = [line.strip() for line in element.get("href", "").splitlines() if line.strip()]
        if len(lines) > 1 and all(suffix_in(line) for line in lines):
            for line in lines:
                yield line, "", None
        else:
            yield element.get("href", ""), text, name
    for path, attribute in (
        ("//iframe[@src]", "src"),
        ("//embed[@src]", "src"),
        ("//object[@data]", "data"),
    ):
        for element in page.all(path, within):
            if suffix_in(element.get(attribute, "")):
                yield element.get(attribute, ""), "", element.get("title")


def _file_name(url: str, name: str | None, text: str) -> str | None:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    for candidate in (name, text, query.get("showname"), query.get("filename"), query.get("name")):
        if candidate and suffix_in(candidate):
            return candidate.strip()
    return unquote(parts.path).rpartition("/")[2] or None

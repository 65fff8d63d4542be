"""Articles of any family: title, date, what the meta tags say, and the files attached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import lxml.html

from connectors.families.base import Article, Attachment, FamilyOptions
from connectors.families.links import (
    SCRIPTED_FILE,
    is_document_url,
    is_download,
    is_viewer,
    offered_name,
    shown_file,
    suffix_in,
)
from connectors.families.page import Page, date_in, text_of, visible_text

_DATE_METAS: Final = ("PubDate", "publishdate", "PublishTime", "article:published_time")
_BEFORE_DATE: Final = r"(?=[\[【]?\s*(?:19|20)\d{2})"
_PUBLISHED: Final = re.compile(
    r"(?:发布|发文|公布|公开|上传|上网|信息)\s*(?:时间|日期|于)\s*[:：\]】]?\s*" + _BEFORE_DATE
)
_DATED: Final = re.compile(r"(?<![一-鿿])(?:时间|日期)\s*[:：]\s*" + _BEFORE_DATE)
_MAY_DATE: Final = "//body//*[contains(., '时间') or contains(., '日期') or contains(., '于')]"
_LABEL_CHARACTERS: Final = 160
#: Scripts that write into the page; what they link to, a reader sees.
_WRITES: Final = re.compile(r"document\.write|innerHTML|\.(?:html|append|prepend|after|before)\(")
#: Components that show a file within the page; its address stands in their script.
_SHOWS: Final = re.compile(r"PDFObject|pdfh5|pdf_?url|viewer\.html|DEFAULT_URL", re.IGNORECASE)
_LISTS: Final = re.compile(r"[\"']attachments?[\"']\s*:\s*\[", re.IGNORECASE)
_FILE_ATTRIBUTES: Final = (
    "data-url",
    "data-href",
    "data-src",
    "data-file",
    "data-value",
    "data-pdf",
)
_HOLDS_FILE: Final = "//*[" + " or ".join(f"@{name}" for name in _FILE_ATTRIBUTES) + "]"
_WRITTEN_LINK: Final = re.compile(r"<a\s([^<>]{1,500})>([^<]{0,400})", re.IGNORECASE)
_WRITTEN_ADDRESS: Final = re.compile(r"""\bhref\s*=\s*\\?["']?([^"'\\\s>]+(?:\\/[^"'\\\s>]+)*)""")


def parse_article(url: str, text: str, options: FamilyOptions) -> Article:
    """What an article page of any family says and links to."""
    page = Page(url, text)
    attachments = _attachments(page, options)
    title = _meta(page, "ArticleTitle") or _heading(page)
    dates = (date_in(_meta(page, name) or "") for name in _DATE_METAS)
    return Article(
        title=title,
        published_on=next((found for found in dates if found), None) or _labelled_date(page),
        attachments=attachments,
        holds_tables=not attachments and "决算" in (title or "") and _has_figures(page),
        column=_meta(page, "ColumnName"),
        source=_meta(page, "ContentSource"),
        site_id_code=_meta(page, "SiteIDCode"),
    )


def _meta(page: Page, name: str) -> str | None:
    for element in page.all("//meta[@name or @property][@content]"):
        if (element.get("name") or element.get("property")).strip().lower() == name.lower():
            content = element.get("content", "").strip()
            if content:
                return str(content)
    return None


def _heading(page: Page) -> str | None:
    site = _meta(page, "SiteName")
    for path in ("//h1", "//title"):
        for element in page.all(path):
            found = text_of(element)
            # The h1 of many templates is the site's banner, or a headline that leads elsewhere.
            led = element.tag == "h1" and element.xpath("ancestor::a[@href] | .//a[@href]")
            if found and not led and not (element.tag == "h1" and found == site):
                return found
    return None


def _labelled_date(page: Page) -> str | None:
    """The date beside a label such as 发布时间: in the text that a reader sees."""
    for label in (_PUBLISHED, _DATED):
        for element in page.all(_MAY_DATE):
            if element.tag in {"script", "style"} or len(element) > 12:
                continue
            text = visible_text(element)
            match = label.search(text) if len(text) <= _LABEL_CHARACTERS else None
            found = date_in(text[match.end() : match.end() + 24]) if match else None
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
        url = shown_file(url) if url else None
        if url is None or not (
            is_document_url(url)
            or is_download(url)
            or suffix_in(name or text)
            or is_viewer(page.absolute(reference) or "")
        ):
            continue
        # A file may be linked to twice; the link with the words counts.
        if url not in found or (text and not found[url].text):
            found[url] = Attachment(url, text, offered_name(url, name, text))
    return tuple(found.values())


def _file_links(page: Page, within: str | None) -> Iterator[tuple[str, str, str | None]]:
    """Link, text and declared name of whatever may point to a file."""
    for element in page.all("//*[self::a or self::area][@href or @onclick]", within):
        yield from _of_anchor(element)
    for path, attribute in (
        ("//iframe[@src]", "src"),
        ("//embed[@src]", "src"),
        ("//object[@data]", "data"),
    ):
        for element in page.all(path, within):
            link = element.get(attribute, "")
            if suffix_in(link) or is_viewer(link.strip()):
                yield link, "", element.get("title")
    for element in page.all(_HOLDS_FILE, within):
        for name in _FILE_ATTRIBUTES:
            link = element.get(name, "")
            if is_document_url(link):
                yield link, text_of(element), element.get("title")
    for script in page.all("//script[not(@src)]", within):
        source = script.text or ""
        embedded = "\\u003c" in source.lower()  # the article as a text of JSON, as on gkmlpt
        if embedded:
            source = _unescaped(source)
        if embedded or _WRITES.search(source):
            for attributes, text in _WRITTEN_LINK.findall(source):
                written = _WRITTEN_ADDRESS.search(attributes)
                link = written[1].replace("\\/", "/") if written else ""
                if suffix_in(link) or is_download(link):
                    yield link, re.sub(r"\s+", " ", text).strip(), None
        shows, lists = _SHOWS.search(source), _LISTS.search(source)
        if shows or lists:
            for file in SCRIPTED_FILE.finditer(source):
                link = file[1].replace("\\/", "/")
                if shows or "/" in link:  # beside the addresses stand the names
                    yield link, "", None


def _unescaped(source: str) -> str:
    """A script with the escapes of its texts undone."""
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), source)
    whole = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\\/", "/").replace('\\"', '"')


def _of_anchor(element: lxml.html.HtmlElement) -> Iterator[tuple[str, str, str | None]]:
    name = element.get("download") or element.get("title") or None
    text = text_of(element)
    href = element.get("href", "")
    # Some templates write all attachments of an article into one link, a line each.
    lines = [line.strip() for line in href.splitlines() if line.strip()]
    if len(lines) > 1 and all(suffix_in(line) for line in lines):
        for line in lines:
            yield line, "", None
        return
    if not href or href.lstrip().lower().startswith(("javascript:", "#")):
        opened = SCRIPTED_FILE.search(f"{href} {element.get('onclick', '')}")
        if opened:
            yield opened[1], text, name
        return
    yield href, text, name

"""The portals' pages and files as resources, by path and query.

The structure follows the two CMS families: TRS writes static lists that a script pages through
(``createPageHTML``), hanweb serves list records from ``dataproxy.jsp`` and files from
``downfile.jsp``. The wording and the markup are our own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from connectors.replica.offer import (
    Article,
    Attachment,
    Column,
    DeadLink,
    Offer,
    Portal,
    SavedPage,
    digits_of,
)

_BEIJING: Final = ZoneInfo("Asia/Shanghai")
_HTML: Final = "text/html; charset=utf-8"
_MEDIA_TYPES: Final = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": _HTML,
}

_templates: Final = Environment(
    loader=PackageLoader("connectors.replica"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One answer of a portal; ``changed`` comes from the data, never from the clock."""

    body: bytes
    media_type: str
    changed: datetime
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'


@dataclass(frozen=True, slots=True)
class Link:
    """Where an attachment hangs: its path on the server and the page that links to it."""

    portal: Portal
    column: Column
    article: Article
    attachment: Attachment
    path: str
    article_path: str


#: The bytes of an attachment; only asked for attachments that exist.
Fill = Callable[[Attachment], bytes]


class Site:
    """All resources of the offered portals. Paths include the query where it selects content."""

    def __init__(self, offer: Offer, fill: Fill) -> None:
        self._pages: dict[str, Resource] = {}
        self._columns: dict[str, tuple[Portal, Column]] = {}
        self._files: dict[tuple[str, str], Resource] = {}
        self._proxies: set[str] = set()
        self._downloads: set[str] = set()
        self.links: list[Link] = []
        for portal in offer.portals:
            family = {"trs": self._add_trs, "hanweb": self._add_hanweb}[portal.family]
            family(portal, fill)
        self._add_front(offer)

    @property
    def paths(self) -> Iterator[str]:
        """Static paths (lists, articles, TRS files), without dataproxy and downfile."""
        return iter(self._pages)

    def find(self, path: str, query: str, form: str = "") -> Resource | None:
        """The resource at a path, or None. ``form`` is the urlencoded body of a POST."""
        if path in self._proxies:
            return self._records(path, parse_qs(query) | parse_qs(form))
        if path in self._downloads:
            name = parse_qs(query).get("filename", [""])[0]
            return self._files.get((path, name))
        if path.endswith("/"):
            path += "index.html"
        return self._pages.get(path)

    # -- shared -----------------------------------------------------------------------------

    def _page(self, path: str, changed: datetime, template: str, **values: object) -> Resource:
        text = _templates.get_template(template).render(**values)
        page = Resource(text.encode(), _HTML, changed)
        self._pages[path] = page
        return page

    def _body(self, attachment: Attachment, page: Resource | None, fill: Fill) -> bytes:
        if isinstance(attachment.of, SavedPage):
            assert page is not None
            return page.body
        return fill(attachment)

    def _add_front(self, offer: Offer) -> None:
        newest = max(column.changed for portal in offer.portals for column in portal.columns)
        rules = ["User-agent: *", f"Crawl-delay: {offer.crawl_delay_s:g}"]
        for portal in offer.portals:
            rules += [f"Disallow: {portal.prefix}/{path}" for path in portal.disallow]
            changed = max(column.changed for column in portal.columns)
            # What robots.txt forbids exists, so that a crawler that ignores it is seen to.
            for path in portal.disallow:
                self._page(
                    f"{portal.prefix}/{path}index.html", changed, "forbidden.html.j2", portal=portal
                )
        body = ("\n".join(rules) + "\n").encode()
        self._pages["/robots.txt"] = Resource(body, "text/plain; charset=utf-8", newest)
        self._page("/index.html", newest, "front.html.j2", portals=offer.portals)

    # -- TRS --------------------------------------------------------------------------------

    def _add_trs(self, portal: Portal, fill: Fill) -> None:
        changed = max(column.changed for column in portal.columns)
        self._page(
            f"{portal.prefix}/index.html",
            changed,
            "home.html.j2",
            portal=portal,
            entries=[(column, f"./{column.path}/index.html") for column in portal.columns],
        )
        for column in portal.columns:
            folder = f"{portal.prefix}/{column.path}"
            for number, articles in enumerate(column.pages):
                name = "index.html" if number == 0 else f"index_{number}.html"
                self._page(
                    f"{folder}/{name}",
                    column.changed,
                    "trs_list.html.j2",
                    portal=portal,
                    column=column,
                    entries=[(article, f"./{_trs_name(article)}") for article in articles],
                    total=len(column.pages),
                    current=number,
                )
            for article in column.articles:
                self._add_trs_article(portal, column, article, folder, fill)

    def _add_trs_article(
        self, portal: Portal, column: Column, article: Article, folder: str, fill: Fill
    ) -> None:
        path = f"{folder}/{_trs_name(article)}"
        names = {
            attachment.name: _trs_file(article, attachment) for attachment in article.attachments
        }
        page: Resource | None = None
        if not article.gone:
            page = self._page(
                path,
                article.published,
                "trs_article.html.j2",
                portal=portal,
                column=column,
                article=article,
                published=_beijing(article.published),
                files=[
                    (attachment.name, f"./{file}")
                    for attachment, file in zip(article.attachments, names.values(), strict=True)
                ],
            )
        for attachment in article.attachments:
            file = f"{path.rpartition('/')[0]}/{names[attachment.name]}"
            self.links.append(Link(portal, column, article, attachment, file, path))
            if not isinstance(attachment.of, DeadLink):
                self._pages[file] = Resource(
                    self._body(attachment, page, fill),
                    _MEDIA_TYPES[attachment.suffix],
                    article.published,
                )

    # -- hanweb -----------------------------------------------------------------------------

    def _add_hanweb(self, portal: Portal, fill: Fill) -> None:
        changed = max(column.changed for column in portal.columns)
        self._page(
            f"{portal.prefix}/index.html",
            changed,
            "home.html.j2",
            portal=portal,
            entries=[
                (column, f"{portal.prefix}/col/col{column.path}/index.html")
                for column in portal.columns
            ],
        )
        proxy = f"{portal.prefix}/module/web/jpage/dataproxy.jsp"
        self._proxies.add(proxy)
        self._downloads.add(f"{portal.prefix}/module/download/downfile.jsp")
        for column in portal.columns:
            self._columns[f"{proxy}#{column.path}"] = (portal, column)
            parameters = {
                "appid": "1",
                "webid": "1",
                "path": f"{portal.prefix}/",
                "columnid": column.path,
                "unitid": _unit_of(column),
            }
            following = {"page": "2"} | parameters if len(column.pages) > 1 else None
            self._page(
                f"{portal.prefix}/col/col{column.path}/index.html",
                column.changed,
                "hanweb_list.html.j2",
                portal=portal,
                column=column,
                unit=_unit_of(column),
                proxy=proxy,
                # Only the first group stands in the page, as jpage does; the rest is fetched.
                store=self._store(portal, column, column.pages[0], proxy, following),
                parameters=parameters,
            )
            for article in column.articles:
                self._add_hanweb_article(portal, column, article, fill)

    def _add_hanweb_article(
        self, portal: Portal, column: Column, article: Article, fill: Fill
    ) -> None:
        path = _hanweb_path(portal, column, article)
        download = f"{portal.prefix}/module/download/downfile.jsp"
        names = [
            f"{_hex_name(portal, article, attachment)}.{attachment.suffix}"
            for attachment in article.attachments
        ]
        links = [
            f"{download}?classid=0&filename={name}&showname={quote(attachment.name)}"
            for name, attachment in zip(names, article.attachments, strict=True)
        ]
        page: Resource | None = None
        if not article.gone:
            page = self._page(
                path,
                article.published,
                "hanweb_article.html.j2",
                portal=portal,
                column=column,
                article=article,
                published=_beijing(article.published),
                files=[
                    (attachment.name, link)
                    for attachment, link in zip(article.attachments, links, strict=True)
                ],
            )
        for attachment, name, link in zip(article.attachments, names, links, strict=True):
            self.links.append(Link(portal, column, article, attachment, link, path))
            if not isinstance(attachment.of, DeadLink):
                shown = f"attachment; filename*=UTF-8''{quote(attachment.name)}"
                self._files[(download, name)] = Resource(
                    self._body(attachment, page, fill),
                    _MEDIA_TYPES[attachment.suffix],
                    article.published,
                    {"Content-Disposition": shown},
                )

    def _records(self, proxy: str, query: Mapping[str, list[str]]) -> Resource | None:
        """Records ``startrecord``..``endrecord`` (from 1), or group ``page`` of a column."""
        entry = self._columns.get(f"{proxy}#{query.get('columnid', [''])[0]}")
        if entry is None:
            return None
        portal, column = entry
        try:
            size = int(query.get("perpage", [str(column.per_page)])[0])
            if "startrecord" in query:
                first = int(query["startrecord"][0])
                last = int(query.get("endrecord", [str(first + size - 1)])[0])
            else:
                page = int(query.get("page", ["1"])[0])
                first, last = (page - 1) * size + 1, page * size
        except ValueError:
            return None
        if size < 1 or first < 1:
            return None
        articles = column.articles[first - 1 : last]
        following = None
        if last < len(column.articles) and "startrecord" not in query:
            kept = {key: values[0] for key, values in query.items() if key != "page"}
            following = {"page": str(page + 1)} | kept
        text = self._store(portal, column, articles, proxy, following, size)
        return Resource(text.encode(), "text/xml; charset=utf-8", column.changed)

    def _store(
        self,
        portal: Portal,
        column: Column,
        articles: tuple[Article, ...],
        proxy: str,
        following: Mapping[str, str] | None,
        size: int | None = None,
    ) -> str:
        total = len(column.articles)
        return _templates.get_template("hanweb_store.xml.j2").render(
            entries=[(article, _hanweb_path(portal, column, article)) for article in articles],
            following=f"{proxy}?{urlencode(following)}" if following else None,
            total=total,
            pages=-(-total // (size or column.per_page)),
        )


def _beijing(moment: datetime) -> str:
    return moment.astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M")


def _trs_name(article: Article) -> str:
    day = article.published.astimezone(_BEIJING)
    return f"{day:%Y%m}/t{day:%Y%m%d}_{article.id}.html"


def _trs_file(article: Article, attachment: Attachment) -> str:
    day = article.published.astimezone(_BEIJING)
    return f"P0{day:%Y%m%d}{digits_of(f'{article.id}/{attachment.name}', 12)}.{attachment.suffix}"


def _hanweb_path(portal: Portal, column: Column, article: Article) -> str:
    day = article.published.astimezone(_BEIJING)
    return (
        f"{portal.prefix}/art/{day.year}/{day.month}/{day.day}/art_{column.path}_{article.id}.html"
    )


def _hex_name(portal: Portal, article: Article, attachment: Attachment) -> str:
    text = f"{portal.key}/{article.id}/{attachment.name}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _unit_of(column: Column) -> str:
    return digits_of(column.path, 6)

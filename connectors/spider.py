"""What to ask a site for, and what its pages and files are: columns -> lists -> articles ->
documents. :mod:`connectors.engine` runs it.
"""

from __future__ import annotations

import hashlib
import logging
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy.exceptions import CloseSpider
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from connectors.failures import describe_failure
from connectors.families import (
    ListEntry,
    ListPage,
    ListRequest,
    decode,
    families,
    is_document_url,
    parse_article,
)
from connectors.hosts import HostGate, Patience
from connectors.link_scores import score_link, settled
from connectors.media import PAGES, bears_figures, is_document
from connectors.orders import CrawlOrder
from connectors.recorder import Aim, Recorder, elsewhere, header_text, offered_name, told
from connectors.records import FetchOutcome, FetchRole, Known
from connectors.safety import url_refusal
from connectors.scratch import Texts
from disclosures.reading.sniff import MediaType, decode_text, sniff


@dataclass(slots=True)
class Tally:
    """What the pages of one list gave, beside what the list claims to have."""

    entries: Texts
    claimed: int | None = None
    read: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    repeated: int = 0  # pages in a row that gave only what others had given
    empty: int = 0  # pages in a row that gave nothing

    def count(self, address: str, page: ListPage) -> str | None:
        """Count a page; why the list is short (Chinese), once all its pages have been read."""
        self.read.add(address)
        self.known |= {address} | {ListRequest.of(link).address for link in page.further}
        given = {entry.url for entry in page.entries}
        self.repeated = self.repeated + 1 if given and given <= self.entries else 0
        self.empty = 0 if given else self.empty + 1
        self.entries |= given
        if page.total is not None:
            self.claimed = max(page.total, self.claimed or 0)
        if self.claimed is None or self.known - self.read or len(self.entries) >= self.claimed:
            return None
        return f"列表自称有 {self.claimed} 条，各页共识别出 {len(self.entries)} 条"


class SiteSpider(scrapy.Spider):
    """Columns -> list pages -> articles -> documents, each URL once."""

    name = "site"

    def __init__(self, order: CrawlOrder, recorder: Recorder, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = order
        self.recorder = recorder
        limits = order.limits
        patience = Patience(
            wait_s=limits.retry_wait_s,
            wait_max_s=limits.retry_wait_max_s,
            retry_after_max_s=limits.retry_after_max_s,
            failures=limits.host_failures,
        )
        self.gate = HostGate(patience, order.turns)
        self._family = families()[order.site.family or ""]
        self._seen = recorder.scratch.texts()
        self._list_pages: dict[str, int] = {}
        self._tallies: dict[str, Tally] = {}
        self._today = datetime.now(UTC).date()
        self._over_at_s = time.monotonic() + order.deadline_s

    def is_over(self) -> bool:
        """Whether the crawl's time is up: quiet hours may begin then, and nothing is asked for."""
        return time.monotonic() >= self._over_at_s

    async def start(self) -> AsyncIterator[Request]:
        for column in self.order.site.columns:
            url = self._family.start(column.url, column.options)
            aim = Aim(
                FetchRole.LIST,
                url,
                column.options,
                url,
                article_title=column.what,
                column=column.what,
            )
            for request in self._aim(aim):
                yield request

    # -- requests ---------------------------------------------------------------------------

    def _aim(self, aim: Aim) -> Iterator[Request]:
        """The request for an aim: each URL once, within the site and its limits."""
        url = ListRequest.of(aim.url).address
        aim = replace(aim, url=url)
        if url in self._seen:
            return
        self._seen.add(url)
        if len(self._seen) > self.order.limits.requests:
            self._skip(aim, f"超过单站请求上限 {self.order.limits.requests}")
            return
        if aim.role is FetchRole.LIST:
            column = aim.found_on or url
            self._list_pages[column] = self._list_pages.get(column, 0) + 1
            if self._list_pages[column] > self.order.limits.list_pages:
                self._skip(aim, f"超过单栏目列表页上限 {self.order.limits.list_pages}")
                return
        refusal = url_refusal(url)
        if refusal is not None:
            self.recorder.record(aim, FetchOutcome.REFUSED, reason=f"网址不可请求：{refusal}")
            return
        if not self.order.site.covers(url):
            host = urlsplit(url).hostname
            self._skip(aim, f"属于其他网站（{host}），未列入本站 hosts")
            return
        aim = self._scored(aim)
        if self._left(aim):
            return
        if aim.role is FetchRole.ARTICLE and (known := self.recorder.known(aim)) is not None:
            followed = self._follow_archived(aim, known)
            if followed is not None:
                yield from followed
                return
            if is_due(known, self._article_days(aim)):
                aim = replace(aim, conditional=False)
        yield self._request(aim)

    def _article_days(self, aim: Aim) -> int:
        limits = self.order.limits
        fresh_since = self._today - timedelta(days=limits.fresh_days)
        if aim.published_on is None or aim.published_on >= fresh_since.isoformat():
            return limits.fresh_article_days
        return limits.article_days

    def _follow_archived(self, aim: Aim, known: Known) -> list[Request] | None:
        """The requests for the files of an article that was read not long ago, or None if it has
        to be asked for: it is due, its entry reads otherwise, or it had no files yet."""
        if known.received_at is None or is_due(known, self._article_days(aim)):
            return None
        if known.link_text != told(aim.link_text)[0] or known.media_type not in PAGES:
            return None
        try:
            body = self.order.archive.read(known.sha256)
            if len(body) > self.order.limits.page_bytes:
                return None
            text = self._text(body, None)
            article = parse_article(known.final_url or aim.url, text, aim.options)
        except Exception:  # whatever is wrong with the copy, the page itself will tell
            return None
        if not article.attachments or article.holds_tables:
            return None

        def keep(reason: str | None = None, **details: Any) -> None:
            self.recorder.record(
                aim,
                FetchOutcome.SKIPPED,
                reason=f"{known.received_at:%Y-%m-%d} 取得的正文仍在复查期内，按存档核对其附件",
                sha256=known.sha256,
                media_type=known.media_type,
                **details,
            )

        return list(self._read_article(aim, known.final_url or aim.url, text, keep))

    def _scored(self, aim: Aim) -> Aim:
        """The aim with what its link is worth; lists are asked for in any case."""
        if aim.role not in (FetchRole.ARTICLE, FetchRole.DOCUMENT):
            return aim
        score = score_link(
            (aim.link_text, aim.file_name, aim.article_title),
            column=aim.column,
            address=aim.url,
            today=self._today,
        )
        return replace(aim, score=score)

    def _left(self, aim: Aim) -> bool:
        """Whether a link is not worth a request; the reason is recorded."""
        reason = aim.score.why_not() if aim.score is not None else None
        if reason is not None:
            self._skip(aim, reason)
            return True
        known = self.recorder.known(aim) if aim.role is FetchRole.DOCUMENT else None
        if known is None or known.verdict is None:
            return False
        first = self.recorder.first_urls.get(known.sha256)
        reason = settled(
            known.verdict,
            told=told(aim.link_text, aim.article_title, aim.published_on),
            twin=first if first != aim.url else None,
            now=datetime.now(UTC),
        )
        if reason is None:
            return False
        # The body at hand stands for it: what is still published is not missing.
        self.recorder.record(
            aim,
            FetchOutcome.SKIPPED,
            reason=reason,
            sha256=known.sha256,
            media_type=known.media_type,
        )
        return True

    def why_spent(self, aim: Aim) -> str | None:
        """Why a list page need not be asked for any more (Chinese), or None."""
        tally = self._tallies.get(aim.found_on or aim.url)
        limits = self.order.limits
        if tally is None or aim.url in tally.read:
            return None
        if tally.repeated >= limits.repeated_pages:
            return f"连续 {limits.repeated_pages} 个列表页只重复已有条目，不再翻页"
        if tally.empty >= limits.empty_pages:
            return f"连续 {limits.empty_pages} 个列表页没有条目，不再翻页"
        return None

    def _request(self, aim: Aim) -> Request:
        # What is nearer to a document goes first: a crawl that is cut off has documents then.
        priority = {FetchRole.LIST: 0, FetchRole.ARTICLE: 10, FetchRole.DOCUMENT: 20}[aim.role]
        if aim.role is FetchRole.LIST:  # page by page, as the list has them
            priority -= self._list_pages.get(aim.found_on or aim.url, 0)
        request = ListRequest.of(aim.url)
        return Request(
            request.url,
            method=request.method,
            body=request.body,
            headers={"Content-Type": request.content_type} if request.content_type else None,
            callback=self.on_answer,
            errback=self.on_failure,
            meta={"aim": aim},
            dont_filter=True,
            priority=priority,
        )

    def _again(self, aim: Aim, response: Response, **meta: object) -> Request:
        """The same request without conditions; its row tells of the first answer, too."""
        request = self._request(replace(aim, conditional=False))
        request.meta.update(meta, hops=list(response.meta.get("hops", ())))
        return request

    def _skip(self, aim: Aim, reason: str) -> None:
        self.recorder.record(aim, FetchOutcome.SKIPPED, reason=reason)

    # -- answers ----------------------------------------------------------------------------

    def on_answer(self, response: Response) -> Iterator[Request]:
        """Raises:
        CloseSpider: the archive cannot be written; nothing that follows could be kept either.
        """
        try:
            yield from self._read_answer(response)
        except OSError as error:
            raise CloseSpider(f"归档无法写入：{error}") from error

    def _read_answer(self, response: Response) -> Iterator[Request]:
        aim: Aim = response.meta["aim"]
        if (what := response.meta.get("challenge")) is not None:
            self._lose(aim, response, f"要求{what}", FetchOutcome.BLOCKED)
            return
        if response.status == 304:
            known = self.recorder.known(aim)
            if not _is_conditional(response):
                self._lose(aim, response, "未附条件的请求得到 304，没有内容")
                return
            if known is None or _is_contradicted(known, response):
                # The copy has gone, or the server's own headers speak of another body.
                yield self._again(aim, response)
                return
            try:
                # A document stays where it is: only pages are read again.
                at_hand = aim.role is FetchRole.DOCUMENT and known.media_type not in {None, *PAGES}
                body = b"" if at_hand else self.order.archive.read(known.sha256)
            except FileNotFoundError:  # gone in this moment, or found to be damaged
                yield self._again(aim, response)
                return
            media_type = known.media_type or sniff(body).value
        elif response.status == 200:
            known = None
            body = response.body
            media_type = sniff(body).value
        else:
            self._lose(aim, response, f"HTTP {response.status}")
            return

        def keep(reason: str | None = None, **details: Any) -> None:
            if known is not None:
                self.recorder.unchanged(aim, response, known, reason=reason, **details)
            else:
                self.recorder.received(
                    aim, response, reason=reason, media_type=media_type, **details
                )

        if aim.role is FetchRole.DOCUMENT:
            yield from self._read_document(aim, response, body, media_type, keep)
            return
        if media_type not in PAGES:
            if is_document(media_type):
                # Some entries of a list lead to the file itself, whatever their address looks like.
                keep(role=FetchRole.DOCUMENT, file_name=offered_name(response) or aim.file_name)
            else:
                self._lose(aim, response, f"类型不符：应为网页，实为 {media_type}")
            return
        if len(body) > self.order.limits.page_bytes:
            keep(reason=f"网页超过 {self.order.limits.page_bytes} 字节，未解析")
            return
        try:
            text = self._text(body, response)
            read = self._read_list if aim.role is FetchRole.LIST else self._read_article
            requests = list(read(aim, _address(aim, response.url), text, keep))
        except OSError:
            raise
        except Exception as error:
            # A stranger's page: what it breaks becomes a row with the reason, the crawl goes on.
            logging.getLogger(__name__).warning("cannot parse %s", aim.url, exc_info=True)
            keep(reason=f"网页无法解析：{type(error).__name__}: {error}")
            return
        yield from requests

    def _lose(
        self,
        aim: Aim,
        response: Response,
        reason: str,
        outcome: FetchOutcome = FetchOutcome.FAILED,
    ) -> None:
        """Record an answer that is of no use."""
        self.recorder.record(aim, outcome, reason=reason, **self.recorder.answered(aim, response))

    def _read_document(
        self,
        aim: Aim,
        response: Response,
        body: bytes,
        media_type: str,
        keep: Callable[..., None],
    ) -> Iterator[Request]:
        """Keep a file; what came in its place says so, and a page that leads to it is followed."""
        file_name = offered_name(response) or aim.file_name
        if media_type == MediaType.EMPTY:
            self._lose(aim, response, "空文件")
        elif response.status == 200 and _ends_early(response, media_type):
            yield from self._read_endless(aim, response, body, keep)
        elif media_type not in PAGES or len(body) > self.order.limits.page_bytes:
            keep(file_name=file_name)
        else:
            # Tables saved as a page are common under names such as .xls; error pages, too.
            text = self._text(body, response)
            if bears_figures(text):
                keep(file_name=file_name)
                return
            article = parse_article(_address(aim, response.url), text, aim.options)
            title = f"（{article.title}）" if article.title else ""
            self._lose(aim, response, f"类型不符：应为文件，实为不含数据的网页{title}")
            if aim.by_way_of_page:
                return
            for attachment in article.attachments:
                yield from self._aim(
                    replace(
                        aim,
                        url=attachment.url,
                        found_on=aim.url,
                        link_text=attachment.text or aim.link_text,
                        file_name=attachment.file_name or aim.file_name,
                        by_way_of_page=True,
                    )
                )

    def _read_endless(
        self, aim: Aim, response: Response, body: bytes, keep: Callable[..., None]
    ) -> Iterator[Request]:
        """A PDF without an end, of a server that does not say where it is: asked for twice, and
        whole as served if it is the same both times. Reading judges what is missing."""
        sha256 = hashlib.sha256(body).hexdigest()
        known = self.recorder.known(aim)
        before = response.meta.get("endless")
        what = "PDF 没有结尾，服务器也未说明长度"
        if sha256 == before or (known is not None and sha256 == known.sha256):
            name = offered_name(response) or aim.file_name
            keep(f"{what}；两次取得的内容相同，按原样归档", file_name=name)
        elif before is None:
            yield self._again(aim, response, endless=sha256)
        else:
            self._lose(aim, response, f"传输中断，内容不完整：{what}")

    def _text(self, body: bytes, response: Response | None) -> str:
        encoding = _text_or_none(self.order.site.quirk("encoding"))
        # What pages and servers say of their encoding is often wrong; the bytes are asked first.
        text = decode_text(body) if encoding is None else None
        if text is not None:
            return text
        # A 304 describes no body.
        if response is not None and response.status == 200:
            content_type = header_text(response, "Content-Type")
        else:
            content_type = None
        return decode(body, content_type=content_type, encoding=encoding)

    def _read_list(
        self, aim: Aim, url: str, text: str, keep: Callable[..., None]
    ) -> Iterator[Request]:
        page = self._family.parse_list(url, text, aim.options)
        since = self.order.since
        wanted = [entry for entry in page.entries if not _is_before(entry, since)]
        column = aim.found_on or aim.url
        if column not in self._tallies:
            self._tallies[column] = Tally(self.recorder.scratch.texts())
        reason = self._tallies[column].count(aim.url, page) or page.note
        if reason is not None:
            # The parent logs it: a list that gives less than it claims is nobody's silence.
            logging.getLogger(__name__).warning("%s: %s", aim.found_on or aim.url, reason)
        elif not page.entries and not page.further:
            reason = "列表页中未识别出任何条目"
        elif len(wanted) < len(page.entries):
            reason = f"{len(page.entries) - len(wanted)} 条早于 {since}，未跟进"
        keep(reason)
        for link in page.further:
            yield from self._aim(
                Aim(
                    FetchRole.LIST,
                    link,
                    aim.options,
                    aim.found_on,
                    article_title=aim.article_title,
                    column=aim.column,
                )
            )
        for entry in wanted:
            yield from self._aim(
                Aim(
                    FetchRole.DOCUMENT if _is_file(entry) else FetchRole.ARTICLE,
                    entry.url,
                    aim.options,
                    found_on=aim.url,
                    link_text=entry.title,
                    article_title=entry.title,
                    published_on=entry.published_on,
                    column=aim.column,
                )
            )

    def _read_article(
        self, aim: Aim, url: str, text: str, keep: Callable[..., None]
    ) -> Iterator[Request]:
        article = parse_article(url, text, aim.options)
        title = article.title or aim.article_title
        published_on = article.published_on or aim.published_on
        keep(article_title=title, published_on=published_on)
        if article.holds_tables:
            keep(role=FetchRole.DOCUMENT, article_title=title, published_on=published_on)
        for attachment in article.attachments:
            yield from self._aim(
                Aim(
                    FetchRole.DOCUMENT,
                    attachment.url,
                    aim.options,
                    found_on=aim.url,
                    link_text=attachment.text or None,
                    article_title=title,
                    published_on=published_on,
                    file_name=attachment.file_name,
                    column=aim.column,
                )
            )

    def on_failure(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined]
        aim: Aim = request.meta["aim"]
        outcome, reason = describe_failure(failure.value)
        self.recorder.record(
            aim,
            outcome,
            reason=reason,
            final_url=elsewhere(aim, request.url),
            hops=tuple(request.meta.get("hops", ())),
        )


def _address(aim: Aim, url: str) -> str:
    """The address of an answer: its URL, and the body that asked for it."""
    return ListRequest.of(aim.url).at(url).address


def is_due(known: Known, days: int) -> bool:
    """Whether a body is fetched anew whatever its validators say: some servers answer 304 for
    files that they have replaced. Spread over half as many days more, by address."""
    if known.received_at is None:
        return False
    spread_days = days * (zlib.crc32(known.url.encode()) % 100) / 200
    return datetime.now(UTC) - known.received_at > timedelta(days=days + spread_days)


def _is_conditional(response: Response) -> bool:
    headers = response.request.headers if response.request is not None else {}
    return "If-None-Match" in headers or "If-Modified-Since" in headers


def _is_contradicted(known: Known, response: Response) -> bool:
    """Whether a 304 describes another body than the archived one: entity tags alone are not
    trusted, because some servers derive them from less than the content."""
    changed = header_text(response, "Last-Modified")
    return bool(known.last_modified and changed and changed != known.last_modified)


def _ends_early(response: Response, media_type: str) -> bool:
    """Whether a PDF stops where only the end of the connection marks its end."""
    cut = "partial" in response.flags and media_type == MediaType.PDF
    return cut and b"%%EOF" not in response.body[-2048:]


def _is_before(entry: ListEntry, since: date | None) -> bool:
    return (
        since is not None
        and entry.published_on is not None
        and (entry.published_on < since.isoformat())
    )


def _is_file(entry: ListEntry) -> bool:
    return is_document_url(entry.url)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None

"""From a portal's home page to a draft of its site file: where its columns of final accounts are,
by which family they are read, and what nobody has checked yet."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import tldextract
import yaml

from connectors.archive import Archive
from connectors.crawl import survey_site
from connectors.families import ListEntry, Page, decode
from connectors.families.page import text_of
from connectors.link_scores import score_navigation, year_in
from connectors.orders import Limits
from connectors.probing import ADVICE, SiteState, judge_answer
from connectors.records import Fetch, FetchOutcome, FetchRole
from connectors.safety import url_refusal
from connectors.sites import Column, Site
from connectors.survey import STEP, ListReading, page_name, read_as_list

#: Pages that one discovery asks for at most, and its time in seconds.
PAGES: Final = 80
DEADLINE_S: Final = 900.0
#: Of the disclosures on the first pages, the share that a full crawl may not fall below.
_MIN_SHARE: Final = 0.8
#: Of a list whose name does not say 决算, what has to look like final accounts.
_LEAST_SHARE: Final = 0.3
_MOST_COLUMNS: Final = 60
_NOTED: Final = 12

#: What YAML does not print, and what ends a line or turns its direction.
_NOT_IN_A_LINE: Final = re.compile(
    r"[^\x20-\x7e\xa0-\u200d\u2010-\u2027\u202f-\u2065\u2070-\ud7ff"
    r"\uf900-\ufdff\ufe30-\ufefe\uff00-\ufffc]+"
)
_REGION: Final = re.compile(
    r"(.{2,20}?(?:省|自治区|自治州|盟|市|区|县|旗|镇|乡))(?:人民政府|政府|$)"
)

_registered_domain = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


class NothingFound(Exception):
    """No column could be found; the message (Chinese) says why and what to do."""


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A list of final accounts, by its first page. ``matches`` of its ``entries`` look like
    disclosures; ``total`` is what the list claims to have; ``way`` leads there from the start."""

    url: str
    what: str
    way: tuple[str, ...]
    reading: ListReading
    entries: tuple[ListEntry, ...]
    matches: tuple[ListEntry, ...]
    total: int | None
    goes_on: bool

    @property
    def years(self) -> tuple[int, ...]:
        """The years that titles name, the latest first."""
        found = {year for entry in self.matches if (year := year_in(entry.title)) is not None}
        return tuple(sorted(found, reverse=True))


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a look around found. ``site`` is what the draft says; ``left`` are columns that were
    seen and not taken, with reasons; ``pages`` is how many pages were asked for, ``unseen`` how
    many promising links were left when their number was reached."""

    url: str
    name: str
    site: Site
    columns: tuple[FoundColumn, ...]
    left: tuple[tuple[str, str], ...] = ()
    pages: int = 0
    unseen: int = 0
    ended: str | None = None


def discover(
    url: str,
    *,
    registry: Mapping[str, Site] | None = None,
    allow_loopback: bool = False,
    delay_s: float = 2.0,
    contact: str = "",
    pages: int = PAGES,
    deadline_s: float = DEADLINE_S,
    on_progress: Callable[[Fetch], None] | None = None,
) -> Discovery:
    """Look for the columns of final accounts on the portal of a home page or site map.

    ``allow_loopback`` is for the bundled portal. At most ``pages`` pages within ``deadline_s``
    seconds, one after another with ``delay_s`` between them.

    Raises:
        NothingFound: there is no usable column; the message says why.
    """
    if "://" not in url:
        url = f"http://{url}"
    refusal = url_refusal(url)
    if refusal is not None:
        raise NothingFound(
            f"网址不可请求：{refusal}。请给出门户首页的完整网址，如 https://www.example.gov.cn/"
        )
    start = Column(url=url, what="首页")
    try:
        site = Site(
            key="survey",
            name="待查门户",
            region="待查",
            family="generic",
            columns=(start,),
            delay_s=delay_s,
            allow_loopback=allow_loopback,
        )
    except ValueError as error:
        raise NothingFound(f"网址不可请求：{error}") from error
    with tempfile.TemporaryDirectory(prefix="juesuan-discover-") as folder:
        archive = Archive(Path(folder))
        fetches, ended = survey_site(
            site,
            archive,
            explore=True,
            run_deadline_s=deadline_s,
            limits=Limits(requests=pages, list_pages=pages, retries=1, request_timeout_s=60.0),
            contact=contact,
            on_progress=on_progress,
        )
        found = _Findings(url, fetches, archive, ended)
        found.check_start()
        columns = found.columns()
    if not columns:
        raise NothingFound(found.why_nothing())
    registry = registry or {}
    known = next((s for s in registry.values() if s.home and _same_place(s.home, url)), None)
    name = found.portal_name()
    return Discovery(
        url=url,
        name=name,
        site=_site_of(url, name, columns, site, known, registry),
        columns=columns,
        left=tuple(found.left()),
        pages=found.pages,
        unseen=found.unseen,
        ended=ended,
    )


@dataclass(slots=True)
class _Seen:
    """A page of the survey, as it is judged here."""

    fetch: Fetch
    page: Page
    way: tuple[str, ...]
    goal: bool
    home: bool
    reading: ListReading | None


class _Findings:
    """The pages of a survey and what they hold."""

    def __init__(
        self, url: str, fetches: Sequence[Fetch], archive: Archive, ended: str | None
    ) -> None:
        self.url = url
        self.ended = ended
        self.fetches = fetches
        self.robots = [fetch for fetch in fetches if fetch.role is FetchRole.ROBOTS]
        self.lists = [fetch for fetch in fetches if fetch.role is FetchRole.LIST]
        self.pages = sum(fetch.outcome is not FetchOutcome.SKIPPED for fetch in self.lists)
        self.unseen = sum("上限" in (fetch.reason or "") for fetch in self.lists)
        self.seen: dict[str, _Seen] = {}
        self._rejected: list[tuple[str, str]] = []
        #: Pages by way of which columns were found: menus, which need no list of their own.
        self._above_columns: set[str] = set()
        for fetch in self.lists:
            if fetch.sha256 is None or not fetch.outcome.has_body:
                continue
            text = decode(
                archive.read(fetch.sha256), content_type=fetch.headers.get("Content-Type")
            )
            self.seen[fetch.url] = self._see(fetch, text)

    def _see(self, fetch: Fetch, text: str) -> _Seen:
        page = Page(fetch.final_url or fetch.url, text)
        parent = self.seen.get(fetch.found_on or "")
        if parent is None:
            name = page_name(page)
            goal = score_navigation(name, page.url, within=False).goal
            way: tuple[str, ...] = (name,) if goal else ()
        elif fetch.link_text is None:  # a frame, or the data of a list
            goal, way = parent.goal, parent.way
        else:
            goal = score_navigation(fetch.link_text, fetch.url, within=parent.goal).goal
            way = (*parent.way, fetch.link_text)
        reading = read_as_list(page.url, text, STEP.join(way))
        goal = goal or (reading is not None and reading.found_columns)
        return _Seen(fetch, page, way, goal, parent is None, reading)

    # -- columns ----------------------------------------------------------------------------

    def columns(self) -> tuple[FoundColumn, ...]:
        """The columns to register: the newest year first, none that others cover."""
        found = [column for seen in self.seen.values() if (column := self._column(seen))]
        kept = [
            column
            for place, column in enumerate(found)
            if not self._is_covered(column, found[:place], found[place + 1 :])
        ]
        for column in kept:
            self._note_way(column)
        kept.sort(key=lambda column: column.years[:1] or (0,), reverse=True)
        for column in kept[_MOST_COLUMNS:]:
            self._rejected.append((column.url, f"{column.what}：栏目过多，未列入"))
        return tuple(kept[:_MOST_COLUMNS])

    def _note_way(self, column: FoundColumn) -> None:
        seen = next(seen for seen in self.seen.values() if seen.page.url == column.url)
        above = self.seen.get(seen.fetch.found_on or "")
        while above is not None and above.page.url not in self._above_columns:
            self._above_columns.add(above.page.url)
            above = self.seen.get(above.fetch.found_on or "")

    def _column(self, seen: _Seen) -> FoundColumn | None:
        if seen.reading is None or self._is_data(seen):
            return None
        reading = seen.reading
        entries = {entry.url: entry for entry in reading.page.entries}
        matches = {entry.url: entry for entry in reading.matches}
        total, further = reading.page.total, set(reading.page.further)
        for answer in self.seen.values():
            if answer.fetch.found_on == seen.fetch.url and self._is_data(answer):
                data = answer.reading
                assert data is not None
                entries |= {entry.url: entry for entry in data.page.entries}
                matches |= {entry.url: entry for entry in data.matches}
                further |= set(data.page.further)
                further.discard(answer.fetch.url)
                total = data.page.total if total is None else total
                if data.matches and reading.family == "generic":
                    reading = replace(reading, family=data.family, reasons=data.reasons)
        if not matches:
            if not seen.home and (seen.goal or "算" in "".join(seen.way)):
                why = f"{len(entries)} 条中没有像部门决算的" if entries else self._why_empty(seen)
                self._rejected.append((seen.page.url, f"{self._what(seen)}：{why}"))
            return None
        share = len(matches) / len(entries)
        if not seen.goal and (seen.home or share < _LEAST_SHARE):
            self._rejected.append(
                (
                    seen.page.url,
                    f"{self._what(seen)}：{len(entries)} 条中只有 {len(matches)} 条像部门决算",
                )
            )
            return None
        return FoundColumn(
            url=seen.page.url,
            what=self._what(seen),
            way=seen.way,
            reading=reading,
            entries=tuple(entries.values()),
            matches=tuple(matches.values()),
            total=total,
            goes_on=bool(further),
        )

    def _is_data(self, seen: _Seen) -> bool:
        """Whether an answer is what a page asked for to get its list."""
        parent = self.seen.get(seen.fetch.found_on or "")
        return (
            seen.fetch.link_text is None
            and parent is not None
            and parent.reading is not None
            and seen.fetch.url in parent.reading.page.further
        )

    def _why_empty(self, seen: _Seen) -> str:
        note = seen.reading.page.note if seen.reading is not None else None
        return f"列表未能读出（{note}）" if note else "列表未能读出，可能由脚本生成"

    def _what(self, seen: _Seen) -> str:
        """The name under which a column is registered: from where its way first says 决算."""
        place = next((n for n, name in enumerate(seen.way) if "决算" in name), None)
        if place is None and seen.reading is not None and seen.reading.found_columns:
            return "部门决算"
        parts = seen.way[place:] if place is not None else (page_name(seen.page),)
        # 财政预决算 / 部门决算 / 2023年: what stands nearest says most.
        said = [n for n, name in enumerate(parts) if "决算" in name]
        name = " ".join(parts[said[-1] :] if said else parts)
        return _line(name)[:60] or "部门决算"

    @staticmethod
    def _is_covered(
        column: FoundColumn, before: Sequence[FoundColumn], after: Sequence[FoundColumn]
    ) -> bool:
        """Whether other columns give all that this one gives."""
        own = {entry.url for entry in column.matches}
        if any(
            own == {entry.url for entry in other.matches} and other.goes_on == column.goes_on
            for other in before
        ):
            return True  # the same list under another address
        if column.goes_on or (column.total or 0) > len(column.entries):
            return False
        others = [
            {entry.url for entry in other.matches}
            for other in (*before, *after)
            if {entry.url for entry in other.matches} != own or other.goes_on
        ]
        return bool(others) and own <= set().union(*others)

    # -- what is said of the rest -------------------------------------------------------------

    def left(self) -> Iterator[tuple[str, str]]:
        """Columns that were seen and not taken, and links that lead elsewhere."""
        above = self._above_columns
        yield from dict.fromkeys(found for found in self._rejected if found[0] not in above)
        for fetch in self.lists:
            if fetch.url not in self.seen and "算" in (fetch.link_text or ""):
                yield (
                    fetch.url,
                    f"{_line(fetch.link_text or '')}：{_line(fetch.reason or '未取得')}",
                )

    def portal_name(self) -> str:
        """What the portal calls itself."""
        for seen in self.seen.values():
            for path in ("//meta[@name][@content]",):
                for element in seen.page.all(path):
                    if element.get("name", "").lower() == "sitename" and element.get("content"):
                        return _line(element.get("content", ""))[:40]
        for seen in self.seen.values():
            for element in seen.page.all("//title"):
                parts = [part.strip() for part in re.split(r"[-_|—–>]", text_of(element))]
                named = [part for part in parts if re.search(r"政府|门户|网站|[局厅委办]$", part)]
                if named:
                    return _line(named[-1])[:40]
        return urlsplit(self.url).hostname or self.url

    def check_start(self) -> None:
        """Raises:
        NothingFound: the page from which to start cannot be used.
        """
        first = next((fetch for fetch in self.lists if fetch.found_on is None), None)
        if first is None:
            lost = next((f for f in self.robots if not f.outcome.has_body), None)
            reason = (lost.reason if lost else None) or self.ended or "没有得到答复"
            raise NothingFound(f"{self.url} 无法访问：{reason}。{ADVICE[SiteState.DEAD]}")
        trouble = judge_answer(first, self.robots)
        if trouble is None or first.outcome.has_body:
            return
        state, reason = trouble
        if state is SiteState.MOVED:
            raise NothingFound(f"{self.url} {reason}。请改用新网址重新查找")
        what = "拒绝访问" if state is SiteState.BLOCKED else "无法访问"
        hint = (
            "请核对网址和本机网络；能用浏览器打开的，稍后再试"
            if state is SiteState.DEAD
            else ADVICE[state]
        )
        raise NothingFound(f"{self.url} {what}：{reason}。{hint}")

    def why_nothing(self) -> str:
        lines = [f"{self.url}：看了 {self.pages} 个网页，没有找到部门决算栏目。"]
        if self.ended is not None:
            lines.append(f"查找中断：{self.ended}。")
        noted = list(self.left())[:_NOTED]
        if noted:
            lines.append("看过而未采用的栏目：")
            lines += [f"  {url}  {reason}" for url, reason in noted]
        lines.append(
            "请在浏览器中找到部门决算的列表页，以它的网址再次运行；"
            "仍不成的，按 docs/adding-a-site.md 手工登记。"
        )
        return "\n".join(lines)


# -- the draft ------------------------------------------------------------------------------


def family_of(columns: Sequence[FoundColumn]) -> str:
    """The family that reads most disclosures."""
    votes: Counter[str] = Counter()
    for column in columns:
        votes[column.reading.family] += len(column.matches)
    return votes.most_common(1)[0][0]


def _site_of(
    url: str,
    name: str,
    found: Sequence[FoundColumn],
    survey: Site,
    known: Site | None,
    registry: Mapping[str, Site],
) -> Site:
    """The site that the draft describes; what is registered already stands."""
    family = family_of(found)
    taken = [column for column in found if column.reading.family == family]
    columns = tuple(Column(url=column.url, what=column.what) for column in taken)
    seen = {entry.url for column in taken for entry in column.matches}
    return Site(
        key=known.key if known else _key(url, registry),
        name=known.name if known else _agency(name),
        region=known.region if known else _region(name),
        region_code=known.region_code if known else None,
        regions=known.regions if known else (),
        home=url,
        family=family,
        columns=columns,
        min=max(1, int(len(seen) * _MIN_SHARE)),
        delay_s=survey.delay_s,
        allow_loopback=survey.allow_loopback,
        remark="由 juesuan sites discover 起草，尚未经人核实。",
    )


def draft(discovery: Discovery) -> str:
    """A site file as text: YAML with a comment on each thing that a person has to check.

    Reading it back gives ``discovery.site``.
    """
    site = discovery.site
    by_url = {column.url: column for column in discovery.columns}
    seen = sum(len(by_url[column.url].matches) for column in site.columns)
    certain = max(by_url[column.url].reading.certainty for column in site.columns)
    evidence = dict.fromkeys(
        reason for column in site.columns for reason in by_url[column.url].reading.reasons
    )
    lines = [
        f"# 草稿：从 {_line(discovery.url)} 出发看了 {discovery.pages} 个网页后起草，未经人核实。",
        "# 逐项核对后才可改为 verified: true；步骤见 docs/adding-a-site.md。",
    ]
    if discovery.ended is not None:
        lines.append(f"# 查找中断（{_line(discovery.ended)}），可能还有栏目没有看到。")
    if discovery.unseen:
        lines.append(f"# 另有 {discovery.unseen} 个可能的链接因页数上限未看，可用 --pages 加大。")
    lines += [
        f"key: {_value(site.key)}",
        f"name: {_value(site.name)}  # 待核实：取自网站自称“{_line(discovery.name)}”",
        f"region: {_value(site.region)}  # 待核实：应写到省、市、区县",
    ]
    if site.region_code is None:
        lines.append('# region_code: "000000"  # 未知：填 GB/T 2260 六位代码')
    else:
        lines.append(f"region_code: {_value(site.region_code)}")
    if site.regions:
        lines.append("regions:")
        lines += [f"  - {_value(region.model_dump())}" for region in site.regions]
    lines += [
        f"home: {_value(site.home)}",
        f"family: {_value(site.family)}  # 把握 {certain:.0%}：{_line('；'.join(evidence))}",
        "columns:",
    ]
    for column in site.columns:
        found = by_url[column.url]
        lines += [
            f"  # {_line(STEP.join(found.way))}",
            f"  # {_line(_counts(found))}",
            f"  - {{url: {_value(column.url)}, what: {_value(column.what)}}}",
        ]
    lines += [
        f"# 首页上像部门决算的共 {seen} 条；全部抓取一遍后，按实际文件数略减。",
        f"min: {site.min}",
        f"delay_s: {site.delay_s:g}",
        "verified: false",
    ]
    if site.allow_loopback:
        lines.append("allow_loopback: true")
    lines.append(f"remark: {_value(site.remark)}")
    other = [column for column in discovery.columns if column.reading.family != site.family]
    if other:
        lines.append("# 以下栏目属于另一种系统，须另立站点文件：")
        lines += [
            f"#   {_line(column.url)}  {_line(column.what)}（{column.reading.family}，"
            f"{len(column.matches)} 条）"
            for column in other
        ]
    if discovery.left:
        lines.append("# 看过而未列入的：")
        lines += [f"#   {_line(url)}  {_line(why)}" for url, why in discovery.left[:_NOTED]]
        if len(discovery.left) > _NOTED:
            lines.append(f"#   …… 另有 {len(discovery.left) - _NOTED} 个")
    text = "\n".join(lines) + "\n"
    if Site.model_validate(yaml.safe_load(text)) != site:
        raise AssertionError("the draft does not say what was found")
    return text


def _counts(column: FoundColumn) -> str:
    parts = [f"首页 {len(column.entries)} 条，其中 {len(column.matches)} 条像部门决算"]
    if column.total is not None:
        parts.append(f"列表自称共 {column.total} 条")
    if column.goes_on:
        parts.append("还有后续页")
    if column.years:
        parts.append("年度 " + "、".join(str(year) for year in column.years[:6]))
    newest = max((entry.published_on for entry in column.entries if entry.published_on), default="")
    if newest:
        parts.append(f"最新 {newest}")
    if len(column.matches) < len(column.entries):
        parts.append("混有其他内容，抓取时按评分取舍")
    return "；".join(parts)


def _line(text: str) -> str:
    """Crawled text that stays within its line and its comment."""
    return _NOT_IN_A_LINE.sub(" ", text).strip()


def _value(value: object) -> str:
    """A YAML value on one line; JSON is YAML."""
    if isinstance(value, str):
        value = _line(value)
    return json.dumps(value, ensure_ascii=False)


def _key(url: str, registry: Mapping[str, Site]) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    found = _registered_domain(host)
    labels = [found.domain, *reversed(found.subdomain.split("."))] if found.suffix else [host]
    named = [re.sub(r"[^a-z0-9]+", "_", label) for label in labels if label not in {"", "www"}]
    key = "_".join(named).strip("_") or "portal"
    if not re.match(r"[a-z]", key):
        key = f"portal_{key}"
    candidate, number = key, 2
    while candidate in registry:
        candidate, number = f"{key}_{number}", number + 1
    return candidate


def _agency(name: str) -> str:
    return re.sub(r"(?:官方|政务)?(?:门户)?(?:网站?|网站首页|首页)$", "", name).strip() or name


def _region(name: str) -> str:
    found = _REGION.match(name)
    return found[1] if found else "待核实"


def _same_place(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    return (first.netloc, first.path.rstrip("/")) == (second.netloc, second.path.rstrip("/"))

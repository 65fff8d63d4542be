"""Where the rest of a list is: what scripts and links say of further pages, and of totals."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin, urlsplit

from connectors.families.page import Page, text_of

#: More pages than this in one list are a trap or a mistake.
MAX_PAGES: Final = 1000
#: Pages have one or two pagers.
_CALLS: Final = 10
_TRS_CALL: Final = re.compile(
    r"createPage(?:HTML)?\w*\(\s*(?P<count>[\w$]+)\s*,\s*[\w$]+\s*,\s*"
    r"[\"'](?P<name>[^\"'/]+)[\"']\s*,\s*[\"'](?P<suffix>s?html?)[\"']"
)
#: The same as an object, on TRS portals with newer templates.
_PAGER_CALL: Final = re.compile(
    r"\bPager\(\s*\{\s*size\s*:\s*(?P<count>[\w$]+)\s*,\s*current\s*:\s*[\w$]+\s*,\s*"
    r"prefix\s*:\s*[\"'](?P<name>[^\"'/]+)[\"']\s*,\s*suffix\s*:\s*[\"'](?P<suffix>s?html?)[\"']"
)
_UCAP_CALL: Final = re.compile(
    r"createPage(?:HTML)?\w*\(\s*[\"'][\w-]+[\"']\s*,\s*[\"']?(?P<count>[\w$]+)[\"']?\s*,\s*"
    r"[\"']?[\w$]+[\"']?\s*,\s*[\"'](?P<name>[^\"'/]+)[\"']\s*,\s*[\"'](?P<suffix>s?html?)[\"']"
    r"(?:\s*,\s*[\"']?(?P<entries>[\w$]+)[\"']?)?"
)
_PAGE_FILE: Final = re.compile(r"(?P<name>[A-Za-z]\w*?)(?:_(?P<number>\d+))?\.(?P<suffix>s?html?)")
_NEXT: Final = re.compile(r"下\s*一?\s*页|后一页|(?i:next)|[>›»]")
_LAST: Final = re.compile(r"尾\s*页|末\s*页|最后一页|(?i:last)|[>›»]{2}")
_PAGE_NUMBER: Final = re.compile(r"\[?\s*\d{1,4}\s*\]?")
_TOTAL: Final = re.compile(
    r"(?:共|总计|总共)\s*(?:有|计)?\s*(\d{1,7})\s*(?:条|篇|项|个(?:记录|结果))"
)
#: A call with the number of a page behind the first.
_TURN: Final = re.compile(r"\w\(\s*[^()]*?(?<![\w.])[\"']?(?:[2-9]|[1-9]\d{1,3})[\"']?\s*[,)]")
_OF_PAGES: Final = re.compile(r"\d+\s*/\s*\d+|页")


def trs_pages(page: Page, *, first: int) -> tuple[list[str], int | None]:
    """The pages that ``createPageHTML(count, current, name, suffix)`` links to, and how many
    entries the list has where the count is computed from them.

    ``first`` is the number of the second page: index_1 on TRS, index_2 on systems alike.
    """
    found: list[str] = []
    total = None
    calls = itertools.chain(_TRS_CALL.finditer(page.text), _PAGER_CALL.finditer(page.text))
    for call in itertools.islice(calls, _CALLS):
        count, entries = _value(call["count"], page.text[: call.start()])
        total = entries if entries is not None else total
        for number in range(first, min(count or 0, MAX_PAGES) + first - 1):
            found.append(urljoin(page.base, f"{call['name']}_{number}.{call['suffix']}"))
    return found, total


def ucap_pages(page: Page) -> tuple[list[str], int | None]:
    """The pages that ``createPageHTML(element, count, current, name, suffix, entries)`` links
    to: list.shtml, list_2.shtml …; and the entries."""
    found: list[str] = []
    total = None
    for call in itertools.islice(_UCAP_CALL.finditer(page.text), _CALLS):
        before = page.text[: call.start()]
        count, _ = _value(call["count"], before)
        if call["entries"]:
            total = _value(call["entries"], before)[0]
        later = range(2, min(count or 0, MAX_PAGES) + 1)
        names = [call["name"], *(f"{call['name']}_{number}" for number in later)]
        found += [urljoin(page.base, f"{name}.{call['suffix']}") for name in names]
    return found, total


def _value(token: str, before: str, depth: int = 3) -> tuple[int | None, int | None]:
    """The value of a literal, or of a variable assigned before; and the dividend where it is
    ``Math.ceil(entries / per_page)``."""
    if token.isdigit():
        return int(token), None
    if depth == 0:
        return None, None
    name = re.escape(token)
    for match in reversed(list(re.finditer(rf"(?<![\w$.]){name}\s*=(?!=)\s*([^;\n]+)", before))):
        value = match[1].strip()
        plain = re.match(r"[\"']?(\d+)[\"']?\s*(?:$|//|,|<)", value)
        if plain:
            return int(plain[1]), None
        ceiling = re.match(r"Math\.ceil\(\s*([\w$]+)\s*/\s*([\w$]+)\s*\)", value)
        if ceiling:
            entries, _ = _value(ceiling[1], before[: match.start()], depth - 1)
            per_page, _ = _value(ceiling[2], before[: match.start()], depth - 1)
            if entries is None or not per_page:
                return None, None
            return -(-entries // per_page), entries
    return None, None


def numbered_pages(page: Page) -> list[str]:
    """Links to numbered pages beside this one: index.html links to index_2.html."""
    here = urlsplit(page.url)
    folder, _, name = here.path.rpartition("/")
    match = _PAGE_FILE.fullmatch(name or "index.html")
    if match is None:
        return []
    found = []
    for link in page.links:
        parts = urlsplit(link)
        other_folder, _, other_name = parts.path.rpartition("/")
        other = _PAGE_FILE.fullmatch(other_name)
        if (
            other is not None
            and other["number"] is not None
            and parts.netloc == here.netloc
            and other_folder == folder
            and other["name"] == match["name"]
            and not parts.query
        ):
            found.append(link)
    return found


def second_page(page: Page) -> int | None:
    """The number in the address of the second page, as the labels of links tell: the link called
    3 leads to index_2 or to index_3. None if no label tells."""
    linked = set(numbered_pages(page))
    for anchor in page.all("//a[@href]"):
        label = text_of(anchor).strip("[] ")
        link = page.absolute(anchor.get("href", ""))
        if link in linked and label.isdigit() and len(label) <= 4:
            number = _PAGE_FILE.fullmatch(urlsplit(link).path.rpartition("/")[2])
            if number is not None:
                return int(number["number"]) - int(label) + 2
    return None


def labelled_pages(page: Page) -> list[str]:
    """Pages that links of a pager lead to (下一页, 尾页, numbers), with those that lie between
    the next and the last."""
    following: list[str] = []
    last: list[str] = []
    numbers: list[str] = []
    for anchor in page.all("//a[@href]"):
        link = page.absolute(anchor.get("href", ""))
        if link is None or urlsplit(link).netloc != urlsplit(page.url).netloc:
            continue
        label = text_of(anchor) or (anchor.get("title") or "").strip()
        if _LAST.fullmatch(label):
            last.append(link)
        elif _NEXT.fullmatch(label):
            following.append(link)
        elif _PAGE_NUMBER.fullmatch(label):
            numbers.append(link)
    # Numbers alone may be days of a calendar; beside a next or last page they are pages.
    if not following and not last:
        return []
    between = [link for first in following[:1] for end in last[:1] for link in _between(first, end)]
    alike = [link for link in numbers if any(_number_in(link, other) for other in following + last)]
    return list(dict.fromkeys([*following, *between, *alike, *last]))


def scripted_pager(page: Page) -> str | None:
    """Why the rest of a list cannot be asked for (Chinese), where a script alone turns its pages:
    goPage(2), __doPostBack('pager', '2')."""
    for anchor in page.all("//a[@href or @onclick]"):
        label = text_of(anchor)
        if not (_NEXT.fullmatch(label) or label == "2") or page.absolute(anchor.get("href", "")):
            continue
        script = f"{anchor.get('href', '')} {anchor.get('onclick', '')}"
        if _TURN.search(script):
            return "列表由脚本翻页，后续各页未能跟进"
    return None


def _between(first: str, end: str) -> Iterator[str]:
    """The addresses from one to another that differ in one number, in either direction."""
    place = _number_in(first, end)
    if place is None:
        return
    before, low, high, after = place
    step = 1 if high >= low else -1
    if abs(high - low) < MAX_PAGES:
        for number in range(low, high + step, step):
            yield f"{before}{number}{after}"


def _number_in(first: str, end: str) -> tuple[str, int, int, str] | None:
    """The one number in which two addresses differ, with what stands before and behind it."""
    ours, theirs = re.split(r"(\d+)", first), re.split(r"(\d+)", end)
    if len(ours) != len(theirs):
        return None
    places = [place for place, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    if len(places) > 1 or (places and places[0] % 2 == 0):
        return None
    place = places[0] if places else len(ours) - 2 if len(ours) > 1 else 0
    if place % 2 == 0 or ours[place].startswith("0") != theirs[place].startswith("0"):
        return None
    return "".join(ours[:place]), int(ours[place]), int(theirs[place]), "".join(ours[place + 1 :])


def total_in(page: Page) -> int | None:
    """How many entries a pager says that the list has (共 57 条 1/4 页), or None."""
    for element in page.all("//*[contains(., '共') or contains(., '总')]"):
        if element.tag in {"script", "style", "html", "head", "title", "a"}:
            continue
        text = text_of(element) if len(element) <= 40 else ""
        if len(text) <= 120:
            match = _TOTAL.search(text)
            if match and _OF_PAGES.search(text[: match.start()] + text[match.end() :]):
                return int(match[1])
    return None

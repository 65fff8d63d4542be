"""The units whose accounts a department adds up, as its narrative lists them.

A department's accounts are those of its own office and of its units (纳入部门决算编制范围的单位),
which publish accounts of their own. The list is a table, numbered lines or a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict

from disclosures.forms import squeeze
from disclosures.model import UnitList
from disclosures.reading.grids import PageText
from disclosures.reading.names import clean, has_chinese
from disclosures.reading.sections import heading_of

#: Lines after the introduction among which the list ends.
_MOST_LINES: Final = 400
#: A name is no shorter (本级) and no longer than this.
_SHORTEST, _LONGEST = 2, 40
_ORDINAL: Final = re.compile(
    r"^[-·•\s]*(?:[(（]?(?P<n>\d{1,3})[)）]?[、.．\s\t]+|[(（](?P<m>\d{1,3})[)）])(?=\D)"
)
_INLINE_ORDINAL: Final = re.compile(r"(?:^|(?<=\D))\d{1,3}[.、．](?=\D)|[(（]\d{1,3}[)）](?=\D)")
_REMARK: Final = re.compile(r"[(（](?P<remark>[^()（）]*)[)）]$")
_HALF_WIDTH: Final = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
)
_DIGITS: Final = {digit: n for n, digit in enumerate("一二三四五六七八九", start=1)}


class _Wording(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    introductions: tuple[str, ...]
    count: str
    leads: str
    head: str
    without_accounts: str
    no_names: str
    mainly: str
    and_so_on: str
    endings: str


@cache
def _wording() -> _Wording:
    text = (files(__package__) / "units.yaml").read_text(encoding="utf-8")
    return _Wording.model_validate(yaml.safe_load(text))


def units_of(pages: Sequence[PageText]) -> UnitList | None:
    """The units that the narrative lists, or None where it lists none."""
    lines = [line for page in pages for line in page.text.split("\n")]
    introduction = re.compile("|".join(f"(?:{p})" for p in _wording().introductions))
    plain = [_plain(line) for line in lines]
    running = "".join(plain)
    nearest = introduction.search(running)
    end = 0
    for at, line in enumerate(plain):
        begin, end = end, end + len(line)
        if nearest is not None and nearest.start() < begin:
            nearest = introduction.search(running, begin)
        if nearest is None:
            return None
        # No introduction begins in this line, however the lines below go on.
        if nearest.start() >= end:
            continue
        # An introduction may be wrapped; what was looked at with the line before is not found anew.
        joined, used = _joined(lines, at)
        for match in introduction.finditer(joined):
            if match.start() >= len(line):
                break
            found = _listed(joined[match.end() :], lines[at + used : at + used + _MOST_LINES])
            if found is not None:
                return found
    return None


def _plain(line: str) -> str:
    return re.sub(r"\s+", "", clean(line)).translate(_HALF_WIDTH)


def _joined(lines: Sequence[str], at: int) -> tuple[str, int]:
    """A line with those that continue its sentence, and how many lines that are."""
    text, used = "", 0
    for line in lines[at : at + 12]:
        if used and (_ORDINAL.match(clean(line)) or "\t" in line.strip() or _is_heading(line)):
            break
        text += _plain(line)
        used += 1
        if text.endswith(("。", ":", ";")):
            break
    return text, used


def _is_heading(line: str) -> bool:
    heading = heading_of(line)
    return heading is not None and heading.level < 2


def _listed(rest: str, after: Sequence[str]) -> UnitList | None:
    """The list that follows an introduction: in the rest of its sentence, or in the lines below."""
    words = _wording()
    lead = re.search(words.leads, rest.partition("。")[0])
    if lead is None:
        return None
    count = re.search(words.count, rest[: lead.start()])
    sentence, stop, _ = re.sub(rf"^(?:{words.leads})+", "", rest[lead.start() :]).partition("。")
    names = list(_in_sentence(sentence))
    whole = bool(stop)
    doubted = re.search(words.mainly, rest[: lead.end()]) is not None
    if not names:
        names, whole = _in_lines(after)
    if not names and not sentence:
        paragraph, stop, _ = _joined(after, 0)[0].partition("。")
        names, whole = list(_in_sentence(paragraph)) if stop else [], bool(stop)
    if not names:
        return None
    said = None if count is None else _number(count["count"])
    stated = [name for name, _ in names]
    if doubted or any(re.search(words.and_so_on, name) for name in stated):
        whole = False
    if not all(re.search(words.endings, name) for name in stated):
        whole = False
    # The department's own office may be counted without being listed.
    if said is not None and said not in (len(stated), len(stated) + 1):
        whole = False
    kept = tuple(name for name, own in names if own)
    return UnitList(tuple(dict.fromkeys(kept)), whole and len(set(stated)) == len(stated))


def _in_sentence(sentence: str) -> Iterator[tuple[str, bool]]:
    parts = _INLINE_ORDINAL.split(sentence)
    if len(parts) < 3:
        parts = re.split(r"[、,;]|以及|(?<=[级关院局所站队心校])和", sentence)
    for part in parts:
        found = _name(part.strip("、,;。"))
        if found is not None:
            yield found


def _in_lines(lines: Sequence[str]) -> tuple[list[tuple[str, bool]], bool]:
    """Numbered lines or rows of a table, and whether they are numbered without a gap."""
    words = _wording()
    cells: list[list[str]] = []
    for line in lines:
        text = clean(line).strip("|").strip()
        if not text or re.fullmatch(r"[-|:\s]+", text):
            continue
        match = _ORDINAL.match(text)
        if match is not None:
            if int(match["n"] or match["m"]) != len(cells) + 1:
                break
            cells.append(_row(text[match.end() :]))
        elif re.match(words.head, _plain(line)) and not cells:
            continue
        elif cells and len(text) <= 20 and _continues(text):
            cells[-1][0] += text
        else:
            break
    named = [_name(row[0], " ".join(row[1:])) for row in cells if row]
    names = [name for name in named if name is not None]
    return names, bool(cells) and len(names) == len(cells)


def _row(text: str) -> list[str]:
    """The cells of a row: name first, then what is remarked. Blanks also stand around digits."""
    if re.search(r"\t|\||\s{2,}", text.strip()):
        return [cell.strip() for cell in re.split(r"\t|\||\s{2,}", text) if cell.strip()]
    name = ""
    words = text.split()
    while words and not (name and re.search(_wording().endings, name)):
        name += words.pop(0)
    return [name, *words]


def _continues(text: str) -> bool:
    """The rest of a name that did not fit its cell."""
    return has_chinese(text) and not _is_heading(text) and not re.search(r"[。:：;；,，\s]", text)


def _name(text: str, remark: str = "") -> tuple[str, bool] | None:
    """A unit's name, and whether it has accounts of its own."""
    words = _wording()
    plain = _plain(text)
    own = not re.search(words.without_accounts, remark)
    behind = _REMARK.search(plain)
    if behind is not None and re.search(words.without_accounts, behind["remark"]):
        own, plain = False, plain[: behind.start()]
    plain = squeeze(plain)
    if not _SHORTEST <= len(plain) <= _LONGEST or not has_chinese(plain):
        return None
    if re.search(words.no_names, plain) or re.match(words.head, plain):
        return None
    return plain, own


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.partition("十")
    if not ten:
        return _DIGITS.get(text, 0)
    return 10 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0)

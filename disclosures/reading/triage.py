"""What a document is, by its own words: what a link calls 部门决算.pdf is often something else."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict

from disclosures.amounts import MoneyUnit
from disclosures.forms import squeeze
from disclosures.model import DocumentKind
from disclosures.reading.grids import PageText
from disclosures.reading.joining import first_unit
from disclosures.reading.names import clean, has_chinese, plain
from disclosures.reading.sections import headings

_YEAR: Final = re.compile(r"(?<!\d)(20[0-4]\d)(?!\d)年?度?")
_YEAR_OF_ACCOUNTS: Final = re.compile(
    r"(?<!\d)(20[0-4]\d)年?度?[\u4e00-\u9fff()“”]{0,40}?(?:决算|预算)"
)
_CHINESE_DIGITS: Final = str.maketrans("〇○零一二三四五六七八九", "000123456789")
_CHINESE_YEAR: Final = re.compile(r"二[〇○零][一二三四五六七八九〇○零]{2}(?=年)")
# Ordinals of lists, and the marks that portals set before titles.
_ORDINAL: Final = re.compile(
    r"^(?:【[^】]*】)?"
    r"(?:\([一二三四五六七八九十\d]{1,3}\)|\d{1,2}[.、]|[一二三四五六七八九十]{1,3}、)?"
)
_LEAST_LETTERS: Final = 20
# What only the whole accounts hold.
_WHOLE_ACCOUNTS: Final = re.compile("收入?、?支出?决算总表|(?<!拨款)收入决算表")
_FULL_WIDTH: Final = str.maketrans("()", "（）")

_NAMES: Final = {
    DocumentKind.FINAL_ACCOUNTS: "部门决算",
    DocumentKind.BUDGET: "部门预算，不是决算",
    DocumentKind.PERFORMANCE: "绩效表，不是决算",
}


@dataclass(frozen=True, slots=True)
class Triage:
    """What a document is and whose; ``reason`` says why where it is no final accounts."""

    kind: DocumentKind
    reason: str | None = None
    agency: str | None = None
    year: int | None = None
    unit: MoneyUnit | None = None
    title: str | None = None
    sections: tuple[str, ...] = ()


class _Kind(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    opening: tuple[tuple[str, int], ...]
    body: tuple[tuple[str, int], ...]


class _Wording(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    opening_letters: int
    final_accounts: _Kind
    budget: _Kind
    performance: _Kind
    least_points: dict[str, int]
    not_accounts: tuple[str, ...]
    parts_of_accounts: tuple[str, ...]
    governments: tuple[str, ...]
    below_name: str
    below_name_points: int
    furniture: str
    agency_ends: tuple[str, ...]
    agency_patterns: tuple[tuple[str, int], ...]
    covers: tuple[str, ...]
    agency_cell: str
    agency_cell_points: int
    title_points: int
    agency_label: str
    agency_label_points: int
    not_agency: tuple[str, ...]

    def kinds(self) -> Mapping[DocumentKind, _Kind]:
        return {
            DocumentKind.FINAL_ACCOUNTS: self.final_accounts,
            DocumentKind.BUDGET: self.budget,
            DocumentKind.PERFORMANCE: self.performance,
        }


@cache
def _agency_patterns() -> tuple[tuple[re.Pattern[str], int], ...]:
    return tuple((re.compile(pattern), worth) for pattern, worth in _wording().agency_patterns)


@cache
def _wording() -> _Wording:
    text = (files(__package__) / "triage.yaml").read_text(encoding="utf-8")
    return _Wording.model_validate(yaml.safe_load(text))


def classify(pages: Sequence[PageText], *, may_be_scan: bool = True) -> Triage:
    """Kind, agency, year, unit, title and headings of a document by the text of its pages.

    ``may_be_scan``: a few letters on a page may be all that stands beside its picture, so they
    count as no text. Formats that are text have none only when they are empty.
    """
    whole = _normal("\n".join(page.text for page in pages))
    letters = sum(map(str.isalnum, whole))
    if letters < (_LEAST_LETTERS if may_be_scan else 1):
        return Triage(DocumentKind.UNREADABLE, "没有文字")
    title = _title(pages)
    opening = whole[: _wording().opening_letters]
    points = _points(opening, whole)
    kind, reason = _decide(points, title, whole)
    return Triage(
        kind=kind,
        reason=reason,
        agency=_agency(pages, title),
        year=_year(title, opening, whole, kind),
        unit=first_unit("\n".join(page.text for page in pages)),
        title=title,
        sections=_sections(pages),
    )


def _normal(text: str) -> str:
    squeezed = squeeze(clean(text))
    return _CHINESE_YEAR.sub(lambda match: match[0].translate(_CHINESE_DIGITS), squeezed)


def _points(opening: str, whole: str) -> dict[DocumentKind, int]:
    points: dict[DocumentKind, int] = {}
    for kind, wording in _wording().kinds().items():
        points[kind] = sum(
            worth for pattern, worth in wording.opening if re.search(pattern, opening)
        ) + sum(worth for pattern, worth in wording.body if re.search(pattern, whole))
    return points


def _decide(
    points: Mapping[DocumentKind, int], title: str | None, whole: str
) -> tuple[DocumentKind, str | None]:
    bare = squeeze(title or "")
    for pattern in _wording().not_accounts:
        if bare and re.search(pattern, bare):
            return DocumentKind.OTHER, f"标题为“{title}”，不是部门本身的决算"
    for pattern in _wording().parts_of_accounts:
        if bare and re.search(pattern, bare) and not _WHOLE_ACCOUNTS.search(whole):
            return DocumentKind.OTHER, f"标题为“{title}”，只是决算的一部分"
    if sum(bool(re.search(pattern, whole)) for pattern in _wording().governments) >= 2:
        return DocumentKind.OTHER, "是一级政府的财政决算，不是部门决算"
    least = _wording().least_points
    enough = {kind: found for kind, found in points.items() if found >= least[kind.value]}
    if not enough:
        return DocumentKind.OTHER, "既不是部门决算，也不是预算或绩效表"
    # Final accounts quote budgets and annex performance forms, never the other way round.
    order = [DocumentKind.FINAL_ACCOUNTS, DocumentKind.BUDGET, DocumentKind.PERFORMANCE]
    kind = max(enough, key=lambda candidate: (enough[candidate], -order.index(candidate)))
    if kind is DocumentKind.FINAL_ACCOUNTS:
        return kind, None
    return kind, _NAMES[kind]


def _title(pages: Sequence[PageText]) -> str | None:
    """The title as printed on the first lines: those up to the word that says what it is."""
    taken: list[str] = []
    for page in pages[:2]:
        for raw in page.text.split("\n"):
            line = re.sub(r"\s+", "", clean(raw)).strip("#*-—>|")
            if not line or re.fullmatch(r"[-—\d\s]+", line):
                continue
            if re.search(_wording().furniture, line):
                continue
            if re.match(r"目录|第一部分|附件\d*$", line) or line.endswith(("。", "；")):
                return _joined_title(taken)
            taken.append(line)
            text = "".join(taken)
            if re.search(r"(?:决算|预算|绩效|报告|报表|通知|公告)", text) and not re.search(
                r"(?:年度?|部门|单位|财政|拨款|公共预算|[及和与、])$", text
            ):
                more = _rest_of_title(page.text, raw)
                return _joined_title([*taken, more] if more else taken)
            if len(taken) >= 6:
                return _joined_title(taken[:2])
    return _joined_title(taken)


def _rest_of_title(text: str, last: str) -> str:
    """A title may go on in a line of its own: 公开说明, 信息公开, 情况说明."""
    lines = [re.sub(r"\s+", "", clean(line)) for line in text.split("\n")]
    here = re.sub(r"\s+", "", clean(last))
    at = lines.index(here) if here in lines else len(lines)
    following = next((line for line in lines[at + 1 :] if line), "")
    following = following.strip("#*")
    if re.fullmatch(r"(?:信息)?公开(?:说明)?|(?:情况)?说明|报告|报表|\(草案\)|公开", following):
        return following
    return ""


def _joined_title(lines: Sequence[str]) -> str | None:
    title = "".join(lines).strip("*#")
    return unicodedata.normalize("NFC", title)[:120] or None


def _year(title: str | None, opening: str, whole: str, kind: DocumentKind) -> int | None:
    """The year of the accounts: in the title, else the year most often said beside 决算."""
    named = squeeze(title or "")
    named = _CHINESE_YEAR.sub(lambda match: match[0].translate(_CHINESE_DIGITS), named)
    for text in (named, opening):
        match = _YEAR_OF_ACCOUNTS.search(text)
        if match:
            return int(match[1])
    if kind is DocumentKind.OTHER:
        match = _YEAR.search(named)
        return int(match[1]) if match else None
    years = Counter(int(match[1]) for match in _YEAR_OF_ACCOUNTS.finditer(whole))
    if not years:
        years = Counter(int(match[1]) for match in re.finditer(r"(20[0-4]\d)年度", whole))
    return years.most_common(1)[0][0] if years else None


def _agency(pages: Sequence[PageText], title: str | None) -> str | None:
    """The department by its title page, the labels of its forms, its chapters and sentences."""
    wording = _wording()
    votes: Counter[str] = Counter()
    lines = [line for page in pages for line in page.text.split("\n")]
    labelled = _labelled(lines)
    for agency, _ in labelled.most_common(3):
        votes[agency] += wording.agency_label_points
    cell = re.compile(wording.agency_cell)
    for line in lines:
        # The form on the whole unit's performance names it in a cell of its own.
        named = cell.search(clean(line))
        if named and (name := _as_agency(named["agency"])):
            votes[name] = max(votes[name], wording.agency_cell_points)
    for agency in _above_years(lines):
        votes[agency] = max(votes[agency], wording.below_name_points) + (1 if votes[agency] else 0)
    sources = [(squeeze(title or ""), wording.title_points)]
    sources += [(plain(line), 0) for line in lines if len(line) < 120]
    sources.append((_normal("\n".join(lines)), 0))
    for source, more in sources:
        bare = _ORDINAL.sub("", source)
        for pattern, worth in _agency_patterns():
            for match in pattern.finditer(bare):
                if name := _as_agency(match["agency"]):
                    votes[name] = max(votes[name], worth + more) + (1 if votes[name] else 0)
    if not votes:
        return None
    _without_columns(votes, _normal("".join(lines)))
    best = max(votes.values())
    return max((name for name, count in votes.items() if count == best), key=len)


def _above_years(lines: Sequence[str]) -> Iterator[str]:
    """Names that stand alone in the line above "2023年度部门决算"."""
    filled = [bare for line in lines if (bare := plain(line))]
    for above, below in pairwise(filled):
        if re.search(_wording().below_name, below) and (name := _as_agency(above)):
            yield name


def _without_columns(votes: Counter[str], whole: str) -> None:
    """Takes a portal's column from before a name ("财政局" above "某某中学2022年度部门决算"): the
    name with it stands nowhere else, the name alone does."""
    for name in [*votes]:
        for other in [*votes]:
            if name != other and name.endswith(other):
                long, short = squeeze(name), squeeze(other)
                alone = whole.count(short) - whole.count(long)
                if whole.count(long) <= 1 and alone >= 1:
                    votes[other] = max(votes[other], votes.pop(name))
                    break


def _labelled(lines: Sequence[str]) -> Counter[str]:
    """Departments named by the labels of forms (编制单位：…)."""
    label = re.compile(_wording().agency_label)
    found: Counter[str] = Counter()
    for line in lines:
        for cell in line.split("\t"):
            # What follows a label never makes one.
            if not label.match(plain(cell)):
                continue
            match = label.match(squeeze(clean(_without_unit(cell))))
            if match and (name := _as_agency(match["agency"])):
                found[name] += 1
    return found


def labelled_agency(page: PageText) -> str | None:
    """The department that the labels of a page's forms name."""
    named = _labelled(page.text.split("\n")).most_common(1)
    return named[0][0] if named else None


def cover_agency(words: str) -> str | None:
    """The department of a cover ("…局2023年度部门决算"), by its words without blanks."""
    for pattern in _wording().covers:
        match = re.match(pattern, words)
        if match and (name := _as_agency(match["agency"])):
            return name
    return None


def _without_unit(line: str) -> str:
    """A label's line may go on with the year, the mark and the unit."""
    line = re.split(r"\s+(?:金额)?单\s*位\s*[:：]\s*(?:万|千|百万|亿)?元", line)[0]
    return re.split(r"\s+公\s*开|\s*20\d{2}\s*年", line)[0]


@cache
def _ends() -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(_wording().agency_ends) + r")(?:\([\u4e00-\u9fff]+\))?$")


def _as_agency(text: str) -> str | None:
    name = squeeze(text).strip("()、,.:;_")
    # "…委员会及委属单位" is published by the commission.
    name = re.sub(
        r"(?:及|和)(?:其)?(?:[委局厅所直])?(?:所|直)?属(?:(?:各)?(?:预算)?单位)?$", "", name
    )
    if text.endswith(")") and "(" in name:
        name += ")"
    if not 4 <= len(name) <= 40 or not has_chinese(name) or "XX" in name:
        return None
    if name in _wording().not_agency or re.search(r"[。,;:0-9]", name):
        return None
    if re.match(r"^(?:本|我|该|其|各|全|关于|根据|按照|从|以及|和)", name):
        return None
    # Names are printed with full-width brackets.
    return name.translate(_FULL_WIDTH) if _ends().search(name) else None


def _sections(pages: Sequence[PageText]) -> tuple[str, ...]:
    """Headings as printed, chapters and first level, each once."""
    found: dict[str, None] = {}
    for heading in headings(pages):
        if heading.level == 0:
            found[f"{heading.ordinal} {heading.title}".strip()] = None
        elif heading.level == 1:
            found[f"{heading.ordinal}、{heading.title}"] = None
        else:
            found[f"（{heading.ordinal}）{heading.title}"] = None
    return tuple(found)

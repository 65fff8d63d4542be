"""The narrative's figures: every number with a unit, its subject and what it measures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict

from disclosures.model import Statement
from disclosures.reading.grids import PageText
from disclosures.reading.sections import Paragraph, paragraphs

_NUMBER: Final = r"(?<![\d.A-Za-z])(?P<value>[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
_SENTENCE: Final = re.compile(r"[^。!?！？]+[。!?！？]?")
_HALF_WIDTH: Final = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | {"−": "-", "﹣": "-", "％": "%", "、": "、", "：": ":", "；": ";", "“": '"', "”": '"'}
)
_FULL_WIDTH: Final = str.maketrans("()", "（）")
_ITEM: Final = re.compile(
    r"\([类款]\)([^,;:()]+(?:\((?!款)[^()]*\)[^,;:()]*)?)\(项\)"
    r"|^\(?\d{7}\)?[-—_.、:]*([\u4e00-\u9fff][\u4e00-\u9fff()]*)[.:。]*$"
)
_MARK: Final = re.compile(
    r"^(?:\(?(?:[一二三四五六七八九十]{1,3}|\d{1,2})\)?[、.)]|[①-⑳]|\(.{1,3}\))+"
)
_EXPLAINS: Final = re.compile(r"(?:用于|包括|反映|是指)[:：]$")
_ONLY_NAME: Final = re.compile(r"[\u4e00-\u9fff()\"]{2,24}")
# Names of items with codes, levels or dashes between them.
_CODED_NAMES: Final = re.compile(
    r"(?=.*(?:\d{3}|[—－]|\([类款项]\)))[\u4e00-\u9fff\d()、.\"—－-]{4,80}"
)
_TITLE: Final = re.compile(r"([\u4e00-\u9fff()\"、]{2,36}(?:情况|说明))[.。:]")
_ONLY_NAMES: Final = re.compile(r"[\u4e00-\u9fff()—－-]{2,}")
_MAX_SUBJECT: Final = 24
# Letters before a figure in which parentheses are looked at.
_AROUND: Final = 400
# "机关运行经费2022年支出", "公务接待费全年实际支出"
_IN_A_YEAR: Final = re.compile(
    r"(?<=[\u4e00-\u9fff])(?:20\d{2}年度?|全年|本年度?|当年)?(?:实际)?(?=支出|决算)"
)
# A number without a unit right before a figure.
_NUMBER_BEFORE: Final = re.compile(r"\d\.\d+[,、/和]$")
# Between the figures of a list that several names share.
_BETWEEN: Final = re.compile(r"、|和|与|及|以及")
_BETWEEN_SHARED: Final = re.compile(
    r"[、,]?(?:和|与|及|以及)?|[、和与及](?P<own>增加|减少|增长|下降|上升|降低)"
)
# A parenthesis with a figure of its own: "(其中:外事接待0批次)".
_WITH_FIGURES: Final = re.compile(r"\([^()]*\d[^()]*(?:\([^()]*\)[^()]*)*\)")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Measure(_Model):
    """What the last words before a number say it measures."""

    pattern: str
    units: tuple[str, ...]
    measure: str = ""
    kind: str = ""


class _Versus(_Model):
    pattern: str
    versus: str


class _Word(_Model):
    """What is said in a word where others print a figure."""

    pattern: str
    measure: str
    value: str = ""
    subject: str = ""

    @property
    def once(self) -> bool:
        return bool(self.subject)


class _Project(_Model):
    """How a paragraph begins that is about one project; ``section`` where that alone tells."""

    pattern: str
    section: str = ""


class _OfFund(_Model):
    section: str
    subjects: dict[str, str]


class _Wording(_Model):
    units: dict[str, tuple[str, ...]]
    not_figures_after: tuple[str, ...]
    not_figures_before: tuple[str, ...]
    measures: tuple[_Measure, ...]
    of_funds: tuple[_OfFund, ...]
    above: tuple[_OfFund, ...]
    headings: tuple[tuple[str, str], ...]
    of_items: tuple[str, ...]
    funds: tuple[str, ...]
    divided: tuple[str, ...]
    ends_reasons: str
    names: str
    words: tuple[_Word, ...]
    projects: tuple[_Project, ...]
    versus: tuple[_Versus, ...]
    fragments: dict[str, str]
    subjects: tuple[tuple[str, str], ...]
    counts_in_pairs: tuple[tuple[str, str], ...]
    counts: tuple[tuple[str, str], ...]
    section_subjects: tuple[tuple[str, str], ...]
    whole_years: tuple[str, ...]
    both_sides: tuple[str, ...]
    own_totals: tuple[str, ...]
    sides: dict[str, dict[str, str]]
    fund_names: dict[str, str]
    fund_wholes: tuple[tuple[str, str], ...]
    fund_renamed: dict[str, str]
    averages: str
    counts_of_reviews: tuple[str, ...]
    count_verbs: tuple[str, ...]
    counts_of: dict[str, dict[str, str]]
    changes_in_reasons: str
    no_names: str
    sums: str
    inherited_as: dict[str, str]
    reasons: str
    generic: str
    not_counted: str
    continues: str
    skipped_sections: tuple[str, ...]
    subject_prefixes: tuple[str, ...]
    subject_suffixes: tuple[str, ...]


@cache
def _wording() -> _Wording:
    text = (files(__package__) / "statements.yaml").read_text(encoding="utf-8")
    loaded: Any = yaml.safe_load(text)
    for name, words in loaded["fragments"].items():
        loaded["subjects"] = [(p.replace(f"<{name}>", words), s) for p, s in loaded["subjects"]]
    return _Wording.model_validate(loaded)


@cache
def _figure() -> re.Pattern[str]:
    units = "|".join(f"(?P<{kind}>{'|'.join(words)})" for kind, words in _wording().units.items())
    after = "|".join(_wording().not_figures_after)
    return re.compile(f"{_NUMBER}(?:{units})(?!{after})")


@dataclass(slots=True)
class _Context:
    """What a sentence inherits from those before it.

    ``project`` is set where the paragraph is about one project, named in quotes at its
    beginning: then every figure is that project's. ``heading`` is the sentence that names the
    item (类, 款, 项) which the following ones are about; it belongs to their quotes, because the
    name of a 项 alone is not unique.
    """

    section: str
    default: str | None
    titles: tuple[str, ...] = ()
    project: str | None = None
    first: str | None = None
    first_money: str | None = None
    heading: str = ""
    explains: bool = False
    """The paragraph before ended in "主要用于：": what follows says what for, and names nothing."""


def statements(pages: Sequence[PageText]) -> list[Statement]:
    """The figures stated in the running text, in reading order.

    ``quote`` is the sentence without white space; ``value`` is as printed, without thousands
    separators, in ``unit``. ``versus`` says with what a change compares, or of what a share is.
    """
    found: list[Statement] = []
    skipped = re.compile("|".join(_wording().skipped_sections))
    context = _Context("", None)
    for paragraph in paragraphs(pages):
        if skipped.search(paragraph.section):
            continue
        continued = bool(context.heading and not paragraph.listed) or re.match(
            _wording().continues, paragraph.text.translate(_HALF_WIDTH)
        )
        if not (continued and context.section == paragraph.section):
            context = _Context(
                paragraph.section,
                _default_subject(paragraph.titles),
                paragraph.titles,
                _project(paragraph.text, paragraph.section),
            )
        found += _of_paragraph(paragraph, context)
    # The notes below empty forms alone ("没有政府性基金收支") are no narrative.
    return found if any(one.measure != "none" for one in found) else []


def _of_paragraph(paragraph: Paragraph, context: _Context) -> Iterator[Statement]:
    explained = context.explains and not paragraph.listed
    context.explains = _EXPLAINS.search(paragraph.text) is not None
    for match in _SENTENCE.finditer(paragraph.text):
        page = paragraph.page_at(match.start())
        found = list(_of_sentence(match[0], context, page))
        yield from found
        if explained and not _ITEM.search(match[0].translate(_HALF_WIDTH)):
            explained = False
        elif (
            not found
            and not match.start()
            and (titled := _TITLE.fullmatch(_MARK.sub("", match[0].translate(_HALF_WIDTH))))
            and (subject := _default_subject((titled[1], *paragraph.titles)))
        ):
            # A heading that the text goes on behind.
            context.default = subject
            context.titles = (titled[1], *paragraph.titles)
        elif not found and (item := _heading(match[0].translate(_HALF_WIDTH))):
            # The item stands in a sentence of its own; what follows is about it.
            context.default = item
            context.heading = match[0]
            context.first = context.first_money = None
        elif not found and paragraph.listed and not match.start() and _names_item(match[0]):
            # An item in words that are not known: what follows is about nothing that is.
            context.default, context.heading = None, match[0]
            context.first = context.first_money = None


def _names_item(sentence: str) -> bool:
    words = _MARK.sub("", sentence.translate(_HALF_WIDTH)).rstrip(".。:;")
    return _CODED_NAMES.fullmatch(words) is not None


def _heading(words: str) -> str | None:
    """The item that a sentence names, where it says nothing else."""
    items = [a or b for a, b in _ITEM.findall(words)]
    if items:
        return f"项:{items[-1].translate(_FULL_WIDTH)}"
    words = _MARK.sub("", words).rstrip(".。:;")
    known = _known_subject(words, None) if _ONLY_NAME.fullmatch(words) else None
    if known:
        return known
    for pattern, name in _heading_patterns():
        if match := pattern.fullmatch(words):
            return _filled(name, match).translate(_FULL_WIDTH)
    return None


@cache
def _heading_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), name) for pattern, name in _wording().headings)


def _project(text: str, section: str) -> str | None:
    words = text.translate(_HALF_WIDTH)
    for entry in _wording().projects:
        if not re.search(entry.section, section):
            continue
        if found := re.match(entry.pattern, words):
            by_department = re.search(r"部门评价|重点(?:项目)?(?:再)?评价", words[:80])
            name = found["name"].translate(_FULL_WIDTH)
            return f"{name}（{'部门评价' if by_department else '自评'}）"
    return None


def _default_subject(titles: Sequence[str]) -> str | None:
    """The subject that the nearest heading gives which gives one.

    "支出决算情况" below a heading about one fund is about that fund's.
    """
    given = [subject for title in titles if (subject := _subject_of_title(title))]
    narrower = [subject for subject in given if subject not in _wording().whole_years]
    if given and given[0] in _wording().whole_years and narrower:
        return narrower[0]
    return given[0] if given else None


@lru_cache(maxsize=1024)
def _subject_of_title(title: str) -> str | None:
    for pattern, subject in _wording().section_subjects:
        if re.search(pattern, title):
            return subject
    return None


def _of_sentence(quote: str, context: _Context, page: int | None) -> Iterator[Statement]:
    return _Sentence(quote, context, page).statements()


class _Sentence:
    """One sentence while its figures are read from left to right.

    ``previous`` is the subject of the last figure, ``money`` of the last one that is no count,
    ``main`` of the last one before reasons began. ``outer`` holds what was ``money`` where each
    open parenthesis began.
    """

    def __init__(self, quote: str, context: _Context, page: int | None) -> None:
        self.quote, self.context, self.page = context.heading + quote, context, page
        self.text = quote.translate(_HALF_WIDTH)
        self.inherited = context.first or context.default
        self.inherited_money = context.first_money or context.default
        context.first = context.first_money = None
        self.previous: str | None = None
        self.money: str | None = None
        self.main: str | None = None
        self.outer: list[str | None] = []
        self.budget_before = False
        self.in_reasons = False
        # Unit of the last figure where it was a count.
        self.counted = ""
        self.reasons_over = False
        self.in_order: list[str] = []
        self.amounts: dict[str, set[Decimal]] = {}
        self.value = Decimal(0)
        self.budgeted: list[str] = []
        self.shared: tuple[str, str, dict[str, str]] | None = None
        self.sharing: list[str] = []

    def statements(self) -> Iterator[Statement]:
        end = 0
        for match in _said(self.text):
            lead = self.text[end : match.start()]
            if isinstance(match, _Worded):
                told = self._word(match, lead)
            elif _is_no_figure(lead):
                continue
            else:
                told = self._figure(match, lead)
                # What stands in a parenthesis of its own is passed over only with its figure.
                end = match.end()
            if told:
                end = match.end()
            yield from told

    def _named(self, subject: str, *, money: bool) -> None:
        self.previous = subject
        if subject not in self.in_order:
            self.in_order.append(subject)
        self.context.first = self.context.first or subject
        # Projects have money, batches and cars have not.
        if money or _is_review(subject) or subject.endswith("项目"):
            self.money = subject
            self.context.first_money = self.context.first_money or subject

    def _word(self, word: _Worded, lead: str) -> list[Statement]:
        told = _of_word(
            word, lead, self.context, self.money or self.inherited_money, self.in_reasons
        )
        if told is None:
            return []
        subject, measure, value, unit, named = told
        if self.previous is None or named:
            self._named(subject, money=True)
        return [
            Statement(
                section=self.context.section,
                subject=subject,
                measure=measure,
                value=value,
                unit=unit,
                quote=self.quote,
                page=self.page,
                direction=word.entry.value or None,
                versus=_versus(word.text) if measure == "compare" else None,
            )
        ]

    def _figure(self, match: re.Match[str], lead: str) -> list[Statement]:
        kind = next(name for name in _wording().units if match[name])
        self._parentheses(lead)
        if _NUMBER_BEFORE.search(lead):
            # "各减少1.00,2.00万元": of which of two numbers that share the unit is not said.
            return []
        clauses = [clause for clause in re.split(r"[,;:]", lead) if clause] or [""]
        following = _BETWEEN_SHARED.fullmatch(lead) if self.shared else None
        alike = following is not None and not following["own"]
        read = self.shared if alike else _measure(clauses[-1], kind)
        if kind == "percent" and re.fullmatch(r"的(?:比例)?", clauses[-1]) and self.budget_before:
            # "完成预算0.50万元的32%"
            read = "completion", "", {}
        if read is None:
            return []
        measure, rest, groups = read
        self.value = Decimal(match["value"].replace(",", ""))
        if measure == "skip":
            self._passed_over(kind, rest)
            return []
        self._reasons(lead, clauses[-1])
        if following is None:
            self._share(match, kind, clauses[-1], rest, measure, groups)
        if self.shared is not None:
            subject = self.sharing.pop(0) if self.sharing else None
        elif measure == "count":
            subject = self._counted(match, lead, clauses[-1])
        else:
            self.unit = match[kind]
            subject = self._measured(kind, measure, rest, groups, clauses)
        if subject is None:
            return []
        also = _others(rest, clauses[-1][len(rest) :]) if kind == "money" else []
        self._named(subject, money=kind != "count")
        if measure == "amount":
            self.amounts.setdefault(subject, set()).add(self.value)
        if (measure == "amount" and _is_known(subject)) or measure.startswith("budget"):
            self.budgeted.append(subject)
        self.counted = match[kind] if measure == "count" else ""
        self.budget_before = measure.startswith("budget")
        direction = groups.get("direction")
        return [
            Statement(
                section=self.context.section,
                subject=_in_section(one, self.context),
                measure=measure,
                value=self.value,
                unit=match[kind].translate(_FULL_WIDTH),
                quote=self.quote,
                page=self.page,
                direction=direction,
                versus=_versus(self.text[: match.start()]) if direction else groups.get("of"),
            )
            for one in (*also, subject)
        ]

    def _parentheses(self, lead: str) -> None:
        for letter in lead:
            if letter == "(":
                self.outer.append(self.money)
            elif letter == ")" and self.outer:
                before = self.outer.pop()
                if before is not None:
                    self.money = self.previous = before

    def _passed_over(self, kind: str, rest: str) -> None:
        """Last year's amount is no statement, but the name before it is that of what follows."""
        if kind == "count" or kind == "score" or self.in_reasons or self.context.project:
            return
        subject = _known_subject(rest, self.previous) or _known_subject(_trimmed(rest), None)
        if subject is not None:
            self._named(subject, money=True)

    def _share(
        self,
        match: re.Match[str],
        kind: str,
        clause: str,
        rest: str,
        measure: str,
        groups: dict[str, str],
    ) -> None:
        """Whether a list of figures begins that several names share in their order
        ("A、B分别为1万元、2万元"); where it is not clear whose they are, they are nobody's."""
        self.shared = None
        if kind == "count":
            return
        before, respectively, _ = clause.partition("分别")
        between = _BETWEEN_SHARED if respectively else _BETWEEN
        figures = 1 + len(self._listed(match, kind, between))
        if figures < 2:
            return
        names = _listed_names(before if respectively else rest, figures)
        if not names and respectively and len(self.in_order) == figures:
            names = self.in_order
        self.shared, self.sharing = (measure, "", groups), [*names]

    def _listed(
        self, match: re.Match[str], kind: str, joints: re.Pattern[str]
    ) -> list[re.Match[str]]:
        """The figures of the same kind that follow a figure with nothing between."""
        found: list[re.Match[str]] = []
        end = match.end()
        for following in _figure().finditer(self.text, match.end()):
            between = self.text[end : following.start()]
            if not following[kind] or not joints.fullmatch(between):
                break
            found.append(following)
            end = following.end()
        return found

    def _reasons(self, lead: str, clause: str) -> None:
        begins = [m.end() for m in re.finditer(_wording().reasons, lead)]
        if begins:
            self.main = self.main if self.in_reasons else self.money
            self.in_reasons = True
            self.reasons_over = False
        behind = lead[begins[-1] :] if begins else lead
        if ";" in behind or "其中" in behind:
            self.reasons_over = True
        if self.in_reasons and ";" in behind and re.match(_wording().ends_reasons, clause):
            self.in_reasons = False
            self.money = self.previous = self.main or self.inherited_money

    def _counted(self, match: re.Match[str], lead: str, clause: str) -> str | None:
        subject = _count_subject(lead, match, self.text, certain=self.in_reasons)
        if subject is None and not self.in_reasons and _is_generic(clause):
            subject = self.previous
        if "国内" not in lead:
            subject = _wording().counts_of.get(self.money or "", {}).get(subject or "", subject)
        if subject in _wording().counts_of_reviews and _is_review(self.context.default):
            return self.context.default
        return subject

    def _measured(
        self,
        kind: str,
        measure: str,
        rest: str,
        groups: dict[str, str],
        clauses: Sequence[str],
    ) -> str | None:
        context = self.context
        if context.project:
            return context.project
        if fund := groups.get("fund"):
            return self._of_fund(fund)
        cue = clauses[-1][len(rest) :]
        subject = groups.get("subject") or _named_subject(
            rest, cue, clauses[:-1], measure, self.previous
        )
        if subject is None and measure == "adjustment_rate":
            # Named among the problems found, but of the whole budget.
            subject = context.default
        change = not self.reasons_over and (
            measure.startswith("change") or re.search(_wording().changes_in_reasons, rest)
        )
        if self.in_reasons and (subject is None or kind == "count" or change):
            # A reason's figures are of things that the sentence does not name as a subject, and
            # its changes are of a part of them, or about so much.
            self.previous = self.money = self.inherited = self.inherited_money = None
            return None
        self.in_reasons = False
        if subject is not None:
            own = context.heading or context.default in _wording().own_totals
            if own and subject in _wording().of_items:
                return context.default
            return _part(subject, self.money or self.inherited_money)
        if self.counted and _is_review(context.default):
            return context.default
        if kind == "count":
            # "减少6批次" is of the batches, not of the people that were counted last.
            return self.previous if self.counted == self.unit else None
        if re.search(_wording().averages, rest):
            return None
        sums = not self.counted and re.match(_wording().sums, rest)
        if sums and self.money in self.amounts:
            self.previous = self.money = self.inherited = self.inherited_money = None
            return None
        if self.previous in _wording().inherited_as:
            return _wording().inherited_as[self.previous]
        if _names_something(rest):
            # A name that is not known is not the name of the figure before, nor is what follows.
            self.previous = self.money = self.inherited = self.inherited_money = None
            return None
        if self.money is None and (name := _begins_with(self.text)) is not None:
            return name or None
        subject = _of_side(rest, self.money or self.inherited_money)
        if measure in _OF_BUDGET and subject not in self.budgeted and self.budgeted:
            # A rate behind a list of what the money was for is of what has a budget.
            subject = subject if _is_known(subject) else self.budgeted[-1]
        if measure == "amount" and subject in self.amounts:
            # Another amount of what has one already is of something that is not named.
            return subject if self.value in self.amounts[subject] else None
        unnamed = self.money is None and subject == context.default and measure in _ABSOLUTE
        if unnamed and subject in _wording().both_sides and not re.search("[收支总]", rest):
            # "决算数为9万元" below a heading about both sides is said of neither.
            return None
        return subject

    def _of_fund(self, fund: str) -> str | None:
        """A fund named without what of it ("财政拨款收入9万元(其中:一般公共预算8万元)")."""
        name = _wording().fund_names[fund]
        whole = self.money or self.inherited_money or ""
        for pattern, side in _wording().fund_wholes:
            if re.fullmatch(pattern, whole):
                return _wording().fund_renamed.get(f"{name}{side}", f"{name}{side}")
        part = _part(f"{name}支出", whole or None)
        if part != f"{name}支出":
            return part
        self.previous = self.money = self.inherited = self.inherited_money = None
        return None


def _of_side(rest: str, subject: str | None) -> str | None:
    """ "收入" and "支出" alone, where the section is about both, are of one side."""
    words = _edges()[0].sub("", _without_year(rest))
    words = _edges()[1].sub("", words).strip(',:"')
    return _wording().sides.get(words, {}).get(subject or "", subject)


def _listed_names(words: str, number: int) -> list[str]:
    """So many subjects that words list ("A、B和C"), or none."""
    parts = words.split("、")
    lists = [parts]
    # Names hold such words themselves ("购置及运行维护费"): the last one joins.
    for joint in reversed(list(re.finditer("以及|和|与|及", parts[-1]))):
        last = parts[-1]
        lists.append([*parts[:-1], last[: joint.start()], last[joint.end() :]])
    for parts in lists:
        names = [_known_subject(_trimmed(part), None) for part in parts]
        known = [name for name in names if name]
        if len(known) == len(names) == number:
            return known
    return []


def _begins_with(text: str) -> str | None:
    """The name before the colon that a sentence begins with ("行政运行:2023年决算数为"); empty
    where it is none that is known."""
    name, colon, _ = text.partition(":")
    if not colon or len(name) > _MAX_SUBJECT + 8:
        return None
    unknown = _ONLY_NAMES.fullmatch(name) and not re.search(_wording().no_names, name)
    return _heading(name) or ("" if unknown else None)


def _others(rest: str, cue: str) -> list[str]:
    """The names before the last one of a list that shares a figure ("A、B、C均为0")."""
    if "均" not in cue and not rest.endswith("均"):
        return []
    names = [_known_subject(_trimmed(name), None) for name in rest.split("、")[:-1]]
    return [name for name in names if name]


def _part(subject: str, whole: str | None) -> str:
    """A fund's part of an item ("公务接待费2万元(其中：一般公共预算支出1万元)") is not the fund."""
    wording = _wording()
    if subject in wording.funds and whole is not None:
        item = whole.partition("／")[0]
        if item in wording.divided:
            return f"{item}／{subject}"
    return subject


def _in_section(subject: str, context: _Context) -> str:
    """In the section about a fund, income, expenditure and balances are that fund's.

    Below a heading that names no fund those of a heading above it are: the section's name has the
    nearest heading's title alone.
    """
    for title in context.titles:
        for entry in _wording().of_funds:
            if re.search(entry.section, title):
                return entry.subjects.get(subject, subject)
    for entry in _wording().above:
        hidden = not re.search(entry.section, context.section)
        if hidden and any(re.search(entry.section, title) for title in context.titles):
            return entry.subjects.get(subject, subject)
    return subject


def _names_something(rest: str) -> bool:
    """Whether words before a figure hold a name, be it an unknown one."""
    words = _edges()[0].sub("", _trimmed(_without_year(rest)))
    words = _edges()[1].sub("", words).strip('、,;:"')
    if not words or re.match(_wording().generic, words):
        return False
    return bool(re.search(_wording().names, words))


@dataclass(frozen=True, slots=True)
class _Worded:
    """Words that say what a figure would: "与上年持平"."""

    entry: _Word
    match: re.Match[str]

    @property
    def text(self) -> str:
        return self.match[0]

    def start(self) -> int:
        return self.match.start()

    def end(self) -> int:
        return self.match.end()


@cache
def _word_patterns() -> tuple[tuple[re.Pattern[str], _Word], ...]:
    return tuple((re.compile(entry.pattern), entry) for entry in _wording().words)


def _said(text: str) -> list[re.Match[str] | _Worded]:
    """Figures and words for figures, in the order of the text."""
    found: list[re.Match[str] | _Worded] = list(_figure().finditer(text))
    for pattern, entry in _word_patterns():
        for match in pattern.finditer(text):
            if entry.once and any(
                isinstance(one, _Worded) and one.entry.subject == entry.subject for one in found
            ):
                continue
            found.append(_Worded(entry, match))
    return sorted(found, key=lambda one: one.start())


def _of_word(
    word: _Worded, lead: str, context: _Context, before: str | None, in_reasons: bool
) -> tuple[str, str, Decimal | None, str, bool] | None:
    """Subject, measure, value and unit of words, and whether they name the subject themselves;
    None where they are part of a reason."""
    entry, groups = word.entry, word.match.groupdict()
    reason = max((m.end() for m in re.finditer(_wording().reasons, lead)), default=-1)
    if (in_reasons or reason >= 0) and ";" not in lead[max(reason, 0) :]:
        return None
    number = groups.get("number")
    value = None if number is None else Decimal(number)
    unit = groups.get("unit") or ""
    if entry.subject:
        return entry.subject, entry.measure, value, unit, False
    if context.project:
        return context.project, entry.measure, value, unit, False
    clauses = [clause for clause in re.split(r"[,;:]", lead) if clause] or [""]
    last = clauses[-1] if not lead.endswith((",", ";", ":")) else ""
    earlier = clauses[:-1] if last else clauses
    named = _named_subject(last, "", earlier, entry.measure, before)
    subject = named or before
    return None if subject is None else (subject, entry.measure, value, unit, named is not None)


def _is_review(subject: str | None) -> bool:
    """Whether a section is about evaluated projects, whose money follows their number."""
    return subject is not None and subject.endswith(("自评", "评价"))


def _is_generic(clause: str) -> bool:
    """Whether the words before a number name no subject of their own ("年度项目共计")."""
    return bool(re.match(_wording().generic, _without_year(_trimmed(clause))))


def _is_no_figure(lead: str) -> bool:
    return lead.endswith(_wording().not_figures_before)


def _measure(clause: str, kind: str) -> tuple[str, str, dict[str, str]] | None:
    """Measure, the words that are left for a subject, and what else the pattern named."""
    for entry in _wording().measures:
        if kind not in entry.units:
            continue
        match = re.search(entry.pattern, clause) if entry.pattern else None
        if entry.pattern and match is None:
            continue
        rest = clause[: match.start()] if match else clause
        groups = {k: v for k, v in match.groupdict().items() if v} if match else {}
        if entry.kind == "change":
            return ("change_pct" if kind == "percent" else "change_amount"), rest, groups
        return entry.measure, rest, groups
    return None


def _versus(before: str) -> str:
    """With what the change at the end of ``before`` compares; the year before by default."""
    latest = (-1, "上年决算")
    for entry in _wording().versus:
        for match in re.finditer(entry.pattern, before):
            latest = max(latest, (match.start(), entry.versus))
    return latest[1]


@cache
def _subject_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(f"(?:{p})$"), name) for p, name in _wording().subjects)


@cache
def _names() -> frozenset[str]:
    return frozenset(name for _, name in _wording().subjects)


def _is_known(subject: str | None) -> bool:
    """Whether a name is one of the vocabulary's, not one as it happens to be printed."""
    known = subject is None or subject in _names()
    return known or bool(subject and (subject[:2] in ("项:", "款:") or subject[-3:] == "（类）"))


#: Measures of a budget's use.
_OF_BUDGET: Final = frozenset({"completion", "variance_pct"})
#: Measures of an amount by itself.
_ABSOLUTE: Final = frozenset({"amount", "budget_initial", "budget_full"})
#: Measures that take over the subject of what they are a part, a change or a rate of.
_RELATIVE: Final = frozenset(
    {"change_amount", "change_pct", "completion", "variance_pct", "share", "score", "compare"}
    | {"score_floor", "adjustment_rate"}
)


def _named_subject(
    rest: str, cue: str, earlier: Sequence[str], measure: str, previous: str | None
) -> str | None:
    """The subject named in the words before a number, nearest clause first."""
    if rest:
        # "机关运行经费2022年支出"
        yearless = _IN_A_YEAR.sub("", rest)
        less = (r"决算(?:数|总额)?$", r"(?:合计|总计|总额)$")
        tries = (rest, *(re.sub(end, "", rest) for end in less), _trimmed(rest), yearless)
        known = next((name for words in tries if (name := _known_subject(words, previous))), None)
        # "基本支出决算为": 支出 belongs to the name as much as to 支出决算.
        whole = _known_subject(f"{rest}支出", None) if cue.startswith("支出") else None
        if whole or known:
            return whole or known
        if measure not in _RELATIVE and (free := _free_subject(_trimmed(rest))):
            return free
    for clause in reversed(earlier):
        # Reasons name subjects of their own.
        if re.search(r"原因|由于|因为|增加|减少|差异", clause):
            break
        known = _known_subject(clause, None) or _known_subject(_trimmed(clause), None)
        if known:
            return known
    return None


def _known_subject(words: str, previous: str | None) -> str | None:
    best: tuple[int, str] | None = None
    if re.search(_wording().averages, words):
        return None
    for pattern, name in _subject_patterns():
        match = pattern.search(words)
        if match is None:
            continue
        if "{previous}" in name:
            if previous is None:
                continue
            name = name.replace("{previous}", previous.removesuffix("面积"))
        subject = _without_year(_filled(name, match)).translate(_FULL_WIDTH)
        length = match.end() - match.start()
        if name.startswith(("项:", "款:")):
            return subject
        if best is None or length > best[0]:
            best = (length, subject)
    return best[1] if best else None


def _filled(name: str, match: re.Match[str]) -> str:
    """A subject's name with the groups of its pattern put in."""
    for number, group in enumerate(match.groups(), start=1):
        name = name.replace(f"{{{number}}}", group or "")
    return name


def _without_year(subject: str) -> str:
    return re.sub(r"^(?:主要用于以下方面)?20\d{2}年度?", "", subject)


@cache
def _edges() -> tuple[re.Pattern[str], re.Pattern[str]]:
    wording = _wording()
    prefixes = "|".join(wording.subject_prefixes)
    suffixes = "|".join(wording.subject_suffixes)
    return re.compile(f"^(?:{prefixes})+"), re.compile(f"(?:{suffixes})+$")


def _trimmed(words: str) -> str:
    words = re.sub(r"(?:与|比|较|同)[^,;:]*?(?:相比|比较)$", "", words)
    last_year = r"(?:与|比|较|同)(?:上年|去年|20\d{2}年)度?(?:(?:支出|收入)?决算|支出)?数?$"
    words = re.sub(f"{last_year}|同比$", "", words)
    words = re.sub(r"(?:比|较)(?:20\d{2}年度?)?(?:年初|全年|调整后?)?预算数?$", "", words)
    words = re.sub(r"20\d{2}(?:年(?:度|初|末)?)?$", "", words)
    return _edges()[1].sub("", words)


def _free_subject(words: str) -> str | None:
    """A subject that the wording does not know, as printed, if it looks like a name."""
    words = _edges()[0].sub("", words).strip('、,;:"')
    words = _edges()[1].sub("", words)
    if re.search(_wording().not_counted, words) or re.match(_wording().generic, words):
        return None
    if not 2 <= len(words) <= _MAX_SUBJECT or not re.fullmatch(r"[\u4e00-\u9fff()\"]+", words):
        return None
    if re.search(r"原因|由于|根据|按照|以及|已经|需要|通过|完成|增加|减少", words):
        return None
    return words.translate(_FULL_WIDTH)


_Patterns = tuple[tuple[re.Pattern[str], str], ...]


@cache
def _count_patterns() -> tuple[_Patterns, _Patterns]:
    """Patterns of counts that stand behind another one, and of all others."""
    pairs, single = _wording().counts_in_pairs, _wording().counts
    return (
        tuple((re.compile(pattern), name) for pattern, name in pairs),
        tuple((re.compile(pattern), name) for pattern, name in single),
    )


def _within(before: str) -> str:
    """What stands before a figure in its own parenthesis, or outside of those with figures."""
    before = _WITH_FIGURES.sub("", before)
    opened = before.rfind("(")
    inside = before[opened + 1 :]
    return inside if opened >= 0 and ")" not in inside else before


def _count_subject(lead: str, match: re.Match[str], text: str, *, certain: bool) -> str | None:
    """What is counted; with ``certain`` only what the wording knows and the clause itself says."""
    behind = text[match.end() : match.end() + 24]
    before = _within(text[max(0, match.start() - _AROUND) : match.start()])
    if len(before) < len(lead):
        lead = before
    lead = lead.lstrip(")")
    marked = f"{lead}#{match['count']}{behind}"
    # "9批次,80人次" and "团组0个,累计0人次" leave out whose people are counted.
    wider = f"{before[-60:]}#{match['count']}{behind}"
    pairs, single = _count_patterns()
    tries = [(marked, single)] if certain else [(wider, pairs), (marked, single), (wider, single)]
    for words, patterns in tries:
        mark = words.rindex("#")
        for pattern, name in patterns:
            for found in pattern.finditer(words):
                if found.start() <= mark < found.end():
                    return _free_prefix(_filled(name, found)).translate(_FULL_WIDTH)
    if certain:
        return None
    clause = re.split(r"[,;:、]", lead)[-1]
    verb = next((v for v in _wording().count_verbs if clause.endswith(v)), "")
    noun = re.match(r"[\u4e00-\u9fff()]{2,16}?(?=的|$|[^\u4e00-\u9fff()])", behind)
    if verb and noun:
        return _free_subject(verb.removeprefix("共").removeprefix("有") + noun[0])
    return _free_subject(_trimmed(clause)) or (_free_subject(noun[0]) if noun else None)


def _free_prefix(subject: str) -> str:
    return _edges()[0].sub("", subject)

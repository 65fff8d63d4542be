"""The narrative's figures: every number with a unit, its subject and what it measures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
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
_DOWN: Final = frozenset(["减少", "下降", "降低", "压减", "压缩", "节约", "降幅", "减幅"])
_ITEM: Final = re.compile(r"\(类\)[^,;:]*?\(款\)([^,;:]+?)\(项\)")
_MAX_SUBJECT: Final = 24


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


class _Wording(_Model):
    units: dict[str, tuple[str, ...]]
    not_figures_after: tuple[str, ...]
    not_figures_before: tuple[str, ...]
    measures: tuple[_Measure, ...]
    versus: tuple[_Versus, ...]
    subjects: tuple[tuple[str, str], ...]
    counts: tuple[tuple[str, str], ...]
    section_subjects: tuple[tuple[str, str], ...]
    count_verbs: tuple[str, ...]
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
    project: str | None = None
    first: str | None = None
    heading: str = ""


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
                paragraph.section, _default_subject(paragraph.section), _project(paragraph.text)
            )
        found += _of_paragraph(paragraph, context)
    return found


def _of_paragraph(paragraph: Paragraph, context: _Context) -> Iterator[Statement]:
    for match in _SENTENCE.finditer(paragraph.text):
        page = paragraph.page_at(match.start())
        found = list(_of_sentence(match[0], context, page))
        yield from found
        items = _ITEM.findall(match[0].translate(_HALF_WIDTH))
        if items and not found:
            # The item stands in a sentence of its own; what follows is about it.
            context.default = f"项:{items[-1].translate(_FULL_WIDTH)}"
            context.heading = match[0]
            context.first = None


def _project(text: str) -> str | None:
    quoted = re.match(r'[“"]([^”"]{2,40})[”"]项目', text)
    if quoted is None:
        return None
    return f"{quoted[1]}（{'部门评价' if '部门评价' in text[:80] else '自评'}）"


def _default_subject(section: str) -> str | None:
    title = section.rpartition("/")[2]
    for pattern, subject in _wording().section_subjects:
        if re.search(pattern, title):
            return subject
    return None


def _of_sentence(quote: str, context: _Context, page: int | None) -> Iterator[Statement]:
    text = quote.translate(_HALF_WIDTH)
    reasons = re.compile(_wording().reasons)
    inherited = context.first or context.default
    context.first = None
    previous: str | None = None
    in_reasons = counted = False
    end = 0
    for match in _figure().finditer(text):
        lead = text[end : match.start()]
        if _is_no_figure(lead):
            continue
        end = match.end()
        kind = next(name for name in _wording().units if match[name])
        clauses = [clause for clause in re.split(r"[,;:]", lead) if clause] or [""]
        read = _measure(clauses[-1], kind)
        if read is None:
            continue
        measure, rest, groups = read
        in_reasons = in_reasons or bool(reasons.search(lead))
        if measure == "count":
            subject = _count_subject(lead, match, text, certain=in_reasons)
        elif context.project:
            subject = context.project
        else:
            subject = groups.get("subject") or _named_subject(
                rest, clauses[-1][len(rest) :], clauses[:-1], measure, previous
            )
            if in_reasons and (subject is None or kind == "count"):
                # A reason's figures are of things that the sentence does not name as a subject.
                previous = inherited = None
                continue
            in_reasons = False
            if subject is None and counted and _is_review(context.default):
                subject = context.default
            elif subject is None and previous is not None:
                subject = _wording().inherited_as.get(previous, previous)
            elif subject is None:
                subject = inherited
        if subject is None:
            continue
        previous = subject
        counted = measure == "count"
        context.first = context.first or subject
        direction = groups.get("direction")
        yield Statement(
            section=context.section,
            subject=subject,
            measure=measure,
            value=Decimal(match["value"].replace(",", "")),
            unit=match[kind].translate(_FULL_WIDTH),
            quote=context.heading + quote,
            page=page,
            direction=direction,
            versus=_versus(text[: match.start()]) if direction else groups.get("of"),
        )


def _is_review(subject: str | None) -> bool:
    """Whether a section is about evaluated projects, whose money follows their number."""
    return subject is not None and subject.endswith(("自评", "评价"))


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
        if entry.measure == "skip":
            return None
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


#: Measures that take over the subject of what they are a part, a change or a rate of.
_RELATIVE: Final = frozenset(
    {"change_amount", "change_pct", "completion", "variance_pct", "share", "score"}
)


def _named_subject(
    rest: str, cue: str, earlier: Sequence[str], measure: str, previous: str | None
) -> str | None:
    """The subject named in the words before a number, nearest clause first."""
    if rest:
        known = _known_subject(rest, previous) or _known_subject(_trimmed(rest), previous)
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
    words = re.sub(r"(?:比|较)(?:上年|去年|20\d{2}年)度?(?:决算)?(?:数)?$", "", words)
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


@cache
def _count_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), name) for pattern, name in _wording().counts)


def _count_subject(lead: str, match: re.Match[str], text: str, *, certain: bool) -> str | None:
    """What is counted; with ``certain`` only what the wording knows and the clause itself says."""
    behind = text[match.end() : match.end() + 24]
    marked = f"{lead}#{match['count']}{behind}"
    # "9批次,80人次" and "团组0个,累计0人次" leave out whose people are counted.
    wider = f"{text[max(0, match.start() - 60) : match.start()]}#{match['count']}{behind}"
    for words in (marked,) if certain else (marked, wider):
        mark = words.rindex("#")
        for pattern, name in _count_patterns():
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

"""Titles of forms in running text.

The printed number of a form is not a key (三公 is 公开07 in some provinces and 公开09 in others):
a line is a form's title by its wording alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from disclosures.forms import forms, squeeze
from disclosures.reading.names import plain, wording

_MAX_TITLE: Final = 70
_MARK: Final = re.compile(
    r"\(?(?:公开|财决|附|决算公开|部门决算)?(?:表|附表)?\d{1,2}(?:-\d+)?表?\)?"
    r"|\(?附?表[一二三四五六七八九十]{1,3}\)?$|公开表"
)
# With label, mark and unit. The patterns below take quadratic time, and hostile lines have no end.
_LONGEST_LINE: Final = 400
_LEADING: Final = re.compile(
    r"^(?:[-·●◆★>#*\s]+|第[一二三四五六七八九十]+(?:部分|章|节)|附(?:件|表)?\d*[:、]?|"
    r"\(?[一二三四五六七八九十]{1,3}\)?[、.,)]|\d{1,2}[、.)]|\(\d{1,2}\)|表\d{1,2}[:、]?|"
    r"附?表[一二三四五六七八九十]{1,3}(?!般)[:、.]?|\(?续表?\)?)+"
)
_TRAILING: Final = re.compile(
    r"(?:\((?:续表?|功能科目|经济科目|功能分类|经济分类|单位:?(?:万元|元)|万元|元)\)|续表?|"
    r"(?:金额)?单位:(?:万元|元|千元)|\(\d+\)|[:。;])+$"
)
_LABEL: Final = re.compile(r"(?:编制)?(?:部门|单位)(?:名称)?(?:\(公章\)|\(盖章\))?:.*$")
_CONTENTS: Final = re.compile(r"(?:[.…·⋯\-_]{3,}\(?\d*\)?|[.…·⋯]{2,})$")
_BRACKETED: Final = re.compile(r"\([^()]*\)$")
_SENTENCE: Final = re.compile(r"[,。;!?:]|见|反映|根据|按照|通过|编制|包括|公开了|如下")


@dataclass(frozen=True, slots=True)
class Title:
    """A line that names a table; ``form`` is None for a table that is none of the nine."""

    form: str | None
    text: str
    start: int
    end: int


@cache
def _aliases() -> tuple[tuple[str, str], ...]:
    pairs = {
        squeeze(alias): form.key
        for form in forms().values()
        for alias in (form.title, *form.aliases)
    }
    return tuple(sorted(pairs.items(), key=lambda pair: -len(pair[0])))


@cache
def _letters() -> tuple[str, ...]:
    """Letters without which no line is the title of a form: most lines lack one of them."""
    return tuple(sorted(frozenset("决算表").intersection(*(alias for alias, _ in _aliases()))))


@cache
def _not_titles() -> re.Pattern[str]:
    return re.compile("|".join(wording()["not_titles"]))


@cache
def _qualifiers() -> re.Pattern[str]:
    words = "|".join(map(re.escape, map(squeeze, wording()["title_qualifiers"])))
    return re.compile(f"(?:{words})(?:预算)?$")


def bare_title(line: str) -> str:
    """A line as a title would stand: no ordinal, mark, unit, agency label or continuation."""
    text = plain(line).replace("|", "")
    if len(text) > _LONGEST_LINE or _CONTENTS.search(text):
        return ""
    text = _LABEL.sub("", text)
    previous = None
    while previous != text:
        previous = text
        text = _TRAILING.sub("", _LEADING.sub("", text))
        text = _strip_mark(text)
    return text


def _strip_mark(text: str) -> str:
    match = _MARK.match(text)
    if match and match.end() < len(text):
        text = text[match.end() :]
    for match in reversed(list(_MARK.finditer(text))):
        if match.end() == len(text) and match.start() > 0:
            text = text[: match.start()]
            break
    return text


# The readers of one document ask about the same lines again and again.
@lru_cache(maxsize=16384)
def form_of_title(line: str) -> str | None:
    """The form that a line is the title of, or None."""
    whole = plain(line)
    if any(letter not in whole for letter in _letters()):
        return None
    text = bare_title(line)
    if not text or len(text) > _MAX_TITLE:
        return None
    stem = _BRACKETED.sub("", text)
    meant = {form for word, form in wording()["title_words"].items() if word in text}
    if "09" in meant:
        fits = meant == {"09"} and "决算" in stem and stem.endswith("表")
        return "09" if fits and not _SENTENCE.search(stem) else None
    for alias, key in _aliases():
        if meant and key not in meant:
            continue
        for candidate in (text, stem):
            if not candidate.endswith(alias):
                continue
            prefix = candidate[: -len(alias)]
            if _qualifiers().search(prefix) or _SENTENCE.search(prefix):
                return None
            return key
    return None


@lru_cache(maxsize=16384)
def is_table_title(line: str) -> bool:
    """Whether a line is the title of some table, of the nine or not."""
    if "表" not in plain(line):
        return False
    text = bare_title(line)
    if not 4 <= len(text) <= _MAX_TITLE or _SENTENCE.search(text) or _not_titles().search(text):
        return False
    stem = _BRACKETED.sub("", text)
    if not stem.endswith("表"):
        return False
    return any(re.search(pattern, stem) for pattern in wording()["other_tables"])


def find_titles(text: str) -> tuple[str, list[Title]]:
    """See :func:`_find_titles`; every reader of a document asks about the same pages."""
    squeezed, titles = _find_titles(text)
    return squeezed, list(titles)


@lru_cache(maxsize=256)
def _find_titles(text: str) -> tuple[str, tuple[Title, ...]]:
    """Titles in ``text`` with their offsets in the squeezed text, which comes first.

    A title may be wrapped over two lines. Letters of titles are blanked out in the squeezed
    text so that a search for cells does not find them there.
    """
    lines = text.splitlines()
    squeezed = [plain(line) for line in lines]
    starts = [0]
    for line in squeezed:
        starts.append(starts[-1] + len(line))
    titles: list[Title] = []
    taken = -1
    for number, line in enumerate(lines):
        if number <= taken or not squeezed[number] or "\t" in line.strip():
            continue
        last = number
        form = form_of_title(line)
        if form is None and len(squeezed[number]) <= _MAX_TITLE:
            following = next((n for n in range(number + 1, len(lines)) if squeezed[n]), None)
            # A wrapped title. Its second line alone may read like the title of another form.
            if (
                following is not None
                and not squeezed[number].endswith("表")
                and all(
                    letter in squeezed[number] or letter in squeezed[following]
                    for letter in _letters()
                )
            ):
                joined = form_of_title(line.rstrip() + lines[following].strip())
                if joined and joined != form_of_title(lines[following]):
                    form, last = joined, following
        if form or is_table_title(line):
            titles.append(Title(form, line.strip(), starts[number], starts[last + 1]))
            taken = last
    whole = "".join(squeezed)
    for title in titles:
        whole = whole[: title.start] + "\0" * (title.end - title.start) + whole[title.end :]
    return whole, tuple(titles)

"""Comparing printed names: markup, blanks, ordinals, cuts and letters out of order.

A name is compared squeezed. Some PDF readers return the letters of a cell out of order
("般公共服务支出一、一" for "一、一般公共服务支出"): names are also compared as bags of letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml

from disclosures.forms import Form, Line, bare_name, forms, squeeze
from disclosures.model import Side

# Names that are remembered once they were looked for, by length and number.
_LONGEST_NAME: Final = 60
_MOST_NAMES: Final = 20_000
_CHINESE: Final = re.compile("[\u4e00-\u9fff]")
_TAGS: Final = re.compile(r"</?[A-Za-z][^<>]*>")
_MARKUP: Final = re.compile(r"\*\*|__|`")
_ESCAPE: Final = re.compile(r"\\(?=[*_#\-.()\[\]|\\])")
_ORDINAL_LETTERS: Final = frozenset("一二三四五六七八九十、.．,，:：()其中")


@cache
def wording() -> dict[str, Any]:
    """Wordings of headings, notes and extra tables (``wording.yaml``)."""
    loaded = yaml.safe_load((files(__package__) / "wording.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@lru_cache(maxsize=65536)
def clean(text: str) -> str:
    """A cell without HTML tags and Markdown emphasis, trimmed; line breaks stay."""
    # Most cells hold none of these signs, and all cells of all pages come through here.
    if "<" in text:
        text = _TAGS.sub("", text)
    if "*" in text or "_" in text or "`" in text:
        text = _MARKUP.sub("", text)
    if "\\" in text:
        text = _ESCAPE.sub("", text)
    return text.strip()


@lru_cache(maxsize=65536)
def plain(text: str) -> str:
    """A name for comparison: cleaned and squeezed."""
    return squeeze(clean(text))


def printed_name(text: str) -> str:
    """A name as printed, without markup and white space."""
    return re.sub(r"\s+", "", clean(text))


@lru_cache(maxsize=65536)
def letters(name: str) -> str:
    """The letters of a squeezed name in a fixed order."""
    return "".join(sorted(name))


@lru_cache(maxsize=65536)
def loose_letters(name: str) -> str:
    """Like :func:`letters`, without what an ordinal ("二十一、") is made of."""
    return "".join(sorted(set_free for set_free in name if set_free not in _ORDINAL_LETTERS))


def has_chinese(text: str) -> bool:
    return _CHINESE.search(text) is not None


class LineIndex:
    """Finds the canonical line of one side of a form by its printed name."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = tuple(lines)
        self._exact: dict[str, list[Line]] = {}
        self._loose: dict[str, list[Line]] = {}
        self._titles: list[tuple[str, Line]] = []
        self._met: dict[str, list[Line]] = {}
        for line in self._lines:
            for wording_ in (line.title, *line.aliases):
                self._exact.setdefault(bare_name(wording_), []).append(line)
                self._loose.setdefault(loose_letters(squeeze(wording_)), []).append(line)
                self._titles.append((bare_name(wording_), line))

    def find(self, text: str, seen: Iterable[str] = ()) -> Line | None:
        """The line that ``text`` names, or None.

        ``seen`` holds the keys met so far on this side: a line with ``after`` is meant only
        once its predecessor was seen, and then before its namesake.
        """
        candidates = self._met.get(text)
        if candidates is None:
            candidates = self._candidates(text)
            if len(text) <= _LONGEST_NAME and len(self._met) < _MOST_NAMES:
                self._met[text] = candidates
        return _choose(candidates, seen) if candidates else None

    def _candidates(self, text: str) -> list[Line]:
        name = bare_name(clean(text))
        if not name:
            return []
        candidates = self._exact.get(name) or self._loose.get(loose_letters(plain(text)))
        if not candidates and len(name) >= 5:
            candidates = self._by_prefix(name)
        return candidates or []

    def _by_prefix(self, name: str) -> list[Line]:
        """Lines whose name was cut at the cell's edge, or that carry an addition in brackets."""
        found: dict[str, Line] = {}
        for title, line in self._titles:
            cut = title.startswith(name) and len(name) * 3 >= len(title) * 2
            extended = name.startswith(title) and name[len(title) :].startswith("(")
            if len(title) >= 5 and (cut or extended):
                found[line.key] = line
        plain_lines = [line for line in found.values() if not line.after]
        return list(found.values()) if len(plain_lines) <= 1 else []

    def titles(self) -> tuple[str, ...]:
        return tuple(self._exact)


def _choose(candidates: list[Line], seen: Iterable[str]) -> Line | None:
    met = set(seen)
    for line in candidates:
        if line.after and line.after in met and line.key not in met:
            return line
    for line in candidates:
        if not line.after:
            return line
    return None


@cache
def line_index(form_key: str, side: Side | None) -> LineIndex:
    return LineIndex(forms()[form_key].lines_of(side))


@cache
def header_words() -> frozenset[str]:
    """Every squeezed word that headings of the nine forms are made of."""
    words: set[str] = set(map(squeeze, wording()["header_words"]))
    for form in forms().values():
        for column in _all_columns(form):
            words.update(map(squeeze, (column.title, *column.aliases)))
            if column.under:
                words.add(squeeze(column.under))
        for group in form.groups:
            words.update(map(squeeze, (group.title, *group.aliases)))
    words.discard("")
    return frozenset(words)


def _all_columns(form: Form) -> list[Any]:
    return [column for side in form.sides for column in form.columns_of(side)]


@cache
def _header_letters() -> frozenset[str]:
    return frozenset(letters(word) for word in header_words())


@lru_cache(maxsize=65536)
def is_header_word(word: str) -> bool:
    """Whether a squeezed cell can stand in a heading: a heading, its letters, or a piece of it."""
    bare = re.sub(r"\(?(?:单位:)?(?:万元|元)\)?$", "", word) or word
    if bare in header_words() or letters(bare) in _header_letters():
        return True
    return len(bare) >= 2 and any(bare in known for known in header_words())

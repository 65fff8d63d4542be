"""What the running text says that no finished disclosure should say.

A remark is an observation about the wording, with the words that prove it; whether it is worth a
finding is for the catalogue of identities to say. What is looked for is data (``remarks.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict

from disclosures.model import Remark
from disclosures.reading.grids import PageText
from disclosures.reading.sections import headings, paragraphs

#: Letters shown before and after what is remarked upon.
_AROUND: Final = 24
_HALF_WIDTH: Final = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
)
#: A heading that names another year; decided by the headings, not by a pattern of the data.
YEAR_DIFFERS: Final = "year_differs"
#: More of one kind say nothing that these do not.
_MOST_OF_A_KIND: Final = 20


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Pattern(_Model):
    kind: str
    patterns: tuple[str, ...]
    # ``not`` is a word of Python's.
    excluded: tuple[str, ...]

    @cached_property
    def searched(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.patterns))

    @cached_property
    def refused(self) -> re.Pattern[str] | None:
        return re.compile("|".join(self.excluded)) if self.excluded else None


class _Remarks(_Model):
    skipped_sections: tuple[str, ...]
    remarks: tuple[_Pattern, ...]
    year_of_heading: str
    topics: dict[str, tuple[str, ...]]


@cache
def _data() -> _Remarks:
    loaded: Any = yaml.safe_load((files(__package__) / "remarks.yaml").read_text(encoding="utf-8"))
    for entry in loaded["remarks"]:
        entry["excluded"] = entry.pop("not")
    return _Remarks.model_validate(loaded)


def kinds() -> tuple[str, ...]:
    """Every kind of remark that can be made."""
    return (*(pattern.kind for pattern in _data().remarks), YEAR_DIFFERS)


def topic_names() -> tuple[str, ...]:
    """Every topic that a narrative has to speak of."""
    return tuple(_data().topics)


def remarks(pages: Sequence[PageText], year: int | None) -> list[Remark]:
    """Remarks on the running text, in reading order; ``year`` is that of the accounts."""
    made: list[Remark] = []
    skipped = re.compile("|".join(_data().skipped_sections))
    for paragraph in paragraphs(pages):
        if skipped.search(paragraph.section):
            continue
        text = paragraph.text.translate(_HALF_WIDTH)
        for pattern in _data().remarks:
            for match in pattern.searched.finditer(text):
                around = paragraph.text[max(0, match.start() - _AROUND) : match.end() + _AROUND]
                if pattern.refused is None or not pattern.refused.search(
                    text[max(0, match.start() - 8) : match.end()]
                ):
                    page = paragraph.page_at(match.start())
                    made.append(Remark(pattern.kind, match[0], around, page))
    if year is not None:
        made += _of_another_year(pages, year)
    counts: dict[str, int] = {}
    kept = []
    for remark in made:
        counts[remark.kind] = counts.get(remark.kind, 0) + 1
        if counts[remark.kind] <= _MOST_OF_A_KIND:
            kept.append(remark)
    return kept


def topics(pages: Sequence[PageText]) -> tuple[str, ...]:
    """The topics of a narrative that the text speaks of, as named in the data."""
    text = "".join(word for page in pages for word in page.text.split())
    return tuple(t for t, words in _data().topics.items() if any(word in text for word in words))


def _of_another_year(pages: Sequence[PageText], year: int) -> Iterator[Remark]:
    """Headings of the account that name a year, but not this one's."""
    pattern = re.compile(_data().year_of_heading)
    seen: set[str] = set()
    for heading in headings(pages):
        match = pattern.match(heading.title)
        if match and int(match["year"]) != year and heading.title not in seen:
            seen.add(heading.title)
            yield Remark(YEAR_DIFFERS, f"{match['year']}年", heading.title, heading.page)

"""What the departments published is in the documents that the replica portals offer."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

import connectors.replica
from connectors.replica.offer import RenderedDisclosure, load_offer
from disclosures.rendering import layouts, load_figures, unprinted
from disclosures.rendering.document import PartTitle, compose
from disclosures.rendering.figures import Figures
from disclosures.rendering.narrative import Paragraph

FIGURES = Path(connectors.replica.__file__).parent / "figures"
SEEDS = Path(__file__).resolve().parents[2].parent / "shared" / "seeds"

#: Integers of a disclosure that its document leaves out: scoring rules printed below every
#: self-evaluation form, list ordinals of duties and terms, and the headings of pictures.
LEFT_OUT = {"80", "1", "2", "3", "4", "5", "6", "7", "8", "9", *(str(n) for n in range(10, 20))}


def offered() -> dict[str, set[str]]:
    """Layouts in which each set of figures is offered."""
    found: dict[str, set[str]] = {}
    for portal in load_offer().portals:
        for column in portal.columns:
            for article in column.articles:
                for attachment in article.attachments:
                    if isinstance(attachment.of, RenderedDisclosure):
                        found.setdefault(attachment.of.figures, set()).add(attachment.of.layout)
    return found


def load(stem: str) -> Figures:
    return load_figures(FIGURES / f"{stem}.yaml")


def text_of(stem: str, layout: str) -> str:
    document = compose(load(stem), layouts()[layout])
    parts = [document.title, *document.subtitle]
    for block in document.blocks:
        if isinstance(block, PartTitle | Paragraph):
            parts.append(block.text)
        else:
            parts += [line for top in block.top for line in (top.left, top.center, top.right)]
            parts += [cell.text for row in (*block.header, *block.body) for cell in row]
            parts += block.notes
    return "\n".join(parts)


def numbers_of(text: str) -> Counter[str]:
    """Numbers by value: 1,052.870 and 1052.87 are one."""
    plain = unicodedata.normalize("NFKC", re.sub(r"</?\w+>|\*", "", text))
    plain = re.sub(r"(?m)^ ?- \d+ -\s*$", "", plain)  # page numbers
    found = re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", plain)
    return Counter(f"{Decimal(n.replace(',', '')).normalize():f}" for n in found)


def test_every_set_of_figures_is_offered_and_of_a_layout_that_exists() -> None:
    assert set(offered()) == {path.stem for path in FIGURES.glob("*.yaml")}
    assert {layout for used in offered().values() for layout in used} <= set(layouts())


@pytest.mark.parametrize("stem", sorted(offered()))
def test_every_stated_figure_is_printed(stem: str) -> None:
    """In some layout of the disclosure; a change of nothing is printed as 持平."""
    figures = load(stem)
    missing = set.intersection(*(set(unprinted(figures, layouts()[n])) for n in offered()[stem]))
    for place in missing:
        section, subject, measure = place.split(".")
        assert measure in ("change", "change_pct"), place
        value = getattr(figures.narrative.stated[section][subject], measure)
        assert Decimal(value) == 0, place


@pytest.mark.shared
@pytest.mark.parametrize("stem", sorted(stem for stem in offered() if stem.endswith("-2023")))
def test_every_published_number_is_in_the_documents(stem: str) -> None:
    seed = SEEDS / f"{stem}.txt"
    if not seed.exists():
        pytest.skip("the published disclosures are not beside this checkout")
    published = numbers_of(seed.read_text(encoding="utf-8"))
    printed: Counter[str] = Counter()
    for layout in offered()[stem]:
        printed |= numbers_of(text_of(stem, layout))
    missing = published - printed
    fractions = {number: count for number, count in missing.items() if "." in number}
    assert fractions == {}
    integers = {n for n in missing if n not in printed and n not in LEFT_OUT}
    assert integers <= {"12345", "2021", "2022", "2023"}

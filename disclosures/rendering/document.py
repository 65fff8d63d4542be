"""A whole disclosure as a sequence of blocks, before any file format."""

from __future__ import annotations

from dataclasses import dataclass

from disclosures.rendering.figures import Figures, FiguresError, GlossaryEntry
from disclosures.rendering.layout import Layout
from disclosures.rendering.narrative import Paragraph, narrate
from disclosures.rendering.numbers import chinese
from disclosures.rendering.tables import (
    Table,
    evaluation_table,
    form_tables,
    form_title,
    standard,
    summary_table,
)


@dataclass(frozen=True, slots=True)
class PartTitle:
    """The first line of a part; it starts a page and stands in the contents."""

    text: str


Block = PartTitle | Paragraph | Table


@dataclass(frozen=True, slots=True)
class Document:
    """Title of the cover, lines below it, the blocks, and what the contents list."""

    title: str
    subtitle: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def contents(self) -> tuple[tuple[int, str], ...]:
        """Entries of the contents: parts (0), and chapters and forms within them (1)."""
        entries: list[tuple[int, str]] = []
        for block in self.blocks:
            if isinstance(block, PartTitle):
                entries.append((0, block.text))
            elif isinstance(block, Paragraph) and block.level == 1:
                entries.append((1, block.text))
        return tuple(entries)

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Table))


def compose(figures: Figures, layout: Layout) -> Document:
    """Put the parts of a disclosure in the layout's order.

    Raises:
        FiguresError: the figures ask for a wording that does not exist, or a title names an
            unknown place holder.
    """
    # Remarks stand on the cover; without one they come first.
    blocks: list[Block] = [] if layout.cover else [Paragraph(text) for text in figures.remarks]
    for part in layout.parts:
        content: list[Block] = []
        for kind in part.content:
            content += _CONTENT[kind](figures, layout)
        if content:
            if part.title:
                blocks.append(PartTitle(_fill(part.title, figures)))
            blocks += content
    title = figures.title or _fill(layout.cover_title, figures) or figures.cover_title
    return Document(
        title=title,
        subtitle=(*((figures.published,) if figures.published else ()), *figures.remarks),
        blocks=tuple(blocks),
    )


def _fill(template: str, figures: Figures) -> str:
    try:
        return template.format(agency=figures.agency, year=figures.year, scope=figures.scope)
    except (KeyError, IndexError) as error:
        raise FiguresError(f"{template!r} has an unknown place holder") from error


def _overview(figures: Figures, layout: Layout) -> list[Block]:
    overview = figures.narrative.overview
    chapters = (
        ("主要职责", overview.duties),
        ("机构设置", overview.organisation),
        (f"{figures.scope}决算单位构成", overview.units),
    )
    blocks: list[Block] = []
    filled = [(title, texts) for title, texts in chapters if texts]
    for place, (title, texts) in enumerate(filled, start=1):
        blocks.append(Paragraph(f"{chinese(place)}、{title}", 1))
        blocks += [Paragraph(text) for text in texts]
    return blocks


def _forms(figures: Figures, layout: Layout) -> list[Block]:
    return list(form_tables(figures, layout))


def _forms_elsewhere(figures: Figures, layout: Layout) -> list[Block]:
    """The list of forms of a narrative whose tables stand in another file."""
    present = [key for key in layout.forms.order if figures.forms.get(key) is not None]
    titles = [form_title(figures, layout, key) for key in present]
    return [
        Paragraph(f"{chinese(place)}、《{title}》（见附表）", 1)
        for place, title in enumerate(titles, start=1)
    ]


def _narrative(figures: Figures, layout: Layout) -> list[Block]:
    return list(narrate(figures, layout))


def _performance(figures: Figures, layout: Layout) -> list[Block]:
    performance = figures.performance
    blocks: list[Block] = [summary_table(summary) for summary in performance.summaries]
    blocks += [evaluation_table(evaluation, figures) for evaluation in performance.evaluations]
    if performance.report:
        blocks.append(Paragraph("绩效自评报告", 1))
        blocks += [Paragraph(text) for text in performance.report]
    return blocks


def _glossary(figures: Figures, layout: Layout) -> list[Block]:
    entries = figures.narrative.glossary or tuple(
        GlossaryEntry.model_validate(entry) for entry in standard()["glossary"]
    )
    return [
        Paragraph(f"{chinese(place)}、{entry.term}：{entry.meaning}")
        for place, entry in enumerate(entries, start=1)
    ]


_CONTENT = {
    "overview": _overview,
    "forms": _forms,
    "forms_elsewhere": _forms_elsewhere,
    "narrative": _narrative,
    "performance": _performance,
    "glossary": _glossary,
}

"""Performance forms in text: cells separated by TAB, or run together into lines."""

from __future__ import annotations

from collections.abc import Sequence

from disclosures.reading.grids import PageText
from disclosures.reading.performance import PerformanceRead, text_tables


def read_performance_text(pages: Sequence[PageText]) -> PerformanceRead:
    """Read the performance forms of a text."""
    return text_tables(pages)

"""Intervals of figures: quotients rounded outwards, spans read as text."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.checks import PLAIN, SCALE, Span, between, percentage, span_of, span_of_text

spans = st.builds(
    Span, st.integers(-(10**14), 10**14), st.one_of(st.just(0), st.integers(0, 10**14))
)


@settings(max_examples=300, deadline=None)
@given(part=spans, whole=spans)
def test_a_percentage_holds_every_quotient_and_no_more(part: Span, whole: Span) -> None:
    found = percentage(part, whole)
    if whole.low <= 0 <= whole.high:
        assert found is None
        return
    quotients = [
        Fraction(a * 100 * SCALE, b) for a in (part.low, part.high) for b in (whole.low, whole.high)
    ]
    expected = between(math.floor(min(quotients)), math.ceil(max(quotients)))
    assert found == expected or found is None  # None beyond 64 bits
    if max(abs(q) for q in quotients) < 10**18:
        assert found is not None


plain = st.from_regex(PLAIN, fullmatch=True)


@settings(max_examples=300, deadline=None)
@given(text=plain, unit=st.sampled_from(["万元", "元", "亿元", "%"]), more=st.integers(0, 3))
def test_text_says_what_the_decimal_says(text: str, unit: str, more: int) -> None:
    shown = len(text.partition(".")[2])
    assert span_of_text(text, shown, shown + more, unit) == span_of(
        Decimal(text), shown + more, unit
    )

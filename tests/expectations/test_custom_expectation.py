"""The custom expectation itself: intervals, zeros, NULL, exceptions."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, create_engine

from expectations.custom import (
    ExpectLinearIdentityWithinRounding,
    Parts,
    Relation,
    numbers,
    violated,
)
from expectations.validating import _outcome, new_context

HALF = 500_000  # of 0.01 万元, in ticks
COLUMNS = ["s", "s~half", "a", "b", "a~ahalf", "b~ahalf"]


def frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows of (stated, a, b) in units of 0.01 万元; halves as the marts make them."""
    table = []
    for stated, a, b in rows:
        halves = [None if v is None else (HALF if v else 0) for v in (a, b)]
        ticks = [None if v is None else v * 10**6 for v in (stated, a, b)]
        table.append([ticks[0], HALF, *ticks[1:], *halves])
    data = pd.DataFrame(table, columns=COLUMNS).astype("Int64")
    data.insert(0, "disclosure_id", [f"d{n}" for n in range(len(data))])
    return data


CASES = [
    # stated, a, b, equal holds, at most holds
    (300, 100, 200, True, True),
    (301, 100, 200, True, True),  # 0.01 apart, three figures may hide 0.015
    (302, 100, 200, False, True),
    (299, 100, 200, True, True),
    (298, 100, 200, False, False),
    (101, 100, 0, True, True),  # the zero hides nothing: two figures, 0.01, closed interval
    (102, 100, 0, False, True),
    (0, 1, 0, True, True),
    (0, 2, 0, False, False),
    (0, 0, 0, True, True),
    (-300, -100, -200, True, True),
    (None, 100, 200, True, True),  # not judged
    (300, None, 999, True, True),
    (1, None, None, True, True),
]


@pytest.mark.filterwarnings("ignore::great_expectations.datasource.fluent.GxDatasourceWarning")
@pytest.mark.parametrize("engine", ["pandas", "sqlite"])
@pytest.mark.parametrize("relation", ["equal", "at_most"])
def test_closed_intervals_and_nulls(engine: str, relation: Relation, tmp_path: Path) -> None:
    data = frame([case[:3] for case in CASES])
    context = new_context()
    if engine == "pandas":
        asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
        batch = asset.add_batch_definition_whole_dataframe("b").get_batch(
            batch_parameters={"dataframe": data}
        )
    else:
        url = f"sqlite:///{tmp_path / 'w.db'}"
        database = create_engine(url)
        data.to_sql("t", database, index=False, dtype={c: BigInteger() for c in COLUMNS})
        database.dispose()
        asset = context.data_sources.add_sql("s", connection_string=url).add_table_asset("a", "t")
        batch = asset.add_batch_definition_whole_table("b").get_batch()
    result = batch.validate(
        ExpectLinearIdentityWithinRounding(
            column_list=COLUMNS, plus=2, minus=0, relation=relation, named_by="disclosure_id"
        ),
        result_format="COMPLETE",
    )
    unexpected = set(result.result["unexpected_index_list"])
    position = 3 if relation == "equal" else 4
    assert unexpected == {f"d{n}" for n, case in enumerate(CASES) if not case[position]}


figures = st.integers(min_value=-(10**6), max_value=10**6)


@settings(max_examples=200, deadline=None)
@given(stated=figures, a=figures, b=figures)
def test_integers_say_what_decimals_say(stated: int, a: int, b: int) -> None:
    data = frame([(stated, a, b)])
    parts = Parts.unpack(COLUMNS, 2, 0)
    difference, tolerance, known = numbers(data, parts)
    assert bool(known[0])
    apart = abs(Decimal(stated) / 100 - Decimal(a) / 100 - Decimal(b) / 100)
    allowed = Decimal("0.005") * (1 + (a != 0) + (b != 0))
    assert bool(violated(difference, tolerance, "equal")[0]) == (apart > allowed)


def test_parts_survive_packing() -> None:
    parts = Parts("s", "h", ["a", "b"], ["c"], ["x", "y", "z"], ["m"])
    assert Parts.unpack(parts.columns, 2, 1) == parts


def test_an_exception_is_not_a_failure() -> None:
    """Great Expectations reports an exception with success False, as it does a violation."""
    asset = new_context().data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch(
        batch_parameters={"dataframe": frame([(3, 1, 2)])}
    )
    suite = gx.ExpectationSuite(
        name="s",
        expectations=[
            ExpectLinearIdentityWithinRounding(
                column_list=["no such column", *COLUMNS[1:]],
                plus=2,
                minus=0,
                named_by="disclosure_id",
                meta={"key": "x"},
            )
        ],
    )
    result = batch.validate(suite, result_format="COMPLETE")
    assert not result.success
    outcome = _outcome(result.results[0])
    assert outcome.unexpected == []
    assert outcome.exception
    assert "no such column" in outcome.exception

"""Great Expectations on one mart: it says which rows violate which identity."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.datasource.fluent.interfaces import GxDatasourceWarning
from sqlalchemy import Engine

from expectations.catalogue import CheckedInstance, Instance, Suite
from expectations.checked import expectation_of
from expectations.custom import ROW, ExpectAnswerYes, ExpectLinearIdentityWithinRounding
from warehouse.marts import Mart


@dataclass(frozen=True)
class Outcome:
    """What Great Expectations said of one expectation."""

    unexpected: list[int]
    exception: str | None = None


def new_context() -> Any:
    """A context in memory. There is one per process: the last one that was made."""
    # No usage statistics, no progress bars: this runs unattended, on machines without Internet.
    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )


@contextmanager
def quiet() -> Iterator[None]:
    """GX warns of wide column lists and of a generic SQL source, which is what keeps the driver of
    PostgreSQL ours to choose."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GxDatasourceWarning)
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def no_cycles() -> Iterator[None]:
    """No search for cycles meanwhile: among millions of rows and findings that hold none it would
    take a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            # Whatever is left goes to the oldest generation without being looked at: the search
            # would otherwise begin with all of it.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def validate(
    context: Any,
    suite: Suite,
    mart: Mart,
    instances: Sequence[Instance | CheckedInstance],
    sql_engine: Engine | None,
    mart_prefix: str,
) -> tuple[dict[str, Outcome], bool]:
    """Run one suite on one mart. Outcomes by instance key, and GX's own success."""
    name = f"{suite.name}.{mart.name}"
    if sql_engine is None:
        source = context.data_sources.add_pandas(name)
        asset = source.add_dataframe_asset(name)
        definition = asset.add_batch_definition_whole_dataframe(name)
        # Named after the column of the SQL mart, so that both engines list violations alike;
        # without the names of rows, because Great Expectations hashes all that it is given.
        figures = mart.frame.drop(columns=list(mart.keys))
        numbered = figures.set_index(pd.RangeIndex(len(figures), name=ROW))
        batch = definition.get_batch(batch_parameters={"dataframe": numbered})
    else:
        numbers_of_rows = pd.Series(np.arange(len(mart.frame)), dtype="Int64")
        numbered = mart.frame.assign(**{ROW: numbers_of_rows})
        table = Mart(
            f"{suite.name}_{mart.name}", mart.keys, numbered, mart.disclosure, mart.gaps
        ).write(sql_engine, prefix=mart_prefix)
        url = sql_engine.url.render_as_string(hide_password=False)
        source = context.data_sources.add_sql(name, connection_string=url)
        asset = source.add_table_asset(name, table_name=table.name)
        batch = asset.add_batch_definition_whole_table(name).get_batch()
    expectations = [_expectation(instance) for instance in instances]
    result = batch.validate(
        gx.ExpectationSuite(name=name, expectations=expectations),
        result_format="COMPLETE",
    )
    if sql_engine is not None:
        source.get_engine().dispose()
    outcomes: dict[str, Outcome] = {}
    for one in result.results:
        key = str(one.expectation_config.meta["key"])
        outcomes[key] = _outcome(one)
    for instance in instances:
        outcomes.setdefault(instance.key, Outcome([], "no result"))
    return outcomes, bool(result.success)


def _expectation(instance: Instance | CheckedInstance) -> Any:
    if isinstance(instance, CheckedInstance):
        return expectation_of(instance)
    if instance.question is not None:
        return ExpectAnswerYes.of(instance)
    return ExpectLinearIdentityWithinRounding.of(instance)


def _outcome(result: Any) -> Outcome:
    raised = _raised(result.exception_info)
    if raised:
        return Outcome([], raised)
    return Outcome([int(row) for row in result.result["unexpected_index_list"]])


def _raised(info: Any) -> str | None:
    """GX reports an exception as a failure; it comes flat, or once per metric."""
    if not isinstance(info, Mapping):
        return None
    if "raised_exception" in info:
        return (
            str(info.get("exception_message") or "exception") if info["raised_exception"] else None
        )
    messages = [m for m in (_raised(entry) for entry in info.values()) if m]
    return "; ".join(messages) or None

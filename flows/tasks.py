"""Prefect tasks that the flows share. A task is a chunk of documents or a batch of disclosures,
never a page, because calling one costs milliseconds; tasks hand over hashes, not frames."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.concurrency.sync import concurrency
from prefect.runtime import deployment

from flows import artifacts, steps
from flows.progress import advance
from warehouse import load


@contextmanager
def limited(limit: str) -> Iterator[None]:
    """A slot of a global concurrency limit. Only deployments have limits (``juesuan deploy``
    makes them); a run from the command line is alone."""
    if deployment.id is None:
        yield
        return
    with concurrency(limit, occupy=1):
        yield


@task(
    name="read-chunk",
    task_run_name="read {done}-{total}",
    retries=1,
    retry_delay_seconds=5,
    cache_policy=NO_CACHE,
)
def read_chunk(run_id: str, sha256s: Sequence[str], done: int, total: int) -> dict[str, int]:
    """Read a chunk of archived documents; counts by what they turned out to be."""
    work = steps.workspace()
    documents = load.stored_documents(work.engine, sha256s=sha256s)
    kinds: dict[str, int] = {}
    for reading in steps.read_documents(work, run_id, documents, done=done, total=total):
        kinds[reading.kind.value] = kinds.get(reading.kind.value, 0) + 1
    return kinds


@task(name="judge-batch", retries=1, retry_delay_seconds=5, cache_policy=NO_CACHE)
def judge_batch(run_id: str, versions: Mapping[str, str], batch_name: str) -> int:
    """Validate one batch of disclosures; how many were judged."""
    return len(steps.judge(steps.workspace(), run_id, versions, batch_name).judgements)


@task(name="publish-data-docs", retries=1, retry_delay_seconds=5, cache_policy=NO_CACHE)
def publish_data_docs() -> str:
    """Render the data docs and swap them in; the path of the index page."""
    with limited("juesuan-publish"):
        return str(steps.publish(steps.workspace()))


def read_all(run: steps.Run, documents: Sequence[load.StoredDocument]) -> None:
    """Read documents chunk by chunk; each chunk's workers already fill the processors."""
    work = steps.workspace()
    kinds: dict[str, int] = {}
    done = 0
    with steps.warm_readers(work, len(documents)):
        for chunk in steps.chunks(documents, work.settings.chunk):
            counted = read_chunk(run.run_id, [d.sha256 for d in chunk], done, len(documents))
            for kind, count in counted.items():
                kinds[kind] = kinds.get(kind, 0) + count
            done += len(chunk)
    run.summary |= {"documents_read": done, "kinds": kinds}


def judge_all(run: steps.Run, versions: Mapping[str, str]) -> None:
    """Judge disclosures (id to version) in batches."""
    work = steps.workspace()
    batches = steps.judging_batches(work, run.run_id, versions)
    done = 0
    with steps.judges(work, batches):
        for name, batch in batches.items():
            done += judge_batch(run.run_id, batch, name)
            advance("校验", done, len(versions), "")
    run.summary["disclosures_judged"] = done


def assemble_and_judge(run: steps.Run, sites: Collection[str]) -> None:
    """Make disclosures of what is published and judge those without a verdict."""
    work = steps.workspace()
    disclosures = steps.assemble_sites(work, run.run_id, sites)
    run.summary["disclosures"] = len(disclosures)
    judge_all(run, load.unjudged_disclosures(work.engine, work.catalogue.version, sites=sites))


def publish_run(
    run: steps.Run,
    kind: str,
    *,
    disclosure_ids: Collection[str] | None = None,
    sites: Collection[str] | None = None,
) -> None:
    """Publish the data docs and leave the run's artifacts.

    The run is closed first, so that the data docs show it as it ended; should publishing fail,
    whoever opened it marks it as failed.
    """
    work = steps.workspace()
    summaries = steps.overview(work, disclosure_ids=disclosure_ids, sites=sites)
    run.summary |= {
        "run_id": run.run_id,
        "errors": sum(summary.errors for summary in summaries),
        "warnings": sum(summary.warnings for summary in summaries),
    }
    load.finish_run(work.engine, run.run_id, state="completed", summary=run.summary)
    index = publish_data_docs()
    run.summary["data_docs"] = index
    artifacts.publish_artifacts(kind, run.summary, summaries, Path(index))

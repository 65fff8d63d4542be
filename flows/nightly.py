"""The nightly job: crawl, read, check, score, publish. Scheduled by ``prefect.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows import steps, tasks
from flows.parameters import NightlyRequest

#: Sites crawled at once: each waits for its own host most of the time.
SITES_AT_ONCE = 8

# A pool's futures are futures, but Prefect's type parameter is invariant.
_SITES_SIDE_BY_SIDE = cast(
    "TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner[Any](max_workers=SITES_AT_ONCE)
)


class CrawlFailed(Exception):
    """A crawl that does not count: unreachable, blocked, or below the site's ``min``."""


class SiteLeftAlone(CrawlFailed):
    """A crawl that ended because the site is not to be asked again tonight."""


def _may_be_tried_again(task: Any, run: Any, state: State[Any]) -> bool:
    return not isinstance(state.data, SiteLeftAlone)


# Idempotency comes from content-addressed files and upserts, so no result is cached.
@task(
    name="crawl-site",
    task_run_name="crawl {site_key}",
    retries=1,
    retry_delay_seconds=60,
    retry_condition_fn=_may_be_tried_again,
    cache_policy=NO_CACHE,
)
def crawl_site_task(run_id: str, site_key: str, since: date | None) -> steps.SiteOutcome:
    """One site. Its requests are recorded whatever becomes of it.

    Raises:
        CrawlFailed: the crawl does not count, so that Prefect tries again and shows it.
    """
    with tasks.limited("juesuan-crawl"):
        outcome = steps.crawl(steps.workspace(), run_id, site_key, since)
    if outcome.failed and outcome.resume_at is None:
        reason = f"{site_key}: {outcome.failed}"
        raise SiteLeftAlone(reason) if outcome.leave_alone else CrawlFailed(reason)
    return outcome


def crawl_sites(
    run: steps.Run, sites: Sequence[str], since: date | None
) -> tuple[list[steps.SiteOutcome], dict[str, str]]:
    """Crawl all sites side by side; one that fails does not hold up the others.

    Sites that were in their quiet hours are crawled after the others, if those hours are over
    then; otherwise the next run finds them.
    """
    outcomes: list[steps.SiteOutcome] = []
    failed: dict[str, str] = {}
    waiting: dict[str, datetime] = {}
    due: Sequence[str] = sites
    while due:
        futures = {key: crawl_site_task.submit(run.run_id, key, since) for key in due}
        for key, future in futures.items():
            waiting.pop(key, None)
            result = future.result(raise_on_failure=False)
            if not isinstance(result, steps.SiteOutcome):
                failed[key] = str(result)
                continue
            outcomes.append(result)
            if result.resume_at is not None:
                waiting[key] = result.resume_at
                failed[key] = f"{key}: {result.failed}"
            else:
                failed.pop(key, None)
        due = [key for key, resume_at in waiting.items() if resume_at <= datetime.now(UTC)]
    return outcomes, failed


@flow(
    name="nightly",
    description="每晚任务：抓取、读取、校验、评分并发布。",
    task_runner=_SITES_SIDE_BY_SIDE,
)
def nightly(request: NightlyRequest = NightlyRequest()) -> dict[str, Any]:  # noqa: B008
    """Crawl the sites, then read, judge and publish whatever is not done yet.

    What an interrupted night left undone is taken up here: every stage asks the warehouse what
    is missing. Returns the run's summary.
    """
    work = steps.workspace()
    parameters = request.model_dump(mode="json")
    with steps.recorded_run(work, "nightly", parameters, flow_run_id=flow_run.id) as run:
        if journals_left := steps.take_up_journals(work):
            run.summary["journals_left"] = journals_left
        sites = steps.chosen_sites(work, request.sites)
        outcomes, failed = crawl_sites(run, sites, request.since_date)
        run.summary |= {
            "sites": len(sites),
            "sites_failed": len(failed),
            "failed_sites": failed,
            "requests": sum(sum(o.outcomes.values()) for o in outcomes),
            "documents": sum(o.documents for o in outcomes),
            "documents_fetched": sum(o.documents_fetched for o in outcomes),
            "documents_withdrawn": sum(o.withdrawn for o in outcomes),
            "sites_in_part": {o.site: o.partial for o in outcomes if o.partial},
        }
        tasks.read_all(run, steps.unread(work, sites))
        tasks.assemble_and_judge(run, sites)
        tasks.publish_run(run, "nightly", sites=sites)
    return run.summary

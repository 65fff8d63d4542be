"""On-demand reruns of one document, one site or one year, from the command line or the UI."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows import steps, tasks
from flows.parameters import RerunRequest, RerunScope, RerunStage
from warehouse import load


class NothingToRerun(Exception):
    """The request names nothing that the warehouse has."""


@flow(name="rerun", description="按文件、站点或年度重跑，可从读取、校验或发布开始。")
def rerun(request: RerunRequest) -> dict[str, Any]:
    """Do the named part again from a stage on. Returns the run's summary.

    Raises:
        NothingToRerun, UnknownDocument: see :func:`chosen`.
    """
    work = steps.workspace()
    parameters = request.model_dump(mode="json")
    with steps.recorded_run(work, "rerun", parameters, flow_run_id=flow_run.id) as run:
        selection, documents = chosen(request)
        run.summary["documents"] = len(documents)
        sites = load.sites_of(work.engine, [document.sha256 for document in documents])
        if request.start_from is RerunStage.READ:
            tasks.read_all(run, documents)
            run.summary["disclosures"] = len(steps.assemble_sites(work, run.run_id, sites))
        versions = load.current_disclosures(work.engine, **selection)
        if request.start_from is RerunStage.READ:
            # What was read anew also stands beside others: last year's, or a department's.
            versions |= load.overtaken_disclosures(work.engine, work.catalogue.version, sites=sites)
        if request.start_from is not RerunStage.PUBLISH:
            tasks.judge_all(run, versions)
        tasks.publish_run(run, "rerun", disclosure_ids=list(versions), sites=sites)
    return run.summary


def chosen(request: RerunRequest) -> tuple[dict[str, Any], list[load.StoredDocument]]:
    """How the warehouse is asked for what a request names, and the documents of it.

    Raises:
        NothingToRerun: no archived document fits the request.
        UnknownDocument: the beginning of a hash is that of none, or of several.
    """
    work = steps.workspace()
    named: str | int
    selection: dict[str, Any]
    if request.scope is RerunScope.DOCUMENT:
        named = steps.full_hash(work, request.document)
        selection = {"sha256s": [named]}
    elif request.scope is RerunScope.SITE:
        named = request.site.strip()
        selection = {"sites": [named]}
    else:
        named = request.year
        selection = {"years": [named]}
    documents = load.stored_documents(work.engine, **selection)
    if not documents:
        raise NothingToRerun(f"no archived document fits {request.scope.value} {named}")
    return selection, documents

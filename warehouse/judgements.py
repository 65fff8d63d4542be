"""Which disclosures are to be judged, and loading the verdicts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, or_, select

from disclosures.verdicts import Cause, Finding, Judgement, ValidationSummary
from warehouse.database import transaction
from warehouse.rows import in_ticks, insert_rows, json_safe, key_of, plain, upsert
from warehouse.runs import run_versions
from warehouse.schema import (
    CoreCause,
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFinding,
    CoreJudgement,
    OutValidation,
    RawDocument,
)


def unjudged_disclosures(
    engine: Engine, ruleset: str, *, sites: Collection[str] | None = None
) -> dict[str, str]:
    """Current disclosures (id to version) that this rule set has not judged in this version, or
    not beside the neighbours that they have now."""
    judged = (
        select(CoreJudgement.disclosure_id)
        .where(
            CoreJudgement.disclosure_id == CoreDisclosure.disclosure_id,
            CoreJudgement.version == CoreDisclosure.version,
            CoreJudgement.ruleset == ruleset,
            CoreJudgement.context == CoreDisclosure.context,
        )
        .exists()
    )
    query = _versions().where(~judged)
    if sites is not None:
        query = query.where(CoreDisclosure.site.in_(list(sites)))
    return _versions_of(engine, query)


def overtaken_disclosures(
    engine: Engine, ruleset: str, *, sites: Collection[str]
) -> dict[str, str]:
    """Current disclosures (id to version) of some sites that this rule set has judged in this
    version, but beside other neighbours than they have now."""
    judged = (
        select(CoreJudgement.disclosure_id)
        .where(
            CoreJudgement.disclosure_id == CoreDisclosure.disclosure_id,
            CoreJudgement.version == CoreDisclosure.version,
            CoreJudgement.ruleset == ruleset,
        )
        .exists()
    )
    waiting = unjudged_disclosures(engine, ruleset, sites=sites)
    query = _versions().where(judged, CoreDisclosure.site.in_(list(sites)))
    return {one: version for one, version in _versions_of(engine, query).items() if one in waiting}


def current_disclosures(
    engine: Engine,
    *,
    sha256s: Collection[str] | None = None,
    sites: Collection[str] | None = None,
    years: Collection[int] | None = None,
) -> dict[str, str]:
    """Current disclosures (id to version) by document, site and year, to be judged again."""
    query = _versions()
    if sha256s is not None:
        part = (
            select(CoreDisclosureDocument.disclosure_id)
            .where(
                CoreDisclosureDocument.disclosure_id == CoreDisclosure.disclosure_id,
                CoreDisclosureDocument.sha256.in_(
                    select(RawDocument.sha256).where(
                        or_(
                            RawDocument.sha256.in_(list(sha256s)),
                            RawDocument.part_of.in_(list(sha256s)),
                        )
                    )
                ),
            )
            .exists()
        )
        query = query.where(part)
    if sites is not None:
        query = query.where(CoreDisclosure.site.in_(list(sites)))
    if years is not None:
        query = query.where(CoreDisclosure.year.in_(list(years)))
    return _versions_of(engine, query)


def _versions() -> Select[str, str]:
    return (
        select(CoreDisclosure.disclosure_id, CoreDisclosure.version)
        .where(CoreDisclosure.current)
        .order_by(CoreDisclosure.disclosure_id)
    )


def _versions_of(engine: Engine, query: Select[str, str]) -> dict[str, str]:
    with engine.connect() as connection:
        return {row.disclosure_id: row.version for row in connection.execute(query)}


def save_judgements(
    engine: Engine,
    run_id: str,
    judgements: Iterable[Judgement],
    validations: Iterable[ValidationSummary],
    versions: Mapping[str, str],
) -> int:
    """Save judgements with their findings, and the validations of this run; return how many
    judgements changed something.

    ``versions`` says which version of each disclosure was judged. A judgement that says the same
    as the one that is there changes no row.
    """
    now = datetime.now(UTC)
    changed = 0
    with transaction(engine) as connection:
        ruleset, _ = run_versions(connection, run_id)
        for judgement in sorted(judgements, key=lambda j: j.disclosure_id):
            version = versions[judgement.disclosure_id]
            changed += _save_judgement(connection, run_id, judgement, version, now)
        upsert(
            connection,
            OutValidation,
            [
                {
                    "run_id": run_id,
                    "suite": validation.suite,
                    "batch": validation.batch,
                    "ruleset": ruleset,
                    "validated_at": now,
                    "success": validation.success,
                    "rows": validation.rows,
                    "results": json_safe(validation.results),
                }
                for validation in validations
            ],
        )
    return changed


def _save_judgement(
    connection: Connection, run_id: str, judgement: Judgement, version: str, now: datetime
) -> bool:
    key = {
        "disclosure_id": judgement.disclosure_id,
        "version": version,
        "ruleset": judgement.ruleset,
        "context": judgement.context,
    }
    capped = judgement.capped
    row: dict[str, Any] = {
        "score": None if judgement.score is None else _two_decimals(judgement.score),
        "grade": judgement.grade,
        "capped": capped
        and {
            "earned": capped.earned,
            "caps": [{"best_grade": best, "reason": why} for best, why in capped.caps],
        },
        "dimensions": json_safe(judgement.dimensions),
        "coverage": _two_decimals(judgement.coverage),
        "checks": json_safe(judgement.checks),
    }
    findings = _finding_rows(judgement.findings)
    causes = [_cause_row(cause) for cause in judgement.causes]
    digest = key_of(
        json.dumps([row, findings, causes], ensure_ascii=True, sort_keys=True, default=plain)
    )
    stored = connection.scalar(
        select(CoreJudgement.digest).where(
            CoreJudgement.disclosure_id == judgement.disclosure_id,
            CoreJudgement.version == version,
            CoreJudgement.ruleset == judgement.ruleset,
            CoreJudgement.context == judgement.context,
        )
    )
    if stored == digest:
        return False
    # First, because it makes a second process with the same disclosure wait here.
    upsert(
        connection,
        CoreJudgement,
        [{**key, **row, "digest": digest, "judged_at": now, "run_id": run_id}],
    )
    for model, rows in ((CoreFinding, findings), (CoreCause, causes)):
        connection.execute(
            delete(model).where(
                model.disclosure_id == judgement.disclosure_id,
                model.version == version,
                model.ruleset == judgement.ruleset,
                model.context == judgement.context,
            )
        )
        insert_rows(connection, model, [{**key, **one, "run_id": run_id} for one in rows])
    return True


def _cause_row(cause: Cause) -> dict[str, Any]:
    return {
        "ordinal": cause.ordinal,
        "option": cause.option,
        "sureness": cause.sureness.value,
        "state": cause.state.value,
        "message": cause.message,
        "suspects": json_safe([asdict(suspect) for suspect in cause.suspects]),
        "explains": [list(one) for one in cause.explains],
    }


def _finding_rows(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for finding in findings:
        row: dict[str, Any] = {
            "rule": finding.rule,
            "severity": finding.severity.value,
            "state": finding.state.value,
            "form": finding.form,
            "stated_wan": in_ticks(finding.stated_wan),
            "computed_wan": in_ticks(finding.computed_wan),
            "difference_wan": in_ticks(finding.difference_wan),
            "tolerance_wan": in_ticks(finding.tolerance_wan),
            "message": finding.message,
            "innocent": finding.innocent,
            "sha256": finding.sha256,
            "page": finding.page,
            "quote": finding.quote,
            "operands": json_safe([asdict(operand) for operand in finding.operands]),
            "cause": finding.cause,
        }
        subject, again = finding.subject, 1
        while (finding.rule, subject) in rows:
            known = rows[finding.rule, subject]
            if {**known, "subject": ""} == {**row, "subject": ""}:
                break
            again += 1
            subject = f"{finding.subject} #{again}"
        rows[finding.rule, subject] = {**row, "subject": subject}
    return list(rows.values())


def _two_decimals(percentage: Decimal) -> str:
    """Rounded down: 99.999 never becomes a false 100."""
    return plain(percentage.quantize(Decimal("0.01"), ROUND_DOWN))

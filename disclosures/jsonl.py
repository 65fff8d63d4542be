"""The files that ``juesuan check --out DIR`` writes: JSON lines, one record per line, UTF-8.

Amounts are decimal strings in plain notation, exact as read; null stands for blank, unreadable or
absent. The records of a file that lies in several places are written once for each place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from disclosures.assembly import Disclosure
from disclosures.model import Reading
from disclosures.verdicts import Finding, Judgement

Record = dict[str, object]


@dataclass(frozen=True)
class Check:
    """What a check has to write: the files as named by the caller with their readings, the
    disclosures that they make, and the judgements by disclosure id."""

    readings: Sequence[tuple[str, Reading]]
    disclosures: Sequence[Disclosure] = ()
    judgements: Mapping[str, Judgement] = field(default_factory=dict)

    def files_of(self, sha256: str) -> list[str]:
        """Every name under which a document was given, in that order."""
        return [file for file, reading in self.readings if reading.sha256 == sha256]


def write_check(out: Path, check: Check) -> list[Path]:
    """Write all files into ``out`` (made if missing) and return their paths.

    Each file appears whole or not at all, over an older one.

    Raises:
        OSError: the folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    return [
        _write(out / f"{name}.jsonl", records(check))
        for name, records in {
            "documents": document_records,
            "facts": fact_records,
            "statements": statement_records,
            "performance": performance_records,
            "findings": finding_records,
            "scores": score_records,
        }.items()
    ]


def document_records(check: Check) -> Iterator[Record]:
    """One record per file, or per disclosure where a file holds several: those after the first
    have a key instead of the file's hash (:func:`disclosures.model.part_key`), and the reason
    tells. What a document leaves open about department and year, the disclosure that it belongs
    to fills in."""
    owners = {
        part.sha256: disclosure for disclosure in check.disclosures for part in disclosure.documents
    }
    for file, reading in check.readings:
        owner = owners.get(reading.sha256)
        year = reading.year
        agency = reading.agency
        if owner is not None:
            year = owner.year if year is None else year
            agency = owner.agency_as_read if agency is None else agency
        yield {
            "file": file,
            "sha256": reading.sha256,
            "media_type": reading.media_type,
            "kind": reading.kind.value,
            "reason": reading.reason,
            "agency": agency,
            "year": year,
            "unit": reading.unit.value if reading.unit else None,
            "pages": reading.pages,
            "forms": list(dict.fromkeys(reading.form_keys)),
        }


def fact_records(check: Check) -> Iterator[Record]:
    """One record per cell, in printed order."""
    for file, reading in check.readings:
        for fact in reading.facts:
            yield {
                "document": reading.sha256,
                "file": file,
                "form": fact.form,
                "side": fact.side.value if fact.side else None,
                "line": fact.line,
                "code": fact.code,
                "name": fact.name,
                "column": fact.column,
                "amount": decimal_text(fact.amount_wan),
                "text": fact.text,
                "decimals": fact.decimals,
                "page": fact.page,
                "bbox": list(fact.bbox) if fact.bbox else None,
                "readers": list(fact.readers),
                "agreed": fact.agreed,
            }


def statement_records(check: Check) -> Iterator[Record]:
    """One record per number of the narrative; ``value`` is in ``unit`` as printed, or the word
    that stands for a number (持平, 无)."""
    for file, reading in check.readings:
        for statement in reading.statements:
            yield {
                "document": reading.sha256,
                "file": file,
                "section": statement.section,
                "subject": statement.subject,
                "measure": statement.measure,
                "value": (
                    statement.direction
                    if statement.value is None
                    else decimal_text(statement.value)
                ),
                "unit": statement.unit,
                "quote": statement.quote,
                "page": statement.page,
            }


def performance_records(check: Check) -> Iterator[Record]:
    """One record per figure of a performance self-evaluation form."""
    for file, reading in check.readings:
        for figure in reading.performance:
            yield {
                "document": reading.sha256,
                "file": file,
                "table": figure.table,
                "project": figure.project,
                "indicator": figure.indicator,
                "measure": figure.measure,
                "value": decimal_text(figure.value),
                "unit": figure.unit,
                "text": figure.text,
                "page": figure.page,
            }


def finding_records(check: Check) -> Iterator[Record]:
    """One record per finding, under the document where the stated figure stands, else under the
    main document of its disclosure."""
    for disclosure in check.disclosures:
        judgement = check.judgements.get(disclosure.disclosure_id)
        for finding in judgement.findings if judgement else ():
            document = finding.sha256
            if document is None or not check.files_of(document):
                document = disclosure.main.sha256
            for file in check.files_of(document):
                yield {
                    "document": document,
                    "file": file,
                    "rule": finding.rule,
                    "severity": finding.severity.value,
                    "state": finding.state.value,
                    "form": finding.form,
                    "subject": finding.subject,
                    "stated": decimal_text(finding.stated_wan),
                    "computed": decimal_text(finding.computed_wan),
                    "difference": decimal_text(finding.difference_wan),
                    "tolerance": decimal_text(finding.tolerance_wan),
                    "message": finding.message,
                    "innocent": finding.innocent,
                    "page": finding.page,
                    "quote": finding.quote,
                    "cause": _cause(judgement, finding) if judgement else None,
                }


def _cause(judgement: Judgement, finding: Finding) -> Record | None:
    """The figure that is most likely wrong behind a finding, what would repair it, and how many
    others would do as well."""
    cause = next((c for c in judgement.causes if c.ordinal == finding.cause), None)
    if cause is None:
        return None
    first = cause.suspects[0]
    return {
        "ordinal": cause.ordinal,
        "sureness": cause.sureness.value,
        "state": cause.state.value,
        "form": first.operand.form,
        "side": first.operand.side,
        "row": first.operand.row,
        "column": first.operand.column,
        "printed": decimal_text(first.operand.amount_wan),
        "repair": decimal_text(first.repair_wan),
        "reasons": list(first.reasons),
        "others": len(cause.suspects) - 1,
        "explains": len(cause.explains),
    }


def score_records(check: Check) -> Iterator[Record]:
    """One record per judged disclosure, under its main document."""
    for disclosure in check.disclosures:
        judgement = check.judgements.get(disclosure.disclosure_id)
        if judgement is None:
            continue
        for file in check.files_of(disclosure.main.sha256):
            yield {
                "document": disclosure.main.sha256,
                "file": file,
                "score": decimal_text(judgement.score),
                "grade": judgement.grade,
                "dimensions": {
                    str(name): dict(values) for name, values in judgement.dimensions.items()
                },
                "coverage": decimal_text(judgement.coverage),
                "ruleset": judgement.ruleset,
            }


def decimal_text(number: Decimal | None) -> str | None:
    """Plain notation (never an exponent, never a negative zero); None stays None."""
    if number is None or not number.is_finite():
        return None
    return format(number if number else abs(number), "f")


def _write(path: Path, records: Iterable[Record]) -> Path:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8", errors="replace", newline="\n") as stream:
            for record in records:
                json.dump(record, stream, ensure_ascii=False, default=_as_text)
                stream.write("\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _as_text(value: object) -> object:
    return decimal_text(value) if isinstance(value, Decimal) else str(value)

"""Loading the warehouse. Everything here can be done twice: what is the same changes no row.

Each function is one transaction per document or per call, so a process that is killed leaves
whole rows only, and ``unread_documents`` and ``unjudged_disclosures`` say what is left to do.
``run_id`` on a row names the run that last changed it. Each stage has a module; this one gathers
what flows ask of them.
"""

from __future__ import annotations

from warehouse.assembling import documents_to_assemble, save_disclosures
from warehouse.documents import (
    Archived,
    LocalDocument,
    StoredDocument,
    documents_of_disclosures,
    note_damage,
    save_fetches,
    save_local_documents,
    sites_of,
    stored_documents,
    unread_documents,
)
from warehouse.judgements import (
    current_disclosures,
    overtaken_disclosures,
    save_judgements,
    unjudged_disclosures,
)
from warehouse.readings import save_readings
from warehouse.runs import UnknownRun, finish_run, start_run

__all__ = [
    "Archived",
    "LocalDocument",
    "StoredDocument",
    "UnknownRun",
    "current_disclosures",
    "documents_of_disclosures",
    "documents_to_assemble",
    "finish_run",
    "note_damage",
    "overtaken_disclosures",
    "save_disclosures",
    "save_fetches",
    "save_judgements",
    "save_local_documents",
    "save_readings",
    "sites_of",
    "start_run",
    "stored_documents",
    "unjudged_disclosures",
    "unread_documents",
]

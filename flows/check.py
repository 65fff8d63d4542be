"""The check of local files as a flow, for operators who start it on a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from flows import steps
from flows.local import check_paths


class CheckRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        title="本地校验",
        json_schema_extra={"description": "路径以工作机为准。"},
    )

    paths: list[str] = Field(title="文件或文件夹", min_length=1)
    out: str = Field(title="结果目录")


@flow(name="check", description="校验工作机上的本地文件或文件夹。")
def check(request: CheckRequest) -> dict[str, Any]:
    """Check files of the worker's machine; counts of documents, disclosures and errors."""
    outcome = check_paths(
        [Path(path) for path in request.paths],
        steps.workspace().settings,
        out=Path(request.out),
    )
    return {
        "documents": len(outcome.check.readings),
        "disclosures": len(outcome.check.disclosures),
        "errors": outcome.errors,
        "data_docs": str(outcome.index),
    }

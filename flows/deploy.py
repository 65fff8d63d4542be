"""Registering the deployments: what ``prefect.yaml`` cannot declare, then ``prefect deploy``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists

WORK_POOL: Final = "juesuan"

#: Global concurrency limits, which Prefect has no declaration for. Publishing swaps one folder,
#: and crawling is bound by politeness and the network rather than by processors.
LIMITS: Final = {"juesuan-crawl": 8, "juesuan-publish": 1}


class DeployError(Exception):
    """The deployments could not be registered; the message says what to do."""


def prepare_server() -> None:
    """Create the process work pool and the concurrency limits on the configured server.

    Raises:
        DeployError: it does not answer.
    """
    with get_client(sync_client=True) as client:
        if (error := client.api_healthcheck()) is not None:
            raise DeployError(
                f"no Prefect server answers at {client.api_url} ({error}); "
                "start one with: prefect server start"
            )
        try:
            client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process"))
        except ObjectAlreadyExists:
            client.update_work_pool(WORK_POOL, WorkPoolUpdate(is_paused=False))
        for name, limit in LIMITS.items():
            client.upsert_global_concurrency_limit_by_name(name, limit)


def deploy(checkout: Path, names: list[str]) -> None:
    """Register the named deployments, or all of them where none is named.

    Raises:
        DeployError: no ``prefect.yaml`` here, no server, or Prefect refused.
    """
    if not (checkout / "prefect.yaml").is_file():
        raise DeployError(f"no prefect.yaml in {checkout}; run this in a checkout of juesuan")
    prepare_server()
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy"]
    command += [part for name in names for part in ("--name", name)] if names else ["--all"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeployError(f"prefect deploy failed:\n{done.stdout}{done.stderr}")

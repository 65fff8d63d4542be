"""The deployments on a real Prefect server with a real worker, through the API and the UI."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, func, select

from connectors.replica.server import ReplicaPortal, serve
from warehouse import queries
from warehouse.database import open_engine
from warehouse.schema import OutValidation, RawDocument, RawRun

pytestmark = [pytest.mark.server, pytest.mark.timeout(1800)]

ROOT = Path(__file__).resolve().parents[2]
FINAL_STATES = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class Service:
    """A running server with its worker, seen from outside."""

    base_url: str
    api: httpx.Client
    environment: dict[str, str]
    data: Path
    engine: Engine
    portal: ReplicaPortal

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/deployments/name/{name}/{name}").json()
        return found

    def start(self, name: str, parameters: dict[str, Any]) -> str:
        """Ask for a flow run. A server on SQLite answers 503 while its database is being written
        to, and asks to be asked again, as Prefect's own client does."""
        deployment = self.deployment(name)["id"]
        for _ in range(10):
            answer = self.api.post(
                f"/deployments/{deployment}/create_flow_run",
                json={"parameters": parameters, "state": {"type": "SCHEDULED"}},
            )
            if answer.status_code != 503:
                break
            time.sleep(2)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def finished(self, flow_run_id: str, timeout_s: float = 900) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            answer = self.api.get(f"/flow_runs/{flow_run_id}")
            if answer.status_code == 200 and answer.json()["state_type"] in FINAL_STATES:
                run: dict[str, Any] = answer.json()
                return run
            time.sleep(1)
        raise AssertionError(f"flow run {flow_run_id} did not end in {timeout_s} s")

    def recorded(self, flow_run_id: str) -> RawRun:
        from sqlalchemy.orm import Session

        with Session(self.engine) as session:
            row = session.scalars(select(RawRun).where(RawRun.flow_run_id == flow_run_id)).one()
            session.expunge(row)
            return row

    def artifacts(self, flow_run_id: str) -> dict[str, Any]:
        answer = self.api.post(
            "/artifacts/filter",
            json={"artifacts": {"flow_run_id": {"any_": [flow_run_id]}}},
        )
        return {artifact["key"]: artifact["data"] for artifact in answer.json()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[None]:
    """A process group that is ended by its id, with what it started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def _wait_for(url: str, log: Path, timeout_s: float = 300) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise AssertionError(f"{url} did not answer:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("prefect")
    data = folder / "var"
    port = _free_port()
    base_url = f"http://127.0.0.1:{port}"
    python = [sys.executable, "-m"]
    with serve(cache=folder / "replica") as portal:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "JUESUAN_"))},
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_API_URL": f"{base_url}/api",
            "PREFECT_UI_API_URL": f"{base_url}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "DO_NOT_TRACK": "1",
            "JUESUAN_DATA": str(data),
            "JUESUAN_REPLICA": portal.base_url,
        }
        server = [*python, "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        worker = [*python, "prefect", "worker", "start", "--pool", "juesuan", "--type", "process"]
        server_log = folder / "server.log"
        with (
            _process(server, server_log, environment),
            httpx.Client(base_url=f"{base_url}/api", timeout=30) as api,
        ):
            _wait_for(f"{base_url}/api/health", server_log)
            deployed = subprocess.run(
                [*python, "flows.cli", "deploy", "--all"],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert deployed.returncode == 0, deployed.stdout + deployed.stderr
            with _process(worker, folder / "worker.log", environment):
                engine = open_engine(f"sqlite:///{data / 'warehouse.db'}")
                yield Service(base_url, api, environment, data, engine, portal)
                engine.dispose()


@pytest.fixture(scope="module")
def night(service: Service) -> dict[str, Any]:
    """One nightly run on the replica portals, as the schedule would start it."""
    flow_run = service.start("nightly", {"request": {"sites": ["replica_trs", "replica_hanweb"]}})
    ended = service.finished(flow_run)
    log = (service.data.parent / "worker.log").read_text(errors="replace")
    assert ended["state_type"] == "COMPLETED", ended["state"].get("message", "") + log[-3000:]
    return ended


def test_deploy_registers_schedule_pool_and_limits(service: Service) -> None:
    nightly = service.deployment("nightly")
    (schedule,) = nightly["schedules"]
    assert schedule["schedule"]["cron"] == "0 2 * * *"
    assert schedule["schedule"]["timezone"] == "Asia/Shanghai"
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert service.api.get("/work_pools/juesuan").json()["type"] == "process"
    for limit in ("juesuan-crawl", "juesuan-publish"):
        assert service.api.get(f"/v2/concurrency_limits/{limit}").json()["active"]
    schema = service.deployment("rerun")["parameter_openapi_schema"]["definitions"]
    assert schema["RerunScope"]["enum"] == ["单个文件", "站点", "年度"]
    assert schema["RerunStage"]["enum"] == ["重新读取", "重新校验", "重新发布"]


def test_nightly_lands_every_disclosure(service: Service, night: dict[str, Any]) -> None:
    run = service.recorded(night["id"])
    assert run.state == "completed"
    landed = {(d.agency, d.year) for d in queries.disclosure_summaries(service.engine)}
    assert landed == {(d.agency, d.year) for d in service.portal.disclosures()}
    artifacts = service.artifacts(night["id"])
    assert {"nightly-disclosures", "nightly-summary", "nightly-data-docs"} <= artifacts.keys()
    assert len(landed) == len(_rows(artifacts["nightly-disclosures"]))


def test_rerun_of_one_document_through_the_api(service: Service, night: dict[str, Any]) -> None:
    with service.engine.connect() as connection:
        sha256 = connection.scalars(
            select(RawDocument.sha256).order_by(RawDocument.sha256).limit(1)
        ).one()
    request = {"scope": "单个文件", "document": sha256, "start_from": "重新读取"}
    _rerun_is_everywhere(service, {"request": request})


def test_rerun_of_one_site_through_the_api(service: Service, night: dict[str, Any]) -> None:
    request = {"scope": "站点", "site": "replica_hanweb", "start_from": "重新校验"}
    flow_run = _rerun_is_everywhere(service, {"request": request})
    run = service.recorded(flow_run)
    with service.engine.connect() as connection:
        validations = connection.scalar(
            select(func.count())
            .select_from(OutValidation)
            .where(OutValidation.run_id == run.run_id)
        )
    assert validations


def test_parameters_outside_the_schema_are_refused(service: Service) -> None:
    answer = service.api.post(
        f"/deployments/{service.deployment('rerun')['id']}/create_flow_run",
        json={"parameters": {"request": {"scope": "全部"}}},
    )
    assert answer.status_code in (409, 422)


def _rerun_is_everywhere(service: Service, parameters: dict[str, Any]) -> str:
    flow_run = service.start("rerun", parameters)
    ended = service.finished(flow_run)
    log = (service.data.parent / "worker.log").read_text(errors="replace")
    assert ended["state_type"] == "COMPLETED", log[-3000:]
    run = service.recorded(flow_run)
    assert (run.kind, run.state) == ("rerun", "completed")
    assert run.parameters["scope"] == parameters["request"]["scope"]
    pages = service.data / "data_docs"
    assert any(run.run_id[:8] in page.read_text("utf-8") for page in pages.rglob("*.html"))
    assert {"rerun-disclosures", "rerun-summary"} <= service.artifacts(flow_run).keys()
    return flow_run


def _rows(artifact: Any) -> list[dict[str, Any]]:
    import json

    rows: list[dict[str, Any]] = json.loads(artifact) if isinstance(artifact, str) else artifact
    return rows


@contextmanager
def _page(browser: Browser, requested: list[str]) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1300, "height": 1400})
    page.on("request", lambda request: requested.append(request.url))
    try:
        yield page
    finally:
        page.close()


@pytest.mark.browser
def test_rerun_from_the_form_of_the_ui(
    service: Service, night: dict[str, Any], browser: Browser
) -> None:
    with service.engine.connect() as connection:
        sha256 = connection.scalars(select(RawDocument.sha256).limit(1)).one()
    requested: list[str] = []
    with _page(browser, requested) as page:
        deployment = service.deployment("rerun")["id"]
        page.goto(f"{service.base_url}/deployments/deployment/{deployment}/run")
        form = page.get_by_text("文件 SHA-256")
        expect(form.first).to_be_visible(timeout=60_000)
        page.locator("textarea").first.fill(sha256)
        with page.expect_response("**/create_flow_run") as answer:
            page.get_by_role("button", name="Submit").click()
        assert answer.value.status == 201, answer.value.text()
        flow_run = answer.value.json()["id"]
    ended = service.finished(flow_run)
    assert ended["state_type"] == "COMPLETED"
    assert service.recorded(flow_run).parameters["document"] == sha256
    hosts = {urlsplit(url).hostname for url in requested if url.startswith(("http", "ws"))}
    assert hosts == {"127.0.0.1"}


@pytest.mark.browser
def test_data_docs_ask_nobody_else(
    service: Service, night: dict[str, Any], browser: Browser
) -> None:
    requested: list[str] = []
    with _page(browser, requested) as page:
        page.goto((service.data / "data_docs" / "index.html").as_uri())
        first = page.locator("a[href^='disclosures/']").first
        expect(first).to_be_visible(timeout=60_000)
        first.click()
        expect(page.locator("h1")).to_be_visible(timeout=60_000)
    assert requested
    assert {urlsplit(url).scheme for url in requested} <= {"file", "data"}

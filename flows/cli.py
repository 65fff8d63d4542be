"""The ``juesuan`` command. Heavy libraries are imported inside the commands that need them, so
that ``juesuan --help`` answers at once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from flows.settings import Settings

app = typer.Typer(
    name="juesuan",
    help="Read, check and score published final accounts (部门决算公开) of departments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


#: The replica's address is part of its documents' URLs, by which a second night knows them.
REPLICA_PORT = 8765


class Exit(IntEnum):
    """Exit codes of ``juesuan check``; every command uses the last for what it could not do."""

    CLEAN = 0
    ERRORS_FOUND = 1
    COULD_NOT_RUN = 2


class Stage(StrEnum):
    """From where ``juesuan rerun`` does the work again."""

    READ = "read"
    CHECK = "check"
    PUBLISH = "publish"


Warehouse = Annotated[
    str | None,
    typer.Option(
        "--warehouse",
        metavar="URL",
        envvar="JUESUAN_WAREHOUSE",
        help="SQLAlchemy URL of the warehouse  [default: SQLite in --data]",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="JUESUAN_DATA",
        help="folder of archive, data docs and warehouse  [default: var]",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", metavar="N", min=1, envvar="JUESUAN_JOBS", help="reader processes  [cores]"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]


def _stop(message: str) -> NoReturn:
    typer.echo(f"juesuan: {message}", err=True)
    raise typer.Exit(Exit.COULD_NOT_RUN)


def _settings(**given: object) -> Settings:
    from pydantic import ValidationError

    from flows.settings import load_settings

    try:
        settings = load_settings(**given)
    except ValidationError as error:
        _stop(f"unusable settings: {error}")
    settings.export()
    return settings


@contextmanager
def _prefect(settings: Settings) -> Iterator[None]:
    """Flow runs from the command line: with the configured server, or a private one in the data
    folder; never with telemetry, and quiet, because the progress bars tell what goes on."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    if not os.environ.get("PREFECT_API_URL") and not (Path.home() / ".prefect").exists():
        os.environ.setdefault("PREFECT_HOME", str((settings.data / "prefect").resolve()))
    from flows.progress import progress_bars

    with progress_bars():
        yield


@app.command()
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="files or folders of any supported format"),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="where results and data docs are written"),
    ] = None,
    jobs: Jobs = None,
    warehouse: Warehouse = None,
    data: Data = None,
) -> None:
    """Check local disclosures: no server, no network.

    Prints a table of findings. With --out also writes documents, facts, statements, performance,
    findings and scores as .jsonl and the data docs.

    Exit code: 0 no error-level finding, 1 some, 2 could not run.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:  # said at once, before the libraries are loaded
        _stop(f"no such file or folder: {', '.join(missing)}")
    from flows.local import CheckError, check_paths
    from flows.progress import progress_bars
    from flows.tables import print_check

    settings = _settings(warehouse=warehouse, data=data, jobs=jobs)
    try:
        with progress_bars():
            outcome = check_paths(paths, settings, out=out)
    except CheckError as error:
        _stop(str(error))
    print_check(outcome)
    raise typer.Exit(Exit.ERRORS_FOUND if outcome.errors else Exit.CLEAN)


@app.command()
def nightly(
    site: Annotated[
        list[str] | None,
        typer.Option("--site", metavar="KEY", help="only this site (repeatable)"),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="DATE", help="published on or after YYYY-MM-DD")
    ] = "",
    warehouse: Warehouse = None,
    data: Data = None,
    jobs: Jobs = None,
) -> None:
    """The whole job for the registered sites: crawl, read, check, score, publish."""
    settings = _settings(warehouse=warehouse, data=data, jobs=jobs)
    _run_nightly(settings, site or [], since)


def _run_nightly(settings: Settings, sites: Sequence[str], since: str) -> None:
    from pydantic import ValidationError

    from flows.parameters import NightlyRequest

    try:
        request = NightlyRequest(sites=list(sites), since=since)
    except ValidationError as error:
        _stop(_reasons(error))
    with _prefect(settings):
        from flows.nightly import nightly as flow

        outcome = flow(request)
    _report(settings, outcome)


@app.command()
def rerun(
    document: Annotated[
        str, typer.Option("--document", metavar="SHA", help="one archived document")
    ] = "",
    site: Annotated[str, typer.Option("--site", metavar="KEY", help="all of one site")] = "",
    year: Annotated[int, typer.Option("--year", metavar="Y", help="all of one year")] = 0,
    start_from: Annotated[
        Stage, typer.Option("--from", help="stage from which the work is done again")
    ] = Stage.READ,
    warehouse: Warehouse = None,
    data: Data = None,
    jobs: Jobs = None,
) -> None:
    """Do one document, one site or one year again."""
    if sum(map(bool, (document, site, year))) != 1:
        _stop("name exactly one of --document, --site and --year")
    from pydantic import ValidationError

    from flows.parameters import RerunRequest, RerunScope, RerunStage

    scope = RerunScope.DOCUMENT if document else RerunScope.SITE if site else RerunScope.YEAR
    try:
        request = RerunRequest(
            scope=scope,
            document=document,
            site=site,
            year=year,
            start_from=RerunStage[start_from.name],
        )
    except ValidationError as error:
        _stop(_reasons(error))
    settings = _settings(warehouse=warehouse, data=data, jobs=jobs)
    with _prefect(settings):
        from flows.rerun import rerun as flow

        outcome = flow(request)
    _report(settings, outcome)


def _reasons(error: Any) -> str:
    return "; ".join(str(problem["msg"]) for problem in error.errors())


def _report(settings: Settings, summary: dict[str, Any]) -> None:
    from flows.tables import print_run

    print_run(settings, summary)
    if summary.get("failure"):
        raise typer.Exit(Exit.COULD_NOT_RUN)


@app.command()
def rules(as_json: AsJson = False) -> None:
    """The catalogue of identities: id, title, equation, forms, severity, dimension, basis."""
    from expectations.catalogue import load_catalogue

    rows = load_catalogue().describe()
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from flows.tables import print_rows

    print_rows(rows, ("id", "title", "equation", "severity", "dimension", "version"))


@app.command()
def sites(as_json: AsJson = False, data: Data = None) -> None:
    """The registered sites."""
    from connectors.sites import load_sites

    settings = _settings(data=data)
    registry = load_sites(replica_base_url=settings.replica or None)
    rows = [site.model_dump(mode="json") for site in registry.values()]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from flows.tables import print_rows

    print_rows(rows, ("key", "name", "region", "family", "verified"))


@app.command()
def portal(
    port: Annotated[int, typer.Option("--port", help="0 for any free port")] = REPLICA_PORT,
    data: Data = None,
) -> None:
    """Serve the bundled replica of two government portals on loopback until interrupted."""
    from connectors.replica.server import run

    settings = _settings(data=data)
    typer.echo("rendering the disclosures of the replica portal (once) ...", err=True)
    run(port=port, cache=settings.data / "replica")


def _free_or_any(port: int) -> int:
    """``port``, or 0 (any) with a word about it where somebody else listens there."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            typer.echo(f"port {port} is taken: everything will be fetched anew", err=True)
            return 0
    return port


@app.command()
def demo(warehouse: Warehouse = None, data: Data = None, jobs: Jobs = None) -> None:
    """Serve the replica portal, run the nightly job on it and say where the data docs are."""
    settings = _settings(warehouse=warehouse, data=data, jobs=jobs)
    from connectors.replica.server import serve

    typer.echo("rendering and serving the replica portal ...", err=True)
    with serve(cache=settings.data / "replica", port=_free_or_any(REPLICA_PORT)) as replica:
        settings = _settings(warehouse=warehouse, data=data, jobs=jobs, replica=replica.base_url)
        from connectors.sites import load_sites

        registry = load_sites(replica_base_url=replica.base_url)
        _run_nightly(settings, [key for key, site in registry.items() if site.allow_loopback], "")


@app.command()
def deploy(
    every: Annotated[bool, typer.Option("--all", help="all deployments (the default)")] = False,
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="NAME", help="only this deployment")
    ] = None,
) -> None:
    """Register the Prefect deployments, their work pool and concurrency limits."""
    if every and name:
        _stop("--all and --name exclude each other")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from flows.deploy import LIMITS, WORK_POOL, DeployError
    from flows.deploy import deploy as register

    try:
        register(Path.cwd(), name or [])
    except DeployError as error:
        _stop(str(error))
    typer.echo(
        f"work pool {WORK_POOL}, limits {', '.join(LIMITS)}, deployments registered.\n"
        f"Start a worker with: prefect worker start --pool {WORK_POOL}"
    )


def main() -> None:
    """Entry point of the ``juesuan`` command. What nobody foresaw is "could not run" as well: an
    uncaught exception would exit with 1, which says that errors were found."""
    try:
        app()
    except Exception:
        import traceback

        traceback.print_exc()
        typer.echo("juesuan: stopped by an unexpected error (above)", err=True)
        sys.exit(Exit.COULD_NOT_RUN)


if __name__ == "__main__":
    main()

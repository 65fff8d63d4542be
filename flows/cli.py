"""The ``juesuan`` command. Heavy libraries are imported inside the commands that need them, so
that ``juesuan --help`` answers at once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
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
ArchiveAt = Annotated[
    str | None,
    typer.Option(
        "--archive",
        metavar="URL",
        envvar="JUESUAN_ARCHIVE",
        help="folder or fsspec URL of the archive  [default: archive in --data]",
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


def _prepare_prefect(settings: Settings) -> None:
    """Prefect without telemetry, and quiet, because the progress bars tell what goes on. What a
    private server keeps lies in the data folder."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    # The private server of a busy machine takes longer than the 20 s that Prefect allows it.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
    if not os.environ.get("PREFECT_API_URL") and not (Path.home() / ".prefect").exists():
        home = (settings.data / "prefect").resolve()
        # Prefect makes its own folder, but none above it.
        home.parent.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("PREFECT_HOME", str(home))


@contextmanager
def _prefect(settings: Settings) -> Iterator[None]:
    """Flow runs from the command line: with the configured server, or a private one."""
    _prepare_prefect(settings)
    from prefect.settings import PREFECT_API_URL

    from flows.progress import progress_bars

    if not PREFECT_API_URL.value():
        from flows import private_server  # with all of Prefect's server

        private_server.provide()
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
    archive: ArchiveAt = None,
    jobs: Jobs = None,
) -> None:
    """The whole job for the registered sites: crawl, read, check, score, publish."""
    settings = _settings(warehouse=warehouse, data=data, archive=archive, jobs=jobs)
    _run_nightly(settings, site or [], since)


def _run_nightly(settings: Settings, sites: Sequence[str], since: str) -> None:
    from pydantic import ValidationError

    from flows.parameters import NightlyRequest

    try:
        request = NightlyRequest(sites=list(sites), since=since)
    except ValidationError as error:
        _stop(_reasons(error))
    from flows import steps

    try:  # said at once, before a server is started
        steps.chosen_sites(steps.workspace(), request.sites)
    except steps.UnknownSite as error:
        _stop(str(error))
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
    archive: ArchiveAt = None,
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
    settings = _settings(warehouse=warehouse, data=data, archive=archive, jobs=jobs)
    with _prefect(settings):
        from flows.rerun import NothingToRerun, chosen
        from flows.rerun import rerun as flow
        from flows.steps import UnknownDocument

        try:  # said at once, before a server is started
            chosen(request)
        except (NothingToRerun, UnknownDocument) as error:
            _stop(str(error))
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
def rules(
    as_json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="as a page for reading, with all clauses")
    ] = False,
) -> None:
    """The catalogue of identities: id, title, equation, forms, severity, dimension, basis."""
    from expectations.catalogue import load_catalogue

    if markdown:
        from expectations.catalogue_page import catalogue_page

        typer.echo(catalogue_page(load_catalogue()), nl=False)
        return
    rows = load_catalogue().describe()
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from flows.tables import print_rows

    print_rows(rows, ("id", "title", "equation", "severity", "dimension", "version"))


sites_app = typer.Typer(help="The registered sites; bare, lists them.", invoke_without_command=True)
app.add_typer(sites_app, name="sites")


@sites_app.callback()
def sites(context: typer.Context, as_json: AsJson = False, data: Data = None) -> None:
    """The registered sites."""
    if context.invoked_subcommand is not None:
        return
    from connectors.sites import load_sites

    settings = _settings(data=data)
    registry = load_sites(replica_base_url=settings.replica or None)
    rows = [site.model_dump(mode="json") for site in registry.values()]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from flows.tables import print_rows

    print_rows(rows, ("key", "name", "region", "family", "verified"))


@sites_app.command("discover")
def discover_site(
    url: Annotated[str, typer.Argument(metavar="URL", help="home page or site map of a portal")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="write the draft there; never overwrites"),
    ] = None,
    delay_s: Annotated[
        float, typer.Option("--delay", min=0.0, help="seconds between two requests")
    ] = 2.0,
    pages: Annotated[int, typer.Option("--pages", min=1, help="pages looked at, at most")] = 80,
    data: Data = None,
) -> None:
    """Find a portal's columns of final accounts and draft its site file.

    Prints the draft (YAML, with comments on what nobody has checked) or writes it to --out.
    Nothing is registered: a person checks the draft first.

    Exit code: 0 a draft was made, 2 nothing was found or the portal could not be read.
    """
    if out is not None and out.exists():
        _stop(f"{out} exists and is not overwritten")
    from connectors.discovery import NothingFound, discover, draft
    from connectors.sites import load_sites
    from flows.progress import advance, progress_bars

    settings = _settings(data=data)
    seen = 0

    def count(fetch: Any) -> None:
        nonlocal seen
        seen += 1
        advance("查找", seen, None, fetch.url)

    try:
        with progress_bars():
            found = discover(
                url,
                registry=load_sites(replica_base_url=settings.replica or None),
                allow_loopback=bool(settings.replica) and url.startswith(settings.replica),
                delay_s=delay_s,
                contact=settings.contact,
                pages=pages,
                on_progress=count,
            )
    except NothingFound as error:
        _stop(str(error))
    text = draft(found)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        _stop(f"cannot write {out}: {error.strerror}")
    typer.echo(f"{out}: {len(found.site.columns)} columns, family {found.site.family}", err=True)


@sites_app.command("check")
def check_sites(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="only these sites")
    ] = None,
    years: Annotated[
        int, typer.Option("--years", min=1, help="older newest entries make a site silent")
    ] = 2,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Probe the registered sites: ok, dead, moved, blocked, silent or unverified, and why.

    Asks for the first page of each column, as politely as a crawl.

    Exit code: 0 no site is dead, moved, blocked or silent, 1 some is, 2 could not run.
    """
    from contextlib import nullcontext

    from connectors.sites import load_sites

    settings = _settings(data=data)
    wanted = keys or list(load_sites())
    unknown = sorted(set(wanted) - set(load_sites()))
    if unknown:
        _stop(f"no site {', '.join(unknown)}; `juesuan sites` lists them")
    from connectors.probing import SiteReport, probe_sites
    from flows.progress import advance, progress_bars

    running: Any = nullcontext()
    if not settings.replica and any(load_sites()[key].allow_loopback for key in wanted):
        from connectors.replica.server import serve

        running = serve(cache=settings.data / "replica")
    with running as replica, progress_bars():
        base_url = replica.base_url if replica else settings.replica or None
        registry = load_sites(replica_base_url=base_url)
        done = 0

        def count(report: SiteReport) -> None:
            nonlocal done
            done += 1
            advance("探测", done, len(wanted), report.site)

        reports = probe_sites(
            [registry[key] for key in dict.fromkeys(wanted)],
            years=years,
            contact=settings.contact,
            on_done=count,
        )
    rows = [report.to_row() for report in reports]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        from flows.tables import print_rows

        print_rows(rows, ("site", "name", "state", "reason", "advice"))
    if any(report.state.needs_attention for report in reports):
        raise typer.Exit(Exit.ERRORS_FOUND)


archive_app = typer.Typer(help="The document archive.", no_args_is_help=True)
app.add_typer(archive_app, name="archive")


@archive_app.command("export-warc")
def export_warc(
    out: Annotated[Path, typer.Argument(metavar="OUT.warc.gz", help="the file that is written")],
    site: Annotated[
        str | None, typer.Option("--site", metavar="KEY", help="only fetches of this site")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], help="only fetches since this day (UTC)"),
    ] = None,
    document: Annotated[
        str | None,
        typer.Option("--document", metavar="SHA", help="only fetches of this document (SHA-256)"),
    ] = None,
    warehouse: Warehouse = None,
    data: Data = None,
    archive: ArchiveAt = None,
) -> None:
    """Write what proves the fetches as WARC/1.1: requests, answers, addresses, times, TLS.

    A document out of a package is proved by the package, which the warehouse names.

    Exit code: 0 written, 1 written without bodies that the archive no longer has, 2 could not run.
    """
    from importlib.metadata import version

    from connectors.warc import export_warc as export
    from flows.steps import Workspace
    from warehouse.queries import packages_with

    settings = _settings(warehouse=warehouse, data=data, archive=archive)
    work = Workspace(settings)
    packages = packages_with(work.engine, document) if document else []
    try:
        summary = export(
            work.archive,
            out,
            site=site,
            since=since.date() if since else None,
            documents={document.lower(), *packages} if document else None,
            software=f"juesuan/{version('juesuan')}",
        )
    except OSError as error:
        _stop(f"cannot export: {error}")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.records.items()))
    typer.echo(f"{out}: {summary.fetches} fetches ({kinds})")
    for sha256 in packages:
        typer.echo(f"{document} was taken out of {sha256}")
    for sha256 in summary.missing:
        typer.echo(f"juesuan: the archive has no sound copy of {sha256}", err=True)
    raise typer.Exit(Exit.ERRORS_FOUND if summary.missing else Exit.CLEAN)


@archive_app.command("verify")
def verify(data: Data = None, archive: ArchiveAt = None) -> None:
    """Read every archived document and compare it with its SHA-256.

    Damaged ones are set aside, and the next crawl fetches them again. Exit code: 0 all sound,
    1 some are not, 2 could not run.
    """
    from flows.steps import Workspace

    settings = _settings(data=data, archive=archive)
    try:
        sound, damaged = Workspace(settings).archive.verify()
    except OSError as error:
        _stop(f"cannot read the archive: {error}")
    for reason in damaged:
        typer.echo(f"juesuan: {reason}", err=True)
    typer.echo(f"{sound} documents are sound, {len(damaged)} are not")
    raise typer.Exit(Exit.ERRORS_FOUND if damaged else Exit.CLEAN)


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

"""The ``juesuan`` command as users call it."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import cli, deploy, local
from flows.settings import Settings
from flows.tables import print_rows


def juesuan(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    """GX and Prefect take ten seconds to import; --help must not."""
    code = (
        "import sys; from typer.testing import CliRunner; from flows.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'prefect', 'great_expectations', 'pandas', 'scrapy', 'sqlalchemy', 'jpype'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_table_leaves_empty_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"key": "acheng", "family": None}], ("key", "family"))
    printed = capsys.readouterr().out
    assert "acheng" in printed
    assert "None" not in printed


def test_rules_lists_the_catalogue(tmp_path: Path) -> None:
    done = juesuan("rules", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rules = json.loads(done.stdout)
    wanted = {"id", "title", "equation", "forms", "severity", "dimension", "basis", "version"}
    assert rules
    assert all(wanted <= rule.keys() for rule in rules)
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_sites_lists_the_registry(tmp_path: Path) -> None:
    done = juesuan("sites", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sites = {site["key"]: site for site in json.loads(done.stdout)}
    assert {"acheng", "wuerhe", "sanmenxia", "beiguan", "lixia"} <= sites.keys()
    assert not any(site["verified"] for key, site in sites.items() if "replica" not in key)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "no-such-file.pdf"), "no such file"),
        (("rerun",), "exactly one of"),
        (("rerun", "--document", "12"), "SHA-256"),
        (("nightly", "--since", "yesterday"), "isoformat"),
        (("nightly", "--site", "nowhere"), "no site nowhere"),
        (("rerun", "--year", "2023"), "no archived document fits 年度 2023"),
        (("rerun", "--document", "0123abcd"), "begins with 0123abcd"),
    ],
)
def test_what_cannot_run_says_why(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = juesuan(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_check_of_a_file_that_is_no_disclosure(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("尊敬的各位：会议改期，特此通知。", encoding="utf-8")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing follows")
    done = juesuan("check", ".", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "没有可以校验的部门决算" in done.stdout
    assert "没有发现问题" not in done.stdout, "what was not checked has not passed"
    lines = (tmp_path / "out" / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    kinds = {line["file"]: line for line in map(json.loads, lines)}
    assert kinds["letter.txt"]["kind"] == "other"
    assert kinds["broken.pdf"]["kind"] == "unreadable"
    assert kinds["broken.pdf"]["reason"]
    assert (tmp_path / "out" / "data_docs" / "index.html").is_file()
    # The same folder again, as often as one likes: what was there is replaced.
    settings = Settings(data=tmp_path, jobs=1)
    again = local.check_paths([tmp_path / "letter.txt"], settings, out=tmp_path / "out")
    assert len(again.check.readings) == 1
    assert len(list((tmp_path / "out" / "archive").glob("??/*"))) == 1


def test_a_private_server_has_its_folder_where_nothing_is_yet(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "new" / "var")
    with mock.patch.dict(os.environ, {"HOME": str(tmp_path)}, clear=True):
        cli._prepare_prefect(settings)
        home = Path(os.environ["PREFECT_HOME"])
    home.mkdir()  # as Prefect makes it


@pytest.mark.parametrize("kind", ["nightly", "rerun", None])
def test_a_check_does_not_clear_what_is_not_of_a_check(tmp_path: Path, kind: str | None) -> None:
    (tmp_path / "letter.txt").write_text("特此通知。", encoding="utf-8")
    out = tmp_path / "var"
    kept = out / "archive" / "ab" / "body.pdf"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"%PDF-1.4")
    if kind is not None:
        with closing(sqlite3.connect(out / "warehouse.db")) as warehouse:
            warehouse.execute("CREATE TABLE raw_runs (kind TEXT)")
            warehouse.executemany("INSERT INTO raw_runs VALUES (?)", [("check",), (kind,)])
            warehouse.commit()
    with pytest.raises(local.CheckError, match="not of a check"):
        local.check_paths([tmp_path / "letter.txt"], Settings(data=out, jobs=1), out=out)
    assert kept.exists()
    assert (out / "warehouse.db").exists() is (kind is not None)


def test_deploying_without_a_server_says_so() -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        with (
            temporary_settings({PREFECT_API_URL: url}),
            pytest.raises(deploy.DeployError, match="no Prefect server answers"),
        ):
            deploy.prepare_server()

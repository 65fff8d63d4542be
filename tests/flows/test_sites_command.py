"""``juesuan sites`` as operators call it, against servers on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from connectors.replica.server import serve
from connectors.sites import Site


def juesuan(
    *arguments: str, cwd: Path, replica: str | None = None
) -> subprocess.CompletedProcess[str]:
    given = {"JUESUAN_REPLICA": replica} if replica else {}
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
        env={name: v for name, v in os.environ.items() if name != "JUESUAN_REPLICA"} | given,
    )


def test_discover_and_check_on_the_replica(tmp_path: Path) -> None:
    with serve(tmp_path / "replica") as replica:
        home = f"{replica.base_url}/trs/index.html"
        printed = juesuan(
            "sites", "discover", home, "--delay", "0", cwd=tmp_path, replica=replica.base_url
        )
        assert printed.returncode == 0, printed.stderr
        site = Site.model_validate(yaml.safe_load(printed.stdout))
        assert (site.key, site.family, len(site.columns)) == ("replica_trs", "trs_static", 3)
        # Without its name in the settings no portal of this machine is asked.
        refused = juesuan("sites", "discover", home, cwd=tmp_path)
        assert refused.returncode == 2
        assert "拒绝连接内部地址" in refused.stderr

        taken = tmp_path / "draft.yaml"
        taken.write_text("mine")
        stopped = juesuan("sites", "discover", home, "--out", str(taken), cwd=tmp_path)
        assert stopped.returncode == 2
        assert "not overwritten" in stopped.stderr
        assert taken.read_text() == "mine"

        checked = juesuan("sites", "check", "--json", cwd=tmp_path, replica=replica.base_url)
    assert checked.returncode == 0, checked.stderr
    states = {row["site"]: row["state"] for row in json.loads(checked.stdout)}
    assert states["replica_trs"] == states["replica_hanweb"] == "ok"
    assert {"acheng", "wuerhe", "sanmenxia", "beiguan", "lixia"} <= states.keys()
    assert states["acheng"] == "unverified"


def test_check_tells_a_dead_site_by_its_exit_code(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9"  # the discard port: nobody listens
    done = juesuan("sites", "check", "replica_trs", cwd=tmp_path, replica=dead)
    assert done.returncode == 1, done.stderr
    assert "dead" in done.stdout
    unknown = juesuan("sites", "check", "nowhere", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "nowhere" in unknown.stderr

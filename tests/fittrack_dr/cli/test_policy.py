"""``fittrack-dr policy check`` as a process."""

from __future__ import annotations

from pathlib import Path

from tests.fittrack_dr.cli.test_root import REPOSITORY, run


def test_the_policy_of_the_repository_is_in_order() -> None:
    ended = run("policy", "check")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("recovery.yaml: ok: RTO 4h, RPO 1h; 6 retention classes, 5 critical tables")


def test_every_problem_is_a_line_an_editor_can_follow(tmp_path: Path) -> None:
    text = (REPOSITORY / "recovery.yaml").read_text()
    for old, new in [("keep: 60 days", "keep: 61 days"), ("ttl: 60s", "tll: 60s"), ("at_most: 15m", "at_most: 2h")]:
        text = text.replace(old, new)
    (tmp_path / "recovery.yaml").write_text(text)
    ended = run("policy", "check", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = text.splitlines()
    places = {fragment: number for number, line in enumerate(lines, 1) for fragment in line.split(" #")[:1]}
    assert [line.split(":", 3)[:3] for line in ended.stderr.splitlines()] == [
        ["recovery.yaml", str(places["    keep: 61 days"]), " retention[0].keep"],
        ["recovery.yaml", str(places["dns:"]), " dns.ttl"],
        ["recovery.yaml", str(places["  tll: 60s"]), " dns.tll"],
        ["recovery.yaml", str(places["    at_most: 2h"]), " gates.peer-lag.at_most"],
    ]


def test_a_file_is_named_as_the_caller_named_it(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text("")
    ended = run("policy", "check", str(path))
    assert ended.returncode == 2
    assert ended.stderr == f"{path}:1: is empty; start from the recovery.yaml of the repository\n"

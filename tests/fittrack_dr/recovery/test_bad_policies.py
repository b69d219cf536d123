"""Every way in which recovery.yaml can be wrong: the line, the path, and what to do, all of them at once.

Each case changes the repository's own policy in one place (or a few) and names the lines that must come out.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fittrack_dr.errors import ConfigError, ExitCode
from fittrack_dr.recovery import checks, load_policy, loader
from tests.fittrack_dr.recovery.bad_policies import CONTRADICTIONS, SHAPE

TEXT = (Path(__file__).parents[3] / "recovery.yaml").read_text()


def line_of(text: str, fragment: str, *, after: str = "") -> int:
    """The line on which ``fragment`` first stands after the first ``after``."""
    return text[: text.index(fragment, text.index(after))].count("\n") + 1


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_policy(path)
    assert caught.value.exit_code is ExitCode.USAGE
    assert list(caught.value.problems) == str(caught.value).splitlines()
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def changed(tmp_path: Path, old: str, new: str) -> tuple[Path, str]:
    assert TEXT.count(old) == 1, f"{old!r} must stand once in recovery.yaml, not {TEXT.count(old)} times"
    text = TEXT.replace(old, new)
    path = tmp_path / "recovery.yaml"
    path.write_text(text)
    return path, text


@pytest.mark.parametrize(("old", "new", "fragment", "expected"), [*SHAPE, *CONTRADICTIONS])
def test_each_problem_has_its_line_its_path_and_a_remedy(
    tmp_path: Path, old: str, new: str, fragment: str, expected: str
) -> None:
    path, text = changed(tmp_path, old, new)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if fragment.splitlines()[0] in line]
    found = problems_of(path)
    assert any(problem.startswith(f"{line}: {expected}") for problem in found for line in lines), found
    assert all("; " in problem for problem in found), "each says what to do"


def test_every_check_of_the_policy_finds_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that nothing ever trips, or that is not in the list of those that run, protects nobody."""
    tripped: set[str] = set()

    def watched(check: Callable[..., Iterator[checks.Finding]]) -> Callable[..., Iterator[checks.Finding]]:
        @functools.wraps(check)
        def run(**sections: object) -> Iterator[checks.Finding]:
            for finding in check(**sections):
                tripped.add(check.__name__)
                yield finding

        return run

    monkeypatch.setattr(loader, "CHECKS", tuple(watched(check) for check in checks.CHECKS))
    for old, new, _, _ in CONTRADICTIONS:
        problems_of(changed(tmp_path, old, new)[0])
    defined = {name for name, value in vars(checks).items() if inspect.isgeneratorfunction(value) and name[0] != "_"}
    assert tripped == {check.__name__ for check in checks.CHECKS} == defined


def test_gates_that_hold_an_invariant_cannot_be_made_waivable(tmp_path: Path) -> None:
    old = "    at_most: 0\n    waivable: false"
    path, text = changed(tmp_path, old, old.replace("false", "true"))
    line = line_of(text, "waivable: true")
    assert problems_of(path) == [
        f"{line}: gates.region-lost.waivable: is true, but this gate holds up an invariant; set it to false"
    ]


def test_every_section_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "recovery.yaml"
    path.write_text("objectives: {rto: 4h, rpo: 1h}\n")
    found = problems_of(path)
    assert len(found) == 15
    assert "1: gates: is missing; add the section" in found


def test_all_problems_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = TEXT
    for old, new in [
        ("  rto: 4h", "  rto: 4"),
        ("keep: 60 days", "keep: 99 days"),
        ("keep: 90 days", "keep: 91 days"),
        ("zone: fittrack.example", "zone: elsewhere.example"),
        ("interval: 15s", "intervall: 15s"),
        ("probe_interval: 5s", "probe_interval: 50s"),
    ]:
        text = text.replace(old, new, 1)
    path = tmp_path / "recovery.yaml"
    path.write_text(text)
    found = problems_of(path)
    assert [problem.split(": ")[1] for problem in found] == [
        "objectives.rto",
        "retention[0].keep",
        "retention[3].keep",
        "dns.name",
        "watch.interval",
        "watch.intervall",
        "failover.probe_interval",
    ]
    lines = [int(problem.partition(":")[0]) for problem in found]
    assert lines == sorted(lines)


def test_a_key_given_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    path, text = changed(tmp_path, "  rpo: 1h", "  rpo: 1h\n  rto: 2h")
    first, second = line_of(text, "rto: 4h"), line_of(text, "rto: 2h")
    assert problems_of(path) == [f"{second}: objectives.rto: is given twice, first on line {first}; keep one"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "1: is empty; start from the recovery.yaml of the repository"),
        (b"# nothing but a comment\n", "1: is empty; start from"),
        (b"---\n", "2: is not a mapping; write sections like 'objectives:'"),
        (b"- a\n- b\n", "1: is not a mapping; "),
        (b"just words\n", "1: is not a mapping; "),
        (b"a: 1\nb: [1, 2\nc: 3\n", "3: is not YAML: while parsing a flow sequence"),
        (b"a: 1\n\tb: 2\n", "2: is not YAML: "),
        (b"a: 1\n--- \nb: 2\n", "2: is not YAML: expected a single document"),
        (b"a: \x00\n", "1: is not YAML: "),
        (b"a: 1\nb: \xff\xfe\n", "2: is not UTF-8; save it as UTF-8"),
        (b"a: &x {b: 1}\nc: *x\n", "2: c: uses a YAML alias; write the value out"),
        (b"a: &x [*x]\n", "1: a[0]: uses a YAML alias; write the value out"),
        (b"a: !!python/object:os.system {}\n", "1: a: uses a YAML tag; write a plain value"),
        (b"a: !secret x\n", "1: a: uses a YAML tag; write a plain value"),
        (b"? [a, b]\n: 1\n", "1: has a key that is no plain word; name it"),
        (b"[" * 5000, "1: is nested too deeply"),
    ],
)
def test_what_is_no_policy_at_all(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "recovery.yaml"
    path.write_bytes(content)
    found = problems_of(path)
    assert any(problem.startswith(expected) for problem in found), found


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 300_000)
    for path, reason in [
        (tmp_path / "missing.yaml", "there is no such file"),
        (tmp_path, "cannot be read"),
        (large, "is larger than 256 KiB"),
    ]:
        with pytest.raises(ConfigError, match=reason) as caught:
            load_policy(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)

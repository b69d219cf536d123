"""Every way in which recovery.yaml can be wrong: the line, the path, and what to do, all of them at once.

Each case changes the repository's own policy in one place (or a few) and names the lines that must come out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fittrack_dr.errors import ConfigError, ExitCode
from fittrack_dr.recovery import load_policy

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


SHAPE = [
    # old, new, fragment whose line is named, path: problem; what to do
    (
        "  rto: 4h",
        "  rto: 4",
        "rto: 4",
        "objectives.rto: 4 has no unit; write it like 90s, 30m, 4h, 60 days or 7 years",
    ),
    (
        "  rto: 4h",
        "  rto: soon",
        "rto: soon",
        "objectives.rto: 'soon' is not a duration; write it like 90s, 30m, 4h, 60 days or 7 years",
    ),
    ("  rto: 4h", "  rto:", "rto:", "objectives.rto: is empty; write it like 90s, 30m, 4h, 60 days or 7 years"),
    ("  rpo: 1h", "  rbo: 1h", "rbo", "objectives.rbo: is not a key of the recovery policy; did you mean rpo?"),
    ("watch:\n", "wotch:\n", "wotch", "wotch: is not a key of the recovery policy; did you mean watch?"),
    (
        "home_region: us-ashburn-1",
        "home_region: ashburn",
        "home_region",
        "home_region: 'ashburn' is not an OCI region; ",
    ),
    ("home_region: us-ashburn-1", "home_region: 7", "home_region", "home_region: is 7; write a text"),
    ("  dr:\n    region: us-phoenix-1", "  dr: us-phoenix-1", "dr: us", "stacks.dr: is not a mapping; "),
    ("  dr:\n    region: us-phoenix-1", "  dr: {}", "dr: {}", "stacks.dr.region: is missing; add it"),
    ("bucket: fittrack-dr-control", "bucket: ", "bucket:", "control.bucket: is empty; give it a value"),
    ("bucket: fittrack-dr-control", "bucket: [a]", "bucket: [a]", "control.bucket: is a list or mapping; write a text"),
    (
        "keep: 60 days",
        "keep: 61 days",
        "keep: 61",
        "retention[0].keep: automatic backups of an Autonomous Database can be kept 1 to 60 days, not 61; ",
    ),
    (
        "    keep: 1 year\n    storage: long-term-backup",
        "    keep: 30 days\n    storage: long-term-backup",
        "keep: 30",
        "retention[1].keep: long-term backups of an Autonomous Database can be kept 90 to 3650 days, not 30; ",
    ),
    (
        "keep: 90 days",
        "keep: 100 days",
        "keep: 100",
        "retention[3].keep: logs in OCI Logging can be kept 30 to 180 days in steps of 30, not 100; ",
    ),
    ("storage: logging", "storage: tape", "storage: tape", "retention[3].storage: is 'tape'; use one of "),
    (
        "storage: logging",
        "storage: logging\n    tier: Archive",
        "tier: Archive\n  - name: audit",
        "retention[3].tier: has no meaning with logging; remove it",
    ),
    (
        "    tier: Archive\n    bucket: fittrack-backups",
        "    bucket: fittrack-backups",
        "- name: exports",
        "retention[2].tier: is missing, and object-storage needs it; add it",
    ),
    (
        "storage: logging",
        "storage: logging\n    write_once: true",
        "write_once",
        "retention[3].write_once: is not to be had from logging; remove it",
    ),
    (
        "  replicate: true # OCI",
        "  replicate: yes # OCI",
        "replicate",
        "backup.replicate: is 'yes'; write true or false",
    ),
    (
        "manual_cadence: monthly",
        "manual_cadence: hourly",
        "manual_cadence",
        "backup.manual_cadence: is 'hourly'; use one",
    ),
    ("at: 02:30Z", "at: 02:30", "at: 02:30", "export.at: '02:30' is not in UTC; convert it and write it like 02:30Z"),
    ("at: 02:30Z", "at: 04:30+02:00", "at: 04", "export.at: '04:30+02:00' is not in UTC; convert it"),
    ("parallel: 4", "parallel: 4.5", "parallel", "export.parallel: is 4.5; write a whole number"),
    ("parallel: 4", "parallel: 0", "parallel", "export.parallel: is 0; it must be at least 1"),
    ("parallel: 4", "parallel: 65", "parallel", "export.parallel: is 65; it must be at most 64"),
    ("parallel: 4", "parallel: '4'", "parallel", "export.parallel: is '4'; write a whole number"),
    ("schema_name: FITTRACK", "schema_name: fittrack", "schema_name", "export.schema_name: 'fittrack' is not a schema"),
    ("ecpus: 2", "ecpus: 1", "ecpus", "verification.ecpus: is 1; it must be at least 2"),
    ("compression: ALL", "compression: zip", "compression", "export.compression: is 'zip'; use one of 'ALL'"),
    (
        "query: SELECT COUNT(*) FROM tickets",
        "query: DELETE FROM tickets",
        "query: DELETE",
        "critical_tables[3].query: is not one plain SELECT; a check must not change what it checks",
    ),
    (
        "query: SELECT COUNT(*) FROM tickets",
        "query: SELECT COUNT(*) FROM tickets; DROP TABLE tickets",
        "query: SELECT COUNT(*) FROM tickets;",
        "critical_tables[3].query: is not one plain SELECT; ",
    ),
    (
        "query: SELECT COUNT(*) FROM tickets",
        "query: SELECT COUNT(*) FROM users",
        "query: SELECT COUNT(*) FROM users\n",
        "critical_tables[3].query: does not read FROM tickets; query the table it stands for",
    ),
    ("- table: tickets", "- table: Tickets", "- table: T", "critical_tables[3].table: 'Tickets' is not a table name; "),
    (
        "decides: [cache-recovery]",
        "decides: cache-recovery",
        "decides: c",
        "roles.oncall.decides: is not a list; write its items below it, each after a hyphen",
    ),
    ("title: On-call Engineer", "title: ' '", "title: ' '", "roles.oncall.title: is blank; write something"),
    ("  platform-lead:", "  Platform Lead:", "  Platform Lead", "roles.Platform Lead: 'Platform Lead' is not a name; "),
    (
        "name: app.fittrack.example",
        "name: App.fittrack.example.",
        "name: App",
        "dns.name: 'App.fittrack.example.' is not",
    ),
    ("ttl: 60s", "ttl: 60", "ttl", "dns.ttl: 60 has no unit; "),
    (
        "health_path: /health/ready",
        "health_path: health",
        "health_path",
        "application.health_path: 'health' is not a path",
    ),
    ("at_most: 15m", "at_most: 15m\n    at_least: 1m", "peer-lag:", "gates.peer-lag: needs one limit; give either"),
    ("    at_most: 15m\n", "", "peer-lag:", "gates.peer-lag: needs one limit; give either at_most or at_least"),
    ("at_most: 15m", "at_most: -3", "at_most: -3", "gates.peer-lag.at_most: -3 is no limit; write a duration like 15m"),
    ("at_most: 15m", "at_most: true", "at_most: true", "gates.peer-lag.at_most: True is no limit; write a duration"),
    ("at_most: 15m", "at_most: low", "at_most: low", "gates.peer-lag.at_most: 'low' is not a duration; "),
    (
        "at_most: 15m",
        "atmost: 15m",
        "atmost",
        "gates.peer-lag.atmost: is not a key of the recovery policy; did you mean",
    ),
    (
        "max_error_ratio: 0.01",
        "max_error_ratio: 1.5",
        "max_error_ratio",
        "watch.max_error_ratio: is 1.5; it must be at most 1",
    ),
    (
        "max_error_ratio: 0.01",
        "max_error_ratio: few",
        "max_error_ratio",
        "watch.max_error_ratio: is 'few'; write a number",
    ),
]


CONTRADICTIONS = [
    ("  rpo: 1h", "  rpo: 5h", "rpo: 5h", "objectives.rpo: is 5h, longer than the RTO of 4h; "),
    ("  dr:\n    region: us-phoenix-1", "  dr:\n    region: us-ashburn-1", "region: us-ashburn-1", "stacks."),
    (
        "  region: us-phoenix-1\n  bucket",
        "  region: eu-frankfurt-1\n  bucket",
        "region: eu",
        "control.region: eu-frankfurt-1 is no stack's region; use one of us-ashburn-1, us-phoenix-1",
    ),
    (
        "  region: us-phoenix-1\n  bucket",
        "  region: us-ashburn-1\n  bucket",
        "region: us-ashburn-1\n  bucket",
        "control.region: us-ashburn-1 is the region of prod, whose loss would take the journals along; ",
    ),
    (
        "home_region: us-ashburn-1",
        "home_region: eu-paris-1",
        "home_region",
        "home_region: eu-paris-1 is no stack's region",
    ),
    (
        "  dr:\n    region",
        "  drill:\n    region",
        "stacks:",
        "stacks: are prod, drill; give the two stacks prod and dr",
    ),
    (
        "- name: exports",
        "- name: manual-backups",
        "name: manual-backups",
        "retention[2].name: manual-backups is also that",
    ),
    (
        "bucket: fittrack-audit",
        "bucket: fittrack-backups",
        "bucket",
        "retention[4].bucket: fittrack-backups is also that of",
    ),
    (
        "bucket: fittrack-evidence",
        "bucket: fittrack-dr-control",
        "bucket: fittrack-dr-control\n    write",
        "retention[5].bucket: fittrack-dr-control is the control bucket, whose recovery state is rewritten; ",
    ),
    (
        "  manual: manual-backups",
        "  manual: exports",
        "manual: exp",
        "backup.manual: exports keeps object-storage, not long",
    ),
    (
        "  automatic: automatic-backups",
        "  automatic: none",
        "automatic: none",
        "backup.automatic: none is no retention class",
    ),
    (
        "evidence: evidence",
        "evidence: exports",
        "evidence: exports",
        "verification.evidence: exports is not write_once",
    ),
    (
        "clone_lifetime: 24h",
        "clone_lifetime: 30 days",
        "clone_lifetime",
        "verification.clone_lifetime: is 30d, not shorter",
    ),
    (
        "- table: tickets\n    query: SELECT COUNT(*) FROM tickets",
        "- table: users\n    query: SELECT COUNT(*) FROM users",
        "- table: users",
        "critical_tables[3].table: users is also that of critical_tables[0]; give each its own",
    ),
    (
        "decides: [cache-recovery]",
        "decides: []",
        "roles:",
        "roles: no role decides cache-recovery; add it to the decides",
    ),
    (
        "decides: [cache-recovery]",
        "decides: [cache-recovery, cache-recovery]",
        "decides: [c",
        "roles.oncall.decides: names cache-recovery 2 times; keep one",
    ),
    (
        "group: FitTrackOnCall",
        "group: FitTrackPlatformLeads",
        "group: FitTrackP",
        "roles.oncall.group: FitTrackPlatformLeads",
    ),
    (
        "zone: fittrack.example",
        "zone: other.example",
        "name: app",
        "dns.name: app.fittrack.example is not in the zone other",
    ),
    (
        "heartbeat_bucket: fittrack-heartbeats",
        "heartbeat_bucket: fittrack-dr-control",
        "heartbeat_bucket",
        "application.heart",
    ),
    ("  peer-lag:\n", "  pear-lag:\n", "gates:", "gates: peer-lag is missing; add it with its limit"),
    (
        "  peer-lag:\n",
        "  pear-lag:\n",
        "pear-lag:",
        "gates.pear-lag: is no gate of any procedure; the gates are region-lost",
    ),
    ("at_most: 15m", "at_most: 90m", "at_most: 90m", "gates.peer-lag.at_most: is 1h30m, over the RPO of 1h; lower it"),
    (
        "at_most: 15m",
        "at_most: 15",
        "at_most: 15\n",
        "gates.peer-lag.at_most: is not the limit this gate needs; give at_most, a",
    ),
    (
        "at_most: 15m",
        "at_least: 15m",
        "at_least: 15m",
        "gates.peer-lag.at_least: is not the limit this gate needs; give at",
    ),
    (
        "detection: 15m",
        "detection: 200m",
        "budgets:",
        "budgets: detection and decision take 4h5m, all of the RTO of 4h; ",
    ),
    (
        "promotion_deadline: 45m",
        "promotion_deadline: 3h",
        "failover:",
        "failover: the deadlines add up to 3h48m, and with budgets of 1h that is over the RTO of 4h; shorten them",
    ),
    (
        "probe_interval: 5s",
        "probe_interval: 31s",
        "probe_interval",
        "failover.probe_interval: is 31s, too long for several",
    ),
    (
        "ttl: 60s",
        "ttl: 15m",
        "cutover_deadline",
        "failover.cutover_deadline: is 15m, but resolvers may keep the old address",
    ),
    ("interval: 15s", "interval: 4m", "interval: 4m", "watch.interval: is 4m; look at least ten times in 30m"),
    (
        "  oldest_acceptable: 36h\n\nverif",
        "  oldest_acceptable: 24h\n\nverif",
        "oldest_acceptable: 24h",
        "export.oldest_acc",
    ),
]


@pytest.mark.parametrize(("old", "new", "fragment", "expected"), [*SHAPE, *CONTRADICTIONS])
def test_each_problem_has_its_line_its_path_and_a_remedy(
    tmp_path: Path, old: str, new: str, fragment: str, expected: str
) -> None:
    path, text = changed(tmp_path, old, new)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if fragment.splitlines()[0] in line]
    found = problems_of(path)
    assert any(problem.startswith(f"{line}: {expected}") for problem in found for line in lines), found
    assert all("; " in problem for problem in found), "each says what to do"


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

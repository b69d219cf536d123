"""The policy of the repository: it says what the runbook promises, and its objects hold still."""

from __future__ import annotations

from datetime import UTC, time, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from fittrack_dr.errors import ConfigError
from fittrack_dr.recovery import Decision, RecoveryPolicy, Storage, Tier, Unit, load_policy

FILE = Path(__file__).parents[3] / "recovery.yaml"


@pytest.fixture(scope="module")
def policy() -> RecoveryPolicy:
    return load_policy(FILE)


def test_objectives_regions_and_names(policy: RecoveryPolicy) -> None:
    assert (policy.objectives.rto, policy.objectives.rpo) == (timedelta(hours=4), timedelta(hours=1))
    assert {name: stack.region for name, stack in policy.stacks.items()} == {
        "prod": "us-ashburn-1",
        "dr": "us-phoenix-1",
    }
    assert policy.home_region == "us-ashburn-1"
    assert policy.control.region == "us-phoenix-1"
    assert (policy.dns.zone, policy.dns.name, policy.dns.ttl) == (
        "fittrack.example",
        "app.fittrack.example",
        timedelta(seconds=60),
    )
    assert policy.application.health_path == "/health/ready"
    assert policy.watch.duration == timedelta(minutes=30)
    assert policy.export.at == time(2, 30, tzinfo=UTC)


def test_retention_classes_of_the_runbook_and_one_for_evidence(policy: RecoveryPolicy) -> None:
    kept = {each.name: (each.keep_days, each.storage, each.tier) for each in policy.retention}
    assert kept == {
        "automatic-backups": (60, Storage.AUTOMATIC_BACKUP, None),
        "manual-backups": (366, Storage.LONG_TERM_BACKUP, None),
        "exports": (366, Storage.OBJECT_STORAGE, Tier.ARCHIVE),
        "application-logs": (90, Storage.LOGGING, None),
        "audit-logs": (2557, Storage.OBJECT_STORAGE, Tier.ARCHIVE),
        "evidence": (2557, Storage.OBJECT_STORAGE, Tier.STANDARD),
    }
    assert {each.name for each in policy.retention if each.write_once} == {"audit-logs", "evidence"}


def test_critical_queries_word_for_word(policy: RecoveryPolicy) -> None:
    assert {each.table: each.query for each in policy.critical_tables} == {
        "users": "SELECT COUNT(*) FROM users WHERE status = 'active'",
        "point_transactions": "SELECT SUM(points) FROM point_transactions WHERE type = 'earn'",
        "drawings": "SELECT COUNT(*) FROM drawings WHERE status = 'completed'",
        "tickets": "SELECT COUNT(*) FROM tickets",
        "prize_fulfillments": "SELECT COUNT(*) FROM prize_fulfillments WHERE status != 'delivered'",
    }


def test_who_decides(policy: RecoveryPolicy) -> None:
    decided = {name: set(role.decides) for name, role in policy.roles.items()}
    assert {name for name, decisions in decided.items() if "region-failover" in decisions} == {"platform-lead"}
    assert {name for name, decisions in decided.items() if "full-restore" in decisions} == {"dba", "platform-lead"}
    assert set().union(*decided.values()) == set(Decision)
    assert {name: role.group for name, role in policy.roles.items()} == {
        "oncall": "FitTrackOnCall",
        "dba": "FitTrackDatabaseAdmins",
        "platform-lead": "FitTrackPlatformLeads",
        "security-lead": "FitTrackSecurityLeads",
    }


def test_gates_measure_seconds_or_counts_and_fail_the_unknown(policy: RecoveryPolicy) -> None:
    lag, places = policy.gates["peer-lag"], policy.gates["own-network"]
    assert (lag.limit, lag.unit, lag.describe()) == (900.0, Unit.SECONDS, "at most 15m")
    assert [lag.passes(value) for value in (899.9, 900, 900.1, None)] == [True, True, False, False]
    assert (places.limit, places.unit, places.describe()) == (2.0, Unit.COUNT, "at least 2")
    assert [places.passes(value) for value in (1, 2, 3, None)] == [False, True, True, False]
    assert policy.gates["region-lost"].passes(0)
    assert not policy.gates["region-lost"].passes(1)


def test_peer_regions(policy: RecoveryPolicy) -> None:
    assert policy.region_of_peer("us-ashburn-1") == "us-phoenix-1"
    assert policy.region_of_peer("us-phoenix-1") == "us-ashburn-1"
    with pytest.raises(ConfigError, match=r"eu-frankfurt-1 is no region of recovery\.yaml; name one of us-ashburn-1, "):
        policy.region_of_peer("eu-frankfurt-1")


def test_nothing_in_it_can_be_changed(policy: RecoveryPolicy) -> None:
    with pytest.raises(ValidationError):
        policy.objectives.rto = timedelta(1)
    with pytest.raises(TypeError):
        policy.gates["peer-lag"] = policy.gates["own-network"]  # pyright: ignore[reportIndexIssue]


def test_the_digest_is_of_the_content_not_the_layout(tmp_path: Path, policy: RecoveryPolicy) -> None:
    text = FILE.read_text()
    relaid = tmp_path / "relaid.yaml"
    relaid.write_text("# another comment\n" + text.replace("rto: 4h", "rto: 240 minutes"))
    assert load_policy(relaid).digest == policy.digest
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace("at_most: 15m", "at_most: 16m"))
    assert load_policy(changed).digest != policy.digest
    assert len(policy.digest) == 64

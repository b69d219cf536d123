"""Each invariant catches a violation planted in an otherwise valid journal, and a valid journal breaks none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fittrack_dr.domain import Effect, Ending, GateReading, Outcome, Plan, Proof, ProofKind, Status, Step, StepKind
from fittrack_dr.domain.entries import (
    AbortRequested,
    Approved,
    Asked,
    Closed,
    Intent,
    Judged,
    Noted,
    Opened,
    Result,
    TakenOver,
    Waived,
)
from fittrack_dr.domain.invariants import RULES, InvariantError, check, check_journal
from fittrack_dr.domain.progress import Progress
from fittrack_dr.domain.values import MalformedError
from fittrack_dr.errors import ExitCode
from tests.fittrack_dr.domain.journals import (
    APPROVAL,
    LEAD,
    NEW,
    OLD,
    ONCALL,
    PLAN,
    START,
    VALID,
    Line,
    chain,
    changed,
    done,
    upto,
    with_plan,
    without,
)

LATER = START + timedelta(minutes=30)
LAG = GateReading.at_most("peer-lag", 90, 60, unit="s", detail="PeerLag")
UNMEASURED = replace(LAG, value=None, passed=True)
RESTORE = Step("restore", "Restore", "restore", kind=StepKind.DESTRUCTIVE, effect=Effect.RESTORE, subject="ocid1.db")
DELETE = Step("delete", "Delete", "delete", kind=StepKind.DESTRUCTIVE, effect=Effect.DELETE, subject="ocid1.backup")
BARRED = Plan("barred", (Step("write", "Write", "write"),), gates=(LAG,))
TAKEOVER = Line(TakenOver("resumed"), ONCALL, "two")


def _second(line: Line) -> Line:
    return replace(line, session="two")


def _noted(text: str) -> list[Line]:
    return [VALID[0], Line(Noted(text))]


def _evidence(name: str, value: str) -> list[Line]:
    outcome = Outcome(Status.DONE, "ok", {"nested": [{name: value}]})
    return [*upto("result", "application"), Line(Result("application", 0, outcome))]


PLANTED: dict[str, dict[str, list[Line]]] = {
    "closed-stays-closed": {
        "a note after the end": [*VALID, Line(Noted("one more"))],
        "an approval after the end": [*VALID, Line(Approved(APPROVAL), LEAD, "lead")],
        "an abort after the end": [*VALID, Line(AbortRequested("late"), LEAD, "lead")],
    },
    "one-holder": {
        "a second session goes on without a takeover": changed("intent", "promote", _second),
        "the first session goes on after a takeover": [*upto("intent", "promote"), TAKEOVER, Line(Noted("still here"))],
        "a run opened twice": [VALID[0], VALID[0]],
    },
    "in-order": {"promoted without waiting for the fence": without("result", "fence")},
    "one-primary": {
        "a fence read but not proven": changed(
            "result", "fence", lambda line: replace(line, body=Result("fence", 0, done()))
        ),
        "another region's fence": changed(
            "result",
            "fence",
            lambda line: replace(line, body=Result("fence", 0, done("", Proof(ProofKind.FENCE_PROVEN, NEW)))),
        ),
        "asserted by nobody": changed(
            "approval", "", lambda line: replace(line, body=Approved(replace(APPROVAL, claims=())))
        ),
        "asserted by an approval that has run out": changed("intent", "promote", lambda line: replace(line, at=31)),
        "fenced in an earlier session": [
            *upto("intent", "promote"),
            TAKEOVER,
            Line(Judged(3, accepted=True, reason="holds"), session="two"),
            Line(Intent("promote", 1), session="two"),
        ],
        "no region to fence is named": with_plan(
            Plan("x", (Step("promote", "P", "p", effect=Effect.PROMOTE, subject=NEW),)), Line(Intent("promote", 1))
        ),
    },
    "name-follows-service": {
        "not ready": changed(
            "result", "application", lambda line: replace(line, body=Result("application", 0, done("running")))
        ),
        "not primary": changed("result", "promote", lambda line: replace(line, body=Result("promote", 1, done()))),
        "undone towards a side that serves nobody": [
            *upto("closed"),
            Line(Intent("cutover", 1, undo=True)),
        ],
        "undone after this run promoted": [
            *upto("result", "application"),
            Line(
                Result(
                    "application",
                    0,
                    done(
                        "",
                        *(
                            Proof(kind, region)
                            for kind in (ProofKind.READY, ProofKind.PRIMARY)
                            for region in (OLD, NEW)
                        ),
                    ),
                )
            ),
            Line(Intent("cutover", 1)),
            Line(Result("cutover", 1, Outcome(Status.FAILED, "not seen at the resolvers"))),
            Line(Intent("cutover", 1, undo=True)),
        ],
    },
    "intent-first-and-once": {
        "done without an intent": [
            *upto("intent", "promote"),
            Line(Result("promote", 0, done("", Proof(ProofKind.PRIMARY, NEW)))),
        ],
        "a result without an intent": without("intent", "promote"),
        "a second intent while the first is open": [
            *upto("result", "promote"),
            Line(Intent("promote", 2)),
        ],
        "a second intent after the first was done": [
            *upto("result", "application"),
            Line(Intent("promote", 2)),
        ],
        "a second intent after an unknown end": [
            *upto("result", "promote"),
            Line(Result("promote", 1, Outcome(Status.UNKNOWN, "no answer"))),
            Line(Intent("promote", 2)),
        ],
        "answering for another session's attempt": [
            *upto("result", "promote"),
            TAKEOVER,
            Line(Result("promote", 1, done()), session="two"),
        ],
        "an attempt passed over": [
            *upto("result", "promote"),
            Line(Result("promote", 0, Outcome(Status.ALREADY, "primary"))),
        ],
        "an attempt numbered wrongly": changed(
            "intent", "promote", lambda line: replace(line, body=Intent("promote", 2))
        ),
        "an intent of a step that only reads": [*upto("result", "fence"), Line(Intent("fence", 1))],
        "'needed' as a result": [
            *upto("intent", "promote"),
            Line(Result("promote", 0, Outcome(Status.NEEDED, "standby"))),
        ],
        "an undo's result without its intent": [
            *upto("closed"),
            Line(Result("cutover", 1, done(), undo=True)),
        ],
    },
    "restored-where-proven": {"no clone": with_plan(Plan("x", (RESTORE,)), Line(Intent("restore", 1)))},
    "retention-kept": {"too early": with_plan(Plan("x", (DELETE,)), Line(Intent("delete", 1)))},
    "gates-passed": {
        "over the limit": with_plan(BARRED, Line(Intent("write", 1))),
        "waived without a reason": with_plan(BARRED, Line(Waived("peer-lag", "  "))),
        "read in a step and not passed": [
            *upto("intent", "cutover"),
            Line(Result("application", 0, Outcome(Status.REFUSED, "behind", gates=(LAG,)))),
            Line(Intent("cutover", 1)),
        ],
    },
    "decided": {
        "never approved": [*VALID[:2], *VALID[4:6]],
        "approved but not examined": [*VALID[:3], *VALID[4:6]],
        "examined and not accepted": changed(
            "judged", "", lambda line: replace(line, body=Judged(3, accepted=False, reason="no"))
        ),
        "run out": changed("intent", "promote", lambda line: replace(line, at=30)),
        "of another plan": changed(
            "approval", "", lambda line: replace(line, body=Approved(replace(APPROVAL, plan_digest="0" * 64)))
        ),
        "of another run": changed(
            "approval", "", lambda line: replace(line, body=Approved(replace(APPROVAL, run="r")))
        ),
        "in someone else's name": changed("approval", "", lambda line: replace(line, author=ONCALL)),
        "by the operator": changed(
            "approval",
            "",
            lambda line: replace(line, author=ONCALL, body=Approved(replace(APPROVAL, approver=ONCALL.user))),
        ),
        "by whoever has taken the run over": [
            *upto("intent", "promote"),
            Line(TakenOver("mine now"), LEAD, "two"),
            Line(Judged(3, accepted=True, reason="holds"), LEAD, "two"),
        ],
        "examined before the takeover only": [
            *upto("intent", "promote"),
            TAKEOVER,
            Line(Result("fence", 0, done("", Proof(ProofKind.FENCE_PROVEN, OLD))), session="two"),
            Line(Intent("promote", 1), session="two"),
        ],
    },
    "closed-honestly": {
        "done without a step": [*upto("intent", "cutover"), Line(Closed(Ending.DONE, "done"))],
        "silent about what is unknown": [
            *upto("result", "promote"),
            Line(Closed(Ending.FAILED, "gave up")),
        ],
    },
    "no-secrets": {
        "a private key": _noted("-----BEGIN RSA PRIVATE KEY-----"),
        "a signed header": _noted('Signature version="1",keyId="ocid1.tenancy/ocid1.user/aa:bb"'),
        "a bearer address": _noted("PUT /p/9f8e7d6c5b4a39281706f5e4d3c2b1a0/n/fittrack/b/heartbeats/o/x"),
        "a token": _noted("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvbmNhbGwifQ.c2lnbmF0dXJl"),
        "a password in an address": _noted("redis://:hunter2hunter2@cache:6379 or https://me:hunter2@host/"),
        "a password in SQL": _noted('ALTER USER app IDENTIFIED BY "hunter2"'),
        "a field named like one": _evidence("admin_password", "hunter2"),
        "another": _evidence("wallet_passphrase", "hunter2"),
    },
    "measured-honestly": {
        "passed unmeasured, in the plan": with_plan(Plan("x", (), gates=(UNMEASURED,))),
        "passed unmeasured, in a step": [
            *upto("result", "application"),
            Line(Result("application", 0, Outcome(Status.DONE, "ready", gates=(UNMEASURED,)))),
        ],
        "done with a gate that did not pass": [
            *upto("result", "application"),
            Line(Result("application", 0, Outcome(Status.DONE, "ready", gates=(LAG,)))),
        ],
    },
}


def test_a_valid_journal_breaks_nothing() -> None:
    assert check_journal(chain(VALID)) == ()


def test_every_invariant_has_a_planted_violation() -> None:
    assert set(PLANTED) | {"chained"} == set(RULES)


@pytest.mark.parametrize(
    ("name", "plant"),
    [(name, plant) for name, plants in PLANTED.items() for plant in plants],
    ids=str,
)
def test_a_planted_violation_is_caught(name: str, plant: str) -> None:
    entries = chain(PLANTED[name][plant])
    assert name in {violation.invariant for violation in check_journal(entries)}


@pytest.mark.parametrize("field", ["previous", "number", "run"])
def test_a_broken_chain_is_caught(field: str) -> None:
    entries = chain(VALID)
    wrong = {"previous": "0" * 64, "number": 9, "run": "another"}[field]
    entries[4] = replace(entries[4], **{field: wrong})
    assert "chained" in {violation.invariant for violation in check_journal(entries)}


def test_an_entry_changed_afterwards_breaks_the_chain() -> None:
    entries = chain(VALID)
    entries[4] = replace(entries[4], time=entries[4].time + timedelta(seconds=1))
    assert [violation.invariant for violation in check_journal(entries)] == ["chained"]


def test_a_run_that_does_not_begin_with_its_first_entry_is_caught() -> None:
    first = replace(chain(VALID)[0], number=2)
    assert [violation.invariant for violation in check_journal([first])] == ["chained"]


def test_a_violation_is_refused_before_it_is_written() -> None:
    progress = Progress.of(chain(upto("result", "promote")))
    entry = chain([*upto("result", "promote"), Line(Intent("promote", 2))])[-1]
    with pytest.raises(InvariantError, match="what became of attempt 1 is not known") as caught:
        check(progress, entry)
    assert caught.value.invariant == "intent-first-and-once"
    assert caught.value.exit_code is ExitCode.REFUSED


def test_an_entry_about_no_step_is_malformed() -> None:
    with pytest.raises(MalformedError, match="'nothing', which is no step"):
        check_journal(chain([VALID[0], Line(Intent("nothing", 1))]))
    with pytest.raises(MalformedError, match="entry 2, which was judged, is no approval"):
        check_journal(chain([*VALID[:3], Line(Judged(2, accepted=True, reason="holds"))]))


def test_a_waived_gate_lets_the_run_pass_it() -> None:
    lines = with_plan(BARRED, Line(Waived("peer-lag", "the users wait")), Line(Intent("write", 1)))
    assert check_journal(chain(lines)) == ()


def test_evidence_that_only_names_where_a_secret_is_kept_is_no_secret() -> None:
    lines = _evidence("password_file", "secrets/db-password")
    assert check_journal(chain(lines)) == ()


def test_resolving_another_sessions_attempt_by_observing_is_allowed() -> None:
    found = Result("promote", 1, done("", Proof(ProofKind.PRIMARY, NEW)), observed=True)
    assert check_journal(chain([*upto("result", "promote"), TAKEOVER, Line(found, session="two")])) == ()


def test_a_restore_and_a_deletion_are_allowed_once_proven() -> None:
    for step, kind in ((RESTORE, ProofKind.RESTORE_POINT), (DELETE, ProofKind.RETENTION_ENDED)):
        look = Step("look", "Look", "look", kind=StepKind.READ)
        lines = with_plan(
            Plan("x", (look, replace(step, after=("look",)))),
            Line(Result("look", 0, done("", Proof(kind, step.subject)))),
            Line(Intent(step.id, 1)),
        )
        assert check_journal(chain(lines)) == ()


def test_asking_twice_in_one_session_is_allowed() -> None:
    lines = [VALID[0], Line(Asked("region-failover", "fence", LATER)), Line(Asked("region-failover", "fence", LATER))]
    assert check_journal(chain(lines)) == ()


def test_the_opening_entry_is_checked_too() -> None:
    secret = Plan("x", (), {"admin_password": "hunter2"})
    entry = chain([Line(Opened(secret, "0" * 64, rehearsal=True, version="0"))])[0]
    with pytest.raises(InvariantError, match="looks like a secret"):
        check(None, entry)
    assert PLAN.digest != secret.digest

"""Stored documents: what is wrong with one is named, with its field; equal values have equal bytes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fittrack_dr.domain import Effect, Entry, GateReading, Outcome, Plan, RecoveryState, Status, Step, render_plan
from fittrack_dr.domain.entries import BODIES, AbortRequested, Noted, TakenOver, Waived
from fittrack_dr.domain.plan import OnFailure, StepKind
from fittrack_dr.domain.progress import Progress
from fittrack_dr.domain.render import duration
from fittrack_dr.domain.values import Document, MalformedError, canonical
from tests.fittrack_dr.domain.journals import PLAN, VALID, Line, chain

WRONG = Document(
    {
        "text": 1,
        "flag": 1,
        "integer": True,
        "number": "1",
        "moment": "2026-03-01T12:00:00",
        "texts": [1],
        "mapping": [],
        "documents": [1],
        "list": "abc",
        "status": "perhaps",
    },
    "here",
)


@pytest.mark.parametrize(
    ("read", "complaint"),
    [
        (lambda: WRONG.text("text"), "here: 'text' is not a text"),
        (lambda: WRONG.text("absent"), "here: 'absent' is missing"),
        (lambda: WRONG.flag("flag"), "here: 'flag' is not true or false"),
        (lambda: WRONG.integer("integer"), "here: 'integer' is not an integer"),
        (lambda: WRONG.number("number"), "here: 'number' is not a number"),
        (lambda: WRONG.moment("moment"), "here: 'moment' is not a moment with its offset"),
        (lambda: WRONG.moment("status"), "here: 'status' is not an ISO-8601 moment"),
        (lambda: WRONG.texts("texts"), "here: 'texts' is not a list of texts"),
        (lambda: WRONG.texts("list"), "here: 'list' is not a list"),
        (lambda: WRONG.mapping("mapping"), "here: 'mapping' is not an object"),
        (lambda: WRONG.documents("documents"), r"here.documents\[0\] is not a JSON object"),
        (lambda: WRONG.member("status", Status), "here: 'status' is not one of done, already"),
        (lambda: Document.parse(b"{", "there"), "there is not JSON"),
        (lambda: Document.parse(b"[]", "there"), "there is not a JSON object"),
        (lambda: RecoveryState.decode(b"{}"), "recovery state: 'postures' is missing"),
        (lambda: Entry.decode(b"{}"), "journal entry: 'schema' is missing"),
    ],
)
def test_a_wrong_document_is_named_with_its_field(read: object, complaint: str) -> None:
    assert callable(read)
    with pytest.raises(MalformedError, match=complaint):
        read()


def test_canonical_json_is_sorted_compact_and_finite() -> None:
    assert canonical({"b": (1, None), "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))


def test_every_entry_reads_back_as_the_bytes_it_was_written_in() -> None:
    extra = [Line(Waived("peer-lag", "why")), Line(Noted("x")), Line(AbortRequested("y")), Line(TakenOver("z"))]
    entries = chain([*VALID, *extra])
    assert {entry.body.kind for entry in entries} == set(BODIES)
    for entry in entries:
        assert Entry.decode(entry.encode()).encode() == entry.encode()
        assert Entry.decode(entry.encode()).digest == entry.digest


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (b'"schema":1', b'"schema":2', "schema 2 is not 1"),
        (b'"kind":"note"', b'"kind":"poem"', "'poem' is no kind of entry"),
        (b'{"author"', b'{ "author"', "not in the form"),
        (b'"text":"x"', b'"text":7', "'text' is not a text"),
    ],
)
def test_an_entry_that_is_not_as_it_was_written_is_refused(before: bytes, after: bytes, complaint: str) -> None:
    data = chain([VALID[0], Line(Noted("x"))])[1].encode()
    assert before in data
    with pytest.raises(MalformedError, match=complaint):
        Entry.decode(data.replace(before, after))


def test_a_plan_whose_digest_does_not_fit_is_refused() -> None:
    data = chain(VALID)[0].encode()
    with pytest.raises(MalformedError, match="not the one its digest was taken of"):
        Entry.decode(data.replace(b'"target":"us-phoenix-1"', b'"target":"us-ashburn-1"'))


def test_a_journal_must_begin_by_opening() -> None:
    with pytest.raises(MalformedError, match="its first entry is a 'note'"):
        Progress.of(chain([Line(Noted("x"))]))
    with pytest.raises(MalformedError, match="empty"):
        Progress.of([])


def test_steps_are_ordered_by_what_they_wait_for_and_otherwise_as_written() -> None:
    plan = Plan(
        "x", tuple(Step(name, name, name, after=after) for name, after in (("d", ("c", "b")), ("c", ()), ("b", ())))
    )
    assert [step.id for step in plan.order] == ["c", "b", "d"]
    assert plan.step("b").title == "b"


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ((Step("a", "", "a"), Step("a", "", "a")), "two steps have the same id"),
        ((Step("a", "", "a", after=("b",)),), "step 'a' names 'b', which is no step"),
        ((Step("a", "", "a", undoes=("b",)),), "step 'a' names 'b', which is no step"),
        ((Step("a", "", "a", after=("b",)), Step("b", "", "b", after=("a",))), "wait for each other"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(steps: tuple[Step, ...], complaint: str) -> None:
    with pytest.raises(MalformedError, match=complaint):
        Plan("x", steps)


def test_the_digest_covers_what_is_done_and_not_how_much_a_gate_measured() -> None:
    def plan(value: float | None, title: str = "Write") -> Plan:
        gate = GateReading.at_most("peer-lag", value, 60, unit="s", detail=f"measured {value}")
        return Plan("x", (Step("write", title, "write"),), {"target": "phx"}, (gate,))

    assert plan(2).digest == plan(3.5).digest
    assert len({plan(2).digest, plan(61).digest, plan(2, "Erase").digest}) == 3
    assert plan(None).digest == plan(61).digest


def test_an_unknown_value_never_passes_a_gate() -> None:
    assert not GateReading.at_most("lag", None, 60, unit="s", detail="").passed
    assert not GateReading.at_least("points", None, 2, unit="", detail="").passed
    assert GateReading.at_least("points", 2, 2, unit="", detail="").passed
    assert GateReading.at_least("points", 2, 2, unit="", detail="").reading == "2 (limit 2)"
    assert GateReading("lag", None, None, "s", passed=False, detail="").reading == "unknown"


def test_a_plan_is_shown_with_its_gates_decisions_and_what_cannot_be_taken_back() -> None:
    gate = GateReading.at_most("peer-lag", None, 60, unit="s", detail="no datapoint")
    steps = (
        *PLAN.steps,
        Step("scale", "Scale up", "scale", on_failure=OnFailure.CONTINUE, deadline=timedelta(minutes=90)),
        Step("erase", "Erase", "erase", kind=StepKind.DESTRUCTIVE, effect=Effect.DELETE, subject="x"),
    )
    text = render_plan(Plan("region-failover", steps, {"target": "us-phoenix-1"}, (gate,)))
    assert "peer-lag: unknown (limit 60 s): NOT PASSED. no datapoint" in text
    assert "needs the decision 'region-failover'" in text
    assert "erase: Erase (CANNOT BE TAKEN BACK, at most 10 min)" in text
    assert "scale: Scale up (changes, at most 1 h 30 min)" in text
    assert "if it fails, the run goes on" in text
    assert "if it fails, undo cutover" in text
    assert duration(timedelta()) == "0 s"


def test_an_outcome_keeps_what_a_report_needs() -> None:
    outcome = Outcome(Status.RETRY, "later", {"attempts": 3}, delay=5)
    again = Outcome.from_document(Document.of(outcome.to_json(), "outcome"))
    assert (again.status, again.detail, again.evidence) == (Status.RETRY, "later", {"attempts": 3})

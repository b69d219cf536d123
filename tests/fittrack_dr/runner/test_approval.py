"""Approvals: a signature by the right person over the right words, or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fittrack_dr.domain import Approval, Person, Plan, Step
from fittrack_dr.domain.entries import Closed, Ending
from fittrack_dr.domain.progress import Progress
from fittrack_dr.errors import ConfigError, RefusedError
from fittrack_dr.recovery import load_policy
from fittrack_dr.runner.approval import deciders, judge, pending_decision, propose, refuse_outsider, sign, verify
from tests.crash.memory import ALLOWED, DBA, FINGERPRINT, KEY, LEAD, ONCALL, KnownPeople
from tests.fittrack_dr.domain.journals import APPROVAL, DECISION, START, VALID, Line, chain, upto, with_plan

OURS = replace(APPROVAL, fingerprint=FINGERPRINT, approver=LEAD.user)
PEOPLE = KnownPeople()


def pem(path: Path, **options: object) -> Path:
    encryption = options.get("encryption", NoEncryption())
    assert isinstance(encryption, NoEncryption | BestAvailableEncryption)
    path.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return path


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return pem(tmp_path / "key.pem")


def progress_with(approval: Approval, author: Person = LEAD) -> Progress:
    from fittrack_dr.domain.entries import Approved

    return Progress.of(chain([*upto("approval"), Line(Approved(approval), author, "lead")]))


def test_a_signature_verifies_with_its_key_and_nothing_else(key_file: Path) -> None:
    signed = sign(OURS, key_file)
    other = generate_private_key(public_exponent=65537, key_size=2048).public_key()
    assert verify(signed, PEOPLE.pem)
    assert not verify(signed, other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    assert not verify(signed, "no key")
    ed25519 = Ed25519PrivateKey.generate().public_key()
    assert not verify(signed, ed25519.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


@pytest.mark.parametrize(
    "change",
    [
        {"run": "another"},
        {"plan_digest": "0" * 64},
        {"decision": "full-restore"},
        {"approver": DBA.user},
        {"claims": ()},
        {"claims": ("isolated:us-phoenix-1",)},
        {"expires": APPROVAL.expires + timedelta(seconds=1)},
        {"issued": APPROVAL.issued - timedelta(seconds=1)},
        {"signature": "bm90IGEgc2lnbmF0dXJl"},
        {"signature": "***"},
        {"signature": ""},
    ],
)
def test_every_word_of_an_approval_is_signed(key_file: Path, change: dict[str, object]) -> None:
    assert not verify(replace(sign(OURS, key_file), **change), PEOPLE.pem)


def test_a_good_approval_is_accepted(key_file: Path) -> None:
    progress = progress_with(sign(OURS, key_file))
    judged = judge(progress, progress.signed[0], PEOPLE, ALLOWED, START + timedelta(minutes=1))
    assert (judged.accepted, judged.groups) == (True, ("FitTrackPlatformLeads",))


@pytest.mark.parametrize(
    ("approval", "author", "minutes", "reason"),
    [
        (OURS, LEAD, 31, "moment"),
        (replace(OURS, run="another"), LEAD, 1, "run and plan"),
        (replace(OURS, plan_digest="0" * 64), LEAD, 1, "run and plan"),
        (replace(OURS, issued=START + timedelta(minutes=20)), LEAD, 1, "moment"),
        (replace(OURS, approver=ONCALL.user), ONCALL, 1, "holder"),
        (OURS, DBA, 1, "run and plan"),
        (replace(OURS, approver=DBA.user), DBA, 1, "in no group that decides 'region-failover'"),
        (replace(OURS, fingerprint="00:00"), LEAD, 1, "IAM knows no API key 00:00"),
        (replace(OURS, decision="full-restore"), LEAD, 1, "in no group that decides 'full-restore'"),
    ],
)
def test_a_bad_approval_is_not_accepted_and_the_reason_said(
    key_file: Path, approval: Approval, author: Person, minutes: int, reason: str
) -> None:
    progress = progress_with(sign(approval, key_file), author)
    judged = judge(progress, progress.signed[0], PEOPLE, ALLOWED, START + timedelta(minutes=minutes))
    assert not judged.accepted
    assert reason in judged.reason


def test_a_forged_approval_is_not_accepted(key_file: Path) -> None:
    progress = progress_with(replace(sign(OURS, key_file), claims=("isolated:us-phoenix-1",)))
    judged = judge(progress, progress.signed[0], PEOPLE, ALLOWED, START + timedelta(minutes=1))
    assert (judged.accepted, judged.reason) == (False, "its signature does not verify against the key in IAM")


def test_an_encrypted_key_opens_with_its_pass_phrase_and_is_never_shown(tmp_path: Path) -> None:
    key = pem(tmp_path / "key.pem", encryption=BestAvailableEncryption(b"open sesame"))
    assert verify(sign(OURS, key, "open sesame"), PEOPLE.pem)
    for wrong in (None, "open barley"):
        with pytest.raises(ConfigError, match="not a PEM private key that its pass phrase opens") as caught:
            sign(OURS, key, wrong)
        assert "barley" not in str(caught.value)


def test_a_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing.pem cannot be read"):
        sign(OURS, tmp_path / "nothing.pem")
    other = tmp_path / "ed25519.pem"
    other.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ConfigError, match="is not an RSA key"):
        sign(OURS, other)


def proposal(progress: Progress, approver: Person) -> Approval:
    return propose(
        progress,
        DECISION,
        approver,
        fingerprint=FINGERPRINT,
        claims=(),
        now=START,
        validity=timedelta(minutes=30),
    )


def test_what_cannot_count_is_refused_before_it_is_signed() -> None:
    running = Progress.of(chain(upto("approval")))
    assert proposal(running, LEAD).expires == START + timedelta(minutes=30)
    with pytest.raises(RefusedError, match=r"oncall operates run .*; someone else has to approve it"):
        proposal(running, ONCALL)
    with pytest.raises(RefusedError, match="is closed"):
        proposal(Progress.of(chain(VALID)), LEAD)
    with pytest.raises(
        RefusedError, match=r"dba is not in a group that decides 'region-failover' \(FitTrackPlatformLeads"
    ):
        refuse_outsider(DECISION, DBA, PEOPLE.groups(DBA.user), ALLOWED)
    refuse_outsider(DECISION, LEAD, PEOPLE.groups(LEAD.user), ALLOWED)


def test_the_decision_meant_is_the_one_asked_for() -> None:
    steps = (Step("a", "A", "a", decision="full-restore"), Step("b", "B", "b", decision=DECISION))
    both = Progress.of(chain(with_plan(Plan("x", steps))))
    assert pending_decision(Progress.of(chain(upto("approval")))) == DECISION
    assert pending_decision(both, "full-restore") == "full-restore"
    with pytest.raises(ConfigError, match="which decision is meant"):
        pending_decision(both)
    with pytest.raises(ConfigError, match="needs the decision 'breach'"):
        pending_decision(both, "breach")


def test_closing_is_remembered() -> None:
    progress = Progress.of(chain([*upto("approval"), Line(Closed(Ending.REFUSED, "late"))]))
    with pytest.raises(RefusedError, match=r"is closed \(refused\)"):
        proposal(progress, LEAD)


def test_who_decides_comes_from_the_policy() -> None:
    allowed = deciders(load_policy(Path("recovery.yaml")))
    assert allowed["region-failover"] == {"FitTrackPlatformLeads"}
    assert allowed["full-restore"] == {"FitTrackDatabaseAdmins", "FitTrackPlatformLeads"}

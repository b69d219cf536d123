"""The operator's vocabulary: plans, steps, outcomes, gates, approvals, journal entries and the adapters' protocols.

Pure: frozen data and functions over it. No clock is read here and nothing is sent anywhere.
"""

from fittrack_dr.domain.approval import Approval, isolation_claim
from fittrack_dr.domain.entries import Ending, Entry, Person
from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.outcome import Outcome, Proof, ProofKind, Status
from fittrack_dr.domain.plan import Effect, OnFailure, Plan, Step, StepKind
from fittrack_dr.domain.protocols import (
    Action,
    Clock,
    Context,
    Identities,
    JournalStore,
    Reading,
    StateStore,
    StoppedError,
)
from fittrack_dr.domain.render import render_plan
from fittrack_dr.domain.state import RecoveryState
from fittrack_dr.domain.values import JSON, MalformedError

__all__ = [
    "JSON",
    "Action",
    "Approval",
    "Clock",
    "Context",
    "Effect",
    "Ending",
    "Entry",
    "GateReading",
    "Identities",
    "JournalStore",
    "MalformedError",
    "OnFailure",
    "Outcome",
    "Person",
    "Plan",
    "Proof",
    "ProofKind",
    "Reading",
    "RecoveryState",
    "StateStore",
    "Status",
    "Step",
    "StepKind",
    "StoppedError",
    "isolation_claim",
    "render_plan",
]

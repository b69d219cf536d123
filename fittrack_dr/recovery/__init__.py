"""The recovery policy: what was promised, what is kept, who decides, and the limits of every procedure. Pure."""

from fittrack_dr.recovery.gates import GATES, Gate, Unit
from fittrack_dr.recovery.loader import load_policy
from fittrack_dr.recovery.policy import RecoveryPolicy
from fittrack_dr.recovery.quantities import describe_duration, parse_duration
from fittrack_dr.recovery.retention import Storage
from fittrack_dr.recovery.types import CriticalTable, Decision, RetentionClass, Role, Tier

__all__ = [
    "GATES",
    "CriticalTable",
    "Decision",
    "Gate",
    "RecoveryPolicy",
    "RetentionClass",
    "Role",
    "Storage",
    "Tier",
    "Unit",
    "describe_duration",
    "load_policy",
    "parse_duration",
]

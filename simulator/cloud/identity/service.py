"""The Identity service: importing the modules registers their calls."""

from simulator.cloud.identity import keys, members, tenancy, users
from simulator.cloud.identity.base import SERVICE

__all__ = ["SERVICE", "keys", "members", "tenancy", "users"]

"""What a procedure works with: the policy, the profile, the clock, and one client per boundary.

Clients are made lazily and once, so that a command pays only for the boundaries it crosses. Nothing here decides
anything; what is unreachable shows when it is used.
"""

from __future__ import annotations

from functools import cached_property

from fittrack_dr.clients.database import DatabaseClient
from fittrack_dr.clients.dns import NameServers, Records
from fittrack_dr.clients.healthchecks import HealthChecksClient
from fittrack_dr.clients.http import Web
from fittrack_dr.clients.identity import IdentityClient
from fittrack_dr.clients.inventory import read_inventory
from fittrack_dr.clients.monitoring import MonitoringClient
from fittrack_dr.clients.objectstorage import ObjectStorageClient
from fittrack_dr.clients.oraclenet import OracleNet
from fittrack_dr.clients.profile import Profile
from fittrack_dr.clients.session import CONNECT_SECONDS, READ_SECONDS, Session
from fittrack_dr.clients.stores import BucketStateStore
from fittrack_dr.domain import Clock, StateStore
from fittrack_dr.domain.cloud import Inventory
from fittrack_dr.errors import UnreachableError
from fittrack_dr.recovery import RecoveryPolicy

PROBE_SECONDS = 2.0
"""Wall time in which an answer counts as an answer when the question is whether a region is there at all."""


class Environment:
    """One command's view of the world.

    ``connect`` and ``read`` are the time-outs of API calls, ``total`` that of a whole HTTP request or database
    conversation, in wall seconds. ``states`` replaces the control bucket as the place of the recovery state.
    """

    def __init__(
        self,
        policy: RecoveryPolicy,
        profile: Profile,
        clock: Clock,
        *,
        connect: float = CONNECT_SECONDS,
        read: float = READ_SECONDS,
        total: float = 5.0,
        states: StateStore | None = None,
    ) -> None:
        self.policy = policy
        self.profile = profile
        self.clock = clock
        self.session = Session(profile, connect=connect, read=read)
        self._total = total
        self._states = states

    @cached_property
    def probing(self) -> Environment:
        """The same world, asked with little patience: for probes of what may be dark."""
        return Environment(
            self.policy,
            self.profile,
            self.clock,
            connect=PROBE_SECONDS,
            read=PROBE_SECONDS,
            total=PROBE_SECONDS,
            states=self._states,
        )

    @cached_property
    def inventory(self) -> Inventory:
        """What exists, as provisioning wrote it to both regions: the control region's copy, or another that answers.

        Raises ConfigError when it is missing.
        """
        control = self.policy.control
        others = [stack.region for stack in self.policy.stacks.values() if stack.region != control.region]
        try:
            return read_inventory(self.control_bucket)
        except UnreachableError:
            for region in others:
                return read_inventory(ObjectStorageClient(self.session, region, control.bucket, control.namespace))
            raise

    @cached_property
    def control_bucket(self) -> ObjectStorageClient:
        """Where recovery state, journals and inventory are kept."""
        control = self.policy.control
        return ObjectStorageClient(self.session, control.region, control.bucket, control.namespace)

    @cached_property
    def states(self) -> StateStore:
        """The recovery state."""
        return self._states or BucketStateStore(self.control_bucket)

    @cached_property
    def name_servers(self) -> NameServers:
        """The resolvers and the authoritative server that the profile names."""
        return NameServers(self.profile)

    @cached_property
    def web(self) -> Web:
        """HTTP by address."""
        return Web(self.profile, self.name_servers, total=self._total)

    def database(self, region: str) -> DatabaseClient:
        """The Database service of a region."""
        return DatabaseClient(self.session, region)

    def oracle_net(self, region: str) -> OracleNet:
        """Sessions with a region's database."""
        schema = self.policy.export.schema_name
        return OracleNet(self.profile, self.profile.tns_alias(region), schema=schema, seconds=self._total)

    def monitoring(self, region: str) -> MonitoringClient:
        """Metrics of a region."""
        return MonitoringClient(self.session, region)

    def health_checks(self, region: str) -> HealthChecksClient:
        """The health checks' results, as a region's API hands them out."""
        return HealthChecksClient(self.session, region)

    def identities(self, region: str) -> IdentityClient:
        """IAM, read in a region."""
        return IdentityClient(self.session, region)

    def records(self, region: str) -> Records:
        """The zone's records, written through a region's API."""
        return Records(self.session, region, self.inventory.dns_zone_id)

    def bucket(self, region: str, name: str) -> ObjectStorageClient:
        """A bucket of a region."""
        return ObjectStorageClient(self.session, region, name)

    def close(self) -> None:
        """Close every connection that was opened."""
        self.session.close()
        if "probing" in self.__dict__:
            self.probing.close()

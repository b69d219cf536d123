"""Where the one name points: at the API, at the zone's own servers, at every resolver; and which region serves.

Read only. ``dns status`` shows it, the cutover is planned from it and waits on it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fittrack_dr.clients.dns import Answer, RecordSet
from fittrack_dr.clients.http import WebAnswer
from fittrack_dr.domain.cloud import DatabaseRole
from fittrack_dr.errors import ConfigError, FittrackError, PermanentError, RetryableError
from fittrack_dr.scenarios.environment import Environment


@dataclass(frozen=True)
class Serving:
    """Whether the name may point at a region: its database's role and its application's answer, each as just read.

    ``role`` is None when the control plane did not tell it; ``role_detail`` then says why.
    """

    region: str
    role: DatabaseRole | None
    role_detail: str
    answer: WebAnswer

    @property
    def primary(self) -> bool:
        """The database was read as PRIMARY."""
        return self.role is DatabaseRole.PRIMARY

    @property
    def holds(self) -> bool:
        """PRIMARY and ready: the only state in which a write of ours points the name here."""
        return self.primary and self.answer.ok

    @property
    def problem(self) -> str:
        """What is missing, in words; empty when nothing is."""
        missing: list[str] = []
        if not self.primary:
            missing.append(f"its database is {self.role_detail}, not PRIMARY")
        if not self.answer.ok:
            missing.append(f"its application is not ready ({self.answer.detail} at {self.answer.address})")
        return " and ".join(missing)


@dataclass(frozen=True)
class NameView:
    """The name as each place tells it. ``record`` is None when no region's API told it; ``record_detail`` says why."""

    record: RecordSet | None
    record_region: str
    record_detail: str
    authoritative: tuple[Answer, ...]
    resolvers: tuple[Answer, ...]

    @property
    def told(self) -> bool:
        """Whether anybody who must know could be asked."""
        return self.record is not None or any(answer.addresses for answer in self.authoritative)


def addresses(environment: Environment) -> dict[str, str]:
    """Region to its load balancer's address, as the inventory has them."""
    return {name: region.load_balancer for name, region in environment.inventory.regions.items()}


def region_of(environment: Environment, held: tuple[str, ...]) -> str | None:
    """The region whose address alone is held; None for a foreign address or a mixture."""
    return next((name for name, address in addresses(environment).items() if held == (address,)), None)


def check_region(environment: Environment, region: str) -> str:
    """The region, when the inventory has it. Raises ConfigError naming those that it has."""
    known = environment.inventory.regions
    if region not in known:
        raise ConfigError(f"region {region!r} is not in the inventory; it has {', '.join(sorted(known))}")
    return region


def look_at_region(environment: Environment, region: str) -> Serving:
    """One look at a region's database role and at its application's readiness, side by side."""
    inventory = environment.inventory.regions[check_region(environment, region)]
    policy = environment.policy
    with ThreadPoolExecutor(2, thread_name_prefix="serving") as pool:
        role = pool.submit(_role, environment, region)
        answer = pool.submit(
            environment.web.application_at,
            inventory.load_balancer,
            policy.dns.name,
            policy.application.health_path,
        )
        return Serving(region, *role.result(), answer.result())


def look_at_name(environment: Environment) -> NameView:
    """The record and every name server's answer, side by side."""
    name = environment.policy.dns.name
    servers = environment.name_servers
    with ThreadPoolExecutor(8, thread_name_prefix="names") as pool:
        record = pool.submit(_record, environment, name)
        resolvers = [pool.submit(servers.ask, resolver, name) for resolver in servers.resolvers]
        own = pool.submit(ask_authoritative, environment)
        return NameView(*record.result(), own.result(), tuple(each.result() for each in resolvers))


def ask_authoritative(environment: Environment) -> tuple[Answer, ...]:
    """What the zone's own servers answer; empty when nobody can tell which they are."""
    dns, servers = environment.policy.dns, environment.name_servers
    try:
        return tuple(servers.ask(server, dns.name) for server in servers.authoritative(dns.zone))
    except RetryableError:
        return ()


def _role(environment: Environment, region: str) -> tuple[DatabaseRole | None, str]:
    try:
        record = environment.database(region).get(environment.inventory.regions[region].database_id)
    except (RetryableError, PermanentError) as error:
        return None, f"unknown: {error}"
    return record.role, str(record.role or "without a role")


def _record(environment: Environment, name: str) -> tuple[RecordSet | None, str, str]:
    """The record by the first region's API that tells it, the control region first."""
    control = environment.policy.control.region
    problems: list[str] = []
    for region in sorted(environment.inventory.regions, key=lambda each: (each != control, each)):
        try:
            return environment.records(region).read(name), region, ""
        except ConfigError:
            raise
        except FittrackError as error:
            problems.append(str(error))
    return None, "", "; ".join(problems)

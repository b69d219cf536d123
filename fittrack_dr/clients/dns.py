"""Names: the record at OCI's DNS service, and what authoritative servers and resolvers say of it.

The record is changed by compare-and-swap only: what was read is required to be still there, or nothing happens.
Questions go to named servers, never through this machine's own resolver: only so can it be told who still hears the
old answer. A question is bounded in wall time and its failure is an answer too.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fittrack_dr.clients.failures import reading, writing
from fittrack_dr.clients.profile import Address, Profile
from fittrack_dr.clients.session import Session
from fittrack_dr.errors import ChangedError, NotFoundError, PermanentError, UnreachableError

if TYPE_CHECKING:
    from dns.message import Message

ATTEMPTS = 2
ATTEMPT_SECONDS = 2.0
"""Wall time for each try: a datagram may get lost, a resolver asks for up to a second or two itself."""

_DNS_PORT = 53


@dataclass(frozen=True)
class RecordSet:
    """The address records of one name as OCI holds them. ``ttl`` is in seconds; None without a record.

    ``etag`` names this state: a swap from it fails when anybody changed the set since.
    """

    name: str
    addresses: tuple[str, ...]
    ttl: int | None
    etag: str

    def __str__(self) -> str:
        return ", ".join(self.addresses) or "no address"


class Records:
    """The records of one zone (its OCID), by the API of one region."""

    def __init__(self, session: Session, region: str, zone: str) -> None:
        self._session = session
        self._zone = zone
        self.region = region

    def read(self, name: str) -> RecordSet:
        """The name's address records, empty when it has none. Raises NotFoundError when there is no such zone."""
        with reading(f"read the record {name} in {self.region}", self._session.profile):
            response: Any = self._client().get_rr_set(self._zone, name, "A", limit=100)
            records = list(response.data.items)
            return RecordSet(
                name=name,
                addresses=tuple(sorted(str(record.rdata) for record in records)),
                ttl=min((int(record.ttl) for record in records), default=None),
                etag=str(response.headers["etag"]),
            )

    def swap(self, old: RecordSet, address: str, ttl: int) -> None:
        """Replace exactly the records of ``old`` by one address.

        Raises ChangedError, with nothing changed, when the set is not as it was read; OutcomeUnknownError when the
        answer was lost.
        """
        from oci.dns import models
        from oci.exceptions import ServiceError

        def line(operation: str, rdata: str | None, seconds: int | None = None) -> Any:
            return models.RecordOperation(operation=operation, domain=old.name, rtype="A", rdata=rdata, ttl=seconds)

        lines = [line("REQUIRE", held) for held in old.addresses] or [line("PROHIBIT", None)]
        lines += [line("REMOVE", held) for held in old.addresses if held != address]
        lines.append(line("ADD", address, ttl))
        with writing(f"change the record {old.name} in {self.region}", self._session.profile):
            try:
                self._client().patch_rr_set(
                    self._zone, old.name, "A", models.PatchRRSetDetails(items=lines), if_match=old.etag
                )
            except ServiceError as error:
                # Which of the two a failed precondition answers is not documented; neither changes anything.
                if error.status in (409, 412):
                    text = f"the record {old.name} is no longer {old}: somebody else changed it; nothing was changed"
                    raise ChangedError(text) from error
                raise

    def _client(self) -> Any:
        from oci.dns import DnsClient

        return self._session.client(DnsClient, self.region)


class Reply(enum.StrEnum):
    """What a name server had to say."""

    ADDRESSES = "addresses"
    NO_SUCH_NAME = "no such name"
    NO_ADDRESS = "no address"
    REFUSED = "refused"
    FAILED = "server failure"
    SILENT = "no answer"


@dataclass(frozen=True)
class Answer:
    """One server's answer to "what address has this name?". ``ttl``: seconds for which it may be told further.

    Of a resolver that is what remains; of an authoritative server the whole. None when there is nothing to tell.
    """

    server: Address
    reply: Reply
    addresses: tuple[str, ...] = ()
    ttl: int | None = None

    def __str__(self) -> str:
        return ", ".join(self.addresses) if self.addresses else self.reply.value


class NameServers:
    """The profile's resolvers and the zone's authoritative servers."""

    def __init__(self, profile: Profile, *, attempt: float = ATTEMPT_SECONDS) -> None:
        self._profile = profile
        self._attempt = attempt

    @property
    def resolvers(self) -> tuple[Address, ...]:
        """The resolvers that the profile names."""
        return self._profile.resolvers

    def authoritative(self, zone: str) -> tuple[Address, ...]:
        """The zone's own servers: the profile's, else as the zone's NS records name them.

        Raises UnreachableError when no resolver can tell.
        """
        if self._profile.authoritative is not None:
            return (self._profile.authoritative,)
        found: list[Address] = []
        for name in self._names(zone):
            for answer in self.ask_resolvers(name):
                found += [Address(address, _DNS_PORT) for address in answer.addresses]
        if not found:
            raise UnreachableError(f"no resolver knows the name servers of {zone}", delay=5.0)
        return tuple(dict.fromkeys(found))

    def ask_resolvers(self, name: str) -> tuple[Answer, ...]:
        """Every resolver's answer."""
        return tuple(self.ask(resolver, name) for resolver in self.resolvers)

    def ask(self, server: Address, name: str) -> Answer:
        """One server's answer; never raises for what a network or a server does."""
        message = self._exchange(server, name, "A")
        if message is None:
            return Answer(server, Reply.SILENT)
        return _answer(server, message)

    def resolve(self, name: str) -> str:
        """An address of the name as a user gets it, from the first resolver that knows.

        Raises NotFoundError when the resolvers say that there is none, UnreachableError when none of them can tell.
        """
        answers: list[Answer] = []
        for resolver in self.resolvers:
            answer = self.ask(resolver, name)
            if answer.addresses:
                return answer.addresses[0]
            answers.append(answer)
        told = "; ".join(f"{answer.server}: {answer}" for answer in answers)
        if any(answer.reply in (Reply.NO_SUCH_NAME, Reply.NO_ADDRESS) for answer in answers):
            raise NotFoundError(f"{name} has no address ({told})")
        raise UnreachableError(f"no resolver could tell the address of {name} ({told})", delay=5.0)

    def _names(self, zone: str) -> list[str]:
        import dns.rdatatype

        for resolver in self.resolvers:
            message = self._exchange(resolver, zone, "NS")
            if message is not None:
                sets = [rrset for rrset in message.answer if rrset.rdtype == dns.rdatatype.NS]
                if sets:
                    return sorted(rdata.to_text() for rrset in sets for rdata in rrset)
        return []

    def _exchange(self, server: Address, name: str, rtype: str) -> Message | None:
        """The server's response over UDP, over TCP where that was truncated; None when it says nothing usable."""
        import dns.exception
        import dns.message
        import dns.query

        self._profile.admit(server.host, f"the name server {server}")
        try:
            query = dns.message.make_query(name, rtype, use_edns=0)
        except (dns.exception.DNSException, ValueError) as error:
            raise PermanentError(f"{name!r} is no domain name: {error}") from error
        for _ in range(ATTEMPTS):
            try:
                message, _ = dns.query.udp_with_fallback(query, server.host, self._attempt, server.port)
            except (dns.exception.DNSException, OSError, EOFError, ValueError):
                continue
            return message
        return None


def _answer(server: Address, message: Message) -> Answer:
    import dns.rcode
    import dns.rdatatype

    code = message.rcode()
    if code == dns.rcode.NXDOMAIN:
        return Answer(server, Reply.NO_SUCH_NAME)
    if code == dns.rcode.REFUSED:
        return Answer(server, Reply.REFUSED)
    if code != dns.rcode.NOERROR:
        return Answer(server, Reply.FAILED)
    sets = [rrset for rrset in message.answer if rrset.rdtype == dns.rdatatype.A]
    if not sets:
        return Answer(server, Reply.NO_ADDRESS)
    addresses = sorted(rdata.to_text() for rrset in sets for rdata in rrset)
    # An alias before the address may run out sooner than the address itself.
    return Answer(server, Reply.ADDRESSES, tuple(addresses), min(int(rrset.ttl) for rrset in message.answer))

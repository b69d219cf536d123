"""A caching resolver as users and operators have one: it remembers, in world time, for as long as the TTL says.

It knows one server to ask, the edge's authoritative one, and asks it over the wire. When that is dark it still serves
what it holds and says SERVFAIL to the rest. Faults, set from outside: ``stale`` (a resolver that goes on serving what
has run out) and ``dark`` (no answer at all).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from simulator.edge.authority import alias_target
from simulator.kernel.clock import WorldClock

ATTEMPTS = 2
ATTEMPT_SECONDS = 0.6
"""Wall time: how long the authoritative server may take, each try."""

MAX_TTL = 86400
MAX_NEGATIVE_TTL = 3600
STALE_TTL = 30
"""The TTL that a stale answer carries (RFC 8767, section 4)."""

MAX_ALIASES = 8
MAX_ENTRIES = 10_000

Question = tuple[dns.name.Name, dns.rdatatype.RdataType]


@dataclass(frozen=True)
class Entry:
    """An answer and how long it may be told: seconds of ``ttl`` from ``stored``."""

    rcode: dns.rcode.Rcode
    answer: tuple[dns.rrset.RRset, ...]
    authority: tuple[dns.rrset.RRset, ...]
    stored: datetime
    ttl: int

    def age(self, now: datetime) -> int:
        """Whole seconds since it was stored."""
        return max(0, int((now - self.stored).total_seconds()))

    def fresh(self, now: datetime) -> bool:
        """Whether the TTL still runs."""
        return now < self.stored + timedelta(seconds=self.ttl)


class UpstreamError(Exception):
    """The authoritative server gave no usable answer."""


class Resolver:
    """One resolver: a cache before one authoritative server at ``upstream`` (host, port)."""

    def __init__(self, clock: WorldClock, upstream: tuple[str, int]) -> None:
        self.stale = False
        """Whether it tells what it once cached for ever (a fault)."""
        self._clock = clock
        self._upstream = upstream
        self._cache: dict[Question, Entry] = {}
        self._asking: dict[Question, asyncio.Task[Entry]] = {}

    async def answer(self, query: dns.message.Message, source: str) -> dns.message.Message | None:
        """The response from cache or from the authoritative server."""
        response = dns.message.make_response(query, recursion_available=True)
        question = (query.question[0].name, query.question[0].rdtype)
        recurse = bool(query.flags & dns.flags.RD)
        try:
            await self._fill(response, question, recurse=recurse)
        except UpstreamError:
            response.answer.clear()
            response.authority.clear()
            response.set_rcode(dns.rcode.SERVFAIL if recurse else dns.rcode.REFUSED)
        return response

    def flush(self) -> None:
        """Forget everything."""
        self._cache.clear()

    async def stop(self) -> None:
        """Give up questions that still run."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _fill(self, response: dns.message.Message, question: Question, *, recurse: bool) -> None:
        for _ in range(MAX_ALIASES):
            entry = await self._entry(question, recurse=recurse)
            self._tell(response, entry)
            alias = _dangling_alias(entry, question)
            if alias is None:
                return
            question = (alias, question[1])
        raise UpstreamError("a loop of aliases")

    async def _entry(self, question: Question, *, recurse: bool) -> Entry:
        held = self._cache.get(question)
        if held is not None and (held.fresh(self._clock.now()) or self.stale):
            return held
        if not recurse:
            raise UpstreamError("not in the cache, and no recursion was desired")
        # One question upstream, however many ask at the same time.
        task = self._asking.get(question)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(question))
            self._asking[question] = task
            task.add_done_callback(lambda done: self._asked(question, done))
        return await asyncio.shield(task)

    def _asked(self, question: Question, task: asyncio.Task[Entry]) -> None:
        self._asking.pop(question, None)
        if not task.cancelled():
            task.exception()  # looked at here, because whoever waited may be gone

    async def _ask(self, question: Question) -> Entry:
        name, rdtype = question
        query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232, flags=0)
        host, port = self._upstream
        for attempt in range(ATTEMPTS):
            try:
                reply, _ = await dns.asyncquery.udp_with_fallback(query, host, ATTEMPT_SECONDS, port)
            except (dns.exception.DNSException, OSError, EOFError) as error:
                if attempt == ATTEMPTS - 1:
                    raise UpstreamError(f"{host} gave no answer") from error
                continue
            return self._remember(question, reply)
        raise UpstreamError(f"{host} was not asked")

    def _remember(self, question: Question, reply: dns.message.Message) -> Entry:
        if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise UpstreamError(f"the authoritative server said {dns.rcode.to_text(reply.rcode())}")
        entry = Entry(reply.rcode(), tuple(reply.answer), tuple(reply.authority), self._clock.now(), _lifetime(reply))
        if entry.ttl > 0:
            while len(self._cache) >= MAX_ENTRIES:
                del self._cache[next(iter(self._cache))]
            self._cache[question] = entry
        return entry

    def _tell(self, response: dns.message.Message, entry: Entry) -> None:
        """Append the entry's records with what remains of their TTLs."""
        now = self._clock.now()
        stale = entry.ttl > 0 and not entry.fresh(now)
        for source, target in ((entry.answer, response.answer), (entry.authority, response.authority)):
            for rrset in source:
                ttl = STALE_TTL if stale else max(0, rrset.ttl - entry.age(now))
                target.append(dns.rrset.from_rdata_list(rrset.name, ttl, list(rrset)))
        response.set_rcode(entry.rcode)


def _lifetime(reply: dns.message.Message) -> int:
    """Seconds for which the reply may be cached: its shortest TTL, an absence's from the SOA (RFC 2308)."""
    ttls = [rrset.ttl for rrset in reply.answer]
    negative = [rrset.ttl for rrset in reply.authority if rrset.rdtype == dns.rdatatype.SOA]
    if not reply.answer or reply.rcode() == dns.rcode.NXDOMAIN:
        ttls += [min(ttl, MAX_NEGATIVE_TTL) for ttl in negative]
    return min([*ttls, MAX_TTL]) if ttls else 0


def _dangling_alias(entry: Entry, question: Question) -> dns.name.Name | None:
    """Where the entry's chain of aliases leads when it does not lead to data or to a proof of absence."""
    rdtype = question[1]
    if rdtype in (dns.rdatatype.CNAME, dns.rdatatype.ANY) or entry.authority or not entry.answer:
        return None
    last = entry.answer[-1]
    return alias_target(last) if last.rdtype == dns.rdatatype.CNAME else None

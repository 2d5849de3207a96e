"""A name server whose answers a test writes itself, one set per question, so that a name can change its mind."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Answers = Sequence[Sequence[str]]
"""Of each question in turn, the addresses; the last one stays. A host name among them is an alias (CNAME)."""
TTL = 0


class NameServer(asyncio.DatagramProtocol):
    """Answers A and AAAA questions over UDP; a name it does not know has no address (NXDOMAIN).

    `records` maps a name to its answers; `asked` counts the A questions per name. The AAAA question of a name that has
    answers in turn gets those of the same turn, as both are asked together. `delays` (seconds) are of single names.
    """

    def __init__(self, records: Mapping[str, Answers], *, delays: Mapping[str, float] | None = None) -> None:
        self.records = records
        self._delays = delays or {}
        self.asked: Counter[str] = Counter()
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, address: str) -> Self:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, 53), reuse_port=True)
        self._transport = transport
        return self

    async def __aenter__(self) -> Self:
        assert self._transport is not None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._transport is not None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        pass

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        wait = self._delays.get(name, 0)
        asyncio.get_running_loop().call_later(wait, self._transport.sendto, self._answer(query).to_wire(), addr)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        if name not in self.records:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response
        if question.rdtype == dns.rdatatype.A:
            self.asked[name] += 1
        turns = self.records[name]
        addresses = turns[min(max(self.asked[name] - 1, 0), len(turns) - 1)]
        self._add(response, question.name, question.rdtype, addresses)
        return response

    def _add(
        self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType, values: Sequence[str]
    ) -> None:
        for value in values:
            if value.endswith(".test"):
                alias = dns.rrset.from_text(name, TTL, "IN", "CNAME", f"{value}.")
                response.answer.append(alias)
                self._add(response, dns.name.from_text(value), kind, self.records[value][0])
        fits = [value for value in values if (":" in value) == (kind == dns.rdatatype.AAAA) and value[-1] != "t"]
        if kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            # A set of its own for each: within one they would be shuffled.
            response.answer += [dns.rrset.from_text(name, TTL, "IN", kind, value) for value in fits]

"""An ear on the wire of a namespace (netns.py): where anything sets out for, whether or not something listens there."""

from __future__ import annotations

import asyncio
import ctypes
import ipaddress
import socket
import struct

_SO_ATTACH_FILTER = 26
_ETH_P_ALL = 3
_OUTGOING = 4
_DNS = 53
# A classic BPF program. Keeps UDP, and of TCP what opens a connection (SYN without ACK), of both IP versions. The
# offsets are those of headers without options, as the local stack sends them.
_OPENINGS = (
    (0x30, 0, 0, 0),
    (0x54, 0, 0, 0xF0),
    (0x15, 0, 5, 0x40),  # IPv4
    (0x30, 0, 0, 9),
    (0x15, 9, 0, socket.IPPROTO_UDP),
    (0x15, 0, 9, socket.IPPROTO_TCP),
    (0x30, 0, 0, 20 + 13),
    (0x05, 0, 0, 4),
    (0x30, 0, 0, 6),  # IPv6
    (0x15, 4, 0, socket.IPPROTO_UDP),
    (0x15, 0, 4, socket.IPPROTO_TCP),
    (0x30, 0, 0, 40 + 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)


class Wire:
    """`sent` holds `tcp:PORT:ADDRESS` or `udp:PORT:ADDRESS` of each; what name servers answer is left out."""

    def __init__(self) -> None:
        self.sent: set[str] = set()
        code = b"".join(struct.pack("HBBI", *step) for step in _OPENINGS)
        program = ctypes.create_string_buffer(code)
        head = struct.pack("HL", len(_OPENINGS), ctypes.addressof(program))
        self._sockets = []
        for _, interface in socket.if_nameindex():
            # Bound after the filter is in place, so that nothing else ever gets in.
            listening = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
            listening.setblocking(False)
            listening.bind((interface, _ETH_P_ALL))
            asyncio.get_running_loop().add_reader(listening, self._read, listening)
            self._sockets.append(listening)

    def _read(self, listening: socket.socket) -> None:
        packet, where = listening.recvfrom(128)
        if where[2] != _OUTGOING:
            return  # the same packet, coming in
        v4 = packet[0] >> 4 == 4
        udp = packet[9 if v4 else 6] == socket.IPPROTO_UDP
        source, port = struct.unpack("!HH", packet[20:24] if v4 else packet[40:44])
        if udp and source == _DNS:
            return
        address = ipaddress.ip_address(packet[16:20] if v4 else packet[24:40])
        self.sent.add(f"{'udp' if udp else 'tcp'}:{port}:{address}")

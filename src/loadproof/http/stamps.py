"""The kernel's receive stamps: how they are switched on, and what a request's clock says in the end."""

from __future__ import annotations

import _socket
import struct
from typing import NamedTuple

SO_TIMESTAMPNS = 35
unpack_stamp = struct.Struct("qq").unpack
"""Seconds and nanoseconds of a stamp."""

stamping: list[_socket.socket] = []
"""What keeps the kernel stamping; empty where it does not."""


def keep_stamping_on() -> None:
    """Hold one idle socket that asks for stamps: the kernel switches stamping on for all, late, and off with the last.

    Where the system has none, every sample is stamped by the user clock and says so.
    """
    if stamping:
        return
    idle = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        idle.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        idle.close()
    else:
        stamping.append(idle)


class Stamps(NamedTuple):
    """When a request was sent and its answer ended, for who measures.

    Attributes:
        began_ns: CLOCK_MONOTONIC before the first byte left.
        sent_ns: CLOCK_REALTIME at the same moment.
        first_byte_ns: CLOCK_REALTIME of the first part's arrival; None where no clock saw it truly.
        ended_ns: CLOCK_REALTIME of the last byte's arrival.
        kernel: Whether the kernel stamped the end, and nothing that this process did is in it.
        connect_time: Seconds to connect, 0.0 on a kept connection.
        tls_time: Seconds of the TLS handshake, 0.0 likewise.
        bytes_sent: Body bytes sent.
    """

    began_ns: int
    sent_ns: int
    first_byte_ns: int | None
    ended_ns: int
    kernel: bool
    connect_time: float
    tls_time: float
    bytes_sent: int

    @property
    def seconds(self) -> float:
        """Connect, handshake, and from the send to the last byte."""
        return self.connect_time + self.tls_time + (self.ended_ns - self.sent_ns) / 1e9

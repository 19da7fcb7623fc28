"""Frames to a load process that is too busy to read: none is cut, none is lost."""

from __future__ import annotations

from loadproof.load.frames import Unpacker
from loadproof.supervisor.process import LoadProcess


class Wire:
    """Takes so many bytes and then no more until there is room again."""

    def __init__(self, room):
        self.room = room
        self.taken = b""
        self.gone = False

    def send(self, data):
        if self.gone:
            raise BrokenPipeError
        if not self.room:
            raise BlockingIOError
        part = bytes(data[: self.room])
        self.room -= len(part)
        self.taken += part
        return len(part)


def process_with(wire):
    process = object.__new__(LoadProcess)
    process.wire = wire
    process._unsent = bytearray()
    return process


def test_what_the_wire_does_not_take_follows_later_in_order():
    wire = Wire(100)
    process = process_with(wire)
    process.send("answer", {"view": "x" * 1000})
    process.send("quit")
    assert not process.flush()
    assert len(wire.taken) == 100
    while not process.flush():
        wire.room = 100
    assert list(Unpacker().feed(wire.taken)) == [["answer", {"view": "x" * 1000}], ["quit", None]]


def test_a_process_that_is_gone_is_told_nothing_more():
    wire = Wire(10)
    process = process_with(wire)
    process.send("answer", {"view": "x" * 1000})
    wire.gone = True
    assert process.flush()
    process.send("quit")
    assert len(wire.taken) == 10

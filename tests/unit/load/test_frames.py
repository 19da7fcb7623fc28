"""Frames survive however the stream was cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadproof.load.frames import Unpacker, pack

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), VALUES), max_size=5), st.integers(1, 9))
def test_frames_come_out_as_they_went_in(frames, step):
    stream = b"".join(pack(kind, payload) for kind, payload in frames)
    unpacker = Unpacker()
    found = []
    for start in range(0, len(stream), step):
        found += [tuple(frame) for frame in unpacker.feed(stream[start : start + step])]
    assert found == frames

"""The frame receiver alone, against :class:`skipwalk.sim.link.frame.Frame`: what it judges, and what it writes."""

from zlib import crc32

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cobs")

from cobs import cobs
from skipwalk.hw.link.protocol import HOST_HEADER, LinkConfig
from skipwalk.hw.link.receiver import FrameReceiver
from skipwalk.sim.link.frame import Frame

from ..support.lora_blocks import bench

CFG = LinkConfig(depth=32, frame_words=8)


def frames(rng):
    """Bodies with their CRC, without COBS: good ones of every length, then each kind of damage."""

    def body(n, flags=0):
        head = HOST_HEADER.pack(flags, *(int(v) for v in rng.integers(0, 1 << 16, 3)))
        whole = head + rng.bytes(4 * n)
        return whole + crc32(whole).to_bytes(4, "little")

    good = [body(n, flags) for n in range(CFG.frame_words + 1) for flags in (0, 1, 2, 3)]
    bad = [body(n)[:-1] for n in range(3)]  # cut
    bad += [
        body(2) + b"\7",
        body(CFG.frame_words + 1),
        body(CFG.frame_words + 2),
        body(3 * CFG.frame_words),
    ]  # too long
    bad += [body(2, flags) for flags in (4, 0x80)]  # unknown flags
    bad += [b"", b"\0", body(0)[:6], body(0)[:7], body(0)[:10]]
    for _ in range(20):  # a bit wrong
        one = bytearray(body(int(rng.integers(0, CFG.frame_words + 1))))
        one[int(rng.integers(len(one)))] ^= 1 << int(rng.integers(8))
        bad.append(bytes(one))
    both = good + bad
    return [both[i] for i in rng.permutation(len(both))]


@pytest.mark.parametrize(("gap", "stall"), [(0.0, 0.0), (0.4, 0.0), (0.0, 0.9)])
def test_receiver(gap, stall):
    """Each frame with another head and room, none and the whole ring among them; a broken encoding; a slow owner."""
    rng = np.random.default_rng(1)
    dut = FrameReceiver(CFG)
    bodies = frames(rng)
    rooms = rng.choice([0, 1, 2, 5, 8, 9, 32], len(bodies)).tolist()
    heads = rng.integers(0, 1 << 16, len(bodies)).tolist()
    encodings = (rng.random(len(bodies)) < 0.1).tolist()
    beats = []
    for body, broken in zip(bodies, encodings, strict=True):
        beats += [{"byte": b} for b in body] + [{"end": 1, "bad": int(broken)}]
    ring, found = {}, []
    state = {"beat": 0, "offers": False}

    def step(ctx, t):
        i = len(found)
        if i == len(bodies):
            return False
        ctx.set(dut.head, heads[i])
        ctx.set(dut.room, rooms[i])
        if not state["offers"]:
            state["offers"] = state["beat"] < len(beats) and rng.random() >= gap
        ctx.set(dut.i.valid, int(state["offers"]))
        if state["offers"]:
            ctx.set(dut.i.payload, beats[state["beat"]])
        ready = rng.random() >= stall
        ctx.set(dut.o.ready, int(ready))
        if ctx.get(dut.wr_en):
            ring[ctx.get(dut.wr_addr)] = ctx.get(dut.wr_data)
        if state["offers"] and ctx.get(dut.i.ready):
            state["beat"] += 1
            state["offers"] = False
        if ctx.get(dut.o.valid) and ready:
            frame = ctx.get(dut.o.payload)
            found.append(({name: getattr(frame, name) for name in ("flags", "session", "seq", "ack", "words")},
                          bool(frame.fits), bool(frame.sound), dict(ring)))  # fmt: skip
            ring.clear()
        return True

    bench(dut, step)
    for body, broken, head, room, (fields, fits, sound, written) in zip(
        bodies, encodings, heads, rooms, found, strict=True
    ):
        wanted = None if broken else Frame.decode(cobs.encode(body), from_device=False)
        if wanted is not None and len(wanted.words) > 4 * CFG.frame_words:
            wanted = None
        assert sound == (wanted is not None), body
        assert len(written) <= room
        if wanted is None:
            continue
        words = np.frombuffer(wanted.words, "<u4").tolist()
        assert fits == (len(words) <= room)
        assert fields == {
            "flags": wanted.flags, "session": wanted.session, "seq": wanted.seq, "ack": wanted.ack, "words": len(words),
        }  # fmt: skip
        for k, word in enumerate(words[:room]):
            assert written[(head + k) % CFG.depth] == word
    assert sum(sound for _, _, sound, _ in found) > 20
    assert any(sound and not fits for _, fits, sound, _ in found)

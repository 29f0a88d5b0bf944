"""The frame sender alone, against :class:`skipwalk.sim.link.frame.Frame`: byte for byte."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cobs")

from cobs import cobs
from skipwalk.hw.link.protocol import Flags, Identity, LinkConfig
from skipwalk.hw.link.sender import FrameSender
from skipwalk.sim.link.frame import Frame

from ..support.lora_blocks import bench

CFG = LinkConfig(depth=32, frame_words=8)
UNITS = Identity.of_units([(0x4F53454C, 0x01020304), (0x4C4F5241, 0xFFFFFFFF), (7, 0)], CFG)


@pytest.mark.parametrize("stall", [0.0, 0.6])
@pytest.mark.parametrize("latency", [1, 4])
def test_sender(stall, latency):
    """Frames of every length, words from all round the ring, identities of every unit, one request after another; a
    ring that answers at once or as late as it may."""
    rng = np.random.default_rng(2)
    ring = rng.integers(0, 1 << 32, CFG.depth).tolist()
    requests = []
    for n in [*range(CFG.frame_words + 1), 8, 0, 3, 0, 1]:
        fields = {name: int(rng.integers(1 << 16)) for name in ("session", "seq", "ack", "limit")}
        requests.append((int(rng.integers(3)), {"flags": int(rng.choice([0, 2])), "words": n, **fields}))
    requests += [(unit, {"flags": 1 | unit & 2, "words": 5, "seq": 9, "ack": 1, "limit": 65535}) for unit in range(3)]
    requests = [requests[i] for i in rng.permutation(len(requests))]
    wanted = []
    for unit, request in requests:
        if request["flags"] & Flags.OPEN:
            words = list(UNITS[unit].words)
        else:
            words = [ring[(request["seq"] + k) % CFG.depth] for k in range(request["words"])]
        frame = Frame(
            flags=Flags(request["flags"]), session=request.get("session", 0), seq=request["seq"], ack=request["ack"],
            limit=request["limit"], words=np.array(words, "<u4").tobytes(),
        )  # fmt: skip
        wanted.append(cobs.decode(frame.encode()[:-1]))

    dut = FrameSender(UNITS, CFG)
    got, now = [], []
    state = {"asked": 0, "addresses": [0] * latency}

    def step(ctx, t):
        if len(got) == len(requests):
            return False
        if state["asked"] < len(requests):
            unit, request = requests[state["asked"]]
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, request)
            # The unit belongs to the frame that is sent.
            if ctx.get(dut.i.ready):
                ctx.set(dut.unit, unit)
                state["asked"] += 1
        else:
            ctx.set(dut.i.valid, 0)
        ctx.set(dut.rd_data, ring[state["addresses"][0]])
        state["addresses"] = [*state["addresses"][1:], ctx.get(dut.rd_addr)]
        ready = rng.random() >= stall
        ctx.set(dut.o.ready, int(ready))
        if ready and ctx.get(dut.o.valid):
            beat = ctx.get(dut.o.payload)
            if beat.end:
                got.append(bytes(now))
                now.clear()
            else:
                now.append(beat.byte)
        return True

    bench(dut, step)
    assert got == wanted

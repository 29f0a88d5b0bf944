"""Rooms that are given out and come back, against lists in Python."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.allocator import Allocator, GrantLayout
from skipwalk.hw.oselm.graph.layouts import EntryLayout

from ...support.graph_memory import PlainMemory, answers, simulation

#: A place takes one entry of a free room, two, or three.
CONFIGS = {
    1: preset("tiny").replace(edge_ends=256, weight_bits=17),
    2: preset("tiny").replace(nodes=16, edge_ends=512),
    3: preset("tiny").replace(nodes=4, edge_ends=256),
}


class Rooms:
    """Free lists and the first entry that was never in use."""

    def __init__(self, edge_ends):
        self.edge_ends, self.top = edge_ends, 0
        self.free: dict[int, list[int]] = {}

    def get(self, room):
        """Place, and whether it was in use before; None if there is none."""
        if self.free.get(room):
            return self.free[room].pop(), True
        size = 4 << room - 1
        if self.top + size > self.edge_ends:
            return None
        self.top += size
        return (self.top - size) // 4, False


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("beats", CONFIGS)
def test_rooms(beats, stall):
    cfg = CONFIGS[beats]
    rng = np.random.default_rng(beats)
    dut = Allocator(cfg)
    assert dut.beats == beats
    memory = PlainMemory(dut.entries, [(1 << EntryLayout(cfg).size) - 1] * cfg.edge_ends, stall=stall)
    kinds = set()

    async def bench(ctx):
        for _ in range(3):
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            rooms, held = Rooms(cfg.edge_ends), []
            for _ in range(250):
                if held and rng.random() < 0.4:
                    room, place = held.pop(int(rng.integers(len(held))))
                    rooms.free.setdefault(room, []).append(place)
                    (bits,), (cycles,) = await answers(ctx, dut, [{"free": 1, "room": room, "place": place}], gap=stall)
                    assert GrantLayout(cfg).from_bits(bits).granted
                    assert stall or cycles == 3 + beats
                    continue
                room = int(rng.integers(1, cfg.room_classes + 1))
                want = rooms.get(room)
                (bits,), (cycles,) = await answers(ctx, dut, [{"room": room}], gap=stall)
                grant = GrantLayout(cfg).from_bits(bits)
                assert grant.granted == (want is not None)
                kinds.add(want and want[1])
                if want is not None:
                    assert grant.place == want[0]
                    held.append((room, want[0]))
                    assert stall or cycles == 3 + want[1] * (1 + beats * (memory.latency + 1))

    simulation(dut, bench, memory.serve)
    assert kinds == {None, False, True}


def test_a_place_fits_a_free_room():
    cfg = CONFIGS[3].replace(nodes=2)
    assert Allocator(cfg.replace(edge_ends=64)).beats == 4
    with pytest.raises(ValueError, match=r"edge_ends 68 is far more than 2 nodes can use: .* use at most 64"):
        Allocator(cfg.replace(edge_ends=68))

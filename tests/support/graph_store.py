"""The graph store alone: edits and look-ups as words in, what came of them as words out."""

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.memory.port import MemoryPort as OutsidePort
from skipwalk.hw.memory.shared_port import SharedPort
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.graph.edits import EditEngine
from skipwalk.hw.oselm.graph.layouts import EditLayout, EntryLayout, HeaderLayout, address_bits
from skipwalk.hw.oselm.graph.memory import BlockMemory, MemoryPort, ReadPort
from skipwalk.hw.oselm.graph.ports import SharedMemory
from skipwalk.hw.oselm.graph.store_outside import GraphStoreOutside
from skipwalk.hw.oselm.protocol import Edit
from skipwalk.sim.memory import behind
from skipwalk.sim.oselm.graph import store as golden

__all__ = [
    "StalledStore",
    "StallingMemory",
    "StoreOutside",
    "StoreWords",
    "assert_holds",
    "edit_words",
    "golden_edit",
    "read_words",
]

#: Upper four bits of a word: an edit and its three words, a header, an entry, the number of rows.
_EDIT, _HEADER, _ENTRY, _ROWS = range(4)


class StallingMemory(wiring.Component):
    """Passes a port on, but with pauses that seem random: requests and writes wait, responses come late."""

    def __init__(self, address, word, *, seed: int):
        self._seed = seed
        port = MemoryPort(address, word)
        super().__init__({"user": In(port), "memory": Out(port)})

    def elaborate(self, platform):
        m = Module()
        user, memory = self.user, self.memory
        noise = Signal(31, init=self._seed * 0x9E3779B & (1 << 31) - 1 or 1)
        m.d.sync += noise.eq(Cat(noise[3:], [noise[i] ^ noise[i + 3] for i in range(3)]))
        m.submodules.late = late = fifo.SyncFIFO(width=len(memory.response.payload.as_value()), depth=64)
        for offered, taken, pause in (
            (user.request, memory.request, noise[0] & noise[7]),
            (user.write, memory.write, noise[1] & noise[11]),
        ):
            m.d.comb += [
                taken.valid.eq(offered.valid & ~pause),
                taken.payload.eq(offered.payload),
                offered.ready.eq(taken.ready & ~pause),
            ]
        m.d.comb += [
            late.w_en.eq(memory.response.valid),
            late.w_data.eq(memory.response.payload),
            late.r_en.eq(noise[2]),
            user.response.valid.eq(late.r_rdy & noise[2]),
            user.response.payload.eq(late.r_data),
        ]
        return m


class StalledStore(wiring.Component):
    """A store whose edits work through stalling memories, and that has no ports for negatives."""

    def __init__(self, cfg: CoreConfig, *, seed: int = 1):
        self._cfg, self._seed = cfg, seed
        self._engine = EditEngine(cfg)
        members = self._engine.signature.members
        taken = {name: members[name] for name in ("edit", "done", "fill", "extent")}
        shapes = {"headers": (cfg.row_bits, HeaderLayout(cfg)), "entries": (address_bits(cfg), EntryLayout(cfg))}
        super().__init__(taken | {name: In(ReadPort(*shape)) for name, shape in shapes.items()})

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.engine = engine = self._engine
        for name in ("edit", "done", "fill", "extent"):
            wiring.connect(m, getattr(engine, name), wiring.flipped(getattr(self, name)))
        for i, (name, depth) in enumerate((("headers", cfg.nodes), ("entries", cfg.edge_ends))):
            mine = getattr(engine, name)
            address, word = mine.request.payload.shape(), mine.response.payload.shape()
            m.submodules[name] = shared = SharedMemory(BlockMemory(depth, word, vendor=cfg.vendor))
            m.submodules[f"{name}_stall"] = stall = StallingMemory(address, word, seed=self._seed + i)
            wiring.connect(m, mine, stall.user)
            wiring.connect(m, stall.memory, shared.second)
            wiring.connect(m, wiring.flipped(getattr(self, name)), shared.third)
        return m


class StoreOutside(wiring.Component):
    """A store whose words are in a slow memory; ``cfg`` without ``slots`` gets as many as there are nodes."""

    def __init__(self, cfg: CoreConfig, *, stall: float = 0.3, latency: int = 3):
        self._cfg = cfg = cfg.replace(pool=16, slots=cfg.nodes, lists_outside=True)
        bits = cfg.memory_map.address_bits
        port = OutsidePort(bits, cfg.MEMORY_BITS, 4)
        self._store = GraphStoreOutside(cfg, port)
        self._shared = SharedPort(GraphStoreOutside.USERS, port)
        self._memory = behind.StallingMemory(port, 1 << bits, stall=stall, latency=latency)
        members = self._store.signature.members
        super().__init__({name: members[name] for name in members if name != "memory"})

    def elaborate(self, platform):
        m = Module()
        m.submodules.store, m.submodules.shared, m.submodules.memory = store, shared, memory = (
            self._store,
            self._shared,
            self._memory,
        )
        for name in self.signature.members:
            wiring.connect(m, getattr(store, name), wiring.flipped(getattr(self, name)))
        for mine, user in zip(store.memory, shared.users, strict=True):
            wiring.connect(m, mine, user)
        wiring.connect(m, shared.memory, memory.port)
        return m


class StoreWords(wiring.Component):
    """Words for :func:`edit_words` and :func:`read_words`; one command at a time.

    An edit answers with ``1 << 31 | row`` for each row to fill, then three words: outcome and degree of u, degree of v,
    and the cycles from its being taken to its being done. A header or an entry answers with two words.
    """

    def __init__(self, store: wiring.Component):
        self._store = store
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.store = store = self._store
        word, out, extent = self.i.payload, self.o, store.extent
        edit, cycles, answer = Signal(EditLayout()), Signal(32), Signal(64)
        m.d.sync += cycles.eq(cycles + 1)
        m.d.comb += [
            store.edit.payload.eq(edit),
            store.headers.request.payload.eq(word),
            store.entries.request.payload.eq(word),
        ]

        def then(state, valid=None):
            with m.If(out.ready if valid is None else valid):
                m.next = state

        with m.FSM():
            with m.State("COMMAND"), m.If(self.i.valid):
                m.d.sync += [edit.u.eq(word), edit.function.eq(word[24:])]
                m.d.comb += self.i.ready.eq(word[28:] == _EDIT)
                with m.Switch(word[28:]):
                    with m.Case(_EDIT):
                        m.next = "OPERAND"
                    with m.Case(_HEADER):
                        m.d.comb += [store.headers.request.valid.eq(1), self.i.ready.eq(store.headers.request.ready)]
                        then("HEADER", store.headers.request.ready)
                    with m.Case(_ENTRY):
                        m.d.comb += [store.entries.request.valid.eq(1), self.i.ready.eq(store.entries.request.ready)]
                        then("ENTRY", store.entries.request.ready)
                    with m.Case(_ROWS):
                        m.d.comb += [
                            out.valid.eq(1),
                            out.payload.eq(Cat(extent.rows, Const(0, 31 - len(extent.rows)), extent.open)),
                            self.i.ready.eq(out.ready),
                        ]
            with m.State("OPERAND"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += edit.operand.eq(word)
                then("WEIGHT", self.i.valid)
            with m.State("WEIGHT"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += edit.weight.eq(word)
                then("OFFER", self.i.valid)
            with m.State("OFFER"):
                m.d.comb += store.edit.valid.eq(1)
                m.d.sync += cycles.eq(1)
                then("EDIT", store.edit.ready)
            with m.State("EDIT"):
                m.d.comb += [
                    out.valid.eq(store.fill.valid),
                    out.payload.eq(Cat(store.fill.payload, Const(0, 31 - len(store.fill.payload)), 1)),
                    store.fill.ready.eq(out.ready),
                ]
                with m.If(store.done.valid):
                    m.d.sync += cycles.eq(cycles)
                    m.next = "OUTCOME"
            with m.State("OUTCOME"):
                m.d.comb += [
                    out.valid.eq(1),
                    out.payload.eq(store.done.payload.outcome << 28 | store.done.payload.degree_u),
                ]
                m.d.sync += cycles.eq(cycles)
                then("DEGREE")
            with m.State("DEGREE"):
                m.d.comb += [out.valid.eq(1), out.payload.eq(store.done.payload.degree_v)]
                m.d.sync += cycles.eq(cycles)
                then("CYCLES")
            with m.State("CYCLES"):
                m.d.comb += [out.valid.eq(1), out.payload.eq(cycles), store.done.ready.eq(out.ready)]
                m.d.sync += cycles.eq(cycles)
                then("COMMAND")
            for state, port in (("HEADER", store.headers), ("ENTRY", store.entries)):
                with m.State(state):
                    m.d.sync += answer.eq(port.response.payload)
                    then("LOW", port.response.valid)
            with m.State("LOW"):
                m.d.comb += [out.valid.eq(1), out.payload.eq(answer)]
                then("HIGH")
            with m.State("HIGH"):
                m.d.comb += [out.valid.eq(1), out.payload.eq(answer[32:])]
                then("COMMAND")
        return m


def edit_words(function: int, u: int = 0, operand: int = 0, weight: int = 0) -> list[int]:
    return [_EDIT << 28 | function << 24 | u, operand, weight]


def golden_edit(store: golden.GraphStore, function: int, u: int, operand: int, weight: int) -> list[int]:
    """Words that StoreWords answers to :func:`edit_words`, but for the cycles."""
    a, v = store.arrays, operand & 0xFFFFF
    before = a.known.copy()
    match function:
        case Edit.CLEAR:
            outcome = store.clear()
            before[:] = True
        case Edit.NODES:
            outcome = store.make_known(u, operand)
        case Edit.ADD_EDGE:
            outcome = store.add_edge(u, v, weight)
        case Edit.REMOVE_EDGE:
            outcome = store.remove_edge(u, v)
        case Edit.FREE_NODE:
            outcome = store.free_node(u)
        case _:
            outcome = golden.Outcome.REJECTED
    filled = np.flatnonzero(a.known & ~before).tolist()
    if function == Edit.ADD_EDGE:
        filled.sort(key=[u, v].index)
    of_edge = outcome == golden.Outcome.DONE and function in (Edit.ADD_EDGE, Edit.REMOVE_EDGE)
    degrees = [store.degree(u), store.degree(v)] if of_edge else [0, 0]
    return [*(1 << 31 | row for row in filled), outcome << 28 | degrees[0], degrees[1]]


def read_words(cfg: CoreConfig, reference: golden.GraphStore) -> list[int]:
    """Look up the number of rows, all headers, and all entries of the lists that should be there."""
    words = [_ROWS << 28, *(_HEADER << 28 | row for row in range(cfg.nodes))]
    for row in range(cfg.nodes):
        first = 4 * int(reference.arrays.place[row])
        words += [_ENTRY << 28 | first + i for i in range(reference.degree(row))]
    return words


def assert_holds(cfg: CoreConfig, reference: golden.GraphStore, answers: Sequence[int]) -> None:
    """``answers`` to :func:`read_words` say what the golden store holds."""
    a = reference.arrays
    assert answers[0] == reference.rows | reference.open << 31
    wide = np.asarray(answers[1:], np.uint64)
    wide = wide[::2] | wide[1::2] << np.uint64(32)
    header, entry = HeaderLayout(cfg), EntryLayout(cfg)
    for row in range(cfg.nodes):
        got = header.from_bits(int(wide[row]))
        want = a.place[row], a.degree[row], a.room[row], a.known[row]
        assert (got.place, got.degree, got.room, got.known) == want, f"header of row {row}"
    at = cfg.nodes
    for row in range(cfg.nodes):
        first = 4 * int(a.place[row])
        for i in range(reference.degree(row)):
            got = entry.from_bits(int(wide[at]))
            assert got.row == a.neighbours[first + i], f"entry {i} of row {row}"
            assert not cfg.weight_bits or got.sum == a.sums[first + i], f"sum {i} of row {row}"
            at += 1
    assert at == len(wide)

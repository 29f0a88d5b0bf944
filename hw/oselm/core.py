"""The OS-ELM core: words in, words out."""

from itertools import count
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.counters import CounterBank
from ..fabric.held import held
from ..fabric.pipeline import clog2, delay
from ..fabric.queue import RegisterQueue
from ..fabric.read_chain import ReadChain
from ..memory.port import MemoryPort, widened
from ..memory.shared_port import SharedPort
from .command import CommandInterpreter
from .config import CoreConfig, Schedule
from .constant_gain import ConstantGain
from .context_queue import ContextQueue
from .front_end.front_end import FrontEnd
from .gain import Gain
from .graph.leased_fill import LeasedFill
from .graph.store import GraphStore
from .graph.store_outside import GraphStoreOutside
from .ops import HostOp, ReadKind, ReadOp, UpdateKind, UpdateOp
from .protocol import Counter, counters_of
from .rows.outside import RowsOutside
from .rows.turns import BeatTurns, LeaseTurns
from .samples import SampleEngine
from .sequential import SequentialSequencer
from .streaming import StreamingSequencer
from .sweep import PSweep
from .timing import EngineTiming

__all__ = ["OSELMCore"]


class OSELMCore(wiring.Component):
    """Sequential node2vec (arXiv 2312.15138): the skip-gram trained by OS-ELM, one context at a time.

    ::

        i --> CommandInterpreter --> ContextQueue --> Sequencer --> SampleEngine <--> row store, FIFO, history
        o <--        |                                    |   ^          | h, k   ^ u
                     +-- counters, read chain             |   +-- Gain --|-- g    |
                                                          +------------> PSweep --+ P

    With ``cfg.walks``, a :class:`~skipwalk.hw.oselm.front_end.front_end.FrontEnd` between interpreter and queue makes
    contexts out of walks; with ``cfg.edge_ends`` it makes the walks too, over the graph in a
    :class:`~skipwalk.hw.oselm.graph.store.GraphStore`.

    With a constant gain there is no PSweep: h.h goes from the SampleEngine to a
    :class:`~skipwalk.hw.oselm.constant_gain.ConstantGain`, and f comes back in place of g.

    With ``cfg.slots``, rows are in memory, and :class:`~skipwalk.hw.oselm.rows.outside.RowsOutside` brings those that
    are in use to the row store, in beats that the sequencer leaves free or is asked for. With ``cfg.lists_outside`` the
    graph is in the same memory, in a :class:`~skipwalk.hw.oselm.graph.store_outside.GraphStoreOutside`.

    Parameters
    ----------
    cfg : CoreConfig
    primitives : bool
        False: for simulation, or synthesis by inference. True: multipliers and block RAMs of ``cfg.vendor``.

    Members
    -------
    i : In(stream.Signature(32)), o : Out(stream.Signature(32))
        Commands and replies: :mod:`skipwalk.hw.oselm.protocol`.
    memory : Out(MemoryPort)
        Only with ``cfg.slots``: what stands where is :attr:`CoreConfig.memory_map`, elements of a row packed as in
        :func:`~skipwalk.hw.oselm.protocol.packed_words`. A reset of the core is one of the memory's controller.

    Timing: :mod:`skipwalk.sim.oselm.cycles`; after a reset, words are taken once :attr:`settling` cycles are over.

    Resources: ``4 * lanes + 2`` multipliers, or with a constant gain ``2 * lanes + 2``; two more with a front end, four
    more with a graph store.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        engine, outside = cfg.engine, bool(cfg.slots)
        self._samples = SampleEngine(engine, primitives=primitives, fills=outside)
        self._sweep = PSweep(engine, primitives=primitives) if cfg.has_p else None
        self._gain: Gain | ConstantGain = (Gain if cfg.has_p else ConstantGain)(engine, primitives=primitives)
        sequencer = StreamingSequencer if cfg.schedule is Schedule.STREAMING else SequentialSequencer
        self.timing = EngineTiming.of(cfg)
        self._sequencer = sequencer(engine, self.timing, pauses=outside)
        self._command = CommandInterpreter(cfg)
        self._outside = self._rows_outside(primitives) if outside else None
        # Rows and lists take turns at the memory.
        self._memory = SharedPort(1 + GraphStoreOutside.USERS, self._memory_port()) if cfg.lists_outside else None
        self._store = self._graph_store(primitives) if cfg.edge_ends else None
        self._front = self._front_end(primitives) if cfg.walks else None
        self._queue = ContextQueue(engine, forgets=outside)
        self._counters = CounterBank(len(counters_of(cfg)))
        self._chain = ReadChain(cfg.lanes, max(cfg.beta.bits, cfg.p.bits), 3 if cfg.has_p else 1, cfg.groups)
        members: dict[str, Any] = {"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))}
        if self._outside is not None:
            members["memory"] = Out(self._memory_port())
        super().__init__(members)

    def _rows_outside(self, primitives: bool) -> RowsOutside:
        cfg, samples = self._cfg, self._samples
        return RowsOutside(
            cfg.rows_outside,
            lanes=cfg.lanes,
            chunks=cfg.chunks,
            bits=cfg.beta.bits,
            groups=cfg.groups,
            fill_latency=samples.fill_latency,
            written=samples.read_after_update,
            vendor=cfg.vendor,
            primitives=primitives,
        )

    def _memory_port(self) -> MemoryPort:
        cfg = self._cfg
        rows = cfg.rows_outside
        return MemoryPort(cfg.memory_map.address_bits, cfg.MEMORY_BITS, max(1, clog2(rows.words)))

    def _graph_store(self, primitives: bool) -> GraphStore | GraphStoreOutside:
        if self._cfg.lists_outside:
            return GraphStoreOutside(self._cfg, self._memory_port())
        return GraphStore(self._cfg, primitives=primitives)

    def _front_end(self, primitives: bool) -> FrontEnd:
        if not isinstance(self._store, GraphStore):
            return FrontEnd(self._cfg, primitives=primitives)
        latencies = {name: getattr(self._store, name) for name in ("header_latency", "entry_latency")}
        return FrontEnd(self._cfg, **latencies, primitives=primitives)

    @property
    def settling(self) -> int:
        """Cycles after the last operation until nothing moves any more."""
        cfg, samples, sweep = self._cfg, self._samples, self._sweep
        engines = samples.error_latency if sweep is None else cfg.dim * cfg.chunks + sweep.latency
        return engines + self._gain.latency + 2 * cfg.broadcast + 2 * cfg.groups + 32

    def elaborate(self, platform):
        m = Module()
        m.submodules.samples = self._samples
        if self._sweep is not None:
            m.submodules.sweep = self._sweep
        # The lanes' pipelines have no reset: its wire would be the longest of all. Instead the control stays in reset
        # until everything that was under way has left them.
        flushed = Signal(range(self.settling + 1))
        flushing = flushed != self.settling
        flush = Signal(init=1)
        numbers = count()
        m.d.sync += [flushed.eq(flushed + flushing), flush.eq(flushing)]

        def hold(component):
            return held(m, component, flushing, name=f"held_{next(numbers)}")

        m.submodules.gain = hold(self._gain)
        m.submodules.sequencer = hold(self._sequencer)
        m.submodules.command = hold(self._command)
        m.submodules.queue = hold(self._queue)
        m.submodules.counters = self._counters
        m.submodules.chain = self._chain
        m.submodules.words = words = hold(RegisterQueue(width=32, depth=2))
        m.submodules.replies = replies = hold(RegisterQueue(width=32, depth=2))
        self._connect_words(m, words, replies, flush)
        host = self._host(m)
        self._connect_contexts(m, host)
        if self._front is not None:
            m.submodules.front = hold(self._front)
            self._connect_front_end(m, self._front)
        if self._outside is not None:
            m.submodules.outside = hold(self._outside)
            self._connect_memory(m, self._outside.memory, self._store, hold)
        fills = None
        if self._store is not None:
            m.submodules.store = hold(self._store)
            if self._outside is not None:
                m.submodules.fills = fills = hold(LeasedFill(self._cfg))
            self._connect_graph(m, self._store, self._front, self._command.graph, fills)
        self._connect_sequencer(m)
        # A cycle later, so that no decision of the interpreter reaches into the lanes.
        host = data.View(HostOp(self._cfg.engine), delay(m, host, 1, name="host"))
        self._connect_operations(m, host)
        row_comes = self._samples.row.en
        if self._outside is not None:
            row_comes = self._connect_rows(m, self._outside, self._front, fills)
        self._connect_gain(m, host)
        self._connect_chain(m, row_comes)
        self._connect_counters(m, flush)
        return m

    def _connect_memory(self, m, rows, store, hold):
        """Rows to memory, and the lists of the store, if they are there too."""
        memory = wiring.flipped(self.memory)
        if self._memory is None:
            wiring.connect(m, rows, memory)
            return
        m.submodules.memory = shared = hold(self._memory)
        widened(m, rows, shared.users[0])
        for user, lists in zip(list(shared.users)[1:], store.memory, strict=True):
            wiring.connect(m, lists, user)
        wiring.connect(m, shared.memory, memory)

    def _connect_words(self, m, words, replies, flush):
        """Words wait in registers on both sides, so that no decision reaches from the link into the lanes."""
        m.d.comb += [
            words.w_data.eq(self.i.payload),
            words.w_en.eq(self.i.valid & ~flush),
            self.i.ready.eq(words.w_rdy & ~flush),
        ]
        wiring.connect(m, words.r_stream, self._command.i)
        wiring.connect(m, self._command.o, replies.w_stream)
        m.d.comb += [
            self.o.payload.eq(replies.r_data),
            self.o.valid.eq(replies.r_rdy & ~flush),
            replies.r_en.eq(self.o.ready & ~flush),
        ]

    def _connect_contexts(self, m, host):
        """The host's contexts into the queue."""
        command, queue = self._command, self._queue
        wiring.connect(m, command.contexts, queue.i)
        # A row that the host has written is still on its way to the store when the first context could be read.
        landing = Signal(range(self.timing.read_after_update + 2))
        with m.If(host.write_row):
            m.d.sync += landing.eq(self.timing.read_after_update + 1)
        with m.Elif(landing != 0):
            m.d.sync += landing.eq(landing - 1)
        with m.If(landing != 0):
            m.d.comb += command.contexts.ready.eq(0)

    def _connect_front_end(self, m, front):
        """The front end between interpreter and queue. Its contexts and those of the host exclude each other."""
        words, queue, item = self._command.contexts, self._queue.i, front.o.payload
        wiring.connect(m, self._command.walks, front.host)
        m.d.comb += front.o.ready.eq(words.ready)
        with m.If(front.o.valid):
            m.d.comb += [
                queue.centre.eq(words.ready & item.centre),
                queue.sample.eq(words.ready & ~item.centre),
                queue.row.eq(item.row),
                queue.label.eq(item.label),
                queue.ends.eq(words.ready & item.ends),
            ]

    def _connect_graph(self, m, store, front, access, fills):
        """The graph between the interpreter, which changes it, and the front end, which reads it; first values go by
        way of ``fills``, if there is one."""
        reads = front.graph
        wiring.connect(m, access.edit, store.edit)
        wiring.connect(m, store.done, access.done)
        wiring.connect(m, access.starts, front.starts)
        filling = front.fill.busy
        if fills is None:
            wiring.connect(m, store.fill, front.fill.rows)
        else:
            wiring.connect(m, store.fill, fills.i)
            wiring.connect(m, fills.o, front.fill.rows)
            m.d.comb += fills.filling.eq(filling)
            filling |= fills.busy
        wiring.connect(m, store.extent, reads.extent)
        wiring.connect(m, reads.headers, store.headers)
        wiring.connect(m, reads.entries, store.entries)
        if not self._cfg.lists_outside:
            wiring.connect(m, reads.negative_headers, store.negative_header)
            wiring.connect(m, reads.negative_entries, store.negative_entry)
        m.d.comb += access.filling.eq(filling)

    def _host(self, m):
        """What the host means; or first values of a row, for which the interpreter waits."""
        cfg = self._cfg
        host = Signal(HostOp(cfg.engine))
        m.d.comb += host.eq(self._command.host)
        if self._front is not None and self._store is not None:
            element = self._front.fill.element
            with m.If(element.en):
                m.d.comb += [
                    host.write_row.eq(1),
                    host.row.eq(element.row if self._outside is None else self._outside.lease.slot),
                    Cat(host.lane, host.chunk).eq(element.index),
                    host.data.eq(element.value),
                ]
        return host

    def _connect_sequencer(self, m):
        """Contexts, gains and errors into the sequencer; and when everything is at rest."""
        command, queue, sequencer = self._command, self._queue, self._sequencer
        wiring.connect(m, queue.contexts, sequencer.contexts)
        wiring.connect(m, queue.samples, sequencer.samples)
        wiring.connect(m, self._gain.g, sequencer.g)

        # What has been taken from the interpreter takes a few cycles to show at the queue's outputs. A barrier before
        # does not count for that: two contexts may have come since.
        drained = Signal(ContextQueue.LATENCY)
        m.d.sync += drained.eq(Mux(command.rest.drain, Cat(1, drained), 0))
        drain = Signal()
        m.d.sync += drain.eq(drained[-1] & command.rest.drain)
        quiet = Signal(range(self.settling + 1))
        m.d.comb += [
            sequencer.drain.eq(drain),
            sequencer.error_valid.eq(self._samples.error_valid),
            queue.clear.eq(command.rest.at_rest),
            command.rest.at_rest.eq(quiet == self.settling),
        ]
        with m.If(~(drain & sequencer.idle & queue.empty)):
            m.d.sync += quiet.eq(0)
        with m.Elif(quiet != self.settling):
            m.d.sync += quiet.eq(quiet + 1)

    def _connect_operations(self, m, host):
        """What the engines do. Host access and training exclude each other: the interpreter waits for rest."""
        cfg, sequencer = self._cfg.engine, self._sequencer
        samples = self._samples
        host_update, host_read = Signal(UpdateOp(cfg)), Signal(ReadOp(cfg))
        m.d.comb += [
            host_update.valid.eq(host.write_row),
            host_update.kind.eq(UpdateKind.HOST),
            *(host_update[name].eq(host[name]) for name in ("row", "chunk", "lane")),
            host_read.valid.eq(host.read_row),
            host_read.kind.eq(ReadKind.HOST),
            *(host_read[name].eq(host[name]) for name in ("row", "chunk")),
            samples.update.eq(Mux(host.write_row, host_update, sequencer.update)),
            samples.scalar.eq(Mux(host.write_row, host.data, sequencer.scalar)),
            samples.read.eq(Mux(host.read_row, host_read, sequencer.read)),
        ]

    def _connect_rows(self, m, outside, front, fills):
        """Beats of rows that go and come between the engine's own operations, and who may ask for rows: contexts, the
        host, or first values. Returns whether what the engine reads is for the host."""
        cfg, samples, sequencer = self._cfg, self._samples, self._sequencer
        m.submodules.turns = turns = BeatTurns(cfg.engine, cfg.rows_outside)
        wiring.connect(m, outside.beats, turns.beats)
        wiring.connect(m, turns.pause, sequencer.pause)
        wiring.connect(m, turns.forget, self._queue.forget)
        wiring.connect(m, samples.row, turns.row)
        updates = sequencer.update
        m.d.comb += [
            turns.busy_read.eq(sequencer.read.valid),
            turns.busy_update.eq(updates.valid),
            samples.fill.eq(outside.beats.fill),
        ]
        with m.If(turns.read.valid):
            m.d.comb += samples.read.eq(turns.read)
        # The rest stays the sequencer's: the number of an entry leads through the errors' memory.
        with m.If(turns.update.valid):
            m.d.comb += [samples.update[name].eq(turns.update[name]) for name in turns.FILLED]

        wiring.connect(m, front.rows.asks, outside.asks)
        if fills is None:
            wiring.connect(m, self._command.rows, outside.lease)
        else:
            m.submodules.lease = lease = LeaseTurns(cfg.rows_outside)
            wiring.connect(m, self._command.rows, lease.host)
            wiring.connect(m, fills.lease, lease.fill)
            wiring.connect(m, lease.o, outside.lease)
        written = updates.valid & (updates.kind == UpdateKind.UPDATE) & (updates.chunk == cfg.chunks - 1)
        late = delay(m, written, self.timing.read_after_update, name="updated", reset_less=False)
        m.d.comb += front.rows.updated.eq(late)
        return turns.host_row

    def _connect_gain(self, m, host):
        """What makes the gain: without P, h.h alone. Else h and k go from the sample engine to the sweep, and u from
        there to the lanes and to the gain. An element of u is numbered lane first, then chunk."""
        samples, sweep, gain, command = self._samples, self._sweep, self._gain, self._command
        if sweep is None:
            wiring.connect(m, samples.square, gain.square)
            wiring.connect(m, command.inflation, gain.inflation)
            return
        m.d.comb += [sweep.host.eq(host), sweep.start.eq(self._sequencer.sweep)]
        wiring.connect(m, command.inflation, sweep.inflation)
        element = sweep.elements
        wiring.connect(m, samples.k, sweep.k)
        wiring.connect(m, samples.h, sweep.h)
        wiring.connect(m, element, gain.elements)
        u = Cat(element.valid, element.row, element.context, element.u)
        spread = delay(m, u, self._cfg.broadcast, name="u")
        m.d.comb += Cat(samples.u.en, samples.u.lane, samples.u.addr, samples.u.data).eq(spread)

    def _connect_chain(self, m, row_comes):
        """Vectors leave the lanes through the chain: h for the sweep, and rows of P and, where ``row_comes``, of beta
        for the host."""
        command, chain, sweep, row = self._command, self._chain, self._sweep, self._samples.row
        loads, rows, shift = [row_comes], [row.data], command.chain.shift
        if sweep is not None:
            loads, rows = [sweep.chain.load, row_comes, sweep.row.en], [sweep.chain.row, row.data, sweep.row.data]
            shift = sweep.chain.shift | command.chain.shift
            m.d.comb += sweep.chain.serial.eq(chain.o)
            row_comes = row_comes | sweep.row.en
        m.d.comb += [
            chain.load.eq(Cat(loads)),
            chain.shift.eq(shift),
            command.chain.element.eq(chain.o),
            command.chain.loaded.eq(delay(m, row_comes, chain.latency - 1, name="loaded")),
        ]
        for source, vector in enumerate(rows):
            m.d.comb += [chain.rows[source][lane].eq(vector[lane]) for lane in range(self._cfg.lanes)]

    def _connect_counters(self, m, flush):
        samples, sweep, sequencer = self._samples, self._sweep, self._sequencer
        command, queue, front, counters = self._command, self._queue, self._front, self._counters
        events = {
            Counter.CYCLES: Const(1),
            Counter.CONTEXTS: queue.contexts.valid & queue.contexts.ready,
            Counter.SAMPLES: queue.samples.valid & queue.samples.ready,
            Counter.REJECTED: command.rejected if front is None else command.rejected | front.rejected,
            Counter.SAT_BETA: samples.saturated.beta,
            Counter.SAT_P: Const(0) if sweep is None else sweep.saturated_p,
            Counter.SAT_K: samples.saturated.k,
            Counter.SAT_E: samples.saturated.e,
            Counter.SAT_U: Const(0) if sweep is None else sweep.saturated_u,
            Counter.SAT_HU: self._gain.saturated,
            Counter.WAIT_INPUT: sequencer.waits.input,
            Counter.WAIT_ERROR: sequencer.waits.error,
            Counter.WAIT_GAIN: sequencer.waits.gain,
            Counter.WAIT_SWEEP: sequencer.waits.sweep,
            Counter.WAIT_ROW: sequencer.waits.row,
        }
        wiring.connect(m, command.counters, counters.access)
        if front is not None and self._store is not None:
            events |= {Counter.WALKS: front.made, Counter.REFUSED: command.graph.refused}
        if front is not None and self._outside is not None:
            events |= self._row_events(events, self._outside, front.rows.fetching)
        m.d.comb += [
            counters.events.eq(Cat(events.get(c, Const(0)) for c in counters_of(self._cfg))),
            counters.hold.eq(flush),
        ]

    def _row_events(self, events, outside, fetching) -> dict:
        """Of rows outside; where their rows are being fetched, that no contexts come is memory's doing."""
        pause = self._sequencer.pause
        waits = Cat(events[c] for c in Counter if c.name.startswith("WAIT_") and c in events).any()
        paused = (pause.read & pause.reads) | (pause.update & pause.updates)
        starved = events[Counter.WAIT_INPUT]
        return {
            Counter.WAIT_INPUT: starved & ~fetching,
            Counter.ROWS_ASKED: outside.asked,
            Counter.ROWS_FETCHED: outside.fetched,
            Counter.ROWS_WRITTEN: outside.written,
            Counter.WAIT_MEMORY: (starved & fetching) | (paused & ~waits),
            Counter.PAGES_OPENED: self.memory.opened,
        }

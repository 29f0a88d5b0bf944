"""The command interpreter: words from the host in, words to the host out."""

from amaranth.hdl import Array, Const, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.counters import CounterAccess
from ..fabric.pipeline import clog2
from ..fabric.read_chain import chain_latency
from ..unit.host_states import counter_states, echo_state, identity_state
from .config import CoreConfig
from .ops import lane_bits
from .protocol import Counter, Opcode, Parameter, identity_words

__all__ = ["CommandInterpreter"]


class CommandInterpreter(wiring.Component):
    """Executes the commands of :mod:`skipwalk.hw.oselm.protocol`.

    Parameters
    ----------
    cfg : CoreConfig

    Members
    -------
    i, o : streams of 32-bit words
        Commands and replies.
    centre_valid, sample_valid, row, label, ends : Out, ready : In
        Words of a context, for the queue.
    drain : Out(1)
        No more contexts will come before ``at_rest`` is high.
    at_rest : In(1)
        All contexts have been trained and all pipelines are empty.
    parameters : Out
        q and p0, raw.
    counters : Out(CounterAccess)
        What GET and CLEAR mean.
    rejected : Out(1)
        A command, a context or a sample was dropped.
    host_row, host_chunk, host_lane, host_data : Out
        Element, or chunk of a row, that the host means.
    write_row, write_p, read_row, read_p : Out(1)
        One of them, for one cycle.
    loaded : In(1), shift : Out(1), element : In
        The read chain has taken what was asked for; move on; its first element.
    walk_words : Out(stream), walk_busy : In(1)
        To the front end: WALK and WRITE_TABLE; it wants more words of the command, or works on it.
    walks_close : Out(1), walks_idle : In(1)
        A context or a barrier has come: no walk waits for others; no walks are left.
    set_en, set_number, set_value : Out
        A parameter of the front end.

    Without a front end in ``cfg``, the last three entries are left alone and their commands are unknown.

    Timing: a word of TRAIN, WRITE_ROW or WRITE_P a cycle; an element of READ_ROW or READ_P a cycle, and the latency
    of the store for each chunk.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        element_bits = max(cfg.beta.bits, cfg.p.bits)
        super().__init__(
            {
                "i": In(stream.Signature(32)),
                "o": Out(stream.Signature(32)),
                "centre_valid": Out(1),
                "sample_valid": Out(1),
                "row": Out(cfg.row_bits),
                "label": Out(1),
                "ends": Out(1),
                "ready": In(1),
                "drain": Out(1),
                "at_rest": In(1),
                "q": Out(cfg.p.bits - 1),
                "p0": Out(signed(cfg.p.bits)),
                "counters": Out(CounterAccess(len(Counter))),
                "rejected": Out(1),
                "host_row": Out(max(cfg.row_bits, clog2(cfg.dim))),
                "host_chunk": Out(max(1, clog2(cfg.chunks))),
                "host_lane": Out(lane_bits(cfg)),
                "host_data": Out(signed(element_bits)),
                "write_row": Out(1),
                "write_p": Out(1),
                "read_row": Out(1),
                "read_p": Out(1),
                "loaded": In(1),
                "shift": Out(1),
                "element": In(signed(element_bits)),
                "walk_words": Out(stream.Signature(32)),
                "walk_busy": In(1),
                "walks_close": Out(1),
                "walks_idle": In(1, init=1),
                "set_en": Out(1),
                "set_number": Out(4),
                "set_value": Out(32),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        word = self.i.payload
        header = Signal(32)
        opcode = header[28:]
        argument = header[:20]
        left = Signal(range(max(cfg.dim, 128) + 1))

        count = word[20:27]
        row = word[:20]
        sound_context = (row < cfg.nodes) & (count <= cfg.max_samples) & ~word[27]
        sound_row = Mux(
            (opcode == Opcode.WRITE_ROW) | (opcode == Opcode.READ_ROW), argument < cfg.nodes, argument < cfg.dim
        )
        sound_sample = row < cfg.nodes

        identity = Array(Const(w, 32) for w in identity_words(cfg))
        m.d.comb += self.counters.index.eq(header)
        lane, chunk = Signal(range(max(2, cfg.lanes))), Signal(range(max(2, cfg.chunks)))
        last_lane, last_chunk = lane == cfg.lanes - 1, chunk == cfg.chunks - 1
        m.d.comb += [
            self.host_row.eq(argument),
            self.host_chunk.eq(chunk),
            self.host_lane.eq(lane),
            self.host_data.eq(word),
        ]

        walks_commands = (Opcode.WALK, Opcode.WRITE_TABLE) if cfg.walks else ()
        walks_parameters = tuple(p for p in Parameter if p >= Parameter.SAMPLING) if cfg.walks else ()
        m.d.comb += [self.set_number.eq(header), self.set_value.eq(word)]
        with m.FSM():
            with m.State("HEADER"):
                with m.If(self.i.valid):
                    with m.Switch(word[28:]):
                        with m.Case(Opcode.NOP):
                            m.d.comb += self.i.ready.eq(1)
                        with m.Case(Opcode.TRAIN):
                            m.d.comb += [self.walks_close.eq(1), self.i.ready.eq(self.ready & self.walks_idle)]
                            with m.If(self.ready & self.walks_idle):
                                m.d.comb += [
                                    self.centre_valid.eq(sound_context),
                                    self.rejected.eq(~sound_context),
                                    self.row.eq(row),
                                    self.ends.eq(sound_context & (count == 0)),
                                ]
                                m.d.sync += left.eq(count)
                                with m.If(count != 0):
                                    with m.If(sound_context):
                                        m.next = "SAMPLES"
                                    with m.Else():
                                        m.next = "SKIP"
                        with m.Case(*walks_commands[:1]):
                            m.d.comb += self.i.ready.eq(1)
                            m.d.sync += header.eq(word)
                            m.next = "WALK HEADER"
                        with m.Default():
                            m.d.comb += self.i.ready.eq(1)
                            m.d.sync += header.eq(word)
                            m.next = "BARRIER"
            with m.State("SAMPLES"):
                m.d.comb += [
                    self.i.ready.eq(self.ready),
                    self.row.eq(row),
                    self.label.eq(word[31]),
                ]
                with m.If(self.i.valid & self.ready):
                    m.d.comb += [
                        self.sample_valid.eq(sound_sample),
                        self.rejected.eq(~sound_sample),
                        self.ends.eq(left == 1),
                    ]
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "HEADER"
            with m.State("SKIP"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "HEADER"
            with m.State("BARRIER"):
                m.d.comb += [self.walks_close.eq(1), self.drain.eq(self.walks_idle)]
                m.d.sync += [left.eq(0), lane.eq(0), chunk.eq(0)]
                with m.If(self.at_rest):
                    with m.Switch(opcode):
                        with m.Case(Opcode.INFO):
                            m.next = "INFO"
                        with m.Case(Opcode.SET):
                            m.next = "SET"
                        with m.Case(Opcode.GET):
                            m.next = "FETCH"
                        with m.Case(Opcode.CLEAR):
                            m.d.comb += self.counters.clear.eq(1)
                            m.next = "HEADER"
                        with m.Case(Opcode.WRITE_ROW, Opcode.WRITE_P):
                            m.d.comb += self.rejected.eq(~sound_row)
                            m.next = "WRITE"
                        with m.Case(Opcode.READ_ROW, Opcode.READ_P):
                            m.d.comb += self.rejected.eq(~sound_row)
                            m.next = "READ"
                        with m.Case(Opcode.FLUSH):
                            m.next = "ECHO"
                        with m.Case(*walks_commands[1:]):
                            m.next = "WALK HEADER"
                        with m.Default():
                            m.d.comb += self.rejected.eq(1)
                            m.next = "HEADER"
            identity_state(m, self, identity[left], left, len(identity))
            with m.State("SET"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    with m.Switch(header[:4]):
                        with m.Case(Parameter.Q):
                            m.d.sync += self.q.eq(word)
                        with m.Case(Parameter.P0):
                            m.d.sync += self.p0.eq(word)
                        with m.Case(*walks_parameters):
                            m.d.comb += self.set_en.eq(1)
                        with m.Default():
                            m.d.comb += self.rejected.eq(1)
                    m.next = "HEADER"
            counter_states(m, self, header, left, len(Counter))
            with m.State("WRITE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.comb += [
                        self.write_row.eq(sound_row & (opcode == Opcode.WRITE_ROW)),
                        self.write_p.eq(sound_row & (opcode == Opcode.WRITE_P)),
                    ]
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(last_lane):
                        m.d.sync += [lane.eq(0), chunk.eq(chunk + 1)]
                        with m.If(last_chunk):
                            m.next = "HEADER"
            with m.State("READ"):
                m.d.comb += [
                    self.read_row.eq(opcode == Opcode.READ_ROW),
                    self.read_p.eq(opcode == Opcode.READ_P),
                ]
                m.next = "LOAD"
            with m.State("LOAD"), m.If(self.loaded):
                m.next = "SHIFT"
            with m.State("SHIFT"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.eq(Mux(sound_row, self.element, 0)),
                    self.shift.eq(self.o.ready),
                ]
                with m.If(self.o.ready):
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(last_lane):
                        m.d.sync += [lane.eq(0), chunk.eq(chunk + 1)]
                        with m.If(last_chunk):
                            m.next = "HEADER"
                        with m.Else():
                            m.next = "READ"
                    if chain_latency(cfg.groups) > 1:
                        # The chain moves a cycle later.
                        with m.Else():
                            m.next = "MOVE"
            if chain_latency(cfg.groups) > 1:
                with m.State("MOVE"):
                    m.next = "SHIFT"
            with m.State("WALK HEADER"):
                m.d.comb += [self.walk_words.valid.eq(1), self.walk_words.payload.eq(header)]
                with m.If(self.walk_words.ready):
                    m.next = "WALK WORDS"
            with m.State("WALK WORDS"):
                m.d.comb += [
                    self.walk_words.valid.eq(self.i.valid & self.walk_busy),
                    self.walk_words.payload.eq(word),
                    self.i.ready.eq(self.walk_words.ready & self.walk_busy),
                ]
                with m.If(~self.walk_busy):
                    m.next = "HEADER"
            echo_state(m, self, header)
        return m

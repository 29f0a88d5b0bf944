"""The command interpreter: words from the host in, words to the host out."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.counters import CounterAccess
from ..fabric.read_chain import chain_latency
from ..unit.host_states import counter_states, echo_state, identity_state
from ..unit.ports import ChainAccess, Rest
from .config import CoreConfig
from .ops import HostOp
from .ports import ContextWords, FrontEndAccess, Inflation
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
    contexts : Out(ContextWords)
        For the queue.
    rest : Out(Rest)
        No more contexts will come before all have been trained and all pipelines are empty.
    inflation, counters : Out(Inflation), Out(CounterAccess)
        What SET, GET and CLEAR mean.
    rejected : Out(1)
        A command, a context or a sample was dropped.
    host, chain : Out(HostOp), Out(ChainAccess)
        What READ_* and WRITE_* mean.
    walks : Out(FrontEndAccess)
        WALK, WRITE_TABLE, and the parameters of the front end.

    Without a front end in ``cfg``, ``walks`` is left alone and its commands are unknown.

    Timing: a word of TRAIN, WRITE_ROW or WRITE_P a cycle; an element of READ_ROW or READ_P a cycle, and the latency
    of the store for each chunk.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(32)),
                "o": Out(stream.Signature(32)),
                "contexts": Out(ContextWords(cfg)),
                "rest": Out(Rest()),
                "inflation": Out(Inflation(cfg)),
                "counters": Out(CounterAccess(len(Counter))),
                "rejected": Out(1),
                "host": Out(HostOp(cfg)),
                "chain": Out(ChainAccess(max(cfg.beta.bits, cfg.p.bits))),
                "walks": Out(FrontEndAccess()),
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
            self.host.row.eq(argument),
            self.host.chunk.eq(chunk),
            self.host.lane.eq(lane),
            self.host.data.eq(word),
        ]

        walks_commands = (Opcode.WALK, Opcode.WRITE_TABLE) if cfg.walks else ()
        walks_parameters = tuple(p for p in Parameter if p >= Parameter.SAMPLING) if cfg.walks else ()
        m.d.comb += [self.walks.set_number.eq(header), self.walks.set_value.eq(word)]
        with m.FSM():
            with m.State("HEADER"):
                with m.If(self.i.valid):
                    with m.Switch(word[28:]):
                        with m.Case(Opcode.NOP):
                            m.d.comb += self.i.ready.eq(1)
                        with m.Case(Opcode.TRAIN):
                            m.d.comb += [self.walks.close.eq(1), self.i.ready.eq(self.contexts.ready & self.walks.idle)]
                            with m.If(self.contexts.ready & self.walks.idle):
                                m.d.comb += [
                                    self.contexts.centre.eq(sound_context),
                                    self.rejected.eq(~sound_context),
                                    self.contexts.row.eq(row),
                                    self.contexts.ends.eq(sound_context & (count == 0)),
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
                    self.i.ready.eq(self.contexts.ready),
                    self.contexts.row.eq(row),
                    self.contexts.label.eq(word[31]),
                ]
                with m.If(self.i.valid & self.contexts.ready):
                    m.d.comb += [
                        self.contexts.sample.eq(sound_sample),
                        self.rejected.eq(~sound_sample),
                        self.contexts.ends.eq(left == 1),
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
                m.d.comb += [self.walks.close.eq(1), self.rest.drain.eq(self.walks.idle)]
                m.d.sync += [left.eq(0), lane.eq(0), chunk.eq(0)]
                with m.If(self.rest.at_rest):
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
                            m.d.sync += self.inflation.q.eq(word)
                        with m.Case(Parameter.P0):
                            m.d.sync += self.inflation.p0.eq(word)
                        with m.Case(*walks_parameters):
                            m.d.comb += self.walks.set_en.eq(1)
                        with m.Default():
                            m.d.comb += self.rejected.eq(1)
                    m.next = "HEADER"
            counter_states(m, self, self.rejected, header, left, len(Counter))
            with m.State("WRITE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.comb += [
                        self.host.write_row.eq(sound_row & (opcode == Opcode.WRITE_ROW)),
                        self.host.write_p.eq(sound_row & (opcode == Opcode.WRITE_P)),
                    ]
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(last_lane):
                        m.d.sync += [lane.eq(0), chunk.eq(chunk + 1)]
                        with m.If(last_chunk):
                            m.next = "HEADER"
            with m.State("READ"):
                m.d.comb += [
                    self.host.read_row.eq(opcode == Opcode.READ_ROW),
                    self.host.read_p.eq(opcode == Opcode.READ_P),
                ]
                m.next = "LOAD"
            with m.State("LOAD"), m.If(self.chain.loaded):
                m.next = "SHIFT"
            with m.State("SHIFT"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.eq(Mux(sound_row, self.chain.element, 0)),
                    self.chain.shift.eq(self.o.ready),
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
                m.d.comb += [self.walks.words.valid.eq(1), self.walks.words.payload.eq(header)]
                with m.If(self.walks.words.ready):
                    m.next = "WALK WORDS"
            with m.State("WALK WORDS"):
                m.d.comb += [
                    self.walks.words.valid.eq(self.i.valid & self.walks.busy),
                    self.walks.words.payload.eq(word),
                    self.i.ready.eq(self.walks.words.ready & self.walks.busy),
                ]
                with m.If(~self.walks.busy):
                    m.next = "HEADER"
            echo_state(m, self, header)
        return m

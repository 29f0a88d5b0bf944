"""The command interpreter: words from the host in, words to the host out."""

from amaranth.hdl import Array, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.counters import CounterAccess
from ..unit.host_states import counter_states, echo_state, identity_state
from ..unit.ports import ChainAccess, Rest
from .config import CoreConfig
from .graph_states import GraphStates
from .ops import HostOp
from .ports import ContextWords, FrontEndAccess, GraphAccess, Inflation
from .protocol import Opcode, Parameter, counters_of, identity_words
from .row_states import RowStates
from .rows.layouts import RowLease

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
    graph : Out(GraphAccess)
        EDIT, START and ROUND. Only with ``cfg.edge_ends``.
    rows : Out(RowLease)
        The row that READ_ROW or WRITE_ROW is about, whose slot ``host`` names, and FLUSH. Only with ``cfg.slots``.

    Without a front end in ``cfg``, ``walks`` is left alone and its commands are unknown; so are, without P,
    those of P.

    Timing: a word of TRAIN, WRITE_ROW or WRITE_P a cycle; an element of READ_ROW or READ_P a cycle, and the latency
    of the store for each chunk. Packed rows as Packer and Unpacker take them.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        members = {
            "i": In(stream.Signature(32)),
            "o": Out(stream.Signature(32)),
            "contexts": Out(ContextWords(cfg.engine)),
            "rest": Out(Rest()),
            "inflation": Out(Inflation(cfg)),
            "counters": Out(CounterAccess(len(counters_of(cfg)))),
            "rejected": Out(1),
            "host": Out(HostOp(cfg.engine)),
            "chain": Out(ChainAccess(max(cfg.beta.bits, cfg.p.bits))),
            "walks": Out(FrontEndAccess(cfg)),
        }
        if cfg.edge_ends:
            members["graph"] = Out(GraphAccess(cfg))
        if cfg.slots:
            members["rows"] = Out(RowLease(cfg.rows_outside))
        super().__init__(members)

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        word = self.i.payload
        header = Signal(32)
        left = Signal(range(max(cfg.dim, 128) + 1))
        identity = Array(Const(w, 32) for w in identity_words(cfg))
        rows = RowStates(m, self, cfg, header)
        graph = GraphStates(m, self, cfg, header) if cfg.edge_ends else None
        m.d.comb += [
            self.counters.index.eq(header),
            self.walks.setting.number.eq(header),
            self.walks.setting.value.eq(word),
        ]
        with m.FSM():
            with m.State("HEADER"), m.If(self.i.valid), m.Switch(word[28:]):
                with m.Case(Opcode.NOP):
                    m.d.comb += self.i.ready.eq(1)
                if not cfg.slots:
                    with m.Case(Opcode.TRAIN):
                        self._centre(m, left)
                for opcodes, state in self._without_barrier:
                    with m.Case(*opcodes):
                        m.d.comb += self.i.ready.eq(1)
                        m.d.sync += header.eq(word)
                        m.next = state
                with m.Default():
                    m.d.comb += self.i.ready.eq(1)
                    m.d.sync += header.eq(word)
                    m.next = "BARRIER"
            self._samples(m, left)
            with m.State("BARRIER"):
                m.d.comb += [self.walks.close.eq(1), self.rest.drain.eq(self.walks.idle)]
                m.d.sync += left.eq(0)
                rows.begin(m)
                with m.If(self.rest.at_rest), m.Switch(header[28:]):
                    self._after_barrier(m, rows, header, left)
            identity_state(m, self, identity[left], left, len(identity))
            self._set(m, header)
            counter_states(m, self, self.rejected, header, left, len(counters_of(cfg)))
            rows.write(m)
            rows.read(m)
            if cfg.slots:
                rows.lease(m)
                self._flush(m)
            self._walks(m, header)
            if graph is not None:
                graph.states(m, left)
            echo_state(m, self, header)
        return m

    @property
    def _without_barrier(self) -> list[tuple[tuple[Opcode, ...], str]]:
        """Opcodes, other than NOP and TRAIN, that do not wait for training to come to rest, and their states."""
        cfg = self._cfg
        states = [((Opcode.WALK,), "WALK HEADER")] if cfg.walks else []
        return states + ([((Opcode.START, Opcode.ROUND), "STARTS")] if cfg.edge_ends else [])

    def _centre(self, m: Module, left: Signal) -> None:
        """The header of a context."""
        cfg, words, word = self._cfg, self.contexts, self.i.payload
        count, row = word[20:27], word[:20]
        sound = (row < cfg.nodes) & (count <= cfg.max_samples) & ~word[27]
        m.d.comb += [self.walks.close.eq(1), self.i.ready.eq(words.ready & self.walks.idle)]
        with m.If(words.ready & self.walks.idle):
            m.d.comb += [
                words.centre.eq(sound),
                self.rejected.eq(~sound),
                words.row.eq(row),
                words.ends.eq(sound & (count == 0)),
            ]
            m.d.sync += left.eq(count)
            with m.If(count != 0):
                m.next = "SKIP"
                with m.If(sound):
                    m.next = "SAMPLES"

    def _samples(self, m: Module, left: Signal) -> None:
        """The samples of a context, or of one that is dropped."""
        words, word = self.contexts, self.i.payload
        row = word[:20]
        sound = row < self._cfg.nodes
        with m.State("SAMPLES"):
            m.d.comb += [self.i.ready.eq(words.ready), words.row.eq(row), words.label.eq(word[31])]
            with m.If(self.i.valid & words.ready):
                m.d.comb += [words.sample.eq(sound), self.rejected.eq(~sound), words.ends.eq(left == 1)]
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.next = "HEADER"
        with m.State("SKIP"):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.next = "HEADER"

    def _flush(self, m: Module) -> None:
        """FLUSH where rows are outside: all that stand in slots go there."""
        with m.State("FLUSH"):
            m.d.comb += self.rows.flush.eq(1)
            with m.If(self.rows.held):
                m.next = "ECHO"

    def _after_barrier(self, m: Module, rows: RowStates, header: Signal, left: Signal) -> None:
        """Cases of the opcodes that wait until training has come to rest."""
        cfg = self._cfg
        states = {Opcode.INFO: "INFO", Opcode.SET: "SET", Opcode.GET: "FETCH", Opcode.FLUSH: "ECHO"}
        if cfg.walks:
            states[Opcode.WRITE_TABLE] = "WALK HEADER"
        if cfg.edge_ends:
            states[Opcode.EDIT] = "EDIT"
        if cfg.slots:
            states[Opcode.FLUSH] = "FLUSH"
            with m.Case(Opcode.TRAIN):
                # A context of the host has rows, and nobody fetches them.
                m.d.comb += self.rejected.eq(1)
                m.d.sync += left.eq(header[20:27])
                m.next = "HEADER"
                with m.If(header[20:27] != 0):
                    m.next = "SKIP"
        for opcode, state in states.items():
            with m.Case(opcode):
                m.next = state
        with m.Case(Opcode.CLEAR):
            m.d.comb += self.counters.clear.eq(1)
            m.next = "HEADER"
        writes, reads = [Opcode.WRITE_ROW], [Opcode.READ_ROW]
        if cfg.has_p:
            writes.append(Opcode.WRITE_P)
            reads.append(Opcode.READ_P)
        for opcodes, state in ((writes, "WRITE"), (reads, "READ")):
            with m.Case(*opcodes):
                m.d.comb += self.rejected.eq(~rows.sound)
                m.next = state
                if cfg.slots:
                    rows.begin_lease(m)
        with m.Default():
            m.d.comb += self.rejected.eq(1)
            m.next = "HEADER"

    def _set(self, m: Module, header: Signal) -> None:
        """SET: a parameter of the core, or of the front end."""
        cfg, word = self._cfg, self.i.payload
        last = Parameter.PLACE if cfg.edge_ends else Parameter.NEXT_WALK if cfg.walks else Parameter.P0
        with m.State("SET"):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid):
                with m.Switch(header[:5]):
                    with m.Case(Parameter.Q):
                        m.d.sync += self.inflation.q.eq(word)
                    with m.Case(Parameter.P0):
                        m.d.sync += self.inflation.p0.eq(word)
                    with m.Case(*(p for p in Parameter if Parameter.SAMPLING <= p <= last)):
                        m.d.comb += self.walks.setting.en.eq(1)
                    with m.Default():
                        m.d.comb += self.rejected.eq(1)
                m.next = "HEADER"

    def _walks(self, m: Module, header: Signal) -> None:
        """WALK and WRITE_TABLE, word by word to the front end."""
        walks = self.walks
        with m.State("WALK HEADER"):
            m.d.comb += [walks.words.valid.eq(1), walks.words.payload.eq(header)]
            with m.If(walks.words.ready):
                m.next = "WALK WORDS"
        with m.State("WALK WORDS"):
            m.d.comb += [
                walks.words.valid.eq(self.i.valid & walks.busy),
                walks.words.payload.eq(self.i.payload),
                self.i.ready.eq(walks.words.ready & walks.busy),
            ]
            with m.If(~walks.busy):
                m.next = "HEADER"

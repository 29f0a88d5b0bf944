"""A host in front of a core that cannot hold the graph: it makes the walks and contexts itself, with the same bits.

To the driver it is a core that has a graph store. It is the golden model of one, but for what the real core does: that
keeps the rows and P and trains the contexts, which travel as TRAIN.
"""

import numpy as np

from ...hw.oselm.config import CoreConfig
from ...hw.oselm.protocol import PACKED, Counter, Opcode, Parameter, counters_of, header, packed_words
from ...sim.oselm.golden import Contexts
from ..link.transport import BufferedTransport, Transport
from .driver import OSELMDevice
from .twin import Twin
from .words import set_words, train_words, write_words

__all__ = ["HostedGraph"]

#: Counters of the host: the core never sees what these count.
_OWN = (Counter.WALKS, Counter.REFUSED)


class HostedGraph(BufferedTransport):
    """A transport to a core of ``driven``, made of one to a core of ``cfg`` and of the host.

    Raises DeviceError if the core is not one of ``cfg``.
    """

    def __init__(self, transport: Transport, cfg: CoreConfig, driven: CoreConfig):
        super().__init__()
        OSELMDevice(transport, cfg)
        self._core = transport
        self._host = _Host(transport, cfg, driven)

    def exchange(self, words: np.ndarray, n_replies: int = 0) -> np.ndarray:
        self._host.feed(words)
        return self._handed_over(self._host.drain(), n_replies)

    def close(self) -> None:
        self._core.close()

    @property
    def cycles(self) -> int | None:
        return self._core.cycles


class _Host(Twin):
    """The golden model of the driven core, whose rows, P and training are another's."""

    def __init__(self, core: Transport, cfg: CoreConfig, driven: CoreConfig):
        super().__init__(driven)
        self._core, self._core_cfg = core, cfg
        self._barrier_words = set_words({Parameter.Q: 0})
        # Answers that the core owes: the place among the replies, how many words, and what is shown in their place.
        self._asked: list[tuple[int, int, np.ndarray | None]] = []

    def learn(self, contexts: Contexts) -> None:
        """Contexts to the core, and a barrier: q as it is."""
        words = train_words(contexts.centres, contexts.indptr, contexts.samples, contexts.labels)
        self._core.exchange(np.concatenate([words, self._barrier_words]))

    def first_rows(self, rows: np.ndarray) -> None:
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            values = self.state.beta[run[0] : run[-1] + 1]
            self._core.exchange(write_words(Opcode.WRITE_ROW, int(run[0]), values, self._cfg.beta))

    def _answer(self, word: int) -> None:
        """As the driven core would answer, when the real one answers a barrier."""
        self._ask(np.array([header(Opcode.FLUSH, 0)], np.uint32), 1, np.array([word], np.uint32))

    def drain(self) -> np.ndarray:
        self._fetch()
        return super().drain()

    def _execute(self, opcode: int, argument: int, operands: np.ndarray) -> None:
        words = np.concatenate([np.array([opcode << 28 | argument], np.uint32), operands])
        match opcode:
            case Opcode.WRITE_P | Opcode.READ_P if not self._cfg.has_p:
                super()._execute(opcode, argument, operands)
            case Opcode.WRITE_ROW | Opcode.WRITE_P:
                self._core.exchange(words)
            case Opcode.READ_ROW | Opcode.READ_P:
                fmt = self._cfg.beta if opcode == Opcode.READ_ROW else self._cfg.p
                self._ask(words, packed_words(self._cfg.dim, fmt.bits) if argument & PACKED else self._cfg.dim)
            case Opcode.SET if argument in (Parameter.Q, Parameter.P0):
                if argument == Parameter.Q:
                    self._barrier_words = words
                self._core.exchange(words)
            case Opcode.GET if argument < len(counters_of(self._core_cfg)) and argument not in _OWN:
                self._get_both(argument, words)
            case Opcode.CLEAR:
                self._core.exchange(words)
                super()._execute(opcode, argument, operands)
            case _:
                super()._execute(opcode, argument, operands)

    def _ask(self, words: np.ndarray, n: int, shown: np.ndarray | None = None) -> None:
        """A question whose answer is fetched later: other commands need not wait for it. ``shown`` stands for it."""
        self._core.exchange(words)
        self._asked.append((len(self._replies), n, shown))
        self._replies.append(np.empty(0, np.uint32))

    def _fetch(self) -> None:
        """Put the answers where they belong among our own."""
        answers = self._core.exchange(np.empty(0, np.uint32), sum(n for _, n, _ in self._asked))
        for place, n, shown in self._asked:
            answer, answers = answers[:n], answers[n:]
            self._replies[place] = answer if shown is None else shown
        self._asked = []

    def _get_both(self, number: int, words: np.ndarray) -> None:
        """What core and host have rejected; anything else is counted by the core alone."""
        self._fetch()
        low, high = self._core.exchange(words, 2).tolist()
        value = low | high << 32
        if number == Counter.REJECTED:
            super()._get(number)
            mine = self._replies.pop().tolist()
            value += mine[0] | mine[1] << 32
        self._replies.append(np.array([value & 0xFFFFFFFF, value >> 32], np.uint32))

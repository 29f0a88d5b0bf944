"""What SET can change in the front end."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..graph.draws import Key
from ..graph.row_filler import SCALE_BITS
from ..graph.settings import RoundPlace, WalkSettings
from ..protocol import Parameter
from .layouts import SamplingLayout
from .ports import NewNumber, Setting, WalkRules
from .sampling import POOL_SHIFT

__all__ = ["Parameters"]

#: Both words of each key.
_KEYS = {
    Key.NEGATIVES: (Parameter.KEY_HIGH, Parameter.KEY_LOW),
    Key.WALKS: (Parameter.WALK_KEY_HIGH, Parameter.WALK_KEY_LOW),
    Key.STARTS: (Parameter.START_KEY_HIGH, Parameter.START_KEY_LOW),
    Key.ROWS: (Parameter.ROW_KEY_HIGH, Parameter.ROW_KEY_LOW),
}
_LIMITS = (Parameter.LIMIT_BACK, Parameter.LIMIT_NEAR, Parameter.LIMIT_FAR)


class Parameters(wiring.Component):
    """Keeps the parameters from SAMPLING on, and checks them.

    Parameters
    ----------
    cfg : CoreConfig
        With ``walks``.

    Members
    -------
    setting : In(Setting)
        Sets a parameter; only while the rules are settled.
    columns : In
        How many columns or rows negatives are drawn from.
    rejected : Out(1)
        The value was out of range, and nothing has changed.
    rules : Out(WalkRules)
        What SAMPLING says. It is settled unless a value is being checked.
    keys : Out
        64 bits each, that of negatives lowest; without a graph store it is the only one.
    next_walk : Out(NewNumber)
        What NEXT_WALK says.
    walks, place : Out(WalkSettings), Out(RoundPlace)
        Only with ``cfg.edge_ends``: how walks are made and rows are filled; where the starts go on.

    Timing: a parameter waits in a register for a cycle, in which the rules are not settled. SAMPLING settles within 261
    cycles, the others with the next.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        members: dict[str, Any] = {
            "setting": In(Setting(cfg)),
            "columns": In(range(cfg.nodes + 1)),
            "rejected": Out(1),
            "rules": Out(WalkRules()),
            "keys": Out(64 * (len(Key) if cfg.edge_ends else 1)),
            "next_walk": Out(NewNumber()),
        }
        if cfg.edge_ends:
            members |= {"walks": Out(WalkSettings(cfg)), "place": Out(RoundPlace())}
        super().__init__(members)

    def elaborate(self, platform):
        rules = self.rules
        m = Module()
        # The interpreter's decision is long enough without the enables of all these registers behind it.
        setting = Setting(self._cfg).create(path=("held",))
        m.d.sync += [
            setting.en.eq(self.setting.en),
            setting.number.eq(self.setting.number),
            setting.value.eq(self.setting.value),
        ]
        # Numbers are compared on their way there.
        too_large, out_of_range = Signal(reset_less=True), Signal(reset_less=True)
        given = self.setting.value
        m.d.sync += [
            too_large.eq(given > min((1 << SCALE_BITS) - 1, self._cfg.beta.max_raw)),
            out_of_range.eq((given < 2) | (given > self._cfg.max_walk)),
        ]
        unsound, unfit = Signal(), Signal()
        m.d.comb += [
            self.rejected.eq(unsound | unfit),
            self.next_walk.en.eq(setting.en & (setting.number == Parameter.NEXT_WALK)),
            self.next_walk.value.eq(setting.value),
        ]
        m.d.sync += rules.drawable.eq((rules.sampling.negatives == 0) | (self.columns != 0))
        if self._cfg.edge_ends:
            m.d.comb += self.place.value.eq(setting.value)
        asked = Signal(SamplingLayout(), reset_less=True)
        with m.FSM() as fsm:
            m.d.comb += rules.settled.eq(fsm.ongoing("IDLE") & ~setting.en)
            with m.State("IDLE"), m.If(setting.en), m.Switch(setting.number):
                for key in range(len(self.keys) // 64):
                    high, low = _KEYS[Key(key)]
                    with m.Case(high):
                        m.d.sync += self.keys[64 * key + 32 :][:32].eq(setting.value)
                    with m.Case(low):
                        m.d.sync += self.keys[64 * key :][:32].eq(setting.value)
                with m.Case(Parameter.SAMPLING):
                    m.d.sync += asked.eq(setting.value)
                    m.next = "BEGIN"
                if self._cfg.edge_ends:
                    self._of_graph(m, setting.value, unfit, too_large, out_of_range)
            self._check(m, asked, unsound)
        return m

    def _of_graph(self, m, value, unfit, too_large, out_of_range):
        """Cases of the parameters that a graph store needs. Whether ``value`` is ``too_large`` as a scale or
        ``out_of_range`` as a length is known before."""
        walks, place = self.walks, self.place
        for case, limit in zip(_LIMITS, walks.limits, strict=True):
            with m.Case(case):
                m.d.sync += limit.eq(value)
        with m.Case(Parameter.ROW_SCALE):
            m.d.comb += unfit.eq(too_large)
            with m.If(~unfit):
                m.d.sync += walks.scale.eq(value)
        with m.Case(Parameter.WALK_LENGTH):
            m.d.comb += unfit.eq(out_of_range)
            with m.If(~unfit):
                m.d.sync += walks.length.eq(value)
        with m.Case(Parameter.ROUND):
            m.d.comb += place.set_round.eq(1)
        with m.Case(Parameter.PLACE):
            m.d.comb += place.set_place.eq(1)

    def _check(self, m, asked, unsound):
        """States in which the word of SAMPLING is checked."""
        cfg = self._cfg
        positives = Signal(8, reset_less=True)  # of a full window, that have not been counted
        samples = Signal(16, reset_less=True)
        step = Signal(9, reset_less=True)
        few, shaped = Signal(reset_less=True), Signal(reset_less=True)
        with m.State("BEGIN"):
            m.d.sync += [
                positives.eq(asked.window - 1),
                samples.eq(Mux(asked.per_positive, 0, asked.negatives)),
                step.eq(Mux(asked.per_positive, asked.negatives + 1, 1)),
            ]
            m.next = "COUNT"
        # Positive by positive: it takes up to 255 cycles, and no multiplier.
        with m.State("COUNT"):
            m.d.sync += [positives.eq(positives - 1), samples.eq(samples + step)]
            with m.If(positives == 1):
                m.next = "COMPARE"
        with m.State("COMPARE"):
            walks = (asked.walks != 0) & (asked.walks <= cfg.walks)
            # Negatives come from the graph, and through a pool, where there is one.
            there = (asked.source == 0) | bool(cfg.edge_ends)
            largest = cfg.pool.bit_length() - 1 - POOL_SHIFT if cfg.pool else 0
            fits = (asked.pool <= largest) & (asked.replaced <= Mux(asked.pool == 0, 0, asked.pool + POOL_SHIFT))
            if cfg.slots:
                fits &= (asked.replaced < cfg.replaced.bit_length()) & ((asked.pool != 0) | (asked.negatives == 0))
            m.d.sync += [
                few.eq(samples <= cfg.max_samples),
                shaped.eq(walks & (asked.window >= 2) & there & fits),
            ]
            m.next = "DECIDE"
        with m.State("DECIDE"):
            m.d.comb += unsound.eq(~(few & shaped))
            with m.If(~unsound):
                m.d.sync += self.rules.sampling.eq(asked)
            m.next = "CHOOSE"
        # What negatives are drawn from follows ``sampling`` by a register, and ``drawable`` that by another.
        with m.State("CHOOSE"):
            m.next = "APPLY"
        with m.State("APPLY"):
            m.next = "IDLE"

"""Who owns a group of walks, and what a session leaves behind, proven for small sizes."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Assert, Assume, Const, EnableInserter, Module, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.front_end.groups import Groups
from skipwalk.hw.oselm.front_end.parameters import Parameters
from skipwalk.hw.oselm.front_end.walk_loader import WalkLoader
from skipwalk.hw.oselm.front_end.windowing import Windowing
from skipwalk.sim.rtl.synthesis import SynthesisError

from ...support.proofs import cover, prove

#: Groups of one walk of two nodes, which gives one context of one sample.
CFG = preset("tiny").replace(nodes=2, max_walk=2, walks=1, max_samples=1)


class Owned(wiring.Component):
    """Loader, groups and windowing between words and a reader that come and go as they like. A group belongs to the
    loader until it is handed over, and to the windowing until it is freed, each once and in turn: nothing is written
    into a walk of a group that is in use, neither node nor length, and nothing else is read.

    ``both`` is high while both groups are in use, ``again`` when a group is handed over that has been freed before.
    """

    def __init__(self, cfg: CoreConfig, windowing: wiring.Component):
        self._cfg, self._windowing = cfg, windowing
        super().__init__({"word": In(32), "valid": In(1), "go": In(1), "both": Out(1), "again": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader = loader = WalkLoader(self._cfg)
        m.submodules.groups = groups = Groups(self._cfg)
        m.submodules.windowing = windowing = self._windowing
        wiring.connect(m, loader.fill, groups.fillers[0])
        wiring.connect(m, windowing.groups, groups.use)
        fill, use, items, sampling = loader.fill, groups.use, windowing.items, loader.rules.sampling
        m.d.comb += [
            sampling.window.eq(2),
            sampling.walks.eq(self._cfg.walks),
            loader.rules.settled.eq(1),
            loader.rules.drawable.eq(1),
            groups.rules.sampling.eq(sampling),
            loader.turn.work.valid.eq(self.valid),
            loader.turn.work.payload.eq(self.word),
            items.go.eq(self.go),
            groups.nodes.address.eq(items.address),
        ]
        # Tables are another story, and walks have two nodes.
        m.d.comb += Assume(loader.turn.busy | (self.word == 0x10000002) | ~self.valid)
        handed, freed = (Signal(2, name=name) for name in ("handed", "freed"))
        for i in range(2):
            hands = fill.hand_over & (fill.group == i)
            m.d.sync += [handed[i].eq(handed[i] ^ hands), freed[i].eq(freed[i] ^ use.free[i])]
            m.d.comb += [
                Assert(~hands | ~use.full[i]),
                Assert(~use.free[i] | use.full[i]),
                Assert(use.full[i] == (handed[i] ^ freed[i])),
            ]
        read = items.valid & ~items.negative
        m.d.comb += [
            Assert(~(fill.node_en | fill.walk_en) | ~use.full.bit_select(fill.group, 1)),
            Assert(~fill.node_en | (fill.address.group == fill.group)),
            Assert(~read | use.full.bit_select(items.address.group, 1)),
            Assert(~(read & fill.node_en) | (Value.cast(items.address) != Value.cast(fill.address))),
            self.both.eq(use.full.all()),
            self.again.eq(fill.hand_over & freed.any()),
        ]
        return m


def test_a_group_has_one_owner(tmp_path):
    cover(Owned(CFG, Windowing(CFG)), tmp_path, output=("both", "again"), cycles=34)
    prove(Owned(CFG, Windowing(CFG)), tmp_path, name="owner.groups", method="-seq 32")


@pytest.mark.long
def test_a_group_that_is_freed_too_early_is_found(tmp_path):
    class Wrong(wiring.Component):
        """Frees a group with its first centre, before the node beside it is read."""

        def __init__(self):
            super().__init__(dict(Windowing(CFG).signature.members))

        def elaborate(self, platform):
            m = Module()
            m.submodules.inner = inner = Windowing(CFG)
            wiring.connect(m, inner.items, wiring.flipped(self.items))
            ours, theirs = self.groups, inner.groups
            for name in ("full", "walk", "there"):
                m.d.comb += getattr(theirs, name).eq(getattr(ours, name))
            m.d.comb += [count.eq(given) for count, given in zip(theirs.walks, ours.walks, strict=True)]
            centre = self.items.valid & self.items.centre
            m.d.comb += [
                ours.walk_address.eq(theirs.walk_address),
                ours.free.eq(theirs.free | (centre << self.items.address.group)),
            ]
            return m

    with pytest.raises(SynthesisError):
        prove(Owned(CFG, Wrong()), tmp_path, name="none", method="-seq 26")


class Forgotten(wiring.Component):
    """Two of the same kind with the same inputs: one is reset when ``clear`` comes, the other one stays as it powers
    up. In the cycle after a clear nothing tells them apart. ``changed`` is high where anything does before.
    """

    def __init__(self, kind: type, cfg: CoreConfig):
        self._parts = kind(cfg), kind(cfg)
        self._inputs = {
            "__".join(map(str, path)): tuple(self._of(part, path) for part in self._parts)
            for path, member, port in self._parts[0].signature.flatten(self._parts[0])
            if member.flow == wiring.In
        }
        inputs = {name: In(len(Value.cast(ports[0]))) for name, ports in self._inputs.items()}
        super().__init__({"clear": In(1), "changed": Out(1), **inputs})

    @staticmethod
    def _of(part, path):
        for name in path:
            part = getattr(part, name)
        return part

    def elaborate(self, platform):
        m = Module()
        cleared, differs = Signal(), Signal()
        used, fresh = self._parts
        m.submodules.used = ResetInserter({"sync": self.clear})(used)
        m.submodules.fresh = EnableInserter({"sync": Const(0)})(fresh)
        for name, ports in self._inputs.items():
            m.d.comb += [port.eq(getattr(self, name)) for port in ports]
        m.d.sync += cleared.eq(self.clear)
        for path, member, port in used.signature.flatten(used):
            if member.flow == wiring.Out:
                same = Value.cast(port) == Value.cast(self._of(fresh, path))
                m.d.comb += Assert(~cleared | same)
                with m.If(~same):
                    m.d.comb += differs.eq(1)
        m.d.comb += self.changed.eq(differs)
        return m


GRAPH = CFG.replace(edge_ends=8, walkers=1)


def test_parameters_of_a_session_are_forgotten(tmp_path):
    cover(Forgotten(Parameters, GRAPH), tmp_path, output="changed", cycles=4)
    prove(Forgotten(Parameters, GRAPH), tmp_path, name="session.parameters", method="-seq 10")


def test_a_parameter_that_survives_is_found(tmp_path):
    class Wrong(wiring.Component):
        """Its word knows no reset."""

        def __init__(self, cfg):
            super().__init__({"word": In(2), "en": In(1), "o": Out(2)})

        def elaborate(self, platform):
            m = Module()
            word = Signal(2, reset_less=True)
            with m.If(self.en):
                m.d.sync += word.eq(self.word)
            m.d.comb += self.o.eq(word)
            return m

    with pytest.raises(SynthesisError):
        prove(Forgotten(Wrong, GRAPH), tmp_path, name="none", method="-seq 4")

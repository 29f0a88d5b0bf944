"""Who owns a group of walks, and what a session leaves behind, proven for small sizes."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Assert, Assume, Const, EnableInserter, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.front_end.fetch import Fetch
from skipwalk.hw.oselm.front_end.groups import Groups
from skipwalk.hw.oselm.front_end.layouts import WalkAddress
from skipwalk.hw.oselm.front_end.parameters import Parameters
from skipwalk.hw.oselm.front_end.turns import Turns
from skipwalk.hw.oselm.front_end.walk_loader import WalkLoader
from skipwalk.hw.oselm.front_end.windowing import Windowing
from skipwalk.hw.oselm.graph.walk_maker import WalkMaker
from skipwalk.hw.oselm.graph.walker import WalkPort
from skipwalk.hw.oselm.rows.layouts import Kind
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


def settled(cfg, *each):
    """What whoever fills groups, or has them, is told: rules with windows of two nodes, which have settled."""
    for rules in each:
        yield rules.sampling.window.eq(2)
        yield rules.sampling.walks.eq(cfg.walks)
        yield rules.settled.eq(1)
        yield rules.drawable.eq(1)


class AnyWalker(wiring.Component):
    """In place of a walker: takes a task when it is ``ready``, gives each of the walk's nodes when it ``goes``."""

    NODES = 3

    def __init__(self, cfg: CoreConfig):
        port = WalkPort(cfg)
        super().__init__({"walk": In(port), "ready": In(1), "goes": In(1)})

    def elaborate(self, platform):
        m = Module()
        task, node = self.walk.task, self.walk.nodes
        left, waits, offers = Signal(range(self.NODES + 1)), Signal(), Signal()
        place = Signal.like(node.payload.address)
        m.d.comb += [
            # Neither goes away before it is answered.
            task.ready.eq((left == 0) & (self.ready | waits)),
            node.valid.eq((left != 0) & (self.goes | offers)),
            node.payload.address.eq(place),
            node.payload.last.eq(left == 1),
        ]
        m.d.sync += [waits.eq(task.ready & ~task.valid), offers.eq(node.valid & ~node.ready)]
        with m.If(task.ready & task.valid):
            m.d.sync += [left.eq(self.NODES), place.slot.eq(task.payload.slot), place.group.eq(task.payload.group)]
            m.d.sync += place.index.eq(0)
        with m.If(node.valid & node.ready):
            m.d.sync += [left.eq(left - 1), place.index.eq(place.index + 1)]
        return m


class OwnedByTurns(wiring.Component):
    """As :class:`Owned`, where host and device take turns at filling groups, and contexts begin as nodes come.

    - Who is not at its turn does nothing to a group.
    - A group is begun while it is free, once; nothing is added to it then but nodes of its walks. It is freed when it
      is complete.
    - Of each walk that the device makes every node is written once before it is read, and none is read that has not
      been written since the group was freed.
    - No cell of the memory is read in the cycle in which it is written.

    ``early``: a node is read before the group is complete. ``turned``: the device begins a group after one of the
    host, or ``back`` the other way round. ``again``: the device begins one that has been freed before.
    """

    COVERED = ("early", "turned", "back", "again")

    def __init__(self, cfg: CoreConfig, maker: type[WalkMaker] = WalkMaker):
        self._cfg, self._maker = cfg, maker
        free = dict.fromkeys(("valid", "starts", "gives", "close", "go"), In(1))
        walkers = {"ready": In(cfg.walkers), "goes": In(cfg.walkers)}
        wide = {"word": In(32), "k": In(WalkAddress(cfg))}
        super().__init__(free | walkers | wide | dict.fromkeys(self.COVERED, Out(1)))

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.turns = turns = Turns()
        m.submodules.loader = loader = WalkLoader(cfg)
        m.submodules.maker = maker = self._maker(cfg)
        m.submodules.groups = groups = Groups(cfg, 2)
        m.submodules.windowing = windowing = Windowing(cfg)
        wiring.connect(m, turns.host, loader.turn)
        wiring.connect(m, turns.device, maker.turn)
        wiring.connect(m, loader.fill, groups.fillers[0])
        wiring.connect(m, maker.fill, groups.fillers[1])
        wiring.connect(m, windowing.groups, groups.use)
        for i, walk in enumerate(maker.walks):
            m.submodules[f"walker_{i}"] = walker = AnyWalker(cfg)
            wiring.connect(m, walk, walker.walk)
            m.d.comb += [walker.ready.eq(self.ready[i]), walker.goes.eq(self.goes[i])]
        m.d.comb += [
            *settled(cfg, loader.rules, maker.rules, groups.rules),
            turns.starts.payload.count.eq(1),
            groups.active.eq(turns.active),
            maker.length.eq(AnyWalker.NODES),
            maker.other.eq(loader.fill.walk_en),
            windowing.items.go.eq(self.go),
            groups.nodes.address.eq(windowing.items.address),
        ]
        self._offers(m, turns, loader, maker)
        self._owners(m, turns, loader, maker, groups, windowing)
        return m

    def _offers(self, m, turns, loader, maker):
        """Commands one by one, as the interpreter gives them: walks of two nodes of the host, one walk of the device;
        and a row for each start."""
        words, starts, close = turns.words, turns.starts, Signal()
        m.d.sync += close.eq(0)
        m.d.comb += [words.payload.eq(self.word), turns.close.eq(close)]
        with m.FSM():
            with m.State("HEADER"):
                m.d.sync += close.eq(self.close)
                with m.If(self.valid):
                    m.next = "WALK HEADER"
                with m.Elif(self.starts):
                    m.next = "STARTS"
            with m.State("WALK HEADER"):
                m.d.comb += [words.valid.eq(1), words.payload.eq(0x10000002)]
                with m.If(words.ready):
                    m.next = "WALK"
            with m.State("WALK"):
                m.d.comb += words.valid.eq(self.valid & loader.turn.busy)
                with m.If(~loader.turn.busy):
                    m.next = "HEADER"
            with m.State("STARTS"):
                m.d.comb += starts.valid.eq(1)
                with m.If(starts.ready):
                    m.next = "HEADER"
        commands, rows = maker.starts.commands, maker.starts.rows
        there, offers = Signal(), Signal()
        m.d.comb += [
            commands.ready.eq(~there),
            maker.starts.busy.eq(there),
            rows.valid.eq(there & (self.gives | offers)),
        ]
        m.d.sync += offers.eq(rows.valid & ~rows.ready)
        with m.If(commands.valid & commands.ready):
            m.d.sync += there.eq(1)
        with m.If(rows.valid & rows.ready):
            m.d.sync += there.eq(0)

    def _owners(self, m, turns, loader, maker, groups, windowing):
        use, items = groups.use, windowing.items
        fills = loader.fill, maker.fill
        for i, fill in enumerate(fills):
            acts = fill.node_en | fill.walk_en | fill.count | fill.begin | fill.hand_over
            m.d.comb += Assert(~acts | (turns.active == i))
        begin, over, walk_en, node_en = (Signal(name=name) for name in ("begin", "over", "walk_en", "node_en"))
        m.d.comb += [
            begin.eq(fills[0].begin | fills[1].begin),
            over.eq(fills[0].hand_over | fills[1].hand_over),
            walk_en.eq(fills[0].walk_en | fills[1].walk_en),
            node_en.eq(fills[0].node_en | fills[1].node_en),
        ]
        group, written = fills[0].group, Signal(WalkAddress(self._cfg))
        m.d.comb += written.eq(Mux(fills[1].node_en, fills[1].address.as_value(), fills[0].address.as_value()))
        # Groups that are in use and complete; a cell, whichever, that is followed.
        whole, k, began, there = Signal(2), Signal(WalkAddress(self._cfg)), Signal(), Signal()
        m.d.sync += [began.eq(1), k.eq(self.k), whole.eq((whole | (over << group)) & ~use.free)]
        m.d.comb += Assume(~began | (self.k.as_value() == k.as_value()))
        mine = node_en & (written.as_value() == self.k.as_value())
        read = items.valid & ~items.negative
        reads = read & (items.address.as_value() == self.k.as_value())
        with m.If(mine):
            m.d.sync += there.eq(1)
        # A walk that is refused leaves its nodes behind.
        place = fills[0].address
        refused = loader.rejected & (self.k.group == place.group) & (self.k.slot == place.slot)
        with m.If(use.free.bit_select(self.k.group, 1) | refused):
            m.d.sync += there.eq(0)
        in_use, complete = use.full.bit_select(group, 1), whole.bit_select(group, 1)
        m.d.comb += [
            Assert(~(begin | walk_en) | ~in_use),
            Assert(~over | ((in_use | begin) & ~complete)),
            Assert(~node_en | (~complete & (written.group == group))),
            Assert(~fills[0].node_en | ~in_use),
            Assert((use.free & ~(use.full & whole)) == 0),
            Assert(~(mine & fills[1].node_en) | ~there),
            Assert(~read | use.full.bit_select(items.address.group, 1)),
            Assert(~reads | there),
            Assert(~(read & node_en) | (items.address.as_value() != written.as_value())),
        ]
        # What has been begun, and by whom last.
        freed, last, by_any = Signal(), Signal(), Signal()
        m.d.sync += freed.eq(freed | use.free.any())
        with m.If(begin):
            m.d.sync += [last.eq(turns.active), by_any.eq(1)]
        m.d.comb += [
            self.early.eq(read & ~whole.bit_select(items.address.group, 1)),
            self.turned.eq(fills[1].begin & by_any & ~last),
            self.back.eq(fills[0].begin & by_any & last),
            self.again.eq(fills[1].begin & (freed & by_any) & (group == 1)),
        ]


TURNS = CFG.replace(max_walk=4, edge_ends=8, walkers=1)


@pytest.mark.long
@pytest.mark.parametrize(("walks", "cycles", "covered"), [(1, 34, OwnedByTurns.COVERED), (2, 27, ("early", "turned"))])
def test_a_group_has_one_owner_where_host_and_device_take_turns(walks, cycles, covered, tmp_path):
    """Found, by hand: a group that is complete with a node still to come, a context that does not wait for its last
    node, a node that counts before it is written, counts that are of the walk before, a group that is begun twice or
    freed while its last context waits."""
    cfg = TURNS.replace(walks=walks, walkers=walks)
    cover(OwnedByTurns(cfg), tmp_path, output=covered, cycles=min(cycles, 31))
    prove(OwnedByTurns(cfg), tmp_path, name=f"owner.turns.{walks}", method=f"-seq {cycles}")


class OwnedByFetch(wiring.Component):
    """As :class:`Owned`, with rows in memory: the fetch stands between the groups of the loader and the windowing, with
    groups of slots of its own. The directory answers a row before it takes another one; rows land, draws come into the
    pool, and a group may be fetched, when they like.

    - The loader writes into no group that waits for its slots, the fetch reads no other, and no node that has not been
      written since the group was free.
    - The fetch writes no slot into a group in use; the windowing reads no other, and no slot that has not been written
      since.
    - A group is handed over while it is free, and freed while it is not; one of slots when its rows have landed.
    - No cell of either memory is read in the cycle in which it is written.

    ``both``: a group is being fetched while contexts are made of the one before it. ``again``: a group of slots begins
    that has been freed before.
    """

    COVERED = ("both", "again")

    def __init__(self, cfg: CoreConfig, fetch: type[Fetch] = Fetch):
        self._cfg, self._fetch = cfg, fetch
        free = dict.fromkeys(("valid", "go", "may", "pooled", "drawn", "takes", "answers", "lands"), In(1))
        wide = {"word": In(32), "k": In(WalkAddress(cfg))}
        super().__init__(free | wide | dict.fromkeys(self.COVERED, Out(1)))

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.loader = loader = WalkLoader(cfg)
        m.submodules.groups = groups = Groups(cfg)
        m.submodules.fetch = fetch = self._fetch(cfg, node_latency=groups.node_latency)
        m.submodules.windowing = windowing = Windowing(cfg)
        wiring.connect(m, loader.fill, groups.fillers[0])
        wiring.connect(m, fetch.groups, groups.use)
        wiring.connect(m, fetch.nodes, groups.nodes)
        wiring.connect(m, windowing.groups, fetch.use)
        m.d.comb += [
            *settled(cfg, loader.rules, groups.rules),
            loader.turn.work.valid.eq(self.valid),
            loader.turn.work.payload.eq(self.word),
            windowing.items.go.eq(self.go),
            windowing.draws.done.eq(self.drawn),
            fetch.may.eq(self.may),
            fetch.pool.done.eq(self.pooled),
            fetch.places.address.eq(windowing.items.address),
            Assume(loader.turn.busy | (self.word == 0x10000002) | ~self.valid),
        ]
        self._directory(m, fetch.asks)
        self._owners(m, loader, groups, fetch, windowing)
        return m

    def _directory(self, m, asks):
        ops, slots = asks.ops, asks.slots
        owed, ended = Signal(), Signal()
        row = ops.payload.kind == Kind.WALK
        m.d.comb += [
            ops.ready.eq(self.takes & ~owed),
            slots.valid.eq(owed & self.answers),
            asks.landed.eq(ended & ~owed & self.lands),
        ]
        with m.If(ops.valid & ops.ready):
            m.d.sync += [owed.eq(row), ended.eq(~row)]
        with m.If(slots.valid & slots.ready):
            m.d.sync += owed.eq(0)
        with m.If(asks.landed):
            m.d.sync += ended.eq(0)

    def _owners(self, m, loader, groups, fetch, windowing):
        use, slots, fill, items = groups.use, fetch.use, loader.fill, windowing.items
        node, slot = fetch.nodes.address, fetch._places
        asks = fetch.asks.ops.valid & (fetch.asks.ops.payload.kind == Kind.WALK)
        read = items.valid & ~items.negative
        slot_group = WalkAddress(self._cfg)(slot.wr_addr).group
        began, k = Signal(), Signal(WalkAddress(self._cfg))
        m.d.sync += [began.eq(1), k.eq(self.k)]
        m.d.comb += Assume(~began | (self.k.as_value() == k.as_value()))

        def since(name, written, address, freed):
            """Whether the cell that is followed has been written since its group was freed."""
            there = Signal(name=name)
            with m.If(written & (Value.cast(address) == self.k.as_value())):
                m.d.sync += there.eq(1)
            with m.If(freed.bit_select(self.k.group, 1)):
                m.d.sync += there.eq(0)
            return there

        has_node = since("has_node", fill.node_en, fill.address, use.free)
        has_slot = since("has_slot", slot.wr_en, slot.wr_addr, slots.free)
        followed = self.k.as_value()
        full, freed, landed = Signal(2), Signal(2), Signal()
        m.d.sync += landed.eq(fetch.asks.landed)
        m.d.sync += [full.eq(slots.full), freed.eq(freed | slots.free)]
        m.d.comb += [
            Assert(~(fill.node_en | fill.walk_en) | ~use.full.bit_select(fill.group, 1)),
            Assert(~fill.hand_over | ~use.full.bit_select(fill.group, 1)),
            Assert((use.free & ~use.full) == 0),
            Assert(~asks | use.full.bit_select(node.group, 1)),
            Assert(~asks | (node.as_value() != followed) | has_node),
            Assert(~(asks & fill.node_en) | (node.as_value() != Value.cast(fill.address))),
            Assert(~slot.wr_en | ~slots.full.bit_select(slot_group, 1)),
            Assert((slots.free & ~slots.full) == 0),
            Assert(((slots.full & ~full) == 0) | landed),
            Assert(~read | slots.full.bit_select(items.address.group, 1)),
            Assert(~read | (items.address.as_value() != followed) | has_slot),
            Assert(~(read & slot.wr_en) | (items.address.as_value() != slot.wr_addr)),
            self.both.eq(slots.full.any() & asks),
            self.again.eq((slots.full & ~full & freed) != 0),
        ]


ROWS = CFG.replace(nodes=64, slots=48, pool=16, replaced=1)


@pytest.mark.long
def test_a_group_has_one_owner_where_rows_are_in_memory(tmp_path):
    """Found, by hand: a group that is fetched before it is there, or into slots that are in use, or whose last node is
    not asked for, and contexts that do not wait until rows have landed."""
    cover(OwnedByFetch(ROWS), tmp_path, output=OwnedByFetch.COVERED, cycles=48)
    prove(OwnedByFetch(ROWS), tmp_path, name="owner.rows", method="-seq 48")


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

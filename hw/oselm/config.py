"""The one description of an OS-ELM core that gateware, models and driver share.

:class:`CoreConfig` is frozen and checked once, when it is made. Everything that can be derived (latencies, memory
sizes, bit positions) is a property of it, so that no number is written twice. Standard library only.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..arith.formats import SQ
from ..fabric.vendor import Vendor
from ..unit.config import UnitConfig
from .memory_map import MemoryMap, Region
from .rows.config import RowsConfig

__all__ = ["CONSTANT_FORMATS", "PRESETS", "CoreConfig", "GainRule", "Schedule", "preset"]


class Schedule(StrEnum):
    """In which order contexts see each other's updates; ``sim.oselm.golden`` defines both to the bit."""

    SEQUENTIAL = "sequential"
    STREAMING = "streaming"


class GainRule(StrEnum):
    """Where the gain k = P h / (1 + h.P h) of a context comes from."""

    COVARIANCE = "covariance"  # OS-ELM: P learns from every context
    CONSTANT = "constant"  # normalised LMS: k = p0 h / (1 + p0 h.h), without a P


def _clog2(n: int) -> int:
    return (n - 1).bit_length()


@dataclass(frozen=True, kw_only=True)
class CoreConfig(UnitConfig):
    """What one OS-ELM core is.

    Attributes
    ----------
    name : str
        Only for people; not part of :attr:`digest`.
    dim : int
        D, the length of an embedding row. A multiple of ``lanes``.
    nodes : int
        Rows of beta that the core holds.
    lanes : int
        Elements of a row handled at once; a power of two. The core has ``4 * lanes + 2`` multipliers, with a constant
        gain ``2 * lanes + 2``.
    max_samples : int
        Longest list of samples in a context.
    schedule : Schedule
        ``streaming`` or ``sequential``.
    lookahead : int
        Streaming: by how many contexts the centre is read, and P swept, ahead of the samples. The update of P lags
        by one context more (:attr:`lag`). Has to be 0 for ``sequential``.
    mu_shift : int
        mu = 2**-mu_shift; h = mu beta[centre].
    beta, p, k, e, u : SQ
        Formats of the rows, of P, of the gain k, of the error e and of u = P beta[centre] (mu left out).
    gain_bits : int
        Fraction bits of g = 1 / (1 + h.u); g itself is below 1.
    operand_bits : int
        Width of a multiplier port. Wider stored words are rounded to it before they are multiplied.
    vendor : Vendor
        Whose primitives are instantiated. It changes no bit and no cycle.
    broadcast : int
        Register stages between the control and the lanes.
    group : int
        How many lanes work in the same cycle; the next ``group`` lanes follow a cycle later, so that all wires stay
        among neighbours. A power of two of at most ``lanes``; 0 stands for all lanes. It changes no bit, and with
        the streaming schedule no cycle either.
    walks : int
        How many walks the front end can have in flight: their contexts take turns. 0: no front end, the host makes
        the contexts.
    max_walk : int
        Longest walk that the front end takes or makes.
    edge_ends : int
        Entries of the memory that holds the graph's neighbour lists (an edge has two); a multiple of 4. 0: the core
        holds no graph, the host makes the walks. Needs a front end.
    weight_bits : int
        Of a row's sum of weights, 17 to 24; a single weight has :attr:`WEIGHT_BITS`. 0: edges have no weights. Needs
        ``edge_ends``.
    walkers : int
        How many walks a core that holds a graph makes at the same time; at most ``walks``. It changes no bit.
    pool : int
        Most slots of a pool from which contexts draw their negatives; a power of two from :attr:`MIN_POOL` to
        :attr:`MAX_POOL`. 0: there is none. Needs a front end.
    slots : int
        Rows that are on the chip at a time; the others are in memory outside (:attr:`rows_outside`). 0: all are on the
        chip. Needs a front end and a pool; such a core takes no contexts of the host, no walk of less than two nodes,
        and negatives through the pool alone.
    replaced : int
        With ``slots``: most slots of the pool that a walk replaces.
    lists_outside : bool
        Headers and neighbour lists of the graph are in the memory outside, too, behind the rows (:attr:`memory_map`).
        Needs ``slots`` and ``edge_ends``; it changes no bit.
    alias_table : bool
        The front end has a table of ``nodes`` entries on the chip, out of which negatives of a published distribution
        come. Without, they come out of the graph, and ``nodes`` is free of that limit. Only a core with ``edge_ends``
        can do without.
    gain : GainRule
        ``covariance``, OS-ELM; or ``constant``: p0 stands for P, ``2 * lanes`` multipliers are enough, and neither q
        nor the format of u has a meaning.

    Raises
    ------
    TypeError
        A value is of the wrong kind.
    ValueError
        A value is out of range, or two do not go together; the message shows them.
    """

    name: str = field(default="custom", compare=False)
    dim: int
    nodes: int
    lanes: int
    max_samples: int
    schedule: Schedule = Schedule.STREAMING
    lookahead: int = 3
    mu_shift: int = 7
    beta: SQ = SQ(5, 13)
    p: SQ = SQ(2, 16)
    k: SQ = SQ(-2, 20)
    e: SQ = SQ(4, 14)
    u: SQ = SQ(5, 13)
    gain_bits: int = 17
    operand_bits: int = 18
    vendor: Vendor = Vendor.GENERIC
    broadcast: int = 2
    group: int = 0
    walks: int = 0
    max_walk: int = 128
    edge_ends: int = 0
    weight_bits: int = 0
    walkers: int = 4
    pool: int = 0
    slots: int = 0
    replaced: int = 8
    lists_outside: bool = False
    alias_table: bool = True
    gain: GainRule = GainRule.COVARIANCE

    def __post_init__(self):
        self._check_kinds()
        object.__setattr__(self, "schedule", Schedule(self.schedule))
        object.__setattr__(self, "vendor", Vendor(self.vendor))
        object.__setattr__(self, "gain", GainRule(self.gain))
        if self.lanes < 2 or self.lanes & (self.lanes - 1):
            raise ValueError(f"lanes must be a power of two of at least 2, not {self.lanes}")
        if self.dim < self.lanes or self.dim % self.lanes:
            raise ValueError(f"dim must be a multiple of lanes ({self.lanes}), not {self.dim}")
        if self.dim > 256:
            raise ValueError(f"dim must be at most 256, not {self.dim}")
        if self.chunks > 8:
            raise ValueError(f"dim must be at most 8 lanes ({8 * self.lanes}), not {self.dim}; use more lanes")
        if self.group and (self.group < 2 or self.group & (self.group - 1) or self.group > self.lanes):
            raise ValueError(
                f"group must be a power of two from 2 to lanes ({self.lanes}), or 0 for all lanes, not {self.group}"
            )
        self._check_ranges(
            ("nodes", 2, 1 << self.ROW_BITS),
            ("max_samples", 1, 127),
            ("mu_shift", 0, 12),
            ("operand_bits", 8, 18),
            ("broadcast", 1, 6),
            ("walks", 0, 64, "no front end"),
            ("max_walk", 2, 4096),
            ("walkers", 1, 64),
        )
        if self.schedule is Schedule.SEQUENTIAL and self.lookahead != 0:
            raise ValueError(f"the sequential schedule has lookahead 0, not {self.lookahead}")
        if self.schedule is Schedule.STREAMING and not 1 <= self.lookahead <= 6:
            raise ValueError(f"the streaming schedule has a lookahead of 1 to 6, not {self.lookahead}")
        if not 4 <= self.gain_bits < self.operand_bits:
            raise ValueError(f"gain_bits must be 4 to operand_bits - 1 ({self.operand_bits - 1}), not {self.gain_bits}")
        if not 0 <= self.edge_ends <= self.MAX_EDGE_ENDS or self.edge_ends % 4:
            raise ValueError(
                f"edge_ends must be a multiple of 4 from 0 (no graph) to {self.MAX_EDGE_ENDS}, not {self.edge_ends}"
            )
        if self.edge_ends and not self.walks:
            raise ValueError(f"edge_ends {self.edge_ends} needs a front end; use walks=1 or more")
        if self.weight_bits and not self.WEIGHT_BITS < self.weight_bits <= 24:
            raise ValueError(f"weight_bits must be {self.WEIGHT_BITS + 1} to 24, or 0 for none, not {self.weight_bits}")
        if self.weight_bits and not self.edge_ends:
            raise ValueError(f"weight_bits {self.weight_bits} needs edge_ends, the memory for the graph")
        if not self.alias_table and not self.edge_ends:
            raise ValueError("without alias_table negatives come out of a graph: edge_ends must not be 0")
        if self.edge_ends and self.walkers > self.walks:
            raise ValueError(f"walkers must be at most walks ({self.walks}), not {self.walkers}")
        if self.pool and (self.pool & (self.pool - 1) or not self.MIN_POOL <= self.pool <= self.MAX_POOL):
            raise ValueError(
                f"pool must be a power of two from {self.MIN_POOL} to {self.MAX_POOL}, or 0 for none, not {self.pool}"
            )
        if self.pool and not self.walks:
            raise ValueError(f"pool {self.pool} needs a front end; use walks=1 or more")
        self._check_slots()
        self._check_widths(32, "word of the command stream", "beta", "p")
        self._check_widths(self.operand_bits, "multiplier port", "k", "e", "u")
        self._check_shifts(
            {
                "e": self.e_shift,
                "u": self.u_shift,
                "k": self.k_shift,
                "beta update": self.beta_shift,
                "P update": self.p_shift,
                "h.u": self.hu_shift,
                "h.h": 0 if self.has_p else self.hh_shift,
            }
        )

    def _check_slots(self) -> None:
        self._check_ranges(("replaced", 1, 128))
        if self.lists_outside and not (self.slots and self.edge_ends):
            raise ValueError(
                f"lists_outside needs a graph and rows in memory: edge_ends and slots, not {self.edge_ends} and "
                f"{self.slots}"
            )
        if not self.slots:
            return
        if not self.pool:
            raise ValueError(
                f"slots {self.slots} needs a pool of negatives, {self.MIN_POOL} to {self.MAX_POOL}: those that are "
                "drawn for each context anew would be rows of memory"
            )
        if not 2 <= self.slots <= self.nodes:
            raise ValueError(f"slots must be 2 to nodes ({self.nodes}), or 0 for all rows, not {self.slots}")
        _ = self.rows_outside  # raises ValueError

    #: Of a row in a command word.
    ROW_BITS = 20
    #: Of the weight of an edge.
    WEIGHT_BITS = 16
    #: A room's place in the list memory, in units of 4 entries, has at most 24 bits.
    MAX_EDGE_ENDS = 1 << 26
    #: Of a word of memory outside.
    MEMORY_BITS = 32
    #: Slots of a pool of negatives: its size travels as three bits.
    MIN_POOL, MAX_POOL = 16, 1024

    # ---- shape
    @property
    def has_p(self) -> bool:
        """Whether the core keeps P; not with a constant gain."""
        return self.gain is GainRule.COVARIANCE

    @property
    def lane_multipliers(self) -> int:
        """Of all lanes: a dot product and an update of a row in each, and with P as many for P."""
        return (4 if self.has_p else 2) * self.lanes

    @property
    def chunks(self) -> int:
        """Beats of a row: dim / lanes."""
        return self.dim // self.lanes

    @property
    def groups(self) -> int:
        """Groups of lanes; group g works g cycles later than group 0."""
        return self.lanes // self.group if self.group else 1

    @property
    def ring(self) -> int:
        """Entries of the row FIFO, the result history and the hazard window: a power of two above max_samples."""
        return 1 << _clog2(self.max_samples + 1)

    @property
    def queue(self) -> int:
        """Samples that wait in front of the sequencer: more than the contexts it has to see at once."""
        return 1 << _clog2((self.lookahead + 3) * self.max_samples + 8)

    @property
    def row_bits(self) -> int:
        """Width of a row number."""
        return _clog2(self.nodes)

    @property
    def walk_rows(self) -> int:
        """Rows in a word of the command WALK."""
        return 2 if self.row_bits <= 16 else 1

    @property
    def table_rows(self) -> int:
        """Most columns of an alias table; 0: the core refuses every one."""
        return self.nodes if self.walks and self.alias_table else 0

    @property
    def place_bits(self) -> int:
        """Width of a place in the list memory, in units of 4 entries."""
        return max(1, _clog2(self.edge_ends // 4))

    @property
    def room_classes(self) -> int:
        """Sizes of rooms for a neighbour list: 4, 8, ... entries; the largest one fits the memory, and need not hold
        more than all other nodes."""
        largest = min(1 << _clog2(max(4, self.nodes - 1)), self.edge_ends)
        return max(0, largest.bit_length() - 2)

    @property
    def header_bits(self) -> int:
        """Of a row of the graph: place and length of its list, class of its room, and whether it is known."""
        return self.place_bits + self.row_bits + self.room_classes.bit_length() + 1

    @property
    def entry_bits(self) -> int:
        """Of an entry of a neighbour list: a row, and where edges have weights their sum."""
        return self.row_bits + self.weight_bits

    # ---- memory outside
    @property
    def engine(self) -> "CoreConfig":
        """What the engines see: a core whose rows are the slots."""
        return self.replace(nodes=self.slots, slots=0, lists_outside=False) if self.slots else self

    @property
    def memory_map(self) -> MemoryMap:
        """What stands where in memory. Raises ValueError without ``slots``."""
        rows = Region(0, self.nodes, self.rows_outside.words)
        if not self.lists_outside:
            return MemoryMap(rows)
        headers = rows.behind(self.nodes, -(-self.header_bits // self.MEMORY_BITS))
        return MemoryMap(rows, headers, headers.behind(self.edge_ends, -(-self.entry_bits // self.MEMORY_BITS)))

    @property
    def memory_bytes(self) -> int:
        return self.memory_map.words * self.MEMORY_BITS // 8 if self.slots else 0

    @property
    def row_bytes(self) -> int:
        """Of a row in memory. Raises ValueError without ``slots``."""
        return self.rows_outside.words * self.MEMORY_BITS // 8

    @property
    def rows_outside(self) -> RowsConfig:
        """How rows stand in memory and in slots. Raises ValueError without ``slots``, and where they are too few.

        A group is some walks in flight. With the streaming schedule the last ``lookahead + 1`` contexts end only when
        more come. So while a group asks for rows, one group before it can still hold all of its rows, and up to
        ``lookahead`` more groups those of a context each.
        """
        group = self.walks * (self.max_walk + self.replaced)
        ahead = self.schedule is Schedule.STREAMING
        held = group + self.lookahead * (self.max_samples + 1 + self.replaced) if ahead else 0
        return RowsConfig(
            rows=self.nodes,
            slots=self.slots,
            words=-(-self.dim * self.beta.bits // self.MEMORY_BITS),
            word_bits=self.MEMORY_BITS,
            pool=self.pool,
            group_rows=group,
            held_rows=held,
        )

    # ---- formats that follow from the others
    @property
    def beta_view(self) -> SQ:
        """beta as a multiplier sees it; also the format of h (its mu is carried by the binary point)."""
        return self.beta.view(self.operand_bits)

    @property
    def p_view(self) -> SQ:
        return self.p.view(self.operand_bits)

    @property
    def e_shift(self) -> int:
        """Bits dropped from mu h.beta to reach e."""
        return 2 * self.beta_view.fraction + self.mu_shift - self.e.fraction

    @property
    def u_shift(self) -> int:
        """Bits dropped from P h to reach u."""
        return self.p_view.fraction + self.beta_view.fraction - self.u.fraction

    @property
    def hu_shift(self) -> int:
        """Bits dropped from mu^2 h.u to reach :attr:`HU_FRACTION` fraction bits."""
        return self.u.fraction + self.beta_view.fraction + 2 * self.mu_shift - self.HU_FRACTION

    @property
    def hh_shift(self) -> int:
        """Bits dropped from mu^2 h.h to reach :attr:`HU_FRACTION` fraction bits."""
        return 2 * (self.beta_view.fraction + self.mu_shift) - self.HU_FRACTION

    @property
    def k_shift(self) -> int:
        """Bits dropped from mu g u to reach k; with a constant gain, from mu f h."""
        product = self.gain_bits + self.u.fraction
        if not self.has_p:
            product = self.p_view.fraction + self.beta_view.fraction
        return product + self.mu_shift - self.k.fraction

    @property
    def beta_shift(self) -> int:
        """Bits dropped from e k to reach beta."""
        return self.e.fraction + self.k.fraction - self.beta.fraction

    @property
    def p_shift(self) -> int:
        """Bits dropped from mu k u to reach P."""
        return self.k.fraction + self.u.fraction + self.mu_shift - self.p.fraction

    #: 1 + h.u (or 1 + p0 h.h) enters the reciprocal with this many fraction bits, and with HU_INTEGER integer bits
    #: (unsigned).
    HU_FRACTION = 18
    HU_INTEGER = 6

    # ---- identity
    UNSEEN = frozenset({"name", "vendor", "broadcast", "group", "lanes", "walkers"})
    LATER = frozenset({"pool", "slots", "replaced", "lists_outside", "alias_table", "gain"})


#: Of a core with a constant gain: with room for constants of up to 7.9.
CONSTANT_FORMATS: dict[str, Any] = {"p": SQ(4, 14), "k": SQ(0, 18)}

#: Named configurations.
PRESETS = {
    c.name: c
    for c in (
        CoreConfig(name="tiny", dim=8, nodes=64, lanes=4, max_samples=7, lookahead=2, walks=4),
        CoreConfig(
            name="ecp5-85f",
            dim=32,
            nodes=3072,
            lanes=32,
            max_samples=31,
            vendor=Vendor.ECP5,
            group=4,
            walks=8,
            edge_ends=24576,
        ),
        # Without P: D = 64 in the cycles of D = 32.
        CoreConfig(
            name="ecp5-85f-d64",
            dim=64,
            nodes=3072,
            lanes=64,
            max_samples=31,
            vendor=Vendor.ECP5,
            group=8,
            walks=8,
            gain=GainRule.CONSTANT,
            **CONSTANT_FORMATS,
        ),
        CoreConfig(
            name="paper",
            dim=32,
            nodes=3072,
            lanes=32,
            max_samples=77,
            schedule=Schedule.SEQUENTIAL,
            lookahead=0,
            vendor=Vendor.ECP5,
            walks=8,
        ),
    )
}


def preset(name: str) -> CoreConfig:
    """The configuration of that name. Raises ValueError with the names there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"no preset {name!r}; there are: {', '.join(PRESETS)}") from None

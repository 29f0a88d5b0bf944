"""The one description of a Skip2-LoRA unit that gateware, models and driver share.

:class:`LoraConfig` is frozen and checked once, when it is made; what can be derived is a property. Standard library
only. docs/lora.md has the equations that the formats belong to.
"""

from dataclasses import dataclass, field

from ..arith.formats import SQ, UQ
from ..fabric.vendor import Vendor
from ..unit.config import UnitConfig

__all__ = ["LORA_PRESETS", "LoraConfig", "lora_preset"]


@dataclass(frozen=True, kw_only=True)
class LoraConfig(UnitConfig):
    """What one Skip2-LoRA unit is.

    Attributes
    ----------
    name : str
        Only for people; not part of :attr:`digest`.
    widths : tuple of int
        n_1 ... n_K, the inputs of each dense layer of the backbone; 1 to 4 layers.
    classes : int
        m, the outputs of the last layer; 2 to 16.
    rank : int
        r, columns of every A_k and rows of every B_k; 1 to 8.
    lanes : int
        Multipliers for dot products, and as many again for updates; a power of two, at least K r.
    lag : int
        z of sample s sees the updates of A by the samples up to s - lag, and y those of B up to s - lag + 2. At
        least 3; every sample more leaves the softmax one sample's time more.
    cache_samples : int
        Samples that the Skip-Cache holds.
    x_bits : int
        Width of a cached activation, unsigned: 8 or 16.
    x_integer : tuple of int
        Integer bits with which the adapters read x_k: where the binary point is put, which scales the learning rate.
    a, b : SQ
        Formats of A and B.
    z, y, g, gz : SQ
        Formats of z = x A, of the outputs (and of the cached c), of their gradient, and of g B^T.
    weight_bits : int
        Width of a backbone weight, signed.
    gradient_bits : int
        Width of the sums of gradients of a mini-batch; they saturate.
    exp_step_bits, exp_entries, exp_bits : int
        The table of exp(-i / 2**exp_step_bits), i below ``exp_entries``, with ``exp_bits`` fraction bits; 0 beyond it.
    gain_bits : int
        Fraction bits of the reciprocal.
    rate_shift : int
        The learning rate is 2**-rate_shift times a factor of format :attr:`RATE` that is set at run time.
    vendor : Vendor
        Whose primitives are instantiated. It changes no bit and no cycle.
    broadcast : int
        Register stages between the control and the lanes.

    Raises
    ------
    TypeError
        A value is of the wrong kind.
    ValueError
        A value is out of range, or two do not go together; the message shows them.
    """

    name: str = field(default="custom", compare=False)
    widths: tuple[int, ...]
    classes: int
    rank: int = 4
    lanes: int = 32
    lag: int = 4
    cache_samples: int = 512
    x_bits: int = 8
    x_integer: tuple[int, ...] = ()
    a: SQ = SQ(3, 15)
    b: SQ = SQ(3, 15)
    z: SQ = SQ(7, 7)
    y: SQ = SQ(8, 6)
    g: SQ = SQ(2, 14)
    gz: SQ = SQ(4, 12)
    weight_bits: int = 8
    gradient_bits: int = 36
    exp_step_bits: int = 3
    exp_entries: int = 64
    exp_bits: int = 12
    gain_bits: int = 16
    rate_shift: int = 5
    vendor: Vendor = Vendor.GENERIC
    broadcast: int = 2

    #: Width of a multiplier port.
    OPERAND_BITS = 18
    #: The run-time factor of the learning rate.
    RATE = UQ(1, 10)
    #: Width of a backbone bias, signed, in units of weight times activation.
    BIAS_BITS = 32
    #: Width of the run-time shift that follows a backbone layer.
    SHIFT_BITS = 5
    #: Width of a sample number in a command word.
    SAMPLE_BITS = 20
    MAX_LAYERS = 4
    MAX_WIDTH = 1024
    MAX_CLASSES = 16
    MAX_RANK = 8

    def __post_init__(self):
        for name in ("widths", "x_integer"):
            value = getattr(self, name)
            if not isinstance(value, (tuple, list)) or not all(type(v) is int for v in value):
                raise TypeError(f"{name} must be a tuple of ints, not {value!r}")
            object.__setattr__(self, name, tuple(value))
        # The input lies in [0, 1); hidden activations are read at a quarter, up to 4: the rate that suits both.
        if not self.x_integer:
            object.__setattr__(self, "x_integer", (0, *(2,) * (len(self.widths) - 1)))
        object.__setattr__(self, "vendor", Vendor(self.vendor))
        self._check_kinds()
        self._check_shape()
        self._check_formats()

    def _check_shape(self) -> None:
        if not 1 <= self.layers <= self.MAX_LAYERS:
            raise ValueError(f"widths must name 1 to {self.MAX_LAYERS} layers, not {self.layers}: {self.widths}")
        for n in self.widths:
            if not 1 <= n <= self.MAX_WIDTH:
                raise ValueError(f"every width must be 1 to {self.MAX_WIDTH}, not {n}: {self.widths}")
        self._check_ranges(
            ("classes", 2, self.MAX_CLASSES),
            ("rank", 1, self.MAX_RANK),
            ("lag", 3, 5),
            ("cache_samples", 1, 1 << self.SAMPLE_BITS),
            ("weight_bits", 2, 16),
            ("gradient_bits", 24, 48),
            ("exp_step_bits", 0, self.y.fraction),
            ("exp_entries", 2, 1024),
            ("exp_bits", 6, 16),
            ("gain_bits", 8, 16),
            ("rate_shift", 0, 16),
            ("broadcast", 1, 6),
        )
        if self.lanes < 4 or self.lanes & (self.lanes - 1) or self.lanes > 64:
            raise ValueError(f"lanes must be a power of two from 4 to 64, not {self.lanes}")
        if self.layers * self.rank > self.lanes:
            raise ValueError(
                f"z of {self.layers} layers at rank {self.rank} has {self.layers * self.rank} elements, more than "
                f"{self.lanes} lanes: use more lanes or a lower rank"
            )
        if self.x_bits not in (8, 16):
            raise ValueError(f"x_bits must be 8 or 16, not {self.x_bits}")
        if len(self.x_integer) != self.layers:
            raise ValueError(f"x_integer must have one entry for each of {self.layers} layers, not {self.x_integer}")
        for bits in self.x_integer:
            if not -4 <= bits <= 8:
                raise ValueError(f"x_integer must be -4 to 8, not {bits}")

    def _check_formats(self) -> None:
        self._check_widths(self.OPERAND_BITS, "multiplier port", "a", "b", "z", "y", "g", "gz")
        shifts = {f"z of layer {k + 1}": self.z_shift(k) for k in range(self.layers)}
        shifts |= {f"update of A of layer {k + 1}": self.a_shift(k) for k in range(self.layers)}
        shifts |= {"y": self.y_shift, "gz": self.gz_shift, "g": self.g_shift, "update of B": self.b_shift}
        self._check_shifts(shifts)
        for name, shift in shifts.items():
            if shift >= self.gradient_bits and name.startswith("update"):
                raise ValueError(f"{name}: a shift of {shift} leaves nothing of {self.gradient_bits} gradient_bits")

    # ---- shape
    @property
    def layers(self) -> int:
        """K."""
        return len(self.widths)

    @property
    def outputs(self) -> tuple[int, ...]:
        """Outputs of each dense layer: n_2 ... n_K, m."""
        return (*self.widths[1:], self.classes)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Beats of x_k, ceil(n_k / lanes), for each layer."""
        return tuple(-(-n // self.lanes) for n in self.widths)

    @property
    def x_words(self) -> int:
        """Words of ``lanes`` activations that one sample has in the Skip-Cache."""
        return sum(self.chunks)

    @property
    def a_words(self) -> int:
        """Words of A: one for each layer, column and chunk, in that order."""
        return self.rank * self.x_words

    @property
    def adapter_words(self) -> int:
        """Words of A and, after them, one for each column of B, whose lanes are the K r elements of z."""
        return self.a_words + self.classes

    @property
    def z_size(self) -> int:
        """K r."""
        return self.layers * self.rank

    @property
    def dense_words(self) -> int:
        """Words of backbone weights: one for each layer, output and chunk, in that order."""
        return sum(o * c for o, c in zip(self.outputs, self.chunks, strict=True))

    @property
    def weight_group(self) -> int:
        """Lanes whose weights share a memory, and are written together: as many as fit the 36 bits of a block RAM."""
        return min(self.lanes, 1 << (36 // self.weight_bits).bit_length() - 1)

    @property
    def parameters(self) -> int:
        """Trained numbers."""
        return self.rank * (sum(self.widths) + self.layers * self.classes)

    def x_format(self, layer: int) -> UQ:
        """How the adapters read x of a layer, numbered from 0."""
        return UQ(self.x_integer[layer], self.x_bits - self.x_integer[layer])

    # ---- shifts: fraction bits dropped
    def z_shift(self, layer: int) -> int:
        """From x A to z."""
        return self.x_format(layer).fraction + self.a.fraction - self.z.fraction

    @property
    def y_shift(self) -> int:
        """From z B to y."""
        return self.z.fraction + self.b.fraction - self.y.fraction

    @property
    def gz_shift(self) -> int:
        """From g B^T to gz."""
        return self.g.fraction + self.b.fraction - self.gz.fraction

    @property
    def g_shift(self) -> int:
        """From exp times the scaled reciprocal to g."""
        return self.exp_bits + self.gain_bits - self.g.fraction

    def a_shift(self, layer: int) -> int:
        """From x^T gz to A, the learning rate's power of two included."""
        return self.x_format(layer).fraction + self.gz.fraction - self.a.fraction + self.rate_shift

    @property
    def b_shift(self) -> int:
        """From z^T g to B, the learning rate's power of two included."""
        return self.z.fraction + self.g.fraction - self.b.fraction + self.rate_shift

    @property
    def exp_index_shift(self) -> int:
        """From max(y) - y to an index of the exponential table."""
        return self.y.fraction - self.exp_step_bits

    @property
    def start(self) -> int:
        """1/8, by which the elements of A start, raw in format ``a``."""
        return min(1 << max(self.a.fraction - 3, 0), self.a.max_raw)

    @property
    def loss_fraction(self) -> int:
        """Fraction bits of a cross entropy."""
        return max(10, self.y.fraction)

    @property
    def log_bits(self) -> int:
        """Fraction bits of a sum of exponentials by which its logarithm is looked up."""
        return min(7, self.exp_bits)

    #: The sum of up to 16 exponentials, of at most 1 each, as the reciprocal takes it.
    SUM_INTEGER = 5

    @property
    def exact_batch(self) -> int:
        """Samples whose gradients certainly sum without saturation."""
        a = self.x_bits + self.gz.bits
        b = self.z.bits + self.g.bits - 1
        return 1 << max(0, self.gradient_bits - max(a, b))

    # ---- identity
    UNSEEN = frozenset({"name", "vendor", "broadcast"})


#: Named configurations.
LORA_PRESETS = {
    c.name: c
    for c in (
        LoraConfig(name="tiny", widths=(10, 6), classes=3, rank=2, lanes=4, cache_samples=8),
        LoraConfig(name="digits", widths=(64, 96, 96), classes=10),
        LoraConfig(name="fan", widths=(256, 96, 96), classes=3),
    )
}


def lora_preset(name: str) -> LoraConfig:
    """The configuration of that name. Raises ValueError with the names there are."""
    try:
        return LORA_PRESETS[name]
    except KeyError:
        raise ValueError(f"no preset {name!r}; there are: {', '.join(LORA_PRESETS)}") from None

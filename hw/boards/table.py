"""Which boards there are, and what is put on each. Standard library only.

A board is a row of :data:`BOARDS`; pins and device come from the platform class that it names.
"""

from dataclasses import dataclass, field, replace

from ..fabric.vendor import Vendor
from ..link.protocol import LinkConfig, UartConfig
from ..lora.config import LoraConfig, lora_preset
from ..memory.sdram_config import SdramConfig
from ..oselm.config import CONSTANT_FORMATS, CoreConfig, GainRule, preset
from ..unit.config import UnitConfig
from .floorplan import LFE5U_85F, Sites

__all__ = ["BOARDS", "PIN_REGISTERS", "Board", "Pll", "board"]

#: Of the SDRAM, in the I/O cells: one on the way out, one on the way back.
PIN_REGISTERS = 2


@dataclass(frozen=True, kw_only=True)
class Pll:
    """Divisors of an EHXPLLL: output = input * ``feedback`` / ``reference``, oscillator = output * ``output``.

    There may be another clock, of the oscillator divided by ``second``; 0 where there is none.

    Raises ValueError if the oscillator would leave 400 to 800 MHz.
    """

    input_hz: int
    reference: int
    feedback: int
    output: int
    second: int = 0

    def __post_init__(self):
        if not 400_000_000 <= self.oscillator_hz <= 800_000_000:
            raise ValueError(f"the oscillator of a PLL runs at 400 to 800 MHz, not at {self.oscillator_hz / 1e6:g}")

    def phase(self, ns: float) -> tuple[int, int]:
        """CPHASE and FPHASE of an output whose edges come ``ns`` before those of the first one, or of the other clock
        if there is one, and as often: the eighth of the oscillator's period that is closest. (Those of these two are
        ``output - 1`` and 0.)"""
        eighths = 8 * (self.second or self.output) - round(8 * ns * self.oscillator_hz / 1e9)
        return self.output - 1 + eighths // 8, eighths % 8

    @property
    def output_hz(self) -> int:
        return self.input_hz * self.feedback // self.reference

    @property
    def oscillator_hz(self) -> int:
        return self.output_hz * self.output

    def beside(self, second_hz: int) -> "Pll":
        """The same output, and ``second_hz`` besides, of the oscillator that is closest to the middle of its range.
        Raises ValueError, with what there would be, if no oscillator is a multiple of both."""
        hz = self.output_hz
        oscillators = [(output, hz * output) for output in range(-(-400_000_000 // hz), 800_000_000 // hz + 1)]
        fit = [(output, of) for output, of in oscillators if not of % second_hz and of <= 128 * second_hz]
        if not fit:
            near = {of / divisor for _, of in oscillators for divisor in range(1, 129) if not of % divisor}
            shown = sorted(sorted(near, key=lambda other: abs(other - second_hz))[:4])
            raise ValueError(
                f"no PLL makes {second_hz} Hz beside {hz} Hz; it makes {', '.join(f'{other:.0f}' for other in shown)}"
            )
        output, of = min(fit, key=lambda found: abs(found[1] - 600_000_000))
        return replace(self, output=output, second=of // second_hz)

    @classmethod
    def closest(cls, input_hz: int, output_hz: int) -> "Pll":
        """The divisors that come closest to ``output_hz`` from below. Raises ValueError if there are none."""
        found = []
        for reference in range(1, 6):
            feedback = output_hz * reference // input_hz
            hz = input_hz * feedback // reference
            if 1 <= feedback <= 128 and hz > 0:
                # The middle of the oscillator's range.
                output = min(max(1, round(600_000_000 / hz)), 128)
                if 400_000_000 <= hz * output <= 800_000_000:
                    found.append(cls(input_hz=input_hz, reference=reference, feedback=feedback, output=output))
        if not found:
            raise ValueError(f"no PLL makes {output_hz} Hz of {input_hz} Hz")
        return max(found, key=lambda pll: (pll.output_hz, -pll.reference))


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board, and what is put on it.

    Attributes
    ----------
    name : str
        For ``make bitstream BOARD=...``; also the folder below ``build/boards``.
    title : str
        What is printed on the box, and the device.
    platform : str
        ``module:class``, of amaranth-boards or one like it.
    core : CoreConfig
        The OS-ELM core.
    beside : tuple of UnitConfig
        Other units, behind the same link.
    clock_hz : int
        Clock of the core: a constraint that the build has to meet.
    input_hz : int
        Clock that the board delivers; a PLL makes ``clock_hz`` of it if they differ.
    baud : int
        Of the serial line.
    loader : str
        The board as openFPGALoader calls it.
    link : LinkConfig
        Buffers of the link.
    seeds : tuple of int
        Of the placements that are tried.
    place_options : tuple of str
        More options for nextpnr.
    sites : Sites, optional
        Where the lanes of the OS-ELM core are laid out; left to nextpnr if not given.
    sdram : SdramConfig, optional
        The chip that rows in memory outside stand in. At another clock than the core's, its controller has a clock
        domain of its own.
    sdram_lead_ns : float
        By how much the edges of the chip's clock come before those of its controller's.

    Raises
    ------
    ValueError
        There is no PLL for ``sdram``, or none that makes its clock and the core's.
    """

    name: str
    title: str
    platform: str
    core: CoreConfig
    clock_hz: int
    input_hz: int
    baud: int
    beside: tuple[UnitConfig, ...] = ()
    loader: str = ""
    link: LinkConfig = field(default_factory=LinkConfig)
    seeds: tuple[int, ...] = (1, 2, 3)
    place_options: tuple[str, ...] = ()
    sites: Sites | None = None
    sdram: SdramConfig | None = None
    sdram_lead_ns: float = 2.0

    def __post_init__(self):
        if self.sdram is None:
            return
        if self.clock_hz == self.input_hz:
            raise ValueError(f"{self.name}: the clock of the SDRAM is a PLL's, and clock_hz is input_hz")
        try:
            self.pll  # noqa: B018
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    @property
    def cores(self) -> tuple[UnitConfig, ...]:
        """What the link's units are, by their number."""
        return (self.core, *self.beside)

    @property
    def lora(self) -> LoraConfig | None:
        """The first Skip2-LoRA unit, if there is one."""
        return next((cfg for cfg in self.beside if isinstance(cfg, LoraConfig)), None)

    @property
    def pll(self) -> Pll | None:
        """Divisors of the PLL, or None if the input clock is used as it is."""
        if self.clock_hz == self.input_hz:
            return None
        pll = Pll.closest(self.input_hz, self.clock_hz)
        if self.sdram is None or self.sdram.clock_hz == pll.output_hz:
            return pll
        return pll.beside(self.sdram.clock_hz)

    @property
    def uart(self) -> UartConfig:
        return UartConfig(clock_hz=self.pll.output_hz if self.pll else self.clock_hz, baud=self.baud)


#: By name.
BOARDS = {
    b.name: b
    for b in (
        Board(
            name="ulx3s-85f",
            title="ULX3S with LFE5U-85F",
            platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
            core=preset("ecp5-85f"),
            sites=LFE5U_85F,
            # The default placer leaves wires of half the chip between control and lanes. The default router heeds
            # delays more than router2 does, but seldom comes to an end where the lanes are dense (docs/boards.md).
            place_options=("--placer", "static", "--router", "router2"),
            input_hz=25_000_000,
            clock_hz=80_000_000,
            baud=3_000_000,
            loader="ulx3s",
        ),
        Board(
            name="ulx3s-85f-sdram",
            title="ULX3S with LFE5U-85F, rows and graph in its SDRAM",
            platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
            # Nothing of a node stays on the chip; rows, headers and entries take 28 of the 32 MiB.
            core=preset("ecp5-85f").replace(
                name="ulx3s-85f-sdram",
                nodes=1 << 18,
                edge_ends=1 << 21,
                walks=4,
                slots=3072,
                pool=512,
                lists_outside=True,
                alias_table=False,
            ),
            sites=LFE5U_85F,
            place_options=("--placer", "static", "--router", "router2"),
            input_hz=25_000_000,
            clock_hz=75_000_000,
            baud=3_000_000,
            loader="ulx3s",
            # A latency of 2 allows 100; an oscillator of 600 MHz makes both clocks.
            sdram=SdramConfig(clock_hz=100_000_000, input_delay=PIN_REGISTERS),
        ),
        Board(
            name="ulx3s-25f",
            title="ULX3S with LFE5U-25F",
            platform="amaranth_boards.ulx3s:ULX3S_25F_Platform",
            core=CoreConfig(
                name="ulx3s-25f",
                dim=16,
                nodes=1024,
                lanes=4,
                max_samples=31,
                walks=4,
                edge_ends=8192,
                vendor=Vendor.ECP5,
            ),
            input_hz=25_000_000,
            clock_hz=75_000_000,
            baud=3_000_000,
            loader="ulx3s",
        ),
        Board(
            name="ulx3s-45f",
            title="ULX3S with LFE5U-45F",
            platform="amaranth_boards.ulx3s:ULX3S_45F_Platform",
            # The rows leave block RAM to a Skip-Cache that holds a whole fine-tuning of the digits, 470 samples.
            core=CoreConfig(name="ulx3s-45f", dim=8, nodes=512, lanes=4, max_samples=31, vendor=Vendor.ECP5),
            beside=(lora_preset("digits").replace(name="ulx3s-45f", lanes=16, cache_samples=480, vendor=Vendor.ECP5),),
            place_options=("--router", "router2"),
            input_hz=25_000_000,
            clock_hz=50_000_000,
            baud=3_000_000,
            loader="ulx3s",
        ),
        # D = 32 and the graph, without P: every multiplier of the device.
        Board(
            name="ulx3s-45f-d32",
            title="ULX3S with LFE5U-45F",
            platform="amaranth_boards.ulx3s:ULX3S_45F_Platform",
            core=CoreConfig(
                name="ulx3s-45f-d32",
                dim=32,
                nodes=2048,
                lanes=32,
                max_samples=31,
                walks=4,
                edge_ends=16384,
                group=4,
                gain=GainRule.CONSTANT,
                vendor=Vendor.ECP5,
                **CONSTANT_FORMATS,
            ),
            place_options=("--router", "router2"),
            input_hz=25_000_000,
            clock_hz=50_000_000,
            baud=3_000_000,
            loader="ulx3s",
        ),
        Board(
            name="ulx3s-12f",
            title="ULX3S with LFE5U-12F",
            platform="amaranth_boards.ulx3s:ULX3S_12F_Platform",
            core=CoreConfig(name="ulx3s-12f", dim=8, nodes=256, lanes=2, max_samples=15, vendor=Vendor.ECP5),
            input_hz=25_000_000,
            clock_hz=75_000_000,
            baud=3_000_000,
            loader="ulx3s",
        ),
        Board(
            name="ulx3s-45f-sdram",
            title="ULX3S with LFE5U-45F, rows and graph in its SDRAM",
            platform="amaranth_boards.ulx3s:ULX3S_45F_Platform",
            core=CoreConfig(
                name="ulx3s-45f-sdram",
                dim=32,
                nodes=1 << 17,
                lanes=8,
                max_samples=31,
                walks=4,
                max_walk=96,
                edge_ends=1 << 21,
                slots=1536,
                pool=512,
                lists_outside=True,
                alias_table=False,
                vendor=Vendor.ECP5,
            ),
            place_options=("--router", "router2"),
            input_hz=25_000_000,
            clock_hz=50_000_000,
            baud=3_000_000,
            loader="ulx3s",
            sdram=SdramConfig(clock_hz=100_000_000, input_delay=PIN_REGISTERS),
        ),
        Board(
            name="tang-nano-20k",
            title="Tang Nano 20K with GW2AR-18C",
            platform="skipwalk.hw.boards.tang_nano_20k:TangNano20kPlatform",
            core=CoreConfig(name="tang-nano-20k", dim=16, nodes=512, lanes=2, max_samples=15),
            input_hz=27_000_000,
            clock_hz=27_000_000,
            baud=1_000_000,
            loader="tangnano20k",
        ),
    )
}


def board(name: str) -> Board:
    """The board of that name. Raises ValueError with the names there are."""
    try:
        return BOARDS[name]
    except KeyError:
        raise ValueError(f"no board {name!r}; there are: {', '.join(BOARDS)}") from None

"""The backbone's forward pass on the lanes: dense layers with bias, shift and ReLU, for samples not yet cached."""

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.formats import SQ
from ..arith.requantize import requantize
from ..fabric.pipeline import delay
from ..fabric.ram import Ram
from .config import LoraConfig
from .ops import BeatKind, LaneOp
from .ports import Backbone, HostWrites, LaneLoan, Parameters, Sums
from .timing import FINISH

__all__ = ["LoraDense"]


class LoraDense(wiring.Component):
    """``x_{k+1} = relu(x_k W_k + b_k)``, and ``c = x_K W_K + b_K``.

    Parameters
    ----------
    cfg : LoraConfig
    latency : int
        Of the lanes, from a beat to its sum.
    sum_bits : int
        Width of a sum.
    primitives : bool
        As in :class:`Ram`.

    Members
    -------
    backbone : In(Backbone)
        Which sample is to be computed, and what it gives.
    loan, op : Out(LaneLoan), Out(LaneOp)
        The lanes, from the start until all is done; a beat for them, while granted.
    sums : In(Sums)
        Those of DENSE beats are taken.
    parameters : In(Parameters)
        Bits dropped behind each layer.
    host : In(HostWrites)
        Biases; only while there is nothing to compute.

    Timing: a beat a cycle within a layer; a layer begins when the one before it is stored.

    Numerics: the sum is exact; with its bias added it is rounded once, half up; the lower end of the unsigned format
    is the ReLU.
    """

    def __init__(self, cfg: LoraConfig, *, latency: int, sum_bits: int, primitives: bool = False):
        self._cfg = cfg
        self._latency = latency
        self._sum_bits = sum_bits
        self._biases = Ram(sum(cfg.outputs), cfg.BIAS_BITS, vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "backbone": In(Backbone(cfg)),
                "loan": Out(LaneLoan()),
                "op": Out(LaneOp(cfg)),
                "sums": In(Sums(cfg, sum_bits)),
                "parameters": In(Parameters(cfg)),
                "host": In(HostWrites(cfg)),
            }
        )

    @property
    def layer_gap(self) -> int:
        """Cycles from the last beat of a layer to the first of the next."""
        return self._latency + FINISH + 2

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.biases = self._biases
        layer, stored = Signal(range(max(2, cfg.layers))), Signal()
        neuron = self._issue(m, layer, stored)
        valid, value, c = self._finish(m, layer, neuron)
        self._hand_out(m, layer, stored, valid, value, c)
        return m

    def _issue(self, m, layer, stored):
        """Beats of a layer, as long as the lanes are granted, and of the next one when it is stored; returns the number
        of the present beat's output."""
        cfg, op, loan, backbone = self._cfg, self.op, self.loan, self.backbone
        starts_at = Array([sum(cfg.chunks[:k]) for k in range(cfg.layers)])
        ends_at = Array([sum(cfg.chunks[: k + 1]) - 1 for k in range(cfg.layers)])
        output = Signal(range(max(cfg.outputs)))
        dense_word, neuron, x = (
            Signal.like(s, name=name) for name, s in (("dense_word", op.dense_word), ("neuron", op.neuron), ("x", op.x))
        )
        issuing = Signal()
        sum_ends = x == ends_at[layer]
        layer_ends = sum_ends & (output == Array(cfg.outputs)[layer] - 1)
        with m.If(backbone.start):
            m.d.sync += [loan.request.eq(1), issuing.eq(1), layer.eq(0), output.eq(0), x.eq(0)]
            m.d.sync += [dense_word.eq(0), neuron.eq(0)]
        with m.If(issuing & loan.granted):
            m.d.sync += [x.eq(x + 1), dense_word.eq(dense_word + 1)]
            with m.If(sum_ends):
                m.d.sync += [x.eq(starts_at[layer]), output.eq(output + 1), neuron.eq(neuron + 1)]
            with m.If(layer_ends):
                m.d.sync += issuing.eq(0)
        with m.If(stored):
            with m.If(layer == cfg.layers - 1):
                m.d.comb += backbone.done.eq(1)
                m.d.sync += loan.request.eq(0)
            with m.Else():
                m.d.sync += [layer.eq(layer + 1), output.eq(0), x.eq(ends_at[layer] + 1), issuing.eq(1)]
        m.d.comb += [
            op.valid.eq(issuing & loan.granted),
            op.kind.eq(BeatKind.DENSE),
            op.dense_word.eq(dense_word),
            op.neuron.eq(neuron),
            op.x.eq(x),
            op.ahead.eq(backbone.ring),
            op.first.eq(x == starts_at[layer]),
            op.last.eq(sum_ends),
        ]
        return neuron

    def _finish(self, m, layer, neuron):
        """Bias, shift and saturation of a sum; whether there is a result, as an activation and as an output c."""
        cfg, sums, biases = self._cfg, self.sums, self._biases
        m.d.comb += [
            biases.wr_en.eq(self.host.biases),
            biases.wr_addr.eq(self.host.addr),
            biases.wr_data.eq(self.host.data),
            biases.rd_addr.eq(delay(m, neuron, self._latency - biases.latency, name="bias_neuron")),
        ]
        bits = max(self._sum_bits, cfg.BIAS_BITS) + 1
        biased = Signal(signed(bits), reset_less=True)
        shifted = Signal(signed(bits + 1), reset_less=True)
        shift = Array(self.parameters.shifts)[layer]
        half = Signal(1 << cfg.SHIFT_BITS)
        m.d.comb += half.eq((1 << shift) >> 1)
        hidden = requantize(m, shifted, shift=0, fmt=SQ(cfg.x_bits + 1, 0))
        valid = delay(m, sums.valid & (sums.op.kind == BeatKind.DENSE), FINISH, name="valid", reset_less=False)
        value, c = Signal(cfg.x_bits, reset_less=True), Signal(signed(cfg.y.bits), reset_less=True)
        m.d.sync += [
            biased.eq(sums.value + biases.rd_data.as_signed()),
            shifted.eq((biased + half) >> shift),
            value.eq(Mux(hidden[-1], 0, hidden)),
            c.eq(requantize(m, shifted, shift=0, fmt=cfg.y)),
        ]
        return valid, value, c

    def _hand_out(self, m, layer, stored, valid, value, c):
        """Results lane by lane into the sample's words, those of the last layer as c; ``stored`` when the layer is."""
        cfg, backbone = self._cfg, self.backbone
        final = layer == cfg.layers - 1
        result, word = Signal(range(max(cfg.outputs))), Signal.like(self.op.x, name="word")
        lane = Signal(range(cfg.lanes))
        last = result == Array(cfg.outputs)[layer] - 1
        with m.If(valid):
            m.d.sync += [result.eq(Mux(last, 0, result + 1)), lane.eq(lane + 1)]
            with m.If(last):
                m.d.sync += lane.eq(0)
        m.d.comb += [
            backbone.x_valid.eq(valid & ~final),
            backbone.x_lane.eq(lane),
            backbone.x.eq(value),
            backbone.c_valid.eq(valid & final),
            backbone.c_class.eq(result),
            backbone.c.eq(c),
        ]
        m.d.sync += backbone.x_store.eq(backbone.x_valid & ((lane == cfg.lanes - 1) | last))
        with m.If(backbone.start):
            m.d.sync += word.eq(cfg.chunks[0])
        with m.If(backbone.x_store):
            m.d.sync += word.eq(word + 1)
        m.d.comb += backbone.x_word.eq(word)
        # One cycle for the last word to be written, one for it to be read.
        m.d.comb += stored.eq(delay(m, valid & last, 2, name="stored", reset_less=False))

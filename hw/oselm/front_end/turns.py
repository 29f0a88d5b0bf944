"""Host and device take turns at filling groups with walks."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..graph.starts import StartLayout
from .ports import FillTurn

__all__ = ["Turns"]


class Turns(wiring.Component):
    """Whoever wants to begin waits until the group of the other one has been closed.

    Members
    -------
    words : In(stream of 32-bit words), starts : In(stream of StartLayout)
        What the host, and the device, is to fill groups with.
    close : In(1)
        Hand over what there is, whosever it is.
    host, device : Out(FillTurn)
        Who fills.
    active : Out(1)
        The device is at work, or has walks in the group; else the host may. A cycle late.

    Timing: what each does is seen by the other a cycle later. In that cycle nobody can begin: commands come one by one.
    """

    def __init__(self):
        super().__init__(
            {
                "words": In(stream.Signature(32)),
                "starts": In(stream.Signature(StartLayout())),
                "close": In(1),
                "host": Out(FillTurn(32)),
                "device": Out(FillTurn(StartLayout())),
                "active": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        host, device = self.host, self.device
        hosts, wanted, asked = Signal(), Signal(), Signal()
        m.d.sync += [
            hosts.eq(host.busy | host.pending),
            self.active.eq(device.busy | device.pending),
            wanted.eq(self.words.valid & ~host.busy),
            asked.eq(self.starts.valid),
        ]
        m.d.comb += [
            host.work.payload.eq(self.words.payload),
            host.work.valid.eq(self.words.valid & ~self.active),
            self.words.ready.eq(host.work.ready & ~self.active),
            host.close.eq(self.close | asked),
            device.work.payload.eq(self.starts.payload),
            device.work.valid.eq(self.starts.valid & ~hosts),
            self.starts.ready.eq(device.work.ready & ~hosts),
            device.close.eq(self.close | wanted),
        ]
        return m

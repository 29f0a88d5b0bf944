"""Named ports that both units have, seen from their command interpreters."""

from amaranth.hdl import signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ChainAccess", "Rest"]


class Rest(wiring.Signature):
    """A barrier: ``drain`` is high while nothing more comes before ``at_rest`` says that nothing is in flight."""

    def __init__(self):
        super().__init__({"drain": Out(1), "at_rest": In(1)})


class ChainAccess(wiring.Signature):
    """The end of a read chain: it is ``loaded`` with what was asked for; ``element`` is its first element, of ``bits``
    bits, and ``shift`` moves on to the next."""

    def __init__(self, bits: int):
        super().__init__({"loaded": In(1), "shift": Out(1), "element": In(signed(bits))})

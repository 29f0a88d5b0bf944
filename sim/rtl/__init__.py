"""The gateware as Verilog: text, simulators by Verilator, netlists by Yosys."""

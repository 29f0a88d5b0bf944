"""From configurations to Verilog, bitstreams and frequencies."""

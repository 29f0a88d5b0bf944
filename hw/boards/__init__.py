"""Boards: tables of pins and clocks, one top module for all, and the way to a bitstream."""

"""A description of an exported core for FuseSoC, and for tools that read its files."""

import json
from importlib.metadata import version

__all__ = ["core_file"]


def core_file(module: str, verilog: str, description: str) -> str:
    """Text of ``MODULE.core`` (CAPI2) beside the Verilog file of that name; targets ``default`` and ``lint``."""
    # A string in JSON is one in YAML, whatever is in it.
    return f"""CAPI=2:
name: "skipwalk::{module}:{version("skipwalk")}"
description: {json.dumps(description)}

filesets:
  rtl:
    files:
      - {json.dumps(verilog)}
    file_type: verilogSource

targets:
  default: &default
    filesets: [rtl]
    toplevel: {module}
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
"""

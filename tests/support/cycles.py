"""A component as a function of arrays again, as ``support.pysim``, but in Verilator under cocotb."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.lib.wiring import Component

from .runner import simulate
from .streams import encode

__all__ = ["check_cycles"]


def check_cycles(
    dut: Component,
    folder: Path,
    inputs: Mapping[str, Sequence],
    outputs: Mapping[str, tuple[int, Sequence]],
    *,
    reset: Sequence[int] | None = None,
) -> None:
    """Drive row ``t`` of every input in cycle ``t`` and require every output in every cycle for which it is given.

    ``outputs`` has, for each port, the cycle of its first row and the rows, in which None stands for anything.
    ``folder`` keeps the table. Raises AssertionError for the first difference, and what ``simulate`` raises.
    """
    rows = {name: np.asarray(values).tolist() for name, values in inputs.items()}
    n = len(next(iter(rows.values())))
    table: dict[str, list[dict[str, Any]]] = {"inputs": [{} for _ in range(n)], "outputs": [{} for _ in range(n)]}
    shapes = {name: member.shape for name, member in dut.signature.members.items()}
    for name, values in rows.items():
        for t, value in enumerate(values):
            table["inputs"][t][name] = encode(value, shapes[name])
    if reset is not None:
        for t, level in enumerate(reset):
            table["inputs"][t]["rst"] = int(level)
    for name, (first, values) in outputs.items():
        for t, value in enumerate(np.asarray(values, object).tolist()[: n - first]):
            if value is not None:
                table["outputs"][first + t][name] = encode(value, shapes[name])
    path = folder / "table.json"
    path.write_text(json.dumps(table))
    simulate(dut, "support.cocotb_cycles", parameters={"table": str(path)})

"""A component as a function of arrays in Verilator under cocotb: what its outputs were in every cycle."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data
from amaranth.lib.wiring import Component, Flow

from .runner import simulate
from .streams import encode

__all__ = ["port_shapes", "record", "struct_words"]


def struct_words(layout: data.Layout, rows: Sequence[Mapping[str, Any] | None]) -> list[int]:
    """Bits of a struct in each cycle; None stands for all zeros."""
    return [encode(dict(row), layout) if row else 0 for row in rows]


def port_shapes(dut: Component, *flows: Flow) -> dict[str, Any]:
    """Shapes of all ports, or of those of some directions, by name; parts of a named port are ``port__part``."""
    return {
        "__".join(map(str, path)): member.shape
        for path, member, _ in dut.signature.flatten(dut)
        if not flows or member.flow in flows
    }


def record(
    dut: Component, folder: Path, inputs: Mapping[str, Sequence], outputs: Sequence[str]
) -> dict[str, np.ndarray]:
    """Drive row ``t`` of every input in cycle ``t``; returns row ``t`` of every output as it was in cycle ``t``.

    Ports have the names of :func:`port_shapes`. An input is numbers, lanes of numbers, or a list from
    :func:`struct_words`. An output with an ArrayLayout comes as a two-dimensional array. ``folder`` keeps the tables.
    """
    shapes = port_shapes(dut)
    n = len(next(iter(inputs.values())))
    table: dict[str, Any] = {"cycles": n, "inputs": {}, "outputs": list(outputs)}
    for name, values in inputs.items():
        assert len(values) == n, f"{name} has {len(values)} rows instead of {n}"
        raw = isinstance(values, list) and isinstance(shapes[name], data.StructLayout)
        rows = values if isinstance(values, list) else np.asarray(values).tolist()
        table["inputs"][name] = [v if raw else encode(v, shapes[name]) for v in rows]
    (folder / "inputs.json").write_text(json.dumps(table))
    simulate(dut, "support.cocotb_record", parameters={"folder": str(folder)})
    seen = json.loads((folder / "outputs.json").read_text())
    return {name: _decode(seen[name], shapes[name]) for name in outputs}


def _decode(words: Sequence[int], shape: Any) -> np.ndarray:
    if isinstance(shape, data.ArrayLayout):
        width = Shape.cast(shape.elem_shape).width
        parts = [[word >> width * i & (1 << width) - 1 for i in range(shape.length)] for word in words]
        return _signed(np.array(parts, np.int64), Shape.cast(shape.elem_shape))
    return _signed(np.array(words, np.int64), Shape.cast(shape))


def _signed(raw: np.ndarray, shape: Shape) -> np.ndarray:
    sign = np.int64(1) << (shape.width - 1)
    return (raw ^ sign) - sign if shape.signed else raw

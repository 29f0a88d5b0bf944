"""The AXI4 master, on a memory that others have written."""

import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.memory.axi import AxiMaster

from ..support.runner import simulate

SHAPE = {"address_bits": 14, "last_bits": 9, "outstanding": 4}


@pytest.mark.parametrize("data_bits", [32, 128])
def test_bursts_on_the_bus(data_bits):
    pytest.importorskip("cocotbext.axi", reason="needs pip install cocotbext-axi")
    master = AxiMaster(data_bits=data_bits, **SHAPE)
    parameters = {"data_bits": data_bits, **SHAPE}
    simulate(master, "memory.cocotb_axi_master", name="axi_master", parameters=parameters)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"data_bits": 48}, "data_bits must be 32, 64 or 128, not 48"),
        ({"outstanding": 3}, "outstanding must be a power of two of at least 2, not 3"),
        ({"address_bits": 31}, "31 bits of words of 4 bytes exceed a bus of 32 bits"),
    ],
    ids=str,
)
def test_shapes_out_of_range_are_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        AxiMaster(**{**SHAPE, "data_bits": 32, **changes})

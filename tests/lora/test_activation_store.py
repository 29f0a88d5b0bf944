"""Rings and Skip-Cache against arrays: every kind of write, both reads in each cycle."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.lora.activation_store import ActivationStore
from skipwalk.hw.lora.config import LoraConfig, lora_preset
from skipwalk.hw.lora.ops import RINGS

from ..support.compare import assert_same
from ..support.pysim import clocked

CONFIGS = {
    "LUT RAM": lora_preset("tiny").replace(vendor=Vendor.ECP5),
    "block RAM": LoraConfig(
        widths=(120,), classes=2, rank=1, lanes=4, x_bits=16, gradient_bits=40, cache_samples=3, vendor=Vendor.ECP5
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_activation_store(name):
    """Words from the host by groups and from the backbone by lanes, half-filled ones too, into rings, or into the
    Skip-Cache as well; copies back; the word of a cycle is read as it was, in the next as it has become."""
    cfg = CONFIGS[name]
    rng = np.random.default_rng(1)
    dut = ActivationStore(cfg)
    packed = 32 // cfg.x_bits
    depth, cache_depth = RINGS * cfg.x_words, cfg.cache_samples * cfg.x_words
    rings, cache = np.zeros((depth, cfg.lanes), np.int64), np.zeros((cache_depth, cfg.lanes), np.int64)
    staged = np.zeros(cfg.lanes, np.int64)
    n = 1200
    fields = ("group", "one", "select", "data", "ring", "cache", "copy", "ring_addr", "cache_addr", "cache_rd_addr")
    drive = {f"x.{field}": np.zeros(n, np.int64) for field in fields}
    for port in ("behind_at", "ahead_at"):
        drive[port] = [{"ring": 0, "x": 0}] * n
    want = {port: np.zeros((n, cfg.lanes), np.int64) for port in ("behind", "ahead")}
    asked = {port: np.zeros(n, np.int64) for port in want}
    due = np.zeros(n + 8, np.int64) - 1  # what a copy takes, from the address that was read in time
    history = []
    for t in range(n):
        x = {field: drive[f"x.{field}"] for field in fields}
        kind = rng.random()
        written = []
        x["cache_rd_addr"][t] = rng.integers(cache_depth)
        due[t + dut.cache_latency] = x["cache_rd_addr"][t]
        if kind < 0.4:
            x["group"][t], x["select"][t] = 1, rng.integers(cfg.lanes // packed)
            x["data"][t] = rng.integers(1 << 32)
            values = int(x["data"][t]) >> np.arange(packed) * cfg.x_bits & (1 << cfg.x_bits) - 1
            after = staged.copy()
            after[x["select"][t] * packed : (x["select"][t] + 1) * packed] = values
        elif kind < 0.6:
            x["one"][t], x["select"][t] = 1, rng.integers(cfg.lanes)
            x["data"][t] = rng.integers(1 << cfg.x_bits)
            after = staged.copy()
            after[x["select"][t]] = x["data"][t]
        elif kind < 0.8:
            x["ring"][t], x["cache"][t] = 1, rng.random() < 0.6
            x["ring_addr"][t], x["cache_addr"][t] = rng.integers(depth), rng.integers(cache_depth)
            if x["cache"][t] and x["cache_addr"][t] == x["cache_rd_addr"][t]:
                x["cache_addr"][t] = (x["cache_addr"][t] + 1) % cache_depth
            written = [(x["ring_addr"][t], staged.copy())]
            after = np.zeros_like(staged)
        elif due[t] >= 0 and t >= 20:
            x["copy"][t], x["ring_addr"][t] = 1, rng.integers(depth)
            written = [(x["ring_addr"][t], history[t - dut.cache_latency])]
            after = staged.copy()
        else:
            after = staged.copy()
        history.append(cache[x["cache_rd_addr"][t]].copy())
        for port in want:
            word = int(rng.integers(depth))
            if any(word == address for address, _ in written):
                word = (word + 1) % depth  # in the very cycle of a write block RAM is undefined
            drive[f"{port}_at"][t] = {"ring": word // cfg.x_words, "x": word % cfg.x_words}
            asked[port][t] = word
            want[port][t] = rings[word]
        if x["cache"][t]:
            cache[x["cache_addr"][t]] = staged
        for address, values in written:
            rings[address] = values
        staged = after
    seen = clocked(dut, drive, ["behind", "ahead"])
    for port in want:
        assert_same(seen[port][dut.latency :], want[port][: n - dut.latency], port=port)

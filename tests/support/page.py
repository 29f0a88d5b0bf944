"""Files as the other commands leave them, with all that the page has a place for; small, and the numbers made up."""

import json
from pathlib import Path
from typing import Any

PROVENANCE = {
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "versions": {"python": "3.11.7", "numpy": "2.4.6"},
    "machine": {"system": "Linux", "processor": "A processor with a rather long name 7763 64-Core", "cores": 2},
    "time": "2026-11-23T14:48:08+00:00",
    "command": "a-command with/some.json --options that --are --quite long --json results/name.json",
}


def entry(name: str, value: Any, unit: str = "", better: str | None = None, **curve: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "better": better, **curve}


def save(folder: Path, name: str, entries: list[dict[str, Any]], **details: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([*entries, entry("provenance", {**PROVENANCE, **details})]))


def bench(folder: Path) -> None:
    ratios = {
        "ratio.same_work": 0.61,
        "ratio.same_work.cpu_loops": 1.4,
        "ratio.node2vec": 24.0,
        "ratio.both": 18.1,
        "ratio.cycles_same_work": 27.3,
        "ratio.same_work.d64": 0.8,
        "lora.fan.ratio.same_work": 0.42,
    }
    shares = {"issuing": 0.97, "idle": 0.01, "stall.input": 0.0, "stall.centre": 0.015, "stall.error": 0.005}
    busy = {"p_dot": 0.99, "p_update": 0.99, "row_dot": 0.96, "row_update": 0.99, "gain": 0.5}
    entries = [entry(name, value, "x", "higher") for name, value in ratios.items()]
    entries += [entry(f"cycles.{name}{core}", share) for core in ("", ".d64") for name, share in shares.items()]
    entries += [entry(f"cycles.busy.{name}{core}", share) for core in ("", ".d64") for name, share in busy.items()]
    entries += [
        entry("utilisation.multipliers", 0.97, "", "higher"),
        entry("utilisation.roofline", 0.99, "", "higher"),
        entry("estimator.max_error", 0.013, "", "lower"),
        entry("estimator.error.d32", 0.007, "", "lower"),
        entry("oselm.walk_us.fpga", 46.7, "us", "lower"),
        entry("oselm.walk_us.cpu_float32", 28.2, "us", "lower"),
        entry("oselm.walk_cycles.fpga", 2353.3, "cycles", "lower"),
        entry("sgns.walk_us.gensim_1_thread", 845.0, "us", "lower"),
        entry("cpu.clock_mhz.base", 2450.0, "MHz"),
        entry("lora.fan.sample_us.skip2.fpga", 1.25, "us", "lower"),
        entry("a.value.nobody.knows", 42, "apples"),
    ]
    for axis, values in (("dim", [8, 16, 32, 64]), ("window", [2, 4, 8, 12])):
        for kind, offset in (("rtl", 0.3), ("estimator", 0.0)):
            y = [v / 2 + 16 + offset for v in values]
            entries.append(entry(f"cost.{axis}.{kind}", y, "cycles/context", x=values, x_unit=axis, spread=None))
    notes = {"oselm.walk_us.cpu_float32": "oselm.c.d32.gcc -O3 -march=native -ffast-math intrinsics, a long note"}
    skipped = {"ratio.node2vec.compiled": "one of its two sides was not measured"}
    save(folder, "bench.json", entries, notes=notes, skipped=skipped)


def experiments(folder: Path) -> None:
    entries, labels = [], {}
    learners = ("sgns", "published", "oselm-no-inflation", "oselm")
    for i, name in enumerate(learners):
        y = [0.58 + 0.02 * i + 0.015 * i * k for k in range(6)]
        curve = {"x": [500 * k for k in range(6)], "x_unit": "edges inserted", "spread": [0.01] * 6}
        entries.append(entry(f"cora.growing.{name}.d32.f1_micro", y, "F1", "higher", **curve))
        labels[f"cora.growing.{name}.d32"] = f"{name}, a long label with formats and schedule, D = 32"
    for name in ("sgns.d32", "oselm.d32", "oselm.d96"):
        entries += [
            entry(f"cora.static.{name}.f1_micro", 0.81, "F1", "higher"),
            entry(f"cora.static.{name}.f1_micro.spread", 0.006, "F1", "lower"),
            entry(f"cora.static.{name}.f1_micro.runs", [0.8, 0.82], "F1"),
        ]
    for name in ("default", "beta12"):
        entries += [entry(f"widths.{name}.f1_micro", 0.8, "F1"), entry(f"widths.{name}.saturations", 26468, "beats")]
    for task in ("digits", "fan"):
        for i, method in enumerate(("ft-all", "lora-all", "lora-last", "skip-lora", "skip2-lora", "skip2-lora-8bit")):
            y = [0.2 + 0.1 * i] + [0.9 + 0.01 * i] * 9
            curve = {"x": list(range(10)), "x_unit": "epochs", "spread": [0.01] * 10}
            entries.append(entry(f"lora.{task}.{method}.accuracy_by_epoch", y, "", "higher", **curve))
            entries.append(entry(f"lora.{task}.{method}.accuracy", y[-1], "", "higher"))
            entries.append(entry(f"lora.{task}.{method}.parameters", 1144, "numbers", "lower"))
    save(folder, "experiments.json", entries, labels=labels, titles={"lora": "Methods"}, cpu_seconds={"lora": 12.5})


def boards(folder: Path) -> None:
    for name, device, used in (("ulx3s-85f", "LFE5U-85F", 0.8), ("tang-nano-20k", "GW2AR-18C", 0.95)):
        summary = {
            "board": name,
            "title": f"A board with {device}",
            "core": {"dim": 32, "lanes": 32, "beta": [5, 13]},
            "clock_mhz": 50.0,
            "fmax_mhz": 71.25,
            "seeds": {"1": 71.25, "2": 66.0},
            **{what: {"used": int(1000 * used), "available": 1000} for what in ("dsp", "bram", "lut", "ff")},
            "oselm.walk_us": 33.0,
            "oselm.walk_us_at_clock": 47.0,
            "bitstream_sha256": "ab" * 32,
            "provenance": PROVENANCE,
        }
        path = folder / "boards" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(summary))
    curve = {"x": [1763632800.0, 1763717400.0], "x_unit": "s since 1970", "spread": None}
    save(folder, "fmax-history.json", [entry("fmax.ulx3s-85f", [49.0, 60.5], "MHz", "higher", **curve)])


def blocks(folder: Path) -> None:
    entries = []
    for name, runs, path in (("quick.8x8", [210.5, 205.25], "a to p"), ("slow", [81.0, 79.5], "queue.found to state")):
        of = {"fmax": sum(runs) / 2, "fmax_runs": runs, "path": path}
        of |= {"dsp": 4, "bram": 3, "lut": 1234, "ff": 567, "seconds": 61.5}
        entries += [entry(f"block.{name}.{what}", value) for what, value in of.items()]
    save(folder, "blocks.json", entries, device="LFE5U-85F, out of context", seeds=[1, 2])


def explore(folder: Path) -> None:
    entries, points = [], []
    for dim in (16, 32):
        for lanes in (4, 16):
            name = f"d{dim}-l{lanes}-b18"
            points.append({"name": name, "dim": dim, "lanes": lanes, "bits": 18, "formats": {"beta": "Q5.13"}})
            values = {
                "f1_micro": 0.7 + dim / 400,
                "cycles_per_walk": 73 * dim * dim / lanes + 10,
                "roofline_cycles_per_walk": 73 * dim * dim / lanes,
                "dsp": 4 * lanes + 2,
                "bram": 3 * lanes + 20,
                "front": int(lanes == 16),
            }
            entries += [entry(f"explore.{name}.{key}", value) for key, value in values.items()]
    save(folder, "explore.json", entries, points=points, walks=2708, graph="cora.edges", resources="formulas")


def embedding(folder: Path) -> None:
    entries = [
        entry("embedding.classes", " ".join(str(i % 7) for i in range(70))),
        entry("embedding.class_names", " | ".join(map(str, range(7)))),
    ]
    for stage, scale in ((0, 1), (1, 2), (10, 5)):
        places = " ".join(f"{(137 * i * scale) % 1000},{(i % 7) * 140 + i // 7}" for i in range(70))
        entries.append(entry(f"embedding.walks_{stage}.points", places))
        entries.append(entry(f"embedding.walks_{stage}.f1_micro", 0.29 + stage / 20, "F1", "higher"))
    save(folder, "embedding.json", entries)


def users(folder: Path) -> None:
    entries = [entry("users.install.seconds", 9.5, "s", "lower")]
    for name, done in (("simulator", 1), ("chip", 0)):
        entries += [
            entry(f"users.{name}.commands", 5, "", "lower"),
            entry(f"users.{name}.seconds", 61.2, "s", "lower"),
            entry(f"users.{name}.cpu_seconds", 55.5, "s", "lower"),
            entry(f"users.{name}.last", f"the last line of {name}"),
            entry(f"users.{name}.done", done, "", "higher"),
        ]
    save(folder, "users.json", entries, pages={"simulator": "docs/simulate.md", "chip": "docs/axi.md"})


def all_results(folder: Path) -> Path:
    """A folder of results: those of the repository, and in place of what it may not have yet, these."""
    for path in (Path(__file__).parents[2] / "results").glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    for make in (users, bench, experiments, boards, blocks, explore, embedding):
        make(folder)
    return folder

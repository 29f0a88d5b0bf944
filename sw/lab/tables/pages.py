"""Tables and pictures of the README and of pages of docs/ from the JSON files under results/.

    skipwalk lab tables            write them
    skipwalk lab tables --check    say which are stale; exit code 1

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``; everything between the two is replaced.
Pictures are files below docs/pictures.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import click

from ..page.markup import short_commit
from ..page.results import read_results
from . import (
    a53_tables,
    axi_tables,
    bench_tables,
    block_tables,
    board_tables,
    experiment_tables,
    litex_tables,
    memory_tables,
    users_tables,
    verification_tables,
)
from .cells import yes_or_no
from .pictures import PICTURES, picture

ROOT = Path(__file__).resolve().parents[3]
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
RESULTS = ROOT / "results"


def load(name: str) -> tuple[dict, dict]:
    """Values by name, and the provenance."""
    entries = json.loads((RESULTS / name).read_text())
    values = {entry["name"]: entry["value"] for entry in entries}
    return values, values.pop("provenance")


def rows(header: list[str], body: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def source(file: str, provenance: dict) -> str:
    machine = provenance["machine"]
    return (
        f"\n\n`results/{file}`: commit {short_commit(provenance['commit'])}, {provenance['time'][:10]}, "
        f"{machine['processor']}, {machine['cores']} cores."
    )


def demo() -> str:
    v, provenance = load("demo.json")
    body = [
        ["micro-F1, trained in the RTL (18-bit fixed point)", f"{v['oselm.f1_micro.rtl']:.3f}"],
        ["micro-F1, float64, the same contexts", f"{v['oselm.f1_micro.float']:.3f}"],
        ["micro-F1, always the largest class", f"{v['oselm.f1_micro.majority']:.3f}"],
        ["RTL and golden model end in the same bits", yes_or_no(v["oselm.bits_equal"])],
        ["beats with a saturated value", f"{v['oselm.saturations']:,}"],
        ["cycles a walk (73 contexts of 31 samples)", f"{v['oselm.cycles_per_walk']:,.0f}"],
        ["roofline of 128 multipliers", f"{v['oselm.roofline_cycles_per_walk']:,.0f}"],
        ["walks simulated a second", f"{v['rtl.walks_per_second']:.0f}"],
    ]
    return rows(["Cora, 27,080 walks, D = 32", ""], body) + source("demo.json", provenance)


def demo_board() -> str:
    v, provenance = load("demo-board.json")
    equal = [f"board.bits_equal.{after}" for after in ("fit", "inserted", "removed")]
    body = [
        ["rows and P as on the golden model: after the graph, the insertions, the removals",
         ", ".join(yes_or_no(v[name]) for name in equal)],
        ["the whole graph: first byte sent to last walk trained, s", f"{v['board.seconds.fit']:.2f}"],
        ["walks trained", f"{v['board.walks']:,}"],
        ["a walk, us, with everything", f"{v['board.walk_us']:.1f}"],
        ["bytes a walk, both ways, with everything", f"{v['board.bytes_per_walk']:.2f}"],
        ["share of cycles in which the core waits for walks", f"{v['board.wait_input_share']:.2%}"],
        ["all rows read, s", f"{v['board.seconds.read_all']:.2f}"],
        [f"an edge that comes or goes, with 10 walks, ms (median of {v['board.edges']:,}; worst)",
         f"{v['board.edge_ms']:.3f} ({v['board.edge_ms.worst']:.3f})"],
        ["an edge: bytes sent, received (median)",
         f"{v['board.edge_bytes']:.0f}, {v['board.edge_bytes_received']:.0f}"],
    ]  # fmt: skip
    title = f"Cora on the simulated ULX3S-85F, {v['board.clock']:.0f} MHz, {v['board.baud'] / 1e6:g} Mbaud"
    return rows([title, ""], body) + source("demo-board.json", provenance)


def lora_board() -> str:
    v, provenance = load("demo-lora-board.json")
    body = [
        ["adapters, reports and outputs as on the golden model", yes_or_no(v["lora.bits_equal"])],
        ["first byte to last update, s", f"{v['lora.seconds.finetune']:.3f}"],
        ["of them line, s", f"{v['lora.seconds.line']:.3f}"],
        ["bytes sent, received", f"{v['lora.bytes.finetune']:,}, {v['lora.bytes.answered']:,}"],
        ["adapters read back, s", f"{v['lora.seconds.read_adapters']:.3f}"],
        ["accuracy", f"{v['lora.accuracy']:.1%}"],
    ]
    what = f"{provenance['task']}, {v['lora.samples']} samples, {v['lora.epochs']} epochs"
    where = f"the simulated `{provenance['board']}`, {v['lora.clock']:g} MHz, {v['lora.baud'] / 1e6:g} Mbaud"
    return rows([f"{what}: {where}", ""], body) + source("demo-lora-board.json", provenance)


def accuracy() -> str:
    v, provenance = load("accuracy.json")
    seeds = provenance["seeds"]
    body = [
        [
            label,
            *(f"{v[f'accuracy.f1_micro.{kind}.seed{s}']:.3f}" for s in seeds),
            f"{v[f'accuracy.f1_micro.{kind}']:.4f}",
        ]
        for label, kind in (("fixed point, streaming, 4 walks in flight", "fixed"), ("float64, sequential", "float"))
    ]
    return rows(["micro-F1 on Cora", *(f"seed {s}" for s in seeds), "mean"], body) + source("accuracy.json", provenance)


def lora() -> str:
    (digits, digits_from), (fan, fan_from) = load("lora-digits.json"), load("lora-fan.json")
    body = [[a[0], a[1], b[1]] for a, b in zip(_lora(digits), _lora(fan), strict=True)]
    head = ["rank 4, 470 samples", "digits, turned (64-96-96-10)", "fan, noisy room (256-96-96-3)"]
    return rows(head, body) + source("lora-digits.json", digits_from) + source("lora-fan.json", fan_from)


def lora_short() -> str:
    digits, provenance = load("lora-digits.json")
    body = [row for row in _lora(digits) if row[0].startswith(("accuracy", "after", "RTL"))]
    return rows(["digits, turned: rank 4, 470 samples", ""], body) + source("lora-digits.json", provenance)


def _lora(v: dict) -> list[list[str]]:
    return [
        ["accuracy of the network alone", f"{v['lora.accuracy.before']:.1%}"],
        ["after 30 epochs in the RTL (8-bit activations, 18-bit adapters)", f"{v['lora.accuracy.rtl']:.1%}"],
        ["after 30 epochs in float", f"{v['lora.accuracy.float']:.1%}"],
        ["mean of five seeds, fixed point and float", _pair(v, "lora.accuracy.fixed.mean", "lora.accuracy.float.mean")],
        ["RTL and golden model end in the same bits", yes_or_no(v["lora.bits_equal"])],
        ["cycles a sample out of the Skip-Cache (roofline)", _cost(v, "cached")],
        ["cycles a sample through the network (roofline)", _cost(v, "uncached")],
        ["cycles of the whole fine-tuning saved by the cache", f"{v['lora.cycle_reduction_by_cache']:.1%}"],
        ["time saved against LoRA-All, both in NumPy", f"{v['cpu.time_reduction_skip2_vs_lora_all']:.0%}"],
    ]


def _pair(v: dict, *names: str) -> str:
    return ", ".join(f"{v[name]:.1%}" for name in names)


def _cost(v: dict, kind: str) -> str:
    return f"{v[f'lora.cycles_per_sample.{kind}']:.0f} ({v[f'lora.roofline_cycles.{kind}']})"


def methods() -> str:
    v, provenance = load("lora-digits.json")
    body = []
    for key in v:
        if key.startswith("cpu.") and key.endswith(".accuracy"):
            stem = key.removesuffix(".accuracy")
            times = [v[f"{stem}.{part}"] for part in ("forward", "backward", "update")]
            body.append(
                [
                    stem.removeprefix("cpu."),
                    f"{v[f'{stem}.parameters']:,}",
                    f"{v[key]:.1%}",
                    *(f"{time:.2f}" for time in times),
                    f"{sum(times):.2f}",
                ]
            )
    head = ["method, NumPy on the CPU", "parameters", "accuracy", "forward", "backward", "update", "us a sample"]
    return rows(head, body) + source("lora-digits.json", provenance)


def boards() -> str:
    body, notes = [], []
    for summary in _boards():
        cells = (summary[kind] for kind in ("dsp", "bram", "lut", "ff"))
        seeds = ", ".join(f"{mhz:.1f}" for mhz in summary["seeds"].values())
        lora = summary.get("lora.cached_sample_us")
        body.append(
            [
                f"`{summary['board']}`",
                *(f"{cell['used']:,} of {cell['available']:,}" for cell in cells),
                f"{summary['clock_mhz']:g}",
                f"**{summary['fmax_mhz']:.1f}** ({seeds})",
                f"{summary['oselm.walk_us']:.1f}",
                "-" if lora is None else f"{lora:.2f}",
            ]
        )
        notes.append(f"`{summary['board']}.json` of commit {short_commit(summary['provenance']['commit'])}")
    head = ["`BOARD`", "multipliers", "block RAMs", "LUTs", "registers"]
    head += ["clock asked for, MHz", "best of the seeds (each), MHz", "a walk, us", "a cached sample, us"]
    return rows(head, body) + f"\n\nUnder `results/boards`: {', '.join(notes)}."


def board_rows() -> str:
    return rows(*board_tables.board_rows({summary["board"]: summary for summary in _boards()}))


def _boards() -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(RESULTS.glob("boards/*.json"))]


def bitstreams() -> str:
    body = []
    for summary in _boards():
        seconds = summary["seconds"]
        runs = ", ".join(f"{took:.0f}" for took in seconds["place_route"].values())
        sums = (f"`{summary[name]}`" for name in ("inputs_sha256", "bitstream_sha256"))
        body.append([f"`{summary['board']}`", str(summary["seed"]), f"{seconds['synthesis']:.0f}", runs, *sums])
    head = ["`BOARD`", "seed", "synthesis, s", "place and route, s", "SHA-256 of its inputs", "of the bitstream"]
    return rows(head, body)


def made_of(file: str, table: Callable[[dict, dict], tuple]) -> Callable[[], str]:
    """A table of one file of results; ``table`` gives head and body from values and provenance, and maybe a remark."""

    def make() -> str:
        if not (RESULTS / file).exists():
            return f"Not measured yet: there is no `results/{file}`."
        v, provenance = load(file)
        head, body, *remarks = table(v, provenance)
        return "\n\n".join([rows(head, body), *filter(None, remarks)]) + source(file, provenance)

    return make


def bench(table: Callable[[dict, dict], bench_tables.Table]) -> Callable[[], str]:
    return made_of("bench.json", lambda v, provenance: table(v, provenance["notes"]))


def _shortened(labels: list[str]) -> str:
    """Labels that differ in D alone become one, and those of one place that differ in a setting of one word."""
    dims: dict[tuple[str, str], list[str]] = {}
    for label in labels:
        place, _, setting = label.rpartition(": ")
        by_setting = bool(place) and " " not in setting
        name, _, dim = (place, "", setting) if by_setting else label.partition(", D = ")
        dims.setdefault((name, ": " if by_setting else ", D = "), []).append(dim)
    return "; ".join(f"{name}{sign}{', '.join(each)}" if any(each) else name for (name, sign), each in dims.items())


def experiments(prefix: str, table: Callable[[dict, dict], tuple]) -> Callable[[], str]:
    """A table of the points below ``prefix``; those that an earlier run left are named with its commit."""

    def with_remark(v: dict, provenance: dict) -> tuple:
        labels = {stem: label for stem, label in provenance["labels"].items() if stem.startswith(prefix)}
        older: dict[str, list[str]] = {}
        for stem, commit in provenance.get("kept", {}).items():
            if stem in labels:
                older.setdefault(commit, []).append(labels[stem])
        remarks = [
            f"{'All rows' if len(rows) == len(labels) else _shortened(rows)}: of commit {short_commit(commit)}."
            for commit, rows in older.items()
        ]
        return (*table(v, provenance), *remarks)

    return made_of("experiments.json", with_remark)


TABLES: dict[str, Callable[[], str]] = {
    "demo": demo,
    "demo-board": demo_board,
    "accuracy": accuracy,
    "lora": lora,
    "lora-short": lora_short,
    "lora-board": lora_board,
    "methods": methods,
    "board-rows": board_rows,
    "boards": boards,
    "bitstreams": bitstreams,
    "bench": bench(bench_tables.times),
    "bench-lora": bench(bench_tables.lora),
    "bench-ratios": bench(bench_tables.ratios),
    "bench-whole": bench(bench_tables.whole),
    "bench-live": bench(bench_tables.live),
    "a53": made_of("a53.json", a53_tables.walks),
    "a53-lora": made_of("a53.json", a53_tables.fine_tuning),
    "cora": experiments("cora.static.", experiment_tables.cora),
    "other-graphs": experiments("others.", experiment_tables.other_graphs),
    "growing": experiments("cora.growing.", experiment_tables.growing),
    "updates": experiments("updates.", experiment_tables.updates),
    "removal": experiments("cora.removal.", experiment_tables.removal),
    "forgetting": experiments("cora.forgetting.", experiment_tables.forgetting),
    "weights": experiments("cora.weights.", experiment_tables.weights),
    "links": experiments("links.", experiment_tables.links),
    "gain": experiments("gain.", experiment_tables.gain),
    "gain-short": made_of("experiments.json", experiment_tables.gain_short),
    "fading": experiments("fading.", experiment_tables.fading),
    "widths": experiments("widths.", experiment_tables.widths),
    "schedules": experiments("schedules.", experiment_tables.schedules),
    "fine-tuning": experiments("lora.", experiment_tables.fine_tuning),
    "rates": experiments("rates.", experiment_tables.rates),
    "axi": made_of("axi.json", axi_tables.resources),
    "litex": made_of("litex.json", litex_tables.walks),
    "users": made_of("users.json", users_tables.paths),
    **{name: made_of("verification.json", getattr(verification_tables, name)) for name in verification_tables.__all__},
    "blocks": made_of("blocks.json", block_tables.blocks),
    **{name.replace("_", "-"): made_of("memory.json", getattr(memory_tables, name)) for name in memory_tables.__all__},
}


def filled(text: str) -> str:
    def replace(match: re.Match) -> str:
        return f"<!-- table {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table (\S+) -->\n.*?<!-- end -->", replace, text, flags=re.DOTALL)


def made() -> dict[Path, str]:
    """What each page and picture has to hold."""
    results = read_results(RESULTS)
    pages = {page: filled(page.read_text()) for page in PAGES}
    return pages | {ROOT / f"docs/pictures/{name}.svg": picture(name, results) for name in PICTURES}


@click.command("tables")
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if a table or picture is stale.")
@click.pass_context
def main(ctx: click.Context, check: bool) -> None:
    """Write the tables and pictures of README.md and of pages of docs/ anew, from the files in results/ of this
    checkout."""
    stale = False
    for path, text in made().items():
        if path.exists() and path.read_text() == text:
            continue
        if check:
            click.echo(f"{path.relative_to(ROOT)}: stale; run `make tables`", err=True)
            stale = True
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    ctx.exit(int(stale))

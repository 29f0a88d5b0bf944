"""The tables of docs/bench.md out of results/a53.json: what a Cortex-A53 would take, estimated."""

from .cells import Table

__all__ = ["fine_tuning", "walks"]

#: Rows: label, name in the results.
_WALKS = {
    "OS-ELM: C, written for NEON": "oselm.neon",
    "OS-ELM: C, written for vectors": "oselm.vectors",
    "OS-ELM: C, plain loops, `-ffast-math`": "oselm.loops_fast_math",
    "OS-ELM: C, plain loops": "oselm.loops",
    "node2vec: C, written for NEON": "sgns.neon",
    "node2vec: C, written for vectors": "sgns.vectors",
    "node2vec: gensim, one thread, by the bench's ratio to C": "sgns.gensim",
}
_METHODS = {"Skip2-LoRA, out of the cache": "skip2", "Skip-LoRA, through the network": "skip", "LoRA-All": "lora_all"}


def _range(v: dict, stem: str, form: str) -> str:
    """The smaller and the larger end, or one of them if they look the same; a dash for what was not estimated."""
    if f"{stem}.low" not in v:
        return "-"
    ends = sorted(v[f"{stem}.{end}"] for end in ("low", "high"))
    return " - ".join(dict.fromkeys(format(end, form) for end in ends))


def walks(v: dict, provenance: dict) -> Table:
    """A walk on both, and the ratios; the core's own row is first."""
    core = provenance["core_us"]
    times = f"{core['without link']:.1f}; with the link {core['with link']:.1f}"
    body = [["the core of the ULX3S-85F, D = 32, at the board's clock (not estimated)", "-", "-", times, "1", "1"]]
    for label, name in _WALKS.items():
        if f"a53.{name}.walk_us.low" not in v:
            continue
        count = v.get(f"a53.{name}.walk_instructions")
        body.append(
            [
                label,
                "-" if count is None else f"{count / 1e3:,.0f}",
                "-" if count is None else _range(_thousands(v, f"a53.{name}.walk_cycles"), "k", ",.0f"),
                _range(v, f"a53.{name}.walk_us", ",.0f"),
                _range(v, f"a53.ratio.{name}", ".1f"),
                _range(v, f"a53.ratio_with_link.{name}", ".1f"),
            ]
        )
    clock = f"a walk on a Cortex-A53 at {provenance['clock_mhz'] / 1e3:g} GHz, estimated"
    head = [clock, "thousands of instructions", "thousands of cycles", "microseconds"]
    return [*head, "over the core", "over the core with its link"], body


def _thousands(v: dict, stem: str) -> dict:
    return {f"k.{end}": v[f"{stem}.{end}"] / 1e3 for end in ("low", "high")}


def fine_tuning(v: dict, provenance: dict) -> Table:
    """A sample of a fine-tuning, and what is saved of all of it."""
    stem = f"a53.lora.{provenance['task']}"
    body = []
    for label, name in _METHODS.items():
        instructions = f"{v[f'{stem}.{name}.sample_instructions']:,.0f}"
        body.append([label, instructions, _range(v, f"{stem}.{name}.sample_us", ".1f")])
    for label, name in (("by the cache", "saved_by_cache"), ("against LoRA-All", "saved_against_lora_all")):
        body.append([f"time of a whole fine-tuning saved {label}", "-", _range(v, f"{stem}.{name}", ".1%")])
    clock = f"at {provenance['clock_mhz'] / 1e3:g} GHz, estimated"
    return [f"{provenance['task']}: a sample on a Cortex-A53 {clock}", "instructions", "microseconds, or share"], body

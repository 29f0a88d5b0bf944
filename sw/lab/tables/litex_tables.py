"""The table of docs/litex.md from results/litex.json."""

from .cells import yes_or_no

__all__ = ["ROWS", "walks"]

#: Rows: what is shown, name in the results.
ROWS = {
    "digest as the golden model's": "bits_equal",
    "cycles: graph and parameters to the core": "cycles_load",
    "cycles: the walks": "cycles_train",
    "cycles: rows and P read, SHA-256": "cycles_read",
    "cycles of the whole program": "cycles",
    "words to the core": "words_in",
    "words from the core": "words_out",
    "interrupts": "interrupts",
    "seconds of the simulation": "seconds",
}
_WAYS = {"csr": "words by CSR", "dma": "by DMA where there are 4 and more"}


def walks(values: dict, provenance: dict) -> tuple[list[str], list[list[str]], str]:
    """Header, rows and a remark: what the program took, for each way of the words."""
    ways = [way for way in _WAYS if f"litex.{way}.walks" in values]
    body = [[shown, *(_shown(name, values[f"litex.{way}.{name}"]) for way in ways)] for shown, name in ROWS.items()]
    core, graph = provenance["core"], provenance["graph"]
    title = f"{values[f'litex.{ways[0]}.walks']:,} walks of `{graph}`, {values[f'litex.{ways[0]}.contexts']:,} contexts"
    made_with = ", ".join(f"{name} {version}" for name, version in provenance["litex"].items())
    remark = f"D = {core['dim']}, {core['lanes']} lanes, {core['nodes']:,} rows; {made_with}; {provenance['compiler']}."
    return [title, *(_WAYS[way] for way in ways)], body, remark


def _shown(name: str, value: float) -> str:
    if name == "bits_equal":
        return yes_or_no(value)
    return f"{value:,}"

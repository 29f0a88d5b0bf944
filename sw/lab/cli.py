"""``skipwalk lab``: what this project measures and shows. Nothing that a user imports stands here."""

import click

from ..commands.lazy import Entry, LazyGroup

__all__ = ["ENTRIES", "lab"]

ENTRIES = {
    "cora": Entry("lab.cora:main", "The citation graph Cora out of a wheel: edges and labels.", "demo"),
    "imdb": Entry("lab.imdb:main", "Films of IMDB out of the same wheel: edges and labels.", "demo"),
    "demo": Entry("lab.demo:main", "Train a graph in the RTL and on the golden model; compare.", "demo"),
    "demo-lora": Entry("lab.demo_lora:main", "Fine-tune a network in the RTL; compare.", "demo"),
    "demo-lora-board": Entry("lab.demo_lora_board:main", "Fine-tune on a simulated board; bytes, time.", "dev"),
    "accuracy": Entry("lab.accuracy:main", "Fixed point against float over several seeds."),
    "embedding": Entry("lab.embedding:main", "Where nodes lie before and after training."),
    "bench": Entry("lab.bench.cli:main", "This machine's CPU against the core.", "bench"),
    "a53": Entry("lab.a53.cli:main", "The C kernels on a Cortex-A53, estimated; against the core.", "demo"),
    "experiments": Entry("lab.experiments.cli:main", "The science, by seed; goes on where it stopped."),
    "link": Entry("lab.link_campaign:main", "Damage frames of the link, and see that nothing is lost.", "serial,rtl"),
    "coverage": Entry("lab.verification.coverage:main", "Lines and branches that tests reach."),
    "rtl-coverage": Entry("lab.verification.rtl_coverage:main", "What of the gateware tests reach.", "dev"),
    "mutants": Entry("lab.verification.mutants:main", "Break the gateware; see whether tests notice.", "dev"),
    "memory": Entry("lab.memory.cli:main", "Rows in a simulated SDRAM: bits, faults, cycles.", "rtl,demo"),
    "litex": Entry("lab.litex:main", "A VexRiscv and a core in a simulated LiteX SoC."),
    "blocks": Entry("lab.blocks:main", "Frequency and cells of single blocks on an ECP5.", "boards"),
    "ultrascale": Entry("lab.ultrascale:main", "What exported cores take of an UltraScale+ part.", "rtl,synth"),
    "users": Entry("lab.users:main", "Do what the pages tell users, from an installed wheel.", "dev"),
    "fmax-history": Entry("lab.page.history:main", "Keep the boards' frequencies beside earlier ones."),
    "tables": Entry("lab.tables.pages:main", "Put figures of results/ into README and docs/."),
    "map": Entry("lab.map:main", "Write docs/map.md: what computes which equation."),
    "manual": Entry("lab.manual:main", "The manual as a site: pages, commands, interfaces, search.", "manual"),
    "report": Entry("lab.page.cli:report", "One HTML page of all figures in a folder of results."),
}


@click.group("lab", cls=LazyGroup, entries=ENTRIES)
def lab() -> None:
    """What this project measures and shows: demos, benches, experiments, and the pages made of their results."""

"""Fault campaign on the link: ``skipwalk lab link build/link/summary.json``.

The host end talks through a pipe that damages frames both ways to the gateware, compiled, with a core behind it whose
every answer depends on every word before. The device keeps running; the host opens it anew for each round.
"""

from collections import Counter
from pathlib import Path

import click
import numpy as np

from ...hw.link.protocol import FOLD_KIND, Identity
from ...sim.link.faults import FAULTS, FaultyPipe
from ...sim.link.model import DeviceModel, FoldingCore, ModelPipe
from ...sim.link.rtl import ByteTop, LinkedCore, RtlPipe
from ...sim.rtl.verilated import VerilatedCore
from ..link.link import Link
from ..link.pipe import LinkError
from ..oselm.words import walk_words
from ..results.report import Result, write_report

__all__ = ["campaign", "main", "walk_cost"]

#: A walk of 80 nodes as the driver sends it: two nodes a word, and a command.
WALK = walk_words(np.arange(80, dtype=np.int32)[None])
#: Seconds of simulated silence after which a session counts as hung.
GIVE_UP = 30.0


def walk_cost(walks: int = 1000) -> float:
    """Bytes to the device for each walk of 80 nodes, sent one by one over a sound pipe, acknowledgements included."""
    with Link(ModelPipe(DeviceModel([(Identity(kind=FOLD_KIND, digest=0), lambda words: words[:0])]))) as link:
        before = link.stats.bytes_sent
        for _ in range(walks):
            link.write(WALK)
        link.flush()
        return (link.stats.bytes_sent - before) / walks


def campaign(rounds: int, words_per_round: int, rate: float, seed: int) -> list[Result]:
    """What came of it; the first two have to be 0.

    Parameters
    ----------
    rounds : int
        Sessions.
    words_per_round : int
        Words there and back in each.
    rate : float
        Chance that a frame is damaged.
    seed : int
        Of everything random but the numbers of the sessions.
    """
    rng = np.random.default_rng(seed)
    totals: Counter[str] = Counter()
    with VerilatedCore.from_component(ByteTop(LinkedCore()), gap_in=0.1, gap_out=0.1, seed=seed) as rtl:
        pipe = FaultyPipe(RtlPipe(rtl, clock_hz=1e6), rate, rng)
        for _ in range(rounds):
            core, link = FoldingCore(), None
            try:
                link = Link(pipe, give_up=GIVE_UP)
                words = rng.integers(0, 1 << 32, words_per_round, np.uint32)
                for part in np.array_split(words, 10):
                    link.write(part)
                    totals["wrong"] += int((link.read(len(part), timeout=120) != core(part)).sum())
            except LinkError as error:
                click.echo(f"round given up: {error}", err=True)
                totals["hangs"] += 1
            if link is None:
                continue
            totals["sent"] += link.stats.frames_sent
            totals["resent"] += link.stats.frames_resent
            totals["received"] += link.stats.frames_received
            totals["polls"] += link.stats.polls
    return [
        Result("link.wrong_results", totals["wrong"], "words", "lower"),
        Result("link.hangs", totals["hangs"], "sessions", "lower"),
        Result("link.bytes_per_walk", round(walk_cost(), 1), "bytes", "lower"),
        Result("link.sessions", rounds, "sessions"),
        Result("link.words", rounds * words_per_round, "words"),
        Result("link.frames", pipe.frames, "frames"),
        *(Result(f"link.frames_damaged.{fault}", pipe.counts[fault], "frames") for fault in FAULTS),
        Result("link.frames_resent", totals["resent"], "frames", "lower"),
        Result("link.polls", totals["polls"], "frames", "lower"),
    ]


@click.command("link")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rounds", type=click.IntRange(1), default=100, show_default=True, help="Sessions.")
@click.option("--words", type=click.IntRange(1), default=5000, show_default=True, help="In each round.")
@click.option(
    "--rate", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Chance that a frame is damaged."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.pass_context
def main(ctx: click.Context, file: Path, rounds: int, words: int, rate: float, seed: int) -> None:
    """Damage frames between host and gateware; write the summary to FILE. Exit code 1 if anything was lost or hung."""
    results = campaign(rounds, words, rate, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_report(file, results, seed=seed, rate=rate, rounds=rounds)
    for result in results:
        click.echo(f"{result.name:28} {result.value:>10} {result.unit}")
    ctx.exit(int(any(result.value for result in results[:2])))

"""A whole fine-tuning on a simulated board, at the board's own clock and bit rate: bytes, seconds, and equal bits."""

import logging
import sys
from pathlib import Path
from typing import Any

import click

from ...hw.boards.prepare import BuildFailed
from ...hw.boards.table import BOARDS, Board, board
from ...hw.link.protocol import UART_BITS
from ...sim.rtl.build import BuildError
from ..errors import DeviceError
from ..link.transport import SerialTransport
from ..lora.estimator import SkipLoRA
from ..lora.pretrain import pretrain
from ..lora.tasks import RATE, TASKS, load_task
from ..results.report import Result, write_report

__all__ = ["main", "measure"]

log = logging.getLogger(__name__)

#: Seconds that a board has been on: its PLL has locked.
POWER_UP = 1e-3
#: Samples whose outputs are compared after learning.
ASKED = 20


@click.command("demo-lora-board")
@click.option(
    "--board", "name", type=click.Choice([b.name for b in BOARDS.values() if b.lora]), default="ulx3s-45f",
    show_default=True,
)  # fmt: skip
@click.option("--task", "task_name", type=click.Choice(list(TASKS)), default="digits", show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=30, show_default=True)
@click.option(
    "--json", "out", type=click.Path(dir_okay=False, path_type=Path), default="build/demo-board/lora.json",
    show_default=True,
)  # fmt: skip
def main(name: str, task_name: str, epochs: int, out: Path) -> None:
    """Fine-tune a network on the netlist of a board's bitstream, driven by its pins, and on the golden model.

    Time is the board's: the clock of its core and the bit rate of its line, from the first byte of the session to the
    answer that all is learned. The host is taken to be infinitely fast.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    results = measure(board(name), task_name, epochs)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_report(out, results, seed=0, board=name, task=task_name, epochs=epochs)
    for result in results:
        click.echo(f"{result.name:28} {result.value:>12.6g} {result.unit}")


def measure(row: Board, task_name: str, epochs: int) -> list[Result]:
    """The figures of ``lora.*``. Raises DeviceError if the board cannot be simulated."""
    try:
        from ...sim.boards.line import BoardLine
        from ...sim.boards.pins import BoardPins

        log.info("%s: compiling the netlist of its bitstream", row.title)
        pins = BoardPins(row)
    except ModuleNotFoundError as error:
        raise DeviceError(f'simulating a board needs {error.name}: pip install "skipwalk[dev]"') from None
    except (BuildError, BuildFailed) as error:
        raise DeviceError(f"the board cannot be simulated: {error}") from error
    assert row.lora is not None
    task = load_task(task_name)
    network = pretrain(*task.pretrain, task.classes)
    options: dict[str, Any] = {"epochs": epochs, "learning_rate": RATE}
    options |= {"lanes": row.lora.lanes, "cache_samples": row.lora.cache_samples}
    golden = SkipLoRA(network, **options).fit(*task.finetune)

    pins.run(POWER_UP)
    line = BoardLine(pins, row)
    start = line.clock()
    log.info("%s: %d samples, %d epochs at %g MHz and %d baud", row.title, len(task.finetune[1]), epochs,
             row.clock_hz / 1e6, row.baud)  # fmt: skip
    learned: list[tuple[float, int, int]] = []

    def note(done: int, total: int) -> None:
        if done == total:
            learned.append((line.clock() - start, line.bytes_sent, line.bytes_received))

    with SerialTransport(line, row.lora) as transport:
        model = SkipLoRA(network, **options, backend=transport).fit(*task.finetune, progress=note)
        equal = (model.adapters_raw_ == golden.adapters_raw_).all() and model.reports_ == golden.reports_
        read = line.clock() - start
        some = task.test[0][:ASKED]
        equal &= (model.decision_function(some) == golden.decision_function(some)).all()
        (seconds, sent, received), cycles = learned[0], model.counters_["cycles"]
    return [
        Result("lora.clock", row.uart.clock_hz / 1e6, "MHz"),
        Result("lora.baud", row.baud, "bit/s"),
        Result("lora.samples", len(task.finetune[1]), "samples"),
        Result("lora.epochs", epochs, "epochs"),
        Result("lora.bits_equal", int(equal), "A, B, reports, outputs", "higher"),
        Result("lora.bytes.finetune", sent, "bytes", "lower"),
        Result("lora.bytes.answered", received, "bytes", "lower"),
        Result("lora.seconds.finetune", seconds, "s", "lower"),
        Result("lora.seconds.read_adapters", read - seconds, "s", "lower"),
        Result("lora.seconds.line", sent * UART_BITS / row.baud, "s", "lower"),
        Result("lora.cycles.finetune", cycles, "cycles", "lower"),
        Result("lora.accuracy", golden.score(*task.test), "", "higher"),
        Result("lora.loss", golden.reports_[-1].loss, "cross entropy of the last epoch", "lower"),
    ]

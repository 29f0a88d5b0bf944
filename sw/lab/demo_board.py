"""A graph on a whole board in simulation, measured at its pins: what a user of the board waits for.

Time is the board's own: the simulation counts the edges of its oscillator, and the serial line runs at the board's
rate. While the host computes, the board's clock goes on, at the pace of the simulation.
"""

import copy
import dataclasses
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ...hw.boards.prepare import BuildFailed
from ...hw.boards.table import Board
from ...sim.rtl.build import BuildError
from ..errors import DeviceError
from ..graph.graph import Graph
from ..oselm.estimator import Node2Vec
from ..results.report import Result

__all__ = ["INSERTED", "REMOVED", "on_board"]

log = logging.getLogger(__name__)

#: Edges that are inserted one by one after ``fit``, and how many of these are removed again; in a small graph at most
#: half of those that it lacks, and of these a fifth.
INSERTED, REMOVED = 500, 100
#: Walks from each end of an edge that came or went.
WALKS_PER_END = 5


@dataclasses.dataclass
class _Cost:
    """What one call cost at the pins."""

    seconds: float = 0.0
    sent: int = 0
    received: int = 0


def on_board(row: Board, golden: Node2Vec, graph: Graph, seed: int) -> list[Result]:
    """Learn ``graph`` on the simulated board as ``golden`` did, then edges that come and go; compare all bits.

    ``golden`` has learned ``graph`` and stays as it is. Raises DeviceError if the board cannot be simulated.
    """
    golden = copy.deepcopy(golden)
    log.info("%s: compiling the netlist of its bitstream", row.title)
    try:
        from ...sim.boards.board import BoardSimulation
        from ...sim.boards.pins import BoardPins

        pins = BoardPins(row)
    except ModuleNotFoundError as error:
        raise DeviceError(f'simulating a board needs {error.name}: pip install "skipwalk[dev]"') from None
    except (BuildError, BuildFailed) as error:
        raise DeviceError(f"the board cannot be simulated: {error}") from error
    with BoardSimulation(pins, row) as simulation:
        model = Node2Vec(**golden.get_params()).set_params(backend=simulation.address)

        @contextmanager
        def measured() -> Iterator[_Cost]:
            cost = _Cost()
            start, sent, received = pins.seconds, simulation.bytes_sent, simulation.bytes_received
            yield cost
            cost.seconds = pins.seconds - start
            cost.sent, cost.received = simulation.bytes_sent - sent, simulation.bytes_received - received

        clocks = row.uart.clock_hz / row.baud
        log.info("%s: training through %s, %.1f clocks a bit", row.title, model.backend, clocks)
        with measured() as fit:
            model.fit(graph)
        with measured() as read:
            equal = {"fit": model.digest_ == golden.digest_}
        counters, walks = model.counters_, model.model_.walks
        inserted, removed = _changes(graph, seed)
        edges = []
        for name, change, pairs in (("inserted", "partial_fit", inserted), ("removed", "remove_edges", removed)):
            log.info("%s: %d edges %s", row.title, len(pairs), name)
            for pair in pairs:
                with measured() as cost:
                    getattr(model, change)([pair], walks_per_end=WALKS_PER_END)
                    model.wait()
                getattr(golden, change)([pair], walks_per_end=WALKS_PER_END)
                edges.append(cost)
            equal[name] = model.digest_ == golden.digest_
        model.close()
    saturated = sum(value for name, value in counters.items() if name.startswith("sat_"))
    return [
        Result("board.bits_equal", int(all(equal.values())), "bool", "higher"),
        *(Result(f"board.bits_equal.{name}", int(same), "bool", "higher") for name, same in equal.items()),
        Result("board.clock", row.uart.clock_hz / 1e6, "MHz"),
        Result("board.baud", row.baud, "bit/s"),
        Result("board.walks", walks, "walks"),
        Result("board.seconds.fit", fit.seconds, "s", "lower"),
        Result("board.seconds.read_all", read.seconds, "s", "lower"),
        Result("board.bytes.fit", fit.sent + fit.received, "bytes", "lower"),
        Result("board.bytes.read_all", read.sent + read.received, "bytes", "lower"),
        Result("board.bytes_per_walk", (fit.sent + fit.received) / walks, "bytes", "lower"),
        Result("board.walk_us", fit.seconds / walks * 1e6, "us", "lower"),
        Result("board.cycles_per_walk", counters["cycles"] / walks, "cycles", "lower"),
        Result("board.wait_input_share", counters["wait_input"] / counters["cycles"], "share", "lower"),
        Result("board.saturations", saturated, "beats", "lower"),
        Result("board.edges", len(edges), "edges"),
        *(_of_an_edge(edges) if edges else []),
    ]


def _of_an_edge(edges: Sequence[_Cost]) -> list[Result]:
    return [
        Result("board.edge_bytes", float(np.median([cost.sent for cost in edges])), "bytes sent", "lower"),
        Result("board.edge_bytes_received", float(np.median([cost.received for cost in edges])), "bytes", "lower"),
        Result("board.edge_ms", float(np.median([cost.seconds for cost in edges])) * 1e3, "ms", "lower"),
        Result("board.edge_ms.worst", max(cost.seconds for cost in edges) * 1e3, "ms", "lower"),
    ]


def _changes(graph: Graph, seed: int) -> tuple[list, list]:
    """Pairs of ids: edges that the graph does not have, and some of them."""
    rng = np.random.default_rng(seed)
    nodes = [node for node, degree in zip(graph.ids, graph.degree, strict=True) if degree]
    have = {frozenset(pair) for pair in graph.ids[graph.edges()[0]].tolist()}
    lacking = len(nodes) * (len(nodes) - 1) // 2 - sum(len(pair) == 2 for pair in have)
    n = min(INSERTED, lacking // 2)
    found: dict[frozenset, tuple] = {}
    while len(found) < n:
        u, v = (nodes[i] for i in rng.integers(0, len(nodes), 2))
        if u != v and frozenset((u, v)) not in have:
            found.setdefault(frozenset((u, v)), (u, v))
    inserted = list(found.values())
    return inserted, [inserted[i] for i in rng.permutation(n)[: min(REMOVED, n // 5)]]

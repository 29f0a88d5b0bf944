"""How large a core is: as its preset says on a board, and as the graph asks for where nothing is built."""

import logging

from ...hw.oselm.config import CoreConfig
from ..errors import CapacityError
from ..graph.graph import Graph
from ..graph.live import LiveGraph

__all__ = ["WEIGHT_BITS", "check_nodes", "grown", "placed", "refitted"]

log = logging.getLogger(__name__)

#: Of the sums of weights in a store that follows the graph.
WEIGHT_BITS = 24
#: Rows that a command can name.
_MOST_NODES = 1 << CoreConfig.ROW_BITS


def check_nodes(n: int, config: CoreConfig) -> None:
    """Raise CapacityError if a core has fewer rows than nodes."""
    if n > config.nodes:
        advice = f"train with nodes={n} or more, or choose a larger preset"
        if n > _MOST_NODES:
            advice = f"no core has more than {_MOST_NODES}: leave some out"
        raise CapacityError(f"the graph has {n} nodes, but the core ({config.name}) has {config.nodes} rows; {advice}")


def placed(graph: Graph, config: CoreConfig, *, follow: bool) -> tuple[CoreConfig, LiveGraph]:
    """A graph in a store, and the core that learns it.

    With ``follow`` the core is ``config`` with as many rows, and as much memory for edges, as the graph needs and some
    more; without, it is ``config`` itself, and a graph that its store cannot hold is held by the host. Raises
    CapacityError if there are too few rows.
    """
    if follow:
        config = _with_rows(config, graph.n_nodes)
    check_nodes(graph.n_nodes, config)
    bits = config.weight_bits or (WEIGHT_BITS if graph.weights is not None or not config.edge_ends else 0)
    return _in_store(config, LiveGraph.of(graph, nodes=config.nodes, weight_bits=bits), follow)


def refitted(live: LiveGraph, config: CoreConfig, *, follow: bool) -> tuple[CoreConfig, LiveGraph]:
    """As :func:`placed`, for a graph with its rows and its unit of weights. A store of the host keeps its room for
    what is about to come."""
    if follow:
        config = _with_rows(config, len(live.ids))
    check_nodes(len(live.ids), config)
    return _in_store(config, live.rebuilt(nodes=config.nodes), follow, least=live.store.edge_ends)


def grown(
    live: LiveGraph, config: CoreConfig, rows: int, entries: int, *, weighted: bool, follow: bool
) -> tuple[CoreConfig, LiveGraph]:
    """The same graph, and its core, with room for so many more rows and entries, and with weights if ``weighted``. The
    core stays as it is without ``follow``."""
    config = _with_rows(config, live.store.nodes + rows) if rows else config
    check_nodes(live.store.nodes + rows, config)
    bits = WEIGHT_BITS if weighted and live.unit is None else live.store.weight_bits
    live = live.rebuilt(nodes=config.nodes, weight_bits=bits)
    return _in_store(config, live, follow, spare=entries)


def _with_rows(config: CoreConfig, n: int) -> CoreConfig:
    """At least n rows; where there are fewer, a quarter more than that."""
    if n <= config.nodes or n > _MOST_NODES:
        return config
    return config.replace(nodes=min(-(-n * 5 // 4) + 1023 & ~1023, _MOST_NODES))


def _in_store(
    config: CoreConfig, live: LiveGraph, follow: bool, *, spare: int = 0, least: int = 0
) -> tuple[CoreConfig, LiveGraph]:
    """The graph in the store of the core, if that has one and it fits; else in one of the host's, with at least so many
    entries."""
    need, bits = live.store.top + spare, live.store.weight_bits
    if config.edge_ends and follow and (need > config.edge_ends or bits != config.weight_bits):
        ends = max(config.edge_ends, _rounded(need))
        config = config.replace(edge_ends=ends, weight_bits=bits)
    if need <= config.edge_ends and bits == config.weight_bits:
        return config, live.resized(nodes=config.nodes, edge_ends=config.edge_ends)
    if config.edge_ends:
        lacks = f"{need} edge ends, and has {config.edge_ends}" if need > config.edge_ends else "weights"
        log.warning("the core (%s) would need %s: the host makes its walks", config.name, lacks)
    return config, live.resized(nodes=config.nodes, edge_ends=max(_rounded(need), least))


def _rounded(need: int) -> int:
    """Half as much again, as a power of two."""
    ends = 1 << max(10, (need * 3 // 2 - 1).bit_length())
    if need > CoreConfig.MAX_EDGE_ENDS:
        raise CapacityError(f"the graph needs {need} edge ends; no store has more than {CoreConfig.MAX_EDGE_ENDS}")
    return min(ends, CoreConfig.MAX_EDGE_ENDS)

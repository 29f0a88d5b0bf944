"""Records that are kept, and the digest of the sources that made them."""

import json

import pytest
from skipwalk.sw.errors import InputError
from skipwalk.sw.results import records
from skipwalk.sw.results.records import JsonRecords, key_digest, source_digest, source_texts

#: A package: text by file name.
FILES = {
    "sw/__init__.py": "",
    "sw/run.py": "from ..sim.core import step\n\ndef run():\n    from . import late\n    return step()\n",
    "sw/late.py": "import numpy\n",
    "sw/alone.py": "x = 1\n",
    "sim/__init__.py": '"""Models."""\n',
    "sim/core.py": "import skipwalk.hw.table\n\nHARNESS = 'harness.cpp'\n\ndef step():\n    return HARNESS\n",
    "sim/harness.cpp": "int main() {}\n",
    "sim/other.cpp": "int main() {}\n",
    "hw/table.py": "TABLE = [1, 2]\n",
}


@pytest.fixture
def digest(monkeypatch, tmp_path):
    """The digest of ``sw/run.py`` in the package of FILES, some of them changed."""
    monkeypatch.setattr(records, "_ROOT", tmp_path)

    def made(changes=None, **options):
        for name, text in {**FILES, **(changes or {})}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        source_digest.cache_clear()
        return source_digest("sw/run.py", **options)

    yield made
    source_digest.cache_clear()


# ---- sources
def test_all_that_is_imported_counts_and_nothing_else(digest):
    digest()
    assert source_texts("sw/run.py").keys() == FILES.keys() - {"sw/alone.py", "sim/other.cpp"}
    assert source_texts("sw/alone.py", "sw/late.py").keys() == {"sw/alone.py", "sw/late.py"}


@pytest.mark.parametrize("name", ["sw/run.py", "sw/late.py", "sim/core.py", "sim/__init__.py", "hw/table.py"])
def test_a_change_in_a_file_imported_on_the_way_changes_the_digest(digest, name):
    assert digest({name: FILES[name] + "\nchanged = 1\n"}) != digest()


def test_a_file_that_a_module_reads_counts(digest):
    assert digest({"sim/harness.cpp": "int main() { return 1; }\n"}) != digest()


@pytest.mark.parametrize("name", ["sw/alone.py", "sim/other.cpp"])
def test_a_change_elsewhere_does_not(digest, name):
    assert digest({name: "changed = 1\n"}) == digest()


def test_comments_docstrings_and_layout_do_not_count(digest):
    code = 'import skipwalk.hw.table  # why\nHARNESS =  "harness.cpp"\n'
    step = 'def step( ):\n    """Doc."""\n    return HARNESS\n'
    assert digest({"sim/core.py": f'"""Doc."""\n{code}{step}'}) == digest()
    # A name in a docstring is no file that is read.
    assert digest({"sw/alone.py": "", "sim/__init__.py": '"""other.cpp"""\n'}) == digest()


def test_what_is_left_out_is_not_followed(digest):
    plain = digest(without=("sim/core.py",))
    assert source_texts("sw/run.py", without=("sim/core.py",)).keys() == {
        "sw/run.py",
        "sw/__init__.py",
        "sw/late.py",
        "sim/__init__.py",
    }
    assert digest({"hw/table.py": "TABLE = []\n"}, without=("sim/core.py",)) == plain
    assert digest() != plain


def test_a_file_that_is_not_there(digest):
    digest()
    with pytest.raises(FileNotFoundError, match=r"no\.py"):
        source_digest("sw/no.py")
    with pytest.raises(FileNotFoundError, match=r"no\.py"):
        source_digest("sw/run.py", without=("sw/no.py",))


# ---- records
def test_a_record_is_there_for_its_key_alone(tmp_path):
    kept, key = JsonRecords(tmp_path / "new" / "folder"), {"a": (1, 2)}
    assert kept.read("x", key) is None
    kept.write("x", {"key": key, "value": 0.5})
    assert kept.read("x", key) == {"key": {"a": [1, 2]}, "value": 0.5}
    assert kept.read("x", {"a": (1, 3)}) is None
    assert kept.read("y", key) is None
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["x.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "7", '"key"', "\N{DEGREE SIGN}", "[" * 100_000])
def test_a_damaged_record_is_none(tmp_path, text):
    kept = JsonRecords(tmp_path)
    kept.path("x").write_bytes(text.encode("latin-1"))
    assert kept.read("x", "k") is None


def test_a_record_that_cannot_be_written(tmp_path):
    kept = JsonRecords(tmp_path)
    kept.write("x", {"key": 1})
    kept.path("taken").mkdir()
    with pytest.raises(InputError, match=r"x\.json/more: the folder cannot be made: Not a directory; name another"):
        JsonRecords(tmp_path / "x.json" / "more").write("y", {"key": 1})
    with pytest.raises(InputError, match="cannot be written"):
        kept.write("taken", {"key": 2})
    with pytest.raises(TypeError):
        kept.write("x", {"key": 2, "value": object()})
    assert json.loads(kept.path("x").read_text()) == {"key": 1}


def test_the_order_of_a_key_does_not_count():
    assert key_digest({"a": 1, "b": 2}) == key_digest({"b": 2, "a": 1}) != key_digest({"a": 2, "b": 1})

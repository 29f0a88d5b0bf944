"""The report as text: what stands on it comes from the files, and what is in the files stands on it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from skipwalk.sw.lab import embedding
from skipwalk.sw.lab.page import history
from skipwalk.sw.lab.page.charts import Axis, Curve, Dot, chart
from skipwalk.sw.lab.page.markup import DASH, TIMES, Html, escape, number, table, tag
from skipwalk.sw.lab.page.page import SECTIONS, render
from skipwalk.sw.lab.page.results import EXPECTED, read_results

from ..support.command import skipwalk
from ..support.page import all_results, entry, save

RESULTS = Path(__file__).parents[2] / "results"
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Tags in order, checked to be closed in order; ids, links, text and what images say."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.headings: list[int] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.tags.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)
        if re.fullmatch("h[1-6]", name):
            self.headings.append(int(name[1]))

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return all_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(full):
    return Page(render(read_results(full)))


def test_the_page_needs_nothing_but_itself(page):
    names = {name for name, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "embed", "base"}
    for name, attributes in page.tags:
        for key in ("src", "href", "srcset", "data", "action"):
            # An empty icon, so that no browser asks for one.
            assert attributes.get(key, "#").startswith("#") or (name, attributes[key]) == ("link", "data:,")
        assert not any(key.startswith("on") for key in attributes)
    style = "".join(path.read_text() for path in Path(history.__file__).parent.glob("*.css"))
    assert style
    assert "url(" not in style
    assert "@import" not in style


def test_every_section_and_every_link_within_the_page(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(SECTIONS) <= set(ids)
    links = {attributes["href"][1:] for name, attributes in page.tags if name == "a"}
    assert links <= set(ids)


def test_headings_go_down_one_level_at_a_time(page):
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))


def test_every_picture_says_what_it_shows(page):
    pictures = [attributes for name, attributes in page.tags if name == "svg"]
    assert len(pictures) >= 15
    assert "could not be made" not in " ".join(page.text)
    assert all(a["role"] == "img" and len(a["aria-label"]) > 20 for a in pictures)


@pytest.mark.parametrize("kind", ["whole", "repository"])
def test_every_value_of_every_file_is_on_the_page(kind, full):
    results = read_results(full if kind == "whole" else RESULTS)
    text = render(results)
    hidden = [e for file in results for e in file.hidden]
    assert all(f"<code>{escape(e.name)}</code>" in text for e in hidden)
    for file in results:
        assert file.anchor in text
    if kind == "whole":
        assert "a.value.nobody.knows" in {e.name for e in hidden}


def test_figures_are_those_of_the_files(full, page):
    text = " ".join(page.text)
    bench = {e["name"]: e["value"] for e in json.loads((full / "bench.json").read_text())}
    assert f"{bench['ratio.both']} {TIMES}" in text
    assert f"0.610 {TIMES}: the CPU is ahead" in text
    demo = {e["name"]: e["value"] for e in json.loads((RESULTS / "demo.json").read_text())}
    assert f"{demo['oselm.f1_micro.rtl']:.3f}" in text
    assert f"{100 * demo['oselm.roofline_cycles_per_walk'] / demo['oselm.cycles_per_walk']:.1f} %" in text


def test_what_a_user_meets_comes_first_and_what_is_lost_is_said(page):
    text = [part for part in page.text if part.strip()]
    board = {e["name"]: e["value"] for e in json.loads((RESULTS / "demo-board.json").read_text())}
    seconds, walks = board["board.seconds.fit"], board["board.walks"]
    assert text.index(f"{number(seconds)} s") < text.index("What it does") < text.index("Cycles")
    row = text.index("the same walks on one CPU core, best C")
    cpu = walks * 28.2 / 1e6
    assert text[row + 1 : row + 3] == [f"{number(cpu)} s", f"the CPU is {number(seconds / cpu)} times as fast"]
    row = text.index("as many walks by node2vec as it is used, gensim, one thread")
    cpu = walks * 845 / 1e6
    assert text[row + 1 : row + 3] == [f"{number(cpu)} s", f"the board is {number(cpu / seconds)} times as fast"]
    assert [a.get("class") for name, a in page.tags if name == "tr"].count("lost") == 1
    assert "FAILED: the last line of chip" in text


def test_times_of_a_board_stand_beside_their_frequency(page):
    said = "D = 32, 32 lanes; 71.2 MHz after routing: a walk in 33 us; runs at 50 MHz: a walk in 47 us"
    assert said in page.text


def test_slow_blocks_come_first_with_every_seed(page):
    text = [part for part in page.text if part.strip()]
    at = text.index("Single blocks: LFE5U-85F, out of context")
    rows = [text.index(name, at) for name in ("slow", "quick.8x8")]
    assert rows == sorted(rows)
    assert text[rows[0] + 1 : rows[1]] == [
        "80.2",
        "81.0, 79.5",
        "4",
        "3",
        "1,234",
        "567",
        "queue.found to state",
        "61.5",
    ]


def test_a_commit_that_files_differed_from_keeps_its_plus(tmp_path):
    all_results(tmp_path)
    commit = "89abcdef" * 5
    entries = json.loads((tmp_path / "accuracy.json").read_text())
    for end in ("+", ""):
        entries[-1]["value"]["commit"] = commit + end
        (tmp_path / "accuracy.json").write_text(json.dumps(entries))
        text = Page(render(read_results(tmp_path))).text
        # In the table of sources, and under the figure.
        assert commit[:10] + end in text
        assert any(f"accuracy.json \N{MIDDLE DOT} {commit[:10]}{end} \N{MIDDLE DOT}" in part for part in text)


def test_another_number_in_a_file_is_another_number_on_the_page(tmp_path):
    all_results(tmp_path)
    before = render(read_results(tmp_path))
    text = (tmp_path / "bench.json").read_text()
    (tmp_path / "bench.json").write_text(text.replace("0.61", "1.61"))
    after = render(read_results(tmp_path))
    assert f"1.61 {TIMES}" in after
    assert f"1.61 {TIMES}" not in before
    assert "4 of 7 comparisons are" in before
    assert "5 of 7 comparisons are" in after


def test_losing_rows_are_marked(page):
    lost = [attributes for name, attributes in page.tags if name == "li" and attributes.get("class") == "lost"]
    assert len(lost) == 3


@pytest.mark.parametrize("missing", sorted(EXPECTED))
def test_a_missing_file_leaves_a_note(missing, tmp_path):
    all_results(tmp_path)
    (tmp_path / missing).unlink(missing_ok=True)
    text = render(read_results(tmp_path))
    assert f"results/{missing} is not there; <code>{EXPECTED[missing]}</code> makes it" in text


def test_damaged_and_strange_files_leave_a_note(tmp_path):
    all_results(tmp_path)
    (tmp_path / "bench.json").write_text("{")
    (tmp_path / "experiments.json").write_text("[1, 2]")
    save(tmp_path, "new-thing.json", [entry("thing.a", 7.5, "m"), entry("<b>thing</b>", "<i>&")])
    text = render(read_results(tmp_path))
    assert "results/bench.json cannot be read" in text
    assert "results/experiments.json is no list of named values" in text
    assert re.search(r"<code>thing.a</code></th><td[^>]*>7\.5<", text)
    assert "&lt;b&gt;thing&lt;/b&gt;" in text
    assert "<i>&" not in text
    Page(text)


def test_a_section_that_fails_leaves_a_note_and_the_others_stand(tmp_path):
    all_results(tmp_path)
    save(tmp_path, "fmax-history.json", [entry("fmax.a", ["many", "few"], x=["now", "then"])])
    text = render(read_results(tmp_path))
    assert text.count("could not be made of the files: ValueError") == 1
    assert {'id="hardware"', 'id="learning"', 'id="appendix"'} <= set(re.findall(r'id="[a-z]+"', text))


def test_the_command(full, tmp_path):
    output = tmp_path / "deep" / "index.html"
    run = skipwalk("lab", "report", full, "-o", output)
    assert run.exit_code == 0, run.output
    assert output.read_text() == render(read_results(full))
    assert "missing" not in run.stderr
    (tmp_path / "results").mkdir()
    for folder, words in ((tmp_path / "none", "no such folder"), (tmp_path / "results", "no *.json files")):
        run = skipwalk("lab", "report", folder, "-o", output)
        assert run.exit_code == 3
        assert words in run.stderr


def test_the_same_files_give_the_same_page(full):
    assert render(read_results(full)) == render(read_results(full))


# ---- parts
def test_text_is_escaped_once():
    assert tag("p", "a < b", tag("b", "&"), class_="x") == '<p class="x">a &lt; b<b>&amp;</b></p>'
    assert tag("p", title='"') == '<p title="&quot;"></p>'
    assert isinstance(escape("x"), Html)


def test_numbers():
    assert [number(x) for x in (0, 12, 2353.3, 53.64, 1.4, 0.0947, -0.5, 1e-12)] == [
        "0", "12", "2,353", "53.6", "1.40", "0.0947", "-0.500", "0.000000000",
    ]  # fmt: skip


def test_columns_of_numbers_are_to_the_right():
    text = table(["", "n", "words"], [["a", 1.5, "x"], ["b", DASH, "y"], ["c", "yes", "3"], ["d", 2, ""]], caption="t")
    assert text.count('<td class="n">') == 4
    assert text.count('<th scope="col" class="n">') == 1


def test_a_curve_that_rises_goes_up():
    svg = chart("t", [Curve("a", [0, 1], [0, 1], 0)], x=Axis("x"), y=Axis("y"))
    points = re.search(r'<polyline points="([^"]+)"', svg)[1].split()
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in points)
    assert x1 > x0
    assert y1 < y0


def test_names_of_curves_do_not_cover_each_other():
    curves = [Curve(f"curve {i}", [0, 1], [0.5, 0.5 + i / 1000], i) for i in range(8)]
    svg = chart("t", curves, x=Axis("x"), y=Axis("y", low=0, high=1))
    places = sorted(float(y) for y in re.findall(r'y="([\d.]+)" class="name', svg))
    assert len(places) == 8
    assert min(np.diff(places)) > 12
    assert 0 < places[0] < places[-1] < 250


def test_equal_values_and_single_points_can_be_drawn():
    for log in (False, True):
        svg = chart("t", dots=[Dot(3, 3, 0, title="one")], x=Axis("x", log=log), y=Axis("y"))
        assert "nan" not in svg
    with pytest.raises(ValueError, match="t: nothing to draw"):
        chart("t", x=Axis("x"), y=Axis("y"))


# ---- history
def test_history_grows_with_builds_and_not_by_running_again(full, tmp_path):
    all_results(tmp_path)

    def run():
        assert skipwalk("lab", "fmax-history", tmp_path).exit_code == 0
        files = read_results(tmp_path)
        return history.history([], files[history.FILE])

    first = run()
    assert len(first["ulx3s-85f"]) == 3
    assert len(first["tang-nano-20k"]) == 1
    assert run() == first
    path = tmp_path / "boards" / "ulx3s-85f.json"
    path.write_text(path.read_text().replace("14:48:08", "19:00:00").replace('"fmax_mhz": 71.25', '"fmax_mhz": 80.0'))
    assert sorted(run()["ulx3s-85f"].values()) == [49.0, 60.5, 71.25, 80.0]


# ---- embedding
def test_a_sample_has_the_share_of_every_class():
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    shown = embedding.sample(classes, 20, 1)
    assert sorted(np.bincount(classes[shown])) == [2, 6, 12]
    assert len(set(shown.tolist())) == 20
    np.testing.assert_array_equal(shown, embedding.sample(classes, 20, 1))


def test_embedding_of_a_small_graph(tmp_path):
    import networkx as nx

    graph = nx.karate_club_graph()
    edges, labels, report = tmp_path / "k.edges", tmp_path / "k.labels", tmp_path / "embedding.json"
    edges.write_text("".join(f"{u} {v}\n" for u, v in graph.edges))
    labels.write_text("".join(f"{v} {data['club'].replace(' ', '')}\n" for v, data in graph.nodes(data=True)))
    arguments = [str(edges), str(labels), "--nodes", "20", "--rounds", "2", "--json", str(report)]
    run = skipwalk("lab", "embedding", *arguments)
    assert run.exit_code == 0, run.output
    found = {e["name"]: e["value"] for e in json.loads(report.read_text())}
    assert [name for name in found if name.endswith("points")] == [f"embedding.walks_{n}.points" for n in (0, 1, 2)]
    places = [[int(v) for v in pair.split(",")] for pair in found["embedding.walks_2.points"].split()]
    assert len(places) == len(found["embedding.classes"].split()) == 20
    assert np.min(places) >= 0
    assert np.max(places) == 1000
    run = skipwalk("lab", "embedding", *arguments[:3], "50", *arguments[4:])
    assert run.exit_code == 3
    assert "34 nodes have a class, fewer than the 50 to be shown" in run.output

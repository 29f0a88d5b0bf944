"""The figures of the README are those of the files under results/."""

from skipwalk.hw.boards.table import BOARDS
from skipwalk.sw.lab.tables import bench_tables, experiment_tables, litex_tables, pages, users_tables
from skipwalk.sw.lab.tables.board_tables import board_rows

from ..support.command import skipwalk


def test_tables_are_fresh():
    done = skipwalk("lab", "tables", "--check")
    assert done.exit_code == 0, done.stderr


def test_times_that_no_routed_core_took_stand_in_brackets():
    values = {"fpga.clock_mhz": 80.0, "oselm.walk_us.fpga": 25.0, "oselm.walk_us.fpga.d64": 100.0}
    # One note is about a value that was not measured.
    notes = {"oselm.walk_us.fpga.d64": "not routed", "oselm.walk_us.fpga.d96": "does not fit"}
    _, body, remark = bench_tables.times(values, notes)
    assert body[0] == ["the core at 80.0 MHz, post-route", "25.0", "(100.0)", "-", "-", "-"]
    assert remark == "In brackets: D = 64: not routed."
    unit = {f"lora.digits.{name}.fpga": 1.5 for name in ("sample_us.skip2", "finetune_ms.skip2", "saved_by_cache")}
    _, body, remark = bench_tables.lora(unit, {"lora.digits.sample_us.skip2.fpga": "another clock"})
    assert body[0][1:] == ["(1.50)", "-", "-", "(1.5)", "150%", "-"]
    assert remark == "In brackets: another clock."


def test_what_p_is_worth_is_chosen_on_even_seeds_and_shown_on_odd_ones():
    runs = {
        "oselm-1e-5": [0.7, 0.1, 0.7, 0.2],
        "oselm-1e-4": [0.5, 0.5, 0.6, 0.7],
        "oselm-1e-3": [0.6, 0.9, 0.6, 0.9],
        "oselm-onward": [0.9, 0.8],
        "constant-0.7": [0.1, 0.3],
        "constant-1.4": [0.2, 0.4],
        "constant-2.8": [0.9],
        "wide-1e-4": [0.1, 0.6, 0.1, 0.8],
        "wide-1e-3": [0.2, 0.9],
    }
    values = {f"gain.cora.d32.w2.{name}.f1_micro.runs": found for name, found in runs.items()}
    labels = {f"gain.cora.d32.w2.{name}": f"Cora, D = 32, 2 walks a node: {name}" for name in runs}
    labels["gain.photo.d32.w2.oselm-1e-4"] = "Photo: oselm-1e-4"
    head, body = experiment_tables.gain(values, {"labels": labels})
    # Inflation 1e-5 is chosen, although it is the worst where it is shown; one seed alone cannot be shown.
    # Seed by seed the constant is behind 1e-4 on the first odd one; it has no other.
    assert body[0][:5] == ["Cora, D = 32, 2 walks a node", "0.600", "0.150 (1e-5)", "0.300", "0.400 (1.4)"]
    assert body[0][5:] == ["-10.0", "0.700", "0.900 (1e-3)", "+10.0, +10.0", "0.800"]
    assert body[1] == ["Photo", *9 * "-"]
    assert all(len(row) == len(head) for row in body)


def test_p_beside_three_constants_where_all_are_measured():
    settings = ("oselm-1e-4", "wide-1e-4", "constant-0.7", "constant-1.4", "constant-2.8", "oselm-onward")
    stems = {
        f"gain.{place}.{name}": f"{place}: {name}"
        for place in ("a.d32.w2", "b.d32.w2", "a.d96.w2")
        for name in settings
    }
    values = {f"{stem}.f1_micro": 0.5 for stem in stems if not stem.startswith("gain.b.d32.w2.constant-2.8")}
    head, body = experiment_tables.gain_short(values, {"labels": stems})
    assert body == [["a.d32.w2", *5 * ["0.500"]]]
    assert head == ["micro-F1", "P", "P, p0 = 6", "constant 0.7", "constant 1.4", "constant 2.8"]


def test_gains_that_fall_are_chosen_on_even_seeds_too():
    runs = {
        "p": [0.5, 0.6, 0.5, 0.8],
        "constant-1.4": [0.5, 0.7],
        "centre-30": [0.8, 0.1],
        "centre-100": [0.9, 0.2],
        "p-centre-30": [0.7, 0.5, 0.7, 0.9],
        "p-row-300": [0.4, 0.3],
    }
    values = {f"fading.cora.w2.{name}.f1_micro.runs": found for name, found in runs.items()}
    labels = {f"fading.cora.w2.{name}": f"Cora: {name}" for name in runs}
    head, body = experiment_tables.fading(values, {"labels": labels})
    falling = ["0.200 (100)", "-", "0.700 (30)", "0.300 (300)", "-10.0, +10.0"]
    assert body == [["Cora", "0.700", "0.700 (1.4)", *falling]]
    assert len(head) == len(body[0])


def test_graphs_stand_by_dimension_weights_by_stage_and_updates_with_their_walks():
    labels = {f"others.photo.a.d{dim}": f"Photo: A, D = {dim}" for dim in (32, 96)}
    values = {"others.photo.a.d32.f1_micro": 0.9, "others.photo.a.d96.f1_micro": 0.95}
    assert experiment_tables.other_graphs(values, {"labels": labels})[1] == [["Photo: A", "0.900", "-", "0.950"]]
    head, body = experiment_tables.weights({"cora.weights.a.changed.auc": 0.7}, {"labels": {"cora.weights.a": "A"}})
    assert body == [["A", "-", "0.700", *4 * "-"]]
    assert head[2] == "AUC, changed"
    head, body = experiment_tables.updates({"updates.a.walks_per_edge": 10.0}, {"labels": {"updates.a": "A"}})
    assert (head[2], body) == ("walks an edge", [["A", "-", "10", "-", "-", "-"]])


def test_links_show_who_ranks_by_what():
    values = {
        "links.graph.matched.adamic-adar.auc": 0.7,
        "links.graph.uniform.adamic-adar.average_precision": 0.8,
        "links.oselm.matched.dot.auc": 0.91,
        "links.oselm.matched.dot.auc.spread": 0.01,
    }
    head, body = experiment_tables.links(
        values, {"labels": {"links.graph": "the graph alone", "links.oselm": "OS-ELM"}}
    )
    assert body == [
        ["the graph alone", "Adamic-Adar", "0.700", "-", "-", "0.800"],
        ["OS-ELM", "dot product", "0.910 ± 0.010", "-", "-", "-"],
    ]
    assert len(head) == 6


def test_rows_of_an_older_commit_are_named(monkeypatch):
    names = {f"cora.static.a.d{dim}": f"A, D = {dim}" for dim in (32, 64)} | {"cora.static.b.d32": "B, D = 32"}
    origin = {"labels": names, "commit": "f" * 40, "time": "2026-01-01", "machine": {"processor": "CPU", "cores": 2}}
    for kept, words in (
        ({}, None),
        ([*names][:2], "A, D = 32, 64: of commit eeeeeeeeee."),
        ([*names], "All rows: of commit eeeeeeeeee."),
    ):
        found = {**origin, "kept": dict.fromkeys(kept, "e" * 40)}
        monkeypatch.setattr(pages, "load", lambda name, found=found: ({}, found))
        made = pages.TABLES["cora"]()
        assert words in made if words else "of commit" not in made, made


def test_rows_of_an_older_commit_are_grouped():
    place = "Cora, D = 32, 2 walks a node"
    labels = [f"{place}: oselm-1e-4", "A, D = 32", f"{place}: wide-1e-4", "A, D = 64", "Photo: B, p = 4", "C"]
    assert pages._shortened(labels) == f"{place}: oselm-1e-4, wide-1e-4; A, D = 32, 64; Photo: B, p = 4; C"


def test_walks_of_a_litex_soc_show_the_ways_that_were_run():
    names = (*litex_tables.ROWS.values(), "walks", "contexts")
    values = {f"litex.dma.{name}": 1234 for name in names} | {"litex.dma.bits_equal": 0}
    core = {"dim": 8, "lanes": 4, "nodes": 64}
    said = {"core": core, "graph": "some.edges", "litex": {"litex": "1"}, "compiler": "gcc 2"}
    head, body, remark = litex_tables.walks(values, said)
    assert head == ["1,234 walks of `some.edges`, 1,234 contexts", "by DMA where there are 4 and more"]
    assert body[0] == ["digest as the golden model's", "**no**"]
    assert body[1][1] == "1,234"
    assert remark == "D = 8, 4 lanes, 64 rows; litex 1; gcc 2."


def test_paths_of_users_and_what_of_them_is_older():
    values = {"users.install.seconds": 6.5}
    for name, done in (("chip", 1), ("report", 0)):
        values |= {f"users.{name}.{key}": 1234 for key in ("commands", "seconds", "cpu_seconds")}
        values |= {f"users.{name}.done": done, f"users.{name}.last": f"{name} " + 90 * "x"}
    said = {"pages": {"chip": "docs/axi.md", "report": "docs/report.md"}, "kept": {"report": "e" * 40}}
    head, body, remark = users_tables.paths(values, said)
    assert body[0] == ["chip: [axi.md](axi.md)", "1,234", "1,234", "1,234", "yes", f"`chip {72 * 'x'}...`"]
    assert [row[4] for row in body] == ["yes", "**no**"]
    assert all(len(row) == len(head) for row in body)
    assert remark == "The wheel was built and installed in 6.5 s. report: of commit eeeeeeeeee."


def test_fine_tuning_says_how_far_it_is_from_float_and_over_how_many_seeds():
    values = {"rates.fan.auto.clamped": 0, "rates.fan.auto.kept_before": 1.0}
    for stem, accuracy in (("auto", 0.951), ("float7", 0.955), ("float6", 0.9)):
        values |= {f"rates.fan.{stem}.accuracy": accuracy, f"rates.fan.{stem}.accuracy.runs": [accuracy] * 5}
    head, body, remark = experiment_tables.rates(values, {})
    assert body == [["fan, noisy room", "-", "0.951", "0.955 (2^-7)", "-0.4", "1.000, -", "0"]]
    assert len(head) == 7
    assert remark == "Means of 5 seeds, each with a network of its own."


def test_a_board_whose_bitstream_is_of_another_core_says_so():
    row = BOARDS["ulx3s-45f"]
    summary = {"core_digest": f"{row.core.digest:#010x}", "lora_digest": f"{row.lora.digest:#010x}"}
    clock = {
        state: board_rows({row.name: found} if found else {})[1][list(BOARDS).index(row.name)][4]
        for state, found in (("as it is", summary), ("other", summary | {"lora_digest": "0x0"}), ("none", None))
    }
    assert clock == {
        "as it is": "50",
        "other": "50; the bitstream below is of an earlier core",
        "none": "50; not placed and routed yet",
    }

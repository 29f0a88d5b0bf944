"""The configuration: presets, what is refused and how, what follows from it."""

import dataclasses
import json

import pytest
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import PRESETS, CoreConfig, GainRule, Schedule, preset
from skipwalk.hw.oselm.memory_map import Region
from skipwalk.hw.oselm.protocol import (
    MAGIC,
    VERSION,
    Counter,
    Edit,
    Identity,
    Opcode,
    counters_of,
    edit_header,
    header,
    identity_words,
    packed_words,
)

SMALL = {"dim": 8, "nodes": 64, "lanes": 4, "max_samples": 7}
#: Of the presets, as bitstreams and model files have them.
DIGESTS = {"tiny": "b86474ee", "ecp5-85f": "512a5cf9", "ecp5-85f-d64": "035ff73d", "paper": "36cb4ccf"}


def test_presets_are_what_their_names_promise():
    assert {"tiny", "ecp5-85f", "ecp5-85f-d64", "paper"} <= set(PRESETS)
    assert all(preset(name).name == name for name in PRESETS)
    ecp5 = preset("ecp5-85f")
    assert (ecp5.dim, ecp5.lanes, ecp5.schedule, ecp5.vendor) == (32, 32, Schedule.STREAMING, Vendor.ECP5)
    assert ecp5.nodes >= 2816
    d64 = preset("ecp5-85f-d64")
    assert (d64.dim, d64.lanes, d64.gain, d64.vendor) == (64, 64, GainRule.CONSTANT, Vendor.ECP5)
    assert d64.max_samples >= 31
    assert preset("paper").schedule is Schedule.SEQUENTIAL
    assert preset("paper").max_samples >= 77


def test_an_unknown_preset_lists_those_there_are():
    with pytest.raises(ValueError, match="no preset 'huge'; there are: tiny, ecp5-85f"):
        preset("huge")


def test_a_configuration_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("tiny").dim = 16


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lanes": 3}, "lanes must be a power of two of at least 2, not 3"),
        ({"lanes": 1}, "lanes must be a power of two"),
        ({"dim": 10}, r"dim must be a multiple of lanes \(4\), not 10"),
        ({"dim": 2}, "dim must be a multiple of lanes"),
        ({"dim": 512, "lanes": 64}, "dim must be at most 256, not 512"),
        ({"dim": 36}, r"dim must be at most 8 lanes \(32\), not 36; use more lanes"),
        ({"nodes": 1}, "nodes must be 2 to 1048576, not 1"),
        ({"nodes": (1 << 20) + 1}, "nodes must be 2 to 1048576"),
        ({"max_samples": 0}, "max_samples must be 1 to 127, not 0"),
        ({"max_samples": 128}, "max_samples must be 1 to 127, not 128"),
        ({"lookahead": 0}, "streaming schedule has a lookahead of 1 to 6, not 0"),
        ({"lookahead": 7}, "streaming schedule has a lookahead of 1 to 6, not 7"),
        ({"schedule": "sequential"}, "sequential schedule has lookahead 0, not 3"),
        ({"mu_shift": -1}, "mu_shift must be 0 to 12, not -1"),
        ({"mu_shift": 13}, "mu_shift must be 0 to 12, not 13"),
        ({"operand_bits": 7}, "operand_bits must be 8 to 18, not 7"),
        ({"operand_bits": 19}, "operand_bits must be 8 to 18, not 19"),
        ({"gain_bits": 18}, r"gain_bits must be 4 to operand_bits - 1 \(17\), not 18"),
        ({"broadcast": 0}, "broadcast must be 1 to 6, not 0"),
        ({"walks": -1}, r"walks must be 0 \(no front end\) to 64, not -1"),
        ({"walks": 65}, "to 64, not 65"),
        ({"max_walk": 1}, "max_walk must be 2 to 4096, not 1"),
        ({"walks": 4, "edge_ends": 6}, r"edge_ends must be a multiple of 4 from 0 \(no graph\) to 67108864, not 6"),
        ({"walks": 4, "edge_ends": (1 << 26) + 4}, "edge_ends must be a multiple of 4 .* not 67108868"),
        ({"edge_ends": 64}, "edge_ends 64 needs a front end; use walks=1 or more"),
        ({"walks": 4, "edge_ends": 64, "weight_bits": 16}, "weight_bits must be 17 to 24, or 0 for none, not 16"),
        ({"walks": 4, "weight_bits": 17}, "weight_bits 17 needs edge_ends, the memory for the graph"),
        ({"walkers": 65}, "walkers must be 1 to 64, not 65"),
        ({"walks": 2, "edge_ends": 64}, r"walkers must be at most walks \(2\), not 4"),
        ({"walks": 4, "slots": 64}, r"slots 64 needs a pool of negatives, 16 to 1024: those that are drawn"),
        ({"walks": 4, "pool": 16, "slots": 65}, r"slots must be 2 to nodes \(64\), or 0 for all rows, not 65"),
        ({"walks": 4, "pool": 16, "replaced": 0}, "replaced must be 1 to 128, not 0"),
        (
            {"nodes": 1000, "walks": 2, "max_walk": 8, "pool": 16, "slots": 127},
            r"127 slots could all be wanted .* pool \+ group_rows \+ held_rows, 16 \+ 32 \+ 80 = 128",
        ),
        ({"lists_outside": True}, "lists_outside needs a graph and rows in memory: .* not 0 and 0"),
        ({"walks": 4, "edge_ends": 64, "lists_outside": True}, "edge_ends and slots, not 64 and 0"),
        (
            {"walks": 4, "alias_table": False},
            "negatives come out of a graph: edge_ends must not be 0",
        ),
        ({"group": 3}, "group must be a power of two from 2 to lanes"),
        ({"group": 16}, "group must be a power of two from 2 to lanes"),
        ({"k": SQ(0, 20)}, r"k Q0.20 is wider than a multiplier port \(18 bits\)"),
        ({"beta": SQ(5, 28)}, r"beta Q5.28 is wider than a word of the command stream \(32 bits\)"),
        ({"p": SQ(3, 30)}, r"p Q3.30 is wider than a word of the command stream"),
        (
            {"e": SQ(-14, 28), "beta": SQ(5, 8), "mu_shift": 0},
            "e: the product has 12 fraction bits fewer than its format",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        CoreConfig(**{**SMALL, **changes})


@pytest.mark.parametrize(
    "name", ["dim", "nodes", "lanes", "max_samples", "lookahead", "mu_shift", "broadcast", "group"]
)
@pytest.mark.parametrize("value", [True, 8.0, "8", None])
def test_counts_are_integers(name, value):
    with pytest.raises(TypeError, match=f"{name} must be an int"):
        CoreConfig(**{**SMALL, name: value})


def test_formats_and_choices_have_their_types():
    with pytest.raises(TypeError, match="beta must be a format SQ"):
        CoreConfig(**SMALL, beta=(5, 13))
    with pytest.raises(ValueError, match="sideways"):
        CoreConfig(**SMALL, schedule="sideways")
    with pytest.raises(ValueError, match="acme"):
        CoreConfig(**SMALL, vendor="acme")
    with pytest.raises(TypeError, match="lists_outside must be True or False, not 1"):
        CoreConfig(**SMALL, lists_outside=1)


@pytest.mark.parametrize("max_samples", [1, 2, 3, 7, 8, 31, 77, 127])
def test_ring_holds_a_context_and_one_more(max_samples):
    cfg = CoreConfig(**{**SMALL, "max_samples": max_samples})
    assert cfg.ring > max_samples
    assert cfg.ring & (cfg.ring - 1) == 0
    assert cfg.queue >= (cfg.lookahead + 2) * max_samples


@pytest.mark.parametrize("name", PRESETS)
def test_dictionary_there_and_back(name):
    cfg = preset(name)
    assert CoreConfig.from_dict(json.loads(json.dumps(cfg.to_dict()))) == cfg


def test_unknown_keys_are_named():
    with pytest.raises(ValueError, match="unknown configuration keys: colour, size"):
        CoreConfig.from_dict({**preset("tiny").to_dict(), "size": 1, "colour": 2})


def test_digest_tells_apart_what_computes_differently():
    base = CoreConfig(**SMALL)
    # What changes neither bits nor commands.
    for changes in ({"name": "x"}, {"vendor": "ecp5"}, {"broadcast": 4}, {"group": 2}):
        assert base.replace(**changes).digest == base.digest
    others = [
        base.replace(**changes)
        for changes in (
            {"dim": 16}, {"nodes": 65}, {"max_samples": 6}, {"lookahead": 2}, {"mu_shift": 6}, {"beta": SQ(4, 14)},
            {"p": SQ(3, 15)}, {"k": SQ(-1, 19)}, {"e": SQ(5, 13)}, {"u": SQ(6, 12)}, {"gain_bits": 16},
            {"schedule": "sequential", "lookahead": 0}, {"walks": 2}, {"max_walk": 64}, {"gain": "constant"},
        )
    ]  # fmt: skip
    assert len({base.digest, *(cfg.digest for cfg in others)}) == 1 + len(others)


def test_a_gain_that_is_not_said_leaves_the_digests_of_older_cores():
    assert {name: f"{preset(name).digest:08x}" for name in PRESETS} == DIGESTS
    assert CoreConfig.from_dict(preset("tiny").replace(gain="constant").to_dict()).gain is GainRule.CONSTANT
    with pytest.raises(ValueError, match="'none' is not a valid GainRule"):
        CoreConfig(**SMALL, gain="none")


def test_wide_words_are_seen_through_a_multiplier_port():
    cfg = CoreConfig(**SMALL, beta=SQ(4, 20), p=SQ(4, 28))
    assert (cfg.beta_view, cfg.p_view) == (SQ(4, 14), SQ(4, 14))
    narrow = CoreConfig(**SMALL)
    assert (narrow.beta_view, narrow.p_view) == (narrow.beta, narrow.p)


def test_headers_and_identity():
    assert header(Opcode.READ_ROW, 5) == 0x6000_0005
    for argument in (-1, 1 << 28):
        with pytest.raises(ValueError, match=f"argument of FLUSH must fit 28 bits, not {argument}"):
            header(Opcode.FLUSH, argument)
    cfg = preset("tiny")
    assert Identity(*identity_words(cfg)) == Identity(MAGIC, VERSION, cfg.digest, cfg.nodes, cfg.dim, cfg.max_samples)


@pytest.mark.parametrize(
    ("nodes", "edge_ends", "walk_rows", "place_bits", "room_classes"),
    [(65536, 0, 2, 1, 0), (65537, 4, 1, 1, 1), (64, 256, 2, 6, 5), (3072, 24576, 2, 13, 11), (10, 1 << 26, 2, 24, 3)],
)
def test_what_follows_from_the_graph(nodes, edge_ends, walk_rows, place_bits, room_classes):
    cfg = CoreConfig(**{**SMALL, "nodes": nodes}, walks=4, edge_ends=edge_ends)
    assert (cfg.walk_rows, cfg.place_bits, cfg.room_classes) == (walk_rows, place_bits, room_classes)


def test_counters_of_a_core():
    cfg = CoreConfig(**SMALL, walks=4)
    assert counters_of(cfg)[-1] == Counter.WAIT_ROW
    assert counters_of(cfg.replace(edge_ends=64))[-1] == Counter.REFUSED
    assert counters_of(cfg.replace(nodes=1000, max_walk=8, pool=16, slots=512)) == tuple(Counter)


def test_rows_outside():
    """A core without slots is the core that it was, and one with slots has an engine that is as small as these."""
    assert [preset(name).digest for name in ("tiny", "ecp5-85f", "paper")] == [0xB86474EE, 0x512A5CF9, 0x36CB4CCF]
    assert preset("tiny").engine is preset("tiny")
    cfg = CoreConfig(**{**SMALL, "nodes": 100_000}, walks=4, max_walk=80, pool=512, slots=2048)
    assert (cfg.engine.nodes, cfg.engine.slots, cfg.row_bits, cfg.engine.row_bits) == (2048, 0, 17, 11)
    rows = cfg.rows_outside
    # 8 elements of 18 bits; 4 walks of 80 nodes and 8 draws; the same again, and 3 contexts of 8 nodes and 8 draws.
    assert (rows.words, rows.group_rows, rows.held_rows, rows.least_slots) == (5, 352, 352 + 48, 512 + 352 + 400)
    plain = cfg.replace(schedule=Schedule.SEQUENTIAL, lookahead=0)
    assert plain.rows_outside.least_slots == 512 + 352
    assert cfg.replace(nodes=1200, slots=1200).rows_outside.least_slots == 1200


@pytest.mark.parametrize(
    ("nodes", "edge_ends", "weight_bits", "headers", "entries"),
    [
        (1000, 2048, 0, (5120, 1), (6144, 1)),
        # 18 bits of a place, 17 of a degree, 5 of a room, and one; 17 bits of a row and 24 of a sum.
        (100_000, 1 << 20, 24, (524_288, 2), (2_097_152, 2)),
    ],
)
def test_what_stands_where_in_memory(nodes, edge_ends, weight_bits, headers, entries):
    """Each region begins at a multiple of a power of two of at least its size; without lists there are only rows."""
    cfg = CoreConfig(**{**SMALL, "nodes": nodes}, walks=4, max_walk=80, pool=16, slots=1000, edge_ends=edge_ends)
    rows = cfg.memory_map
    assert (rows.rows, rows.headers, rows.entries) == (Region(0, nodes, 5), None, None)
    assert rows.address_bits == cfg.rows_outside.address_bits
    outside = cfg.replace(lists_outside=True, weight_bits=weight_bits).memory_map
    assert outside.rows == rows.rows
    assert outside.headers == Region(headers[0], nodes, headers[1])
    assert outside.entries == Region(entries[0], edge_ends, entries[1])
    assert outside.words == entries[0] + edge_ends * entries[1]


def test_lists_outside_are_a_core_of_their_own():
    cfg = CoreConfig(**{**SMALL, "nodes": 1000}, walks=4, max_walk=80, pool=16, slots=1000, edge_ends=64)
    assert cfg.replace(lists_outside=True).digest != cfg.digest
    assert cfg.replace(lists_outside=True).engine == cfg.engine
    assert cfg.to_dict()["lists_outside"] is False


def test_edit_header():
    assert edit_header(Edit.ADD_EDGE, 5, 10) == 0xD2A00005
    with pytest.raises(ValueError, match="walks must fit 4 bits, not 16"):
        edit_header(Edit.CLEAR, walks=16)
    weighted = CoreConfig(**SMALL, walks=4, edge_ends=64, weight_bits=17)
    assert [edit.operands(weighted) for edit in Edit] == [0, 1, 2, 1, 0]
    assert Edit.ADD_EDGE.operands(weighted.replace(weight_bits=0)) == 1


def test_packed_words():
    assert [packed_words(n, 18) for n in (1, 16, 32)] == [1, 9, 18]

"""The C driver does what the Python driver does: the same words, the same numbers back."""

import itertools

import numpy as np
import pytest
from skipwalk.hw.lora.config import LoraConfig, lora_preset
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.protocol import Opcode, Parameter, header
from skipwalk.sim.lora.unit import LoraUnit
from skipwalk.sim.oselm.unit import OSELMUnit

from ..support.c_driver import MISSING, compile_driver, run_driver, run_over_line
from ..support.c_programs import lora_numbers, lora_program, oselm_numbers, oselm_program, replies_of
from ..support.command import skipwalk

pytest.importorskip("cobs", reason='needs pip install "skipwalk[serial]"')
from skipwalk.sim.link.faults import FaultyPipe
from skipwalk.sim.link.served import ServedModel
from skipwalk.sim.units import UNITS

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

GRAPH = preset("tiny").replace(nodes=16, edge_ends=256, walkers=2)
OSELM: dict[str, CoreConfig] = {
    "graph": GRAPH,
    "weights, wide rows": GRAPH.replace(nodes=70000, weight_bits=20),
    "no front end": preset("tiny").replace(nodes=16, walks=0, dim=16),
    "pool": GRAPH.replace(pool=64),
    "rows outside": GRAPH.replace(nodes=2000, pool=16, slots=1100, replaced=2, lists_outside=True),
}
#: A walk replaces fewer slots of its pool than there are.
OUTSIDE = OSELM["rows outside"]
LORA: dict[str, LoraConfig] = {
    "tiny": lora_preset("tiny"),
    "16 bit": LoraConfig(widths=(7, 9, 3), classes=5, rank=1, lanes=4, cache_samples=9, x_bits=16),
}


@pytest.mark.parametrize("cfg", OSELM.values(), ids=OSELM)
def test_oselm(cfg, tmp_path):
    program = compile_driver(cfg, "oselm", tmp_path)
    both = oselm_program(cfg, np.random.default_rng(1))
    found, sent, said = run_driver(program, both.script, OSELMUnit(cfg, plain=True))
    assert said == ""
    assert sent.tolist() == both.words.tolist()
    assert found == oselm_numbers(cfg, replies_of(OSELMUnit(cfg, plain=True), both.words))
    assert found[-2] > 0
    assert found[-1] == 0


@pytest.mark.parametrize("cfg", LORA.values(), ids=LORA)
def test_lora(cfg, tmp_path):
    program = compile_driver(cfg, "lora", tmp_path)
    both = lora_program(cfg, np.random.default_rng(2))
    found, sent, said = run_driver(program, both.script, LoraUnit(cfg, plain=True))
    assert said == ""
    assert sent.tolist() == both.words.tolist()
    assert found == lora_numbers(cfg, both.words)
    assert found[0] == cfg.cache_samples


@pytest.mark.parametrize(("script", "message"), [
    ("load 15 2", "out of the core's range"),
    ("train 16 0", "out of the core's range"),
    ("train 1 1 16 0", "out of the core's range"),
    ("walk 129", "out of the core's range"),
    ("edge 1 16 0 0", "out of the core's range"),
    ("start 1 256", "out of the core's range"),
    ("sampling 200 2 0 2 0 0", "out of the core's range"),
])  # fmt: skip
def test_oselm_refuses(script, message, tmp_path_factory, oselm_program_of_graph):
    _, sent, said = run_driver(oselm_program_of_graph, script, OSELMUnit(GRAPH, plain=True))
    assert message in said
    assert len(sent) <= 1


@pytest.mark.parametrize("script", ["write_p " + "0 " * 4, "read 0 1"])
def test_a_core_without_p_is_not_asked_for_it(script, tmp_path):
    cfg = CoreConfig(dim=2, nodes=16, lanes=2, max_samples=3, gain="constant")
    program = compile_driver(cfg, "oselm", tmp_path)
    _, sent, said = run_driver(program, script, OSELMUnit(cfg, plain=True))
    assert "out of the core's range" in said
    assert not any(word >> 28 in (Opcode.WRITE_P, Opcode.READ_P) for word in sent)


@pytest.mark.parametrize("script", ["table 1 0 0", "sampling 4 2 0 1 0 0"])
def test_a_core_without_an_alias_table_is_not_asked_for_it(script, tmp_path):
    cfg = GRAPH.replace(alias_table=False)
    program = compile_driver(cfg, "oselm", tmp_path)
    _, sent, said = run_driver(program, script, OSELMUnit(cfg, plain=True))
    assert "out of the core's range" in said
    assert not any(word >> 28 in (Opcode.SET, Opcode.WRITE_TABLE) for word in sent)
    _, _, said = run_driver(program, "sampling 4 2 0 1 1 0 sampling 4 0 0 1 0 0", OSELMUnit(cfg, plain=True))
    assert not said


@pytest.mark.parametrize("script", [
    "train 1 0", "walk 1 3", "pool 8 1", "pool 48 1", "pool 32 1", "pool 16 3", "pool 16 4", "sampling 4 2 0 1 1 0",
    "pool 16 2 pool 0 0 sampling 4 2 0 1 1 0",
])  # fmt: skip
def test_a_core_with_rows_outside_is_not_given_what_it_drops(script, oselm_program_of_rows):
    _, sent, said = run_driver(oselm_program_of_rows, script, OSELMUnit(OUTSIDE, plain=True))
    assert "out of the core's range" in said
    assert len(sent) <= 1


def test_a_pool_is_of_every_sampling_after_it(oselm_program_of_rows):
    script = "pool 16 2 sampling 4 2 0 1 1 0 sampling 4 3 0 1 1 0 pool 0 0 sampling 4 0 0 1 1 0"
    _, sent, said = run_driver(oselm_program_of_rows, script, OSELMUnit(OUTSIDE, plain=True))
    assert not said
    words = [int(word) for at, word in itertools.pairwise(sent) if at == header(Opcode.SET, Parameter.SAMPLING)]
    assert [sampling.pool for word in words if (sampling := Sampling.from_word(word, OUTSIDE))] == [16, 16, 0]


@pytest.fixture(scope="module")
def oselm_program_of_rows(tmp_path_factory):
    return compile_driver(OUTSIDE, "oselm", tmp_path_factory.mktemp("clib"))


@pytest.fixture(scope="module")
def oselm_program_of_graph(tmp_path_factory):
    return compile_driver(GRAPH, "oselm", tmp_path_factory.mktemp("clib"))


def test_another_core_is_refused(oselm_program_of_graph):
    _, _, said = run_driver(oselm_program_of_graph, "", OSELMUnit(GRAPH.replace(mu_shift=6), plain=True))
    assert "another configuration" in said
    _, _, said = run_driver(oselm_program_of_graph, "", LoraUnit(lora_preset("tiny"), plain=True))
    assert "not the unit" in said


# ---- over the link
def served(cfg, carrier=None) -> ServedModel:
    return ServedModel([unit(cfg)], carrier)


def unit(cfg):
    kind = UNITS.of(cfg)
    return kind.kind, cfg.digest, lambda: kind.model(cfg, plain=True)


@pytest.mark.parametrize("rate", [0, 0.1, 0.3])
def test_oselm_over_a_line_that_damages_frames(rate, oselm_program_of_graph):
    both = oselm_program(GRAPH, np.random.default_rng(5))
    pipes: list[FaultyPipe] = []

    def faulty(pipe):
        pipes.append(FaultyPipe(pipe, rate, np.random.default_rng(6)))
        return pipes[0]

    with served(GRAPH, faulty) as device:
        found, said = run_over_line(oselm_program_of_graph, both.script, device.address)
    assert found == oselm_numbers(GRAPH, replies_of(OSELMUnit(GRAPH, plain=True), both.words)), said
    damaged, repeated = (int(word) for word in said.split() if word.isdigit())
    assert (damaged + repeated > 0) == (rate > 0) == (sum(pipes[0].counts.values()) > 3)


def test_lora_over_a_line_with_a_speed(tmp_path):
    cfg = LORA["16 bit"]
    program = compile_driver(cfg, "lora", tmp_path)
    both = lora_program(cfg, np.random.default_rng(7))
    with served(cfg) as device:
        found, said = run_over_line(program, both.script, device.address + "@115200")
    assert said == "0 damaged, 0 repeated\n"
    assert found == lora_numbers(cfg, both.words)


def test_the_unit_that_is_asked_for_is_found_among_others(oselm_program_of_graph):
    both = oselm_program(GRAPH, np.random.default_rng(10))
    others = [unit(lora_preset("tiny")), unit(GRAPH.replace(mu_shift=6))]
    with ServedModel([*others, unit(GRAPH)]) as device:
        found, said = run_over_line(oselm_program_of_graph, both.script, device.address)
    assert said == "0 damaged, 0 repeated\n"
    assert found == oselm_numbers(GRAPH, replies_of(OSELMUnit(GRAPH, plain=True), both.words)), said
    with ServedModel(others) as device:
        assert "another configuration" in run_over_line(oselm_program_of_graph, "", device.address)[1]


def test_a_session_of_the_same_number_begins_anew(oselm_program_of_graph):
    both = oselm_program(GRAPH, np.random.default_rng(8))
    with served(GRAPH) as device:
        first, again, last = (
            run_over_line(oselm_program_of_graph, both.script, device.address, session=number)
            for number in (5, 5, 65535)
        )
    assert first == again == last
    assert first[1] == "0 damaged, 0 repeated\n"


def test_another_core_behind_the_link_is_refused(oselm_program_of_graph):
    other, lora = GRAPH.replace(mu_shift=6), lora_preset("tiny")
    with served(other) as device:
        assert "another configuration" in run_over_line(oselm_program_of_graph, "", device.address)[1]
    with served(lora) as device:
        assert "not the unit" in run_over_line(oselm_program_of_graph, "", device.address)[1]


def test_silence_and_a_restart_are_told(oselm_program_of_graph):
    """A device that nobody hears; and one that loses its session while words are on their way."""

    class Deaf(FaultyPipe):
        def read(self, timeout):
            super().read(timeout)
            return b""

    class Restarting(FaultyPipe):
        def write(self, data):
            if device._device.rx_head > 100:
                device._device._begin(0, 0)
            super().write(data)

    rng = np.random.default_rng(9)
    with served(GRAPH, lambda pipe: Deaf(pipe, 0, rng)) as device:
        assert "-7: nobody answers" in run_over_line(oselm_program_of_graph, "", device.address)[1]
    script = oselm_program(GRAPH, rng).script
    with served(GRAPH, lambda pipe: Restarting(pipe, 0, rng)) as device:
        assert "-8: the device has restarted" in run_over_line(oselm_program_of_graph, script, device.address)[1]


def test_simulate_serves_a_core(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("skipwalk.sw.commands.simulate._until_interrupted", interrupted)
    done = skipwalk("simulate", "core", "--config", "tiny", "--unit", "skip2-lora", "--serve")
    assert done.exit_code == 130
    assert done.stdout.startswith("serial:/dev/")
    assert skipwalk("simulate", "gain", "--serve").exit_code == 2

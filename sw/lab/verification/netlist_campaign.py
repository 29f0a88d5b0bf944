"""Mutation score of the netlist: ``skipwalk lab mutants --netlist``.

Each file of ``hw`` gets faults in the first design of :data:`TESTS` that has cells of it (:mod:`.netlist`), and each
fault the tests of that design, until one fails (:mod:`.netlist_trials`). What no test saw, Yosys tries to prove to do
the same. What has been tried is not tried again until the netlist changes, or, where no test saw it, a test.
"""

import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ....sim.rtl.synthesis import SynthesisError
from ...errors import InputError
from ...results.records import JsonRecords, key_digest
from ...results.report import Result
from .equivalence import neighbourhood, proved_equal
from .netlist import Fault, Netlists, is_unchanged, with_fault
from .netlist_trials import Forks, run_tests
from .parts import counted
from .reasons import reason_of
from .trials import sources

__all__ = ["TESTS", "NetlistCampaign", "netlist_results", "netlist_survivors", "tried_netlists"]

_FRONT = ("hw/oselm/front_end",)
_WALKS = (
    r"test_anything.*\[weighted-[0-7]\]|test_(longest|rounds_from|lengths|limits|lists|rows_are).*weighted.*"
    r"|test_rounds\[weighted-1000000.0-.*-0\]"
)
_LORA = r"test_((programs|cycles).*\[tiny\]|counters_of_time|epochs_of_few.*|slots_.*|one_output.*|rates_of.*)"
_SDRAM = (
    r"test_bursts_anywhere\[.*-94 MHz\]|test_cycles_(of_a_row\[94.*|of_a_start|between.*)"
    r"|test_(words_are|a_reset_at|rows_that|a_chip_is_started).*"
)
#: Files of tests, which of each, and for faults in what: what runs compiled, with a model of what it has to answer.
#: Blocks come before the cores that have them, for their tests see more.
TESTS: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("tests/arith/test_multiplier.py", r"test_product_after_three_cycles\[ecp5-18-18\]", ("hw/arith",)),
    ("tests/arith/test_share.py", r"test_upper_half.*\[ecp5-24\]|test_every_low.*", ("hw/arith",)),
    ("tests/arith/test_requantize.py", r"test_wide_products.*|test_every_input\[9-3-6-True\]", ("hw/arith",)),
    ("tests/arith/test_dot.py", r"test_sums\[6-18-18-1-2-.*", ("hw/arith", "hw/fabric/pipeline")),
    ("tests/arith/test_permutation.py", r"test_rounds_of_.*\[5\]", ("hw/arith/permutation",)),
    ("tests/fabric/test_ram.py", r"test_reads_what.*\[ecp5-100-7-2\]", ("hw/fabric/ram.py",)),
    ("tests/arith/test_reciprocal.py", r"test_gateware_equals_golden(_wher.*|\[widths0-ecp5\])", ("hw/arith",)),
    ("tests/lora/test_loss.py", r"test_tally|test_cross_entropy\[.*exp_bits=12, .*", ("hw/lora",)),
    ("tests/lora/test_softmax.py", r"test_softmax_error\[3 classes\]", ("hw/lora",)),
    ("tests/lora/test_core.py", _LORA, ("hw",)),
    ("tests/oselm/front_end/test_front_end.py", r"test_negatives_are.*\[64\]", ("hw/oselm/front_end/negatives",)),
    ("tests/oselm/front_end/test_front_end.py", r"test_.*\[tiny-.*|test_(param|a_bad|thresh|reset).*", _FRONT),
    ("tests/oselm/test_gain.py", r"test_gain_wherever.*", ("hw/oselm/gain",)),
    ("tests/oselm/test_core.py", r"test_(?!streams).*\[tiny(-.*)?\]", ("hw",)),
    ("tests/link/test_rtl.py", r"test_rtl_(behind_faulty_pipe|answers).*small.*", ("hw",)),
    ("tests/oselm/graph/test_candidates.py", r"test_every_bit.*", ("hw/oselm/graph/candidates",)),
    ("tests/oselm/graph/test_neighbour.py", r"test_every_low_bit.*", ("hw/oselm/graph/neighbour",)),
    ("tests/oselm/graph/test_device_walks.py", _WALKS, ("hw/oselm",)),
    ("tests/oselm/graph/test_copy_pass.py", r"test_copies.*", ("hw/oselm/graph/copy_pass",)),
    ("tests/oselm/graph/test_edits.py", r".*weights-store\]", ("hw/oselm/graph",)),
    ("tests/memory/test_sdram.py", _SDRAM, ("hw/memory/sdram",)),
    ("tests/memory/test_crossing.py", r"test_.*", ("hw/memory/crossing",)),
    ("tests/memory/test_cutter.py", r"test_.*", ("hw/memory/cutter",)),
    ("tests/memory/test_shared_port.py", r"test_.*", ("hw/memory",)),
    ("tests/oselm/rows/test_chains.py", r"test_any_rows.*", ("hw/oselm/rows",)),
    ("tests/oselm/rows/test_uses.py", r"test_.*", ("hw/oselm/rows",)),
    ("tests/oselm/rows/test_mover.py", r"test_.*", ("hw/oselm/rows/mover",)),
    ("tests/oselm/rows/test_cache.py", r"test_.*", ("hw/oselm/rows",)),
    ("tests/oselm/rows/test_turns.py", r"test_.*", ("hw/oselm/rows",)),
    ("tests/oselm/graph/test_outside.py", r"test_.*", ("hw/oselm/graph",)),
    (
        "tests/oselm/front_end/test_neighbour_draws.py",
        r"test_.*",
        ("hw/oselm/front_end/neighbour_draws",),
    ),
    ("tests/memory/test_axi_master.py", r"test_bursts_on_the_bus\[32\]", ("hw/memory",)),
    ("tests/ports/test_axi.py", r"test_buses", ("hw/ports",)),
    ("tests/oselm/test_core_memory.py", r"test_(?!slots).*lists.*", ("hw",)),
    ("tests/oselm/test_core.py", r"test_(?!streams).*\[tiny sequential(-.*)?\]", ("hw",)),
    ("tests/oselm/test_core.py", r"test_(?!streams).*\[constant groups(-.*)?\]", ("hw",)),
    ("tests/oselm/front_end/test_front_end.py", r"test_.*\[one walk-.*", _FRONT),
)
#: Characters of RTLIL up to which a proof is tried that a fault changes nothing, and its seconds.
_SMALL, _PROOF = 250_000, 20.0
#: Another number means that more can be proven: what no test saw is looked at again.
_PROOFS = 2


class NetlistCampaign:
    """Trials of faults in netlists, each kept as soon as it is done.

    Parameters
    ----------
    root : Path
        The checkout.
    folder : Path
        For the records.
    per_file : int
        Faults of each file, as far as it has any.
    seed : int
        Which ones.
    only : sequence of str
        Files that begin so; all, if empty.
    tests : sequence
        As :data:`TESTS`.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        *,
        per_file: int,
        seed: int,
        only: Sequence[str] = (),
        tests: Sequence[tuple[str, str, tuple[str, ...]]] = TESTS,
    ):
        self._root, self._tests = root, tests
        # Of all that decides what a file of tests makes of a fault.
        self._texts = sources(root, "hw", "sim", "tests/support")
        self._records = JsonRecords(folder / "netlist")
        self._netlists = Netlists(per_file, seed)
        self._only, self._draws = tuple(only), [per_file, seed]
        #: What came of each fault.
        self.records: list[dict[str, Any]] = []
        #: Tests that fail without a fault, or cannot run here, and why.
        self.failed: dict[str, str] = {}

    def run(self, done: Callable[[dict[str, Any]], None], until: float | None = None) -> None:
        """Try all of them, file of tests by file of tests; ``done`` is told each record. ``until``: when to stop, by
        ``time.monotonic``; what is known of faults by then is told without a test."""
        for file, pattern, of in self._tests:
            self._netlists.only = _both(of, self._only)
            key = self._key(file, pattern)
            name = f"tests-{key[:20]}"
            kept = self._records.read(name, key)
            late = until is not None and time.monotonic() > until
            if kept is None or not (late or kept["whole"]):
                if late:
                    return
                found, whole = self._try(file, pattern, done, until)
                self._records.write(name, {"key": key, "faults": found, "whole": whole})
                continue
            for record in kept["faults"]:
                self._netlists.drawn.add(record["file"])
                self.records.append(record)
                done(record)

    def _key(self, file: str, pattern: str) -> str:
        """Of all that a file of tests makes of faults."""
        drawn = sorted(self._netlists.drawn)
        which = [drawn, self._draws, self._netlists.only, _PROOFS]
        return key_digest([self._texts, pattern, (self._root / file).read_text(), *which])

    def _try(
        self, file: str, pattern: str, done: Callable[[dict[str, Any]], None], until: float | None
    ) -> tuple[list[dict[str, Any]], bool]:
        """Records of the faults that are tried with the tests of a file, and whether those are all of them."""
        found: list[dict[str, Any]] = []
        late, before = False, len(self._netlists.faults)

        def trials(forks: Forks) -> None:
            nonlocal late
            self.failed |= forks.failed
            for number in self._turns(before):
                late = until is not None and time.monotonic() > until
                if late:
                    return
                if not forks.tests_of(self._netlists.design_of[number]):
                    continue  # no test passes without a fault, or none can run here: ``failed`` says why
                record = self._trial(forks, number)
                found.append(record)
                self.records.append(record)
                done(record)

        code = run_tests(file, pattern, self._root, Forks(self._netlists, trials))
        if code not in (0, 5):
            raise InputError(f"pytest ended with exit code {code} on {file}; its own words are above")
        return found, not late

    def _turns(self, before: int) -> list[int]:
        """Numbers of faults from the one after ``before`` on: the first one of each file, then the second ones."""
        seen: Counter[str] = Counter()
        turns = []
        for number, fault in self._netlists.faults.items():
            if number > before:
                seen[fault.file] += 1
                turns.append((seen[fault.file], number))
        return [number for _, number in sorted(turns)]

    def _trial(self, forks: Forks, number: int) -> dict[str, Any]:
        fault = self._netlists.faults[number]
        design = self._netlists.design_of[number]
        flat = self._netlists.flats[design]
        digest = key_digest([hashlib.sha256(flat.encode()).hexdigest(), fault.options])
        tests = forks.tests_of(design)
        texts = [(self._root / test).read_text() for test in sorted({test.partition("::")[0] for test in tests})]
        # In whatever order: how long they take differs from run to run.
        seen = key_digest([sorted(tests), texts, _PROOFS])
        name = f"fault-{digest[:20]}"
        kept = self._records.read(name, digest)
        if kept is not None and (kept["verdict"] != "survived" or kept["seen"] == seen):
            return kept
        verdict = forks.trial(number, tests)
        found = {"verdict": "killed", "test": verdict.test, "why": verdict.why}
        if verdict.outcome == "passed":
            found["verdict"] = "equivalent" if _is_proven_equal(flat, fault) else "survived"
        record = {
            "key": digest,
            "file": fault.file,
            "line": fault.line,
            "mode": fault.mode,
            "fault": fault.text,
            "seconds": verdict.seconds,
            "seen": seen,
            **found,
        }
        self._records.write(name, record)
        return record


def _is_proven_equal(flat: str, fault: Fault) -> bool:
    """Whether Yosys shows that a fault changes nothing: as constants are folded, from what is around its cell, or, of
    a small design, from the whole."""
    if is_unchanged(flat, fault):
        return True
    with contextlib.suppress(SynthesisError):
        near = neighbourhood(flat, fault.cell)
        if proved_equal(near, with_fault(near, fault.within("near")), timeout=_PROOF, constants=True):
            return True
    return len(flat) < _SMALL and proved_equal(flat, with_fault(flat, fault), timeout=_PROOF)


def _both(prefixes: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """What begins with these begins with one of ``prefixes`` and, if there are any, one of ``others``."""
    pairs = [(one, other) for one in prefixes for other in others or ("",)]
    longer = (max(pair, key=len) for pair in pairs if pair[0].startswith(pair[1]) or pair[1].startswith(pair[0]))
    return tuple(dict.fromkeys(longer))


def tried_netlists(
    root: Path, folder: Path, *, per_file: int, seed: int, only: Sequence[str], until: float | None
) -> list[dict[str, Any]]:
    """Run a campaign and say on the terminal how it goes."""
    campaign = NetlistCampaign(root, folder, per_file=per_file, seed=seed, only=only)

    def tell(record: dict[str, Any]) -> None:
        n = len(campaign.records)
        click.echo(f"{n} {record['verdict']} {record['file']}:{record['line']} {record['fault']} {record['test']}")

    campaign.run(tell, until)
    for test, why in campaign.failed.items():
        click.echo(f"{test} cannot be used, it does not pass without a fault: {why}", err=True)
    return campaign.records


def netlist_results(records: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Counts and share: of those that are not equivalent, proven or by reasoning, how many some test saw."""
    counts = Counter(record["verdict"] for record in records)
    reasons = [reason_of(record) for record in records if record["verdict"] == "survived"]
    modes = Counter(record["mode"] for record in records)
    return [
        *counted(
            "mutants.netlist",
            tried=len(records),
            files=len({record["file"] for record in records}),
            equivalent=counts["equivalent"],
            reasoned=sum(reason is not None and reason.equal for reason in reasons),
            killed=counts["killed"],
        ),
        *(Result(f"mutants.netlist.mode.{mode}", n, "mutants") for mode, n in sorted(modes.items())),
    ]


def netlist_survivors(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where no test saw the fault and none was proven to do nothing, by file."""
    names = ("file", "line", "mode", "fault")
    left = [{name: record[name] for name in names} for record in records if record["verdict"] == "survived"]
    return sorted(left, key=lambda record: (record["file"], record["line"]))

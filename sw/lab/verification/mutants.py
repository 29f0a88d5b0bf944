"""Mutation score of the gateware: ``skipwalk lab mutants``; of its netlist, see :mod:`.netlist_campaign`.

Small faults are put into a copy of the checkout, one at a time, and the tests that ought to see them run until one
fails. A fault that changes the RTLIL of no design (:mod:`.designs`), or of which Yosys proves that it changes nothing,
is equivalent; one that cannot be elaborated is no mutant. What has been tried is not tried again until the file
changes, or, where no test saw it, a test.
"""

import hashlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ....sim.rtl.build import build_root
from ...commands.common import FILE
from ...errors import InputError
from ...results.records import JsonRecords, key_digest
from ...results.report import Result
from ..map import MAP, ROOT, row_tests
from .equivalence import proved_equal
from .mutations import KINDS, Mutation, chosen
from .netlist_campaign import netlist_results, netlist_survivors, tried_netlists
from .parts import counted, write_mutants
from .trials import Checkout, sources

__all__ = ["Campaign", "main", "results", "seen_by"]

#: Seconds of CPU time: of one run of a file of tests; after which no further file is begun, for a file's own tests and
#: for the others; of a file of which nothing is known.
LIMIT, BUDGET, GUESS = 240.0, 60.0, 30.0
#: Folders below which the tests of a core stand, for what is deeper than that.
_ABOVE = {"hw/oselm/front_end": "tests/oselm", "hw/oselm/graph": "tests/oselm", "hw/oselm/rows": ""}


def seen_by(file: str, root: Path = ROOT) -> tuple[list[str], list[str]]:
    """Tests that ought to see a fault in a file of ``hw``: those of its own, and the others of its folder.

    Its own are named after it, or stand beside it on the map. A folder below that of a core has the core's tests too.
    """
    path = Path(file)
    named = Path("tests", *path.parts[1:-1], f"test_{path.name}").as_posix()
    on_map = [
        test
        for rows in MAP.values()
        for row in rows
        if any(place.partition(":")[0] == file for place in row.gateware)
        for test in row_tests(row)
    ]
    own = [test for test in dict.fromkeys([named, *on_map]) if (root / test).exists()]
    folders = [Path("tests", *path.parts[1:-1])]
    if above := _ABOVE.get(path.parent.as_posix()):
        folders.append(Path(above))
    others = [
        test.relative_to(root).as_posix() for folder in folders for test in sorted((root / folder).glob("test_*.py"))
    ]
    return own, [test for test in others if test not in own]


class Campaign:
    """Trials of mutants, each kept as soon as it is done.

    Parameters
    ----------
    root : Path
        The checkout; its files stay as they are.
    folder : Path
        For the copy and the records.
    """

    def __init__(self, root: Path, folder: Path, *, compiled: bool = True):
        self._checkout = Checkout(root, folder / "checkout", compiled=compiled)
        #: Folder of the copy.
        self.copy = self._checkout.folder
        self._records = JsonRecords(folder / "records")
        self._root = root
        self.texts = sources(root, "hw")
        self._sources = key_digest([self.texts, sources(root, "sim"), sources(root, "tests/support")])
        self._designs: dict[str, list[str]] | None = None
        self._gold_texts: dict[str, str] = {}

    def _passes(self, test: str) -> bool:
        """Whether a single test passes where nothing is broken."""
        digest = key_digest(["baseline", test, self._sources, (self._root / test.partition("::")[0]).read_text()])
        name = f"baseline-{digest[:20]}"
        kept = self._records.read(name, digest)
        if kept is None:
            verdict = self._checkout.test([test], limit=3 * LIMIT)
            kept = {"key": digest, "test": test, "outcome": verdict.outcome, "why": verdict.why}
            self._records.write(name, kept)
        return kept["outcome"] == "passed"

    def _took(self, test: str) -> float | None:
        """CPU seconds that a file of tests took when it last passed."""
        kept = self._records.read(f"took-{key_digest(test)[:20]}", test)
        return None if kept is None else kept["seconds"]

    def designs(self, file: str) -> list[str]:
        """Every design that has lines of a file, small ones first; none if its lines become no hardware."""
        if self._designs is None:
            from .designs import DESIGNS

            key = key_digest(["designs", self._sources, *DESIGNS])
            kept = self._records.read("designs", key)
            if kept is None:
                kept = {"key": key, "files": {}}
                for name in DESIGNS:
                    kept["files"][name] = sorted(self._checkout.files(name, limit=LIMIT))
                self._records.write("designs", kept)
            self._designs = dict(sorted(kept["files"].items(), key=lambda pair: len(pair[1])))
        return [name for name, files in self._designs.items() if file in files]

    def _gold(self, mutation: Mutation, text: str, design: str) -> str:
        """RTLIL of a design without the fault, which is in the copy before and after."""
        if design not in self._gold_texts:
            self._checkout.restore(mutation.file)
            self._gold_texts[design] = self._checkout.rtlil([design], limit=LIMIT)[design]
            self._checkout.write(mutation.file, text)
        return self._gold_texts[design]

    def trial(self, mutation: Mutation) -> dict[str, Any]:
        """What came of a mutant: ``verdict`` is killed, survived, equivalent or stillborn; from the records, if the
        file and, for a survivor, the tests are as they were."""
        text = self.texts[mutation.file]
        key = [text, mutation.start, mutation.end, mutation.after]
        digest = key_digest(key)
        name = f"mutant-{digest[:20]}"
        own, others = seen_by(mutation.file, self._root)
        seen = hashlib.sha256("".join((self._root / test).read_text() for test in own + others).encode()).hexdigest()
        kept = self._records.read(name, digest)
        if kept is not None and (kept["verdict"] != "survived" or kept["seen"] == seen):
            return kept
        before = self._builds()
        try:
            found = self._judge(mutation, own, others)
        finally:
            self._checkout.restore(mutation.file)
            self._forget_builds(before)
        record = {
            "key": digest,
            "file": mutation.file,
            "line": mutation.line,
            "kind": mutation.kind,
            "diff": mutation.diff(text),
            "seen": seen,
            **found,
        }
        self._records.write(name, record)
        return record

    def _judge(self, mutation: Mutation, own: list[str], others: list[str]) -> dict[str, Any]:
        text = mutation.applied(self.texts[mutation.file])
        self._checkout.write(mutation.file, text)
        if killed := self._killed(mutation, text, own):
            return killed
        # What changes no design has been tried on other configurations by its own tests, and ends here.
        designs = self.designs(mutation.file) if mutation.gateware else []
        changed: tuple[str, str, str] | None = None
        for name in designs:
            gold = self._gold(mutation, text, name)
            try:
                gate = self._checkout.rtlil([name], limit=LIMIT)[name]
            except RuntimeError as error:
                return {"verdict": "stillborn", "test": "", "why": str(error)[:200]}
            if gate != gold:
                changed = name, gold, gate  # the smallest one that shows it
                break
        if designs and not changed:
            return {"verdict": "equivalent", "test": "", "why": "the same RTLIL in every design"}
        if changed and mutation.kind != "reset" and proved_equal(*changed[1:]):
            return {"verdict": "equivalent", "test": "", "why": f"proved on {changed[0]}"}
        return self._killed(mutation, text, others) or {"verdict": "survived", "test": "", "why": ""}

    def _killed(self, mutation: Mutation, text: str, tests: list[str]) -> dict[str, Any] | None:
        """By which of these tests, quick ones first; None if by none within the budget."""
        spent = 0.0
        for test in sorted(tests, key=lambda test: self._took(test) or GUESS):
            if spent > BUDGET:
                break
            verdict = self._checkout.test([test], limit=LIMIT)
            spent += verdict.seconds
            took = self._took(test)
            if verdict.outcome == "passed":
                self._records.write(f"took-{key_digest(test)[:20]}", {"key": test, "seconds": verdict.seconds})
            elif verdict.outcome == "late" and took is not None and 3 * took < LIMIT:
                return {"verdict": "killed", "test": test, "why": f"no end within {LIMIT:g} s of CPU time"}
            elif verdict.outcome == "failed":
                first = verdict.test or test
                self._checkout.restore(mutation.file)
                sound = self._passes(first)
                self._checkout.write(mutation.file, text)
                if not sound:
                    raise InputError(f"{first} fails without a fault, too: {verdict.why}")
                if self._stillborn(mutation, verdict.why):
                    return {"verdict": "stillborn", "test": first, "why": verdict.why}
                return {"verdict": "killed", "test": first, "why": verdict.why}
        return None

    def _stillborn(self, mutation: Mutation, why: str) -> bool:
        """Whether no hardware comes of it: not asked if a test found a wrong value."""
        if not mutation.gateware or re.match(r"assert|\w*AssertionError|\w*Timeout|Failed", why):
            return False
        try:
            self._checkout.rtlil(self.designs(mutation.file)[:1], limit=LIMIT)
        except RuntimeError:
            return True
        return False

    def _builds(self) -> set[Path]:
        return set((self._checkout.folder / "build").glob("*/*"))

    def _forget_builds(self, before: set[Path]) -> None:
        """What was compiled of a broken design is of no more use."""
        for path in self._builds() - before:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)


def results(records: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Counts and share: of those that can be elaborated and are not equivalent, how many some test saw."""
    counts = Counter(record["verdict"] for record in records)
    by_kind = Counter(record["kind"] for record in records if record["verdict"] != "stillborn")
    return [
        *counted(
            "mutants.source",
            tried=len(records) - counts["stillborn"],
            files=len({record["file"] for record in records}),
            equivalent=counts["equivalent"],
            killed=counts["killed"],
        ),
        Result("mutants.source.stillborn", counts["stillborn"], "mutants"),
        *(Result(f"mutants.source.kind.{kind.replace(' ', '_')}", by_kind[kind], "mutants") for kind in KINDS),
    ]


def survivors(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where no test saw the fault, by file."""
    names = ("file", "line", "kind", "diff")
    left = [{name: record[name] for name in names} for record in records if record["verdict"] == "survived"]
    return sorted(left, key=lambda record: (record["file"], record["line"]))


@click.command("mutants")
@click.option("--netlist", is_flag=True, help="Faults in the netlist, of seconds each, and not in the source.")
@click.option("--count", type=click.IntRange(1), default=400, show_default=True, help="Of the source.")
@click.option("--per-file", type=click.IntRange(1), default=5, show_default=True, help="Of the netlist.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Which ones.")
@click.option("--only", multiple=True, help="Files that begin so, as hw/link; may be repeated.")
@click.option("--minutes", type=click.FloatRange(0), help="Stop after so long; the next call goes on.")
@click.option("--json", "report", type=FILE, help="Put the results into this file.")
def main(
    netlist: bool,
    count: int,
    per_file: int,
    seed: int,
    only: tuple[str, ...],
    minutes: float | None,
    report: Path | None,
) -> None:
    """Break the gateware in small ways and see whether the tests notice; list the faults that they did not.

    Mutants are spread over all files. What was tried is kept below build/mutants.
    """
    until = None if minutes is None else time.monotonic() + 60 * minutes
    folder = build_root() / "mutants"
    if netlist:
        records = tried_netlists(ROOT, folder, per_file=per_file, seed=seed, only=only, until=until)
        found, left = netlist_results(records), netlist_survivors(records)
    else:
        records = _tried_sources(folder, count, seed, only, until)
        found, left = results(records), survivors(records)
    for result in found:
        click.echo(f"{result.name:28} {result.value:>10} {result.unit}")
    if report is not None:
        files = sorted({record["file"] for record in records})
        kind = "netlist" if netlist else "source"
        write_mutants(report, kind, found, seed=seed, only=list(only), files=files, survivors=left)


def _tried_sources(
    folder: Path, count: int, seed: int, only: tuple[str, ...], until: float | None
) -> list[dict[str, Any]]:
    campaign = Campaign(ROOT, folder)
    texts = {file: text for file, text in campaign.texts.items() if not only or file.startswith(only)}
    records = []
    for n, mutation in enumerate(chosen(texts, count, seed), 1):
        if until is not None and time.monotonic() > until:
            break
        record = campaign.trial(mutation)
        records.append(record)
        click.echo(f"{n} {record['verdict']} {mutation.file}:{mutation.line} {mutation.kind} {record['test']}")
        if record["verdict"] == "survived":
            click.echo(record["diff"])
    return records

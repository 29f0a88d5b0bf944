"""The table of the four users' paths from results/users.json."""

import re

from ..page.markup import short_commit
from .cells import yes_or_no

__all__ = ["paths"]


def paths(values: dict, provenance: dict) -> tuple[list[str], list[list[str]], str]:
    """Header, rows and a remark: for each path its page, commands, seconds, and what was printed last."""
    names = [match[1] for name in values if (match := re.fullmatch(r"users\.(\w+)\.done", name))]
    body = [
        [
            f"{name}: {_link(provenance['pages'][name])}",
            *(f"{values[f'users.{name}.{key}']:,}" for key in ("commands", "seconds", "cpu_seconds")),
            yes_or_no(values[f"users.{name}.done"]),
            f"`{_short(values[f'users.{name}.last'])}`",
        ]
        for name in names
    ]
    said = [f"The wheel was built and installed in {values['users.install.seconds']:,} s."]
    said += [f"{name}: of commit {short_commit(commit)}." for name, commit in provenance.get("kept", {}).items()]
    return ["path", "commands", "s", "of the CPU, s", "all done", "printed last"], body, " ".join(said)


def _link(page: str) -> str:
    """Of a page beside the table's own."""
    file = page.rpartition("/")[2]
    return f"[{file}]({file})"


def _short(line: str) -> str:
    return line if len(line) <= 80 else line[:77] + "..."

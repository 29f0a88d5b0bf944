"""Where everything comes from, and everything that no picture shows."""

from typing import Any

from .markup import DASH, Html, note, section, short_commit, table, tag
from .results import Results

__all__ = ["sources", "unshown"]

#: Of a provenance, told in the table of sources.
_TOLD = ("commit", "time", "machine", "command", "versions")


def sources(results: Results) -> Html:
    body = []
    for file in results:
        p = file.provenance
        machine = p.get("machine", {})
        where = (
            ", ".join(str(machine[key]) for key in ("processor", "cores", "system") if key in machine)
            if machine
            else DASH
        )
        where = where.replace(f", {machine.get('cores')},", f", {machine.get('cores')} cores,") if machine else where
        versions = p.get("versions") or p.get("tools") or {}
        body.append(
            [
                tag("span", tag("code", file.name), id=file.anchor),
                short_commit(p.get("commit")) if file else "missing",
                str(p.get("time") or DASH)[:16].replace("T", " ") if file else file.problem,
                where,
                tag("code", p["command"]) if "command" in p else DASH,
                ", ".join(f"{name} {version}" for name, version in versions.items()) or DASH,
            ]
        )
    head = ["file", "commit", "made", "machine", "command", "versions"]
    text = "A + behind a commit: files had been changed since. Times compare only within one file."
    return section("sources", "Where every figure comes from", tag("p", text), table(head, body, caption="Sources"))


def unshown(results: Results) -> Html:
    """Tables of all values that stand nowhere else on the page, and of details in the provenance."""
    parts = []
    for file in results:
        rows = [[tag("code", entry.name), _short(entry.value), entry.unit] for entry in file.hidden]
        rows += [
            [tag("code", f"provenance.{key}"), _short(value), ""]
            for key, value in file.provenance.items()
            if key not in _TOLD and value not in (None, {}, [])
        ]
        if rows:
            parts.append(tag("h3", file.name))
            parts.append(table(["", "value", "unit"], rows, caption=f"{file.name}: not shown above"))
    return section(
        "appendix", "Appendix: everything else in the files", *parts or [note("Nothing: all is shown above.")]
    )


def _short(value: Any, most: int = 300) -> str:
    text = value if isinstance(value, str) else _plain(value)
    return text if len(text) <= most else f"{text[:most]} … ({len(text):,} characters)"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)

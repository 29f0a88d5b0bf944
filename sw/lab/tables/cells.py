"""What the tables have in common."""

__all__ = ["Table", "yes_or_no"]

#: Header and rows.
Table = tuple[list[str], list[list[str]]]


def yes_or_no(holds: object) -> str:
    """For what has to hold: a no stands out."""
    return "yes" if holds else "**no**"

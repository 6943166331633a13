"""What the programs that time peers share."""

import math
import pathlib


class Failure(Exception):
    """What went wrong, in one line."""


def shown(value: float | None, digits: int = 2) -> str:
    """A positive number with so many significant digits at least."""
    if value is None:
        return "-"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(value)))}f}"


def write_between_marks(path: pathlib.Path, what: str, text: str) -> None:
    """Puts `text` between the lines <!-- what --> and <!-- end of what --> of a Markdown file."""
    begin, end = f"<!-- {what} -->\n", f"<!-- end of {what} -->\n"
    whole = path.read_text()
    if whole.count(begin) != 1 or whole.count(end) != 1 or whole.index(begin) > whole.index(end):
        raise Failure(f"{path}: expected one line {begin.strip()} and one line {end.strip()} after it")
    path.write_text(whole[:whole.index(begin) + len(begin)] + text + whole[whole.index(end):])

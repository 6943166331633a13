"""Token files, as `roundtrip forward --tokens` reads them: one sequence of ids a line."""

import pathlib


def read(path: pathlib.Path) -> list:
    """The sequences, each a list of ids."""
    return [[int(word) for word in line.split()] for line in path.read_text().splitlines()]


def without_padding(sequence: list, padding: int | None) -> int:
    """How many ids of the sequence come before its trailing ids equal to `padding`."""
    length = len(sequence)
    while length > 0 and sequence[length - 1] == padding:
        length -= 1
    return length

"""What Theorem 2 promises, computed apart from the tree's own code."""


def fan_out(width: int, words: int) -> int:
    return words // (4 * width)


def depth(tokens: int, branches: int) -> int:
    """The least D >= 1 with branches^D >= tokens."""
    levels = 1
    while branches**levels < tokens:
        levels += 1
    return levels


def predict(tokens: int, width: int, layers: int, words: int) -> dict:
    """Machines and rounds, as a report names them; `width` is H max(d_qk, d_v)."""
    b = fan_out(width, words)
    levels = depth(tokens, b)
    rounds = 2 * levels * layers + 2
    inner_nodes = (b**levels - b) // (b - 1)
    return {"words": words, "rounds": rounds, "rounds_formula": rounds, "machines": tokens + tokens**2 + 2 * tokens * inner_nodes}


def least_words(residual_width: int, width: int) -> int:
    """The smallest memory with a fan-out b of at least 2 and room for a row and three messages of every branch."""
    words = 8 * width
    while residual_width + 3 * fan_out(width, words) * width > words:
        words += 1
    return words

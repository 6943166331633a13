"""refuse_words.py --roundtrip BIN --model DIR --tokens F: one word of memory too little is refused,
with the smallest number that would do."""

import argparse
import pathlib
import subprocess
import sys

import compare_forward
import reference_program
import theorem2

OVER_BUDGET = 4  # exit code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("roundtrip", "model", "tokens"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    options = parser.parse_args()
    width = compare_forward.shape_of(reference_program.config(options.model))["width"]
    least = theorem2.least_words(width, width)
    command = [options.roundtrip, "forward", options.model, "--tokens", options.tokens, "--scheme", "theorem2", "--words", str(least - 1)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    print(f"{least - 1} words: exit code {done.returncode}: {done.stderr.strip()}")
    if done.returncode != OVER_BUDGET or str(least) not in done.stderr.replace(",", "") or done.stdout:
        print(f"refuse_words: expected exit code {OVER_BUDGET} and a message that says {least}, and no output", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

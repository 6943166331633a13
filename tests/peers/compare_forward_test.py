"""Tests of compare_forward.py, on a command that answers with prepared files: whatever is wrong in them must be found."""

import json
import pathlib
import stat
import tempfile
import unittest

import numpy

import compare_forward
import theorem2
import torch_gpt2

TREE = pathlib.Path(__file__).resolve().parents[2]
MODEL, TOKENS = TREE / "build" / "models" / "tiny-gpt2", TREE / "bench" / "data" / "tiny-gpt2.tokens"
WORDS = 1024

# Copies hidden.npy and report.json from its own folder to where --out and --json say.
COMMAND = """#!/bin/bash
here=$(dirname "$0")
while (($# > 0)); do
  if [[ "$1" == --out ]]; then cp "$here/hidden.npy" "$2"; fi
  if [[ "$1" == --json ]]; then cp "$here/report.json" "$2"; fi
  shift
done
if [[ -e "$here/fails" ]]; then echo "a reason" >&2; exit 6; fi
"""


def report_row(tokens: int) -> dict:
    """Of a run without fault."""
    loads = {"max_sent": 300, "max_received": 800, "max_kept_plus_sent": 900, "max_kept_plus_received": WORDS, "total_words": 5000}
    return {"name": "tiny-gpt2", "scheme": "theorem2", "dtype": "f32", "tokens": tokens, "width": 64, "heads": 4, "layers": 3, "tile": 1,
            **theorem2.predict(tokens, 64, 3, WORDS), **loads, "wall_s": 0.1}


class CompareForward(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        comparison = compare_forward.Comparison(MODEL, TOKENS, "f32")
        cls.hidden = numpy.concatenate(comparison.hidden("f64"))
        cls.lengths = [len(sequence) for sequence in comparison.sequences]

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        command = self.folder / "roundtrip"
        command.write_text(COMMAND)
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        self.rows = [report_row(length) for length in self.lengths]
        self.values = self.hidden.copy()

    def compare(self):
        numpy.save(self.folder / "hidden.npy", self.values)
        (self.folder / "report.json").write_text(json.dumps({"schema": 1, "rows": self.rows}))
        arguments = ["--roundtrip", self.folder / "roundtrip", "--model", MODEL, "--tokens", TOKENS]
        arguments += ["--scheme", "theorem2", "--words", WORDS]
        compare_forward.compare(compare_forward.options_of([str(argument) for argument in arguments]))

    def fails(self, text: str):
        with self.assertRaisesRegex(compare_forward.Failure, text):
            self.compare()

    def test_good_output_passes(self):
        self.compare()

    def test_one_row_of_all_passes(self):
        self.rows = [report_row(max(self.lengths))]
        self.compare()

    def test_a_value_that_is_off(self):
        self.values[-1, -1] += 2e-5 * numpy.abs(self.hidden).max()
        self.fails("hidden states, PyTorch in f32: expected a difference of at most 1e-05")

    def test_not_a_number(self):
        self.values[3, 5] = numpy.nan
        self.fails("got nan")

    def test_a_row_too_few(self):
        self.values = self.values[:-1]
        self.fails("expected the shape")

    def test_rows_in_another_order(self):
        self.values = self.values[::-1]
        self.fails("expected a difference")

    def test_a_round_too_many(self):
        self.rows[2]["rounds"] += 1
        self.fails("'rounds'")

    def test_a_machine_too_few(self):
        self.rows[7]["machines"] -= 1
        self.fails("'machines'")

    def test_another_scheme(self):
        self.rows[0]["scheme"] = "local"
        self.fails("'scheme'")

    def test_a_load_over_the_memory(self):
        self.rows[1]["max_kept_plus_received"] = WORDS + 1
        self.fails("max_kept_plus_received: expected 1 to 1024 words, got 1025")

    def test_a_missing_report_row(self):
        self.rows.pop()
        self.fails("expected 8 rows or 1, got 7")

    def test_a_command_that_fails(self):
        (self.folder / "fails").touch()
        self.fails("exit code 6: a reason")

    def test_logits(self):
        comparison = compare_forward.Comparison(MODEL, TOKENS, "f32")
        with self.assertRaisesRegex(compare_forward.Failure, "logits"):
            compare_forward.check_logits(comparison, self.hidden + 1e-3)
        self.assertEqual(torch_gpt2.embedding(MODEL).shape, (200, 64))


class Theorem2(unittest.TestCase):
    def test_minilm(self):
        self.assertEqual(theorem2.predict(128, 384, 6, 16384), {"words": 16384, "rounds": 38, "rounds_formula": 38, "machines": 44672})

    def test_least_words(self):
        self.assertEqual(theorem2.least_words(384, 384), 3072)
        self.assertEqual(theorem2.least_words(1000, 100), 3100)  # b = 7 wants 1000 + 2100; b = 6, up to 2799, wants 2800


if __name__ == "__main__":
    unittest.main()

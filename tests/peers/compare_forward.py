"""compare_forward.py --roundtrip BIN --model DIR --tokens F --scheme S [--words W] [--dtype D] [--ranks R] [--output O]...

Runs `roundtrip forward` on a model and its prepared tokens, and compares what it writes with PyTorch; for the scheme theorem2 also what it
reports with the formulas of the theorem. --output says what of the model is compared (default: all it has): `hidden`, `embeddings` of a
BERT, `logits` of a GPT-2. Exit codes: 0 all is as it should be, 1 not.
"""

import argparse
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy

import reference_program
import theorem2
import token_file
import torch_bert
import torch_gpt2

HIDDEN_TOLERANCE = {"f32": 1e-5, "f64": 1e-12}  # of the largest value
EMBEDDING_TOLERANCE = {"f32": 2e-6, "f64": 1e-12}  # of unit vectors


class Failure(Exception):
    """What is not as it should be, in one line."""


class Comparison:
    """One model on one file of tokens: what PyTorch says."""

    def __init__(self, folder: pathlib.Path, tokens: pathlib.Path, dtype: str):
        self.folder, self.tokens, self.dtype = folder, tokens, dtype
        self.config = reference_program.config(folder)
        self.sequences = token_file.read(tokens)
        self.reference = {"bert": torch_bert, "gpt2": torch_gpt2}[self.config["model_type"]]

    def outputs(self) -> list:
        return ["hidden", "embeddings"] if self.reference is torch_bert else ["hidden", "logits"]

    def is_padding(self) -> numpy.ndarray:
        """For every row of the hidden states."""
        padding = self.config.get("pad_token_id")
        return numpy.concatenate([numpy.arange(len(one)) >= token_file.without_padding(one, padding) for one in self.sequences])

    @functools.cache
    def hidden(self, dtype: str) -> list:
        return self.reference.last_hidden_states(self.folder, self.sequences, reference_program.DTYPES[dtype])


def check_close(what: str, got: numpy.ndarray, wanted: numpy.ndarray, tolerance: float, unit: float) -> None:
    """Compares element by element, in units of `unit`. What is not a number is not close."""
    if got.shape != wanted.shape:
        raise Failure(f"{what}: expected the shape {wanted.shape}, got {got.shape}")
    if wanted.size == 0 or not numpy.isfinite(wanted).all():
        raise Failure(f"{what}: the reference is empty or not finite")
    error = float(numpy.abs(got.astype(numpy.float64) - wanted).max()) / unit
    print(f"{what}: largest difference {error:.2e}, allowed {tolerance:.0e}")
    if not error <= tolerance:
        raise Failure(f"{what}: expected a difference of at most {tolerance:.0e}, got {error:.2e}")


def check_hidden(comparison: Comparison, got: numpy.ndarray) -> None:
    """Rows of tokens against PyTorch in the same number type, rows of padding against PyTorch in float64.

    Rows of padding are ill-conditioned in all-MiniLM-L6-v2: PyTorch's own float32 is off by 6e-6 of the largest value there, and by 3e-7 in
    rows of tokens. Two results in float32 would differ by the errors of both.
    """
    wanted, exact = numpy.concatenate(comparison.hidden(comparison.dtype)), numpy.concatenate(comparison.hidden("f64"))
    if got.shape != wanted.shape:
        raise Failure(f"hidden states: expected the shape {wanted.shape}, got {got.shape}")
    unit, tolerance, padding = float(numpy.abs(exact).max()), HIDDEN_TOLERANCE[comparison.dtype], comparison.is_padding()
    check_close(f"hidden states, PyTorch in {comparison.dtype}", got[~padding], wanted[~padding], tolerance, unit)
    check_close("hidden states, PyTorch in f64", got[~padding], exact[~padding], tolerance, unit)
    if padding.any():
        check_close("hidden states of padding, PyTorch in f64", got[padding], exact[padding], tolerance, unit)


def check_embeddings(comparison: Comparison, got: numpy.ndarray) -> None:
    padding = comparison.config["pad_token_id"]
    wanted = torch_bert.embeddings(comparison.hidden(comparison.dtype), comparison.sequences, padding)
    check_close("embeddings", got, wanted, EMBEDDING_TOLERANCE[comparison.dtype], 1.0)


def check_logits(comparison: Comparison, hidden: numpy.ndarray) -> None:
    """The head of a GPT-2 is its embedding, transposed."""
    table = torch_gpt2.embedding(comparison.folder)
    dtype = comparison.dtype
    wanted = numpy.concatenate(torch_gpt2.logits(comparison.folder, comparison.sequences, reference_program.DTYPES[dtype]))
    if hidden.ndim != 2 or hidden.shape[1] != table.shape[1]:
        raise Failure(f"hidden states: expected {table.shape[1]} columns, got the shape {hidden.shape}")
    check_close("logits", hidden.astype(numpy.float64) @ table.T, wanted, HIDDEN_TOLERANCE[dtype], float(numpy.abs(wanted).max()))


def check_rows(rows: list, comparison: Comparison, options: argparse.Namespace) -> None:
    """A row for each sequence, or one of all."""
    lengths = [len(sequence) for sequence in comparison.sequences]
    if len(rows) not in (1, len(lengths)):
        raise Failure(f"report: expected {len(lengths)} rows or 1, got {len(rows)}")
    if len(rows) == len(lengths) and [row["tokens"] for row in rows] != lengths:
        raise Failure(f"report: expected rows of {lengths} tokens, got {[row['tokens'] for row in rows]}")
    for row in rows:
        wanted = {"scheme": options.scheme, "dtype": options.dtype, **shape_of(comparison.config)}
        if options.scheme == "theorem2":
            wanted |= theorem2.predict(row["tokens"], wanted["width"], wanted["layers"], options.words)
        wrong = {key: row.get(key) for key, value in wanted.items() if row.get(key) != value}
        if wrong:
            raise Failure(f"report: of {row['tokens']} tokens: expected {wanted}, got {wrong}")
        if options.scheme == "theorem2":
            check_loads(row)
    first = ", ".join(f"{key} {rows[0].get(key)}" for key in ("tokens", "machines", "rounds", "max_sent"))
    print(f"report: {len(rows)} rows in {sum(row['wall_s'] for row in rows):.2f} s; the first: {first}")


def check_loads(row: dict) -> None:
    for key in ("max_sent", "max_received", "max_kept_plus_sent", "max_kept_plus_received"):
        if not 0 < row[key] <= row["words"]:
            raise Failure(f"report: {key}: expected 1 to {row['words']} words, got {row[key]}")
    if not row["total_words"] >= row["max_sent"]:
        raise Failure(f"report: total_words: expected at least the {row['max_sent']} of one machine, got {row['total_words']}")


def shape_of(config: dict) -> dict:
    if config["model_type"] == "bert":
        return {"width": config["hidden_size"], "heads": config["num_attention_heads"], "layers": config["num_hidden_layers"]}
    return {"width": config["n_embd"], "heads": config["n_head"], "layers": config["n_layer"]}


def forward(options: argparse.Namespace, pool: bool) -> tuple:
    """What one run writes: (values, rows of the report)."""
    with tempfile.TemporaryDirectory() as folder:
        out, report = pathlib.Path(folder) / "out.npy", pathlib.Path(folder) / "report.json"
        command = ["mpirun", "-n", str(options.ranks), "--oversubscribe"] if options.ranks > 1 else []
        command += [options.roundtrip, "forward", options.model, "--tokens", options.tokens, "--out", out, "--json", report]
        command += ["--scheme", options.scheme, "--dtype", options.dtype, "--device", "cpu"]
        command += ["--words", options.words] if options.words else []
        command += ["--pool", "mean"] if pool else []
        words = [str(word) for word in command]
        print("$", " ".join(words), flush=True)
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=os.environ, check=False)
        if done.returncode != 0:
            raise Failure(f"exit code {done.returncode}: {done.stderr.strip() or 'nothing was said'}")
        return numpy.load(out), json.loads(report.read_text())["rows"]


def compare(options: argparse.Namespace) -> None:
    comparison = Comparison(options.model, options.tokens, options.dtype)
    outputs = options.output or comparison.outputs()
    for pool in sorted({output == "embeddings" for output in outputs}):
        values, rows = forward(options, pool)
        check_rows(rows, comparison, options)
        if pool:
            check_embeddings(comparison, values)
        if not pool and "hidden" in outputs:
            check_hidden(comparison, values)
        if not pool and "logits" in outputs:
            check_logits(comparison, values)


def options_of(arguments: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roundtrip", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=pathlib.Path, required=True)
    parser.add_argument("--scheme", choices=["local", "ring", "ulysses", "theorem2"], required=True)
    parser.add_argument("--words", type=int)
    parser.add_argument("--dtype", choices=reference_program.DTYPES, default="f32")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--output", action="append", choices=["hidden", "embeddings", "logits"])
    options = parser.parse_args(arguments)
    if (options.scheme == "theorem2") != (options.words is not None):
        parser.error("--words goes with --scheme theorem2")
    return options


def main() -> int:
    try:
        compare(options_of(sys.argv[1:]))
    except Failure as failure:
        print(f"compare_forward: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

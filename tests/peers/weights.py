"""weights.py --roundtrip BIN [SUBJECT...]

Compiles protocols and programs into weights with BIN, runs the files in onnxruntime (ONNX) and PyTorch (safetensors, by
bench/models/load_compiled.py), and compares every output bit with BIN's own, and what they say with oracles written here. One file serves
many inputs: what does not depend on the input must be the same bytes. Exit codes: 0 all is as it should be, 1 not.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy
import onnxruntime
import torch

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "bench" / "models"))

import load_compiled  # noqa: E402: it lies where users look for it


class Failure(Exception):
    """What is not as it should be, in one line."""


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Failure(what)


class Subject:
    """A protocol or program compiled once, in files, and run on many inputs."""

    def __init__(self, roundtrip: str, folder: pathlib.Path, name: str):
        self.roundtrip, self.folder, self.name, self.inputs, self.session = roundtrip, folder, name, 0, None

    def run(self, *arguments: str) -> tuple:
        """Compiles for this input; compares both runtimes with the command's own rows. Returns (rows, result of --json)."""
        files = {part: self.folder / f"{self.name}.{part}" for part in ("onnx", "safetensors", "x.npy", "y.npy")}
        flags = ["--onnx", "--safetensors", "--input-npy", "--output-npy"]
        command = [self.roundtrip, "compile", *arguments, "--weights", "--threads", "1", "--json", "-"]
        for flag, path in zip(flags, files.values(), strict=True):
            command += [flag, str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        expect(done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
        contents = [files[part].read_bytes() for part in ("onnx", "safetensors")]
        if self.session is None:
            self.contents = contents
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 3
            self.session = onnxruntime.InferenceSession(str(files["onnx"]), options, providers=["CPUExecutionProvider"])
            self.model = load_compiled.Compiled(str(files["safetensors"]))
        expect(contents == self.contents, f"{self.name}: the files depend on the input {arguments}")
        x, y = numpy.load(files["x.npy"]), numpy.load(files["y.npy"])
        expect(len(x) > 0 and x.shape == y.shape, f"{self.name}: x {x.shape}, y {y.shape}")
        expect(bool(numpy.isin(y, (0, 1)).all()), f"{self.name}: an output is neither 0 nor 1")
        for runtime, got in (("onnxruntime", self.session.run(["y"], {"x": x})[0]), ("PyTorch", self.model(torch.from_numpy(x)).numpy())):
            wrong = int((got != y).sum())
            expect(got.dtype == y.dtype and wrong == 0, f"{self.name} {arguments} in {runtime}: {wrong} of {y.size} numbers are not the command's")
        result = json.loads(done.stdout)
        expect(result["certificate"]["exact"] and not result["oracle"], f"{self.name}: {result['certificate']}")
        self.inputs += 1
        return y, result

    def decoded(self, y: numpy.ndarray, variable: str) -> list:
        """A variable of every row after the last layer, by the names in the file."""
        columns = self.model.description["columns"]
        last = columns[-1]
        while isinstance(last, int):
            last = columns[last]
        bits = {column["bit"]: i for i, column in enumerate(last) if column is not None and column["variable"] == variable}
        expect(len(bits) > 0, f"{self.name}: no column is called {variable}: {sorted({c['variable'] for c in last if c})}")
        return [sum(int(row[i]) << bit for bit, i in bits.items()) for row in y]


def smallest_of_classes(n: int, edges: list) -> list:
    """By search, not by union-find: the smallest vertex that can be reached."""
    neighbours = [[] for _ in range(n)]
    for u, v in edges:
        neighbours[u].append(v)
        neighbours[v].append(u)
    label = [None] * n
    for root in range(n):
        if label[root] is not None:
            continue
        open_, label[root] = [root], root
        while open_:
            for v in neighbours[open_.pop()]:
                if label[v] is None:
                    label[v] = root
                    open_.append(v)
    return label


def write_edges(path: pathlib.Path, n: int, edges: list) -> str:
    path.write_text(f"# vertices: {n}\n" + "".join(f"{u} {v}\n" for u, v in edges))
    return str(path)


def cycles(make, folder: pathlib.Path, rng: random.Random, dtype: str, inputs: int) -> None:
    subject = make(f"cycles-{dtype}")
    for _ in range(inputs):
        names = rng.sample(range(64), 64)
        cuts = sorted({0, 64, *rng.sample(range(1, 64), rng.randrange(0, 5))})
        edges = [(names[i], names[i + 1 if i + 1 < end else begin]) for begin, end in zip(cuts, cuts[1:]) for i in range(begin, end)]
        rng.shuffle(edges)
        graph = write_edges(folder / "cycles.el", 64, edges)
        y, result = subject.run("cycles", "--variant", "doubling", "--graph", graph, "--dtype", dtype)
        expect(subject.decoded(y, "vertex.smallest") == smallest_of_classes(64, edges), f"cycles: wrong labels for {edges}")
        expect(result["layers"] == result["rounds"] + 1 and result["tokens"] == 64, f"cycles: {result}")
    print(f"cycles (doubling), 64 vertices, {dtype}: {subject.inputs} inputs, one file")


FAMILIES = ["cycle:256", "two-cycles:256", "path:256", "shuffled-path:256", "grid:16x16", "star:256", "hubs:15,16", "caterpillar:32,7", "tree:256",
            "pairs:128", "cliques:16,16", "lollipop:16,240", "barbell:16,224", "er:256,128", "er:256,256", "er:256,1024", "small-world:256,4,0.1",
            "power-law:256,512", "rmat:8,4"]  # fmt: skip


def components(make, folder: pathlib.Path, rng: random.Random) -> None:
    subject, settled = make("components"), 0
    for family in FAMILIES:
        for seed in range(5):
            written = folder / "family.el"
            done = subprocess.run([subject.roundtrip, "graph", family, "--seed", str(seed + 1), "--out", str(written)], capture_output=True, text=True)
            expect(done.returncode == 0, f"graph {family}: {done.stderr.strip()}")
            edges = [tuple(map(int, line.split()[:2])) for line in written.read_text().splitlines() if line[:1] not in "#%"]
            order = list(range(256)) if seed == 0 else rng.sample(range(256), 256)
            edges = [(order[u], order[v]) for u, v in edges]
            y, _ = subject.run("components", "--graph", write_edges(written, 256, edges))
            expect(subject.decoded(y, "value")[:256] == smallest_of_classes(256, edges), f"components: wrong labels, {family} {seed}")
            settled += 1
    print(f"components, 256 vertices: {settled} graphs of {len(FAMILIES)} kinds, one file")


def hop(sequence: list, i: int) -> int:
    """The position after the last occurrence of the symbol at i before i; positions from 1, 0 is nowhere."""
    return max((j for j in range(2, i + 1) if sequence[j - 2] == sequence[i - 1]), default=0)


def hops(make, folder: pathlib.Path, rng: random.Random) -> None:
    text = folder / "sequence.txt"
    for k in (1, 2, 3, 4, 7, 8, 16, 33, 64):
        for symbols in (2, 3, 8):
            subject = make(f"hops-{k}-{symbols}")
            for length in (100, 127, 64):  # one file serves all positions that its bits can name
                sequence = list(range(symbols)) + [rng.randrange(symbols) for _ in range(length - symbols)]  # numbered as they come
                text.write_text(" ".join("abcdefgh"[s] for s in sequence) + "\n")
                y, result = subject.run("hops", "--input", str(text), "--k", str(k))
                expect(result["layers"] == (k - 1).bit_length() + 2, f"hops: {result['layers']} layers for k = {k}")
                answers = subject.decoded(y, f"symbol_after_{k}_hops")
                for i in range(1, length + 1):
                    at = i
                    for _ in range(k):
                        at = hop(sequence, at) if at else 0
                    wanted = sequence[at - 1] + 1 if at else 0
                    expect(answers[i - 1] == wanted, f"hops: k {k}, position {i}: {answers[i - 1]}, expected {wanted}")
        print(f"hops, k = {k}: 9 sequences of 2, 3 and 8 symbols")


def primitives(make) -> None:
    for arguments in (["broadcast", "--machines", "13"], ["reduce", "--variant", "max", "--machines", "13"],
                      ["reduce", "--variant", "min", "--machines", "8"], ["sort", "--machines", "16"], ["compose", "--n", "6", "--k", "5"]):  # fmt: skip
        subject = make("-".join(arguments).replace("--", ""))
        for seed in range(1, 6):
            subject.run(*arguments, "--seed", str(seed))
        print(f"{' '.join(arguments)}: {subject.inputs} inputs, one file")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roundtrip", required=True)
    parser.add_argument("subjects", nargs="*", default=[])
    options = parser.parse_args()
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def make(subject: str) -> Subject:
            return Subject(options.roundtrip, folder, subject)

        known = {
            "cycles": lambda: [cycles(make, folder, rng, "f32", 100), cycles(make, folder, rng, "f64", 5)],
            "components": lambda: components(make, folder, rng),
            "hops": lambda: hops(make, folder, rng),
            "primitives": lambda: primitives(make),
        }
        try:
            for subject in options.subjects or known:
                known[subject]()
        except Failure as failure:
            print(f"weights.py: {failure}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

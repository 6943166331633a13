"""compare_exports.py --writer BIN

Runs the models that BIN (tests/peers/write_exports.cc) writes into files, ONNX in onnxruntime and safetensors in bench/models/load_compiled.py,
and compares with what forward() made of the same inputs; compiled models bit for bit, and with what they are to compute. Exit codes: 0 all is
as it should be, 1 not.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnxruntime
import torch

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "bench" / "models"))

import load_compiled  # noqa: E402: it lies where users look for it

TOLERANCE = {"float32": 1e-5, "float64": 1e-13}  # of the largest value: the same operations in another order
LOADER = TREE / "bench" / "models" / "load_compiled.py"


class Failure(Exception):
    """What is not as it should be, in one line."""


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Failure(what)


class Case:
    """A model's files, inputs and outputs, and what other programs make of them."""

    def __init__(self, folder: pathlib.Path, case: dict):
        self.folder, self.name, self.dtype, self.exact = folder, case["name"], case["dtype"], case["exact"]
        self.files = [folder / name for name in case["files"]]
        self.pairs = [tuple(numpy.load(folder / f"{self.name}.{part}{i}.npy") for part in "xy") for i in range(case["inputs"])]
        expect(len(self.pairs) > 0, f"{self.name}: expected inputs")

    def outputs(self, path: pathlib.Path) -> list:
        """What another program makes of the inputs."""
        if path.suffix == ".onnx":
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            return [session.run(["y"], {"x": x})[0] for x, _ in self.pairs]
        model = load_compiled.Compiled(str(path))
        return [model(torch.from_numpy(x)).numpy() for x, _ in self.pairs]

    def compare(self) -> float:
        worst = 0.0
        for path in self.files:
            for (x, wanted), got in zip(self.pairs, self.outputs(path), strict=True):
                what = f"{path.name}, {len(x)} tokens"
                expect(got.dtype == wanted.dtype == self.dtype, f"{what}: expected {self.dtype}, got {got.dtype}, and {wanted.dtype} of forward()")
                expect(got.shape == wanted.shape, f"{what}: expected the shape {wanted.shape}, got {got.shape}")
                expect(wanted.size > 0 and numpy.isfinite(wanted).all(), f"{what}: what forward() made is empty or not finite")
                if self.exact:
                    expect(numpy.isin(wanted, (0, 1)).all(), f"{what}: forward() did not make bits")
                    expect((got == wanted).all(), f"{what}: {(got != wanted).sum()} of {wanted.size} numbers are not those of forward()")
                    continue
                error = float(numpy.abs(got.astype(numpy.float64) - wanted).max() / numpy.abs(wanted).max())
                worst = max(worst, error)
                expect(error <= TOLERANCE[self.dtype], f"{what}: expected a difference of at most {TOLERANCE[self.dtype]:.0e}, got {error:.2e}")
        return worst


def description_of(path: pathlib.Path) -> dict:
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return json.loads(session.get_modelmeta().custom_metadata_map["roundtrip"])
    return load_compiled.Compiled(str(path)).description


def numbers(columns: list, rows: numpy.ndarray, variable: str) -> numpy.ndarray:
    """A variable's value in each row, by what the file says of the columns."""
    places = {column["bit"]: c for c, column in enumerate(columns) if column is not None and column["variable"] == variable}
    expect(sorted(places) == list(range(len(places))) and len(places) > 0, f"expected columns of '{variable}', got {places}")
    return sum(rows[:, place].astype(int) << bit for bit, place in places.items())


def check_doubling(before: list, after: list, x: numpy.ndarray, y: numpy.ndarray) -> None:
    pointers = numbers(before, x, "next")
    for _ in range(4):
        pointers = pointers[pointers]
    expect((numbers(after, y, "next") == pointers).all(), f"doubling: expected {pointers}, got {numbers(after, y, 'next')}")


def check_seen_before(before: list, after: list, x: numpy.ndarray, y: numpy.ndarray) -> None:
    bit, a, b = (numbers(before, x, variable) for variable in ("bit", "a", "b"))
    for variable, wanted in {"seen": numpy.maximum.accumulate(bit), "sum": (a + b) % 8, "less": (a < b).astype(int)}.items():
        got = numbers(after, y, variable)
        expect((got == wanted).all(), f"seen before: {variable}: expected {wanted}, got {got}")


CHECKS = {"doubling": check_doubling, "seen before": check_seen_before}


def check_description(case: Case) -> None:
    """Both files say the same of a compiled model, and it computes what its columns say."""
    onnx, safetensors = (description_of(path) for path in case.files)
    structure = safetensors.pop("structure")
    expect(onnx == safetensors, f"{case.name}: the files do not say the same")
    expect(onnx["schema"] == 1 and onnx["dtype"] == case.dtype, f"{case.name}: expected schema 1 and {case.dtype}")
    expect(len(structure) == onnx["sizes"]["layers"], f"{case.name}: expected a structure of each layer")
    expect(onnx["certificate"]["exact"] or not case.exact, f"{case.name}: not exact: {onnx['certificate']['objection']}")
    columns = [onnx["columns"][entry] if isinstance(entry, int) else entry for entry in onnx["columns"]]
    if onnx["name"] in CHECKS:
        for (x, _), y in zip(case.pairs, case.outputs(case.files[0]), strict=True):
            CHECKS[onnx["name"]](columns[0], columns[-1], x, y)


def check_command(case: Case) -> None:
    """The loader as a program."""
    out, x = case.folder / "command.npy", case.folder / f"{case.name}.x0.npy"
    subprocess.run([sys.executable, LOADER, case.files[1], x, out], check=True)
    expect(numpy.array_equal(numpy.load(out), case.pairs[0][1]), f"{LOADER.name}: not what forward() made")


def compare(writer: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([writer, folder], check=True)
        cases = [Case(folder, case) for case in json.loads((folder / "cases.json").read_text())]
        for case in cases:
            worst = case.compare()
            lengths = ", ".join(str(len(x)) for x, _ in case.pairs)
            print(f"{case.name}: tokens {lengths}: " + ("the same bits" if case.exact else f"largest difference {worst:.1e}"))
            if len(case.files) == 2:
                check_description(case)
        exact = [case for case in cases if case.exact]
        expect({case.dtype for case in exact} == set(TOLERANCE), "expected exact models of both types")
        check_command(exact[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writer", type=pathlib.Path, required=True)
    try:
        compare(parser.parse_args().writer.resolve())
    except Failure as failure:
        print(f"compare_exports: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs connectivity and its peers on the same edge files, in turn, and prints times and ratios. Started by bench/peers.sh, which builds them.

Every graph is written once, its vertices renumbered and its edges shuffled at random. A repetition starts every program once, in an order that
turns by one from repetition to repetition; each times its own solution, without loading. A ratio is the median over the repetitions of the
ratios of the two times of one repetition. All programs must find the same number of components.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from typing import Callable

from reporting import Failure, shown, write_between_marks

TREE = pathlib.Path(__file__).resolve().parents[2]
BUILD = TREE / "build" / "release"
GRAPHS = ["path:1048576", "grid:1024x1024", "er:262144,2097152", "rmat:18,16", "bench/data/debian12-depends.el.gz"]

CLUSTER, SUBLINEAR = "ours, one machine a rank", "ours, delta 0.5"
UNION_FIND, PBGL, GAP, COMBBLAS = "union-find", "PBGL", "GAP Afforest", "CombBLAS FastSV"


@dataclasses.dataclass
class Graph:
    spec: str
    edge_list: pathlib.Path
    matrix: pathlib.Path
    vertices: int
    edges: int

    @property
    def long(self) -> bool:
        """The targets tell graphs of large diameter from the others."""
        return self.spec.startswith(("path:", "grid:"))


@dataclasses.dataclass
class Solution:
    seconds: float
    components: int
    note: str = ""


@dataclasses.dataclass
class Program:
    name: str
    where: str  # the processes and threads that it runs on
    command: Callable[[Graph], list]
    read: Callable[[str], Solution]
    threads: int = 1


@dataclasses.dataclass
class Row:
    program: Program
    solutions: list = dataclasses.field(default_factory=list)  # one a repetition; None: not run in it
    failure: str = ""

    def seconds(self) -> list:
        return [solution.seconds for solution in self.solutions if solution]

    def note(self) -> str:
        """Of the fastest solution."""
        return min((solution for solution in self.solutions if solution), key=lambda one: one.seconds, default=Solution(0, 0)).note


def find(pattern: str, text: str) -> list:
    found = re.findall(pattern, text)
    if not found:
        raise Failure(f"its output has nothing like '{pattern}'")
    return found


def plural(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def mpirun(ranks: int) -> list:
    return ["mpirun", "-n", str(ranks)]


# ---- What is run, and what its output says ------------------------------------------------------------------------------------------


def read_ours(text: str) -> Solution:
    run, _ = json.JSONDecoder().raw_decode(find(r"(?s)\{.*", text)[0])
    note = f"{run['rounds']} rounds, {run['total_words']:,} words, s = {run['words']:,}, q = {run['machines']:,}"
    if run["verified"] is not None:
        note += "; verified"
    if run["total_words"] and run["delta"] is not None:
        note += f"; {run['wall_s'] * run['ranks'] * 2e9 / run['total_words']:.0f} ns for 16 bytes and rank"
    return Solution(run["wall_s"], run["answer"]["components"], note)


def read_union_find(text: str) -> Solution:
    # Two ways to do it; the faster one is the peer.
    found = find(r"(\w+) components (\d+) seconds ([0-9.]+)", text)
    way, components, seconds = min(found, key=lambda one: float(one[2]))
    if len({one[1] for one in found}) != 1:
        raise Failure(f"its two ways find different numbers of components: {found}")
    return Solution(float(seconds), int(components), way)


def read_pbgl(text: str) -> Solution:
    components, seconds = find(r"components (\d+) seconds ([0-9.]+)", text)[0]
    return Solution(float(seconds), int(components))


def read_gap(text: str) -> Solution:
    return Solution(float(find(r"Trial Time:\s+([0-9.]+)", text)[0]), int(find(r"There are (\d+) components", text)[0]))


def read_combblas(text: str) -> Solution:
    note = plural(len(re.findall(r"Iteration [0-9]+:", text)), "iteration")
    return Solution(float(find(r"Total time: ([0-9.e+-]+)", text)[0]), int(find(r"Number of components: (\d+)", text)[0]), note)


def ours(graph: Graph, ranks: int, model: list, verify: bool) -> list:
    return mpirun(ranks) + [BUILD / "roundtrip", "run", "connectivity", "--graph", graph.edge_list, "--vertices", str(graph.vertices), *model,
                            "--json", "-"] + ([] if verify else ["--no-verify"])


def cluster_words(text: str, graph: Graph) -> str:
    """`min`, a number, or a multiple of n such as 4n."""
    return str(int(float(text[:-1]) * graph.vertices)) if text.endswith("n") and text != "min" else text


def programs(options: argparse.Namespace) -> list:
    ranks = options.ranks
    on_ranks = plural(ranks, "rank")

    def cluster(graph: Graph) -> list:
        return ["--variant", "forests", "--machines", str(ranks), "--words", cluster_words(options.cluster_words, graph)]

    def sublinear(_: Graph) -> list:
        return ["--delta", "0.5"] + options.ours

    result = [
        Program(CLUSTER, on_ranks, lambda graph: ours(graph, ranks, cluster(graph), False), read_ours),
        Program(SUBLINEAR, on_ranks, lambda graph: ours(graph, ranks, sublinear(graph), False), read_ours),
        Program(UNION_FIND, "1 core", lambda graph: [BUILD / "peers" / "peer_union_find", graph.edge_list], read_union_find),
        Program(PBGL, on_ranks, lambda graph: mpirun(ranks) + [BUILD / "peers" / "peer_pbgl", graph.edge_list], read_pbgl),
    ]
    if options.gap:
        result.append(Program(GAP, plural(ranks, "thread"), lambda graph: [options.gap, "-s", "-a", "-n", "1", "-f", graph.edge_list], read_gap,
                              threads=ranks))
    if options.combblas:
        # Its process grid is square: so many ranks, with threads on the other cores, and the next square above.
        root = math.isqrt(ranks)
        for square in sorted({root * root, (root if root * root == ranks else root + 1) ** 2}):
            threads = max(1, ranks // square)
            result.append(Program(f"{COMBBLAS}, {square} x {threads}", f"{plural(square, 'rank')} of {plural(threads, 'thread')}",
                                  lambda graph, square=square: mpirun(square) + [options.combblas, "-I", "mm", "-M", graph.matrix],
                                  read_combblas, threads=threads))
    return result


# ---- Running --------------------------------------------------------------------------------------------------------------------------


def run(command: list, threads: int, seconds: int) -> str:
    """What a program printed; raises Failure if it fails or takes too long."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    words = [str(word) for word in command]
    # A rank that waits gives its core away only where there are fewer cores than ranks: it costs time.
    ranks = int(words[2]) if words[0] == "mpirun" else 1
    environment["OMPI_MCA_mpi_yield_when_idle"] = "1" if ranks > len(os.sched_getaffinity(0)) else "0"
    try:
        done = subprocess.run(words, cwd=TREE, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"not done after {seconds} s") from None
    except OSError as error:
        raise Failure(str(error)) from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() + done.stdout.splitlines() if line.strip(" -")]
        raise Failure(f"exit code {done.returncode}: {said[0] if said else 'nothing was said'}")
    return done.stdout + done.stderr  # CombBLAS prints to the latter


def prepare(spec: str, options: argparse.Namespace, folder: pathlib.Path) -> Graph:
    edge_list, matrix = folder / "graph.el", folder / "graph.mtx"
    text = run([BUILD / "peers" / "peer_prepare", spec, options.seed, edge_list, matrix], 1, options.timeout)
    return Graph(spec, edge_list, matrix, int(find(r"vertices (\d+)", text)[0]), int(find(r"edges (\d+)", text)[0]))


def check_ours(graph: Graph, rows: list, options: argparse.Namespace) -> None:
    """Runs ours once more with the serial oracle; a wrong answer is a failure."""
    for row in rows:
        if row.program.name in (CLUSTER, SUBLINEAR) and not row.failure:
            command = [word for word in row.program.command(graph) if word != "--no-verify"]
            try:
                row.program.read(run(command, 1, options.timeout))
            except Failure as failure:
                row.failure = str(failure)


def race(graph: Graph, options: argparse.Namespace) -> list:
    rows = [Row(program) for program in programs(options)]
    check_ours(graph, rows, options)
    for repetition in range(options.repeat):
        turn = repetition % len(rows)
        for row in rows[turn:] + rows[:turn]:
            slow = repetition >= 3 and min(row.seconds(), default=0) > options.slow
            solution = None
            if not row.failure and not slow:
                try:
                    solution = row.program.read(run(row.program.command(graph), row.program.threads, options.timeout))
                except Failure as failure:
                    row.failure = str(failure)
            row.solutions.append(solution)
    counts = {solution.components for row in rows for solution in row.solutions if solution}
    if len(counts) > 1:
        for row in rows:
            row.failure = row.failure or f"the programs disagree: its components are {[s.components for s in row.solutions if s]}"
    return rows


# ---- Reporting ------------------------------------------------------------------------------------------------------------------------


def ratio(one: Row, other: Row) -> float | None:
    """How many times as long `one` takes as `other`."""
    both = [(a.seconds / b.seconds) for a, b in zip(one.solutions, other.solutions) if a and b]
    return statistics.median(both) if both and not one.failure and not other.failure else None


@dataclasses.dataclass
class Target:
    name: str
    ours: str
    peer: str
    most: float  # times the peer's time

    def verdict(self, rows: list) -> dict | None:
        mine = next(row for row in rows if row.program.name == self.ours)
        peers = [value for row in rows if row.program.name.startswith(self.peer) and (value := ratio(mine, row)) is not None]
        if not peers:
            return None
        worst = max(peers)  # the fastest of the peer's ways to run
        return {"target": self.name, "peer": self.peer, "most": self.most, "ratio": worst, "met": worst <= self.most}


def targets(graph: Graph) -> list:
    return [
        Target("C1", CLUSTER, UNION_FIND, 4),
        Target("C1", CLUSTER, COMBBLAS, 1 / 5 if graph.long else 1 / 2),
        Target("C1", CLUSTER, PBGL, 1 / 15),
        Target("C2", SUBLINEAR, COMBBLAS, 1.2 if graph.long else 6),
    ] + ([Target("C2", SUBLINEAR, PBGL, 1 / 2)] if graph.long else [])


def table(graph: Graph, rows: list) -> str:
    by_name = {row.program.name: row for row in rows}
    counts = {solution.components for row in rows for solution in row.solutions if solution}
    components = f", {plural(counts.pop(), 'component')}" if len(counts) == 1 else ""
    text = f"**{graph.spec}**: n = {graph.vertices:,}, m = {graph.edges:,}{components}\n\n"
    text += "| program | on | minimum s | median s | one machine a rank : it | delta 0.5 : it | what it did |\n|---|---|---|---|---|---|---|\n"
    for row in rows:
        text += f"| {row.program.name} | {row.program.where} | "
        if row.failure:
            text += f"- | - | - | - | failed: {row.failure} |\n"
            continue
        seconds = row.seconds()
        text += f"{shown(min(seconds))} | {shown(statistics.median(seconds))} | "
        text += f"{shown(ratio(by_name[CLUSTER], row))} | {shown(ratio(by_name[SUBLINEAR], row))} | {row.note()} |\n"
    verdicts = [verdict for target in targets(graph) if (verdict := target.verdict(rows))]
    lines = [f"{v['target']}, at most {shown(v['most'])}x {v['peer']}: {shown(v['ratio'])}x, {'met' if v['met'] else 'MISSED'}" for v in verdicts]
    return text + "\n" + "; ".join(lines) + ".\n"


def record(graph: Graph, rows: list) -> dict:
    return {
        "graph": graph.spec, "n": graph.vertices, "m": graph.edges,
        "programs": [{
            "name": row.program.name, "on": row.program.where, "failure": row.failure or None,
            "seconds": [solution.seconds if solution else None for solution in row.solutions],
            "components": next((solution.components for solution in row.solutions if solution), None),
            "note": row.note(),
        } for row in rows],
        "targets": [verdict for target in targets(graph) if (verdict := target.verdict(rows))],
    }


def options_of(arguments: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/peers.sh", description="Times connectivity and its peers on the same edge files.")
    parser.add_argument("--graphs", nargs="+", default=GRAPHS, metavar="SPEC", 
                        help="generators, or edge lists, from the root of the tree (default: those of the targets)")
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks, and threads of programs without MPI (default 2)")
    parser.add_argument("--repeat", type=int, default=7, metavar="K", help="repetitions (default 7)")
    parser.add_argument("--slow", type=float, default=5, metavar="S", help="what takes longer than S seconds is run three times (default 5)")
    parser.add_argument("--timeout", type=int, default=600, metavar="S", help="seconds for one program (default 600)")
    parser.add_argument("--seed", default="1", metavar="K", help="of the generators and the shuffling (default 1)")
    parser.add_argument("--cluster-words", default="min", metavar="W",
                        help="memory of ours with one machine a rank: a number, min, or a multiple of n such as 4n (default min)")
    parser.add_argument("--ours", type=shlex.split, default=[], metavar="OPTIONS", help="more of them for ours at delta 0.5: --ours='--variant alt'")
    parser.add_argument("--gap", type=pathlib.Path, metavar="PATH", help="the binary `cc` of the GAP Benchmark Suite")
    parser.add_argument("--combblas", type=pathlib.Path, metavar="PATH", help="the binary `fastsv` of CombBLAS")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="all times, as JSON")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="puts the tables between the marks of a Markdown file")
    options = parser.parse_args(arguments)
    for name in ("gap", "combblas"):
        path = getattr(options, name)
        if path is not None:
            if not os.access(path, os.X_OK):
                parser.error(f"--{name}: {path} is not a program that can be run")
            setattr(options, name, path.resolve())
    for name in ("ranks", "repeat"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}; expected at least 1")
    if not re.fullmatch(r"min|[1-9][0-9]*|[0-9]+(\.[0-9]+)?n", options.cluster_words):
        parser.error(f"--cluster-words is '{options.cluster_words}'; expected a number, min, or a multiple of n such as 4n")
    return options


def main() -> int:
    options = options_of(sys.argv[1:])
    texts, records, good = [], [], True
    with tempfile.TemporaryDirectory() as folder:
        for spec in options.graphs:
            try:
                graph = prepare(spec, options, pathlib.Path(folder))
            except Failure as failure:
                print(f"peers: {spec}: {failure}", file=sys.stderr)
                return 3
            rows = race(graph, options)
            good = good and not any(row.failure for row in rows)
            texts.append(table(graph, rows))
            records.append(record(graph, rows))
            print(texts[-1], flush=True)
    if options.json:
        options.json.write_text(json.dumps({"schema": 1, "ranks": options.ranks, "repeat": options.repeat, "graphs": records}, indent=2) + "\n")
    if options.write:
        try:
            write_between_marks(options.write, "peers", "\n".join(texts))
        except Failure as failure:
            print(f"peers: {failure}", file=sys.stderr)
            return 6
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

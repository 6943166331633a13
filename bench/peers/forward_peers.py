"""Times a forward pass and one attention head beside onnxruntime and PyTorch. Started by bench/forward_peers.sh, which builds and installs.

Every contestant is a process that loads, warms up, and then does one pass each time it is told to, which it times itself. A repetition
tells every contestant once, in an order that turns by one from repetition to repetition. A ratio is the median over the repetitions of the
ratios of the two times of one repetition; beside it stands the ratio of the two minima.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time

from reporting import Failure, shown, write_between_marks

TREE = pathlib.Path(__file__).resolve().parents[2]
MODELS = TREE / "build" / "models"
MODEL = MODELS / "all-MiniLM-L6-v2"
FORWARD, ATTENTION = "forward", "attention"
TOKENS = 128
OURS, ONNXRUNTIME, PYTORCH, ENCODER = "ours", "onnxruntime", "PyTorch", "PyTorch, fused encoder"


@dataclasses.dataclass
class Target:
    name: str
    work: str
    threads: int
    peer: str
    most: float  # times the peer's time
    stretch: float | None = None


TARGETS = [
    Target("T1", FORWARD, 1, ONNXRUNTIME, 0.8),
    Target("T2", FORWARD, 2, ONNXRUNTIME, 1.0, 0.8),
    Target("T3", ATTENTION, 1, ONNXRUNTIME, 0.95, 0.8),
    Target("T3", ATTENTION, 2, ONNXRUNTIME, 1.0, 0.8),
    Target("T3", ATTENTION, 1, PYTORCH, 0.1),
    Target("T3", ATTENTION, 2, PYTORCH, 0.1),
]


class Contestant:
    """A process that does one pass a turn."""

    def __init__(self, name: str, command: list, environment: dict, timeout: float):
        self.name, self.timeout, self.seconds = name, timeout, []
        try:
            self.process = subprocess.Popen([str(word) for word in command], cwd=TREE, env=environment, text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise Failure(f"{name}: {error}") from None

    def close(self) -> None:
        """The end of its input ends the process."""
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            self.process.stdin.close()
        try:
            self.process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def answer(self) -> str:
        """The next line; there is never more than one, so that nothing waits in a buffer unseen."""
        if not select.select([self.process.stdout], [], [], self.timeout)[0]:
            raise Failure(f"{self.name}: no answer after {self.timeout:g} s")
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"{self.name}: ended with exit code {self.process.wait()}")
        return line.strip()

    def wait_until_ready(self) -> str:
        """What the contestant calls itself."""
        line = self.answer()
        if not line.startswith("ready "):
            raise Failure(f"{self.name}: expected 'ready DESCRIPTION', got '{line}'")
        return line.removeprefix("ready ")

    def take_turn(self) -> None:
        try:
            self.process.stdin.write("run\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name}: ended with exit code {self.process.wait()}") from None
        line = self.answer()
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", line) or not float(line) > 0:
            raise Failure(f"{self.name}: expected seconds, got '{line}'")
        self.seconds.append(float(line))


@dataclasses.dataclass
class Race:
    work: str
    threads: int
    descriptions: dict  # by the names of the contestants
    seconds: dict  # a list by the names of the contestants, one number a repetition

    def ratio(self, one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(self.seconds[one], self.seconds[other], strict=True))

    def ratio_of_minima(self, one: str, other: str) -> float:
        return min(self.seconds[one]) / min(self.seconds[other])


def arguments_of(work: str, tokens_file: pathlib.Path) -> list:
    return [FORWARD, MODEL, tokens_file] if work == FORWARD else [ATTENTION, 4096, 64]


def commands(work: str, options: argparse.Namespace) -> dict:
    peer = [MODELS / "venv" / "bin" / "python", TREE / "bench" / "peers" / "forward_contestant.py"]
    result = {} if options.peers_only else {OURS: [options.ours]}
    result |= {ONNXRUNTIME: peer + ["onnxruntime"], PYTORCH: peer + ["pytorch"]}
    return result | ({ENCODER: peer + ["pytorch-encoder"]} if work == FORWARD else {})


def race(work: str, threads: int, tokens_file: pathlib.Path, options: argparse.Namespace) -> Race:
    contestants, descriptions, environment = [], {}, environment_for(threads)
    try:
        for name, command in commands(work, options).items():
            words = command + arguments_of(work, tokens_file) + [threads]
            contestants.append(Contestant(name, words, environment, options.timeout))
            descriptions[name] = contestants[-1].wait_until_ready()
        for repetition in range(options.repeat):
            turn = repetition % len(contestants)
            for contestant in contestants[turn:] + contestants[:turn]:
                time.sleep(options.settle)
                contestant.take_turn()
    finally:
        for contestant in contestants:
            contestant.close()
    return Race(work, threads, descriptions, {one.name: one.seconds for one in contestants})


# ---- Environment ----------------------------------------------------------------------------------------------------------------------


def plain_environment() -> dict:
    """Without what may be preset to make OpenBLAS slower than it can be."""
    return {key: value for key, value in os.environ.items() if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}


ASK_OPENBLAS = """
import ctypes
openblas = ctypes.CDLL("libopenblas.so.0")
openblas.openblas_get_corename.restype = ctypes.c_char_p
print(openblas.openblas_get_corename().decode())
"""


def openblas_setting() -> dict:
    """What has to be set so that OpenBLAS, the library below PyTorch's products, uses this processor's vectors.

    An OpenBLAS that is older than the processor takes it for one of 2004, and is then up to six times slower than it can be.
    """
    done = subprocess.run([sys.executable, "-c", ASK_OPENBLAS], env=plain_environment(), capture_output=True, text=True, check=False)
    if done.stdout.strip() != "Prescott":
        return {}
    flags = processor_facts().get("flags", "").split()
    for flag, kernels in (("avx512f", "SkylakeX"), ("avx2", "Haswell")):
        if flag in flags:
            return {"OPENBLAS_CORETYPE": kernels}
    return {}


def environment_for(threads: int) -> dict:
    """OpenMP's idle threads sleep: OpenBLAS has threads of its own, which would have to share the cores with them."""
    counts = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    return plain_environment() | openblas_setting() | counts | {"OMP_WAIT_POLICY": "passive"}


def run_before_all_others() -> None:
    """Puts this process and those it starts before all ordinary ones, so that a machine that does other work is timed as if it did not."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    except OSError as error:
        raise Failure(f"--realtime: {error}; it needs root, or a limit on real-time priorities that allows it") from None


def processor_facts() -> dict:
    path = pathlib.Path("/proc/cpuinfo")
    return dict(re.findall(r"(?m)^(model name|cpu family|model|flags)\s*: (.*)$", path.read_text())) if path.exists() else {}


def surroundings() -> str:
    """The processor, and what is set for all contestants."""
    facts = processor_facts()
    vectors = [flag for flag in ("avx2", "avx512f", "amx_tile") if flag in facts.get("flags", "").split()]
    setting = " ".join(f"{key}={value}" for key, value in openblas_setting().items()) or "nothing set for OpenBLAS"
    return f"{facts.get('model name', platform.machine())}, family {facts.get('cpu family', '?')} model {facts.get('model', '?')}, " \
           f"{len(os.sched_getaffinity(0))} cores, {' '.join(vectors)}; {setting}"


# ---- Input ----------------------------------------------------------------------------------------------------------------------------


def one_sequence() -> str:
    """So many ids that none is padding: the prepared sentences, one after the other between the marks of a single one."""
    text = (TREE / "bench" / "data" / "minilm-sentences.tokens").read_text()
    sentences = [[word for word in line.split() if word != "0"] for line in text.splitlines()]
    inner = [word for sentence in sentences for word in sentence[1:-1]]
    return " ".join([sentences[0][0], *inner[:TOKENS - 2], sentences[0][-1]]) + "\n"


# ---- Reporting ------------------------------------------------------------------------------------------------------------------------


def verdicts(timed: Race) -> list:
    if OURS not in timed.seconds:
        return []
    result = []
    for target in TARGETS:
        if (target.work, target.threads) == (timed.work, timed.threads):
            ratio = timed.ratio(OURS, target.peer)
            result.append({"target": target.name, "peer": target.peer, "most": target.most, "stretch": target.stretch, "ratio": ratio,
                           "ratio_of_minima": timed.ratio_of_minima(OURS, target.peer), "met": ratio <= target.most})
    return result


def verdict_text(verdict: dict) -> str:
    text = f"{verdict['target']}, at most {verdict['most']:g}x {verdict['peer']}: {shown(verdict['ratio'], 3)}x, "
    text += "met" if verdict["met"] else "MISSED"
    if verdict["stretch"] is not None:
        text += f" (stretch {verdict['stretch']:g}x {'met' if verdict['ratio'] <= verdict['stretch'] else 'missed'})"
    return text


def table(timed: Race) -> str:
    what = f"MiniLM, {TOKENS} tokens" if timed.work == FORWARD else "attention, one head, N = 4096, d = 64"
    text = f"**{what}, float32, {timed.threads} thread{'s' if timed.threads > 1 else ''}**\n\n"
    text += "| contestant | minimum ms | median ms | ours : it | minimum : minimum | what it is |\n|---|---|---|---|---|---|\n"
    for name, seconds in timed.seconds.items():
        ratios = "- | -"
        if OURS in timed.seconds:
            ratios = f"{shown(timed.ratio(OURS, name), 3)} | {shown(timed.ratio_of_minima(OURS, name), 3)}"
        times = f"{shown(min(seconds) * 1e3, 3)} | {shown(statistics.median(seconds) * 1e3, 3)}"
        text += f"| {name} | {times} | {ratios} | {timed.descriptions[name]} |\n"
    lines = [verdict_text(verdict) for verdict in verdicts(timed)]
    return text + ("\n" + "; ".join(lines) + ".\n" if lines else "")


def options_of(arguments: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/forward_peers.sh", description="Times a forward pass and attention beside their peers.")
    parser.add_argument("--work", nargs="+", choices=[FORWARD, ATTENTION], default=[FORWARD, ATTENTION])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="T", help="of every contestant (default 1 2)")
    parser.add_argument("--repeat", type=int, default=15, metavar="K", help="repetitions, at least 7 (default 15)")
    parser.add_argument("--settle", type=float, default=0.25, metavar="S",
                        help="a pause between turns: the threads of OpenBLAS and onnxruntime spin a while after their work (default 0.25)")
    parser.add_argument("--timeout", type=float, default=120, metavar="S", help="seconds for loading, and for one pass (default 120)")
    parser.add_argument("--ours", type=pathlib.Path, default=TREE / "build" / "release" / "benchmarks" / "forward_pass", metavar="PATH")
    parser.add_argument("--realtime", action="store_true", help="go before all other processes; for a machine that others use too (root)")
    parser.add_argument("--peers-only", action="store_true", help="without ours")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="all times, as JSON")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="puts the tables between the marks of a Markdown file")
    options = parser.parse_args(arguments)
    if options.repeat < 7:
        parser.error(f"--repeat is {options.repeat}; expected at least 7")
    if not options.settle >= 0:
        parser.error(f"--settle is {options.settle}; expected 0 or more")
    if min(options.threads) < 1:
        parser.error(f"--threads is {min(options.threads)}; expected at least 1")
    return options


def run(options: argparse.Namespace) -> None:
    if options.realtime:
        run_before_all_others()
    head = f"On {surroundings()}; {options.repeat} repetitions, alternating{', before all other processes' if options.realtime else ''}.\n"
    print(head, flush=True)
    texts, races = [head], []
    with tempfile.TemporaryDirectory() as folder:
        tokens_file = pathlib.Path(folder) / "one.tokens"
        tokens_file.write_text(one_sequence())
        for work in options.work:
            for threads in options.threads:
                races.append(race(work, threads, tokens_file, options))
                texts.append(table(races[-1]))
                print(texts[-1], flush=True)
    if options.json:
        rows = [dataclasses.asdict(one) | {"targets": verdicts(one)} for one in races]
        report = {"schema": 1, "surroundings": surroundings(), "repeat": options.repeat, "races": rows}
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if options.write:
        write_between_marks(options.write, "forward peers", "\n".join(texts))


def main() -> int:
    try:
        run(options_of(sys.argv[1:]))
    except Failure as failure:
        print(f"forward_peers: {failure}", file=sys.stderr)
        return 6
    return 0


if __name__ == "__main__":
    sys.exit(main())

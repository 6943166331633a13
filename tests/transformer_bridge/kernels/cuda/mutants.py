#!/usr/bin/env python3
"""mutants.py --check | BUILD_FOLDER [ID...]

Breaks the CUDA kernels on purpose, one bug at a time, and prints which build of the simulator notices: plain (four orders of execution),
with AddressSanitizer and UBSan, with the tracer. Exit code 1 if a bug escapes all three. Wants the three tests built (cuda_plain_test,
cuda_asan_test, cuda_trace_test); takes some minutes. --check only looks whether every text to break occurs once.
"""
import concurrent.futures
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[4]
KERNELS = "transformer_bridge/kernels/cuda/"
MODES = ("plain", "asan", "trace")
ATTENTION = "*Attention*:*Chunks*:*Masks*:*HardLogits*:*EmptyRows*-*RowsAlone*"

# (id, what, file, tests that run, (old, new)...): each old text occurs once in the file.
MUTANTS = [
    ("L1", "LayerNorm: half the lanes in the mask", "kl.h", "*LayerNorm*",
     ("x += __shfl_xor_sync(everyone, x, step, width)", "x += __shfl_xor_sync(0x0000ffffU, x, step, width)")),
    ("L2", "LayerNorm: reduction tree one level short", "kl.h", "*LayerNorm*",
     ("for (int step = width / 2; step > 0; step /= 2) x +=", "for (int step = width / 4; step > 0; step /= 2) x +=")),
    ("L3", "LayerNorm: row guard missing", "layer_norm.cu", "*LayerNorm*", ("  if (row >= n) return;  // a whole warp\n", "")),
    ("L4", "LayerNorm: shuffle inside a divergent branch", "layer_norm.cu", "*LayerNorm*",
     ("const Real mean = kl::warp_sum(sum) /", "Real mean = sum;\n  if (lane < a) mean = kl::warp_sum(sum) /")),
    ("L5", "LayerNorm: launch rounds down (tail rows not run)", "layer_norm.cu", "*LayerNorm*",
     ("kl::blocks_for(n, rows_per_block), 32", "static_cast<unsigned>(n < rows_per_block ? 1 : n / rows_per_block), 32")),
    ("L6", "LayerNorm: blocks overlap by a row (same values written)", "layer_norm.cu", "*LayerNorm*",
     ("std::size_t{blockIdx.x} * rows_per_block", "std::size_t{blockIdx.x} * (rows_per_block - 1)"),
     ("kl::blocks_for(n, rows_per_block), 32", "kl::blocks_for(n, rows_per_block - 1), 32")),
    ("L7", "LayerNorm: variance by the mean of squares", "layer_norm.cu", "*LayerNorm*",
     ("squares += (in[c] - mean) * (in[c] - mean);", "squares += in[c] * in[c] - mean * mean;")),

    ("R1", "epilogue: column guard missing", "row.cu", "*Linear*",
     ("  if (column >= b) return;\n  Real y = product[at];", "  Real y = product[at];")),
    ("R2", "epilogue: residual before the activation", "row.cu", "*Linear*",
     ("  if (activates) y = activated(activation, y);\n  if (residual != nullptr) y += residual[at];",
      "  if (residual != nullptr) y += residual[at];\n  if (activates) y = activated(activation, y);")),
    ("R3", "epilogue: bias by row", "row.cu", "*Linear*", ("y += bias[column];", "y += bias[row_here()];")),
    ("R4", "pad_rows: rest of the tile left as it was", "row.cu", "*Linear*:*Traffic.Rows*",
     ("  tile[row * a + column] = given ? x[(row - first) * a + column] : Real{0};",
      "  if (given) tile[row * a + column] = x[(row - first) * a + column];")),
    ("R5", "pad_rows: rows from the start of the tile", "row.cu", "*Linear*",
     ("const bool given = row >= first && row < first + n;", "const bool given = row < n;"),
     ("x[(row - first) * a + column]", "x[row * a + column]")),
    ("R6", "pad_rows: one row too many", "row.cu", "*Linear*", ("row < first + n;", "row <= first + n;")),
    ("R7", "activation: relu drops NaN", "row.cu", "*Activations*:*Linear*",
     ("return y < 0 ? Real{0} : y;", "return y > 0 ? y : Real{0};")),
    ("R8", "activate: bound off by one", "row.cu", "*Activations*",
     ("if (i < count) x[i] = activated(activation, x[i]);", "if (i <= count) x[i] = activated(activation, x[i]);")),
    ("R9", "activate: tail not run", "row.cu", "*Activations*",
     ("KL_LAUNCH(activate_kernel<Real>, kl::blocks_for(count, threads)",
      "KL_LAUNCH(activate_kernel<Real>, kl::blocks_for(count - count / 2, threads)")),
    ("R10", "add: bound off by one", "row.cu", "*Add*", ("if (i < count) into[i] += x[i];", "if (i <= count) into[i] += x[i];")),
    ("R11", "add: tail guarded away", "row.cu", "*Add*", ("if (i < count) into[i] += x[i];", "if (i + 1 < count) into[i] += x[i];")),
    ("R12", "add: blocks overlap (added twice)", "row.cu", "*Add*",
     ("element_here() { return std::size_t{blockIdx.x} * threads + threadIdx.x; }",
      "element_here() { return std::size_t{blockIdx.x} * (threads - 1) + threadIdx.x; }")),
    ("R13", "copy_columns: 32-bit offset", "row.cu", "*CopyColumns*",
     ("to[row * to_stride + column] = from", "to[static_cast<unsigned>(row) * static_cast<unsigned>(to_stride) + column] = from")),
    ("R14", "copy_columns: strides exchanged", "row.cu", "*CopyColumns*",
     ("to[row * to_stride + column] = from[row * from_stride + column]",
      "to[row * from_stride + column] = from[row * to_stride + column]")),
    ("R15", "copy_columns: column guard off by one", "row.cu", "*CopyColumns*",
     ("if (column < columns) to[", "if (column <= columns) to[")),
    ("R16", "first_nan: a plain minimum", "row.cu", "*FirstNan*",
     ("atomicMin(first, static_cast<unsigned long long>(row));", "*first = *first < row ? *first : row;")),
    ("R17", "first_nan: the last one written wins", "row.cu", "*FirstNan*",
     ("atomicMin(first, static_cast<unsigned long long>(row));", "atomicExch(first, static_cast<unsigned long long>(row));")),
    ("R18", "first_nan: infinity counts", "row.cu", "*FirstNan*", ("if (value != value)", "if (value - value != 0)")),

    ("E1", "embedding: column guard missing", "embedding.cu", "*mbedding*", ("  if (column >= b) return;\n", "")),
    ("E2", "embedding: 32-bit offset", "embedding.cu", "*mbedding*",
     ("std::size_t{ids[row]} * b + column", "static_cast<unsigned>(ids[row] * b) + column")),
    ("E3", "embedding: position of the id", "embedding.cu", "*mbedding*",
     ("positions[row * b + column]", "positions[ids[row] * b + column]")),

    ("M1", "merge: no __syncwarp before a row is written", "merge.cu", "*Merge*", ("  __syncwarp();  // the lanes", "  // the lanes")),
    ("M2", "merge: an empty part is added", "merge.cu", "*Merge*",
     ("const bool takes = mine == nothing && mine_sum == 0;", "const bool takes = false;")),
    ("M3", "merge: minus infinity minus itself", "merge.cu", "*Merge*",
     ("base = largest == nothing ? Real{0} : largest;", "base = largest;"),
     ("  if (other == nothing && other_sum == 0) return;\n", "")),
    ("M4", "merge: row guard missing", "merge.cu", "*Merge*", ("  if (row >= n) return;  // a whole warp\n", "")),
    ("M5", "merge: all lanes write the row", "merge.cu", "*Merge*", ("  if (lane == 0) {\n", "  {\n")),
    ("F1", "finish: a row without a sum is divided", "merge.cu", "*Finish*",
     ("divisor == 0 ? Real{0} : value[row * v + c] / divisor", "value[row * v + c] / divisor")),
    ("F2", "finish: row guard off by one", "merge.cu", "*Finish*",
     ("  if (row >= n) return;\n  const Real divisor", "  if (row > n) return;\n  const Real divisor")),
    ("F3", "finish: every second half of a warp's columns", "merge.cu", "*Finish*",
     ("for (std::size_t c = threadIdx.x % 32; c < v; c += 32) out", "for (std::size_t c = threadIdx.x % 32; c < v; c += 64) out")),

    ("P1", "pack: count incremented without an atomic", "pack.cu", "*Pack*",
     ("if (bucket != none) atomicAdd(&local[bucket], 1U);", "if (bucket != none) local[bucket]++;")),
    ("P2", "pack: barrier after clearing the counts missing", "pack.cu", "*Pack*",
     ("local[d] = 0;\n  __syncthreads();", "local[d] = 0;")),
    ("P3", "pack: barrier between strips of the scan missing", "pack.cu", "*Pack*",
     ("    __syncthreads();  // warp_total is written again\n", "")),
    ("P4", "pack: ranks within a warp reversed (unstable)", "pack.cu", "*Pack*",
     ("__popc(peers & ((1U << lane) - 1))", "__popc(peers & ~((2U << lane) - 1))")),
    ("P5", "pack: place taken by atomicAdd (order of arrival)", "pack.cu", "*Pack*",
     ("warp_count[warp * range.count + bucket] = static_cast<std::uint32_t>(__popc(peers));", ";"),
     ("at = offsets[bucket * tiles + t] + rank;", "at = offsets[bucket * tiles + t] + atomicAdd(&warp_count[bucket], 1U);"),
     ("    for (unsigned w = 0; w < warp; ++w) at += warp_count[w * range.count + bucket];\n", "")),
    ("P6", "pack: bound off by one", "pack.cu", "*Pack*", ("if (i >= n) return none;", "if (i > n) return none;")),
    ("P7", "pack: counts not cleared", "pack.cu", "*Pack*",
     ("  for (std::uint32_t d = threadIdx.x; d < range.count; d += tile) local[d] = 0;\n", "")),
    ("P8", "pack: barrier inside a divergent branch", "pack.cu", "*Pack*",
     ("atomicAdd(&local[bucket], 1U);  // integers: any order, the same count\n  __syncthreads();",
      "{\n    atomicAdd(&local[bucket], 1U);\n    __syncthreads();\n  }")),
    ("P9", "pack: too little dynamic shared memory at the launch", "pack.cu", "*Pack*",
     ("tile_warps * count * sizeof(std::uint32_t)", "count * sizeof(std::uint32_t)")),
    ("P10", "pack: a pass forgets where the one before it ended", "pack.cu", "*Pack*",
     ("range.first == 0 ? 0 : starts[0]", "0")),
    ("U1", "unpack: 32-bit offset", "pack.cu", "*npack*",
     ("out[std::size_t{place[row]} * a + column]", "out[static_cast<unsigned>(place[row] * a) + column]")),
    ("U2", "unpack: column guard missing", "pack.cu", "*npack*", ("  if (column < a) out[", "  out[")),
    ("U3", "unpack: rows and places exchanged", "pack.cu", "*npack*",
     ("out[std::size_t{place[row]} * a + column] = rows[row * a + column];",
      "out[row * a + column] = rows[std::size_t{place[row]} * a + column];")),

    ("A1", "attention: barrier before the tiles are overwritten missing", "attention.cu", ATTENTION,
     ("__syncthreads();  // the last tiles have been read", "")),
    ("A2", "attention: barrier after the tiles are filled missing", "attention.cu", ATTENTION,
     ("      __syncthreads();\n      if (warp_end <= j0)", "      if (warp_end <= j0)")),
    ("A3", "attention: __syncwarp between the lanes of a row missing", "attention.cu", ATTENTION,
     ("__syncwarp();  // the weights", "// the weights")),
    ("A4", "attention: the last tile is taken as whole", "attention.cu", ATTENTION,
     ("const int keys = end - j0 < tile_keys ? end - j0 : tile_keys;", "const int keys = tile_keys;")),
    ("A5", "attention: tail of a tile left uninitialised", "attention.cu", ATTENTION,
     ("tile[row * pitch + column] = row < count && column < columns ? from[place(0, 0, row, stride, 0, 0, column)] : Real{0};",
      "if (row < count && column < columns) tile[row * pitch + column] = from[place(0, 0, row, stride, 0, 0, column)];")),
    ("A6", "attention: rows of weights hit the same banks", "attention.cu", "*Traffic*",
     ("weight_pitch = tile_keys + 2 * Wide<Real>::size;", "weight_pitch = tile_keys;")),
    ("A7", "attention: row maximum taken over the whole warp", "attention.cu", ATTENTION,
     ("kl::warp_max(top, lanes_across));", "kl::warp_max(top, 32));")),
    ("A8", "attention: -10000 in place of minus infinity", "attention.cu", ATTENTION,
     ("Real largest = minus_infinity<Real>;  // of row a", "Real largest = -10000;  // of row a")),
    ("A9", "attention: causal bound off by one", "attention.cu", ATTENTION,
     ("const int end = block.ahead + i;", "const int end = block.ahead + i + 1;")),
    ("A10", "attention: chunks are added as they are", "attention.cu", ATTENTION,
     ("product(sum[static_cast<std::size_t>(c) * n * heads + part], weight(c))", "sum[static_cast<std::size_t>(c) * n * heads + part]")),
    ("A11", "attention: a pair's row is overwritten before it was read", "attention.cu", "*Blocks*",
     ("__syncwarp();  // the last row has been read", "")),
    ("A12", "attention: a pair's row is read before it was written", "attention.cu", "*Blocks*",
     ("    __syncwarp();\n    const int end = mine", "    const int end = mine")),
    ("A13", "attention: a hidden value weighs 0 times itself", "attention.cu", "*Blocks*",
     ("if (j < end) total += weights[j] *", "total += weights[j] *")),
    ("A14", "attention: a warp that sees nothing leaves before the barrier", "attention.cu", "*SeveralWarps*",
     ("      if (warp_end <= j0) continue;  // a whole warp", "      if (warp_end <= j0) return;  // a whole warp")),
    ("A15", "attention: the sum is not scaled when the maximum rises", "attention.cu", "*CudaAttention.Chunks*",
     ("sum[a] = sum[a] * shrink + total;", "sum[a] = sum[a] + total;")),
    ("A16", "attention chunks: a subtree left out", "attention.cu", "*CudaAttention.Chunks*",
     ("if (carrying && full) carried = subtree[level] + carried;", "if (carrying && full) carried = subtree[level];")),
    ("A17", "attention chunks: the parts of two chunks overlap", "attention.cu", "*CudaAttention.Chunks*",
     ("part.chunk_parts = n * s.heads;", "part.chunk_parts = n * s.heads - 1;")),
    ("A18", "attention chunks: guard off by one", "attention.cu", "*CudaAttention.Chunks*",
     ("if (e >= n * heads * columns) return;", "if (e > n * heads * columns) return;")),
    ("A19", "attention of small blocks: shared memory of a row too few", "attention.cu", "*Blocks*:Traffic.Attention*",
     ("small_warps * (lanes_down + slots * s.t) * pitch;", "(small_warps * (lanes_down + slots * s.t) - 1) * pitch;")),
    ("A20", "attention of small blocks: maximum over the whole warp", "attention.cu", "*Blocks*",
     ("kl::warp_max(logit, lanes_across)", "kl::warp_max(logit, 32)")),

    ("B1", "linear: tiles cut by call, not by token", "backend.cc", "*Linear*",
     ("const auto skip = (first + done) % gemm_rows;", "const auto skip = done % gemm_rows;")),
    ("B2", "linear: a tile where it does not lie aligned", "backend.cc", "*Linear*",
     ("if (n == gemm_rows && reinterpret_cast<std::uintptr_t>(x) % gemm_alignment == 0) return x;", "if (n == gemm_rows) return x;")),
    ("B3", "linear: a short tile is read as a whole one", "backend.cc", "*Linear*",
     ("if (n == gemm_rows && reinterpret_cast", "if (reinterpret_cast")),
]
# What is compiled to see a header's bug.
UNIT = {"kl.h": "layer_norm.cu"}


def broken_text(mutant):
    _, _, file, _, *edits = mutant
    text = (ROOT / KERNELS / file).read_text()
    for old, new in edits:
        if text.count(old) != 1:
            sys.exit(f"mutants.py: {mutant[0]}: {old!r} occurs {text.count(old)} times in {file}, and not once")
        text = text.replace(old, new)
    return text


def commands(build, target):
    result = subprocess.run(["ninja", "-C", build, "-t", "commands", target], capture_output=True, text=True, check=True)
    return result.stdout.splitlines()


def run(command, **options):
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", **options)
        return result.returncode, result.stdout + result.stderr
    except subprocess.TimeoutExpired:
        return 124, "timeout"


def verdict(code, text):
    """What noticed the bug, in a word; empty: nothing did."""
    if code == 0:
        return ""
    for word, means in (("AddressSanitizer", "address"), ("runtime error:", "UB"), ("divergent barrier", "barrier"),
                        ("lane missing", "lanes"), ("own mask", "lanes"), ("shuffle at", "lanes"), ("out of bounds", "bounds"),
                        ("uninitialised", "uninitialised"), ("race on", "race"), ("invalid configuration", "launch"),
                        ("a copy ", "bounds"), ("not aligned", "alignment"), ("depends on the order", "order")):
        if word in text:
            return means
    return "crash" if code < 0 else "hang" if code == 124 else "wrong"


def try_mutant(mutant, build, unit_commands, link_commands):
    name, what, file, tests, *_ = mutant
    unit = UNIT.get(file, file)
    row = {}
    with tempfile.TemporaryDirectory() as folder:
        broken = pathlib.Path(folder) / KERNELS / file
        broken.parent.mkdir(parents=True)
        broken.write_text(broken_text(mutant))
        for mode in MODES:
            compiled, program = f"{folder}/{mode}.o", f"{folder}/{mode}"
            source = str(ROOT / KERNELS / unit)
            arguments = [str(broken) if part == source and unit == file else part for part in shlex.split(unit_commands[mode][unit])]
            arguments[arguments.index("-o") + 1] = compiled
            arguments[arguments.index("-MF") + 1] = f"{folder}/{mode}.d"
            arguments.insert(arguments.index("-c"), "-Wno-error")
            first_include = next(i for i, part in enumerate(arguments) if part.startswith("-I"))
            arguments.insert(first_include, f"-I{folder}")
            code, log = run(arguments, cwd=build)
            if code != 0:
                sys.exit(f"mutants.py: {name} does not compile:\n{log}")
            # Before the library that holds the unbroken one.
            link = shlex.split(link_commands[mode].removeprefix(": && ").removesuffix(" && :"))
            link[link.index("-o") + 1] = program
            link.insert(link.index("-o"), compiled)
            code, log = run(link, cwd=build)
            if code != 0:
                sys.exit(f"mutants.py: {name} does not link:\n{log}")
            row[mode] = verdict(*run([program, f"--gtest_filter={tests}"], timeout=300))
            os.remove(program)
    return name, what, row


def main():
    arguments = sys.argv[1:]
    if not arguments:
        sys.exit(__doc__)
    for mutant in MUTANTS:
        broken_text(mutant)
    if arguments == ["--check"]:
        print(f"{len(MUTANTS)} mutants")
        return
    build, chosen = arguments[0], arguments[1:]
    unit_commands, link_commands = {}, {}
    for mode in MODES:
        lines = commands(build, f"cuda_{mode}_test")
        link_commands[mode] = lines[-1]
        unit_commands[mode] = {unit: next(line for line in lines if f"cuda_{mode}" in line and line.endswith(f"/{KERNELS}{unit}"))
                               for unit in {UNIT.get(m[2], m[2]) for m in MUTANTS}}
    mutants = [m for m in MUTANTS if not chosen or m[0] in chosen]
    if not mutants:
        sys.exit(f"mutants.py: no mutant is named {' or '.join(chosen)}")
    print("| id | bug | " + " | ".join(MODES) + " |\n|---|---|" + "---|" * len(MODES))
    missed = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, what, row in pool.map(lambda m: try_mutant(m, build, unit_commands, link_commands), mutants):
            print(f"| {name} | {what} | " + " | ".join(row[mode] or "-" for mode in MODES) + " |", flush=True)
            if not any(row.values()):
                missed.append(name)
    if missed:
        sys.exit(f"mutants.py: nobody noticed {', '.join(missed)}")


main()

#!/usr/bin/env python3
"""resources.py NVCC SOURCE_FOLDER FILE.cu...

What each CUDA kernel takes of a multiprocessor, as ptxas says, for sm_80 and sm_90: registers, spilled bytes, stack, shared memory; and
the share of a multiprocessor's warps that may run at once, computed from these. Exit code 1 if a kernel spills registers."""
import os
import re
import subprocess
import sys
import tempfile

ARCHITECTURES = ("sm_80", "sm_90")
# Of a multiprocessor, the same for both (CUDA C++ Programming Guide, compute capabilities).
REGISTERS, WARPS, BLOCKS = 65536, 64, 32
REGISTER_UNIT = 256  # a warp gets a multiple of it
SHARED = {"sm_80": 164 << 10, "sm_90": 228 << 10}
SHARED_RESERVED, SHARED_UNIT = 1 << 10, 128  # of each block

MARKER = "Compiling entry function '"


def dynamic_shared(kernel):
    """Bytes that the launch adds, at most: ptxas does not know them."""
    name, arguments = (re.match(r"(\w+)(?:<(.*)>)?$", kernel).groups())
    if name == "histogram_kernel":
        return 1024 * 4
    if name == "scatter_kernel":
        return 8 * 1024 * 4
    if name == "tile_kernel":  # attention.cu, Tiles::bytes of four warps
        real, width, rows = arguments.split(", ")
        size, width, rows = (4 if real == "float" else 8), int(width), 4 * int(rows)
        group = 16 // size
        return size * (32 * (width + group) + 32 * width + 4 * rows * (width + group + 32 + 2 * group))
    return 0


def occupancy(architecture, threads, registers, shared):
    warps = -(-threads // 32)
    per_warp = -(-registers * 32 // REGISTER_UNIT) * REGISTER_UNIT
    by_registers = REGISTERS // per_warp // 4 * 4 // warps  # a quarter of the warps shares a quarter of the registers
    by_shared = SHARED[architecture] // (-(-shared // SHARED_UNIT) * SHARED_UNIT + SHARED_RESERVED)
    return min(BLOCKS, WARPS // warps, by_registers, by_shared) * warps / WARPS


def demangled(name):
    plain = subprocess.run(["c++filt", name], capture_output=True, text=True, check=True).stdout.strip()
    plain = plain.replace("(anonymous namespace)::", "").replace("bridge::cuda::", "").removeprefix("void ")
    return re.sub(r"\(.*", "", plain).replace("(int)", "")


def kernels(nvcc, folder, source, architecture):
    """(name, threads, registers, spilled, stack, static shared) of each kernel of a file."""
    with tempfile.TemporaryDirectory() as kept:
        options = ["-fmad=false"] if os.path.basename(source) == "merge.cu" else []
        result = subprocess.run([nvcc, "-std=c++20", "-O3", f"-I{folder}", f"-arch={architecture}", "-cubin", "-Xptxas", "-v", "--keep",
                                 "--keep-dir", kept, *options, "-o", os.path.join(kept, "kernels.cubin"), source],
                                capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(result.stderr)
        ptx = "".join(open(os.path.join(kept, file)).read() for file in os.listdir(kept) if file.endswith(".ptx"))
    for part in result.stderr.split(MARKER)[1:]:
        name = part[:part.index("'")]
        bounds = re.search(re.escape(name) + r"\([^)]*\)\s*\.maxntid (\d+)", ptx)
        if bounds is None:
            sys.exit(f"resources.py: {demangled(name)} has no __launch_bounds__")

        def number(pattern):
            found = re.search(pattern, part)
            return int(found[1]) if found else 0

        yield (demangled(name), int(bounds[1]), number(r"Used (\d+) registers"), number(r"(\d+) bytes spill stores"),
               number(r"(\d+) bytes stack"), number(r"(\d+) bytes smem"))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    nvcc, folder, sources = sys.argv[1], sys.argv[2], sys.argv[3:]
    print("| kernel | threads | registers | spilled, B | stack, B | shared, B | warps at once |")
    print("|---|---|---|---|---|---|---|")
    spills = 0
    for source in sources:
        rows = {}
        for architecture in ARCHITECTURES:
            for name, *rest in kernels(nvcc, folder, source, architecture):
                rows.setdefault(name, []).append(rest)
        if not rows:
            sys.exit(f"resources.py: no kernel in {source}")
        for name, measured in sorted(rows.items()):
            threads, registers, spilled, stack, static = zip(*measured)
            shared = [bytes_of + dynamic_shared(name) for bytes_of in static]
            share = [f"{occupancy(*of):.0%}" for of in zip(ARCHITECTURES, threads, registers, shared)]
            columns = [" / ".join(str(x) for x in column) for column in (registers, spilled, stack, shared, share)]
            print(f"| `{name}` | {threads[0]} | " + " | ".join(columns) + " |")
            spills += sum(bytes_of > 0 for bytes_of in spilled)
    if spills:
        sys.exit(f"resources.py: {spills} kernels spill registers")


main()

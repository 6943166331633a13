// Fuzzes the scanner of one graph format, FUZZ_FORMAT, against itself (tests/fuzz/graph_text.h). To run it for ten minutes:
//   cmake -S . -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DROUNDTRIP_FUZZ=ON && cmake --build build/fuzz --target fuzz_metis
//   mkdir -p found && build/fuzz/tests/fuzz_metis -max_len=12000 -max_total_time=600 found tests/fuzz/corpus/metis
// What it finds goes to tests/fuzz/corpus/, which every test run replays (protocols/graph/corpus_test.cc).

#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/graph_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fault = tests::fault_of_parsers(protocols::Format::FUZZ_FORMAT, {reinterpret_cast<const char*>(data), size});
  if (fault.empty()) return 0;
  std::fprintf(stderr, "%s\n", fault.c_str());
  std::abort();
}

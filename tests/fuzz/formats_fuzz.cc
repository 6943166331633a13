// Fuzzes the reader of one of a model's files, FUZZ_FORMAT (tests/fuzz/format_bytes.h). To run it for ten minutes:
//   cmake -S . -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DROUNDTRIP_FUZZ=ON && cmake --build build/fuzz --target fuzz_safetensors
//   mkdir -p found && build/fuzz/tests/fuzz_safetensors -max_total_time=600 found tests/fuzz/corpus/safetensors
// What it finds goes to tests/fuzz/corpus/, which every test run replays (transformer_bridge/formats/corpus_test.cc).

#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/format_bytes.h"

namespace {

std::string fault_of(std::string_view bytes) {
  const std::string_view format = FUZZ_FORMAT;
  if (format == "config") return tests::fault_of_config(bytes);
  const auto fault = tests::fault_of_safetensors(bytes);
  return fault.empty() ? tests::fault_of_safetensors(tests::with_length(bytes)) : fault;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fault = fault_of({reinterpret_cast<const char*>(data), size});
  if (fault.empty()) return 0;
  std::fprintf(stderr, "%s\n", fault.c_str());
  std::abort();
}

// The tracer. Kernels are compiled with g++ -fsanitize=thread, which calls a function before every access to memory, and linked with the
// functions here in place of ThreadSanitizer's. An access of a kernel is checked against the memory it may use (bounds), against what was
// written before (uninitialised reads), and against the accesses of other threads since the last barrier, __syncwarp or launch (races, of
// shared and global memory, also between blocks); and counted as the hardware would: 32-byte sectors of global memory, and passes over the
// banks of shared memory, for each instruction of a warp.
#include "transformer_bridge/kernels/cuda/simulator/kl_trace.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <unistd.h>

#include "transformer_bridge/kernels/cuda/simulator/kl_internal.h"

// The linker's: where the program begins and ends.
extern const char program_begin __asm__("__executable_start");
extern const char program_end __asm__("_end");

namespace kl::sim {
namespace {

/// One access by one thread of a block whose traffic is counted.
struct Record {
  const void* from;
  int warp, lane;
  std::uintptr_t address;
  unsigned size;
  bool write, shared;
};
/// What an instruction has moved.
struct Line {
  std::string kernel;
  bool write, shared;
  std::uint64_t requests = 0, units = 0, ideal = 0;
};

constexpr int counted_blocks = 2;  // the first two of a launch are like the others
std::vector<Record> records;
std::map<const void*, Line> lines;
std::set<std::pair<const void*, const void*>> reported;

/// "file:line" of an instruction, from addr2line.
std::string source(const void* from) {
  std::array<char, 4096> program{}, line{};
  std::array<char, 32> offset{};
  if (readlink("/proc/self/exe", program.data(), program.size() - 1) <= 0) return "?";
  std::snprintf(offset.data(), offset.size(), "0x%tx", static_cast<const char*>(from) - 1 - &program_begin);
  const auto command = std::string("addr2line -e '") + program.data() + "' " + offset.data();
  auto* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "?";
  if (std::fgets(line.data(), static_cast<int>(line.size()), pipe) == nullptr) line[0] = '?';
  pclose(pipe);
  const std::string text = line.data();
  const auto end = text.substr(0, text.find_first_of(" \n"));
  return end.substr(end.rfind('/') + 1);
}

std::string thread_name(const Here& at) { return "thread " + std::to_string(at.thread) + " of block " + std::to_string(at.block); }

/// Whether the running thread knows that `before` is over.
bool ordered(const Access& before, const Here& at) {
  if (before.thread < 0 || (before.block == at.block && before.thread == at.thread)) return true;
  if (before.block != at.block) return false;
  if (at.epoch > before.epoch) return true;
  return before.warp() == at.warp() && at.clock[static_cast<std::size_t>(before.lane())] >= before.clock;
}

void race(const Region& where, const Access& first, bool first_writes, const Access& second, bool second_writes) {
  if (!reported.insert({first.from, second.from}).second) return;
  const auto who = [](const Access& access, bool writes) {
    return std::string(access.atomic ? "atomic " : "") + (writes ? "write" : "read") + " by thread " + std::to_string(access.thread) +
           " of block " + std::to_string(access.block) + " at " + source(access.from);
  };
  report("race on " + where.name + ": " + who(first, first_writes) + ", then " + who(second, second_writes));
}

[[noreturn]] void out_of_bounds(const void* from, std::uintptr_t at, unsigned size, bool write, const Here& by) {
  const auto* inside = region(at);
  auto near = inside != nullptr ? inside->name : std::string("any buffer");
  for (std::uintptr_t distance = 4; inside == nullptr && distance <= 512; distance += 4) {
    if (const auto* before = region(at - distance); before != nullptr) {
      near = before->name + " (" + std::to_string(at - before->end) + " bytes after its end)";
      break;
    }
    if (const auto* after = region(at + distance); after != nullptr) {
      near = after->name + " (" + std::to_string(after->begin - at) + " bytes before it)";
      break;
    }
  }
  die(std::string("out of bounds ") + (write ? "write" : "read") + " of " + std::to_string(size) + " bytes by " + thread_name(by) + " at " +
      source(from) + ", outside " + near);
}

void remember_reader(Cell& cell, const Access& now) {
  auto& latest = cell.read;
  if (latest[0].thread != now.thread || latest[0].block != now.block) {
    if (latest[0].warp() != now.warp() || latest[0].block != now.block) latest[2] = latest[0];
    latest[1] = latest[0];
  }
  latest[0] = now;
}

void access(const void* from, const volatile void* place, unsigned size, bool write, bool atomic) {
  const auto* at_work = here();
  const auto at = reinterpret_cast<std::uintptr_t>(place);
  if (at_work == nullptr || on_a_stack(at)) return;
  const Inside inside;
  const auto& by = *at_work;
  auto* found = region(at);
  if (found == nullptr && at >= reinterpret_cast<std::uintptr_t>(&program_begin) && at < reinterpret_cast<std::uintptr_t>(&program_end))
    return;  // constants
  if (found == nullptr || at + size > found->end) out_of_bounds(from, at, size, write, by);
  if (by.block < counted_blocks) records.push_back({from, by.warp(), by.lane(), at, size, write, found->shared});

  Access now{by.block, by.thread, by.epoch, by.clock[static_cast<std::size_t>(by.lane())], from, 0, atomic};
  for (auto word = at / 4; word <= (at + size - 1) / 4; ++word) {
    auto& cell = found->cell(word);
    const auto first = std::max(word * 4, at), last = std::min(word * 4 + 4, at + size);
    now.bytes = ((1U << (last - word * 4)) - 1) & ~((1U << (first - word * 4)) - 1);
    if (cell.launch != by.launch) {
      cell.launch = by.launch;
      cell.write = {};
      cell.read = {};
    }
    if ((!write || atomic) && (now.bytes & ~cell.initialised) != 0 && !found->host_wrote_all(first, last) &&
        reported.insert({from, nullptr}).second) {
      report("uninitialised read of " + found->name + ", offset " + std::to_string(at - found->begin) + ", by " + thread_name(by) + " at " +
             source(from));
    }
    const auto conflicts = [&](const Access& old) { return (old.bytes & now.bytes) != 0 && !(old.atomic && atomic) && !ordered(old, by); };
    if (conflicts(cell.write)) race(*found, cell.write, true, now, write);
    if (!write) {
      remember_reader(cell, now);
      continue;
    }
    for (const auto& old : cell.read) {
      if (conflicts(old)) race(*found, old, false, now, true);
    }
    cell.write = now;
    cell.initialised |= now.bytes;
  }
}

/// The n-th execution of an instruction by each lane of a warp is one request.
void count_block(const std::string& kernel) {
  std::ranges::stable_sort(records, {}, [](const Record& record) { return std::tuple(record.from, record.warp, record.lane); });
  for (std::size_t i = 0; i < records.size();) {
    const auto first = i;
    std::array<std::vector<const Record*>, 32> lanes;
    std::size_t most = 0;
    for (; i < records.size() && records[i].from == records[first].from && records[i].warp == records[first].warp; ++i) {
      auto& lane = lanes[static_cast<std::size_t>(records[i].lane)];
      lane.push_back(&records[i]);
      most = std::max(most, lane.size());
    }
    auto& line = lines.try_emplace(records[first].from, Line{kernel, records[first].write, records[first].shared}).first->second;
    for (std::size_t n = 0; n < most; ++n) {
      std::set<std::uintptr_t> sectors, words;
      std::array<std::uint64_t, 32> bank{};
      for (const auto& lane : lanes) {
        if (n >= lane.size()) continue;
        for (auto word = lane[n]->address / 4; word <= (lane[n]->address + lane[n]->size - 1) / 4; ++word) {
          if (!words.insert(word).second) continue;
          sectors.insert(word / 8);
          ++bank[word % 32];
        }
      }
      ++line.requests;
      line.units += line.shared ? *std::ranges::max_element(bank) : sectors.size();
      line.ideal += line.shared ? (words.size() + 31) / 32 : (words.size() + 7) / 8;
    }
  }
  records.clear();
}

const bool listening = (at_block_end(count_block), true);

}  // namespace

Traffic traffic(const std::string& kernel) {
  Traffic result;
  for (const auto& [from, line] : lines) {
    if (line.kernel.find(kernel) == std::string::npos) continue;
    (line.shared ? result.shared_passes : result.sectors) += line.units;
    (line.shared ? result.ideal_shared_passes : result.ideal_sectors) += line.ideal;
  }
  return result;
}

void forget_traffic() { lines.clear(); }

void print_traffic() {
  std::printf("%-28s %-24s %-12s %9s %9s %9s %6s\n", "kernel", "where", "what", "requests", "moved", "ideal", "ratio");
  for (const auto& [from, line] : lines) {
    std::printf("%-28.28s %-24s %-6s %-5s %9llu %9llu %9llu %6.2f\n", line.kernel.c_str(), source(from).c_str(),
                line.shared ? "shared" : "global", line.write ? "write" : "read", static_cast<unsigned long long>(line.requests),
                static_cast<unsigned long long>(line.units), static_cast<unsigned long long>(line.ideal),
                static_cast<double>(line.units) / static_cast<double>(line.ideal));
  }
}

}  // namespace kl::sim

// What the instrumented code calls, as g++ 12 emits it.
extern "C" {
#define KL_ACCESS(name, size)                                                                                      \
  void __tsan_read##name(void* place) { kl::sim::access(__builtin_return_address(0), place, size, false, false); } \
  void __tsan_write##name(void* place) { kl::sim::access(__builtin_return_address(0), place, size, true, false); }
KL_ACCESS(1, 1)
KL_ACCESS(2, 2)
KL_ACCESS(4, 4)
KL_ACCESS(8, 8)
KL_ACCESS(16, 16)
#undef KL_ACCESS
#define KL_ACCESS(size)                                                                                                      \
  void __tsan_unaligned_read##size(void* place) { kl::sim::access(__builtin_return_address(0), place, size, false, false); } \
  void __tsan_unaligned_write##size(void* place) { kl::sim::access(__builtin_return_address(0), place, size, true, false); }
KL_ACCESS(2)
KL_ACCESS(4)
KL_ACCESS(8)
KL_ACCESS(16)
#undef KL_ACCESS
void __tsan_read_range(void* place, std::size_t size) {
  kl::sim::access(__builtin_return_address(0), place, static_cast<unsigned>(size), false, false);
}
void __tsan_write_range(void* place, std::size_t size) {
  kl::sim::access(__builtin_return_address(0), place, static_cast<unsigned>(size), true, false);
}
#define KL_ATOMIC(bits, T)                                                                                 \
  T __tsan_atomic##bits##_load(const volatile T* place, int) { return *place; }                            \
  void __tsan_atomic##bits##_store(volatile T* place, T value, int) { *place = value; }                    \
  T __tsan_atomic##bits##_fetch_add(volatile T* place, T value, int) {                                     \
    kl::sim::access(__builtin_return_address(0), place, sizeof(T), true, true);                            \
    return __atomic_fetch_add(place, value, __ATOMIC_RELAXED);                                             \
  }                                                                                                        \
  T __tsan_atomic##bits##_exchange(volatile T* place, T value, int) {                                      \
    kl::sim::access(__builtin_return_address(0), place, sizeof(T), true, true);                            \
    return __atomic_exchange_n(place, value, __ATOMIC_RELAXED);                                            \
  }                                                                                                        \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* place, T* expected, T value, int, int) {   \
    kl::sim::access(__builtin_return_address(0), place, sizeof(T), true, true);                            \
    return __atomic_compare_exchange_n(place, expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
  }
KL_ATOMIC(8, unsigned char)
KL_ATOMIC(32, unsigned)
KL_ATOMIC(64, unsigned long long)
#undef KL_ATOMIC
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
}

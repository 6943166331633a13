#include "transformer_bridge/kernels/cuda/simulator/kl_sim.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <numeric>
#include <span>

#include <sys/mman.h>

#include "transformer_bridge/kernels/cuda/simulator/kl_internal.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define KL_ASAN(...) __VA_ARGS__
// A thread that ends its kernel by a violation does not leave its functions: the parts of the text stay.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:basic_string"; }
#else
#define KL_ASAN(...)
#endif

#if defined(__x86_64__) && !defined(KL_UCONTEXT)
// swapcontext makes two system calls; this makes none. Saves the stack pointer in *from, and goes on where `to` was saved.
extern "C" void kl_switch(void** from, void* to);
__asm__(R"(
  .text
  .type kl_switch, @function
kl_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
namespace {
struct Context {
  void* stack_pointer = nullptr;
  void prepare(char* stack, std::size_t bytes, void (*entry)()) {
    auto** top = reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(stack) + bytes) & ~std::uintptr_t{15});
    *--top = nullptr;  // as if `entry` had been called from nowhere
    *--top = reinterpret_cast<void*>(entry);
    for (int saved = 0; saved < 6; ++saved) *--top = nullptr;
    stack_pointer = top;
  }
  void switch_to(Context& to) { kl_switch(&stack_pointer, to.stack_pointer); }
};
}  // namespace
#else
#include <ucontext.h>
namespace {
struct Context {
  ucontext_t context;
  void prepare(char* stack, std::size_t bytes, void (*entry)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = bytes;
    context.uc_link = nullptr;
    makecontext(&context, entry, 0);
  }
  void switch_to(Context& to) { swapcontext(&context, &to.context); }
};
}  // namespace
#endif

namespace kl::sim {
namespace {

constexpr std::size_t guard_page = 4096, stack_bytes = std::size_t{128} << 10;
constexpr std::size_t max_threads = 1024, warp_lanes = 32;
constexpr std::size_t free_shared = std::size_t{48} << 10;  // without allow_shared
constexpr std::size_t max_shared = std::size_t{227} << 10;  // of sm_90

enum class State { ready, barrier, warp, done };

/// A thread of the block that runs.
struct Fibre {
  Context context;
  dim3 index;
  Here here;
  State state = State::ready;
  int line = 0;  // where it waits
  Warp function{};
  unsigned mask = 0;
  std::uint64_t value = 0, result = 0;
  int argument = 0, width = 32;
  bool inside = false;  // the simulator

  std::size_t lane() const { return static_cast<std::size_t>(here.lane()); }
};

struct Shared {
  void* memory;
  std::size_t bytes;
};

struct Launch {
  std::string name;
  dim3 grid, block;
  std::size_t dynamic_bytes, allowed_shared;
  void (*body)(void*);
  void* arguments;
  std::uint64_t number;
};

// One block runs at a time, so its state is global.
const Launch* launch_now = nullptr;
Fibre* self = nullptr;
Context scheduler;
std::vector<Fibre> fibres;
std::array<std::uint64_t, max_threads / 64> ready;
std::map<const void*, Shared> shared_now;
std::map<std::uintptr_t, Region> regions;
std::map<const void*, std::size_t> shared_allowed;
char* stacks = nullptr;
std::size_t stacks_bytes = 0;
dim3 block_now;
int barrier_count = 0;
bool dying = false;
std::vector<std::string> violations;
BlockEnded block_ended = nullptr;
std::uint64_t seed_now = 0, digest_now = 0;
std::uint64_t random_state = 1;
KL_ASAN(const void* main_stack; std::size_t main_stack_bytes;)

constexpr int poison = 0xFF;

/// Aligned as cudaMalloc does, and not padded, so that AddressSanitizer knows the exact end.
char* aligned(std::size_t bytes) {
  void* place = nullptr;
  if (posix_memalign(&place, 256, std::max<std::size_t>(bytes, 1)) != 0) throw std::bad_alloc();
  return static_cast<char*>(place);
}

char* stack_of(std::size_t thread) { return stacks + thread * stack_bytes + guard_page; }

std::uint64_t random_bits() {  // xorshift64*
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 2685821657736338717U;
}

void set_ready(Fibre& fibre) {
  const auto id = static_cast<std::size_t>(fibre.here.thread);
  fibre.state = State::ready;
  ready[id / 64] |= std::uint64_t{1} << (id % 64);
}

/// The next thread to run: the lowest, the highest, or from a random one on. nullptr: none is ready.
Fibre* take_ready() {
  const auto n = fibres.size();
  const bool down = seed_now == 1 || (seed_now > 1 && random_bits() % 2 != 0);
  const auto start = seed_now > 1 ? random_bits() % n : down ? n - 1 : 0;
  for (std::size_t step = 0; step < n; ++step) {
    const auto id = (down ? start + n - step : start + step) % n;
    auto& word = ready[id / 64];
    if (word == 0 && !down && id % 64 == 0 && id + 64 <= n) {
      step += 63;
      continue;
    }
    const auto bit = std::uint64_t{1} << (id % 64);
    if ((word & bit) == 0) continue;
    word &= ~bit;
    return &fibres[id];
  }
  return nullptr;
}

/// From a thread back to the scheduler; returns when the thread is taken again.
void yield([[maybe_unused]] bool for_good = false) {
  KL_ASAN(void* fake = nullptr; __sanitizer_start_switch_fiber(for_good ? nullptr : &fake, main_stack, main_stack_bytes);)
  self->context.switch_to(scheduler);
  KL_ASAN(__sanitizer_finish_switch_fiber(fake, nullptr, nullptr);)
}

void resume(Fibre& fibre) {
  self = &fibre;
  KL_ASAN(void* fake = nullptr;
          __sanitizer_start_switch_fiber(&fake, stack_of(static_cast<std::size_t>(fibre.here.thread)), stack_bytes - guard_page);)
  scheduler.switch_to(fibre.context);
  KL_ASAN(__sanitizer_finish_switch_fiber(fake, nullptr, nullptr);)
  self = nullptr;
}

std::string where(const Fibre& fibre) {
  const auto text = "thread " + std::to_string(fibre.here.thread);
  switch (fibre.state) {
    case State::barrier: return text + " waits in __syncthreads at line " + std::to_string(fibre.line);
    case State::warp: {
      char mask[16];
      std::snprintf(mask, sizeof mask, "0x%08x", fibre.mask);
      return text + " waits in a warp function at line " + std::to_string(fibre.line) + " with mask " + mask;
    }
    case State::done: return text + " has exited";
    case State::ready: break;
  }
  return text + " runs";
}

/// The lane of a warp of `lanes` that `fibre` reads in a shuffle.
std::size_t source_lane(const Fibre& fibre) {
  const auto lane = fibre.here.lane(), first = lane & ~(fibre.width - 1), last = first + fibre.width - 1;
  int from = lane;
  switch (fibre.function) {
    case Warp::shuffle: from = first | (fibre.argument & (fibre.width - 1)); break;
    case Warp::shuffle_up: from = lane - fibre.argument < first ? lane : lane - fibre.argument; break;
    case Warp::shuffle_down: from = lane + fibre.argument > last ? lane : lane + fibre.argument; break;
    case Warp::shuffle_xor: from = (lane ^ fibre.argument) > last ? lane : lane ^ fibre.argument; break;
    default: break;
  }
  return static_cast<std::size_t>(from);
}

/// If all live lanes that `fibre` waits for have come, gives each its result and makes it ready.
void try_warp(const Fibre& fibre) {
  const auto first = static_cast<std::size_t>(fibre.here.warp()) * warp_lanes;
  const std::span<Fibre> lanes(&fibres[first], warp_lanes);
  unsigned present = 0;
  for (const auto& other : lanes) {
    if ((fibre.mask >> other.lane() & 1U) == 0 || other.state == State::done) continue;
    if (other.state != State::warp || other.function != fibre.function || other.mask != fibre.mask || other.line != fibre.line) return;
    present |= 1U << other.lane();
  }
  const auto is_present = [&](std::size_t lane) { return (present >> lane & 1U) != 0; };
  std::array<unsigned, warp_lanes> joined{};
  for (std::size_t lane = 0; fibre.function == Warp::sync && lane < warp_lanes; ++lane) {
    if (!is_present(lane)) continue;
    for (std::size_t other = 0; other < warp_lanes; ++other) joined[other] = std::max(joined[other], lanes[lane].here.clock[other]);
  }
  for (auto& to : lanes) {
    if (!is_present(to.lane())) continue;
    switch (to.function) {
      case Warp::ballot:
      case Warp::match:
        to.result = 0;
        for (const auto& other : lanes) {
          const bool counts = to.function == Warp::ballot ? other.value != 0 : other.value == to.value;
          if (counts && is_present(other.lane())) to.result |= std::uint64_t{1} << other.lane();
        }
        break;
      case Warp::sync:  // the only warp function that orders memory (CUDA C++ Programming Guide)
        to.here.clock = joined;
        ++to.here.clock[to.lane()];
        break;
      default: {
        const auto from = source_lane(to);
        if (!is_present(from)) {
          die("shuffle at line " + std::to_string(to.line) + ": lane " + std::to_string(to.lane()) + " reads lane " + std::to_string(from) +
              ", which has exited, does not exist or is not in the mask");
        }
        to.result = lanes[from].value;
      }
    }
  }
  for (auto& to : lanes) {
    if (is_present(to.lane())) set_ready(to);
  }
}

/// No thread can run: either all of them stand at one barrier, or the kernel is wrong. False when all are done.
bool next_phase() {
  const Fibre *waiting = nullptr, *stray = nullptr;
  std::size_t done = 0;
  for (const auto& fibre : fibres) {
    if (fibre.state == State::done) ++done;
    if (fibre.state == State::warp) stray = &fibre;
    if (fibre.state == State::barrier && waiting == nullptr) waiting = &fibre;
  }
  if (done == fibres.size()) return false;
  if (stray != nullptr) {
    for (const auto& other : fibres) {
      const bool wanted = other.here.warp() == stray->here.warp() && (stray->mask >> other.lane() & 1U) != 0 && other.state != State::done;
      if (wanted && (other.state != State::warp || other.mask != stray->mask || other.line != stray->line))
        die("lane missing from a warp function: " + where(*stray) + ", but " + where(other));
    }
    die("warp function never completes: " + where(*stray));
  }
  for (const auto& other : fibres) {
    if (other.state != State::barrier || other.line != waiting->line)
      die("divergent barrier: " + where(*waiting) + ", but " + where(other));
  }
  for (auto& fibre : fibres) {
    ++fibre.here.epoch;
    fibre.result = static_cast<std::uint64_t>(barrier_count);
    set_ready(fibre);
  }
  barrier_count = 0;
  return true;
}

void thread_main() {
  KL_ASAN(__sanitizer_finish_switch_fiber(nullptr, &main_stack, &main_stack_bytes);)
  launch_now->body(launch_now->arguments);
  self->inside = true;
  self->state = State::done;
  for (const auto& other : fibres) {  // those who waited for this lane need not any more
    if (other.state == State::warp && other.here.warp() == self->here.warp()) try_warp(other);
  }
  yield(true);
}

/// Stacks for n threads, each behind a page that nobody may touch.
void map_stacks(std::size_t n) {
  if (n * stack_bytes <= stacks_bytes) return;
  if (stacks != nullptr) munmap(stacks, stacks_bytes);
  stacks_bytes = n * stack_bytes;
  void* place = mmap(nullptr, stacks_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) throw std::bad_alloc();
  stacks = static_cast<char*>(place);
  for (std::size_t i = 0; i < n; ++i) mprotect(stacks + i * stack_bytes, guard_page, PROT_NONE);
}

void drop_shared() {
  for (const auto& [key, array] : shared_now) {
    regions.erase(reinterpret_cast<std::uintptr_t>(array.memory));
    std::free(array.memory);
  }
  shared_now.clear();
}

void start(std::size_t i, int block) {
  auto& fibre = fibres[i];
  const auto extent = launch_now->block;
  const auto thread = static_cast<unsigned>(i);
  fibre.index = dim3(thread % extent.x, thread / extent.x % extent.y, thread / extent.x / extent.y);
  fibre.here = Here{launch_now->number, block, static_cast<int>(i), 0, {}};
  fibre.here.clock[i % warp_lanes] = 1;
  fibre.inside = false;
  fibre.context.prepare(stack_of(i), stack_bytes - guard_page, thread_main);
  set_ready(fibre);
}

void run_block(dim3 index, int block) {
  block_now = index;
  barrier_count = 0;
  ready.fill(0);
  for (std::size_t i = 0; i < fibres.size(); ++i) start(i, block);
  do {
    while (!dying) {
      auto* next = take_ready();
      if (next == nullptr) break;
      resume(*next);
    }
  } while (!dying && next_phase());
  if (block_ended != nullptr) block_ended(launch_now->name);
  drop_shared();
}

}  // namespace

dim3 thread_index() { return self->index; }
dim3 block_index() { return block_now; }
dim3 block_extent() { return launch_now->block; }
dim3 grid_extent() { return launch_now->grid; }
const Here* here() { return self == nullptr || self->inside ? nullptr : &self->here; }
Inside::Inside() {
  if (self != nullptr) self->inside = true;
}
Inside::~Inside() {
  if (self != nullptr) self->inside = false;
}
void at_block_end(BlockEnded ended) { block_ended = ended; }

void report(const std::string& text) {
  if (violations.size() < 20) violations.push_back(text);
}

void die(const std::string& text) {
  report(text);
  dying = true;
  if (self != nullptr) {
    yield(true);
    std::abort();  // nobody takes this thread again
  }
  throw Violation(text);
}

int barrier(int predicate, int line) {
  const Inside inside;
  if (predicate != 0) ++barrier_count;
  self->state = State::barrier;
  self->line = line;
  yield();
  return static_cast<int>(self->result);
}

std::uint64_t collective(Warp function, unsigned mask, std::uint64_t value, int argument, int width, int line) {
  const Inside inside;
  auto& fibre = *self;
  if ((mask >> fibre.lane() & 1U) == 0)
    die("warp function at line " + std::to_string(line) + ": lane " + std::to_string(fibre.lane()) + " is not in its own mask");
  if (width < 1 || width > 32 || !std::has_single_bit(static_cast<unsigned>(width))) die("shuffle width " + std::to_string(width));
  fibre.function = function;
  fibre.mask = mask;
  fibre.value = value;
  fibre.argument = argument;
  fibre.width = width;
  fibre.line = line;
  fibre.state = State::warp;
  try_warp(fibre);
  yield();
  return fibre.result;
}

void preempt() {
  if (seed_now < 2 || self == nullptr || random_bits() % 2 != 0) return;
  set_ready(*self);
  yield();
}

void set_seed(std::uint64_t seed) { seed_now = seed; }

std::uint64_t take_digest() { return std::exchange(digest_now, 0); }

void* shared(const void* key, std::size_t bytes, const char* name) {
  const Inside inside;
  if (key == nullptr) bytes = launch_now->dynamic_bytes;
  const auto found = shared_now.find(key);
  if (found != shared_now.end()) return found->second.memory;
  auto total = bytes;
  for (const auto& [other, array] : shared_now) total += array.bytes;
  if (total > launch_now->allowed_shared)
    die("shared memory: " + std::to_string(total) + " bytes, more than the " + std::to_string(launch_now->allowed_shared) +
        " that are allowed");
  void* memory = aligned(bytes);
  std::memset(memory, poison, bytes);
  const auto at = reinterpret_cast<std::uintptr_t>(memory);
  regions[at] = Region{at, at + bytes, std::string("shared ") + name, true, {}, {}};
  shared_now[key] = Shared{memory, bytes};
  return memory;
}

void allow_shared(const void* kernel, std::size_t dynamic_bytes) { shared_allowed[kernel] = dynamic_bytes; }

void launch(const char* name, const void* kernel, dim3 grid, dim3 block, std::size_t dynamic_bytes, void (*body)(void*), void* arguments) {
  static std::uint64_t launches = 0;
  const auto threads = std::size_t{block.x} * block.y * block.z, blocks = std::size_t{grid.x} * grid.y * grid.z;
  if (threads == 0 || threads > max_threads || threads % warp_lanes != 0 || blocks == 0 || grid.x > 0x7fffffffU || grid.y > 65535 ||
      grid.z > 65535) {
    throw Violation(std::string(name) + ": invalid configuration: " + std::to_string(blocks) + " blocks of " + std::to_string(threads) +
                    " threads");
  }
  const auto allowed = shared_allowed.find(kernel);
  if (dynamic_bytes > (allowed == shared_allowed.end() ? free_shared : allowed->second) || dynamic_bytes > max_shared)
    throw Violation(std::string(name) + ": invalid configuration: " + std::to_string(dynamic_bytes) + " bytes of dynamic shared memory");
  const Launch now{name, grid,      block,     dynamic_bytes, allowed == shared_allowed.end() ? free_shared : max_shared,
                   body, arguments, ++launches};
  launch_now = &now;
  dying = false;
  random_state = seed_now * 0x9E3779B97F4A7C15U + launches + 1;
  violations.clear();
  fibres.assign(threads, Fibre{});
  map_stacks(threads);
  std::vector<std::size_t> order(blocks);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (seed_now == 1) std::ranges::reverse(order);
  if (seed_now > 1) {
    for (auto i = blocks; i-- > 1;) std::swap(order[i], order[random_bits() % (i + 1)]);
  }
  try {
    for (const auto i : order) {
      if (dying) break;
      const auto at = static_cast<unsigned>(i);
      run_block(dim3(at % grid.x, at / grid.x % grid.y, at / grid.x / grid.y), static_cast<int>(i));
    }
  } catch (const Violation&) {
    drop_shared();
  }
  launch_now = nullptr;
  self = nullptr;
  if (violations.empty()) return;
  KL_ASAN(__asan_unpoison_memory_region(stacks, stacks_bytes);)  // of threads that did not come to their end
  auto text = now.name;
  for (const auto& violation : violations) text += "\n  " + violation;
  throw Violation(text);
}

// ---- Device memory --------------------------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t margin = KL_ASAN(0 *) 256;  // on each side; AddressSanitizer has its own
std::map<void*, std::size_t> sparse_maps;

Region& whole_region(const void* place, std::size_t bytes) {
  const auto at = reinterpret_cast<std::uintptr_t>(place);
  auto* found = region(at);
  if (found == nullptr) throw Violation("a copy of " + std::to_string(bytes) + " bytes does not begin in device memory");
  if (at + bytes > found->end)
    throw Violation("a copy ends " + std::to_string(at + bytes - found->end) + " bytes after the end of a " + found->name);
  return *found;
}

}  // namespace

void* allocate(std::size_t bytes, bool sparse) {
  char* place = nullptr;
  if (sparse) {
    void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    place = static_cast<char*>(mapped);
    sparse_maps[place] = bytes;
  } else {
    place = aligned(bytes + 2 * margin) + margin;
    std::memset(place, poison, bytes);
  }
  const auto at = reinterpret_cast<std::uintptr_t>(place);
  regions[at] = Region{at, at + bytes, "buffer of " + std::to_string(bytes) + " bytes", false, {}, {}};
  return place;
}

void release(void* place) noexcept {
  if (place == nullptr) return;
  regions.erase(reinterpret_cast<std::uintptr_t>(place));
  const auto sparse = sparse_maps.find(place);
  if (sparse == sparse_maps.end()) {
    std::free(static_cast<char*>(place) - margin);
    return;
  }
  munmap(place, sparse->second);
  sparse_maps.erase(sparse);
}

void host_reads(const void* place, std::size_t bytes) {
  whole_region(place, bytes);
  const auto* from = static_cast<const char*>(place);
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + at, std::min(bytes - at, sizeof word));
    digest_now = (digest_now ^ word) * 0x9E3779B97F4A7C15U;
    digest_now ^= digest_now >> 29;
  }
}

void host_writes(void* place, std::size_t bytes) {
  auto& wrote = whole_region(place, bytes).host_wrote;
  auto begin = reinterpret_cast<std::uintptr_t>(place), end = begin + bytes;
  auto next = wrote.upper_bound(begin);
  if (next != wrote.begin() && std::prev(next)->second >= begin) --next;
  while (next != wrote.end() && next->first <= end) {
    begin = std::min(begin, next->first);
    end = std::max(end, next->second);
    next = wrote.erase(next);
  }
  wrote[begin] = end;
}

Region* region(std::uintptr_t address) {
  auto after = regions.upper_bound(address);
  if (after == regions.begin()) return nullptr;
  --after;
  return address < after->second.end ? &after->second : nullptr;
}

bool on_a_stack(std::uintptr_t address) {
  const auto begin = reinterpret_cast<std::uintptr_t>(stacks);
  return address >= begin && address < begin + stacks_bytes;
}

}  // namespace kl::sim

#include "mpc/buffer.h"

#include <cstdint>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace mpc {
namespace {
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t cache_line = 64;
}  // namespace

void Buffer::Release::operator()(Word* words) const { std::free(words); }

void Buffer::reserve(std::size_t words) {
  if (words <= capacity_) return;
  data_.reset();
  capacity_ = 0;
  // A quarter more than asked for, so that slowly growing rounds do not allocate every time.
  const auto wanted = (words + words / 4) * sizeof(Word);
  const auto alignment = wanted >= 2 * huge_page ? huge_page : cache_line;
  const auto bytes = (wanted + alignment - 1) / alignment * alignment;
  auto* memory = static_cast<Word*>(std::aligned_alloc(alignment, bytes));
  if (memory == nullptr) throw std::bad_alloc();
  if (alignment == huge_page) madvise(memory, bytes, MADV_HUGEPAGE);  // advice: a refusal costs speed only
  data_.reset(memory);
  capacity_ = bytes / sizeof(Word);
}

void discard(const Word* from, std::size_t words) {
  const auto begin = (reinterpret_cast<std::uintptr_t>(from) + huge_page - 1) / huge_page * huge_page;
  const auto end = reinterpret_cast<std::uintptr_t>(from + words) / huge_page * huge_page;
  // Advice: a refusal costs memory only.
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace mpc

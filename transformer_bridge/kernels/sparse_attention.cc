#include "transformer_bridge/kernels/sparse_attention.h"

#include <cmath>
#include <limits>
#include <unordered_map>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"

namespace bridge {
namespace {

/// The two largest different logits of a query.
template <class Real>
struct Largest {
  Real first = -std::numeric_limits<Real>::infinity(), second = -std::numeric_limits<Real>::infinity();
  void see(Real logit) {
    if (logit > first) {
      second = first;
      first = logit;
    } else if (logit < first && logit > second) {
      second = logit;
    }
  }
  double gap() const { return static_cast<double>(first) - static_cast<double>(second); }  // infinite if there is no second
};

template <class Real>
void refuse_nan(Real logit, std::size_t query, std::size_t key) {
  if (std::isnan(logit)) throw mpc::Fault(fmt::format("attention: the logit of query {} and key {} is NaN", query, key));
}

/// Divides the row that was just written by its sum.
template <class Real>
void finish_row(SparseWeights<Real>& out) {
  const auto begin = out.ends.empty() ? 0 : out.ends.back();
  Real sum = 0;
  for (auto i = begin; i < out.weights.size(); ++i) sum += out.weights[i];
  for (auto i = begin; i < out.weights.size(); ++i) out.weights[i] /= sum;
  out.ends.push_back(out.weights.size());
}

template <class Real>
Real exponential(Real logit, Real largest, Real scale) {
  return std::exp(scale * logit - scale * largest);
}

}  // namespace

template <class Real>
SparseWeights<Real> dense_weights(const BlockRows<Real>& queries, const BlockRows<Real>& keys, std::size_t key_width, Real scale) {
  SparseWeights<Real> out;
  out.margin = std::numeric_limits<double>::infinity();
  const auto t = keys.rows();
  std::vector<Real> transposed(key_width * t, Real{0});  // [d_k, t]
  for (std::size_t key = 0; key < t; ++key) {
    const auto row = keys.row(key);
    for (std::size_t j = 0; j < row.at.size(); ++j) transposed[row.at[j] * t + key] = row.values[j];
  }
  constexpr std::size_t together = 4;  // queries that share a pass over the keys
  std::vector<Real> query(together * key_width), logits(together * t);
  for (std::size_t first = 0; first < queries.rows(); first += together) {
    const auto count = std::min(together, queries.rows() - first);
    std::ranges::fill(query, Real{0});
    std::ranges::fill(logits, Real{0});
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = queries.row(first + i);
      for (std::size_t j = 0; j < row.at.size(); ++j) query[i * key_width + row.at[j]] = row.values[j];
    }
    auto* l0 = logits.data();
    auto* l1 = l0 + t;
    auto* l2 = l1 + t;
    auto* l3 = l2 + t;
    for (std::size_t c = 0; c < key_width; ++c) {
      const auto q0 = query[c];
      const auto q1 = query[key_width + c];
      const auto q2 = query[2 * key_width + c];
      const auto q3 = query[3 * key_width + c];
      const auto* column = transposed.data() + c * t;
      for (std::size_t key = 0; key < t; ++key) {
        const auto value = column[key];
        l0[key] += q0 * value;
        l1[key] += q1 * value;
        l2[key] += q2 * value;
        l3[key] += q3 * value;
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto* row = logits.data() + i * t;
      Largest<Real> largest;
      for (std::size_t key = 0; key < t; ++key) {
        refuse_nan(row[key], first + i, key);
        largest.see(row[key]);
      }
      for (std::size_t key = 0; key < t; ++key) {
        const auto weight = exponential(row[key], largest.first, scale);
        if (weight == Real{0}) continue;
        out.keys.push_back(static_cast<std::uint32_t>(key));
        out.weights.push_back(weight);
      }
      finish_row(out);
      out.row_of.push_back(static_cast<std::uint32_t>(first + i));
      out.margin = std::min(out.margin, largest.gap());
    }
  }
  return out;
}

namespace {

/// For every column, the keys that are not zero there.
template <class Real>
class KeyIndex {
 public:
  KeyIndex(const BlockRows<Real>& keys, std::size_t key_width) : begin_(key_width + 1, 0) {
    for (std::size_t key = 0; key < keys.rows(); ++key) {
      for (const auto column : keys.row(key).at) ++begin_[column + 1];
    }
    for (std::size_t c = 0; c < key_width; ++c) begin_[c + 1] += begin_[c];
    entries_.resize(begin_.back());
    auto next = begin_;
    for (std::size_t key = 0; key < keys.rows(); ++key) {
      const auto row = keys.row(key);
      for (std::size_t j = 0; j < row.at.size(); ++j) entries_[next[row.at[j]]++] = {static_cast<std::uint32_t>(key), row.values[j]};
    }
  }
  struct Entry {
    std::uint32_t key;
    Real value;
  };
  std::span<const Entry> column(std::size_t c) const { return std::span(entries_).subspan(begin_[c], begin_[c + 1] - begin_[c]); }

 private:
  std::vector<std::size_t> begin_;
  std::vector<Entry> entries_;
};

template <class Real>
std::uint64_t hash_of(const BlockRow<Real>& row) {
  std::uint64_t hash = row.at.size();
  for (std::size_t j = 0; j < row.at.size(); ++j) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &row.values[j], sizeof(Real));
    hash = mpc::mix(hash ^ mpc::mix(row.at[j]) ^ (bits * 0x9e3779b97f4a7c15U));
  }
  return hash;
}

}  // namespace

template <class Real>
SparseWeights<Real> routed_weights(const BlockRows<Real>& queries, const BlockRows<Real>& keys, std::size_t key_width, Real scale) {
  SparseWeights<Real> out;
  out.margin = std::numeric_limits<double>::infinity();
  const KeyIndex<Real> index(keys, key_width);
  const auto t = keys.rows();
  std::vector<Real> logits(t, Real{0});
  std::vector<char> touched(t, 0);
  std::vector<std::uint32_t> hits;
  std::unordered_multimap<std::uint64_t, std::uint32_t> known;  // hash of a query's code: a query with it
  for (std::size_t query = 0; query < queries.rows(); ++query) {
    const auto row = queries.row(query);
    const auto hash = hash_of(row);
    const auto [from, to] = known.equal_range(hash);
    const auto same = std::find_if(from, to, [&](const auto& entry) {
      const auto other = queries.row(entry.second);
      return std::ranges::equal(other.at, row.at) && std::ranges::equal(other.values, row.values);
    });
    if (same != to) {
      out.row_of.push_back(out.row_of[same->second]);
      continue;
    }
    known.emplace(hash, static_cast<std::uint32_t>(query));
    out.row_of.push_back(static_cast<std::uint32_t>(out.rows()));

    hits.clear();
    for (std::size_t j = 0; j < row.at.size(); ++j) {
      for (const auto& [key, value] : index.column(row.at[j])) {
        if (!touched[key]) {
          touched[key] = 1;
          hits.push_back(key);
        }
        logits[key] += row.values[j] * value;
      }
    }
    Largest<Real> largest;
    for (const auto key : hits) {
      refuse_nan(logits[key], query, key);
      largest.see(logits[key]);
    }
    if (hits.size() < t) largest.see(Real{0});
    const auto others = exponential(Real{0}, largest.first, scale);
    if (others != Real{0}) {
      for (std::uint32_t key = 0; key < t; ++key) {
        if (!touched[key]) hits.push_back(key);
      }
    }
    std::erase_if(hits, [&](std::uint32_t key) {
      const bool vanishes = exponential(logits[key], largest.first, scale) == Real{0};
      if (vanishes) {
        logits[key] = 0;
        touched[key] = 0;
      }
      return vanishes;
    });
    std::ranges::sort(hits);
    for (const auto key : hits) {
      out.keys.push_back(key);
      out.weights.push_back(exponential(logits[key], largest.first, scale));
      logits[key] = 0;
      touched[key] = 0;
    }
    finish_row(out);
    out.margin = std::min(out.margin, largest.gap());
  }
  return out;
}

template <class Real>
void mix(const SparseWeights<Real>& weights, const BlockRows<Real>& values, std::size_t blocks, BlockRows<Real>& out) {
  constexpr auto nowhere = std::numeric_limits<std::uint32_t>::max();
  constexpr std::size_t window = 4096;  // blocks whose places stay in the nearest cache
  const auto block = values.block();
  out.clear(block);
  std::size_t most = 0;
  for (std::size_t row = 0; row < weights.rows(); ++row) {
    for (auto i = weights.begin(row); i < weights.ends[row]; ++i) most += values.row(weights.keys[i]).at.size();
  }
  out.reserve(most);
  std::vector<std::uint32_t> place(std::min(window, blocks), nowhere);  // of a block in the row that is being summed
  struct Source {
    Real weight;
    const std::uint32_t *at, *end;
    const Real* values;
  };
  std::vector<Source> sources;
  for (std::size_t row = 0; row < weights.rows(); ++row) {
    sources.clear();
    for (auto i = weights.begin(row); i < weights.ends[row]; ++i) {
      const auto value = values.row(weights.keys[i]);
      if (!value.at.empty())
        sources.push_back({weights.weights[i], value.at.data(), value.at.data() + value.at.size(), value.values.data()});
    }
    std::uint32_t used = 0;
    bool whole = true;
    while (!sources.empty()) {
      auto first = nowhere;
      for (const auto& source : sources) first = std::min(first, *source.at);
      const auto begin = first - first % window;
      const auto used_before = used;
      for (auto& [weight, at, end, from] : sources) {
        for (; at != end && *at < begin + window; ++at, from += block) {
          auto& to = place[*at - begin];
          if (to == nowhere) {
            to = used++;
            auto* sums = out.add(*at).data();
            for (std::size_t f = 0; f < block; ++f) sums[f] = weight * from[f];
          } else {
            auto* sums = out.open_values().data() + to * block;
            for (std::size_t f = 0; f < block; ++f) sums[f] += weight * from[f];
          }
        }
      }
      const auto sums = out.open_values().subspan(used_before * block);
      for (const auto sum : sums) whole = whole && !std::isnan(sum);
      for (const auto at : out.open_blocks().subspan(used_before)) place[at - begin] = nowhere;
      std::erase_if(sources, [](const Source& source) { return source.at == source.end; });
    }
    out.end_row();
    if (!whole) throw mpc::Fault(fmt::format("attention: row {} of the weighted values holds a NaN", row));
  }
}

template SparseWeights<float> dense_weights(const BlockRows<float>&, const BlockRows<float>&, std::size_t, float);
template SparseWeights<double> dense_weights(const BlockRows<double>&, const BlockRows<double>&, std::size_t, double);
template SparseWeights<float> routed_weights(const BlockRows<float>&, const BlockRows<float>&, std::size_t, float);
template SparseWeights<double> routed_weights(const BlockRows<double>&, const BlockRows<double>&, std::size_t, double);
template void mix(const SparseWeights<float>&, const BlockRows<float>&, std::size_t, BlockRows<float>&);
template void mix(const SparseWeights<double>&, const BlockRows<double>&, std::size_t, BlockRows<double>&);

}  // namespace bridge

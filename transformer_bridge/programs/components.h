#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/graph/edge.h"

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/transformer/matrix.h"

/// Connected components by a transformer in weights, which do not depend on the graph.
///
/// N = n + 2 m tokens: a vertex is the token (v, label of v), an edge the two tokens (a, b) and (b, a): an address A and a value V, p bits
/// each, p = ceil(log2 max(n, 2)). Width 2 + 4 p. Labels begin as the vertices' own ids, and become the smallest id of the component.
///
/// Rule `contract`, one layer with two heads, again and again. Let T(x) be the smallest V among the tokens with address x. Every token puts
/// T(V) for V; edge tokens put T(A) for A too. So after any number of layers, with T' the maps of these layers one after the other, a
/// vertex holds (v, T'(v)) and an edge (T'(a), T'(b)).
///   T(x) <= x, so labels only fall, and they stay in their component. The edges of a component are, at any time, the image of a connected
///   graph under a map of its vertices, and so connected. When nothing changes any more, T(A) = A for every edge token, which is at most
///   its V, and at least, for the edge's other token: all edges of the component are loops at one vertex, the label of all its vertices.
///   The smallest vertex keeps its own id, so that is the label.
/// Rule `shortcut`, two layers in turn: T(v) for the label of vertex v, one head; then, two heads, f(V) for V and on edges f(A) for A, f
/// being the labels. It is right for the same reason when nothing changes any more, but needs more layers:
/// bench/benchmarks/blocks_needed.cc counts.
namespace bridge {

enum class ComponentsRule { contract, shortcut };

/// Of n vertices, and of any other number that as many bits can name: it is the same model. Two layers a block. Labels are right when each
/// edge has one label (labels_settled), which no proof says of ceil(log2 n) blocks. blocks 0: ceil(log2 max(n, 2)). edges 0: as many as
/// 2^bits vertices can have, if the number type can average so many values, else as many as it can; otherwise at most so many, loops and
/// repeated ones counted. In float32 the certificate goes up to n = 2^20 vertices and 2^21 - 2 tokens. Throws mpc::UsageError for no
/// vertices.
CompiledModel components(std::uint64_t n, std::uint64_t blocks, NumberType type, ComponentsRule rule = ComponentsRule::contract,
                         std::uint64_t edges = 0);

/// The same and one layer more, which tells every token whether the graph is connected: whether the largest label is 0. `connected` is 1
/// only if it is, whatever the number of blocks; 0 is right where labels are settled.
CompiledModel connected(std::uint64_t n, std::uint64_t blocks, NumberType type, ComponentsRule rule = ComponentsRule::contract,
                        std::uint64_t edges = 0);

/// The tokens: [n + 2 m, width]; vertices first, then of each edge its two. Loops and repeated edges do no harm. Throws mpc::UsageError if
/// an end is not below n. For float and double.
template <class Real>
Matrix<Real> components_tokens(std::uint64_t n, std::span<const protocols::Edge> edges);

/// The labels [n] in the rows after the last layer. Throws mpc::Fault, with the token, where a bit is neither 0 nor 1.
template <class Real>
std::vector<std::uint64_t> components_labels(std::uint64_t n, const Matrix<Real>& y);
/// What connected() says, of the rows after its last layer.
template <class Real>
bool is_connected(std::uint64_t n, const Matrix<Real>& y);

/// Whether the two ends of every edge have one label. If so, each label is the smallest id of its component.
bool labels_settled(std::span<const std::uint64_t> labels, std::span<const protocols::Edge> edges);

/// What the layers do, on integers.
class ComponentsSteps {
 public:
  ComponentsSteps(std::uint64_t n, std::span<const protocols::Edge> edges, ComponentsRule rule);
  void layer();
  std::uint64_t layers() const { return layers_; }  ///< so far
  const std::vector<std::uint64_t>& labels() const { return labels_; }

 private:
  std::vector<std::uint64_t> smallest() const;  // T of every vertex

  ComponentsRule rule_;
  std::uint64_t layers_ = 0;
  std::vector<std::uint64_t> labels_;
  std::vector<protocols::Edge> tokens_;  // one a pair of edge tokens: (a, b) and (b, a) stay each other's mirror image
};

/// The least number of layers after which labels are settled, and of blocks. O(layers (n + m)).
std::uint64_t layers_needed(std::uint64_t n, std::span<const protocols::Edge> edges, ComponentsRule rule = ComponentsRule::contract);
std::uint64_t blocks_needed(std::uint64_t n, std::span<const protocols::Edge> edges, ComponentsRule rule = ComponentsRule::contract);

}  // namespace bridge

// A step that is to be compiled into weights does not branch on words, count by them or look things up by them: only where, min, max,
// read and what a ReLU network computes exactly.

#include <array>
#include <cstdint>
#include <vector>

#include "mpc/word.h"

#include "transformer_bridge/trace/traced_word.h"
#include "transformer_bridge/trace/tracing_cluster.h"

using bridge::TracedBit, bridge::TracedWord;

struct Fixed {  // has no serialize()
  TracedWord word;
};

std::uint64_t words(TracedWord word, TracedWord other) {
  const std::vector<std::uint64_t> table{1, 2, 3};
  const std::array<TracedWord, 2> both{word, other};
  word = mpc::where(word == other, word + 1, mpc::min(other, word - 1));
  word = mpc::read(table, word) + mpc::read(both, other);
  TracedBit condition = (word < other && !(word == TracedWord(3))) || other >= 2;
  condition = true;
  word = (word & 3) ^ (other | 1) ^ (word >> 2) ^ (word << 2);
  std::uint64_t known = table[0];
#ifdef BRANCH_ON_A_COMPARISON  // error: (use of deleted function)|(deleted function)
  if (word == other) known = 1;
#endif
#ifdef BRANCH_ON_A_WORD  // error: (could not convert)|(not contextually convertible)
  if (word) known = 1;
#endif
#ifdef CHOOSE_BY_A_COMPARISON  // error: (use of deleted function)|(deleted function)
  known = word < other ? 1 : 2;
#endif
#ifdef LOOP_UNTIL_A_WORD  // error: (use of deleted function)|(deleted function)
  for (std::uint64_t i = 0; i < word; ++i) ++known;
#endif
#ifdef LOOP_WHILE_A_CONDITION  // error: (use of deleted function)|(deleted function)
  while (condition) ++known;
#endif
#ifdef COMPARISON_AS_BOOL  // error: (cannot convert)|(no viable conversion)
  const bool b = word == other;
#endif
#ifdef COMPARISON_CAST_TO_BOOL  // error: (use of deleted function)|(deleted function)
  const auto b = static_cast<bool>(word == other);
#endif
#ifdef WORD_AS_BOOL  // error: (cannot convert)|(no viable conversion)
  const bool b = word;
#endif
#ifdef WORD_AS_NUMBER  // error: (cannot convert)|(no viable conversion)
  const std::uint64_t number = word;
#endif
#ifdef CONDITION_AS_NUMBER  // error: (cannot convert)|(no viable conversion)
  const std::uint64_t number = condition;
#endif
#ifdef CONDITION_AS_WORD  // error: (conversion from .* to non-scalar)|(no viable conversion)
  const TracedWord number = condition;
#endif
#ifdef INDEX_A_VECTOR  // error: (no match for .operator..)|(no viable overloaded operator)
  known = table[word];
#endif
#ifdef INDEX_AN_ARRAY  // error: (no match for .operator..)|(no viable overloaded operator)
  word = both[other];
#endif
#ifdef INDEX_PLAIN_MEMORY  // error: (no match for .operator..)|(no viable overloaded operator)
  known = table.data()[word];
#endif
#ifdef SWITCH_ON_A_WORD  // error: (switch quantity not an integer)|(requires expression of integer type)
  switch (word) {}
#endif
#ifdef MULTIPLY  // error: (no match for .operator.)|(invalid operands)
  word = word * other;
#endif
#ifdef DIVIDE  // error: (no match for .operator.)|(invalid operands)
  word = word / 2;
#endif
#ifdef SHIFT_BY_A_WORD  // error: (no match for .operator<<)|(invalid operands)|(cannot convert)
  word = word << other;
#endif
#ifdef COUNT_UP  // error: (no match for .operator.)|(no .operator.*declared for postfix)|(cannot increment)
  ++word;
#endif
#ifdef STRANGE_CONDITION  // error: (invalid initialization)|(no matching function)|(no viable conversion)
  word = mpc::where(word, word, other);
#endif
  return known;
}

void steps(bridge::TracingCluster& cluster) {
  auto list = cluster.make<std::vector<TracedWord>>();
  auto mail = cluster.round<TracedWord>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
    out.send(me.id(), me.id().value);
    out.send_if(me.id().value == TracedWord(1), me.id().value + 1, me.id().value);
#ifdef SEND_IF_A_BRANCH  // error: (use of deleted function)|(deleted function)
    if (me.id().value == TracedWord(1)) out.send(me.id(), me.id().value);
#endif
#ifdef KEEP_A_MACHINE  // error: (use of deleted function)|(deleted constructor)
    auto kept = me;
#endif
  });
  cluster.local(mail, [&](const auto& me, const auto& inbox) {
    for (const auto& [source, message] : inbox) {
      (void)source;
      (void)message;
#ifdef CHANGE_A_LETTER  // error: (passing .* as .this. argument discards qualifiers)|(no viable overloaded)
      message = TracedWord(1);
#endif
    }
#ifdef BRANCH_ON_HOW_MANY_CAME  // error: (use of deleted function)|(deleted function)
    if (inbox.size() == TracedWord(1)) list[me].clear();
#endif
#ifdef READ_BY_MACHINE_ID  // error: (no match for .operator..)|(no viable overloaded operator)
    (void)list[me.id()];
#endif
  });
#ifdef VARIABLE_WITHOUT_SERIALIZE  // error: no member named .serialize
  auto unknown = cluster.make<Fixed>();
#endif
#ifdef COPY_A_VARIABLE  // error: (use of deleted function)|(deleted constructor)|(deleted copy constructor)
  auto other = list;
#endif
}

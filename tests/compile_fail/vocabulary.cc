// Counts and ids of different kinds do not mix, and a machine's memory opens to that machine only.

#include "mpc/cluster.h"

using mpc::MachineId, mpc::Round, mpc::Word, mpc::Words;

struct Pair {
  Word x = 0, y = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x& y;
  }
};

struct Unknown {  // has no serialize()
  Word x = 0;
};

void vocabulary(MachineId machine, Words words, Round round, Word word) {
  machine = MachineId{word};
  words = Words{machine.value};
  round = Round{words.count};
  word = machine.value + words.count + round.number;
  (void)(machine < MachineId{3});
#ifdef MACHINE_FROM_WORDS  // error: (no match for .operator=)|(no viable overloaded '=')
  machine = words;
#endif
#ifdef WORDS_FROM_ROUND  // error: (no match for .operator=)|(no viable overloaded '=')
  words = round;
#endif
#ifdef WORDS_FROM_NUMBER  // error: (no match for .operator=)|(no viable overloaded '=')
  words = word;
#endif
#ifdef NUMBER_FROM_MACHINE  // error: (cannot convert)|(assigning to)
  word = machine;
#endif
#ifdef COMPARE_MACHINE_WITH_WORDS  // error: (no match for .operator<)|(invalid operands)
  (void)(machine < words);
#endif
#ifdef COMPARE_ROUND_WITH_NUMBER  // error: (no match for .operator==)|(invalid operands)
  (void)(round == 3);
#endif
#ifdef ADD_TO_MACHINE  // error: (no match for .operator.)|(invalid operands)
  (void)(machine + 1);
#endif
#ifdef MODEL_WITH_MACHINES_OF_WORDS  // error: (cannot convert)|(could not convert)|(no viable conversion)
  (void)mpc::Model().with_machines(words);
#endif
#ifdef MEMORY_AS_NUMBER  // error: (cannot convert)|(could not convert)|(no viable conversion)
  (void)mpc::Model::with_memory(100, 10, word);
#endif
}

void cluster(mpc::Cluster& all, std::uint64_t q) {
  auto variable = all.make<Pair>();
  auto list = all.make<std::vector<Pair>>([](const mpc::Machine&) { return std::vector<Pair>(); });
  auto mail = all.round<Pair>(all.nothing(), [&](const mpc::Machine& me, auto, mpc::Outbox<Pair>& out) {
    out.send(me.id(), variable[me]);
    out.send(q - 1, {1, 2});
#ifdef READ_BY_NUMBER  // error: (no match for .operator..)|(no viable overloaded operator)
    (void)variable[q];
#endif
#ifdef READ_BY_MACHINE_ID  // error: (no match for .operator..)|(no viable overloaded operator)
    (void)variable[MachineId{0}];
#endif
#ifdef KEEP_A_MACHINE  // error: (use of deleted function)|(deleted constructor)
    auto kept = me;
#endif
#ifdef MAKE_A_MACHINE  // error: (is private within this context)|(calling a private constructor)
    mpc::Machine other(MachineId{1}, 1);
#endif
#ifdef SEND_TO_WORDS  // error: (no matching function for call)|(no matching member function)
    out.send(Words{1}, {1, 2});
#endif
#ifdef SEND_ANOTHER_TYPE  // error: (no matching function for call)|(no matching member function)
    out.send(me.id(), std::vector<Word>{1});
#endif
#ifdef COPY_AN_OUTBOX  // error: (use of deleted function)|(deleted constructor)
    auto other = out;
#endif
  });
  all.local(mail, [](const mpc::Machine&, auto inbox) {
    for (const auto& [source, pair] : inbox) {
      (void)source;
      (void)pair.x;
#ifdef CHANGE_A_MESSAGE  // error: (assignment of member)|(cannot assign to)
      pair.x = 1;
#endif
    }
  });
  const auto phase = all.scope("phase");
#ifdef COPY_A_SCOPE  // error: (use of deleted function)|(deleted constructor)
  auto other = phase;
#endif
#ifdef COPY_A_CLUSTER  // error: (use of deleted function)|(deleted constructor)
  mpc::Cluster other(all);
#endif
#ifdef COPY_A_VARIABLE  // error: (use of deleted function)|(deleted constructor)
  auto other = variable;
#endif
#ifdef VARIABLE_WITHOUT_SERIALIZE  // error: no member named .serialize
  auto unknown = all.make<Unknown>();
#endif
#ifdef MESSAGE_WITHOUT_SERIALIZE  // error: no member named .serialize
  all.round<Unknown>(all.nothing(), [](const mpc::Machine&, auto, auto& out) { out.send(Word{0}, Unknown{}); });
#endif
#ifdef READ_MAIL_OUTSIDE_A_STEP  // error: (begin)|(incomplete)
  for (const auto& letter : mail) (void)letter;
#endif
}

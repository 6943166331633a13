#pragma once

#include <string>

#include <gtest/gtest.h>

#include "mpc/cluster.h"
#include "mpc/transport/in_process.h"
#include "mpc/transport/scrambled.h"
#include "mpc/violation.h"

namespace tests {

inline mpc::Model model(std::uint64_t machines, std::uint64_t memory) {
  mpc::Model model;
  model.machines = machines;
  model.memory = mpc::Words{memory};
  model.word_bits = 40;
  return model;
}

/// Runs a program, on a transport that scrambles the order of arrival.
template <class Program>
mpc::Ledger run_on(const mpc::Model& model, Program&& program) {
  mpc::InProcess in_process;
  mpc::Scrambled transport(in_process, 3);
  mpc::Cluster cluster(model, transport);
  program(cluster);
  return cluster.finish();
}

/// The same at its least s; and with one word less it must be refused.
template <class Program>
mpc::Ledger run_at_least(const mpc::Model& given, mpc::Words least, Program&& program) {
  auto with = given;
  with.memory = mpc::Words{least.count - 1};
  EXPECT_THROW(run_on(with, program), mpc::ViolationError) << "the least s is not the least: " << with.memory.count << " words are enough";
  with.memory = least;
  return run_on(with, program);
}
template <class Program>
mpc::Ledger run_at_least(std::uint64_t machines, mpc::Words least, Program&& program) {
  return run_at_least(model(machines, 1), least, program);
}

}  // namespace tests

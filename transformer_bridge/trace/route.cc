#include "transformer_bridge/trace/route.h"

namespace bridge {

std::vector<HeadPlan> route(const Trace& trace, const ScheduledLayer& layer, const std::map<Atom, std::size_t>& received) {
  std::vector<Expression> own;
  for (const auto atom : trace.own_id) own.push_back(value_of(atom));
  std::vector<HeadPlan> heads;
  for (const auto& head : layer.heads) {
    HeadPlan plan;
    plan.name = head.name;
    add_match(plan, own, head.destination);
    if (head.present != Bit(1)) plan.logit.emplace_back(2, head.present - 1);
    std::vector<double> start(plan.logit.size(), 0);
    plan.logit.emplace_back(1, 0);
    start.push_back(static_cast<double>(own.size()) - 1);
    plan.start = std::move(start);
    for (const auto& [atom, value] : head.brought) plan.brought.emplace_back(received.at(atom), value);
    heads.push_back(std::move(plan));
  }
  return heads;
}

}  // namespace bridge

#include "offload/play.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "experiments/results/statistics.h"

namespace hat {

Player::Player(OffloadNetwork network, const ExitTable& table, uint64_t seed)
    : network_(std::move(network)),
      table_(table),
      arrivals_(seed, "offload arrivals"),
      tasks_stream_(seed, "offload tasks") {
  for (const OffloadNode& device : network_.stages[0]) {
    up_to_.push_back((up_to_.empty() ? 0 : up_to_.back()) + device.rate);
  }
  for (const auto& stage : network_.stages) servers_.emplace_back(stage.size());
  next_arrival_ = arrivals_.Exponential(1 / up_to_.back());
}

void Player::SetCapacity(int stage, int node, double capacity) {
  network_.stages[static_cast<size_t>(stage)][static_cast<size_t>(node)].capacity = capacity;
  Begin(stage, node);
}

void Player::Run(double until_s, const Decisions& decisions) {
  for (;;) {
    const bool has_event = !events_.empty() && events_.top().time < until_s;
    if (has_event && events_.top().time <= next_arrival_) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.time;
      Handle(event, decisions);
    } else if (next_arrival_ < until_s) {
      now_ = next_arrival_;
      Arise(decisions);
    } else {
      break;
    }
  }
  now_ = until_s;
}

void Player::Finish(const Decisions& decisions) {
  while (!events_.empty()) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.time;
    Handle(event, decisions);
  }
}

void Player::Arise(const Decisions& decisions) {
  RngStream draws = tasks_stream_.At(static_cast<uint64_t>(number_++));
  const double place = draws.Uniform() * up_to_.back();
  const auto device =
      std::min(std::ranges::upper_bound(up_to_, place) - up_to_.begin(), std::ssize(up_to_) - 1);
  const int sample = draws.UniformInt(table_.samples());
  Send(Place({now_, sample, table_.ExitOf(sample, decisions.thresholds), draws}), 0,
       static_cast<int>(device), decisions);
  next_arrival_ += arrivals_.Exponential(1 / up_to_.back());
}

int Player::Place(Task task) {
  if (free_.empty()) {
    tasks_.push_back(std::move(task));
    return static_cast<int>(tasks_.size()) - 1;
  }
  const int place = free_.back();
  free_.pop_back();
  tasks_[static_cast<size_t>(place)] = std::move(task);
  return place;
}

void Player::Push(double time, int task, int stage, int node, bool is_end_of_service) {
  events_.push({time, order_++, task, stage, node, is_end_of_service});
}

// Over one of the node's links, each with its share.
void Player::Send(int task, int stage, int node, const Decisions& decisions) {
  const auto h = static_cast<size_t>(stage), i = static_cast<size_t>(node);
  const std::vector<double>& shares = decisions.plan[h][i];
  double rest = tasks_[static_cast<size_t>(task)].ways.Uniform();
  size_t k = 0;
  for (; k + 1 < shares.size() && rest >= shares[k]; ++k) rest -= shares[k];
  const OffloadLink& link = network_.stages[h][i].links[k];
  Push(now_ + link.seconds, task, stage + 1, link.to, false);
}

void Player::Begin(int stage, int node) {
  Server& server = servers_[static_cast<size_t>(stage)][static_cast<size_t>(node)];
  const double capacity =
      network_.stages[static_cast<size_t>(stage)][static_cast<size_t>(node)].capacity;
  if (server.is_busy || server.waiting.empty() || capacity <= 0) return;
  server.is_busy = true;
  Push(now_ + 1 / capacity, server.waiting.Pop(), stage, node, true);
}

void Player::Handle(const Event& event, const Decisions& decisions) {
  Server& server = servers_[static_cast<size_t>(event.stage)][static_cast<size_t>(event.node)];
  if (!event.is_end_of_service) {
    server.waiting.Push(event.task);
    return Begin(event.stage, event.node);
  }
  server.is_busy = false;
  const Task& task = tasks_[static_cast<size_t>(event.task)];
  if (task.exit == event.stage) {
    ended_.push_back(
        {task.arose, now_ - task.arose, task.exit, table_.IsRight(task.sample, task.exit)});
    free_.push_back(event.task);
  } else {
    Send(event.task, event.stage, event.node, decisions);
  }
  Begin(event.stage, event.node);
}

Played Player::Result(double from, double until) const {
  Played played;
  std::vector<double> delays;
  double sum = 0;
  int64_t right = 0;
  std::vector<int64_t> exits(static_cast<size_t>(table_.exits()));
  for (const Ended& task : ended_) {
    if (task.arose < from || task.arose >= until) continue;
    delays.push_back(task.delay);
    sum += task.delay;
    right += task.is_right;
    ++exits[static_cast<size_t>(task.exit) - 1];
  }
  if (delays.empty()) throw RunError("no task has ended in the time that counts");
  std::ranges::sort(delays);
  played.tasks = std::ssize(delays);
  const auto count = static_cast<double>(delays.size());
  played.delay_mean_s = sum / count;
  played.delay_p50_s = Percentile(delays, 0.5);
  played.delay_p90_s = Percentile(delays, 0.9);
  played.delay_p99_s = Percentile(delays, 0.99);
  played.accuracy = static_cast<double>(right) / count;
  for (const int64_t exited : exits) played.exits.push_back(static_cast<double>(exited) / count);
  return played;
}

}  // namespace hat

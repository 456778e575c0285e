// Tasks through the network, one by one: Poisson arrivals, nodes that serve in order and take 1 /
// capacity a task, links that take what they take. No formula of objective.h is in it.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "core/fifo.h"
#include "core/random.h"
#include "offload/exit_table.h"
#include "offload/network.h"

namespace hat {

// What the nodes go by: where tasks go, and the exits' thresholds, of all stages but the last.
struct Decisions {
  OffloadPlan plan;
  std::vector<double> thresholds;
};

struct Played {
  int64_t tasks = 0;
  double delay_mean_s = 0, delay_p50_s = 0, delay_p90_s = 0, delay_p99_s = 0;
  double accuracy = 0;
  std::vector<double> exits;  // shares of the tasks that ended after each stage, from stage 1 on
};

class Player {
 public:
  // When tasks arise, where, which samples they are and how they choose among ways is drawn by
  // their numbers: other decisions see the same tasks. Network and table are copied and outlive
  // this, respectively.
  Player(OffloadNetwork network, const ExitTable& table, uint64_t seed);

  // From now on. A node of capacity 0 finishes what it is at and begins nothing.
  void SetCapacity(int stage, int node, double capacity);

  // Plays on until `until_s`. Tasks that are on their way go on under these decisions too.
  void Run(double until_s, const Decisions& decisions);
  // No more tasks arise: until all have ended that can.
  void Finish(const Decisions& decisions);

  int64_t arisen() const { return number_; }
  // Of the tasks that arose at or after `from` and before `until`, and have ended. Throws RunError
  // if there is none.
  Played Result(double from, double until) const;

 private:
  struct Task {
    double arose = 0;
    int sample = 0;
    int exit = 0;           // where it will end
    RngStream ways{0, ""};  // its choices among links
  };
  struct Event {
    double time = 0;
    int64_t order = 0;  // of events at one time the one that was made first goes first
    int task = 0;       // place in tasks_
    int stage = 0, node = 0;
    bool is_end_of_service = false;
    bool operator>(const Event& other) const {
      return time != other.time ? time > other.time : order > other.order;
    }
  };
  struct Server {
    Fifo<int> waiting;
    bool is_busy = false;
  };
  struct Ended {
    double arose = 0, delay = 0;
    int exit = 0;
    bool is_right = false;
  };

  void Arise(const Decisions& decisions);
  void Send(int task, int stage, int node, const Decisions& decisions);
  void Begin(int stage, int node);
  void Handle(const Event& event, const Decisions& decisions);
  void Push(double time, int task, int stage, int node, bool is_end_of_service);
  int Place(Task task);

  OffloadNetwork network_;
  const ExitTable& table_;
  RngStream arrivals_, tasks_stream_;
  std::vector<double> up_to_;  // cumulative rates of the devices
  double now_ = 0, next_arrival_ = 0;
  int64_t number_ = 0, order_ = 0;
  std::vector<Task> tasks_;
  std::vector<int> free_;  // places in tasks_
  std::vector<std::vector<Server>> servers_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<Ended> ended_;
};

}  // namespace hat

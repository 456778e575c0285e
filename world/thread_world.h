// The World port on the machine's clock: activities are threads, callbacks run on a thread of their
// own, one at a time. Everything that lasts really lasts, divided by the time scale.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "world/event_queue.h"
#include "world/world.h"

namespace hat {

class ThreadWorld : public World {
 public:
  using Clock = std::chrono::steady_clock;

  // `scale`: seconds of this world per second of the clock, > 0. At 10 a run of a minute takes six
  // seconds; what threads cost themselves then looks ten times as long. `start`: when its time is
  // 0; worlds of several processes of one machine that start together have one time.
  explicit ThreadWorld(double scale = 1, Clock::time_point start = Clock::now());

  // Waits for all activities.
  ~ThreadWorld() override;

  Seconds Now() const override;
  void SleepUntil(Seconds t) override;
  // What is due has run when the callbacks' thread has come past this instant.
  void Settle() override;
  void CallAt(Seconds t, std::function<void()> callback) override;
  // At most one thread per activity; their number is bounded by the machine's.
  void Start(const std::string& name, std::function<void()> body) override;
  std::unique_ptr<Signal> MakeSignal() override;

  // Activities to come leave the processor to callbacks, and to other threads of the program, as
  // soon as these have something to do. For programs whose threads compute on few cores.
  void LetActivitiesGiveWay() { give_way_ = true; }

  // Blocks until all activities have ended, those too that were started meanwhile. Rethrows the
  // first exception that left an activity or a callback.
  void Join();

  // Callbacks that have not begun are dropped, also those to come; returns when none runs. To be
  // called before what they concern is destroyed.
  void StopCallbacks();

 private:
  class ThreadSignal;

  Clock::time_point PointOf(Seconds t) const;
  void RunCallbacks();
  void JoinEnded();                               // under the mutex
  void Guard(const std::function<void()>& code);  // keeps what it throws

  double scale_;
  Clock::time_point start_;
  std::atomic<bool> give_way_ = false;
  mutable std::mutex mutex_;  // of everything below
  std::condition_variable changed_;
  EventQueue events_;
  bool is_stopping_ = false;
  int running_ = 0;  // activities
  std::vector<std::thread> threads_;
  std::vector<std::thread::id> ended_;  // of these, those that have nothing left to do
  std::exception_ptr failure_;
  std::thread callbacks_;
};

}  // namespace hat

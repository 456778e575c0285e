// One replica of the cloud: a pipeline of P stages, each an activity, with a one-batch buffer in
// front of each but the first. A stage starts a batch only when it is free and has reserved its
// successor's buffer; the reservation ends when the successor starts that batch. A batch whose
// stage throws leaves the pipeline there.
#pragma once

#include <exception>
#include <memory>
#include <vector>

#include "protocol/ports.h"
#include "world/channel.h"

namespace hat {

class Pipeline {
 public:
  enum class Work { kNone, kSome, kStopped };

  // Who forms the pipeline's batches and takes what becomes of them. Called by the stages'
  // activities.
  class Server {
   public:
    virtual ~Server() = default;
    virtual Work LookForWork(int replica) = 0;
    // Null: what waited is gone.
    virtual std::unique_ptr<Batch> FormBatch(int replica) = 0;
    // Takes the parts of sessions that have ended out of a batch between two stages.
    virtual void RemoveEnded(Batch& batch) = 0;
    virtual void OnLeft(Batch& batch) = 0;  // the last stage
    virtual void OnFailed(Batch& batch, std::exception_ptr cause) = 0;
  };

  Pipeline(World& world, int replica, int stages, Server& server, CloudCompute& compute,
           Observer& observer);

  void Start();
  // There is work, or the server has stopped.
  void Wake() { work_->Raise(); }

  CloudCompute& compute() { return compute_; }

 private:
  // In front of stage 1, 2, ...: room for one batch, which the stage before reserves.
  struct Buffer {
    explicit Buffer(World& world) : room(world), batches(world) {}
    struct Room {};
    Channel<Room> room;
    struct Ready {
      std::unique_ptr<Batch> batch;  // null: the pipeline stops
      Seconds since;                 // it lay there complete
      Seconds start = {};            // its stage took it
    };
    Channel<Ready> batches;
    std::unique_ptr<Batch> crossing;  // the server's link
  };

  bool is_last(int stage) const { return stage + 1 == stages_; }
  Buffer& buffer_of(int stage) { return *buffers_[static_cast<size_t>(stage) - 1]; }

  void RunStage(int stage);
  void RunBatch(int stage, Buffer::Ready ready);
  // False: it has failed, or no session of it is left.
  bool Compute(int stage, Batch& batch);
  Buffer::Ready FormWhenThereIsWork();
  Buffer::Ready TakeFromBuffer(int stage);
  void HandOver(int stage, std::unique_ptr<Batch> batch, Seconds linked);

  World& world_;
  int replica_;
  int stages_;
  Server& server_;
  CloudCompute& compute_;
  Observer& observer_;
  std::unique_ptr<Signal> work_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

}  // namespace hat

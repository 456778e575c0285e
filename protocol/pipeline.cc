#include "protocol/pipeline.h"

#include <fmt/format.h>

#include <utility>

namespace hat {

Pipeline::Pipeline(World& world, int replica, int stages, Server& server, CloudCompute& compute,
                   Observer& observer)
    : world_(world),
      replica_(replica),
      stages_(stages),
      server_(server),
      compute_(compute),
      observer_(observer),
      work_(world.MakeSignal()) {
  for (int stage = 1; stage < stages_; ++stage) {
    buffers_.push_back(std::make_unique<Buffer>(world_));
    buffers_.back()->room.Push({});
  }
}

void Pipeline::Start() {
  for (int stage = 0; stage < stages_; ++stage) {
    world_.Start(fmt::format("replica {} stage {}", replica_, stage),
                 [this, stage] { RunStage(stage); });
  }
}

void Pipeline::RunStage(int stage) {
  for (;;) {
    Buffer::Ready ready = stage == 0 ? FormWhenThereIsWork() : TakeFromBuffer(stage);
    if (ready.batch == nullptr) {
      if (!is_last(stage)) buffer_of(stage + 1).batches.Push({});
      return;
    }
    RunBatch(stage, std::move(ready));
  }
}

void Pipeline::RunBatch(int stage, Buffer::Ready ready) {
  Batch& batch = *ready.batch;
  const Seconds start = ready.start;
  if (!Compute(stage, batch)) {
    observer_.OnStageFailed(batch, stage, {ready.since, start, world_.Now()});
    if (!is_last(stage)) buffer_of(stage + 1).room.Push({});
    return;
  }
  const Seconds end = world_.Now();
  const Seconds linked = is_last(stage) ? end : compute_.CrossStageLink(stage, batch);
  observer_.OnStage({&batch, stage, {ready.since, start, end}, linked});
  if (is_last(stage)) {
    server_.OnLeft(batch);
  } else {
    HandOver(stage, std::move(ready.batch), linked);
  }
}

bool Pipeline::Compute(int stage, Batch& batch) {
  if (stage > 0) server_.RemoveEnded(batch);
  if (batch.parts.empty()) return false;
  std::exception_ptr cause;
  // Only these: a world may end an activity by something else that it throws.
  try {
    compute_.RunStage(stage, batch);
  } catch (const std::exception&) {
    cause = std::current_exception();
  }
  if (cause) server_.OnFailed(batch, cause);
  return cause == nullptr;
}

Pipeline::Buffer::Ready Pipeline::FormWhenThereIsWork() {
  if (!is_last(0)) buffer_of(1).room.Pop();
  for (;;) {
    switch (server_.LookForWork(replica_)) {
      case Work::kStopped:
        return {};
      case Work::kNone:
        work_->Wait();
        continue;
      case Work::kSome:
        world_.Settle();  // what arrives at this very instant belongs to the batch
        if (auto batch = server_.FormBatch(replica_)) {
          const Seconds formed = batch->formed;
          return {std::move(batch), formed, formed};
        }
    }
  }
}

Pipeline::Buffer::Ready Pipeline::TakeFromBuffer(int stage) {
  Buffer::Ready ready = buffer_of(stage).batches.Pop();
  // Before the stop is passed on too: else it could overtake a batch on the server's link.
  if (!is_last(stage)) buffer_of(stage + 1).room.Pop();
  ready.start = world_.Now();  // before its room is another's, where threads run on
  if (ready.batch != nullptr) buffer_of(stage).room.Push({});
  return ready;
}

void Pipeline::HandOver(int stage, std::unique_ptr<Batch> batch, Seconds linked) {
  Buffer& buffer = buffer_of(stage + 1);
  buffer.crossing = std::move(batch);
  world_.CallAt(linked, [this, &buffer] {
    buffer.batches.Push({std::move(buffer.crossing), world_.Now(), {}});
  });
}

}  // namespace hat

#include "protocol/cloud_server.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"

namespace hat {

// One pipeline. A stage starts a batch only when it is free and has reserved its successor's
// buffer; the reservation ends when the successor starts that batch.
class CloudServer::Replica {
 public:
  Replica(CloudServer& server, int index, CloudCompute& compute)
      : server_(server), index_(index), compute_(compute) {
    work_ = server_.world_.MakeSignal();
    for (int stage = 1; stage < server_.config_.stages; ++stage) {
      buffers_.push_back(std::make_unique<Buffer>(server_.world_));
      buffers_.back()->room.Push({});
    }
  }

  void Start() {
    for (int stage = 0; stage < server_.config_.stages; ++stage) {
      server_.world_.Start(fmt::format("replica {} stage {}", index_, stage),
                           [this, stage] { RunStage(stage); });
    }
  }

  // Under the server's mutex.
  void Add(Seconds arrived, int device, Frame frame) {
    queue_.Add(arrived, device, std::move(frame));
    work_->Raise();
  }
  void Stop() {
    is_stopping_ = true;
    work_->Raise();
  }

  CloudMonitor& monitor() { return monitor_; }
  CloudCompute& compute() { return compute_; }

 private:
  // In front of stage 1, 2, ...: room for one batch, which the stage before reserves.
  struct Buffer {
    explicit Buffer(World& world) : room(world), batches(world) {}
    struct Room {};
    Channel<Room> room;
    struct Ready {
      std::unique_ptr<Batch> batch;  // null: the pipeline stops
      Seconds since;
    };
    Channel<Ready> batches;
    std::unique_ptr<Batch> crossing;  // the server's link
  };

  bool is_last(int stage) const { return stage + 1 == server_.config_.stages; }
  Buffer& buffer_of(int stage) { return *buffers_[static_cast<size_t>(stage) - 1]; }

  void RunStage(int stage) {
    for (;;) {
      Buffer::Ready ready = stage == 0 ? FormWhenThereIsWork() : TakeFromBuffer(stage);
      if (ready.batch == nullptr) {
        if (!is_last(stage)) buffer_of(stage + 1).batches.Push({});
        return;
      }
      const Seconds start = server_.world_.Now();
      compute_.RunStage(stage, *ready.batch);
      const Seconds end = server_.world_.Now();
      const Seconds linked = is_last(stage) ? end : compute_.CrossStageLink(stage, *ready.batch);
      server_.observer_.OnStage({ready.batch.get(), stage, {ready.since, start, end}, linked});
      if (is_last(stage)) {
        server_.Answer(*this, *ready.batch);
      } else {
        HandOver(stage, std::move(ready.batch), linked);
      }
    }
  }

  Buffer::Ready FormWhenThereIsWork() {
    if (!is_last(0)) buffer_of(1).room.Pop();
    if (!WaitForWork()) return {};
    server_.world_.Settle();  // what arrives at this very instant belongs to the batch
    const std::lock_guard lock(server_.mutex_);
    const Seconds now = server_.world_.Now();
    WorkQueue::Formed formed = queue_.Form(server_.config_.token_budget, *server_.cut_);
    for (const Seconds arrived : formed.prefill_arrivals) monitor_.OnPrefillWait(now - arrived);
    auto batch = std::make_unique<Batch>(std::move(formed.batch));
    HAT_CHECK(batch->tokens > 0, "a verification is larger than the token budget");
    batch->ordinal = next_ordinal_++;
    batch->replica = index_;
    batch->formed = now;
    return {std::move(batch), now};
  }

  // False: the server stops.
  bool WaitForWork() {
    for (;;) {
      {
        const std::lock_guard lock(server_.mutex_);
        if (!queue_.empty()) return true;
        if (is_stopping_) return false;
      }
      work_->Wait();
    }
  }

  Buffer::Ready TakeFromBuffer(int stage) {
    Buffer::Ready ready = buffer_of(stage).batches.Pop();
    // Before the stop is passed on too: else it could overtake a batch on the server's link.
    if (!is_last(stage)) buffer_of(stage + 1).room.Pop();
    if (ready.batch != nullptr) buffer_of(stage).room.Push({});
    return ready;
  }

  void HandOver(int stage, std::unique_ptr<Batch> batch, Seconds linked) {
    Buffer& buffer = buffer_of(stage + 1);
    buffer.crossing = std::move(batch);
    server_.world_.CallAt(linked, [this, &buffer] {
      buffer.batches.Push({std::move(buffer.crossing), server_.world_.Now()});
    });
  }

  CloudServer& server_;
  int index_;
  CloudCompute& compute_;
  WorkQueue queue_;
  CloudMonitor monitor_;
  std::unique_ptr<Signal> work_;
  bool is_stopping_ = false;
  int next_ordinal_ = 0;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

CloudServer::CloudServer(World& world, const CloudConfig& config, const SystemSpec& system,
                         int hidden, std::vector<CloudCompute*> replicas, Downlinks& downlinks,
                         Observer& observer)
    : world_(world),
      config_(config),
      system_(system),
      hidden_(hidden),
      downlinks_(downlinks),
      observer_(observer),
      cut_(MakePrefillCut(system.prefill_cut, system.options)),
      admission_(config.replicas, config.kv_tokens) {
  HAT_CHECK(static_cast<int>(replicas.size()) == config.replicas);
  for (int i = 0; i < config.replicas; ++i) {
    replicas_.push_back(std::make_unique<Replica>(*this, i, *replicas[static_cast<size_t>(i)]));
  }
}

CloudServer::~CloudServer() = default;

void CloudServer::Start() {
  for (const auto& replica : replicas_) replica->Start();
}

void CloudServer::Stop() {
  const std::lock_guard lock(mutex_);
  for (const auto& replica : replicas_) replica->Stop();
}

void CloudServer::OnFrame(int device, Frame frame) {
  const std::lock_guard lock(mutex_);
  const FrameHeader header = frame.header;
  const Seconds now = world_.Now();
  uplinks_.OnFrame(device, header, FrameBytes(header, hidden_), now);
  if (header.kind == FrameKind::kClose) return Close(header.session);
  auto [found, is_new] = sessions_.try_emplace(header.session);
  Session& session = found->second;
  if (is_new) {
    session.device = device;
    session.prompt_tokens = header.prompt_tokens;
    session.output_tokens = header.output_tokens;
    session.dtype = header.dtype;
    const int64_t kv_tokens =
        int64_t{header.prompt_tokens} + header.output_tokens + ReservedExtraTokens(system_);
    Admit(admission_.Enqueue(header.session, kv_tokens));
  }
  if (session.replica < 0) {
    session.held.emplace_back(now, std::move(frame));
    return;
  }
  replicas_[static_cast<size_t>(session.replica)]->Add(now, device, std::move(frame));
}

void CloudServer::Admit(const std::vector<Admission::Admitted>& admitted) {
  for (const auto& [id, index] : admitted) {
    Session& session = sessions_.at(id);
    session.replica = index;
    observer_.OnAdmitted(static_cast<int>(id), index, world_.Now());
    for (auto& [arrived, frame] : session.held) {
      replicas_[static_cast<size_t>(index)]->Add(arrived, session.device, std::move(frame));
    }
    session.held = {};
  }
}

void CloudServer::Close(SessionId id) {
  const auto session = sessions_.find(id);
  HAT_CHECK(session != sessions_.end() && session->second.replica >= 0);
  replicas_[static_cast<size_t>(session->second.replica)]->compute().Forget(id);
  sessions_.erase(session);
  Admit(admission_.Free(id));
}

void CloudServer::Answer(Replica& replica, Batch& batch) {
  const std::lock_guard lock(mutex_);
  replica.monitor().OnBatch(batch.tokens, world_.Now() - batch.formed);
  for (BatchPart& part : batch.parts) AnswerPart(replica, part);
}

void CloudServer::AnswerPart(Replica& replica, BatchPart& part) {
  const Session& session = sessions_.at(part.session);
  const bool is_raw = system_.kind == SystemSpec::Kind::kCloudOnly;
  const bool is_prefill = part.kind != FrameKind::kVerify;
  const bool returns_all = is_prefill && system_.return_all_positions && !is_raw;
  if (is_prefill && !part.completes_prompt && !returns_all) return;

  Frame answer;
  FrameHeader& header = answer.header;
  header.session = part.session;
  header.kind = is_raw ? FrameKind::kRawToken : is_prefill ? FrameKind::kFirst : FrameKind::kVerify;
  header.dtype = session.dtype;
  header.flags = returns_all ? kFlagAllPositions : 0;
  header.count = is_raw || (is_prefill && !returns_all) ? 1 : part.tokens;
  header.first_position = part.first_position + part.tokens - header.count;
  header.prompt_tokens = session.prompt_tokens;
  header.output_tokens = session.output_tokens;
  header.uplink_bytes_per_s = static_cast<float>(uplinks_.Rate(session.device).value());
  replica.monitor().FillHeader(&header);
  answer.states = std::move(part.states);
  if (!answer.states.empty() && header.count < part.tokens) {  // the last position's only
    const size_t size = answer.states.size() / static_cast<size_t>(part.tokens);
    answer.states.erase(answer.states.begin(),
                        answer.states.end() - static_cast<std::ptrdiff_t>(size));
  }
  downlinks_.Send(session.device, std::move(answer));
  if (is_raw) ReenterStageZero(replica, part);
}

// cloud-only: the token that just came out is the next one's input, without leaving the cloud.
void CloudServer::ReenterStageZero(Replica& replica, const BatchPart& part) {
  Session& session = sessions_.at(part.session);
  if (++session.raw_tokens_out == session.output_tokens) return;
  Frame next;
  next.header.session = part.session;
  next.header.kind = FrameKind::kVerify;
  next.header.first_position = part.first_position + part.tokens;
  next.header.count = 1;
  next.header.prompt_tokens = session.prompt_tokens;
  next.header.output_tokens = session.output_tokens;
  replica.Add(world_.Now(), session.device, std::move(next));
}

}  // namespace hat

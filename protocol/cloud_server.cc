#include "protocol/cloud_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "core/error.h"

namespace hat {

struct CloudServer::Replica {
  WorkQueue queue;
  CloudMonitor monitor;
  int next_ordinal = 0;
  Pipeline pipeline;
};

// A verification goes into a batch whole.
FrontDoor::Limits CloudServer::LimitsOf(const Setup& setup) {
  FrontDoor::Limits limits = setup.limits;
  limits.max_verify = std::min(limits.max_verify, setup.config.token_budget);
  return limits;
}

CloudServer::CloudServer(Setup setup)
    : world_(setup.world),
      config_(setup.config),
      system_(std::move(setup.system)),
      limits_(LimitsOf(setup)),
      door_(limits_),
      max_sessions_(setup.max_sessions),
      downlinks_(setup.downlinks),
      observer_(setup.observer),
      on_fault_(std::move(setup.on_fault)),
      cut_(MakePrefillCut(system_.prefill_cut, system_.options)),
      mutex_(world_),
      admission_(config_.replicas, config_.kv_tokens) {
  HAT_CHECK(static_cast<int>(setup.replicas.size()) == config_.replicas);
  for (int i = 0; i < config_.replicas; ++i) {
    CloudCompute& compute = *setup.replicas[static_cast<size_t>(i)];
    replicas_.push_back(std::make_unique<Replica>(
        Replica{{}, {}, 0, Pipeline(world_, i, config_.stages, *this, compute, observer_)}));
  }
}

CloudServer::~CloudServer() = default;

void CloudServer::Start() {
  for (const auto& replica : replicas_) replica->pipeline.Start();
}

void CloudServer::Stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  for (const auto& replica : replicas_) replica->pipeline.Wake();
}

CloudServer::Load CloudServer::load() const {
  const std::lock_guard lock(mutex_);
  Load load{sessions_.size(), admission_.waiting(), 0, 0};
  for (int i = 0; i < config_.replicas; ++i) {
    load.queued_frames += replicas_[static_cast<size_t>(i)]->queue.size();
    load.kv_tokens += config_.kv_tokens - admission_.free_tokens(i);
  }
  return load;
}

// -- what comes in

void CloudServer::OnFrame(int device, Frame frame) {
  // All replicas have the same layers.
  const Refusal states_problem = replicas_.front()->pipeline.compute().StatesProblem(frame.states);
  const std::lock_guard lock(mutex_);
  const SessionKey key = KeyOf(device, frame.header.session);
  Session* session = Find(key);
  if (session == nullptr) return Open(key, std::move(frame), states_problem);
  Refusal refusal =
      session->is_ending ? Refusal("the session has ended") : door_.OnFrame(frame, &session->door);
  if (!refusal) refusal = states_problem;
  if (refusal) return Refuse(key, frame.header, *refusal, AbortReason::kRefused);
  Take(key, *session, std::move(frame));
}

SessionKey CloudServer::KeyOf(int device, SessionId number) const {
  const auto dropped = dropped_.find(device);
  return {device, number, dropped == dropped_.end() ? 0 : dropped->second};
}

CloudServer::Session* CloudServer::Find(const SessionKey& key) {
  const auto found = sessions_.find(key);
  return found == sessions_.end() ? nullptr : &found->second;
}

void CloudServer::Open(const SessionKey& key, Frame frame, const Refusal& states_problem) {
  const FrameHeader& header = frame.header;
  Session opened;
  Refusal refusal = door_.Open(frame, &opened.door);
  if (!refusal) refusal = door_.OnFrame(frame, &opened.door);
  if (!refusal) refusal = states_problem;
  if (refusal) return Refuse(key, header, *refusal, AbortReason::kRefused);
  const int64_t kv_tokens =
      int64_t{header.prompt_tokens} + header.output_tokens + ReservedExtraTokens(system_);
  if (const Refusal no_room = RoomProblem(key, kv_tokens)) {
    return Refuse(key, header, *no_room, AbortReason::kNoRoom);
  }
  ++open_sessions_[key.device];
  Session& session = sessions_.emplace(key, std::move(opened)).first->second;
  Admit(admission_.Enqueue(key, kv_tokens));
  Take(key, session, std::move(frame));
  WatchForIdleSessions();
}

Refusal CloudServer::RoomProblem(const SessionKey& key, int64_t kv_tokens) const {
  if (is_stopping_) return "the cloud takes no more sessions";
  const auto open = open_sessions_.find(key.device);
  if (open != open_sessions_.end() && open->second >= max_sessions_) {
    return fmt::format("{} sessions of this device are open; at most {}", open->second,
                       max_sessions_);
  }
  if (kv_tokens > config_.kv_tokens) {
    return fmt::format("it needs {} KV tokens; a replica has {}", kv_tokens, config_.kv_tokens);
  }
  return std::nullopt;
}

void CloudServer::Take(const SessionKey& key, Session& session, Frame frame) {
  const Seconds now = world_.Now();
  session.last_active = now;
  Measure(key.device, frame.header);
  if (frame.header.kind == FrameKind::kClose) return End(key);
  if (session.replica < 0) {
    session.held.emplace_back(now, std::move(frame));
    return;
  }
  Queue(*replicas_[static_cast<size_t>(session.replica)], now, key, session, std::move(frame));
}

void CloudServer::Queue(Replica& replica, Seconds arrived, const SessionKey& key, Session& session,
                        Frame frame) {
  session.queued_tokens += frame.header.count;
  replica.queue.Add(arrived, key.device, std::move(frame), key.link);
  replica.pipeline.Wake();
}

void CloudServer::Admit(const std::vector<Admission::Admitted>& admitted) {
  for (const auto& [key, index] : admitted) {
    Session& session = sessions_.at(key);
    session.replica = index;
    observer_.OnAdmitted(static_cast<int>(key.number), index, world_.Now());
    for (auto& [arrived, frame] : std::exchange(session.held, {})) {
      Queue(*replicas_[static_cast<size_t>(index)], arrived, key, session, std::move(frame));
    }
  }
}

// -- what ends

// A session that breaks the protocol ends. To a frame of no session the answer is the same, so that
// its device does not wait in vain; but a Close may well come after the cloud has ended its
// session.
void CloudServer::Refuse(const SessionKey& key, const FrameHeader& header, const std::string& why,
                         AbortReason reason) {
  const bool is_well_formed = !HeaderProblem(header);
  if (is_well_formed) Measure(key.device, header);
  const Session* session = Find(key);
  const bool is_open = session != nullptr && !session->is_ending;
  if (!is_open && is_well_formed && header.kind == FrameKind::kClose) return;
  observer_.OnRefused(key.device, header, why, world_.Now());
  if (is_open) return Abort(key, reason);
  if (key.number <= INT32_MAX) SendAbort(key, reason, {});
}

void CloudServer::Measure(int device, const FrameHeader& header) {
  uplinks_.OnFrame(device, header, FrameBytes(header, limits_.hidden), world_.Now());
}

void CloudServer::Abort(const SessionKey& key, AbortReason reason) {
  SendAbort(key, reason, sessions_.at(key).door);
  End(key);
}

void CloudServer::SendAbort(const SessionKey& key, AbortReason reason,
                            const FrontDoor::Session& door) {
  Frame frame;
  frame.header.session = key.number;
  frame.header.kind = FrameKind::kAbort;
  frame.header.dtype = limits_.dtype;
  frame.header.first_position = static_cast<int32_t>(reason);
  frame.header.prompt_tokens = std::max(1, door.prompt_tokens());
  frame.header.output_tokens = std::max(1, door.output_tokens());
  downlinks_.Send(key.device, std::move(frame));
}

void CloudServer::Drop(int device) {
  const std::lock_guard lock(mutex_);
  const auto is_open = [device](const SessionKey& key, const Session& session) {
    return key.device == device && !session.is_ending;
  };
  for (const SessionKey& key : KeysWhere(is_open)) End(key);
  ++dropped_[device];
  uplinks_.Forget(device);
}

void CloudServer::End(const SessionKey& key) {
  Session& session = sessions_.at(key);
  session.held.clear();
  if (session.queued_tokens > 0) {
    replicas_[static_cast<size_t>(session.replica)]->queue.Remove(key);
  }
  session.is_ending = true;
  ++ending_;
  const auto open = open_sessions_.find(key.device);
  if (--open->second == 0) open_sessions_.erase(open);
  if (session.parts_in_pipeline == 0) Free(key, session);
}

void CloudServer::Free(const SessionKey& key, Session& session) {
  if (session.replica >= 0) {
    replicas_[static_cast<size_t>(session.replica)]->pipeline.compute().Forget(key);
  }
  ending_ -= session.is_ending;
  sessions_.erase(key);
  Admit(admission_.Free(key));
}

// In the order of devices and numbers: sessions_ has none.
std::vector<SessionKey> CloudServer::KeysWhere(
    const std::function<bool(const SessionKey&, const Session&)>& holds) const {
  std::vector<SessionKey> keys;
  for (const auto& [key, session] : sessions_) {
    if (holds(key, session)) keys.push_back(key);
  }
  std::ranges::sort(keys, {},
                    [](const SessionKey& k) { return std::tuple(k.device, k.number, k.link); });
  return keys;
}

void CloudServer::WatchForIdleSessions() {
  if (watches_for_idle_ || !config_.idle_timeout.IsFinite()) return;
  watches_for_idle_ = true;
  world_.CallAt(world_.Now() + config_.idle_timeout / 2, [this] { EndIdleSessions(); });
}

void CloudServer::EndIdleSessions() {
  const std::lock_guard lock(mutex_);
  const Seconds since = world_.Now() - config_.idle_timeout;
  for (const SessionKey& key : KeysWhere([since](const SessionKey&, const Session& session) {
         const bool works = session.replica < 0 || session.queued_tokens > 0 ||
                            session.parts_in_pipeline > 0 || session.is_ending;
         return !works && session.last_active <= since;
       })) {
    Abort(key, AbortReason::kIdle);
  }
  watches_for_idle_ = false;
  if (!sessions_.empty() && !is_stopping_) WatchForIdleSessions();
}

// -- the pipelines

Pipeline::Work CloudServer::LookForWork(int replica) {
  const std::lock_guard lock(mutex_);
  if (!replicas_[static_cast<size_t>(replica)]->queue.empty()) return Pipeline::Work::kSome;
  return is_stopping_ ? Pipeline::Work::kStopped : Pipeline::Work::kNone;
}

std::unique_ptr<Batch> CloudServer::FormBatch(int index) {
  const std::lock_guard lock(mutex_);
  Replica& replica = *replicas_[static_cast<size_t>(index)];
  if (replica.queue.empty()) return nullptr;
  const Seconds now = world_.Now();
  WorkQueue::Formed formed = replica.queue.Form(config_.token_budget, *cut_);
  for (const Seconds arrived : formed.prefill_arrivals) {
    replica.monitor.OnPrefillWait(now - arrived);
  }
  auto batch = std::make_unique<Batch>(std::move(formed.batch));
  HAT_CHECK(batch->tokens > 0, "the front door let a verification in that no batch can hold");
  batch->ordinal = replica.next_ordinal++;
  batch->replica = index;
  batch->formed = now;
  for (const BatchPart& part : batch->parts) {
    Session& session = sessions_.at(part.session);
    session.queued_tokens -= part.tokens;
    ++session.parts_in_pipeline;
  }
  return batch;
}

bool CloudServer::LeavePipeline(const BatchPart& part) {
  Session& session = sessions_.at(part.session);
  --session.parts_in_pipeline;
  session.last_active = world_.Now();
  if (!session.is_ending) return true;
  if (session.parts_in_pipeline == 0) Free(part.session, session);
  return false;
}

void CloudServer::RemoveEnded(Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (ending_ == 0) return;
  std::erase_if(batch.parts, [this, &batch](const BatchPart& part) {
    if (!sessions_.at(part.session).is_ending) return false;
    batch.tokens -= part.tokens;
    LeavePipeline(part);
    return true;
  });
}

void CloudServer::OnLeft(Batch& batch) {
  const std::lock_guard lock(mutex_);
  Replica& replica = *replicas_[static_cast<size_t>(batch.replica)];
  replica.monitor.OnBatch(batch.tokens, world_.Now() - batch.formed);
  for (BatchPart& part : batch.parts) {
    if (LeavePipeline(part)) AnswerPart(replica, part);
  }
}

void CloudServer::OnFailed(Batch& batch, std::exception_ptr cause) {
  if (on_fault_) on_fault_(cause);
  const std::lock_guard lock(mutex_);
  for (const BatchPart& part : batch.parts) {
    if (LeavePipeline(part)) Abort(part.session, AbortReason::kFailed);
  }
}

void CloudServer::AnswerPart(Replica& replica, BatchPart& part) {
  Session& session = sessions_.at(part.session);
  const bool is_prefill = part.kind != FrameKind::kVerify;
  if (system_.returns_tokens) {
    if (!is_prefill || part.completes_prompt) AnswerTokens(replica, part, session);
    return;
  }
  const bool returns_all = is_prefill && system_.return_all_positions;
  if (is_prefill && !part.completes_prompt && !returns_all) return;

  const int count = is_prefill && !returns_all ? 1 : part.tokens;
  const int first_position = part.first_position + part.tokens - count;
  Frame answer =
      MakeAnswer(replica, part, session.door, is_prefill ? FrameKind::kFirst : FrameKind::kVerify,
                 first_position, count);
  answer.header.flags = returns_all ? kFlagAllPositions : 0;
  answer.states = std::move(part.states);
  if (!answer.states.empty() && count < part.tokens) {  // the last position's only
    const size_t size = answer.states.size() / static_cast<size_t>(part.tokens);
    answer.states.erase(answer.states.begin(),
                        answer.states.end() - static_cast<std::ptrdiff_t>(size));
  }
  door_.OnAnswer(answer.header, &session.door);
  downlinks_.Send(part.session.device, std::move(answer));
}

Frame CloudServer::MakeAnswer(const Replica& replica, const BatchPart& part,
                              const FrontDoor::Session& door, FrameKind kind, int first_position,
                              int count) const {
  Frame answer;
  FrameHeader& header = answer.header;
  header.session = part.session.number;
  header.kind = kind;
  header.dtype = limits_.dtype;
  header.count = count;
  header.first_position = first_position;
  header.prompt_tokens = door.prompt_tokens();
  header.output_tokens = door.output_tokens();
  header.uplink_bytes_per_s = static_cast<float>(uplinks_.Rate(part.session.device).value());
  replica.monitor.FillHeader(&header);
  return answer;
}

// The cloud has the head: tokens go down. The newest of them, and what is drafted after it, is the
// next round's input, without leaving the cloud.
void CloudServer::AnswerTokens(Replica& replica, const BatchPart& part, Session& session) {
  CloudCompute& compute = replica.pipeline.compute();
  const bool is_prefill = part.kind != FrameKind::kVerify;
  const int before = part.first_position + (is_prefill ? part.tokens - 1 : 0);
  const int tokens = compute.CommitTokens(part);
  HAT_CHECK(tokens >= 1 && tokens <= (is_prefill ? 1 : part.tokens));
  if (!is_prefill && system_.drafts()) {
    observer_.OnRound({part.request(), part.tokens - 1, tokens - 1, 0, 0, world_.Now()});
  }
  downlinks_.Send(part.session.device,
                  MakeAnswer(replica, part, session.door, FrameKind::kRawToken, before, tokens));
  session.tokens_out += tokens;
  const int remaining = session.door.output_tokens() - session.tokens_out;
  if (remaining == 0) return;
  const int most = std::min(LargestVerification(system_) - 1, remaining - 1);
  Frame next;
  next.header.session = part.session.number;
  next.header.kind = FrameKind::kVerify;
  next.header.first_position = before + tokens;
  next.header.count = 1 + compute.Draft(part.session, most);
  next.header.prompt_tokens = session.door.prompt_tokens();
  next.header.output_tokens = session.door.output_tokens();
  Queue(replica, world_.Now(), part.session, session, std::move(next));
}

}  // namespace hat

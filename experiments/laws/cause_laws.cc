#include "experiments/laws/cause_laws.h"

#include <fmt/format.h>

namespace hat {

// One running request.
struct CauseLaws::Session {
  struct Input {
    int end_position;
    Seconds end;
  };
  struct Deep {  // states that left the last stage and have not been answered
    Seconds end;
    bool is_prompt_end;
    bool is_prefill;
  };

  int prompt_tokens = 0;
  Seconds started;
  std::deque<Input> inputs;  // of the prompt, not sent yet
  Seconds last_op_end;       // draft-ahead steps left out
  int prompt_received = 0;   // positions that reached the cloud
  int prompt_batched = 0;    // positions that entered stage 0
  Seconds last_received;
  int verifications = 0;  // frames in the cloud, not in a batch yet
  int replica = -1;
  std::deque<Deep> deep;
  Seconds last_deep;
  int answers = 0;  // on the device, not used yet
  Seconds last_answer;
  int heads = 0;  // done, tokens not out yet
  Seconds last_head;
};

CauseLaws::CauseLaws(const LawOptions& options, Violations& violations)
    : options_(options),
      violations_(violations),
      pipelines_(static_cast<size_t>(options.replicas)) {}

CauseLaws::~CauseLaws() = default;

CauseLaws::Session* CauseLaws::Find(int request) {
  const auto i = static_cast<size_t>(request);
  return i < sessions_.size() ? sessions_[i].get() : nullptr;
}

void CauseLaws::Follows(int request, std::string_view what, Seconds at, Seconds cause) {
  if (at >= cause - options_.tolerance) return;
  violations_.Add("cause", fmt::format("request {}: {} at {:.9g} s, before its cause at {:.9g} s",
                                       request, what, at.value(), cause.value()));
}

void CauseLaws::Require(bool holds, std::string_view law, int request, std::string_view what) {
  if (!holds) violations_.Add(law, fmt::format("request {}: {}", request, what));
}

void CauseLaws::OnStart(const Request& request, Seconds at) {
  const auto i = static_cast<size_t>(request.id);
  if (i >= sessions_.size()) sessions_.resize(i + 1);
  sessions_[i] = std::make_unique<Session>();
  sessions_[i]->prompt_tokens = request.prompt_tokens;
  sessions_[i]->started = at;
  Follows(request.id, "a start", at, request.arrival);
}

void CauseLaws::OnDeviceOp(const DeviceOpEvent& event) {
  Session* session = Find(event.request);
  if (session == nullptr) return;  // request laws complain
  Follows(event.request, Name(event.op), event.span.requested, session->started);
  const int end_position = event.context + event.tokens;
  if (event.op == DeviceOp::kInput && end_position <= session->prompt_tokens) {
    session->inputs.push_back({end_position, event.span.end});
  }
  if (event.op == DeviceOp::kHead) OnHead(event, *session);
  if (event.op != DeviceOp::kDraftAhead) session->last_op_end = event.span.end;
}

void CauseLaws::OnHead(const DeviceOpEvent& event, Session& session) {
  if (!options_.system.has_cloud) {
    Follows(event.request, "head", event.span.requested, session.last_op_end);
  } else {
    Follows(event.request, "head", event.span.requested, session.last_answer);
    Require(session.answers-- == 1, "cause", event.request, "a head without one answer for it");
  }
  ++session.heads;
  session.last_head = event.span.end;
}

void CauseLaws::OnFrame(const FrameEvent& event) {
  const Bytes size = FrameBytes(event.header, options_.hidden);
  if (event.size != size) {
    violations_.Add("bytes", fmt::format("request {}: a frame of {:.0f} bytes counts as {:.0f}",
                                         event.request, size.value(), event.size.value()));
  }
  Session* session = Find(event.request);
  if (session == nullptr) return;
  event.direction == Direction::kUp ? OnUp(event, *session) : OnDown(event, *session);
}

void CauseLaws::OnUp(const FrameEvent& event, Session& session) {
  const FrameHeader& header = event.header;
  const int request = event.request;
  session.last_received = event.arrived;
  if (header.kind == FrameKind::kVerify) {
    Follows(request, "a verify frame", event.sent, session.last_op_end);
    ++session.verifications;
  } else if (header.kind == FrameKind::kRawPrompt) {
    Follows(request, "a raw prompt", event.sent, session.started);
    session.prompt_received += header.count;
  } else if (header.kind == FrameKind::kPrefill) {
    Require(header.first_position == session.prompt_received, "cause", request,
            "prefill frames out of order");
    session.prompt_received += header.count;
    const bool is_computed =
        !session.inputs.empty() && session.inputs.front().end_position == session.prompt_received;
    Require(is_computed, "cause", request, "a prefill frame that no input computed");
    if (!is_computed) return;
    Follows(request, "a prefill frame", event.sent, session.inputs.front().end);
    session.inputs.pop_front();
  }
}

void CauseLaws::OnDown(const FrameEvent& event, Session& session) {
  const FrameHeader& header = event.header;
  if (header.kind == FrameKind::kAbort) return;
  const bool returns_all = header.flags & kFlagAllPositions;
  if (header.kind == FrameKind::kFirst && !returns_all) {
    while (!session.deep.empty() && !session.deep.front().is_prompt_end) session.deep.pop_front();
  } else if (header.kind == FrameKind::kVerify) {
    while (!session.deep.empty() && session.deep.front().is_prefill) session.deep.pop_front();
  } else if (header.kind == FrameKind::kRawToken) {
    while (!session.deep.empty() && session.deep.front().is_prefill &&
           !session.deep.front().is_prompt_end) {
      session.deep.pop_front();
    }
  }
  Require(!session.deep.empty(), "cause", event.request, "an answer without deep states");
  if (session.deep.empty()) return;
  Follows(event.request, "an answer", event.sent, session.deep.front().end);
  const bool makes_tokens = !session.deep.front().is_prefill || session.deep.front().is_prompt_end;
  session.deep.pop_front();
  session.answers += makes_tokens;
  session.last_answer = event.arrived;
}

void CauseLaws::OnAdmitted(int request, int replica, Seconds at) {
  Session* session = Find(request);
  if (session == nullptr) return;
  Require(session->prompt_received > 0, "cause", request, "admitted before its first frame");
  Follows(request, "an admission", at, session->last_received);
  session->replica = replica;
}

void CauseLaws::OnStage(const StageEvent& event) {
  if (event.stage == 0) OnBatchFormed(*event.batch, event.span.start);
  CheckPipeline(event);
  if (event.stage + 1 == options_.stages) OnLastStage(event);
}

void CauseLaws::OnBatchFormed(const Batch& batch, Seconds start) {
  int tokens = 0;
  for (const BatchPart& part : batch.parts) {
    tokens += part.tokens;
    const int request = part.request();
    Follows(request, "a batch", batch.formed, part.arrived);
    Follows(request, "stage 0", start, batch.formed);
    Session* session = Find(request);
    if (failed_.contains(request)) continue;  // the cloud does not know yet
    Require(session != nullptr, "cause", request, "in a batch while it does not run");
    if (session == nullptr) continue;
    Require(session->replica == batch.replica, "cause", request,
            "in a batch of a replica that did not admit it");
    if (part.kind != FrameKind::kVerify) {
      OnPrefillPart(part, *session);
    } else if (options_.system.returns_tokens) {
      Follows(request, "a decode token", part.arrived, session->last_deep);
    } else {
      Require(session->verifications-- == 1, "cause", request, "verified without one frame for it");
    }
  }
  if (tokens != batch.tokens) {
    violations_.Add("batch", fmt::format("batch {}.{} has {} tokens, its parts {}", batch.replica,
                                         batch.ordinal, batch.tokens, tokens));
  }
  if (options_.token_budget > 0 && batch.tokens > options_.token_budget) {
    violations_.Add("batch",
                    fmt::format("batch {}.{} has {} tokens, the budget is {}", batch.replica,
                                batch.ordinal, batch.tokens, options_.token_budget));
  }
}

void CauseLaws::OnPrefillPart(const BatchPart& part, Session& session) {
  const int request = part.request();
  Require(part.first_position == session.prompt_batched, "batch", request,
          "prompt positions left out, twice or out of order");
  session.prompt_batched += part.tokens;
  Require(session.prompt_batched <= session.prompt_received, "cause", request,
          "prompt positions in a batch before they arrived");
  Require(part.completes_prompt == (session.prompt_batched == session.prompt_tokens), "batch",
          request, "the part with the last prompt position is not marked, or another is");
}

void CauseLaws::CheckPipeline(const StageEvent& event) {
  Pipeline& pipeline = pipelines_[static_cast<size_t>(event.batch->replica)];
  const int ordinal = event.batch->ordinal;
  if (event.stage == 0) {
    if (pipeline.batches.empty()) pipeline.first = ordinal;
    pipeline.batches.push_back({0, event.linked});
  } else {
    const int i = ordinal - pipeline.first;
    if (i < 0 || i >= static_cast<int>(pipeline.batches.size()) ||
        pipeline.batches[static_cast<size_t>(i)].stage != event.stage - 1) {
      violations_.Add("cause", fmt::format("batch {}.{} is on stage {} without the one before",
                                           event.batch->replica, ordinal, event.stage));
      return;
    }
    InFlight& batch = pipeline.batches[static_cast<size_t>(i)];
    for (const BatchPart& part : event.batch->parts) {
      Follows(part.request(), "a stage", event.span.requested, batch.linked);
    }
    batch = {event.stage, event.linked};
  }
  if (event.stage + 1 == options_.stages) Leave(pipeline, ordinal);
}

// Forgets the batch: it has left the last stage, or one has failed.
void CauseLaws::Leave(Pipeline& pipeline, int ordinal) {
  const int i = ordinal - pipeline.first;
  if (i < 0 || i >= static_cast<int>(pipeline.batches.size())) return;
  pipeline.batches[static_cast<size_t>(i)].has_left = true;
  while (!pipeline.batches.empty() && pipeline.batches.front().has_left) {
    pipeline.batches.pop_front();
    ++pipeline.first;
  }
}

void CauseLaws::OnStageFailed(const Batch& batch, int stage, const Span& span) {
  if (stage == 0) {
    OnBatchFormed(batch, span.start);
    CheckPipeline({&batch, stage, span, span.end});
  }
  Leave(pipelines_[static_cast<size_t>(batch.replica)], batch.ordinal);
}

void CauseLaws::OnLastStage(const StageEvent& event) {
  for (const BatchPart& part : event.batch->parts) {
    Session* session = Find(part.request());
    if (session == nullptr) continue;
    const bool is_prefill = part.kind != FrameKind::kVerify;
    session->deep.push_back({event.span.end, part.completes_prompt, is_prefill});
    session->last_deep = event.span.end;
  }
}

void CauseLaws::OnTokens(int request, int, Seconds at) {
  Session* session = Find(request);
  if (session == nullptr) return;
  if (options_.system.returns_tokens) {
    Follows(request, "a token", at, session->last_answer);
    Require(session->answers-- > 0, "cause", request, "a token without an answer");
  } else {
    Follows(request, "tokens", at, session->last_head);
    Require(session->heads-- == 1, "cause", request, "tokens without one head for them");
  }
}

void CauseLaws::OnEnd(int request, Outcome outcome, Seconds) {
  if (outcome != Outcome::kCompleted) failed_.insert(request);
  if (Find(request) != nullptr) sessions_[static_cast<size_t>(request)] = nullptr;
}

}  // namespace hat

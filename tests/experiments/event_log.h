// Hand-made runs: a list of events that is played to an observer, and a whole life of one request
// of `hat` with every number chosen. Times in ms.
#pragma once

#include <stdexcept>
#include <variant>
#include <vector>

#include "protocol/observer.h"

namespace hat {

struct ArrivalTold {
  Request request;
};
struct StartTold {
  Request request;
  Seconds at;
};
struct AdmittedTold {
  int request, replica;
  Seconds at;
};
struct StageTold {
  Batch batch;
  int stage;
  Span span;
  Seconds linked;
};
struct TokensTold {
  int request, count;
  Seconds at;
};
struct EndTold {
  int request;
  Outcome outcome;
  Seconds at;
};
using Told = std::variant<ArrivalTold, StartTold, DeviceOpEvent, FrameEvent, AdmittedTold,
                          StageTold, RoundEvent, TokensTold, EndTold>;
using EventLog = std::vector<Told>;

void Play(const EventLog& log, Observer& observer);

inline Seconds Ms(double ms) { return Milliseconds(ms); }
inline Span SpanMs(double requested, double start, double end) {
  return {Ms(requested), Ms(start), Ms(end)};
}

inline constexpr int kHidden = 4;  // 8 bytes per position in fp16

DeviceOpEvent Op(int request, DeviceOp op, int tokens, int context, Span span);
// Times: sent, start, left, arrived. The size is FrameBytes.
FrameEvent FrameOf(int request, Direction direction, FrameKind kind, int first_position, int count,
                   const double (&times_ms)[4]);
BatchPart PrefillPart(int request, int first_position, int tokens, bool completes_prompt,
                      double arrived_ms);
BatchPart VerifyPart(int request, int first_position, int tokens, double arrived_ms);
StageTold OnStage(int ordinal, int stage, std::vector<BatchPart> parts, double formed_ms, Span span,
                  double linked_ms);

// Request 0 on device 0: 3 prompt tokens in chunks of 2 and 1, 3 output tokens in one round (one
// draft, accepted), a cloud of two stages. It ends at 63 ms; its Close frame arrives at 65.5 ms.
// TTFT 44 ms = 18 device compute + 4 upload + 2 cloud wait + 15 cloud compute + 3 download + 2
// head.
EventLog LifeOfOneRequest();

// The n-th (from 0) event of type T, to change it.
template <class T>
T& Nth(EventLog& log, int n) {
  for (Told& told : log) {
    T* event = std::get_if<T>(&told);
    if (event != nullptr && n-- == 0) return *event;
  }
  throw std::out_of_range("no such event");
}

// Without the n-th event of type T.
template <class T>
EventLog Without(EventLog log, int n) {
  for (auto told = log.begin(); told != log.end(); ++told) {
    if (std::holds_alternative<T>(*told) && n-- == 0) {
      log.erase(told);
      return log;
    }
  }
  throw std::out_of_range("no such event");
}

}  // namespace hat

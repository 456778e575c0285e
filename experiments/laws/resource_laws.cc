#include "experiments/laws/resource_laws.h"

#include <fmt/format.h>

#include <algorithm>

namespace hat {

ResourceLaws::ResourceLaws(const LawOptions& options, Violations& violations)
    : options_(options),
      violations_(violations),
      gpus_(static_cast<size_t>(options.devices)),
      links_(static_cast<size_t>(options.devices)),
      stages_(static_cast<size_t>(options.replicas) * static_cast<size_t>(options.stages)) {}

void ResourceLaws::Broken(const Name& name, const std::string& what) {
  violations_.Add("overlap", fmt::format("{} {}.{} {}", name.what, name.index, name.part, what));
}

void ResourceLaws::Use(Resource& resource, const Name& name, const Span& span, bool is_fifo) {
  if (span.start < resource.free - options_.tolerance) {
    Broken(name, fmt::format("starts at {:.9g} s, is busy until {:.9g} s", span.start.value(),
                             resource.free.value()));
  }
  if (is_fifo) {
    if (span.requested < resource.requested - options_.tolerance) {
      Broken(name, fmt::format("serves what was asked for at {:.9g} s after {:.9g} s",
                               span.requested.value(), resource.requested.value()));
    }
    resource.requested = span.requested;
  }
  resource.free = span.end;
  resource.busy += span.end - span.start;
  last_ = std::max(last_, span.end);
}

void ResourceLaws::OnDeviceOp(const DeviceOpEvent& event) {
  Gpu& gpu = gpus_[static_cast<size_t>(event.device)];
  const Name name{"GPU of device", event.device, 0};
  if (event.span.is_joined) return CheckJoined(gpu, name, event);
  gpu.newest = event;
  const bool is_ahead = event.op == DeviceOp::kDraftAhead;
  Use(gpu, name, event.span, !is_ahead);
  if (is_ahead) {
    gpu.ahead_start = event.span.start;
    gpu.has_ahead = true;
  } else if (gpu.has_ahead && event.span.requested < gpu.ahead_start - options_.tolerance) {
    Broken(name,
           fmt::format("drafts ahead at {:.9g} s, {} waits since {:.9g} s", gpu.ahead_start.value(),
                       hat::Name(event.op), event.span.requested.value()));
  }
}

// Draft steps that run as one are told of one after the other.
void ResourceLaws::CheckJoined(const Gpu& gpu, const Name& name, const DeviceOpEvent& event) {
  const Span& whole = gpu.newest.span;
  const bool is_one = event.op == DeviceOp::kDraft && gpu.newest.op == DeviceOp::kDraft &&
                      event.span.start == whole.start && event.span.end == whole.end;
  if (is_one && event.span.requested <= whole.start + options_.tolerance) return;
  Broken(name, fmt::format("has a {} from {:.9g} to {:.9g} s run as a part of a {} from {:.9g} to "
                           "{:.9g} s",
                           hat::Name(event.op), event.span.start.value(), event.span.end.value(),
                           hat::Name(gpu.newest.op), whole.start.value(), whole.end.value()));
}

void ResourceLaws::OnFrame(const FrameEvent& event) {
  if (options_.has_real_links) return;
  const auto direction = static_cast<size_t>(event.direction);
  Use(links_[static_cast<size_t>(event.device)][direction],
      {direction == 0 ? "uplink of device" : "downlink of device", event.device, 0},
      {event.sent, event.start, event.left}, true);
}

ResourceLaws::Stage& ResourceLaws::StageAt(int replica, int stage) {
  return stages_[static_cast<size_t>(replica * options_.stages + stage)];
}

void ResourceLaws::OnStage(const StageEvent& event) {
  Stage& stage = StageAt(event.batch->replica, event.stage);
  const Name name{"stage", event.batch->replica, event.stage};
  Use(stage, name, event.span, true);
  if (event.batch->ordinal != NextOrdinal(event.batch->replica, stage)) {
    Broken(name, fmt::format("runs batch {} after batch {}", event.batch->ordinal, stage.ordinal));
  }
  if (event.linked < stage.linked - options_.tolerance) {
    Broken(name, fmt::format("hands batch {} on before the one in front", event.batch->ordinal));
  }
  stage.ordinal = event.batch->ordinal;
  stage.linked = event.linked;
  stage.starts[static_cast<size_t>(stage.ordinal % Stage::kRemembered)] = event.span.start;
  CheckBuffers(event);
}

void ResourceLaws::OnStageFailed(const Batch& batch, int stage, const Span& span) {
  Use(StageAt(batch.replica, stage), {"stage", batch.replica, stage}, span, true);
  gone_.emplace(batch.replica, batch.ordinal);
}

// After the stage's newest batch, but for those that an earlier stage lost.
int ResourceLaws::NextOrdinal(int replica, const Stage& stage) const {
  int next = stage.ordinal + 1;
  while (gone_.contains({replica, next})) ++next;
  return next;
}

// Batch b starts on a stage only once batch b - 1 has started on the next one: told in either
// order.
void ResourceLaws::CheckBuffers(const StageEvent& event) {
  const int replica = event.batch->replica;
  const int ordinal = event.batch->ordinal;
  const Stage& here = StageAt(replica, event.stage);
  if (event.stage + 1 < options_.stages) {
    const Stage& next = StageAt(replica, event.stage + 1);
    if (next.ordinal >= ordinal - 1) {
      CheckReservation(here, next, ordinal, {"stage", replica, event.stage});
    }
  }
  if (event.stage > 0) {
    const Stage& before = StageAt(replica, event.stage - 1);
    if (before.ordinal >= ordinal + 1) {
      CheckReservation(before, here, ordinal + 1, {"stage", replica, event.stage - 1});
    }
  }
}

void ResourceLaws::CheckReservation(const Stage& stage, const Stage& next, int ordinal,
                                    const Name& name) {
  const bool is_known =
      !gone_.contains({name.index, ordinal}) && !gone_.contains({name.index, ordinal - 1});
  if (ordinal < 1 || !is_known) return;
  const Seconds start = stage.starts[static_cast<size_t>(ordinal % Stage::kRemembered)];
  const Seconds freed = next.starts[static_cast<size_t>((ordinal - 1) % Stage::kRemembered)];
  if (start < freed - options_.tolerance) {
    Broken(name, fmt::format("starts batch {} at {:.9g} s, the buffer after it is free at {:.9g} s",
                             ordinal, start.value(), freed.value()));
  }
}

void ResourceLaws::Finish() {
  const auto check = [&](const Resource& resource, const Name& name) {
    if (resource.busy <= last_ * (1 + 1e-9)) return;  // a sum of many spans rounds
    violations_.Add("utilisation",
                    fmt::format("{} {}.{} was busy for {:.9g} s of {:.9g} s", name.what, name.index,
                                name.part, resource.busy.value(), last_.value()));
  };
  for (size_t device = 0; device < gpus_.size(); ++device) {
    const int index = static_cast<int>(device);
    check(gpus_[device], {"GPU of device", index, 0});
    check(links_[device][0], {"uplink of device", index, 0});
    check(links_[device][1], {"downlink of device", index, 0});
  }
  for (int i = 0; i < static_cast<int>(stages_.size()); ++i) {
    check(stages_[static_cast<size_t>(i)], {"stage", i / options_.stages, i % options_.stages});
  }
}

}  // namespace hat

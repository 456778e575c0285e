// What a live cloud and a live device are made of, loaded before a run begins. A device holds the
// first layers, what drafts, and the head; a cloud the layers between.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/deployment.h"
#include "runtime/serve/wire/connection.h"
#include "runtime/session/cloud_compute.h"
#include "runtime/session/live_session.h"
#include "runtime/session/whole_model.h"

namespace hat {

struct ServedOptions {
  std::string model;  // a checkpoint's folder
  SplitPlan plan;     // of its layers, and what states are computed and sent in
  SystemSpec system;
  std::string adapter = {}, medusa = {};  // a file or random:SEED, where the system needs it
  int stages = 1;                         // of the cloud's pipeline
  bool ends_at_end_of_text = true;
  // Of frames, where they imitate a larger model's: values per state and their dtype. 0: the
  // model's own, in the plan's wire dtype.
  int frame_hidden = 0;
  Dtype frame_dtype = Dtype::kFloat16;

  int64_t state_bytes() const { return int64_t{frame_hidden} * BytesPerValue(frame_dtype); }
};

// What both sides have in common.
struct ServedModel {
  explicit ServedModel(const ServedOptions& options);

  ServedOptions options;
  Model model;
  Agreement agreement;
  Handshake handshake;

  int max_positions() const { return model.config.max_positions; }
};

// SHA-256 of the system's name, parts and options, as 64 hex digits.
std::string SystemSha256(const SystemSpec& system);

struct ServedCloud : ServedModel {
  explicit ServedCloud(const ServedOptions& options);  // throws InputError
  CloudModel cloud;
};

struct ServedDevice : ServedModel {
  explicit ServedDevice(const ServedOptions& options);  // throws InputError
  DeviceModel device;
  NearTieRule near;
  std::vector<int> end_tokens;
  DevicePolicies policies;
};

}  // namespace hat

// receipt.json: what a replay says about itself beside its results, so that 'hat validate' can tell
// a gap between two worlds from a difference between two set-ups. The replay fills the struct;
// every field with its unit: docs/formats.md#receipt-of-a-replay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace hat {

inline constexpr int kReceiptSchema = 1;

// A program that took part.
struct ReceiptProgram {
  std::string name;    // "hat-torch"
  std::string commit;  // as BuildCommit() says it; one entry a (name, commit, sha256)
  std::string sha256;  // of the program's file

  bool operator==(const ReceiptProgram&) const = default;
};

struct ReceiptHost {
  std::string name;
  std::vector<std::string> roles;  // of "controller", "cloud", "device"
  std::string hardware;            // the processor's or accelerator's name
  std::string system;              // the kernel's release
  int cores = 0;
  int64_t memory_bytes = 0;
  double cpu_s = 0;  // that the programs on it computed for, all cores together; 0: not known

  bool operator==(const ReceiptHost&) const = default;
};

// What one link was measured to do, not what it was asked to.
struct LinkMeasurement {
  double round_trip_ms = 0;  // of the smallest message; median
  double up_mbps = 0, down_mbps = 0;

  bool operator==(const LinkMeasurement&) const = default;
};

struct ReceiptLink {
  int device = 0;
  std::optional<LinkMeasurement> before, after;  // the run; nothing where it was not measured

  bool operator==(const ReceiptLink&) const = default;
};

// A host's clock less the controller's, and how sure that is (half the measurement's round trip).
struct ReceiptClock {
  std::string host;
  double before_ms = 0, after_ms = 0, uncertainty_ms = 0;

  bool operator==(const ReceiptClock&) const = default;
};

// What one request said. A digest is the SHA-256 of its output token ids, each as 4 bytes,
// little-endian (OutputDigest), never the ids.
struct ReceiptOutput {
  int request = 0;
  std::string sha256;
  std::string reference_sha256;  // of the whole model's greedy decode; empty: not computed

  bool operator==(const ReceiptOutput&) const = default;
};

// A decision of a request that rounding may turn (docs/model.md#lossless).
struct ReceiptNearTie {
  int request = 0;
  std::string decision;  // "token", "proposal", "confidence", "branch"
  int output_index = 0;  // of the output token that it is about, from 0
  double gap = 0;        // of the logits, relative to the larger; of the confidence, absolute

  bool operator==(const ReceiptNearTie&) const = default;
};

// Operations that took longer than the hardware that they imitate would have.
struct ReceiptOverruns {
  int64_t operations = 0;  // that were paced; 0: the run was not paced
  int64_t overran = 0;
  double largest_ms = 0;  // of the machine's clock, as all of the receipt's times

  bool operator==(const ReceiptOverruns&) const = default;
};

// Frames that arrived later than the link that they imitate would have brought them.
struct ReceiptLateness {
  int64_t frames = 0;  // 0: links were not shaped
  double p50_us = 0, p99_us = 0, largest_us = 0;

  bool operator==(const ReceiptLateness&) const = default;
};

// What cloud and devices ran with, as they say themselves. Those of these that a scenario decides
// must be the simulation's (SettingDifferences).
struct ReceiptSettings {
  int replicas = 1, stages = 1;
  int64_t kv_tokens = 0;  // of a replica
  int token_budget = 0;
  int max_sessions = 0;  // of a device
  int device_layers = 0;
  Dtype wire_dtype = Dtype::kFloat16;   // that frames have the size of
  Dtype state_dtype = Dtype::kFloat32;  // of the states in them
  Dtype compute_dtype = Dtype::kFloat32;
  int cloud_threads = 1, device_threads = 1;  // that compute, of a process

  bool operator==(const ReceiptSettings&) const = default;
};

struct Receipt {
  std::vector<ReceiptProgram> programs;  // at least one
  std::string model_sha256;              // as a draft trace of the model has it
  std::vector<ReceiptHost> hosts;        // at least one
  // Seconds of the machine's clock that one second of the scenario takes: 2 is half as fast. (All
  // times in the other files are the scenario's; ThreadWorld's scale is 1 / this.)
  double time_scale = 1;
  std::string shaping = "none";  // of the links: "transport", "kernel"; "none": real ones
  ReceiptSettings settings;
  std::vector<ReceiptLink> links;
  std::vector<ReceiptClock> clocks;  // of hosts other than the controller's
  ReceiptOverruns overruns;
  ReceiptLateness lateness;
  std::vector<ReceiptOutput> outputs;  // of completed requests, ascending
  // Ascending by request, then in the order of its decisions; all that were near, not only those
  // that turned out differently.
  std::vector<ReceiptNearTie> near_ties;

  bool operator==(const Receipt&) const = default;
};

// The content of receipt.json. The same receipt gives the same bytes.
std::string ReceiptJson(const Receipt& receipt);

// Throws InputError: not readable, not JSON, another schema, an unknown or a missing key, a value
// of the wrong type or out of range. Names file and key.
Receipt ReadReceipt(const std::string& path);
Receipt ParseReceipt(const std::string& text, const std::string& name);

// Of the token ids of one request's output.
std::string OutputDigest(const std::vector<int>& token_ids);

}  // namespace hat

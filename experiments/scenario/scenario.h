// What an experiment is, for both worlds: read from a TOML file. Every key with unit, range and
// default: docs/formats.md; the reason of every default: docs/defaults.md. The defaults stand here,
// in place, and nowhere else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/units.h"
#include "profiles/model_shape.h"
#include "profiles/profile.h"
#include "protocol/frame.h"
#include "protocol/system.h"
#include "world/radio_delay.h"
#include "world/tcp_window.h"

namespace hat {

// A class of identical devices ([[fleet.class]]).
struct DeviceClass {
  std::string name;                        // e.g. "agx-xavier"
  int count = 0;                           // already times fleet.scale
  std::vector<std::string> profile_paths;  // power modes, advanced every power_mode_requests
  std::vector<double> mode_weights;        // of them; empty: one after the other
  double speed = 1;                        // times as fast as the profiles say
};

struct FleetConfig {
  std::vector<DeviceClass> classes;
  double scale = 1;             // multiplies the devices, and nothing else
  int max_sessions = 32;        // that a device runs at once; FIFO beyond
  int power_mode_requests = 5;  // n of "advanced every n requests started there"
  int device_layers = 0;        // model.device_layers: the split, layers on the device
  bool jitter = true;           // draw latencies from the measured spread
  bool draft_batching = false;  // draft steps of a device's sessions that wait together run as one
};

// One direction of the devices' links ([link.up], [link.down]).
struct RateConfig {
  enum class Kind { kConstant, kUniform, kTrace };
  Kind kind = Kind::kConstant;
  BytesPerSecond low, high;  // constant: equal; uniform: one draw a device
  std::string trace_path;    // see rate_trace.h; each device starts at a drawn offset
};

struct LinkConfig {
  enum class Kind { kDedicated, kShared };
  Kind kind = Kind::kDedicated;
  RateConfig up, down;
  Seconds latency = Milliseconds(2);            // one way
  double efficiency = 1;                        // payload over bytes on the wire
  std::optional<RadioDelay::Shape> radio = {};  // dedicated only
  std::optional<TcpWindow::Shape> tcp = {};     // likewise
  // shared only: capacities that all devices contend for, in bytes on the wire; infinite where
  // absent.
  BytesPerSecond cell = BytesPerSecond::Infinity();     // both directions together (a WiFi cell)
  BytesPerSecond ingress = BytesPerSecond::Infinity();  // all uplinks together
  BytesPerSecond egress = BytesPerSecond::Infinity();   // all downlinks together
};

struct CloudHardware {
  std::string profile_path;        // empty only with device-only
  std::string draft_profile_path;  // of the draft model; may be empty: then the cloud cannot draft
  Bytes memory = Bytes(48e9);      // of one stage's GPU; gives kv_tokens its default
  BytesPerSecond stage_link_rate = MegabitsPerSecond(32e3);  // server's link between stages, a FIFO
  Seconds stage_link_latency = Microseconds(4);
  // What a stage takes beside what its profile says: for a batch, and for each new token in it.
  Seconds stage_overhead, stage_overhead_per_token;
  bool is_overhead_drawn = false;  // that for a batch: from the exponential distribution
};

struct ArrivalConfig {
  enum class Kind { kPoisson, kGamma, kUniform, kClosedLoop, kReplay };
  Kind kind = Kind::kPoisson;
  double rate_per_s = 0;    // over all devices (not closed loop, not replay)
  double burstiness = 2;    // gamma: coefficient of variation of the gaps
  Seconds think_time;       // closed loop: from a request's end to the device's next
  std::string replay_path;  // CSV
  std::string replay_column = "arrival_s";
  bool is_replayed_from_first = false;  // its first stamp is the run's 0, whatever it says
};

// Prompt or output lengths ([workload.prompts], [workload.outputs]).
struct LengthConfig {
  // The default clamp: Vicuna v1.5's 4096 positions less 128 outputs.
  static constexpr int kPromptMax = 3968;
  // The default constant, and the default cap of a geometric length.
  static constexpr int kOutputTokens = 128;
  enum class Kind { kConstant, kCsv, kLognormal, kGeometric };
  Kind kind = Kind::kConstant;
  int tokens = 0;            // constant
  std::string path, column;  // CSV
  // CSV: request i takes row i mod rows, not a permutation's. Outputs beside CSV prompts go with
  // the prompts' rows instead.
  bool is_in_file_order = false;
  double mu = 0, sigma = 0;  // lognormal, of the natural logarithm of the tokens
  double mean = 0;           // geometric, before the cap
  int min = 1, max = 0;      // lognormal: clamp; geometric: max is the cap (both inclusive)
};

struct WorkloadConfig {
  ArrivalConfig arrivals;
  LengthConfig prompts;  // constant, CSV or lognormal
  LengthConfig outputs;  // constant, CSV or geometric
  int requests = 0;      // stop after so many arrivals (0: only by time, or at a replay's end)
  Seconds duration;      // no arrivals after this time (0: only by requests)
  bool is_dealt_in_turn = false;  // request i to device i mod devices, else to a drawn one
  // The first so many are left out of the summary; default: a tenth of `requests`.
  int warmup_requests = 0;
};

// What the drafter would say: recorded, or drawn.
struct AcceptanceConfig {
  std::string trace_path;  // empty: calibrated drafter
  // Calibrated drafter. The accept length is what the *reference* policy reaches, whatever policy
  // the run then uses: so a sweep of the threshold or the maximum draft keeps one drafter.
  double accept_length = 2.06;       // tokens per round, the target's own included
  std::string policy = "threshold";  // the reference: drafting policy, and
  PolicyOptions reference;           // its draft_threshold, max_draft, draft_fixed; u-medusa's tree
  double concentration = 2;          // a + b of the Beta distribution of confidences
  double request_correlation = 0;    // of two confidences of one request: some texts are easier
  // P(the target's token has rank 2, 3, ... | rank 1 missed).
  std::vector<double> rank_curve = {0.26, 0.13, 0.065};
  double medusa_accept_length = 1.89;
  double medusa_ratio = 0.8;  // r: head j hits with p r^(j-1)
};

struct Scenario {
  std::string path;
  std::string name;  // default: the file's name without .toml
  uint64_t seed = 1;
  SystemSpec system;
  ModelShape model;
  std::string model_path;  // of the shape's config.json; empty for a shape known by name
  Dtype wire_dtype = Dtype::kFloat16;
  FleetConfig fleet;
  LinkConfig link;
  CloudHardware cloud;
  CloudConfig scheduler;  // replicas, stages, token budget, KV capacity
  WorkloadConfig workload;
  AcceptanceConfig acceptance;
  std::string resolved;  // TOML of every key, defaults included

  int devices() const;
  bool has_cloud() const { return system.has_cloud; }
  // Layers that the cloud's stages hold together: those that devices do not.
  int cloud_layers() const;
  // Of each of the cloud's stages: how many of its layers are of each of the model's classes. The
  // model's last layers, in order, split as LayersOfStages does.
  std::vector<std::vector<int>> LayersOfCloudStages() const;
};

// Reads and checks everything that can be known without the files that it names; those are checked
// by who opens them (profiles: CheckProfileFits, prompt lengths against the KV cache: Workload).
// Throws InputError.
Scenario LoadScenario(const std::string& path, const std::vector<std::string>& overrides = {});

// The same from text; relative paths in it are relative to the folder of `path`, which need not
// exist.
Scenario ParseScenario(const std::string& text, const std::string& path,
                       const std::vector<std::string>& overrides = {});

// Contradictions between the keys of a scenario (part of LoadScenario; scenario_check.cc). Throws
// InputError.
void CheckScenario(const Scenario& scenario);

// KV tokens that fit a replica of `stages` GPUs that hold the model's last `cloud_layers` layers:
// 90% of a GPU's memory, less the weights (fp16) of its layers, over the keys and values (fp16) of
// these layers. The fullest stage decides. 0 if the weights alone do not fit. Worked number,
// vicuna-7b, 30 layers, 4 stages, 48 GB: (43.2e9 - 8 * 404.8e6) / (8 * 16384) = 304,884.
int64_t KvTokensThatFit(const ModelShape& model, int cloud_layers, int stages, Bytes memory);

// Throws InputError if the profile is of another model shape (sizes, not the name) or not of
// `role`.
void CheckProfileFits(const ProfileInfo& profile, Role role, const Scenario& scenario);
// Of the draft model's: throws InputError if it is not a cloud's or of another vocabulary.
void CheckDraftProfileFits(const ProfileInfo& profile, const Scenario& scenario);

}  // namespace hat

// What an experiment is, for both worlds: read from a TOML file (docs/formats.md), every default in docs/defaults.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/units.h"
#include "profiles/model_shape.h"
#include "protocol/frame.h"
#include "protocol/system.h"

namespace hat {

// A class of identical devices.
struct DeviceClass {
  std::string name;                        // e.g. "agx-xavier"
  int count = 0;                           // already times fleet.scale
  std::vector<std::string> profile_paths;  // the power modes, advanced every fleet.power_mode_requests requests
};

struct FleetConfig {
  std::vector<DeviceClass> classes;
  int max_sessions = 0;         // a device runs at once; FIFO beyond
  int power_mode_requests = 0;  // n of "advanced every n requests started there"
  int device_layers = 0;        // split: layers on the device
  bool jitter = false;          // draw latencies from the measured spread
};

// One direction of the devices' links.
struct RateConfig {
  enum class Kind { kConstant, kUniform, kTrace };
  Kind kind = Kind::kConstant;
  BytesPerSecond low, high;  // constant: equal; uniform: one draw a device
  std::string trace_path;    // seconds, Mbit/s pairs; repeats; each device starts at a drawn offset
};

struct LinkConfig {
  enum class Kind { kDedicated, kShared };
  Kind kind = Kind::kDedicated;
  RateConfig up, down;
  Seconds latency;        // one way
  double efficiency = 1;  // payload over bytes on the wire
  // shared only: capacities that all devices contend for; infinite where absent.
  BytesPerSecond cell = BytesPerSecond::Infinity();          // both directions together (a WiFi cell)
  BytesPerSecond ingress = BytesPerSecond::Infinity();       // all uplinks together
  BytesPerSecond egress = BytesPerSecond::Infinity();        // all downlinks together
};

struct CloudHardware {
  std::string profile_path;
  BytesPerSecond stage_link_rate;  // the server's link from stage to stage, a FIFO
  Seconds stage_link_latency;
};

struct ArrivalConfig {
  enum class Kind { kPoisson, kGamma, kUniform, kClosedLoop, kReplay };
  Kind kind = Kind::kPoisson;
  double rate_per_s = 0;  // over all devices (not closed loop, not replay)
  double burstiness = 1;  // gamma: coefficient of variation of the gaps
  Seconds think_time;     // closed loop: from a request's end to the next, one request a device outstanding
  std::string replay_path;  // CSV with a column arrival_s
};

struct LengthConfig {
  enum class Kind { kConstant, kCsv, kLognormal, kGeometric };
  Kind kind = Kind::kConstant;
  int tokens = 0;            // constant
  std::string path, column;  // CSV
  double mu = 0, sigma = 0;  // lognormal, of the natural logarithm of the tokens
  double mean = 0;           // geometric
  int min = 1, max = 0;      // clamp
};

struct WorkloadConfig {
  ArrivalConfig arrivals;
  LengthConfig prompts;  // constant, CSV or lognormal
  LengthConfig outputs;  // constant, CSV or geometric
  int requests = 0;      // stop after so many arrivals (0: only by time)
  Seconds duration;      // stop arrivals at this time (0: only by requests)
  int warmup_requests = 0;  // the first so many are left out of the summary
};

// What the drafter would say: recorded, or drawn.
struct AcceptanceConfig {
  std::string trace_path;      // empty: calibrated drafter
  double accept_length = 0;    // tokens a round that the named drafting policy reaches
  double concentration = 2;    // a + b of the Beta distribution of confidences
  std::vector<double> rank_curve;  // P(target's token has rank 2, 3, ...) given that rank 1 missed
  double medusa_accept_length = 0;
  double medusa_ratio = 0;     // r: head j hits with p r^(j-1)
};

struct Scenario {
  std::string path;
  std::string name;
  uint64_t seed = 1;
  SystemSpec system;
  ModelShape model;
  WireDtype wire_dtype = WireDtype::kFloat16;
  FleetConfig fleet;
  LinkConfig link;
  CloudHardware cloud;
  CloudConfig scheduler;  // replicas, stages, token budget, KV capacity
  WorkloadConfig workload;
  AcceptanceConfig acceptance;
  std::string resolved;  // TOML of every key, defaults included

  int devices() const;
};

// Reads and checks everything that can be known before a run (ranges, shapes of profiles are checked when they are loaded).
// Throws InputError.
Scenario LoadScenario(const std::string& path, const std::vector<std::string>& overrides);

}  // namespace hat

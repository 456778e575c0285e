#include "runtime/profile/measure.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/decimal.h"
#include "core/error.h"
#include "core/files.h"
#include "core/machine.h"
#include "runtime/profile/compose.h"
#include "runtime/profile/journal.h"
#include "runtime/profile/machine.h"
#include "runtime/profile/timed_operations.h"
#include "runtime/profile/warm_up.h"

namespace hat {
namespace {

using nlohmann::json;

constexpr double kThrottled = 1.1;     // the reference's longest over its shortest time
constexpr double kAroundACallUs = 30;  // caches, the clock
constexpr int kProbeTokens = 64;
constexpr int kProbeWidth = 16;  // of a draft

std::string JournalPath(const ProfileJob& job) { return job.out + ".journal"; }

std::string IdOf(const std::string& path) { return std::filesystem::path(path).stem(); }

void CheckFiles(const ProfileJob& job) {
  namespace fs = std::filesystem;
  RefuseTilde(job.out);
  std::error_code error;
  if (!job.replace && fs::exists(job.out, error)) {
    throw InputError("'" + job.out + "' exists; --force replaces it");
  }
  const fs::path folder = fs::path(job.out).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, error)) {
    throw InputError("there is no folder '" + folder.string() + "' for --out");
  }
  if (!job.resume && !job.replace && fs::exists(JournalPath(job), error)) {
    throw InputError("'" + JournalPath(job) +
                     "' stands there, of a run that did not end: --resume goes on, --force "
                     "begins anew");
  }
}

// What must be the same for a journal's samples to count.
json IdentityOf(const ProfileJob& job, const std::string& model_id, const Machine& machine) {
  return {{"format", "hat-profile-journal/2"},
          {"role", Name(job.role)},
          {"model", model_id},
          {"dtype", Name(job.compute.dtype)},
          {"device", job.compute.device},
          {"threads", job.threads},
          {"split", job.split},
          {"max_tokens", job.limits.max_tokens},
          {"max_context", job.limits.max_context},
          {"seed", job.seed},
          {"pause_ms", ToMilliseconds(job.pause)},
          {"hardware", machine.hardware},
          {"power_mode", machine.power_mode},
          {"driver", machine.driver},
          {"libtorch", LibtorchVersion()},
          {"commit", BuildCommit()}};
}

// What else a journal's header says.
struct Begun {
  ProfilePlan plan;
  std::string clock;  // when the measurement began
};

std::string HeaderText(json identity, const Begun& begun) {
  const ProfilePlan& plan = begun.plan;
  identity["clock"] = begun.clock;
  identity["plan"] = {{"tokens", plan.axes.tokens},
                      {"contexts", plan.axes.contexts},
                      {"rounds", plan.rounds},
                      {"seconds", plan.seconds},
                      {"is_dense", plan.is_dense}};
  return identity.dump();
}

// The header of a journal of the same measurement.
Begun BegunIn(const JournalContent& content, const json& identity, const std::string& path) {
  json header = json::parse(content.header, nullptr, false);
  if (!header.is_object() || !header.contains("plan") || !header.contains("clock")) {
    throw InputError(path + ": is no journal of a profile");
  }
  try {
    const json plan = header["plan"];
    const std::string clock = header["clock"];
    header.erase("plan");
    header.erase("clock");
    if (header != identity) {
      throw InputError(path + ": of another measurement or another build (" + header.dump() +
                       "); --force begins anew");
    }
    return {
        {{plan.at("tokens").get<std::vector<int>>(), plan.at("contexts").get<std::vector<int>>()},
         plan.at("rounds").get<int>(),
         plan.at("seconds").get<double>(),
         plan.at("is_dense").get<bool>()},
        clock};
  } catch (const json::exception&) {
    throw InputError(path + ": is no journal of a profile");
  }
}

// What a sample is expected to take at a point, with all that is timed for it, from a few quick
// ones of each operation: a copy's share is linear in new tokens and in context, with the attention
// of new tokens to each other on top.
class Estimator {
 public:
  Estimator(TimedOperations& operations, const GridLimits& limits)
      : operations_(operations),
        limits_(limits),
        most_(std::min(kProbeTokens, limits.max_tokens)) {}

  double operator()(const TimedPoint& point) {
    const double n = point.tokens;
    const double c = point.context;
    const int far = limits_.max_context;
    const int most = point.operation == Operation::kDraft ? kProbeWidth : most_;
    const double one = Probe(point.operation, 1, 0);
    if (point.operation == Operation::kMedusa) return one + kAroundACallUs;
    const double many = Probe(point.operation, most, 0);
    double us = one + (many - one) * (n - 1) / (most - 1);
    const bool has_context =
        point.operation != Operation::kEmbedding && point.operation != Operation::kHead && far > 0;
    if (has_context) {
      const double one_far = std::max(0.0, Probe(point.operation, 1, far) - one);
      const double many_far = std::max(0.0, Probe(point.operation, most, far) - many);
      const double slope = (one_far + (many_far - one_far) * (n - 1) / (most - 1)) / far;
      us += slope * (c + std::max(0.0, n - most) / 2);
    }
    return std::max(us, one / 2) * operations_.CopiesAt(point) + kAroundACallUs;
  }

 private:
  double Probe(Operation operation, int tokens, int context) {
    const TimedPoint point = {operation, tokens, context};
    auto [found, is_new] = probes_.try_emplace({operation, tokens, context}, 0.0);
    if (is_new) {
      operations_.Sample(point);
      found->second = operations_.Sample(point).spent_us / operations_.CopiesAt(point);
    }
    return found->second;
  }

  TimedOperations& operations_;
  GridLimits limits_;
  int most_;
  std::map<std::tuple<Operation, int, int>, double> probes_;
};

// One point's turn: warm-up, then samples.
Visit VisitPoint(TimedOperations& operations, const TimedPoint& point, int round, int number) {
  const auto sample = [&] { return operations.Sample(point); };
  const auto is_long = [&](double spent_us) { return spent_us >= kLongUs && round > 0; };
  const TimedCall warm = WarmUp(sample, is_long);
  Visit visit{round, number, {}};
  if (is_long(warm.spent_us)) {
    visit.samples_us = {warm.us};
    return visit;
  }
  for (int i = 0; i < SamplesAVisit(warm.spent_us); ++i) visit.samples_us.push_back(sample().us);
  return visit;
}

// Goes through all rounds; what the journal has already is not done again.
class Rounds {
 public:
  Rounds(TimedOperations& operations, const ProfileJob& job, const ProfilePlan& plan,
         const ProfileWatch& watch)
      : operations_(operations),
        job_(job),
        plan_(plan),
        watch_(watch),
        points_(PointsOf(job.role, plan.axes)),
        samples_us_(points_.size()) {}

  void Run(const JournalContent& before, Journal& journal) {
    for (const Visit& visit : before.visits) {
      if (visit.point >= static_cast<int>(points_.size())) {
        throw InputError(JournalPath(job_) + ": is no journal of this profile");
      }
      Keep(visit);
    }
    reference_us_ = before.reference_us;
    for (int round = 0; round < plan_.rounds; ++round) {
      TakeReference(journal);
      for (const int point : RoundOrder(job_.seed, round, static_cast<int>(points_.size()))) {
        if (done_.count({round, point}) > 0) continue;
        const Visit visit =
            VisitPoint(operations_, points_[static_cast<size_t>(point)], round, point);
        Keep(visit);
        journal.Add(visit);
        if (watch_.on_progress) {
          const double total = double(plan_.rounds) * double(points_.size());
          watch_.on_progress({double(done_.size()), total, true});
        }
        if (watch_.is_interrupted && watch_.is_interrupted()) {
          throw RunError("interrupted; --resume goes on where it stood");
        }
      }
    }
    TakeReference(journal);
  }

  const std::vector<TimedPoint>& points() const { return points_; }
  const std::vector<std::vector<double>>& samples_us() const { return samples_us_; }
  const std::vector<double>& reference_us() const { return reference_us_; }  // by time

 private:
  void TakeReference(Journal& journal) {
    reference_us_.push_back(ReferenceUs(job_.compute));
    journal.AddReference(reference_us_.back());
  }

  void Keep(const Visit& visit) {
    if (!done_.insert({visit.round, visit.point}).second) return;
    auto& all = samples_us_[static_cast<size_t>(visit.point)];
    all.insert(all.end(), visit.samples_us.begin(), visit.samples_us.end());
  }

  TimedOperations& operations_;
  const ProfileJob& job_;
  const ProfilePlan& plan_;
  const ProfileWatch& watch_;
  std::vector<TimedPoint> points_;
  std::vector<std::vector<double>> samples_us_;  // of each point
  std::vector<double> reference_us_;
  std::set<std::pair<int, int>> done_;  // round, point
};

std::map<std::string, std::string> MeasurementOf(const ProfileJob& job, const Machine& machine,
                                                 const TimedOperations& operations,
                                                 const ProfilePlan& plan, const Rounds& rounds,
                                                 const std::string& clock_before) {
  const std::vector<double>& reference = rounds.reference_us();
  const auto [least, most] = std::minmax_element(reference.begin(), reference.end());
  std::map<std::string, std::string> all = {
      {"commit", BuildCommit()},
      {"date", TodayUtc()},
      {"device", job.compute.device},
      {"threads", std::to_string(job.threads)},
      {"libtorch", LibtorchVersion()},
      {"driver", machine.driver},
      {"clock", clock_before + " before, " + ClockNow(job.compute.device) + " after"},
      {"reference", ReferenceText(reference)},
      {"rounds", std::to_string(plan.rounds)},
      {"seed", std::to_string(job.seed)},
      {"split", std::to_string(job.split)},
      {"pause_ms", ShortestDecimal(ToMilliseconds(job.pause))},
      {"last_level_cache_mib",
       std::to_string(std::lround(machine.last_level_cache.value() / 1048576))},
      {"ring_layers", std::to_string(operations.ring_layers())},
  };
  if (*most > kThrottled * *least) {
    all["warning"] = "the machine's speed changed: a fixed product of matrices took " +
                     MillisecondsText(*least) + " to " + MillisecondsText(*most) +
                     " ms (other programs, heat, power)";
  }
  return all;
}

ProfileData Assemble(const ProfileJob& job, const Model& model, const Machine& machine,
                     const Rounds& rounds) {
  ProfileData data;
  ProfileInfo& info = data.info;
  info.id = IdOf(job.out);
  info.role = job.role;
  info.provenance = Provenance::kMeasured;
  info.hardware = job.hardware.empty() ? machine.hardware : job.hardware;
  info.power_mode = machine.power_mode;
  info.memory = machine.memory;
  info.model = model.config.shape;
  info.dtype = job.compute.dtype;
  info.source = "hat profile " + Name(job.role) + ", a layer at a time";
  data.operations = OperationsFrom(job.role, rounds.points(), rounds.samples_us());
  if (data.operations.count(Operation::kDraft) > 0) data.draft_layers = job.split;
  return data;
}

ProfileJob Completed(ProfileJob job) {
  CheckCompute(job.compute);
  if (job.threads == 0) job.threads = CoreCount();
  return job;
}

}  // namespace

ProfileData MeasureProfile(const ProfileJob& wanted, const ProfileWatch& watch) {
  CheckFiles(wanted);
  const ProfileJob job = Completed(wanted);
  SetThreads(job.threads);
  const int positions =
      job.limits.max_tokens + std::max(job.limits.max_tokens, job.limits.max_context);
  const Model model = OpenModelOrShape(job.model, positions);
  RequireTwoLayers(model.config);
  if (job.split < 1 || job.split >= model.config.shape.layer_count()) {
    throw InputError("--split must be 1.." + std::to_string(model.config.shape.layer_count() - 1) +
                     ", below the model's layers, got " + std::to_string(job.split));
  }
  const Machine machine = ReadMachine(job.compute.device);
  const json identity = IdentityOf(job, model.id, machine);
  const std::string journal_path = JournalPath(job);
  const bool resumes = job.resume && std::filesystem::exists(journal_path);
  JournalContent before;
  Begun begun;
  if (resumes) {
    before = ReadJournal(journal_path);
    begun = BegunIn(before, identity, journal_path);
  } else {
    begun.clock = ClockNow(job.compute.device);
  }
  TimedOperations operations(model, {job.role, job.split, job.compute, job.limits,
                                     machine.last_level_cache, AvailableMemory(), job.pause});
  if (!resumes) {
    Estimator estimator(operations, job.limits);
    begun.plan = PlanWithin(job.budget_s, job.role, job.limits, std::ref(estimator));
    before.header = HeaderText(identity, begun);
  }
  const ProfilePlan& plan = begun.plan;
  Journal journal(journal_path, before);
  Rounds rounds(operations, job, plan, watch);
  if (watch.on_plan) watch.on_plan(plan, static_cast<int>(rounds.points().size()), resumes);
  rounds.Run(before, journal);
  ProfileData data = Assemble(job, model, machine, rounds);
  data.measurement = MeasurementOf(job, machine, operations, plan, rounds, begun.clock);
  WriteFileAtomically(job.out, ProfileText(data));
  journal.Remove();
  return data;
}

}  // namespace hat

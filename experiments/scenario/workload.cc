#include "experiments/scenario/workload.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "core/csv.h"
#include "core/decimal.h"
#include "experiments/scenario/limits.h"

namespace hat {
namespace {

using Arrivals = ArrivalConfig::Kind;
using Lengths = LengthConfig::Kind;

// In seconds, from 0 or, `from_first`, from wherever the first one is.
double ReadStamp(const CsvFile& csv, int row, int column, bool from_first) {
  if (from_first) return csv.Number(row, column, Range::Between(-1e12, 1e12));
  const Range range = Range::NonNegative(kMostSeconds);
  const std::optional<double> stamp = ParseDecimal(csv.Text(row, column));
  if (stamp && range.Contains(*stamp)) return *stamp;
  throw csv.Error(row, column,
                  fmt::format("a number {} (or counted from the first: workload.replay_from = "
                              "\"first\")",
                              range.Text()));
}

// `key` names the column in the scenario.
std::vector<int> ReadLengths(const CsvFile& csv, const LengthConfig& length,
                             const std::string& key) {
  const int column = csv.ColumnIndex(length.column, key);
  if (csv.rows() == 0) throw InputError(fmt::format("{}: needs at least one row", length.path));
  std::vector<int> tokens;
  tokens.reserve(static_cast<size_t>(csv.rows()));
  for (int row = 0; row < csv.rows(); ++row)
    tokens.push_back(static_cast<int>(csv.Integer(row, column, 1, kMostTokens)));
  return tokens;
}

int DrawPrompt(const LengthConfig& length, RngStream stream) {
  const double tokens = std::round(stream.LogNormal(length.mu, length.sigma));
  return static_cast<int>(std::clamp<double>(tokens, length.min, length.max));
}

}  // namespace

// Prompts, outputs and arrivals may be columns of one file, which is read once.
class Workload::Files {
 public:
  const CsvFile& At(const std::string& path) {
    const auto found = files_.find(path);
    return found != files_.end() ? found->second
                                 : files_.emplace(path, CsvFile::Load(path)).first->second;
  }

 private:
  std::map<std::string, CsvFile> files_;
};

Workload::Workload(const Scenario& scenario)
    : config_(scenario.workload),
      devices_(scenario.devices()),
      prompts_(scenario.seed, "prompts"),
      outputs_(scenario.seed, "outputs"),
      device_stream_(scenario.seed, "devices"),
      arrivals_(scenario.seed, "arrivals") {
  {
    Files files;
    LoadPrompts(files);
    LoadOutputs(files, scenario.seed);
    if (config_.arrivals.kind == Arrivals::kReplay) LoadReplay(files);
  }
  FindLongest();
  CheckFits(scenario);
  if (is_closed_loop()) {
    for (int device = 0; device < devices_; ++device)
      first_.emplace_back(arrivals_.At(static_cast<uint64_t>(device)).Uniform() *
                              config_.arrivals.think_time.value(),
                          device);
    std::sort(first_.begin(), first_.end());
  }
}

void Workload::LoadPrompts(Files& files) {
  const LengthConfig& prompts = config_.prompts;
  if (prompts.kind == Lengths::kLognormal) return;
  if (prompts.kind == Lengths::kCsv)
    prompt_tokens_ = ReadLengths(files.At(prompts.path), prompts, "workload.prompts.column");
  else
    prompt_tokens_ = {prompts.tokens};
  if (!prompts.is_in_file_order) prompt_order_ = RandomPermutation(prompts_, prompt_rows());
}

void Workload::LoadOutputs(Files& files, uint64_t seed) {
  const LengthConfig& outputs = config_.outputs;
  if (outputs.kind != Lengths::kCsv) return;
  output_tokens_ = ReadLengths(files.At(outputs.path), outputs, "workload.outputs.column");
  const int rows = static_cast<int>(output_tokens_.size());
  if (config_.prompts.kind == Lengths::kCsv) {
    if (rows != prompt_rows())
      throw InputError(fmt::format("{}: has {} rows, but a row belongs to each of the {} of {}",
                                   outputs.path, rows, prompt_rows(), config_.prompts.path));
  } else if (!outputs.is_in_file_order) {
    output_order_ = RandomPermutation(RngStream(seed, "outputs"), rows);
  }
}

void Workload::LoadReplay(Files& files) {
  const ArrivalConfig& arrivals = config_.arrivals;
  const CsvFile& csv = files.At(arrivals.replay_path);
  const int column = csv.ColumnIndex(arrivals.replay_column, "workload.replay_column");
  replay_.reserve(static_cast<size_t>(csv.rows()));
  double zero = 0;  // the stamp that is the run's 0
  for (int row = 0; row < csv.rows(); ++row) {
    const double read = ReadStamp(csv, row, column, arrivals.is_replayed_from_first);
    if (row == 0 && arrivals.is_replayed_from_first) zero = read;
    const double stamp = read - zero;
    if (!replay_.empty() && stamp < replay_.back())
      throw csv.Error(row, column,
                      fmt::format("ascending (sort the rows), at least {}", replay_.back() + zero));
    if (stamp > kMostSeconds)
      throw csv.Error(row, column, fmt::format("at most {:g} s after the first", kMostSeconds));
    replay_.push_back(stamp);
  }
  if (replay_.empty())
    throw InputError(fmt::format("{}: needs at least one row", arrivals.replay_path));
  if (config_.duration > Seconds(0) && Seconds(replay_.front()) > config_.duration)
    throw InputError(
        fmt::format("{}: the first arrival, at {:g} s, comes after "
                    "workload.duration_s = {:g}, so nothing would run; workload.replay_from = "
                    "\"first\" counts from it",
                    arrivals.replay_path, replay_.front(), config_.duration.value()));
  if (config_.requests > static_cast<int>(replay_.size()))
    throw InputError(
        fmt::format("{}: holds {} arrivals, but workload.requests asks for {}; ask for fewer, or "
                    "leave it out for all",
                    arrivals.replay_path, replay_.size(), config_.requests));
}

int Workload::MostRequests() const {
  if (config_.arrivals.kind == Arrivals::kReplay) return *expected_requests();
  return config_.requests > 0 ? config_.requests : std::numeric_limits<int>::max();
}

void Workload::FindLongest() {
  // Behind the last row the first one comes again.
  const int rows = std::max({prompt_rows(), static_cast<int>(output_tokens_.size()), 1});
  const auto sum = [](const Request& request) {
    return request.prompt_tokens + request.output_tokens;
  };
  for (int id = 0; id < std::min(MostRequests(), rows); ++id) {
    Request request;
    request.id = id;
    SetLengths(request);
    if (config_.prompts.kind == Lengths::kLognormal) request.prompt_tokens = config_.prompts.max;
    if (config_.outputs.kind == Lengths::kGeometric) request.output_tokens = config_.outputs.max;
    if (request.prompt_tokens > longest_.by_prompt.prompt_tokens) longest_.by_prompt = request;
    if (request.output_tokens > longest_.by_output.output_tokens) longest_.by_output = request;
    if (sum(request) > sum(longest_.by_sum)) longest_.by_sum = request;
  }
}

std::string Workload::Describe(const Request& request) const {
  const auto source = [](const LengthConfig& length, const char* what, int row) {
    const bool is_csv = length.kind == Lengths::kCsv;
    return is_csv ? fmt::format("{} row {} of {}", what, row, length.path)
                  : fmt::format("workload.{}s.{}", what,
                                length.kind == Lengths::kConstant ? "tokens" : "max");
  };
  const auto is_of = [&](Lengths prompts, Lengths outputs) {
    return config_.prompts.kind == prompts || config_.outputs.kind == outputs;
  };
  const std::string who = is_of(Lengths::kLognormal, Lengths::kGeometric) ? "a request"
                          : is_of(Lengths::kCsv, Lengths::kCsv)
                              ? fmt::format("request {}", request.id)
                              : "every request";
  return fmt::format("{} ({}, {})", who, source(config_.prompts, "prompt", request.prompt_row),
                     source(config_.outputs, "output", OutputRow(request)));
}

void Workload::CheckFits(const Scenario& scenario) const {
  if (!scenario.has_cloud()) return;
  const Request& most = longest_.by_sum;
  const int extra = ReservedExtraTokens(scenario.system);
  const int64_t needed = int64_t{most.prompt_tokens} + most.output_tokens + extra;
  if (needed <= scenario.scheduler.kv_tokens) return;
  throw InputError(fmt::format(
      "{}: {} can never fit the KV cache: {} prompt + {} output + {} draft = {} tokens, "
      "'cloud.kv_tokens' = {}; ask for less, or give the cloud more memory_gb, stages or "
      "kv_tokens",
      scenario.path, Describe(most), most.prompt_tokens, most.output_tokens, extra, needed,
      scenario.scheduler.kv_tokens));
}

std::optional<int> Workload::expected_requests() const {
  const bool is_timed = config_.duration > Seconds(0);
  if (is_timed && config_.arrivals.kind != Arrivals::kReplay) return std::nullopt;
  if (config_.arrivals.kind != Arrivals::kReplay) return config_.requests;
  const double until = is_timed ? config_.duration.value() : replay_.back();
  const auto stamps = std::upper_bound(replay_.begin(), replay_.end(), until) - replay_.begin();
  return config_.requests > 0 ? std::min(config_.requests, static_cast<int>(stamps))
                              : static_cast<int>(stamps);
}

std::optional<Seconds> Workload::NextArrival() {
  const ArrivalConfig& arrivals = config_.arrivals;
  const double gap = arrivals.rate_per_s > 0 ? 1 / arrivals.rate_per_s : 0;
  const double variance = arrivals.burstiness * arrivals.burstiness;  // of a gap of mean 1
  switch (arrivals.kind) {
    case Arrivals::kPoisson:
      return clock_ + Seconds(arrivals_.Exponential(gap));
    case Arrivals::kGamma:
      return clock_ + Seconds(arrivals_.Gamma(1 / variance, gap * variance));
    case Arrivals::kUniform:
      return Seconds((issued_ + 1) / arrivals.rate_per_s);
    case Arrivals::kClosedLoop:
      if (issued_ >= devices_) return std::nullopt;
      return Seconds(first_[static_cast<size_t>(issued_)].first);
    case Arrivals::kReplay:
      if (issued_ >= static_cast<int>(replay_.size())) return std::nullopt;
      return Seconds(replay_[static_cast<size_t>(issued_)]);
  }
  return std::nullopt;
}

bool Workload::IsDone(Seconds arrival) const {
  return (config_.requests > 0 && issued_ >= config_.requests) ||
         (config_.duration > Seconds(0) && arrival > config_.duration);
}

void Workload::SetLengths(Request& request) const {
  const auto i = static_cast<uint64_t>(request.id);
  if (config_.prompts.kind == Lengths::kLognormal) {
    request.prompt_row = request.id;
    request.prompt_tokens = DrawPrompt(config_.prompts, prompts_.At(i));
  } else {
    const int place = request.id % prompt_rows();
    request.prompt_row = prompt_order_.empty() ? place : prompt_order_[static_cast<size_t>(place)];
    request.prompt_tokens = prompt_tokens(request.prompt_row);
  }
  if (config_.outputs.kind == Lengths::kConstant) {
    request.output_tokens = config_.outputs.tokens;
  } else if (config_.outputs.kind == Lengths::kGeometric) {
    request.output_tokens =
        std::min(outputs_.At(i).Geometric(config_.outputs.mean), config_.outputs.max);
  } else {
    request.output_tokens = output_tokens_[static_cast<size_t>(OutputRow(request))];
  }
}

int Workload::OutputRow(const Request& request) const {
  if (output_tokens_.empty()) return 0;
  if (config_.prompts.kind == Lengths::kCsv) return request.prompt_row;
  const int place = request.id % static_cast<int>(output_tokens_.size());
  return output_order_.empty() ? place : output_order_[static_cast<size_t>(place)];
}

Request Workload::Make(int device, Seconds arrival) {
  Request request;
  request.id = issued_++;
  request.device = device;
  request.arrival = arrival;
  SetLengths(request);
  return request;
}

std::optional<Request> Workload::Next() {
  const std::optional<Seconds> arrival = NextArrival();
  if (!arrival || IsDone(*arrival)) return std::nullopt;
  clock_ = *arrival;
  return Make(NextDevice(), clock_);
}

int Workload::NextDevice() const {
  if (is_closed_loop()) return first_[static_cast<size_t>(issued_)].second;
  if (config_.is_dealt_in_turn) return issued_ % devices_;
  return device_stream_.At(static_cast<uint64_t>(issued_)).UniformInt(devices_);
}

std::optional<Request> Workload::NextAfter(int device, Seconds end) {
  HAT_CHECK(is_closed_loop());
  const Seconds arrival = end + config_.arrivals.think_time;
  if (IsDone(arrival)) return std::nullopt;
  return Make(device, arrival);
}

std::vector<Request> AllRequests(const Scenario& scenario) {
  Workload workload(scenario);
  HAT_CHECK(!workload.is_closed_loop());
  std::vector<Request> requests;
  while (const std::optional<Request> request = workload.Next()) requests.push_back(*request);
  return requests;
}

}  // namespace hat

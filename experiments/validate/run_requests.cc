#include "experiments/validate/run_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/csv.h"
#include "core/error.h"

namespace hat {
namespace {

constexpr int64_t kMostInt = std::numeric_limits<int>::max();
constexpr int64_t kMostCounted = int64_t{1} << 53;

class RowReader {
 public:
  RowReader(const CsvFile& csv, int row) : csv_(csv), row_(row) {}

  int Int(const char* column) const {
    return static_cast<int>(csv_.Integer(row_, csv_.ColumnIndex(column), 0, kMostInt));
  }
  int64_t Count(const char* column) const {
    return csv_.Integer(row_, csv_.ColumnIndex(column), 0, kMostCounted);
  }
  double Number(const char* column) const {
    return csv_.Number(row_, csv_.ColumnIndex(column), Range::NonNegative());
  }
  double NumberOrNone(const char* column) const {
    const bool is_empty = csv_.Text(row_, csv_.ColumnIndex(column)).empty();
    return is_empty ? std::numeric_limits<double>::quiet_NaN() : Number(column);
  }
  std::string Outcome() const {
    const int column = csv_.ColumnIndex("outcome");
    std::string text = csv_.Text(row_, column);
    if (text == "completed" || text == "failed" || text == "in_flight") return text;
    throw csv_.Error(row_, column, "completed, failed or in_flight");
  }

 private:
  const CsvFile& csv_;
  int row_;
};

RunRequest ReadRow(const CsvFile& csv, int row) {
  const RowReader reader(csv, row);
  RunRequest request;
  request.request = reader.Int("request");
  request.device = reader.Int("device");
  request.prompt_row = reader.Int("prompt_row");
  request.prompt_tokens = reader.Int("prompt_tokens");
  request.output_tokens = reader.Int("output_tokens");
  request.arrival_s = reader.Number("arrival_s");
  request.outcome = reader.Outcome();
  request.is_after_warmup = reader.Int("measured") != 0;
  request.ttft_ms = reader.NumberOrNone("ttft_ms");
  request.tbt_ms = reader.NumberOrNone("tbt_ms");
  request.e2e_ms = reader.NumberOrNone("e2e_ms");
  request.tokens = reader.Count("tokens");
  request.rounds = reader.Count("rounds");
  request.drafted = reader.Count("drafted");
  request.accepted = reader.Count("accepted");
  return request;
}

// What of a request the workload decides.
struct Asked {
  const char* name;
  int RunRequest::*field;
};
constexpr Asked kAsked[] = {{"device", &RunRequest::device},
                            {"prompt_row", &RunRequest::prompt_row},
                            {"prompt_tokens", &RunRequest::prompt_tokens},
                            {"output_tokens", &RunRequest::output_tokens}};

void RequireSame(const RequestPair& pair, const std::string& live_name) {
  for (const Asked& asked : kAsked) {
    const int simulated = pair.simulated->*asked.field, live = pair.live->*asked.field;
    if (simulated == live) continue;
    throw InputError(
        fmt::format("{}: request {} is another one than in the simulation: '{}' is {} there and {} "
                    "here",
                    live_name, pair.live->request, asked.name, live, simulated));
  }
}

}  // namespace

std::vector<RunRequest> ParseRequests(std::string requests_csv, const std::string& name) {
  const CsvFile csv = CsvFile::Parse(std::move(requests_csv), name);
  std::vector<RunRequest> requests;
  for (int row = 0; row < csv.rows(); ++row) requests.push_back(ReadRow(csv, row));
  std::ranges::stable_sort(requests, {}, &RunRequest::request);
  const auto twice = std::ranges::adjacent_find(requests, {}, &RunRequest::request);
  if (twice != requests.end()) {
    throw InputError(fmt::format("{}: request {} stands there twice", name, twice->request));
  }
  return requests;
}

std::vector<RequestPair> PairRequests(const std::vector<RunRequest>& simulated,
                                      const std::vector<RunRequest>& live,
                                      const std::string& live_name) {
  std::vector<RequestPair> pairs;
  auto ours = simulated.begin();
  auto theirs = live.begin();
  while (ours != simulated.end() || theirs != live.end()) {
    const int our_id = ours == simulated.end() ? std::numeric_limits<int>::max() : ours->request;
    const int their_id = theirs == live.end() ? std::numeric_limits<int>::max() : theirs->request;
    RequestPair pair;
    if (our_id <= their_id) pair.simulated = &*ours++;
    if (their_id <= our_id) pair.live = &*theirs++;
    if (pair.simulated && pair.live) RequireSame(pair, live_name);
    pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace hat

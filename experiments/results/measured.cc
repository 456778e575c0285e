#include "experiments/results/measured.h"

namespace hat {
namespace {

std::vector<const RequestRow*> MeasuredRows(const Recorder& recorder) {
  std::vector<const RequestRow*> rows;
  for (const RequestRow& row : recorder.rows()) {
    if (recorder.IsMeasured(row)) rows.push_back(&row);
  }
  return rows;
}

Distribution OfEach(const std::vector<const RequestRow*>& rows, Seconds (RequestRow::*time)() const,
                    int min_tokens = 1) {
  std::vector<Seconds> times;
  for (const RequestRow* row : rows) {
    if (row->tokens >= min_tokens) times.push_back((row->*time)());
  }
  return DistributionOf(times);
}

void AddSums(Measured& measured, const RequestRow& row) {
  measured.prompt_tokens += row.request.prompt_tokens;
  measured.tokens += row.tokens;
  measured.rounds += row.rounds;
  measured.drafted += row.drafted;
  measured.accepted += row.accepted;
  measured.ahead_steps += row.ahead_steps;
  measured.wasted_steps += row.wasted_steps;
  measured.bytes_up += row.bytes_up;
  measured.bytes_down += row.bytes_down;
  measured.decode_bytes_up += row.decode_bytes_up;
  measured.decode_bytes_down += row.decode_bytes_down;
}

}  // namespace

Measured MeasuredOf(const Recorder& recorder) {
  Measured measured;
  measured.rows = MeasuredRows(recorder);
  for (const RequestRow* row : measured.rows) AddSums(measured, *row);
  measured.ttft_ms = OfEach(measured.rows, &RequestRow::Ttft);
  measured.e2e_ms = OfEach(measured.rows, &RequestRow::E2e);
  measured.tbt_ms = OfEach(measured.rows, &RequestRow::Tbt, 2);
  measured.ntpot_ms = OfEach(measured.rows, &RequestRow::Ntpot);
  const std::vector<Seconds>& gaps = recorder.round_gaps();
  measured.round_gap_ms = DistributionOf(gaps);
  // A token that came with the one before it has no gap: it is not stored.
  const int64_t together = measured.later_tokens() - static_cast<int64_t>(gaps.size());
  measured.itl_ms = together == 0 ? measured.round_gap_ms : DistributionOf(gaps, together);
  return measured;
}

}  // namespace hat

#include "experiments/results/summary_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/terminal_text.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

std::string Number(const Json& value, int decimals) {
  return value.is_null() ? "-" : fmt::format("{:.{}f}", value.get<double>(), decimals);
}

std::string Percent(double share) { return fmt::format("{:.0f}%", 100 * share); }

std::string Percent(const Json& share) {
  return share.is_null() ? "-" : Percent(share.get<double>());
}

std::string Line(const char* label, const std::string& text) {
  return Paragraph(fmt::format("{:<13}", label), text);
}

std::string Title(const Json& summary) {
  std::string label = summary.at("label");
  label[0] = static_cast<char>(std::toupper(label[0]));
  return Paragraph(
      "", fmt::format("{}: {}, seed {}. {}.", summary.at("scenario").get<std::string>(),
                      summary.at("system").get<std::string>(), summary.at("seed").get<uint64_t>(),
                      label));
}

std::string Requests(const Json& summary) {
  const Json& counts = summary.at("requests");
  std::string text = fmt::format("{} arrived, {} completed", counts.at("arrived").get<int64_t>(),
                                 counts.at("completed").get<int64_t>());
  for (const auto& [key, words] : {std::pair("failed", "failed"), {"in_flight", "in flight"}}) {
    const auto count = counts.at(key).get<int64_t>();
    if (count > 0) text += fmt::format(", {} {}", count, words);
  }
  text += fmt::format("; {} measured (after the warm-up)", counts.at("measured").get<int64_t>());
  std::string lines = Line("requests", text);
  if (summary.at("partial").get<bool>()) {
    lines += Line("partial", "the run was interrupted; these are the results so far");
  }
  if (summary.at("saturated").get<bool>()) {
    lines += Line("saturated",
                  "queues grew for as long as requests came: times depend on the run's length");
  }
  return lines;
}

std::string Times(const Json& summary) {
  std::vector<Cells> rows = {{"ms           ", "mean", "p50", "p90", "p99"}};
  const auto add = [&](const char* label, const char* key, int decimals) {
    Cells& row = rows.emplace_back(Cells{label});
    for (size_t i = 1; i < rows[0].size(); ++i) {
      row.push_back(fmt::format("{:>9}", Number(summary.at(key).at(rows[0][i]), decimals)));
    }
  };
  add("TTFT", "ttft_ms", 1);
  add("TBT = TPOT", "tbt_ms", 2);
  add("end to end", "e2e_ms", 1);
  return AlignedTable(rows);
}

std::string TtftPartsText(const Json& summary) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : summary.at("ttft_parts_ms").items()) {
    std::string name = key;
    for (char& c : name) c = c == '_' ? ' ' : c;
    parts.push_back(fmt::format("{} {}", name, Number(value, 1)));
  }
  return Line("TTFT is", fmt::format("{}", fmt::join(parts, " + ")));
}

std::string Rounds(const Json& summary) {
  const auto count = [&](const char* key) { return summary.at(key).get<int64_t>(); };
  if (count("rounds") == 0) return "";
  std::string text = fmt::format("{} tokens", Number(summary.at("accept_length"), 3));
  const int64_t drafted = count("drafted");
  if (drafted > 0) {
    text += fmt::format("; {} of {} drafted tokens ({}) were accepted", count("accepted"), drafted,
                        Percent(double(count("accepted")) / double(drafted)));
  }
  if (count("ahead_steps") > 0) {
    text += fmt::format("; {} of {} steps ahead were wasted", count("wasted_steps"),
                        count("ahead_steps"));
  }
  return Line("a round", text);
}

std::string Busy(const Json& summary) {
  const Json& busy = summary.at("utilisation");
  std::vector<std::string> parts;
  for (const auto& [name, share] : busy.at("device").items()) {
    parts.push_back(fmt::format("{} {}", name, Percent(share)));
  }
  if (!busy.at("stage").empty()) {
    parts.push_back(fmt::format("uplinks {}", Percent(busy.at("link").at("up"))));
    parts.push_back(fmt::format("downlinks {}", Percent(busy.at("link").at("down"))));
    std::vector<std::string> stages;
    for (const Json& share : busy.at("stage")) stages.push_back(Percent(share));
    parts.push_back(fmt::format("stages {}", fmt::join(stages, " ")));
  }
  return Line("busy", fmt::format("{}", fmt::join(parts, ", ")));
}

}  // namespace

std::string SummaryText(const std::string& summary_json) {
  const Json summary = Json::parse(summary_json);
  if (summary.contains("not_possible")) {
    return Paragraph("",
                     fmt::format("{}: not possible: {}", summary.at("system").get<std::string>(),
                                 summary.at("not_possible").get<std::string>()));
  }
  return Title(summary) + Requests(summary) + "\n" + Times(summary) + "\n" +
         TtftPartsText(summary) + Rounds(summary) +
         Line("throughput",
              fmt::format("{} tokens/s over {} s", Number(summary.at("tokens_per_s"), 1),
                          Number(summary.at("window_s"), 1))) +
         Busy(summary);
}

}  // namespace hat

// Measured rates of links, as others publish them, and the rate trace that they become. What each
// format means by a row: docs/formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/import/tally.h"

namespace hat {

inline constexpr double kDefaultHoldS = 5;  // Pensieve's choice

// Of fcc alone; elsewhere they are refused.
struct LinkImportOptions {
  std::string unit = {}, target = {};  // its files hold many series: the one that is wanted
  // How long a measurement's rate holds; without it kDefaultHoldS.
  std::optional<double> hold_s = {};
};

// A rate for a while; the pieces lie end to end.
struct LinkPiece {
  int64_t ns;  // > 0
  double mbps;
};

struct LinkTrace {
  std::string format;
  std::vector<LinkPiece> pieces;
  ImportTally tally;
};

std::string LinkFormatNames();  // "fcc, hsdpa, iperf3, pensieve"

// Reads `text`, the content of the file `name`, as one of these formats, or as "auto", by its
// content. Throws InputError: an unknown format, content of none of them (one that scenarios read
// as it is is called so), a bad row (with its line), no piece.
LinkTrace ReadLinkTrace(const std::string& format, std::string text, const std::string& name,
                        const LinkImportOptions& options = {});

// As CSV, columns seconds and mbps. Its period is the pieces' length: where the last one is not as
// long as the one before it, it is written as two halves.
std::string RateTraceCsv(const LinkTrace& trace);

}  // namespace hat

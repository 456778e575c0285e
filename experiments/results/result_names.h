// What may stand in the files of a run, told before there is one: for who is asked for a figure by
// its name.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace hat {

struct ResultNames {
  std::string file;             // "summary.json"
  std::set<std::string> names;  // that every run has
  std::vector<std::string>
      prefixes;  // "utilisation.device.": what is behind them is the scenario's

  bool MayHave(const std::string& name) const;
  // "; did you mean ...?", or where the names are told.
  std::string Hint(const std::string& name) const;
};

ResultNames NamesInSummary();  // paths, as "ttft_ms.mean"
ResultNames NamesInRequestsCsv();
ResultNames NamesInUtilisationCsv();

}  // namespace hat

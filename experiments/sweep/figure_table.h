// A figure of the kind "table", in words: a row for each metric and series, a column for each x; of
// a published figure it and, behind each of ours, the error ours / published - 1.
#pragma once

#include <string>
#include <vector>

#include "experiments/sweep/figure_data.h"

namespace hat {

using TextRows = std::vector<std::vector<std::string>>;  // the first is the head

struct FigureTable {
  TextRows rows;
  std::vector<std::string> columns;         // x, or "ours" alone
  std::vector<std::vector<double>> errors;  // by column: shares, of the rows that have one
};

// Four digits, three where only two stand behind the point: 367.2 ± 2.8, 28.35 ± 0.25, 3963 ± 12,
// 6.32 ± 0.02.
FigureTable TableOf(const FigureData& figure);

// Of the columns that all tables have: how many figures, their mean absolute error, how many are
// beyond 20%, the largest. Throws InputError if no column is in all of them. `tables`: not empty.
TextRows ErrorRows(const std::vector<FigureTable>& tables);

// Numbers to the right. `rows`: as many fields in each.
std::string MarkdownTable(const TextRows& rows);

}  // namespace hat

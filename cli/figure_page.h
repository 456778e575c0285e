// The page of `hat figures --page`: which tables it asks for, and they in it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/report/page_tables.h"
#include "experiments/sweep/figure_table.h"

namespace hat {

class FigurePage {
 public:
  // Reads the page, and what it takes over from other pages; says on stderr which of those is not
  // there (what stood there stays). Throws InputError for a page that cannot be read or has a
  // mistake.
  FigurePage(const std::string& path, bool is_quiet);

  // Of the figures whose tables belong there, each once: shipped names, and paths of plans. `only`:
  // those alone; none: all. Throws InputError for one that the page has no place for.
  std::vector<std::string> Choose(const std::vector<std::string>& only);
  // Where it asks for a figure: "paper.md:12".
  const std::string& WhereOf(const std::string& figure) const;

  // Puts the tables, by figure, in their places, and writes the page, whole or not at all.
  void Write(const std::map<std::string, FigureTable>& tables) const;

  const std::string& path() const { return path_; }

 private:
  std::string Resolved(const std::string& name) const;
  std::string TakenOver(const PageSlot& slot, bool is_quiet) const;

  const std::string path_;
  std::string text_;
  std::vector<PageSlot> slots_;
  std::vector<std::string> taken_over_;  // by slot; empty: its table is made, or not there
};

}  // namespace hat

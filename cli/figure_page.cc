#include "cli/figure_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"

namespace hat {

namespace fs = std::filesystem;
using Kind = PageSlot::Kind;

FigurePage::FigurePage(const std::string& path, bool is_quiet) : path_(path) {
  RefuseTilde(path);
  text_ = ReadFile(path);
  slots_ = SlotsOf(text_, path);
  for (PageSlot& slot : slots_) {
    for (std::string& name : slot.names) name = Resolved(name);
    taken_over_.push_back(slot.kind == Kind::kOtherPage ? TakenOver(slot, is_quiet) : "");
  }
}

// Paths are relative to the page.
std::string FigurePage::Resolved(const std::string& name) const {
  const std::string extension = fs::path(name).extension();
  if (extension != ".toml" && extension != ".md") return name;
  return (fs::path(path_).parent_path() / name).lexically_normal();
}

std::string FigurePage::TakenOver(const PageSlot& slot, bool is_quiet) const {
  const std::string& other = slot.names[0];
  std::error_code error;
  if (fs::exists(other, error)) return TableUnder(slot.anchor, ReadFile(other), other);
  if (!is_quiet) {
    std::fputs(fmt::format("{}: stays as it is: there is no {}\n", slot.where, other).c_str(),
               stderr);
  }
  return "";
}

std::vector<std::string> FigurePage::Choose(const std::vector<std::string>& only) {
  std::vector<std::string> chosen;
  for (const PageSlot& slot : slots_) {
    if (slot.kind == Kind::kOtherPage || (slot.kind == Kind::kErrors && !only.empty())) continue;
    for (const std::string& name : slot.names) {
      if (!only.empty() && !std::ranges::count(only, name)) continue;
      if (!std::ranges::count(chosen, name)) chosen.push_back(name);
    }
  }
  for (const std::string& name : only) {
    if (std::ranges::count(chosen, name)) continue;
    throw InputError(fmt::format("{}: has no line '<!-- table: {} -->'", path_, name));
  }
  return chosen;
}

const std::string& FigurePage::WhereOf(const std::string& figure) const {
  const auto slot = std::ranges::find_if(slots_, [&](const PageSlot& one) {
    return one.kind != Kind::kOtherPage && std::ranges::count(one.names, figure) > 0;
  });
  HAT_CHECK(slot != slots_.end(), figure);
  return slot->where;
}

void FigurePage::Write(const std::map<std::string, FigureTable>& tables) const {
  std::vector<std::string> texts = taken_over_;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const PageSlot& slot = slots_[i];
    const bool has_all = std::ranges::all_of(
        slot.names, [&](const std::string& name) { return tables.contains(name); });
    if (slot.kind == Kind::kOtherPage || !has_all) continue;
    if (slot.kind == Kind::kFigure) {
      texts[i] = MarkdownTable(tables.at(slot.names[0]).rows);
      continue;
    }
    std::vector<FigureTable> all;
    for (const std::string& name : slot.names) all.push_back(tables.at(name));
    try {
      texts[i] = MarkdownTable(ErrorRows(all));
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", slot.where, error.what()));
    }
  }
  WriteFileAtomically(path_, Filled(text_, slots_, texts));
}

}  // namespace hat

#include "cli/shipped.h"

#include <algorithm>
#include <filesystem>

#include "cli/got_models.h"
#include "core/child_processes.h"

namespace hat {
namespace fs = std::filesystem;

std::string ShareFolder() { return fs::path(ProgramFolder()).parent_path() / "share/hat"; }

std::string ShippedPath(const std::string& path) {
  std::error_code error;
  if (path.empty() || fs::path(path).is_absolute() || fs::exists(path, error)) return path;
  if (const auto got = GotModel(path)) return *got;
  const std::string first = *fs::path(path).begin();
  const auto kinds = {"experiments", "profiles", "models"};
  if (std::ranges::find(kinds, first) == kinds.end()) return path;
  const std::string shipped = ShareFolder() + "/" + path;
  return fs::exists(shipped, error) ? shipped : path;
}

}  // namespace hat

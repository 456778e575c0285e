#include "core/scratch_folder.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/error.h"

namespace hat {

ScratchFolder::ScratchFolder(const std::string& name) {
  std::error_code error;
  const std::filesystem::path place = std::filesystem::temp_directory_path(error);
  if (error) throw RunError(fmt::format("no folder for temporary files: {}", error.message()));
  path_ = (place / (name + "-XXXXXX")).string();
  if (::mkdtemp(path_.data()) == nullptr) {
    throw RunError(
        fmt::format("cannot make a folder in {}: {}", place.string(), std::strerror(errno)));
  }
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace hat

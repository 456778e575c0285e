// A folder for what only this run needs: gone, with all in it, when the object is. A program that
// is killed leaves it.
#pragma once

#include <string>

namespace hat {

class ScratchFolder {
 public:
  // In the system's folder for such, its owner's alone; its name begins with `name`. Throws
  // RunError.
  explicit ScratchFolder(const std::string& name);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // The path of a file in it.
  std::string operator/(const std::string& file) const { return path_ + "/" + file; }

 private:
  std::string path_;
};

}  // namespace hat

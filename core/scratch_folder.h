// A folder for what only this run needs: gone, with all in it, when the object is. What a program
// leaves that was killed, the next one with a folder of that name takes away.
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

  // The path of a file in it; "in-use" is taken.
  std::string operator/(const std::string& file) const { return path_ + "/" + file; }

 private:
  bool Lock();

  std::string path_;
  int lock_ = -1;  // a file in it, locked while this lives
};

}  // namespace hat

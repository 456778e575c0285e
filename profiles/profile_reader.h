// Reads profiles, each once however often it is asked for: for who plays many runs, in processes
// that inherit what was read before them. What a file holds later is not seen; ProfileInfo::sha256
// says what was read.
#pragma once

#include <map>
#include <string>

#include "profiles/profile.h"

namespace hat {

class ProfileReader {
 public:
  // Valid as long as the reader. Throw as DeviceProfile::Load and CloudProfile::Load, every time.
  const DeviceProfile& Device(const std::string& path);
  const CloudProfile& Cloud(const std::string& path);

 private:
  std::map<std::string, DeviceProfile> devices_;
  std::map<std::string, CloudProfile> clouds_;
};

}  // namespace hat

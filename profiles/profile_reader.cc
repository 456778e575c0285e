#include "profiles/profile_reader.h"

namespace hat {
namespace {

template <typename Profile>
const Profile& Read(std::map<std::string, Profile>& known, const std::string& path) {
  const auto found = known.find(path);
  if (found != known.end()) return found->second;
  return known.emplace(path, Profile::Load(path)).first->second;
}

}  // namespace

const DeviceProfile& ProfileReader::Device(const std::string& path) { return Read(devices_, path); }

const CloudProfile& ProfileReader::Cloud(const std::string& path) { return Read(clouds_, path); }

}  // namespace hat

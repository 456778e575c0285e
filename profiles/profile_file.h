// Profile files, format "hat-profile/1" (docs/formats.md): reading them strictly and writing them
// with the same bytes for the same content.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/units.h"
#include "profiles/latency_grid.h"
#include "profiles/model_shape.h"
#include "profiles/operation.h"

namespace hat {

enum class Provenance { kMeasured, kPublished, kModelled };
std::string Name(Provenance provenance);

// What is true of every profile, device or cloud.
struct ProfileInfo {
  std::string id;      // e.g. "agx-xavier-maxn_vicuna-7b_device"
  std::string path;    // of the file; empty if it was made in memory
  std::string sha256;  // of the file's bytes
  Role role = Role::kDevice;
  Provenance provenance = Provenance::kModelled;
  std::string hardware;
  std::string power_mode;  // empty where there is none
  ModelShape model;
  Dtype dtype = Dtype::kFloat16;  // of weights and computation
  std::string source;
  Bytes memory;  // of the hardware
};

// The content of a file. The role, and the classes of the model's layers, decide which operations
// it must and may have (OperationsOf).
struct ProfileData {
  ProfileInfo info;
  bool allow_extrapolation = false;
  int draft_layers = 0;  // number of layers that "draft" was measured with; 0 without one
  std::map<OperationKey, std::vector<LatencyGrid::Point>> operations;
  // How a measured profile came to be, as text by key (docs/formats.md); empty for others.
  std::map<std::string, std::string> measurement;
};

RoleOperations OperationsOf(const ProfileInfo& info);

// Checks all but the grids, which DeviceProfile and CloudProfile check when they are made. Throws
// InputError that names file and key.
ProfileData ReadProfile(const std::string& path);
ProfileData ParseProfile(const std::string& text, const std::string& name);

// The file's text: keys in a fixed order, a line per point, numbers as short as they can be without
// loss. Throws InputError if an operation does not belong to the role.
std::string ProfileText(const ProfileData& data);

}  // namespace hat

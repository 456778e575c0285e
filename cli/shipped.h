// What the project ships beside its programs: scenarios, profiles, models, plots.
#pragma once

#include <string>

namespace hat {

// The folder that holds experiments, profiles, models and plots: share/hat beside the program's
// bin, in a build as where it is installed.
std::string ShareFolder();

// The path itself, unless nothing is there and a shipped file or folder has that name, as
// "experiments/paper/spec_bench_7b.toml" in any folder, or a model that was got: then that one's
// path. Throws as GotModel.
std::string ShippedPath(const std::string& path);

}  // namespace hat

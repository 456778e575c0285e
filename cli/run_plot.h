// Drawing: a figure is a Python script in plots/ that reads one data file and writes one image.
#pragma once

#include <string>
#include <vector>

namespace hat {

// Runs `plots/<script> <data> <image> <more>` and waits for it. The image appears whole or not at
// all. Throws RunError, with the script's last line on stderr, if it does not succeed.
void RunPlot(const std::string& script, const std::string& data, const std::string& image,
             const std::vector<std::string>& more = {});

}  // namespace hat

// Drawing: a figure is a Python script in plots/ that reads one data file and writes one image.
#pragma once

#include <string>
#include <vector>

namespace hat {

// Runs `plots/<script> <arguments>` and waits for it. Throws RunError if it cannot start or does
// not end with 0; what it said is on stderr.
void RunPlot(const std::string& script, const std::vector<std::string>& arguments);

}  // namespace hat

// A scrape of what a cloud or a device tells Prometheus, for programs of this project.
#pragma once

#include <map>
#include <string>

namespace hat {

// GET http://`ip`:`port`/metrics: each name, without labels, and the sum of its values. `ip` is of
// version 4. Throws RunError if nobody serves it there.
std::map<std::string, double> ReadMetrics(const std::string& ip, int port);

}  // namespace hat

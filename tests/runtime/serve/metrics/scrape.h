// A scrape, as Prometheus does it.
#pragma once

#include <map>
#include <string>

namespace hat {

// The server's whole answer to GET `path`, headers included; "" if nobody listens.
std::string HttpGet(int port, const std::string& path);

// What is served at /metrics, read by Prometheus's own parser for Python: "name" or "name{a="b"}",
// labels in the order of the alphabet, and its value. Fails the test if the parser refuses it.
std::map<std::string, double> Scrape(int port);

}  // namespace hat

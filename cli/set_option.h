// The option --set, of every verb that reads a scenario.
#pragma once

#include <string>
#include <vector>

#include "core/program.h"

namespace hat {

// --set KEY=VALUE, or --set @FILE for all keys of a TOML file, shipped ones included
// (cli/shipped.h); may be repeated, later ones win. `overrides` gets texts KEY=VALUE alone.
// `of_what`: "sets a key of <of_what>". Parsing throws InputError for a file that is wrong.
void AddSetOption(CommandLine& line, std::vector<std::string>& overrides,
                  const std::string& of_what);

}  // namespace hat

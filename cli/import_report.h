// What the verbs that import files tell, and write beside what they wrote.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "experiments/import/tally.h"

namespace hat {

// A file that was imported.
struct ImportedFile {
  std::string path;
  std::string format;
  std::string sha256;              // of its content
  nlohmann::ordered_json options;  // that were not left at their defaults
  ImportTally tally;
};

// Writes `content` to `output` and, unless that is a pipe, where it comes from to
// `output`.source.json; without `replace` no other content is replaced. Then tells on stderr what
// became of the rows.
void WriteImport(const ImportedFile& file, const std::string& output, const std::string& content,
                 bool replace);

}  // namespace hat

#include "cli/import_report.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

std::string SourceText(const ImportedFile& file, const std::string& content) {
  nlohmann::ordered_json json = {{"schema_version", 1},
                                 {"commit", BuildCommit()},
                                 {"file", file.path},
                                 {"sha256", file.sha256},
                                 {"format", file.format},
                                 {"options", file.options},
                                 {"rows", file.tally.rows},
                                 {"kept", file.tally.kept()},
                                 {"left_out", file.tally.left_out},
                                 {"notes", file.tally.notes},
                                 {"result_sha256", Sha256Hex(content)}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

void WriteImport(const ImportedFile& file, const std::string& output, const std::string& content,
                 bool replace) {
  std::error_code same;
  if (std::filesystem::equivalent(file.path, output, same)) {
    throw InputError(fmt::format("--out: '{}' is the file that is imported", output));
  }
  if (!replace) RefuseToReplace(output, content);
  WriteFileAtomically(output, content);
  const std::string source = output + ".source.json";
  std::error_code error;
  const bool is_file = std::filesystem::is_regular_file(output, error);
  if (is_file) WriteFileAtomically(source, SourceText(file, content));
  std::fputs(fmt::format("{}: {}: {}\n", file.path, file.format, file.tally.Text()).c_str(),
             stderr);
  SayWritten(output);
  if (is_file) SayWritten(source);
}

}  // namespace hat

#include "experiments/sweep/sqlite_file.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

// An empty file of its own, which SQLite takes as a new database.
std::string MakeTemporary() {
  std::error_code error;
  const fs::path folder = fs::temp_directory_path(error);
  if (error) throw RunError(fmt::format("no folder for temporary files: {}", error.message()));
  std::string name = folder / "hat-results-XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) throw RunError(fmt::format("cannot write '{}': {}", name, std::strerror(errno)));
  ::close(fd);
  return name;
}

std::string SqlName(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

SqliteFile::SqliteFile(std::string path) : path_(std::move(path)), temporary_(MakeTemporary()) {
  if (::sqlite3_open(temporary_.c_str(), &database_) != SQLITE_OK) Fail();
  Execute("PRAGMA journal_mode = OFF");
  Execute("PRAGMA synchronous = OFF");
  Execute("BEGIN");
}

SqliteFile::~SqliteFile() {
  ::sqlite3_finalize(insert_);
  ::sqlite3_close(database_);
  ::unlink(temporary_.c_str());
}

void SqliteFile::MakeTable(const std::string& table, const std::vector<Column>& columns) {
  std::string list;
  for (const Column& column : columns) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", SqlName(column.name), column.type);
  }
  Execute(fmt::format("CREATE TABLE {} ({})", SqlName(table), list));
}

void SqliteFile::MakeIndex(const std::string& table, const std::string& column) {
  Execute(fmt::format("CREATE INDEX {} ON {} ({})", SqlName(table + " by " + column),
                      SqlName(table), SqlName(column)));
}

void SqliteFile::Insert(const std::string& table, const std::vector<std::string_view>& fields) {
  Prepare(table, fields.size());
  int index = 0;
  for (const std::string_view field : fields) {
    ++index;
    const int result = field.empty()
                           ? ::sqlite3_bind_null(insert_, index)
                           : ::sqlite3_bind_text(insert_, index, field.data(),
                                                 static_cast<int>(field.size()), SQLITE_STATIC);
    if (result != SQLITE_OK) Fail();
  }
  if (::sqlite3_step(insert_) != SQLITE_DONE) Fail();
  ::sqlite3_reset(insert_);
}

void SqliteFile::Prepare(const std::string& table, size_t columns) {
  if (inserts_into_ == table) return;
  ::sqlite3_finalize(insert_);
  insert_ = nullptr;
  std::string marks;
  for (size_t i = 0; i < columns; ++i) marks += i == 0 ? "?" : ",?";
  const std::string sql = fmt::format("INSERT INTO {} VALUES ({})", SqlName(table), marks);
  if (::sqlite3_prepare_v2(database_, sql.c_str(), -1, &insert_, nullptr) != SQLITE_OK) Fail();
  inserts_into_ = table;
}

void SqliteFile::Commit() {
  ::sqlite3_finalize(insert_);
  insert_ = nullptr;
  inserts_into_.clear();
  Execute("COMMIT");
  if (::sqlite3_close(database_) != SQLITE_OK) Fail();
  database_ = nullptr;
  CopyFileAtomically(temporary_, path_);
}

void SqliteFile::Execute(const std::string& sql) {
  if (::sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) Fail();
}

void SqliteFile::Fail() const {
  throw RunError(fmt::format("cannot write '{}' (made in '{}'): {}", path_, temporary_,
                             database_ == nullptr ? "out of memory" : ::sqlite3_errmsg(database_)));
}

}  // namespace hat

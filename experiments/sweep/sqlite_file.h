// An SQLite file that is written once, by one program, and then only read: no journal, no log
// beside it. It is made in a folder for temporary files, since SQLite on a network's disk is slow
// and its locks there cannot be relied on, and put in its place whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace hat {

// All throw RunError (disk full, no permission).
class SqliteFile {
 public:
  explicit SqliteFile(std::string path);  // where it will stand; replaced
  ~SqliteFile();                          // without Commit(): nothing is left of it
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  // Names of tables and columns may hold anything but a NUL. Text that is a number is kept as one
  // in a column of type NUMERIC.
  struct Column {
    std::string name;
    std::string type;  // "TEXT", "NUMERIC", "REAL", "INTEGER"
  };
  void MakeTable(const std::string& table, const std::vector<Column>& columns);
  void MakeIndex(const std::string& table, const std::string& column);

  // A row of one table at a time: as many fields as it has columns; an empty one is NULL.
  void Insert(const std::string& table, const std::vector<std::string_view>& fields);

  void Commit();

 private:
  void Execute(const std::string& sql);
  void Prepare(const std::string& table, size_t columns);
  [[noreturn]] void Fail() const;

  std::string path_;
  std::string temporary_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  std::string inserts_into_;
};

}  // namespace hat

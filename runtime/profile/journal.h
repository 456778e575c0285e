// The samples of a profile that is being measured, on disk as they come, so that a run that was
// killed goes on where it stood. A text file: the first line says what is measured, as JSON, then
// a line a visit, or a time of the reference (machine's speed). A last line without its end, torn
// by a kill, is dropped.
#pragma once

#include <string>
#include <vector>

namespace hat {

struct Visit {
  int round = 0;
  int point = 0;
  std::vector<double> samples_us;

  bool operator==(const Visit&) const = default;
};

struct JournalContent {
  std::string header;  // one line
  std::vector<Visit> visits;
  std::vector<double> reference_us;  // in the order in which they were taken
};

// Throws InputError: unreadable, or not a journal.
JournalContent ReadJournal(const std::string& path);

class Journal {
 public:
  // Writes the file anew, atomically, with this content; then goes on behind it. Throws RunError.
  Journal(std::string path, const JournalContent& content);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void Add(const Visit& visit);  // in one write; throws RunError
  void AddReference(double us);  // likewise
  void Remove();                 // the profile stands: the file is not needed any more

 private:
  void Write(const std::string& line);

  std::string path_;
  int fd_ = -1;
};

}  // namespace hat

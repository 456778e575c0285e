// Reading input files and writing results so that a crash, a full disk or a signal never leaves
// half a result behind.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hat {

// What is wrong with a path that begins with "~/", if it does: a shell that leaves it so (after
// '=', in quotes) or a file of ours has no one to put the home folder there. Such paths are refused
// everywhere, so that no folder named '~' comes to be; the text names the path to write.
std::optional<std::string> TildeProblem(const std::string& path);
void RefuseTilde(const std::string& path);  // throws InputError

// Is there a file or folder of this name? No, where that cannot be told.
bool IsThere(const std::string& path);

// The whole file. Throws InputError "cannot read 'path': reason" (folders and files above max_bytes
// included).
std::string ReadFile(const std::string& path, size_t max_bytes = size_t{1} << 30);

// Whom a new file lets read it: those that the umask does, or its owner alone (mode 0600).
enum class Readers { kAny, kOwner };

// A file that appears whole or not at all: written beside the target; Commit() fsyncs and renames.
// A device or a pipe (/dev/stdout) is written in place. All throw RunError (disk full, no
// permission); an old file then still stands.
class AtomicFile {
 public:
  // Throws InputError for "~/...".
  explicit AtomicFile(std::string path, Readers readers = Readers::kAny);
  ~AtomicFile();  // without Commit(): removes what was written
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void Write(std::string_view content);
  // Where the content lies until Commit(), for another program that reads it (a plot).
  const std::string& staging() const { return temporary_.empty() ? target_ : temporary_; }
  void Commit();

 private:
  std::string path_;
  std::string target_;     // links followed
  std::string temporary_;  // empty: written in place, or committed
  int fd_ = -1;
};

void WriteFileAtomically(const std::string& path, std::string_view content,
                         Readers readers = Readers::kAny);

// Puts a copy of the file `from` there, whole or not at all; it may be on another disk.
void CopyFileAtomically(const std::string& from, const std::string& path);

// Throws InputError if a file of other content stands at `path`, so that nothing is lost unasked;
// for programs with an option --force.
void RefuseToReplace(const std::string& path, std::string_view content);

// A folder of results that appears whole or not at all: files are written to a sibling folder,
// Commit() renames it.
class ResultFolder {
 public:
  // Throws InputError for "~/...", and if `path` exists and is not an empty folder, unless
  // `replace`; then Commit() replaces it, but only if it holds a manifest.json, so that a mistyped
  // path never deletes other data.
  explicit ResultFolder(std::string path, bool replace = false);
  // For results that take long: the files are written to "PATH.unfinished", which stays after
  // Keep(), or if the program is killed, and where the next one finds them. `mark` is a file by
  // which such a folder is known: one with files but without it is refused (InputError). It is
  // one program's at a time: RunError while another one has it.
  static ResultFolder Resumable(std::string path, bool replace, const std::string& mark);
  // For secrets: folders and files are their owner's alone (modes 0700 and 0600). `mark` is a file
  // by which an earlier one is known, in place of manifest.json.
  static ResultFolder Private(std::string path, bool replace, const std::string& mark);
  // Without Commit() and Keep(): removes what was written, and the folders made above it.
  ~ResultFolder();
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  // `name` may be in a folder below ("runs/1/requests.csv"). Throws RunError.
  void Write(const std::string& name, std::string_view content);
  // Where the files lie until Commit(), for another program that adds one (a plot).
  const std::string& staging() const { return staging_; }
  void Commit();  // throws RunError
  // Does what a resumable one holds stay, unless it is committed? At first, what was found there.
  void Keep(bool keeps) { is_kept_ = keeps; }

 private:
  struct Kind {
    std::string replace_mark = "manifest.json";
    std::optional<std::string> resume_mark = std::nullopt;
    Readers readers = Readers::kAny;
  };
  ResultFolder(std::string path, bool replace, Kind kind);
  void MakeFolders(const std::string& folder);  // throws std::filesystem::filesystem_error
  void MakeStaging(const std::string& path);    // `path`: as the user wrote it
  void Resume(const std::string& mark);
  void RemoveWhatWasMade();

  std::string path_;
  bool replace_;
  Kind kind_;
  std::string staging_;
  std::string outermost_made_;  // of the folders above `path_` that had to be made; empty: none
  int lock_ = -1;               // on a resumable folder
  bool is_kept_ = false;
  bool committed_ = false;
};

// Writes `text` to stdout and flushes it; throws RunError if stdout is closed or full.
void PrintResult(std::string_view text);

// A line for the user, on stderr. That nobody reads it any more is no reason for a server to end,
// so nothing is thrown.
void SayLine(std::string_view line);

// Tells the user on stderr what a program has written: "wrote results/x".
void SayWritten(std::string_view path);

// SHA-256 of `content` as 64 hex digits.
std::string Sha256Hex(std::string_view content);

// The git commit that this program was built from, "unknown" outside a checkout; with "-dirty"
// behind it where the tree had changes.
std::string BuildCommit();

}  // namespace hat

// A program that runs beside this one and is talked to, a line at a time: its stdin is told, its
// stdout is heard, the end of its stderr is kept.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

class TalkingChild {
 public:
  // `name`: in messages. `words`: the program's path, or a name for PATH, and its arguments. It is
  // killed if this thread ends before it. Throws RunError if it cannot start.
  TalkingChild(std::string name, const std::vector<std::string>& words);
  // Ends it: by closing its stdin, after `kPatience` by SIGTERM, then by SIGKILL.
  ~TalkingChild();
  TalkingChild(const TalkingChild&) = delete;
  TalkingChild& operator=(const TalkingChild&) = delete;

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }

  // All throw RunError if it has ended, with its last error.
  void Say(const std::string& line);
  void Send(std::string_view bytes);
  // Its next line, without the end; waits `timeout_s`, and throws RunError if none comes.
  // `meanwhile` is called now and then while it waits; what it throws comes through.
  std::string Hear(double timeout_s, const std::function<void()>& meanwhile = {});
  // The same without a wait; none: nothing new.
  std::optional<std::string> TryHear();

  bool has_ended();                             // and been waited for
  int exit_code() const { return exit_code_; }  // once it has; 128 + signal if a signal ended it
  std::string last_error();  // the last line on its stderr that is not empty, as far as it came
  void Terminate();          // SIGTERM
  void Kill();               // SIGKILL

  static constexpr double kPatience_s = 5;

 private:
  void Read(int timeout_ms);  // what is there, of both streams
  bool Reap(bool waits);
  std::string WhyItEnded();

  std::string name_;
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;  // our ends
  std::string text_, errors_;
  std::deque<std::string> lines_;
  bool is_reaped_ = false;
  int exit_code_ = -1;
};

}  // namespace hat

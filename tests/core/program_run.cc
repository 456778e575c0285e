#include "tests/core/program_run.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

#include "core/files.h"

namespace hat {

StartedProgram::StartedProgram(std::vector<std::string> command) {
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const auto& [name, to] : {std::pair("out", STDOUT_FILENO), {"err", STDERR_FILENO}}) {
    const std::string path = streams_ / name;
    posix_spawn_file_actions_addopen(&actions, to, path.c_str(), O_WRONLY | O_CREAT, 0600);
  }
  const int error = posix_spawnp(&process_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  HAT_CHECK(error == 0, command[0]);
}

StartedProgram::~StartedProgram() {
  if (process_ != 0) Wait(SIGKILL);
}

bool StartedProgram::RunsUntil(const std::function<bool()>& happened) const {
  while (!happened()) {
    siginfo_t ended{};
    waitid(P_PID, static_cast<id_t>(process_), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (ended.si_pid != 0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

ProgramRun StartedProgram::Wait(int signal) {
  kill(process_, signal);
  int status = 0;
  waitpid(std::exchange(process_, 0), &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), ReadFile(streams_ / "out"),
          ReadFile(streams_ / "err")};
}

ProgramRun RunProgram(std::vector<std::string> command) {
  return StartedProgram(std::move(command)).Wait();
}

std::vector<std::string> Words(const std::string& text, const std::vector<std::string>& paths) {
  std::istringstream stream(text);
  std::vector<std::string> words(std::istream_iterator<std::string>(stream), {});
  auto path = paths.begin();
  for (std::string& word : words) {
    const size_t at = word.find("{}");
    if (at == std::string::npos) continue;
    HAT_CHECK(path != paths.end(), text);
    word.replace(at, 2, *path++);
  }
  HAT_CHECK(path == paths.end(), text);
  return words;
}

void ExpectRefusal(const ProgramRun& run, const std::string& start, const std::string& words) {
  EXPECT_EQ(run.exit_code, 2) << words;
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, testing::AllOf(testing::StartsWith(start), testing::HasSubstr(words)));
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
}

}  // namespace hat

#include "core/child_processes.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

std::vector<std::string> Shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

TEST(ChildProcessesTest, TellsHowEachEnded) {
  const EndedChild good = RunChild(Shell("echo much; exit 0"));
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.last_error, "");
  const EndedChild bad = RunChild(Shell("echo first >&2; echo last >&2; echo ' ' >&2; exit 3"));
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_EQ(bad.last_error, "last");
  EXPECT_EQ(RunChild(Shell("kill -9 $$")).exit_code, 128 + SIGKILL);
  EXPECT_RUN_ERROR(RunChild({"/no/such/program"}), testing::HasSubstr("/no/such/program"));
}

TEST(ChildProcessesTest, TheyGetNothingOnStdin) {
  EXPECT_EQ(RunChild(Shell("read line; echo \"got '$line'\" >&2")).last_error, "got ''");
}

// A lock on one would outlive its owner.
TEST(ChildProcessesTest, AFunctionHasNoneOfTheOpenFiles) {
  const int before = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ChildProcesses children;
  const int after = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  children.Start(0, [&] {
    const bool is_open = ::fcntl(before, F_GETFD) >= 0 || ::fcntl(after, F_GETFD) >= 0;
    if (is_open) throw RunError("it has");
  });
  std::vector<EndedChild> ended;
  while (ended.empty()) ended = children.Reap();
  EXPECT_EQ(ended.front().exit_code, 0) << ended.front().last_error;
  for (const int file : {before, after}) ::close(file);
}

TEST(ChildProcessesTest, OnlyThoseFromAnIndexOnAreTerminated) {
  ChildProcesses children;
  for (size_t i = 0; i < 3; ++i) children.Start(i, Shell("exec sleep 100"));
  EXPECT_EQ(children.count(), 3u);
  children.Terminate(1);
  std::vector<size_t> ended;
  while (ended.size() < 2) {
    for (const EndedChild& child : children.Reap()) {
      EXPECT_EQ(child.exit_code, 128 + SIGTERM);
      ended.push_back(child.index);
    }
  }
  EXPECT_THAT(ended, testing::UnorderedElementsAre(1, 2));
  EXPECT_EQ(children.count(), 1u);
}

TEST(ChildProcessesTest, NoneOutlivesTheObject) {
  const TempFolder temp;
  const std::string pid_file = temp / "pid";
  {
    ChildProcesses children;
    children.Start(0, Shell("echo $$ > '" + pid_file + ".new'; mv '" + pid_file + ".new' '" +
                            pid_file + "'; exec sleep 100"));
    while (!std::filesystem::exists(pid_file)) children.Reap();
  }
  EXPECT_NE(::kill(std::stoi(ReadFile(pid_file)), 0), 0);
}

// As after kill -9: nothing of ours runs any more that could end them.
TEST(ChildProcessesTest, NoneOutlivesAProgramThatIsKilled) {
  const TempFolder temp;
  const std::string pid_file = temp / "pid";
  const pid_t program = ::fork();
  if (program == 0) {
    ChildProcesses children;
    children.Start(0, Shell("echo $$ > '" + pid_file + ".new'; mv '" + pid_file + ".new' '" +
                            pid_file + "'; exec sleep 100"));
    while (!std::filesystem::exists(pid_file)) children.Reap();
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(program, nullptr, 0);
  const std::string state = "/proc/" + std::to_string(std::stoi(ReadFile(pid_file))) + "/stat";
  const auto runs = [&] {  // not even as a zombie that nobody has waited for
    std::ifstream file(state);
    std::string text;
    return std::getline(file, text) && text.find(") Z ") == std::string::npos;
  };
  for (int i = 0; i < 500 && runs(); ++i) ::usleep(10'000);
  EXPECT_FALSE(runs());
}

}  // namespace
}  // namespace hat

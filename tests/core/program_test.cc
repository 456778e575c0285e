#include "core/program.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

using testing::ExitedWithCode;

// A program with one option, which prints a line.
int RunProgram(
    std::vector<std::string> arguments, const std::function<void()>& work = [] {}) {
  arguments.insert(arguments.begin(), "build/bin/hat-profile-model");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return RunMain(static_cast<int>(argv.size()), argv.data(), [&](CommandLine& line) {
    int n = 0;
    std::optional<double> x;
    std::vector<int> many;
    line.add_option("--n", n, "a number");
    line.add_option("--x", x, "another");
    line.add_option("--many", many, "some")->delimiter(',');
    line.Parse();
    work();
    PrintResult("result\n");
    return n;
  });
}

void CloseReaderOfStdout() {
  int ends[2];
  HAT_CHECK(pipe(ends) == 0);
  dup2(ends[1], STDOUT_FILENO);
  close(ends[0]);
  close(ends[1]);
}

TEST(ProgramDeathTest, TheBodysExitCodeIsTheProgramsAndStderrStaysEmpty) {
  EXPECT_EXIT(exit(RunProgram({"--n", "7"})), ExitedWithCode(7), "^$");
}

TEST(ProgramDeathTest, HelpAndVersionSucceed) {
  EXPECT_EXIT(exit(RunProgram({"--help"})), ExitedWithCode(0), "^$");
  EXPECT_EXIT(exit(RunProgram({"--version"})), ExitedWithCode(0), "^$");
}

TEST(ProgramDeathTest, AMistakeOnTheCommandLineIsOneLineAndExitCodeTwo) {
  EXPECT_EXIT(exit(RunProgram({"--m"})), ExitedWithCode(2),
              "^hat profile model: [^\n]*--m[^\n]*\n$");
  EXPECT_EXIT(exit(RunProgram({"--n", "x"})), ExitedWithCode(2),
              "^hat profile model: [^\n]*--n[^\n]*\n$");
}

TEST(ProgramDeathTest, FailuresAreOneLineWithTheirExitCode) {
  EXPECT_EXIT(exit(RunProgram({}, [] { throw InputError("a.toml:1: no"); })), ExitedWithCode(2),
              "^hat profile model: a.toml:1: no\n$");
  EXPECT_EXIT(exit(RunProgram({}, [] { throw RunError("no"); })), ExitedWithCode(1),
              "^hat profile model: no\n$");
  EXPECT_EXIT(exit(RunProgram({}, [] { throw std::logic_error("a\nb"); })), ExitedWithCode(1),
              "^hat profile model: unexpected failure: a b\n$");
}

TEST(ProgramDeathTest, WhatAMessageQuotesNeitherControlsTheTerminalNorFillsIt) {
  EXPECT_EXIT(exit(RunProgram({}, [] { throw InputError("a \x1b[31m\tb"); })), ExitedWithCode(2),
              "^hat profile model: a  \\[31m b\n$");
  EXPECT_EXIT(exit(RunProgram({}, [] { throw InputError(std::string(100000, 'x') + "y"); })),
              ExitedWithCode(2), "^hat profile model: x{350} [.]{3} x{149}y\n$");
}

TEST(ProgramDeathTest, AnEmptyArgumentIsAMistake) {
  EXPECT_EXIT(exit(RunProgram({"--n", ""})), ExitedWithCode(2), "--n: must not be empty");
}

// CLI11 itself reads 010 as 8, 0x10 as 16, 1_0 as 10.
TEST(ProgramDeathTest, AWholeNumberIsDecimalDigitsAndNothingElse) {
  EXPECT_EXIT(exit(RunProgram({"--n", "10"})), ExitedWithCode(10), "^$");
  EXPECT_EXIT(exit(RunProgram({"--n=0"})), ExitedWithCode(0), "^$");
  EXPECT_EXIT(exit(RunProgram({"--many", "1,2,30"})), ExitedWithCode(0), "^$");
  for (const char* text :
       {"010", "0x10", "0b1", "1_0", "1'0", "+1", "1.0", "1e1", "-", "--", " 1"}) {
    EXPECT_EXIT(exit(RunProgram({std::string("--n=") + text})), ExitedWithCode(2),
                "^hat profile model: --n: must be a whole number in decimal digits")
        << text;
  }
  EXPECT_EXIT(exit(RunProgram({"--many", "1,010"})), ExitedWithCode(2), "--many: .*got '010'");
  EXPECT_EXIT(exit(RunProgram({"--n", "99999999999"})), ExitedWithCode(2), "--n");
}

TEST(ProgramDeathTest, ANumberIsDecimalAndFinite) {
  EXPECT_EXIT(exit(RunProgram({"--x", "-1.5e-3"})), ExitedWithCode(0), "^$");
  EXPECT_EXIT(exit(RunProgram({"--x", "010.5"})), ExitedWithCode(0), "^$");
  for (const char* text : {"nan", "inf", "0x1p3", "1_0.5", "0,5", "1e999"}) {
    EXPECT_EXIT(exit(RunProgram({std::string("--x=") + text})), ExitedWithCode(2),
                "^hat profile model: --x: must be a decimal number")
        << text;
  }
}

TEST(ProgramDeathTest, TheFirstInterruptIsAskedForTheSecondEndsTheProgram) {
  const auto interrupt = [](int times) {
    CatchInterrupts();
    while (times-- > 0) raise(SIGTERM);
    exit(IsInterrupted() ? 3 : 4);
  };
  EXPECT_EXIT(interrupt(0), ExitedWithCode(4), "");
  EXPECT_EXIT(interrupt(1), ExitedWithCode(3), "");
  EXPECT_EXIT(interrupt(2), testing::KilledBySignal(SIGTERM), "");
}

TEST(ProgramDeathTest, AClosedOrFullStdoutIsAFailedRun) {
  EXPECT_EXIT((CloseReaderOfStdout(), exit(RunProgram({}))), ExitedWithCode(1),
              "^hat profile model: cannot write to stdout: Broken pipe\n$");
  EXPECT_EXIT((CloseReaderOfStdout(), exit(RunProgram({"--help"}))), ExitedWithCode(1),
              "cannot write to stdout");
  EXPECT_EXIT((close(STDOUT_FILENO), exit(RunProgram({}))), ExitedWithCode(1),
              "^hat profile model: cannot write to stdout: [^\n]*\n$");
  EXPECT_EXIT((std::freopen("/dev/full", "w", stdout), exit(RunProgram({}))), ExitedWithCode(1),
              "^hat profile model: cannot write to stdout: No space left on device\n$");
}

// Without care the first file opened would get file descriptor 1, and with it the program's output.
TEST(ProgramDeathTest, OutputForAClosedStdoutNeverEndsUpInAFile) {
  const std::string path = testing::TempDir() + "hat_program_test";
  const auto work = [&] {
    std::FILE* file = std::fopen(path.c_str(), "w");
    HAT_CHECK(file != nullptr && fileno(file) > 2);
  };
  EXPECT_EXIT((close(STDOUT_FILENO), exit(RunProgram({}, work))), ExitedWithCode(1), "stdout");
  EXPECT_EQ(ReadFile(path), "");
  std::filesystem::remove(path);
}

TEST(ProgramTest, TheCommandIsTheProgramsNameWithSpaces) {
  EXPECT_EQ(CommandName("/x/hat-simulate"), "hat simulate");
  EXPECT_EQ(CommandName("hat-profile-model"), "hat profile model");
}

}  // namespace
}  // namespace hat

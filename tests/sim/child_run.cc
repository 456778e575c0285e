#include "tests/sim/child_run.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <type_traits>

#include "core/error.h"
#include "sim/run.h"
#include "tests/sim/text_log.h"

namespace hat {
namespace {

// -- what crosses the pipe: texts, and plain structs byte by byte

void Put(std::string& bytes, const std::string& text) {
  const size_t size = text.size();
  bytes.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}

template <class T>
void Put(std::string& bytes, const std::vector<T>& items) {
  static_assert(std::is_trivially_copyable_v<T>);
  Put(bytes, std::string(reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T)));
}

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}

  std::string Text() {
    size_t size = 0;
    HAT_CHECK(bytes_.size() - at_ >= sizeof size);
    std::memcpy(&size, bytes_.data() + at_, sizeof size);
    at_ += sizeof size;
    HAT_CHECK(bytes_.size() - at_ >= size);
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }

  template <class T>
  void Get(std::vector<T>& items) {
    const std::string text = Text();
    items.resize(text.size() / sizeof(T));
    if (!items.empty()) std::memcpy(static_cast<void*>(items.data()), text.data(), text.size());
  }

 private:
  const std::string& bytes_;
  size_t at_ = 0;
};

template <class Result, class Visit>
void VisitFields(Result& result, Visit visit) {
  visit(result.rows);
  visit(result.ops);
  visit(result.frames);
  visit(result.stages);
  visit(result.rounds);
  visit(result.tokens);
}

std::string Encode(const WatchedRun& result) {
  std::string bytes;
  Put(bytes, std::string(result.is_complete ? "complete" : "partial"));
  VisitFields(result, [&](const auto& items) { Put(bytes, items); });
  for (const std::string* text : {&result.log, &result.summary}) Put(bytes, *text);
  return bytes;
}

WatchedRun Decode(const std::string& bytes) {
  Reader reader(bytes);
  WatchedRun result;
  result.is_complete = reader.Text() == "complete";
  VisitFields(result, [&](auto& items) { reader.Get(items); });
  for (std::string* text : {&result.log, &result.summary}) *text = reader.Text();
  return result;
}

// -- the child

struct Keeper : Observer {
  WatchedRun result;
  void OnDeviceOp(const DeviceOpEvent& event) override { result.ops.push_back(event); }
  void OnFrame(const FrameEvent& event) override { result.frames.push_back(event); }
  void OnRound(const RoundEvent& event) override { result.rounds.push_back(event); }
  void OnStage(const StageEvent& event) override {
    const Batch& batch = *event.batch;
    result.stages.push_back(
        {batch.replica, batch.ordinal, event.stage, batch.tokens, event.span, event.linked});
  }
  void OnTokens(int request, int count, Seconds at) override {
    result.tokens.push_back({request, count, at});
  }
};

WatchedRun Play(const Scenario& scenario, const WatchOptions& options) {
  Keeper keeper;
  TextLog log;
  RunOptions run;
  run.engine = options.engine;
  run.checks_laws = true;
  if (options.keeps_events) run.observers = {&keeper, &log};
  const RunResult played = Run(scenario, run);
  WatchedRun& result = keeper.result;
  result.is_complete = !played.info.is_partial;
  result.rows = played.recorder->rows();
  result.log = log.text();
  result.summary = played.summary_json;
  return result;
}

constexpr char kDone = 'd', kInputError = 'i', kRunError = 'r';

[[noreturn]] void BeChild(int pipe, const std::function<std::string()>& body) {
  std::string bytes;
  try {
    bytes = kDone + body();
  } catch (const InputError& error) {
    bytes = kInputError + std::string(error.what());
  } catch (const RunError& error) {
    bytes = kRunError + std::string(error.what());
  }
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = write(pipe, bytes.data() + sent, bytes.size() - sent);
    if (count < 0) _exit(3);
    sent += static_cast<size_t>(count);
  }
  _exit(0);
}

std::string ReadAll(int pipe) {
  std::string bytes;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = read(pipe, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace

std::string TextFromChild(const std::function<std::string()>& body) {
  int ends[2];
  HAT_CHECK(pipe(ends) == 0);
  std::fflush(nullptr);  // or the child may write it too
  const pid_t child = fork();
  HAT_CHECK(child >= 0);
  if (child == 0) {
    close(ends[0]);
    BeChild(ends[1], body);
  }
  close(ends[1]);
  const std::string bytes = ReadAll(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0 || bytes.empty()) {
    throw std::runtime_error(fmt::format("the child process died, status {:#x}", status));
  }
  if (bytes[0] == kInputError) throw InputError(bytes.substr(1));
  if (bytes[0] == kRunError) throw RunError(bytes.substr(1));
  return bytes.substr(1);
}

WatchedRun RunHere(const Scenario& scenario, const WatchOptions& options) {
  return Play(scenario, options);
}

WatchedRun RunInChild(const Scenario& scenario, const WatchOptions& options) {
  return Decode(TextFromChild([&] { return Encode(Play(scenario, options)); }));
}

std::vector<DeviceOpEvent> WatchedRun::OpsOf(int request) const {
  std::vector<DeviceOpEvent> own;
  for (const DeviceOpEvent& op : ops) {
    if (op.request == request) own.push_back(op);
  }
  return own;
}

std::vector<FrameEvent> WatchedRun::FramesOf(int request, Direction direction) const {
  std::vector<FrameEvent> own;
  for (const FrameEvent& frame : frames) {
    if (frame.request == request && frame.direction == direction) own.push_back(frame);
  }
  return own;
}

std::vector<RoundEvent> WatchedRun::RoundsOf(int request) const {
  std::vector<RoundEvent> own;
  for (const RoundEvent& round : rounds) {
    if (round.request == request) own.push_back(round);
  }
  return own;
}

}  // namespace hat

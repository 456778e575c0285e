// A program of a testbed as its controller has it: on this machine, or over ssh on another one.
// What they say to each other: cli/testbed.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/talking_child.h"
#include "experiments/scenario/scenario.h"
#include "experiments/validate/receipt.h"
#include "runtime/serve/testbed/inventory.h"
#include "runtime/serve/testbed/part.h"

namespace hat {

class PartProgram {
 public:
  struct Setup {
    std::string name;                      // "device-3", in messages
    std::vector<std::string> words;        // of the program: "cloud", "--unpaced", ...
    PartFiles files;                       // what it leaves, on this machine
    std::vector<std::string> before = {};  // words that start the program, if it runs here
    // Nothing: the program runs here. Else the inventory, which outlives the object, and its host.
    const Inventory* inventory = nullptr;
    const InventoryHost* host = nullptr;
  };
  // Throws RunError: it cannot start.
  explicit PartProgram(Setup setup);

  // The scenario and what it names, which a program of this machine reads by itself.
  void SendInputs(const Scenario& scenario, const std::string& prompts);
  // Called now and then while it is waited for; what it throws comes through.
  using Meanwhile = std::function<void()>;
  // Until it has loaded all. Throws RunError: it has ended, or is hat of another commit.
  void ExpectReady(double timeout_s, const Meanwhile& meanwhile);

  // How far its clock is ahead of this machine's, from a few questions; known from then on.
  void AskClock(const Meanwhile& meanwhile);
  // A point of this machine's steady clock, in nanoseconds, on the program's.
  int64_t OnItsClock(int64_t ns) const { return ns + ahead_ns_; }
  // Before the run and after it; nothing for a program of this machine.
  const std::optional<ReceiptClock>& clock() const { return clock_; }

  // The link from a device to the address, measured.
  LinkMeasurement AskLink(const std::string& address, const Meanwhile& meanwhile);

  // Ends it, and has its files. Throws RunError.
  void Stop(const Meanwhile& meanwhile);

  bool is_remote() const { return setup_.host != nullptr; }
  TalkingChild& child() { return *child_; }
  const std::string& name() const { return setup_.name; }
  const PartFiles& files() const { return setup_.files; }

 private:
  Setup setup_;
  std::unique_ptr<TalkingChild> child_;
  int64_t ahead_ns_ = 0;
  std::optional<ReceiptClock> clock_;
};

}  // namespace hat

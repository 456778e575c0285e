// Files that a controller sends to a program of its on another machine, over that program's stdin,
// and gets back over its stdout.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "core/talking_child.h"
#include "experiments/scenario/scenario.h"
#include "runtime/serve/testbed/part.h"

namespace hat {

// Where a file of this machine lies in the folder that a program on another one gets: files keep
// their places to each other, so that a scenario finds what it names by relative paths.
std::string SentName(const std::string& path);

// All that a live program reads of a scenario, and the prompts. Throws InputError: a file cannot be
// read.
void SendInputs(const Scenario& scenario, const std::string& prompts, TalkingChild& child);

// Takes them into the folder. Throws RunError for what SendInputs does not say.
void ReceiveInputs(std::istream& from, const std::string& folder);

// Prints what a part has left.
void SendPart(const PartFiles& files);
// Takes it, as the part's files here. Throws RunError for what SendPart does not say.
void ReceivePart(TalkingChild& child, const PartFiles& files);

}  // namespace hat

// What a program of a testbed leaves when it ends, for the controller: PREFIX.events.jsonl
// (event_file.h), PREFIX.receipt.json (a receipt of its own share), PREFIX.lateness.csv (every
// frame's, since percentiles are found once, of all of them).
#pragma once

#include <string>
#include <vector>

#include "experiments/validate/receipt.h"

namespace hat {

struct PartFiles {
  std::string prefix;

  std::string events() const { return prefix + ".events.jsonl"; }
  std::string receipt() const { return prefix + ".receipt.json"; }
  std::string lateness() const { return prefix + ".lateness.csv"; }
  // Of the whole model alone: "REQUEST,SHA256" lines, of what it answers.
  std::string reference() const { return prefix + ".reference.csv"; }
};

// This program's own entry, and this host's in this role.
ReceiptProgram ThisProgram(const std::string& name);
ReceiptHost ThisHost(const std::string& role);

// `late`: seconds of the machine's clock. Throws RunError.
void WritePart(const PartFiles& files, Receipt share, const std::vector<double>& late);

// Adds the whole model's answers to those of the receipt's requests.
void AddReference(const PartFiles& files, Receipt& receipt);

// All shares as one. Throws InputError for files that are not as WritePart writes them.
Receipt MergeParts(const std::vector<PartFiles>& parts);

}  // namespace hat

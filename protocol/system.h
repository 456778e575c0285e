// A system under comparison: which parts and policies make it up.
#pragma once

#include <string>
#include <vector>

#include "core/units.h"
#include "protocol/frame.h"

namespace hat {

// Parameters of the policies and the protocol; defaults with reasons: docs/defaults.md.
struct PolicyOptions {
  // chunking
  int chunk_min = 32;
  int chunk_max = 256;
  int chunk_initial = 64;  // before the monitor has its first sample
  int chunk_fixed = 256;   // policy "fixed"
  // drafting
  double draft_threshold = 0.6;
  int max_draft = 8;
  int draft_fixed = 4;  // policy "fixed"
  // drafting ahead
  int ahead_branches = 4;  // k
  // u-medusa
  std::string tree = "chain";
  // cloud: C tokens per session and batch, prefill cut "fixed"
  int cut_tokens = 256;
};

// What a device does for a request: one of protocol/session/.
enum class SessionKind { kChain, kTree, kRaw, kLocal };

struct SystemSpec {
  std::string name;
  // What it is made of.
  SessionKind session = SessionKind::kChain;
  bool has_device_layers = true;  // else devices only send prompts and take text
  bool has_cloud = true;
  bool drafts_trees = false;    // a round verifies a tree, not a chain
  bool returns_tokens = false;  // the cloud holds the head too, and goes on by itself
  // Its policies.
  std::string chunking = "none";    // of ChunkingPolicyNames()
  std::string drafting = "none";    // "none" or of DraftingPolicyNames()
  std::string drafter = "adapter";  // of DrafterNames(): what proposes the chains
  bool draft_ahead = false;
  std::string prefill_cut = "whole";  // of PrefillCutNames()
  // The cloud answers a prefill with every position's deep state.
  bool return_all_positions = false;
  PolicyOptions options = {};

  bool is_split() const { return has_device_layers && has_cloud; }
  bool drafts_chains() const { return drafting != "none"; }
  // With HAT's adapter; with what followed the text's last tokens before; with both.
  bool uses_adapter() const { return drafts_chains() && drafter != "lookup"; }
  bool uses_lookup() const { return drafts_chains() && drafter != "adapter"; }
  bool drafts() const { return drafts_chains() || drafts_trees; }
  bool drafts_in_cloud() const { return drafts() && !has_device_layers; }
};

// One of SystemNames() with its defaults; throws InputError that lists them.
SystemSpec FindSystem(const std::string& name);
std::vector<std::string> SystemNames();

// What may propose chains: "adapter", "lookup", "adapter+lookup".
std::vector<std::string> DrafterNames();

// Throws InputError if the parts contradict each other or name an unknown policy.
void CheckSystem(const SystemSpec& system);

// The cloud's scheduler.
struct CloudConfig {
  int replicas = 1;
  int stages = 1;          // P
  int token_budget = 512;  // new tokens per batch
  int64_t kv_tokens = 0;   // capacity per replica
  // A session that has nothing to wait for and sends nothing for so long is ended.
  Seconds idle_timeout = Seconds::Infinity();
};

// How many of `layers` each of `stages` takes: evenly, the first ones take the remainder (30 over
// 4: 8, 8, 7, 7).
std::vector<int> LayersOfStages(int layers, int stages);

// The most tokens that a round of it verifies: 1, max draft + 1, or the tree's nodes.
int LargestVerification(const SystemSpec& system);

// KV tokens that a request reserves beside prompt and output: max draft + 1, or the tree's nodes.
int ReservedExtraTokens(const SystemSpec& system);

}  // namespace hat

// Hardware presets of the roofline: one visible table (hardware.cc), each number with the public
// measurement that it rests on or marked as assumed.
#pragma once

#include <string>
#include <vector>

namespace hat {

// Peaks in one power mode. The effective rates below scale with them.
struct PowerMode {
  std::string name;  // empty for hardware without modes
  double peak_tflops = 0;
  double peak_gb_per_s = 0;
};

// Effective compute rate of a matrix product over this many tokens, in 10^12 operations per second.
struct ComputeRate {
  int tokens = 0;
  double tflops = 0;
};

// What the roofline knows of a piece of hardware: effective figures for 16-bit values in the first
// power mode, in the units of the sources that they are copied from (GiB, GB/s, us). roofline.h has
// the formulas that they enter, and turns them into Seconds.
struct Hardware {
  std::string name;   // e.g. "agx-orin"
  std::string title;  // as its maker calls it
  double memory_gib = 0;
  std::vector<PowerMode> modes;
  double gb_per_s = 0;               // weights read
  std::vector<ComputeRate> compute;  // linear in tokens between these, constant beyond
  int tile_tokens = 1;           // above half a tile, a matrix product costs whole tiles of tokens
  double layer_us = 0;           // o: norms, rope, activation and launches of a layer
  double layer_token_us = 0;     // o_tok: the same, for each new token
  double launch_us = 0;          // of a single kernel: embedding, head
  double attention_base_us = 0;  // a0: once per layer and batch
  double attention_sequence_us = 0;         // and for each sequence,
  double attention_token_us = 0;            // and for each new token
  double kv_gb_per_s = 0;                   // keys and values read by attention
  double attention_tflops = 0;              // attention's products
  bool rereads_kv_for_query_heads = false;  // grouped queries save no reads
  std::string source;                       // where the figures come from
  std::string assumed;                      // what of them no source was found for; empty: nothing
};

const std::vector<Hardware>& HardwareTable();

// A preset in one of its modes.
struct HardwareMode {
  const Hardware* hardware;
  const PowerMode* mode;

  double bandwidth_scale() const { return mode->peak_gb_per_s / hardware->modes[0].peak_gb_per_s; }
  double compute_scale() const { return mode->peak_tflops / hardware->modes[0].peak_tflops; }
  std::string Id() const;  // "agx-orin-maxn", "a6000"
};

// "NAME" (its first mode) or "NAME:MODE". Throws InputError that lists the known names or modes.
HardwareMode FindHardware(const std::string& name);

}  // namespace hat

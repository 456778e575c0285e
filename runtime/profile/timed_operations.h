// The operations of a profile, ready to be timed: their weights, caches and inputs. Layers, adapter
// and head are rings of copies, gone round in every call, so that a copy has left the caches when
// its turn comes again, as it has where a whole step runs between. A ring is twice the last-level
// cache, or as large as what a device (layers in front of the split, adapter, head) or a cloud (the
// layers after it) goes round in a step, where that is less: a model that stays in the cache in
// life stays there here. What a cloud's attention reads always fills the former: in life
// its sessions take turns.
#pragma once

#include <memory>
#include <string>

#include "core/units.h"
#include "runtime/model/weights.h"
#include "runtime/profile/grid.h"
#include "runtime/profile/stopwatch.h"

namespace hat {

// A folder with a checkpoint, or random weights of a named shape or a config.json
// (FindModelShape); with room for `positions` positions, whatever the model was trained for. Throws
// InputError.
Model OpenModelOrShape(const std::string& model, int positions);

struct OperationsSetup {
  Role role = Role::kDevice;
  int split = 2;  // layers on the device, 1..layers - 1
  Compute compute;
  GridLimits limits;
  Bytes last_level_cache;
  Bytes available_memory;  // main memory; a GPU's own is found out by trying
  Seconds pause;           // idle, before each call that is timed
};

// Copies of something of `each` bytes in a ring; at least `least`, at most `most`.
int CopiesInRing(Bytes ring, double each_bytes, int least, int most);

class TimedOperations {
 public:
  // Throws InputError if the memory does not suffice: in advance on a CPU.
  TimedOperations(const Model& model, const OperationsSetup& setup);
  ~TimedOperations();

  // One sample of an operation.
  //
  // A forward call takes some time whatever the number of its layers: its plan, which is what a
  // call through 0 layers takes. A profile holds times of layers only. So each of the `own` layers
  // (those before the split on a device, those after it in a cloud) carries 1 / own of the plan.
  //
  //   embedding   an input model of 0 layers: looking up, and the plan at context 0
  //   layer       (a call through the ring - its plan) / copies, and a share of the plan: of all of
  //               it in a cloud, on a device of what it grows by with the context. In a cloud more
  //               than max_tokens tokens go as two sequences
  //   adapter     one self-attention block; prefill and decode
  //   head        final norm, output layer, the two likeliest tokens read back
  //   medusa      all heads
  //   draft       input, adapter and head of `tokens` branches after one position, the likeliest
  //               tokens and confidences read back
  //   attention   one more sequence in a batch, per layer: attention with weights of width 16, and
  //               the sequence's share of the plan. What a call costs without that sequence is
  //               timed within the same sample and subtracted, since a machine's speed drifts
  TimedCall Sample(const TimedPoint& point);

  // The copies that a call at this point goes round.
  int CopiesAt(const TimedPoint& point) const;
  int ring_layers() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

// A fixed product of matrices on the device, in us, the median of a few: how fast the machine is
// just now.
double ReferenceUs(const Compute& compute);

std::string LibtorchVersion();

}  // namespace hat

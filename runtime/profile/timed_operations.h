// The operations of a profile, ready to be timed: their weights, caches and inputs. Layers, adapter
// and head are rings of copies, gone round in every call, so that a copy has left the caches when
// its turn comes again, as it has where a whole step runs between. A ring is twice the last-level
// cache, or as large as what a device (layers in front of the split, adapter, head) or a cloud (the
// layers behind it) goes round in a step, where that is less: a model that stays in the cache in
// life stays there here. Keys and values behind a cloud's attention always fill the former: in life
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
};

// Copies of something of `each` bytes in a ring; at least `least`, at most `most`.
int CopiesInRing(Bytes ring, double each_bytes, int least, int most);

class TimedOperations {
 public:
  // Throws InputError if the memory does not suffice: in advance on a CPU.
  TimedOperations(const Model& model, const OperationsSetup& setup);
  ~TimedOperations();

  // One sample. A forward call costs something whatever its layers, its plan: what a call through
  // 0 layers takes. A composition knows only layers, so `own` layers share it: those in front of
  // the split on a device, behind it in a cloud.
  //
  //   embedding   looking up, and the plan at context 0: an input model of 0 layers
  //   layer       (a call through the ring - its plan) / copies; on a device more for the plan's
  //               growth with context, / own; in a cloud more for the plan, / own, and of more than
  //               max_tokens with two sequences
  //   adapter     one self-attention block; prefill and decode
  //   head        final norm, output layer, the two likeliest tokens read back
  //   medusa      all heads
  //   draft       input, adapter and head of `tokens` branches behind one position, the likeliest
  //               tokens and confidences read back
  //   attention   one more sequence in a batch, a layer: attention through weights of width 16, and
  //               the sequence's share of the plan, / own; less what a call costs without a
  //               sequence of its own, which is timed in the same sample: a machine's speed drifts
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

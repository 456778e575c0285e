// Frames that wait for a replica's stage 0, and how the next batch is formed from them. Plain data:
// no clock.
#pragma once

#include <deque>
#include <vector>

#include "protocol/observer.h"
#include "protocol/policies/batching.h"

namespace hat {

class WorkQueue {
 public:
  // A frame that has arrived whole: kPrefill, kRawPrompt or kVerify. `device`, `link`: of its
  // session's key.
  void Add(Seconds arrived, int device, Frame frame, int link = 0);

  // Forgets the frames of a session.
  void Remove(const SessionKey& session);

  bool empty() const { return size() == 0; }
  size_t size() const { return verifications_.size() + prefills_.size(); }  // frames

  struct Formed {
    Batch batch;
    std::vector<Seconds> prefill_arrivals;  // of the frames that enter stage 0 for the first time
  };

  // Walks waiting verifications, then prefill frames, each in order of arrival (ties: session
  // number, device), up
  // to `token_budget` new tokens. A verification that does not fit ends the walk; a prefill frame
  // is cut by `cut`, its rest keeps its place.
  Formed Form(int token_budget, const PrefillCut& cut);

 private:
  struct Item {
    Seconds arrived;
    SessionKey session;
    Frame frame;
    int taken = 0;  // states that went into earlier batches
  };
  static void Insert(std::deque<Item>& items, Item item);
  bool TakeVerifications(int token_budget, Batch* batch);  // false: one did not fit
  void TakePrefills(int token_budget, const PrefillCut& cut, Formed* formed);

  std::deque<Item> verifications_;
  std::deque<Item> prefills_;
};

}  // namespace hat

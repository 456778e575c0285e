#include "protocol/admission.h"

#include <algorithm>

namespace hat {

std::vector<Admission::Admitted> Admission::Enqueue(SessionKey session, int64_t kv_tokens) {
  waiting_.push_back({session, kv_tokens});
  return AdmitWhatFits();
}

std::vector<Admission::Admitted> Admission::Free(SessionKey session) {
  if (const auto held = held_.find(session); held != held_.end()) {
    free_[static_cast<size_t>(held->second.replica)] += held->second.kv_tokens;
    held_.erase(held);
  } else {
    std::erase_if(waiting_, [&](const Waiting& one) { return one.session == session; });
  }
  return AdmitWhatFits();
}

std::vector<Admission::Admitted> Admission::AdmitWhatFits() {
  std::vector<Admitted> admitted;
  while (!waiting_.empty()) {
    const Waiting next = waiting_.front();
    const auto most = std::max_element(free_.begin(), free_.end());
    if (*most < next.kv_tokens) break;
    waiting_.pop_front();
    *most -= next.kv_tokens;
    const int replica = static_cast<int>(most - free_.begin());
    held_[next.session] = {replica, next.kv_tokens};
    admitted.push_back({next.session, replica});
  }
  return admitted;
}

}  // namespace hat

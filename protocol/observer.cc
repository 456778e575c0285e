#include "protocol/observer.h"

namespace hat {

std::string_view Name(DeviceOp op) {
  switch (op) {
    case DeviceOp::kInput:
      return "input";
    case DeviceOp::kAdapter:
      return "adapter";
    case DeviceOp::kHead:
      return "head";
    case DeviceOp::kMedusa:
      return "medusa";
    case DeviceOp::kDraft:
      return "draft";
    case DeviceOp::kDraftAhead:
      return "draft-ahead";
  }
  return "?";
}

void ObserverList::OnArrival(const Request& request) {
  for (Observer* observer : observers_) observer->OnArrival(request);
}
void ObserverList::OnStart(const Request& request, Seconds at) {
  for (Observer* observer : observers_) observer->OnStart(request, at);
}
void ObserverList::OnDeviceOp(const DeviceOpEvent& event) {
  for (Observer* observer : observers_) observer->OnDeviceOp(event);
}
void ObserverList::OnFrame(const FrameEvent& event) {
  for (Observer* observer : observers_) observer->OnFrame(event);
}
void ObserverList::OnAdmitted(int request, int replica, Seconds at) {
  for (Observer* observer : observers_) observer->OnAdmitted(request, replica, at);
}
void ObserverList::OnStage(const StageEvent& event) {
  for (Observer* observer : observers_) observer->OnStage(event);
}
void ObserverList::OnStageFailed(const Batch& batch, int stage, const Span& span) {
  for (Observer* observer : observers_) observer->OnStageFailed(batch, stage, span);
}
void ObserverList::OnRound(const RoundEvent& event) {
  for (Observer* observer : observers_) observer->OnRound(event);
}
void ObserverList::OnTokens(int request, int count, Seconds at) {
  for (Observer* observer : observers_) observer->OnTokens(request, count, at);
}
void ObserverList::OnFailure(int request, std::string_view reason, Seconds at) {
  for (Observer* observer : observers_) observer->OnFailure(request, reason, at);
}
void ObserverList::OnEnd(int request, Outcome outcome, Seconds at) {
  for (Observer* observer : observers_) observer->OnEnd(request, outcome, at);
}
void ObserverList::OnRefused(int device, const FrameHeader& header, std::string_view why,
                             Seconds at) {
  for (Observer* observer : observers_) observer->OnRefused(device, header, why, at);
}

}  // namespace hat

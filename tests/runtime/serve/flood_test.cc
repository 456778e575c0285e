// Peers with valid keys that ask and ask, and never read an answer: gRPC's own synchronous client,
// so that nothing reads for them.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <chrono>

#include "runtime/serve/wire/channel.h"
#include "tests/runtime/serve/live_rig.h"
#include "wire.grpc.pb.h"

namespace hat {
namespace {

using testing::HasSubstr;

constexpr double kConnect_s = 10;
constexpr int kManyTimes = 5000;

// How the cloud ends the stream of a device that says this again and again. (A write to a stream
// that has ended says nothing of it: gRPC tells who reads.)
grpc::Status AfterAFlood(const LiveRig& rig, const wire::FromDevice& message) {
  const WireClient::Setup wire = rig.WireOf(0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const auto stub =
      wire::Cloud::NewStub(ConnectedChannel(wire.cloud, "", wire.tls, deadline, kConnect_s));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + wire.token);
  const auto stream = stub->Connect(&context);
  for (int i = 0; i < kManyTimes; ++i) stream->Write(message);
  stream->WritesDone();
  wire::FromCloud answer;
  while (stream->Read(&answer)) {
  }
  return stream->Finish();
}

TEST(FloodTest, ProbesWhoseAnswersNobodyReadsEndTheStream) {
  LiveRig rig;
  wire::FromDevice probe;
  probe.mutable_probe()->set_answer_bytes(kPieceBytes);
  const grpc::Status status = AfterAFlood(rig, probe);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("does not read what it is answered"));
  EXPECT_TRUE(rig.HasLogged("does not read what it is answered"));
  EXPECT_TRUE(LiveRig::Eventually([&] { return rig.cloud->devices().empty(); }));
}

}  // namespace
}  // namespace hat

// Everything that can travel between a device and a cloud: no field for a token or a text.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>

#include <set>
#include <string>
#include <vector>

#include "wire.pb.h"

namespace hat {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// "Message.field: type" of all that `message` may hold, once each.
void Walk(const Descriptor& message, std::set<std::string>& seen) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    EXPECT_FALSE(field.is_repeated()) << field.full_name();
    const std::string text = message.name() + "." + field.name() + ": " + field.type_name();
    if (seen.insert(text).second && field.message_type()) Walk(*field.message_type(), seen);
  }
}

// Who adds a field says here what it can hold. `bytes` are hashes of 32 bytes (HelloProblem),
// pieces of frames, of which FrameReader takes no kind that holds tokens, and zeros of probes.
TEST(WireFieldsTest, NoneHoldsATokenOrAText) {
  std::set<std::string> fields;
  Walk(*wire::FromDevice::descriptor(), fields);
  Walk(*wire::FromCloud::descriptor(), fields);
  EXPECT_THAT(
      fields,
      testing::UnorderedElementsAre(
          "FromDevice.hello: message", "FromDevice.piece: message", "FromDevice.received: uint64",
          "FromDevice.heartbeat: uint64", "FromDevice.probe: message", "Probe.data: bytes",
          "Probe.answer_bytes: uint32", "FromCloud.probed: bytes", "FromCloud.welcome: message",
          "FromCloud.piece: message", "FromCloud.received: uint64", "FromCloud.heartbeat: uint64",
          "Hello.protocol: uint32", "Hello.model_sha256: bytes", "Hello.split: uint32",
          "Hello.dtype: uint32", "Hello.hidden: uint32", "Hello.system_sha256: bytes",
          "Welcome.stages: uint32", "Welcome.device: uint32", "Piece.data: bytes",
          "Piece.stamps: message", "Stamps.sent_s: double", "Stamps.start_s: double",
          "Stamps.left_s: double", "Stamps.arrives_s: double"));
}

}  // namespace
}  // namespace hat

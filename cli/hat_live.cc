// The program hat-live: the verbs that talk over a network and compute with libtorch.
#include "cli/live_verbs.h"
#include "cli/verbs.h"

int main(int argc, char** argv) {
  constexpr hat::Verb kVerbs[] = {
      {"cloud", hat::CloudVerb},
      {"device", hat::DeviceVerb},
      {"profile link", hat::ProfileLinkVerb},
      {"testbed cloud", hat::TestbedCloudVerb},
      {"testbed device", hat::TestbedDeviceVerb},
      {"testbed reference", hat::TestbedReferenceVerb},
  };
  return hat::RunVerb(argc, argv, kVerbs);
}

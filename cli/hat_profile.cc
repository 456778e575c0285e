// The program hat-profile, of builds with HAT_PROFILE_ONLY: what a device needs to be measured.
#include "cli/measure_verbs.h"
#include "cli/verbs.h"

int main(int argc, char** argv) {
  constexpr hat::Verb kVerbs[] = {
      {"profile check", hat::ProfileCheckVerb},
      {"profile cloud", hat::ProfileCloudVerb},
      {"profile device", hat::ProfileDeviceVerb},
  };
  return hat::RunVerb(argc, argv, kVerbs);
}

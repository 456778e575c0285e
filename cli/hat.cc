// The program `hat`: what needs no libtorch, and the way to the programs of all other verbs.
#include "cli/plain_verbs.h"
#include "cli/verbs.h"

int main(int argc, char** argv) {
  constexpr hat::Verb kVerbs[] = {
      {"capacity", hat::CapacityVerb},  // a line each
      {"compare", hat::CompareVerb},
      {"estimate", hat::EstimateVerb},
      {"profile model", hat::ProfileModelVerb},
      {"profile show", hat::ProfileShowVerb},
      {"simulate", hat::SimulateVerb},
      {"sweep clean", hat::SweepCleanVerb},
      {"sweep collect", hat::SweepCollectVerb},
      {"sweep list", hat::SweepListVerb},
      {"sweep run", hat::SweepRunVerb},
      {"sweep unit", hat::SweepUnitVerb},
      {"trace import", hat::TraceImportVerb},
      {"trace show", hat::TraceShowVerb},
  };
  return hat::RunHat(argc, argv, kVerbs);
}

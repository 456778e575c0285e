// The program `hat`: what needs no libtorch, and the way to the programs of all other verbs.
#include "cli/plain_verbs.h"
#include "cli/verbs.h"

int main(int argc, char** argv) {
  constexpr hat::Verb kVerbs[] = {
      {"calibrate", hat::CalibrateVerb},
      {"capacity", hat::CapacityVerb},
      {"compare", hat::CompareVerb},
      {"demo", hat::DemoVerb},
      {"estimate", hat::EstimateVerb},
      {"figures", hat::FiguresVerb},
      {"keys add", hat::KeysAddVerb},
      {"keys init", hat::KeysInitVerb},
      {"keys show", hat::KeysShowVerb},
      {"link import", hat::LinkImportVerb},
      {"offload", hat::OffloadVerb},
      {"profile model", hat::ProfileModelVerb},
      {"profile show", hat::ProfileShowVerb},
      {"replay", hat::ReplayVerb},
      {"report", hat::ReportVerb},
      {"simulate", hat::SimulateVerb},
      {"sweep clean", hat::SweepCleanVerb},
      {"sweep collect", hat::SweepCollectVerb},
      {"sweep list", hat::SweepListVerb},
      {"sweep run", hat::SweepRunVerb},
      {"sweep slurm", hat::SweepSlurmVerb},
      {"sweep unit", hat::SweepUnitVerb},
      {"trace exits", hat::TraceExitsVerb},
      {"trace import", hat::TraceImportVerb},
      {"trace show", hat::TraceShowVerb},
      {"validate", hat::ValidateVerb},
      {"workload import", hat::WorkloadImportVerb},
  };
  return hat::RunHat(argc, argv, kVerbs);
}

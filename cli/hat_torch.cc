// The program hat-torch: the verbs that need libtorch.
#include "cli/measure_verbs.h"
#include "cli/torch_verbs.h"
#include "cli/verbs.h"

int main(int argc, char** argv) {
  constexpr hat::Verb kVerbs[] = {
      {"generate", hat::GenerateVerb},
      {"model get", hat::ModelGetVerb},
      {"model import", hat::ModelImportVerb},
      {"model show", hat::ModelShowVerb},
      {"model tokens", hat::ModelTokensVerb},
      {"profile check", hat::ProfileCheckVerb},
      {"profile cloud", hat::ProfileCloudVerb},
      {"profile device", hat::ProfileDeviceVerb},
      {"trace check", hat::TraceCheckVerb},
      {"trace fidelity", hat::TraceFidelityVerb},
      {"trace prompts", hat::TracePromptsVerb},
      {"trace record", hat::TraceRecordVerb},
      {"train adapter", hat::TrainAdapterVerb},
      {"train base", hat::TrainBaseVerb},
      {"train dialogues", hat::TrainDialoguesVerb},
      {"train eval", hat::TrainEvalVerb},
      {"train medusa", hat::TrainMedusaVerb},
  };
  return hat::RunVerb(argc, argv, kVerbs);
}

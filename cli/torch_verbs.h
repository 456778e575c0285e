// The verbs of hat-torch that run or train models.
#pragma once

#include "core/program.h"

namespace hat {

int GenerateVerb(CommandLine& line);
int ModelGetVerb(CommandLine& line);
int ModelImportVerb(CommandLine& line);
int ModelShowVerb(CommandLine& line);
int ModelTokensVerb(CommandLine& line);
int TraceCheckVerb(CommandLine& line);
int TraceFidelityVerb(CommandLine& line);
int TracePromptsVerb(CommandLine& line);
int TraceRecordVerb(CommandLine& line);
int TrainAdapterVerb(CommandLine& line);
int TrainBaseVerb(CommandLine& line);
int TrainDialoguesVerb(CommandLine& line);
int TrainEvalVerb(CommandLine& line);
int TrainMedusaVerb(CommandLine& line);

}  // namespace hat

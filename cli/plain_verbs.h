// The verbs of the program `hat`, which links no libtorch: from the options to the exit code.
#pragma once

#include "core/program.h"

namespace hat {

int CalibrateVerb(CommandLine& line);
int CapacityVerb(CommandLine& line);
int CompareVerb(CommandLine& line);
int DemoVerb(CommandLine& line);
int EstimateVerb(CommandLine& line);
int FiguresVerb(CommandLine& line);
int KeysAddVerb(CommandLine& line);
int KeysInitVerb(CommandLine& line);
int KeysShowVerb(CommandLine& line);
int LinkImportVerb(CommandLine& line);
int OffloadVerb(CommandLine& line);
int ProfileModelVerb(CommandLine& line);
int ProfileShowVerb(CommandLine& line);
int ReplayVerb(CommandLine& line);
int ReportVerb(CommandLine& line);
int SimulateVerb(CommandLine& line);
int SweepCleanVerb(CommandLine& line);
int SweepCollectVerb(CommandLine& line);
int SweepListVerb(CommandLine& line);
int SweepRunVerb(CommandLine& line);
int SweepSlurmVerb(CommandLine& line);
int SweepUnitVerb(CommandLine& line);
int TraceExitsVerb(CommandLine& line);
int TraceImportVerb(CommandLine& line);
int TraceShowVerb(CommandLine& line);
int ValidateVerb(CommandLine& line);
int WorkloadImportVerb(CommandLine& line);

}  // namespace hat

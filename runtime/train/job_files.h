// What all training jobs do around the loop: read the text, write the log.
#pragma once

#include <string>

#include "runtime/train/frozen_teacher.h"
#include "runtime/train/jobs.h"
#include "runtime/train/token_text.h"
#include "runtime/train/training.h"

namespace hat {

// Both throw InputError: a split that leaves no layer on one side; windows longer than the model's
// positions.
void CheckSplit(int split, const ModelConfig& config);
void CheckWindows(const TrainingOptions& options, const ModelConfig& config);

struct JobText {
  TokenText training;
  TokenText held_out;
};
// Throws InputError.
JobText ReadJobText(const TrainingJob& job, const ModelConfig& config);

// What the teacher says of the training text is kept, where the job says so.
void KeepStates(const TrainingJob& job, const Model& model, const JobText& text, int split,
                FrozenTeacher& teacher);

// Train(), with checkpoint and log in the job's work folder.
TrainingRun RunJob(const TrainingJob& job, const JobText& text, Trainee& trainee,
                   const std::string& identity, const TrainingWatch& watch);

}  // namespace hat

// What a trained model and its drafters are worth on text that they have not seen. Free of torch.
#pragma once

#include <string>

#include "runtime/model/compute.h"

namespace hat {

struct EvalOptions {
  std::string model;            // folder
  std::string tokenizer;        // tokenizer.json or tokenizer.model
  bool finds_controls = false;  // names of control tokens in the texts are these tokens
  std::string text;             // of the n-gram model's counts: what the model was trained on
  std::string held_out;         // what is measured on
  std::string adapter;          // file; empty: none
  std::string medusa;           // file; empty: none
  int split = 2;
  int length = 512;        // tokens of a window for perplexity
  int long_length = 2048;  // of those for the perplexity in the second half of the positions
  int windows = 32;        // of a genre; a quarter of it of the long ones
  int ngram_order = 5;
  int prompts = 24;  // of a genre, for acceptance
  int prompt_tokens = 128;
  int output_tokens = 64;
  int max_draft = 8;
  Compute compute;
};

struct EvalReport {
  std::string table;  // for people
  // For plots: CSV measure, genre, x, value, count. Measures: "perplexity" (x: window's tokens),
  // "perplexity at positions from" (x: the first), "n-gram perplexity" (x: its order), and of the
  // adapter "confidence" (x: mean confidence of a bin, value: share right), "right at step" (x:
  // step, value: share of right guesses after right ones), "accept length" (x: threshold; count:
  // rounds), "accepted of drafted" (x: threshold; count: drafted tokens), of Medusa "medusa accept
  // length". Drafts are measured once more over all genres ("all").
  std::string csv;
};

// Perplexities beside an interpolated Kneser-Ney model of the same tokens; acceptance along the
// model's own greedy output after held-out prompts. Throws InputError.
EvalReport Evaluate(const EvalOptions& options);

}  // namespace hat

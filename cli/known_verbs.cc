#include "cli/verbs.h"

namespace hat {
namespace {

// ./hat reads these lines: each is one, as it stands. Programs hat-bench-* are for one verb each
// and are started without its words.
constexpr KnownVerb kKnownVerbs[] = {
    {"bench live", "hat-bench-live", "times a live cloud and its devices beside bare gRPC"},
    {"bench runtime", "hat-bench-runtime", "times a model beside the machine's own floors"},
    {"bench sim", "hat-bench-sim", "times the simulator"},
    {"calibrate", "hat", "fits what is not known to published figures"},
    {"capacity", "hat", "finds the largest request rate that meets objectives"},
    {"cloud", "hat-live", "serves a model's middle layers to devices"},
    {"compare", "hat", "simulates systems under the same requests, side by side"},
    {"demo", "hat", "shows a cloud and two devices answer what you type"},
    {"device", "hat-live", "continues a prompt with the help of a cloud"},
    {"estimate", "hat", "the mean of numbers, with its 95% confidence interval"},
    {"figures", "hat", "draws the paper's figures, ours beside the published numbers"},
    {"generate", "hat-torch", "lets a model speak, split between a device and a cloud"},
    {"keys add", "hat", "makes the keys of one more device of a cloud"},
    {"keys init", "hat", "makes the keys of a cloud and its devices"},
    {"keys show", "hat", "lists keys, and until when they are valid"},
    {"link import", "hat", "makes a rate trace from a measurement of a link"},
    {"model get", "hat-torch", "gets a published model, into the user's cache"},
    {"model import", "hat-torch", "makes a checkpoint of a GGUF or of pytorch_model.bin"},
    {"model show", "hat-torch", "shows what a checkpoint is, and what runs of it"},
    {"model tokens", "hat-torch", "shows what a tokenizer makes of text"},
    {"offload", "hat", "sends tasks through stages of nodes with early exits (DTO-EE)"},
    {"profile check", "hat-torch", "holds measured profiles against whole steps"},
    {"profile cloud", "hat-torch", "measures how fast this machine is as a model's cloud"},
    {"profile device", "hat-torch", "measures how fast this machine is as a model's device"},
    {"profile link", "hat-live", "measures the way from a device to its cloud"},
    {"profile model", "hat", "computes a profile from published figures and a roofline"},
    {"profile show", "hat", "shows a profile as a table, and draws it"},
    {"replay", "hat", "plays a scenario on live programs of this machine"},
    {"report", "hat", "makes a page about results, for a browser"},
    {"simulate", "hat", "simulates one scenario"},
    {"sweep clean", "hat", "removes results that a sweep's plan no longer asks for"},
    {"sweep collect", "hat", "puts a sweep's results into one table"},
    {"sweep list", "hat", "lists a sweep's runs and how far each is"},
    {"sweep run", "hat", "runs what a plan asks for and is not done yet"},
    {"sweep slurm", "hat", "writes a sweep as a job array for Slurm"},
    {"sweep unit", "hat", "runs one run of a sweep"},
    {"trace check", "hat-torch", "holds the replay of recorded drafts against the model"},
    {"trace exits", "hat", "makes a table of early exits of draft traces"},
    {"trace fidelity", "hat-torch", "says how often a split model is the whole one, by types"},
    {"trace import", "hat", "makes a draft trace from JSON lines"},
    {"trace prompts", "hat-torch", "cuts prompts of wanted lengths from text"},
    {"trace record", "hat-torch", "records what a model drafts, for the simulator"},
    {"trace show", "hat", "shows what a draft trace holds"},
    {"train adapter", "hat-torch", "trains the adapter that drafts for HAT"},
    {"train base", "hat-torch", "trains a small model from text"},
    {"train dialogues", "hat-torch", "lets a model ask itself and answer: text to distil from"},
    {"train eval", "hat-torch", "measures what a model's drafters are worth"},
    {"train medusa", "hat-torch", "trains Medusa heads"},
    {"validate", "hat", "says how far the simulator is from the same requests served live"},
    {"workload import", "hat", "makes a workload from a trace of requests"},
};

}  // namespace

std::span<const KnownVerb> KnownVerbs() { return kKnownVerbs; }

}  // namespace hat

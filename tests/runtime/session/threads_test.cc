// A real model in a world of threads: each session, each device and each stage of the pipeline is
// one. When things happen is up to the machine; what is said is not.
#include <gmock/gmock.h>

#include <map>
#include <mutex>

#include "protocol/deployment.h"
#include "runtime/session/cloud_compute.h"
#include "runtime/session/device_compute.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/session/drafts.h"
#include "world/channel.h"
#include "world/thread_world.h"

namespace hat {
namespace {

constexpr Seconds kLookAgain = Milliseconds(1);
constexpr int kSplit = 1;
constexpr int kStages = 3;
constexpr int kDevices = 3;
constexpr int kRequests = 12;
constexpr int kSlots = 200;

// What a session tells its device's pace, beside what it tells the observer. Told by many threads.
class Watch : public Observer, public DevicePace {
 public:
  Seconds Run(const DeviceOperation& operation, Seconds,
              const std::function<void()>& work) override {
    work();
    const std::lock_guard lock(mutex_);
    paced_[operation.request].push_back(operation);
    return {};
  }
  void OnArrival(const Request& request) override {
    const std::lock_guard lock(mutex_);
    newest_[request.id] = request.prompt_tokens - 1;
  }
  void OnTokens(int request, int count, Seconds) override {
    const std::lock_guard lock(mutex_);
    newest_[request] += count;
  }
  // Positions as a simulated operation's (tests/sim/profiled_hardware_test.cc).
  void OnDeviceOp(const DeviceOpEvent& event) override {
    const std::lock_guard lock(mutex_);
    int position = event.context;
    if (event.op == DeviceOp::kHead) position = newest_[event.request];
    if (event.op == DeviceOp::kMedusa) position = newest_[event.request] - 1;
    told_[event.request].push_back(
        {event.request, event.op, event.tokens, event.context, position});
  }
  void OnFailure(int request, std::string_view reason, Seconds) override {
    ADD_FAILURE() << "request " << request << ": " << reason;
  }
  void OnRefused(int device, const FrameHeader&, std::string_view why, Seconds) override {
    ADD_FAILURE() << "device " << device << ": " << why;
  }

  using Operations = std::map<int, std::vector<DeviceOperation>>;  // by request, in order
  const Operations& paced() const { return paced_; }
  const Operations& told() const { return told_; }

 private:
  std::mutex mutex_;           // of everything below
  std::map<int, int> newest_;  // position, by request
  Operations paced_, told_;
};

class LiveRun {
 public:
  // `hidden` and `dtype`: of the model that the frames are of.
  LiveRun(const Model& model, const SystemSpec& system, const std::string& adapter, int hidden,
          Dtype dtype)
      : end_tokens_(model.config.eos_tokens),
        device_model_(model, kSplit, kExact, Dtype::kFloat32, hidden * BytesPerValue(dtype)),
        cloud_model_(model, kSplit, kStages, kExact, Dtype::kFloat32,
                     hidden * BytesPerValue(dtype)),
        near_(kExact.dtype, Dtype::kFloat32, system.options.draft_threshold),
        cloud_(cloud_model_, kSlots, world_, pace_),
        links_(world_, watch_, hidden,
               [](int) {
                 const FifoLink link(MegabitsPerSecond(80), Milliseconds(1), 1);
                 return DedicatedLinks::Pair{link, link};
               }),
        deployment_(
            {.world = world_,
             .agreement = {.system = system, .hidden = hidden, .dtype = dtype, .stages = kStages},
             .cloud = {.stages = kStages, .token_budget = 24, .kv_tokens = 400},
             .replicas = {&cloud_},
             .links = links_,
             .observer = watch_,
             .max_positions = model.config.max_positions}) {
    if (system.drafts_chains()) {
      device_model_.adapter.emplace(model, LoadAdapter(adapter, model, kSplit), kExact);
    }
    if (system.drafts_trees) {
      device_model_.medusa.emplace(model, LoadMedusa("random:2", model), device_model_.head,
                                   kExact);
    }
    for (int d = 0; d < kDevices; ++d) AddDevice();
  }

  // What is said to each of `prompts`.
  std::vector<std::vector<int32_t>> Play(const std::vector<GenerationRequest>& requests) {
    for (const GenerationRequest& request : requests) sessions_.push_back({request.prompt, {}, {}});
    deployment_.Start();
    for (size_t i = 0; i < requests.size(); ++i) {
      Request request;
      request.id = static_cast<int>(i);
      request.device = request.id % kDevices;
      request.prompt_tokens = static_cast<int>(requests[i].prompt.size());
      request.output_tokens = requests[i].max_new_tokens;
      deployment_.device(request.device).OnArrival(request);
    }
    for (size_t i = 0; i < requests.size(); ++i) ended_.Pop();
    // The last Close frames are still on their way.
    while (deployment_.cloud()->load().sessions > 0) world_.SleepUntil(world_.Now() + kLookAgain);
    deployment_.cloud()->Stop();
    world_.Join();
    world_.StopCallbacks();
    EXPECT_EQ(cloud_.sessions(), 0u);
    EXPECT_EQ(watch_.paced(), watch_.told());
    std::vector<std::vector<int32_t>> said;
    for (const SessionTokens& session : sessions_) said.push_back(session.output);
    return said;
  }

 private:
  struct End {};

  void AddDevice() {
    gpus_.push_back(std::make_unique<ComputeQueue>(world_));
    const LiveDevice device{device_model_, *gpus_.back(), watch_, near_, end_tokens_};
    deployment_.AddDevice(
        3,  // sessions at once
        [this, device](const Request& request, int) {
          return std::make_unique<LiveDeviceCompute>(device, request.id, kSlots,
                                                     sessions_[static_cast<size_t>(request.id)]);
        },
        [this](const Request&, const SessionEnd&) { ended_.Push({}); });
  }

  Watch watch_;
  std::vector<SessionTokens> sessions_;
  std::vector<int> end_tokens_;
  DeviceModel device_model_;
  CloudModel cloud_model_;
  NearTieRule near_;
  ConstantPace pace_;
  ThreadWorld world_;
  Channel<End> ended_{world_};
  std::vector<std::unique_ptr<ComputeQueue>> gpus_;
  LiveCloudCompute cloud_;
  DedicatedLinks links_;
  Deployment deployment_;
};

class ThreadsTest : public testing::TestWithParam<const char*> {
 protected:
  ThreadsTest() {
    ModelConfig config = TinyConfig(8);
    config.shape.vocabulary = 12;
    config.shape.layers.resize(5, config.shape.layers[0]);
    config.max_positions = 100;
    config.eos_tokens.clear();
    model_ = Damped(RandomModel(config, 8), kSplit, 0.1);
    WriteMildAdapter(folder_ / "adapter", model_, kSplit);
    WholeModel whole(model_, {kSplit, kExact, Dtype::kFloat32});
    for (int i = 0; i < kRequests; ++i) {
      requests_.push_back({RandomIds(static_cast<uint64_t>(i), 5 + 3 * i, 12), 12 + i % 5});
      expected_.push_back(whole.Generate(requests_.back()).output_ids);
    }
  }

  std::vector<std::vector<int32_t>> Said(int hidden, Dtype dtype) {
    SystemSpec system = FindSystem(GetParam());
    system.options.draft_threshold = 0.1;
    system.options.chunk_min = 4;
    system.options.chunk_initial = system.options.chunk_max = 8;
    system.options.cut_tokens = 8;
    LiveRun run(model_, system, folder_ / "adapter", hidden, dtype);
    return run.Play(requests_);
  }

  const TempFolder folder_;
  Model model_;
  std::vector<GenerationRequest> requests_;
  std::vector<std::vector<int32_t>> expected_;
};

TEST_P(ThreadsTest, SayWhatTheWholeModelSays) {
  EXPECT_EQ(Said(model_.config.shape.hidden, Dtype::kFloat32), expected_);
}

// fp32 values inside the frames of a model of fp16 and more than twice the width.
TEST_P(ThreadsTest, SayTheSameInALargerModelsFrames) {
  EXPECT_EQ(Said(2 * model_.config.shape.hidden + 10, Dtype::kFloat16), expected_);
}

INSTANTIATE_TEST_SUITE_P(Systems, ThreadsTest,
                         testing::Values("hat", "u-shape", "u-sarathi", "u-medusa"));

}  // namespace
}  // namespace hat

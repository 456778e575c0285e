#include "runtime/serve/metrics/instruments.h"

namespace hat {
namespace bounds {

const std::vector<double> kFirstToken = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                         0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10,
                                         20,    40,    80,   160,  640,  2560};
const std::vector<double> kNextToken = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
                                        0.75, 1,     2.5,  5,     7.5, 10,   20,  40,  80};
const std::vector<double> kRequest = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                      30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};
const std::vector<double> kBatchTokens = {1,   8,    16,   32,   64,   128,  256,
                                          512, 1024, 2048, 4096, 8192, 16384};
const std::vector<double> kTokens = {1,   2,    5,    10,   20,    50,    100,  200,
                                     500, 1000, 2000, 5000, 10000, 20000, 50000};
const std::vector<double> kOperation = {1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01,
                                        0.02, 0.05, 0.1,  0.2,  0.5,  1,    2,    5,    10};
const std::vector<double> kSequences = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

}  // namespace bounds

namespace {

prometheus::Labels LabelsOf(const MetricLabels& labels) { return {labels.begin(), labels.end()}; }

}  // namespace

prometheus::Counter& Instruments::Counter(const std::string& name, const std::string& help,
                                          const MetricLabels& more) {
  return prometheus::BuildCounter().Name(name).Help(help).Labels(labels_).Register(registry_).Add(
      LabelsOf(more));
}

prometheus::Gauge& Instruments::Gauge(const std::string& name, const std::string& help,
                                      const MetricLabels& more) {
  return prometheus::BuildGauge().Name(name).Help(help).Labels(labels_).Register(registry_).Add(
      LabelsOf(more));
}

prometheus::Histogram& Instruments::Histogram(const std::string& name, const std::string& help,
                                              const std::vector<double>& upper_bounds,
                                              const MetricLabels& more) {
  return prometheus::BuildHistogram().Name(name).Help(help).Labels(labels_).Register(registry_).Add(
      LabelsOf(more), upper_bounds);
}

}  // namespace hat

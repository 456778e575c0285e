// Counters, gauges and histograms of prometheus-cpp, all with the same labels; and the bounds of
// histograms, vLLM's where it has the metric.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace hat {

using MetricLabels = std::map<std::string, std::string>;

namespace bounds {

extern const std::vector<double> kFirstToken, kNextToken, kRequest, kBatchTokens, kTokens;
extern const std::vector<double> kOperation;  // 10 us to 10 s
extern const std::vector<double> kSequences;

}  // namespace bounds

// All metrics are made with it, before there are events, so that each is told from the start, as 0.
// What it returns lives as long as it does, and locks for itself.
class Instruments {
 public:
  explicit Instruments(const MetricLabels& labels) : labels_(labels.begin(), labels.end()) {}

  // `more`: labels beside the common ones, by which instruments of one name differ.
  prometheus::Counter& Counter(const std::string& name, const std::string& help,
                               const MetricLabels& more = {});
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                           const MetricLabels& more = {});
  prometheus::Histogram& Histogram(const std::string& name, const std::string& help,
                                   const std::vector<double>& upper_bounds,
                                   const MetricLabels& more = {});

  const prometheus::Labels& labels() const { return labels_; }
  std::vector<prometheus::MetricFamily> Collect() const { return registry_.Collect(); }

 private:
  prometheus::Labels labels_;
  prometheus::Registry registry_;
};

// Asks `collect` at each scrape, on the server's thread.
class AtScrape : public prometheus::Collectable {
 public:
  using Families = std::vector<prometheus::MetricFamily>;
  explicit AtScrape(std::function<Families()> collect) : collect_(std::move(collect)) {}
  Families Collect() const override { return collect_(); }

 private:
  std::function<Families()> collect_;
};

}  // namespace hat

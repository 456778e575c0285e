#include "runtime/serve/metrics/metrics_server.h"

#include <gmock/gmock.h>

#include <thread>

#include "runtime/serve/metrics/instruments.h"
#include "tests/core/expect_error.h"
#include "tests/runtime/serve/metrics/scrape.h"

namespace hat {
namespace {

using testing::AllOf, testing::HasSubstr, testing::IsEmpty, testing::StartsWith;

// A collectable of one counter.
struct One {
  Instruments make{{{"model_name", "a \"b\"\n"}}};
  prometheus::Counter& counter = make.Counter("hat:one_total", "Counts.");
  std::shared_ptr<AtScrape> collectable =
      std::make_shared<AtScrape>([this] { return make.Collect(); });
};

TEST(MetricsServerTest, ServesWhatThereIsAtThatMoment) {
  One one;
  const MetricsServer server("127.0.0.1:0", {one.collectable});
  one.counter.Increment(3);
  EXPECT_EQ(Scrape(server.port()).at("hat:one_total{model_name=\"a \"b\"\n\"}"), 3);
  one.counter.Increment();
  EXPECT_EQ(Scrape(server.port()).at("hat:one_total{model_name=\"a \"b\"\n\"}"), 4);
  EXPECT_THAT(HttpGet(server.port(), "/"), HasSubstr(" 404 Not Found"));
}

TEST(MetricsServerTest, APortInUseIsOneLine) {
  const MetricsServer server("127.0.0.1:0", {});
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_INPUT_ERROR(MetricsServer(address, {}),
                     "cannot serve metrics at '" + address + "': Address already in use");
}

TEST(MetricsServerTest, AnAddressOfAnotherMachineIsOneLine) {
  EXPECT_INPUT_ERROR(MetricsServer("192.0.2.1:0", {}),
                     HasSubstr("Cannot assign requested address"));
  EXPECT_INPUT_ERROR(MetricsServer("no-such-host.invalid:0", {}),
                     HasSubstr("cannot serve metrics at 'no-such-host.invalid:0': "));
}

TEST(MetricsServerTest, WhatIsNoAddressIsRefused) {
  for (const char* address : {"", "9400", ":9400", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                              "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:0s", "127.0.0.1:0r",
                              "127.0.0.1:0,127.0.0.2:0", "+0:0", "[::1:0", "[x]:0", "a b:0"}) {
    EXPECT_INPUT_ERROR(MetricsServer(address, {}),
                       AllOf(HasSubstr("as 127.0.0.1:9400"), HasSubstr(address)));
  }
}

TEST(MetricsServerTest, ItsPortIsFreeOnceItHasEnded) {
  const One one;
  int port = 0;
  {
    const MetricsServer server("localhost:0", {one.collectable});
    port = server.port();
    EXPECT_THAT(HttpGet(port, "/metrics"), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_THAT(HttpGet(port, "/metrics"), IsEmpty());
  const MetricsServer again("127.0.0.1:" + std::to_string(port), {});
  EXPECT_EQ(again.port(), port);
}

// Of a histogram a value that is a bound belongs below it, as Prometheus's "le" says and
// prometheus-cpp's own header does not.
TEST(InstrumentsTest, AHistogramsBoundIsInItsBucket) {
  Instruments make({});
  make.Histogram("hat:x", "X.", {1, 2}).Observe(1);
  const auto families = make.Collect();
  const auto& buckets = families.at(0).metric.at(0).histogram.bucket;
  EXPECT_EQ(buckets.at(0).upper_bound, 1);
  EXPECT_EQ(buckets.at(0).cumulative_count, 1u);
}

TEST(InstrumentsTest, CountFromAnyThread) {
  One one;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) one.counter.Increment();
    });
  }
  threads.clear();
  EXPECT_EQ(one.counter.Value(), 4000);
}

}  // namespace
}  // namespace hat

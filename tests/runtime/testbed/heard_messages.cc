#include "tests/runtime/testbed/heard_messages.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_interceptor.h>
#include <gtest/gtest.h>

#include <mutex>
#include <utility>

#include "wire.pb.h"

namespace hat {
namespace {

// All messages of this process's devices, sent and received.
class Messages {
 public:
  void Add(std::string message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  std::vector<std::string> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> messages_;
} messages;

class Listener : public grpc::experimental::Interceptor {
 public:
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using Hook = grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(Hook::PRE_SEND_MESSAGE)) {
      grpc::Slice bytes;
      if (methods->GetSerializedSendMessage()->DumpToSingleSlice(&bytes).ok()) {
        messages.Add({reinterpret_cast<const char*>(bytes.begin()), bytes.size()});
      }
    }
    if (methods->QueryInterceptionHookPoint(Hook::POST_RECV_MESSAGE)) {
      const auto* message = static_cast<const wire::FromCloud*>(methods->GetRecvMessage());
      if (message != nullptr) messages.Add(message->SerializeAsString());
    }
    methods->Proceed();
  }
};

class ListenerFactory : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new Listener;
  }
};

// gRPC takes one for all channels, once, before the first.
class Listening : public testing::Environment {
 public:
  void SetUp() override {
    static ListenerFactory factory;
    grpc::experimental::RegisterGlobalClientInterceptorFactory(&factory);
  }
};
[[maybe_unused]] const testing::Environment* const listening =
    testing::AddGlobalTestEnvironment(new Listening);

}  // namespace

std::vector<std::string> HeardMessages() { return messages.Take(); }

}  // namespace hat

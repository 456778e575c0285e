#!/usr/bin/env bash
# gRPC 1.51.1 (Debian 12's libgrpc++-dev): what a connection costs a server in memory, with TLS and without.
#
# Expected: TLS adds what OpenSSL keeps for a connection, a few tens of KB, much of it only while a record is under way.
# Seen, on a callback server with 300 connections: a plain one takes 16 KB, one over TLS 79 KB before anything has been said on
# it; after a single message of 16 KB each way the plain one keeps 22 KB, the one over TLS 138 KB, though nothing is under way
# any more. Whoever sizes a server for thousands of quiet devices has to count this, not what their sessions hold.
#
# Needs Debian 12 with g++, pkg-config, libgrpc++-dev, libprotobuf-dev and openssl; installs nothing. Fails if something else
# is seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"

cat >connections.cc <<'CODE'
// server FOLDER|- : prints its port. client FOLDER|- PORT SERVER_PID : prints KB a connection, quiet and after a message.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <fstream>
#include <future>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

std::string Read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Echo : grpc::ServerGenericBidiReactor {
  grpc::ByteBuffer message;
  Echo() { StartRead(&message); }
  void OnReadDone(bool ok) override {
    if (ok) return StartWriteAndFinish(&message, {}, grpc::Status::OK);
    Finish(grpc::Status::OK);
  }
  void OnDone() override { delete this; }
};
struct Service : grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override { return new Echo; }
};

int Serve(const std::string& keys) {
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (keys != "-") {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({Read(keys + "/key.pem"), Read(keys + "/cert.pem")});
    credentials = grpc::SslServerCredentials(options);
  }
  Service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", credentials, &port).RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  std::cout << port << std::endl;
  server->Wait();
  return 0;
}

double ResidentKb(const std::string& pid) {
  std::this_thread::sleep_for(std::chrono::seconds(1));
  std::istringstream sizes(Read("/proc/" + pid + "/statm"));
  double all = 0, resident = 0;
  sizes >> all >> resident;
  return resident * double(sysconf(_SC_PAGESIZE)) / 1024;
}

int Ask(const std::string& keys, const std::string& port, const std::string& pid) {
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (keys != "-") credentials = grpc::SslCredentials({Read(keys + "/cert.pem"), "", ""});
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection each
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  const auto connect = [&](int count) {
    for (int i = 0; i < count; ++i) {
      channels.push_back(grpc::CreateCustomChannel("localhost:" + port, credentials, arguments));
      const auto soon = std::chrono::system_clock::now() + std::chrono::seconds(20);
      if (!channels.back()->WaitForConnected(soon)) std::exit(3);
    }
  };
  const auto say = [](const std::shared_ptr<grpc::Channel>& channel) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    const grpc::Slice slice(std::string(16 << 10, 'x'));
    grpc::ByteBuffer question(&slice, 1), answer;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, "/echo/Say", {}, &question, &answer, [&](grpc::Status status) { done.set_value(status); });
    if (!done.get_future().get().ok()) std::exit(4);
  };
  constexpr int kFirst = 20, kConnections = 300;
  connect(kFirst);  // what the first ones bring along does not count
  for (const auto& channel : channels) say(channel);
  const double before = ResidentKb(pid);
  connect(kConnections);
  const double quiet = ResidentKb(pid);
  for (size_t i = kFirst; i < channels.size(); ++i) say(channels[i]);
  const double after = ResidentKb(pid);
  std::cout << int((quiet - before) / kConnections) << " " << int((after - before) / kConnections) << std::endl;
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3) return Serve(argv[2]);
  return argc == 5 ? Ask(argv[2], argv[3], argv[4]) : 2;
}
CODE
read -ra libraries < <(pkg-config --cflags --libs grpc++)
g++ -O1 -std=c++17 connections.cc -o connections "${libraries[@]}" -pthread
echo "gRPC $(dpkg-query -W -f '${Version}' libgrpc++-dev), $(openssl version)"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost 2>/dev/null

measure() {  # measure FOLDER|-: sets quiet and after, in KB a connection
  ./connections server "$1" >port &
  local pid=$!
  for _ in $(seq 100); do if [ -s port ]; then break; else sleep 0.1; fi; done
  read -r quiet after < <(./connections client "$1" "$(cat port)" "$pid")
  kill "$pid"
  wait "$pid" 2>/dev/null || true
}
measure -
plain_quiet=$quiet plain_after=$after
measure .
echo "KB a connection: plain $plain_quiet, after a message of 16 KB $plain_after; TLS $quiet, after one $after"
if [ "$quiet" -lt $((3 * plain_quiet)) ] || [ "$quiet" -lt 60 ] || [ "$after" -lt $((quiet + 30)) ]; then
  echo "expected TLS at 60 and three times the plain one or more, and 30 more after a message" >&2
  exit 1
fi

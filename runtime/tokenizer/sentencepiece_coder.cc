#include <dlfcn.h>

#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "runtime/tokenizer/sentencepiece_module.h"
#include "runtime/tokenizer/text_coder.h"

namespace hat {
namespace {

// libsentencepiece.so exports a protobuf of another version than the libprotobuf.so that libtorch
// loads. RTLD_LOCAL keeps its symbols from everyone else, RTLD_DEEPBIND makes it see its own first.
const SentencePieceApi& LoadApi() {
  static const SentencePieceApi* const kApi = [] {
    void* module =
        dlopen(HAT_SENTENCEPIECE_MODULE, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND | RTLD_NODELETE);
    if (module == nullptr) {
      throw RunError(std::string("cannot load the tokenizer's library: ") + dlerror());
    }
    using Get = const SentencePieceApi*();
    auto* get = reinterpret_cast<Get*>(dlsym(module, kSentencePieceSymbol));
    HAT_CHECK(get != nullptr);
    return get();
  }();
  return *kApi;
}

class SentencePieceCoder final : public TextCoder {
 public:
  explicit SentencePieceCoder(const std::string& path) {
    const std::string model = ReadFile(path, size_t{64} << 20);
    handle_ = LoadApi().open(model.data(), model.size());
    if (handle_ == nullptr) {
      throw InputError(path + ": not a sentencepiece model (a Llama tokenizer.model is one)");
    }
    pieces_ = LoadApi().size(handle_);
    for (int id = 0; id < pieces_; ++id) {
      if (const char* name = LoadApi().control(handle_, id)) controls_.emplace_back(name, id);
    }
  }
  ~SentencePieceCoder() override {
    if (handle_ != nullptr) LoadApi().close(handle_);
  }
  SentencePieceCoder(const SentencePieceCoder&) = delete;
  SentencePieceCoder& operator=(const SentencePieceCoder&) = delete;

  std::string kind() const override { return "sentencepiece"; }
  int pieces() const override { return pieces_; }

  std::string ControlName(int32_t id) const override {
    for (const auto& [name, control] : controls_) {
      if (control == id) return name;
    }
    return "";
  }

  // What is between control tokens is encoded by itself.
  std::vector<int32_t> Encode(const std::string& text, bool finds_controls) const override {
    std::vector<int32_t> ids;
    for (size_t at = 0; at <= text.size();) {
      size_t first = std::string::npos;
      const std::pair<std::string, int32_t>* found = nullptr;
      for (const auto& control : controls_) {
        if (!finds_controls || control.first.empty()) continue;
        const size_t place = text.find(control.first, at);
        if (place >= first) continue;
        first = place;
        found = &control;
      }
      EncodePlain(text.substr(at, found ? first - at : std::string::npos), ids);
      if (!found) break;
      ids.push_back(found->second);
      at = first + found->first.size();
    }
    return ids;
  }

  std::string Decode(std::span<const int32_t> ids) const override {
    std::string text;
    const auto emit = [](void* out, const char* bytes, size_t count) {
      static_cast<std::string*>(out)->assign(bytes, count);
    };
    HAT_CHECK(LoadApi().decode(handle_, ids.data(), ids.size(), &text, emit));
    return text;
  }

 private:
  void EncodePlain(const std::string& text, std::vector<int32_t>& ids) const {
    const auto emit = [](void* out, int id) {
      static_cast<std::vector<int32_t>*>(out)->push_back(id);
    };
    HAT_CHECK(LoadApi().encode(handle_, text.data(), text.size(), &ids, emit));
  }

  void* handle_ = nullptr;
  int pieces_ = 0;
  std::vector<std::pair<std::string, int32_t>> controls_;  // names and ids
};

}  // namespace

std::unique_ptr<const TextCoder> OpenSentencePiece(const std::string& path) {
  return std::make_unique<SentencePieceCoder>(path);
}

}  // namespace hat

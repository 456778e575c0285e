#include "runtime/convert/medusa_import.h"

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/error.h"
#include "runtime/convert/stored_values.h"
#include "runtime/convert/torch_archive.h"
#include "runtime/model/checkpoint.h"
#include "runtime/model/safetensors.h"

namespace hat {
namespace {

// Tensors of either kind of file.
class Published {
 public:
  explicit Published(const std::string& path) : path_(path) {
    if (path.ends_with(".safetensors")) {
      safetensors_.emplace(path);
      for (const auto& [name, tensor] : safetensors_->tensors()) shapes_[name] = tensor.shape;
    } else {
      archive_.emplace(path);
      for (const auto& [name, tensor] : archive_->tensors()) shapes_[name] = tensor.shape;
    }
  }

  bool Has(const std::string& name) const { return shapes_.contains(name); }
  size_t size() const { return shapes_.size(); }

  std::vector<float> Values(const std::string& name, const std::vector<int64_t>& shape) const {
    const auto found = shapes_.find(name);
    if (found == shapes_.end()) throw InputError(path_ + ": '" + name + "' is missing");
    if (found->second != shape)
      throw InputError(path_ + ": '" + name + "' is of another model's size");
    size_t count = 1;
    for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
    std::vector<float> values(count);
    if (archive_) {
      archive_->Read(name, values);
    } else {
      const StoredTensor& tensor = safetensors_->tensors().at(name);
      ToFloats(tensor.type, tensor.bytes, values, path_ + ": '" + name + "'");
    }
    return values;
  }

 private:
  std::string path_;
  std::optional<SafetensorsFile> safetensors_;
  std::optional<TorchArchive> archive_;
  std::map<std::string, std::vector<int64_t>> shapes_;
};

}  // namespace

void ImportMedusa(const std::string& source, const std::string& model_folder, Dtype dtype,
                  const std::string& out) {
  const Checkpoint checkpoint(model_folder);
  const int64_t hidden = checkpoint.config().shape.hidden;
  const int64_t vocabulary = checkpoint.config().shape.vocabulary;
  const Published published(source);
  std::map<std::string, std::vector<std::byte>> bytes;
  std::map<std::string, StoredTensor> tensors;
  int heads = 0;
  for (; published.Has(std::to_string(heads) + ".0.linear.weight"); ++heads) {
    const std::string theirs = std::to_string(heads), ours = "heads." + theirs;
    const auto put = [&](const char* their_part, const char* part, std::vector<int64_t> shape) {
      const std::string name = ours + part;
      const std::string where = source + ": '" + theirs + their_part + "'";
      bytes[name] = InType(published.Values(theirs + their_part, shape), dtype, where);
      tensors[name] = {StoredTypeOf(dtype), shape, bytes[name]};
    };
    put(".0.linear.weight", ".weight", {hidden, hidden});
    put(".0.linear.bias", ".bias", {hidden});
    put(".1.weight", ".output", {vocabulary, hidden});
  }
  if (heads == 0) throw InputError(source + ": no Medusa heads: '0.0.linear.weight' is missing");
  if (published.size() != tensors.size()) {
    throw InputError(source + ": has other tensors than those of Medusa-1's heads of one layer");
  }
  WriteSafetensors(out, tensors,
                   {{"kind", "hat-medusa"},
                    {"model", checkpoint.Fingerprint()},
                    {"heads", std::to_string(heads)}});
}

}  // namespace hat

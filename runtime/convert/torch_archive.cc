#include "runtime/convert/torch_archive.h"

#include <caffe2/serialize/inline_container.h>

#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/mapped_file.h"
#include "runtime/convert/stored_values.h"

namespace hat {
namespace {

bool IsRowMajor(const PickledTensor& tensor) {
  int64_t stride = 1;
  for (size_t i = tensor.shape.size(); i-- > 0; stride *= tensor.shape[i]) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != stride) return false;
  }
  return true;
}

}  // namespace

struct TorchArchive::Zip {
  // libtorch's reader of zips; it takes no part in reading the pickle.
  caffe2::serialize::PyTorchStreamReader reader;
  std::string path;

  std::tuple<at::DataPtr, size_t> Record(const std::string& name) {
    try {
      return reader.getRecord(name);
    } catch (const std::exception&) {
      throw InputError(path + ": cut off, or no archive of torch.save: it has no record '" + name +
                       "'");
    }
  }
};

TorchArchive::TorchArchive(const std::string& path) : path_(path) {
  const MappedFile readable(path);  // or the reason why not
  try {
    zip_.reset(new Zip{caffe2::serialize::PyTorchStreamReader(path), path});
  } catch (const std::exception&) {
    throw InputError(path + ": no archive of torch.save (of torch 1.6 or newer), or cut off");
  }
  const auto [pickle, bytes] = zip_->Record("data.pkl");
  tensors_ = ReadPickledTensors({static_cast<const char*>(pickle.get()), bytes}, path);
}

TorchArchive::~TorchArchive() = default;

void TorchArchive::Read(const std::string& name, std::span<float> values) const {
  const PickledTensor& tensor = tensors_.at(name);
  const std::string where = path_ + ": '" + name + "'";
  if (!IsRowMajor(tensor)) throw InputError(where + " is not stored row by row");
  const auto [storage, bytes] = zip_->Record("data/" + tensor.storage);
  const auto each = static_cast<size_t>(BytesPerElement(tensor.type));
  const auto offset = static_cast<size_t>(tensor.offset);
  if (offset > bytes / each || values.size() > bytes / each - offset) {
    throw InputError(where + " reaches beyond its storage");
  }
  const auto* const begin = static_cast<const std::byte*>(storage.get()) + offset * each;
  ToFloats(tensor.type, {begin, values.size() * each}, values, where);
}

}  // namespace hat

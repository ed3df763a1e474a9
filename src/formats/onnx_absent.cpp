// In place of onnx.cpp where ONNX was not found at build time.
#include "tilepath/base/error.hpp"
#include "tilepath/formats/onnx.hpp"

namespace tilepath {

bool has_onnx() { return false; }

OnnxImport import_onnx(const std::string& path, const OnnxOptions& /*options*/) {
  throw InputError(path + ": this tilepath was built without ONNX; install libonnx-dev and libprotobuf-dev, and build again");
}

}  // namespace tilepath

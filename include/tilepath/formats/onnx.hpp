// ONNX models as workloads: what multiplies and accumulates becomes layers, the rest is counted and named.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tilepath/formats/document.hpp"

namespace tilepath {

struct OnnxOptions {
  /// Sizes of dimensions that the model leaves open, by the model's name for them.
  std::map<std::string, std::int64_t> dimensions;
  /// Leave out pooling and elementwise layers: they move words and multiply nothing.
  bool macs_only = false;
};

/// Nodes of one operator, together.
struct OnnxShare {
  std::int64_t nodes = 0;
  double operations = 0;  ///< MACs of layers; of the others one per element written, as many as its window has of a pooling
  double words = 0;       ///< read and written, each once
};

struct OnnxImport {
  Json workload;                             ///< a workload file
  double macs = 0;                           ///< of convolutions, products of matrices and what is made of them
  std::map<std::string, OnnxShare> layers;   ///< by operator: those that became layers
  std::map<std::string, OnnxShare> skipped;  ///< and those that did not
  std::map<std::string, std::string> why;    ///< of the skipped, where it is not that they multiply nothing
};

/// Whether this program was built with ONNX.
bool has_onnx();

/// Reads a model, infers its shapes with ONNX's own inference, and turns its nodes into layers: Conv, ConvTranspose (a
/// convolution per phase of its stride), Gemm, MatMul; pooling and elementwise sums and products as Einsums. Throws InputError
/// where the file is no model, a dimension is open, or the model multiplies nothing.
OnnxImport import_onnx(const std::string& path, const OnnxOptions& options);

}  // namespace tilepath

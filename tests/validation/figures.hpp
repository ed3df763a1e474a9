// Published figures beside ours.
#pragma once

#include <string>
#include <vector>

namespace tilepath::validation {

/// A table of docs/validation.md, and which of its figures are further from the published ones than is said there.
struct Figures {
  std::string table;  ///< Markdown
  std::vector<std::string> off;
};

/// Chen, Krishna, Emer, Sze, JSSC 2017: active PEs, which are equal, and buffer traffic, within 1 %.
Figures eyeriss_chip();
/// Chen, Emer, Sze, ISCA 2016: energy of six dataflows at equal area, within 10 % and in the same order.
Figures six_dataflows();
/// Jouppi et al., ISCA 2017: the TPU's roofline over its six applications, within 1 %.
Figures tpu_roofline();

/// The path of a file of the project.
inline std::string in_project(const std::string& path) { return std::string(TILEPATH_SOURCE_DATA) + "/" + path; }

/// "-3.1 %": how far ours is from the published figure.
std::string difference(double ours, double published);

}  // namespace tilepath::validation

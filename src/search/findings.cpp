#include "findings.hpp"

namespace tilepath {

Findings::Findings() : state_(std::make_unique<State>()) {}
Findings::~Findings() = default;

}  // namespace tilepath

// tilepath verify: execute mappings and compare.
#include <fmt/core.h>

#include <cmath>
#include <memory>

#include "at_once.hpp"
#include "context.hpp"
#include "progress.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/result.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath::cli {

namespace {

struct Outcome {
  Verification verification;
  Cycles predicted;  ///< by the model
  std::string false_claim;
  [[nodiscard]] bool passed() const { return verification.passed() && false_claim.empty(); }
};

int report(const std::vector<std::string>& names, const std::vector<Outcome>& outcomes) {
  std::vector<std::vector<std::string>> rows = {{"layer", "outputs", "counts", "cycles", "model", "difference"}};
  int code = kDone;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    rows.push_back({names[i], outcome.verification.outputs_match ? "match" : "DIFFER",
                    outcome.verification.counts_match ? "match" : "DIFFER",
                    grouped(static_cast<std::int64_t>(std::ceil(outcome.verification.cycles.total()))),
                    fmt::format("{:+.2f} %",
                                100 * (static_cast<double>(outcome.predicted.value()) / outcome.verification.cycles.total() - 1)),
                    outcome.false_claim.empty() ? outcome.verification.difference : outcome.false_claim});
    if (!outcome.passed()) code = kCheckFailed;
  }
  fmt::print("{}{}\n", table(rows, {false, false, false, true, true, false}), code == kDone ? "verified" : "FAILED");
  return code;
}

int verify_result(const std::string& path, const Context& context) {
  const std::vector<Claim> claims = read_result(read_document(path));
  std::vector<std::string> names;
  std::vector<Outcome> outcomes(claims.size());
  for (const Claim& claim : claims) names.push_back(claim.layer.name);
  {
    Progress progress("verify", claims.size());
    each_at_once(claims.size(), [&](std::size_t i) {
      const Claim& claim = claims[i];
      const Evaluation evaluation = evaluate(claim.nest, claim.layer, claim.hierarchy);
      outcomes[i].false_claim = false_claim(claim.evaluation, to_json(evaluation, claim.layer, claim.hierarchy), "evaluation");
      outcomes[i].predicted = evaluation.cycles;
      outcomes[i].verification = verify(claim.nest, claim.layer, claim.hierarchy, evaluation.counts, 1, context.stop);
      progress.done(claim.layer.name);
    });
  }
  return report(names, outcomes);
}

int verify_mapping(const MappingArguments& arguments, const Context& context) {
  const Subject subject = load(arguments, context.library);
  const Evaluation evaluation = evaluate(subject.nest, subject.layer, subject.hierarchy);
  return report(
      {subject.layer.name},
      {{verify(subject.nest, subject.layer, subject.hierarchy, evaluation.counts, 1, context.stop), evaluation.cycles, ""}});
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<MappingArguments>();
  CLI::App* command =
      app.add_subcommand("verify", "Execute a result's mappings, or one that you wrote, and compare outputs and counts");
  arguments->add_to(*command);
  command->get_option("workload")->description("A result of `tilepath search`; with --mapping: the workload");
  command->footer(
      "Examples:\n"
      "  tilepath verify alexnet.json\n"
      "  tilepath verify --mapping alexnet-conv2-rs\n"
      "  tilepath verify resnet50 --layer conv1 --arch eyeriss-3level --mapping mine.json");
  command->callback([=, &action] {
    if (arguments->workload.empty() && arguments->mapping.empty()) throw CLI::RequiredError("a result file or --mapping");
    if (arguments->mapping.empty() && !arguments->arch.empty()) throw CLI::RequiredError("--mapping (or a result file alone)");
    action = [=](const Context& context) {
      return arguments->mapping.empty() ? verify_result(arguments->workload, context) : verify_mapping(*arguments, context);
    };
  });
}

}  // namespace tilepath::cli

// tilepath report: results, comparisons and sweeps as one page that opens offline.
#include "tilepath/formats/report.hpp"

#include <fmt/core.h>

#include <filesystem>
#include <memory>

#include "solve.hpp"
#include "sweep.hpp"
#include "tilepath/base/error.hpp"

namespace tilepath::cli {

namespace {

struct Arguments {
  std::vector<std::string> results;
  std::string output = "report.html", title;
};

bool is_sweep(const std::string& given) { return is_sweep_folder(given) || given.ends_with(".jsonl"); }

std::string sweep_name(const std::string& given) {
  return is_sweep_folder(given) ? SweepFolder(std::filesystem::path(given)).sweep().name
                                : std::filesystem::path(given).stem().string();
}

int run(const Arguments& arguments, const Context& context) {
  expect_writable(arguments.output);
  Report report;
  for (const std::string& given : arguments.results) {
    std::error_code none;
    if (std::filesystem::equivalent(given, arguments.output, none))
      throw InputError(arguments.output + ": is one of the results; the page would take its place");
    if (std::filesystem::is_directory(given, none) && !is_sweep_folder(given))
      throw InputError(given + ": a folder, but not of a sweep: it has no sweep.json");
    if (is_sweep(given))
      report.add_sweep(sweep_name(given), record_files(given));
    else
      report.add_result(read_document(given));
  }
  std::string title = arguments.title;
  const Json& results = report.data()["results"];
  if (title.empty() && results.size() == 1)
    title = results[0]["workload"].get<std::string>() + " on " + results[0]["arch"].get<std::string>();
  write_file(arguments.output, report.page(title.empty() ? "tilepath report" : title, TILEPATH_VERSION, context.library));
  if (arguments.output != "-") fmt::print("written: {}\n", arguments.output);
  return kDone;
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("report", "Results, comparisons and sweeps as one page of charts that opens offline");
  command->add_option("results", arguments->results, "Results of search or compare, sweep folders or files of records (.jsonl)")
      ->required()
      ->type_name("RESULT");
  command->add_option("-o,--output", arguments->output, "The page (default: report.html); - is standard output")
      ->type_name("FILE");
  command->add_option("--title", arguments->title, "Its title (default: what the results are of)")->type_name("TITLE");
  command->footer(
      "Examples:\n"
      "  tilepath search resnet50 --arch eyeriss --verify -o r.json && tilepath report r.json -o resnet50.html\n"
      "  tilepath compare resnet50 --arch eyeriss --arch eyeriss-3level --pareto -o c.json && tilepath report c.json\n"
      "  tilepath sweep run rf-against-buffer -o rf && tilepath report rf -o designs.html");
  command->callback([arguments, &action] { action = [arguments](const Context& context) { return run(*arguments, context); }; });
}

}  // namespace tilepath::cli

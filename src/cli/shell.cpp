// tilepath completion and man: made from the options themselves, so that they cannot say anything else.
#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "context.hpp"

namespace tilepath::cli {

namespace {

/// "tilepath sweep run" and its app.
struct Command {
  std::string path;
  const CLI::App* app = nullptr;
};

std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> commands;
  const std::function<void(const CLI::App&, const std::string&)> walk = [&](const CLI::App& each, const std::string& before) {
    const std::string path = before.empty() ? each.get_name() : before + " " + each.get_name();
    commands.push_back({path, &each});
    for (const CLI::App* inner : each.get_subcommands({})) walk(*inner, path);
  };
  walk(app, "");
  return commands;
}

std::vector<std::string> flags_of(const CLI::Option& option) {
  std::vector<std::string> flags;
  for (const std::string& name : option.get_snames()) flags.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flags.push_back("--" + name);
  return flags;
}

/// The folder of ready-made files that an option or argument takes a name from; empty: files alone.
std::string folder_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (type == "WORKLOAD") return "workloads";
  if (type == "DATAFLOW") return "mappings";
  if (type == "SPEC") return "sweeps";
  return option.check_lname("arch") ? "arch" : "";
}

/// Words of an option that takes one of a few ("edp|energy|latency"), or none.
std::string choices_of(const CLI::Option& option) {
  std::string type = option.get_type_name();
  if (type.find('|') == std::string::npos || type.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos) return "";
  std::replace(type.begin(), type.end(), '|', ' ');
  return type;
}

std::string bash_completion(const CLI::App& app) {
  std::string words;   // per command: its subcommands and options
  std::string values;  // per command and option: what it takes
  for (const Command& command : commands_of(app)) {
    std::string all;
    for (const CLI::App* inner : command.app->get_subcommands({})) all += inner->get_name() + " ";
    std::string names;
    for (const CLI::Option* option : command.app->get_options()) {
      const std::string choices = choices_of(*option);
      const std::string folder = folder_of(*option);
      if (option->get_positional() && !folder.empty()) names = "$(_tilepath_names " + folder + ")";
      if (option->get_positional() && !choices.empty()) names = choices;
      for (const std::string& flag : flags_of(*option)) {
        all += flag + " ";
        if (!choices.empty())
          values += fmt::format("    '{} {}') words='{}' ;;\n", command.path, flag, choices);
        else if (!folder.empty())
          values += fmt::format("    '{} {}') words=$(_tilepath_names {}) ;;\n", command.path, flag, folder);
        else if (option->get_items_expected_max() > 0)
          values += fmt::format("    '{} {}') words= ;;\n", command.path, flag);
      }
    }
    words += fmt::format("      '{}') words=\"{}{}\" ;;\n", command.path, all, names);
  }
  return "# Completion of tilepath for bash. Made by `tilepath completion bash`.\n"
         "_tilepath_names() { tilepath list 2>/dev/null | sed -n \"s/^$1: //p\"; }\n"
         "_tilepath() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path=tilepath words='?' i\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    case \"$path ${COMP_WORDS[i]}\" in\n" +
         [&] {
           std::string paths;
           for (const Command& command : commands_of(app))
             if (command.path != app.get_name()) paths += (paths.empty() ? "'" : "|'") + command.path + "'";
           return "      " + paths + ") path=\"$path ${COMP_WORDS[i]}\" ;;\n";
         }() +
         "    esac\n"
         "  done\n"
         "  case \"$path $before\" in\n" +
         values +
         "  esac\n"
         "  if [ \"$words\" = '?' ]; then\n"
         "    case \"$path\" in\n" +
         words +
         "    esac\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\"))\n"
         "}\n"
         "complete -o filenames -F _tilepath tilepath\n";
}

/// zsh runs bash's.
std::string zsh_completion(const CLI::App& app) {
  return "#compdef tilepath\nautoload -Uz bashcompinit && bashcompinit\n" + bash_completion(app);
}

std::string escaped(const std::string& text, const std::string& what, const std::string& by) {
  std::string result;
  for (const char c : text) result += what.find(c) == std::string::npos ? std::string(1, c) : by + c;
  return result;
}

std::string fish_completion(const CLI::App& app) {
  std::string text =
      "# Completion of tilepath for fish. Made by `tilepath completion fish`.\n"
      "function __tilepath_names; tilepath list 2>/dev/null | string replace -rf \"^$argv[1]: \" '' | string split ' '; end\n"
      "function __tilepath_at; set -l words (commandline -opc | string match -v -- '-*'); string match -q -- \"$argv*\" "
      "\"$words\"; end\n";
  for (const Command& command : commands_of(app)) {
    const std::string at = "complete -c tilepath -n '__tilepath_at " + command.path + "' ";
    for (const CLI::App* inner : command.app->get_subcommands({}))
      text += at + "-a " + inner->get_name() + " -d '" + escaped(inner->get_description(), "'\\", "\\") + "'\n";
    for (const CLI::Option* option : command.app->get_options()) {
      const std::string choices = choices_of(*option);
      const std::string folder = folder_of(*option);
      const std::string takes = !choices.empty()                       ? " -xa '" + choices + "'"
                                : !folder.empty()                      ? " -ra '(__tilepath_names " + folder + ")'"
                                : option->get_items_expected_max() > 0 ? " -r"
                                                                       : "";
      if (option->get_positional()) {
        if (!folder.empty()) text += at + "-a '(__tilepath_names " + folder + ")'\n";
        continue;
      }
      std::string flags;
      for (const std::string& name : option->get_snames()) flags += " -s " + name;
      for (const std::string& name : option->get_lnames()) flags += " -l " + name;
      text += at + flags + takes + " -d '" + escaped(option->get_description(), "'\\", "\\") + "'\n";
    }
  }
  return text;
}

/// roff: a line must not begin with a dot or a quote, and hyphens are minus signs.
std::string roff(const std::string& text) {
  std::string result;
  bool begins = true;
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) result += "\\&";
    result += c == '-' ? "\\-" : c == '\\' ? "\\e" : std::string(1, c);
    begins = c == '\n';
  }
  return result;
}

std::string man_page(const CLI::App& app) {
  std::string text = fmt::format(
      ".TH TILEPATH 1 \"\" \"tilepath {}\" \"User Commands\"\n.SH NAME\ntilepath \\- proven optimal mappings of neural "
      "networks onto memory hierarchies\n.SH SYNOPSIS\n.B tilepath\n.I COMMAND\n[OPTIONS]\n.SH DESCRIPTION\n{}\n",
      TILEPATH_VERSION, roff(app.get_description()));
  for (const Command& command : commands_of(app)) {
    if (command.app == &app) continue;
    text += ".SH " + roff(command.path) + "\n" + roff(command.app->get_description()) + "\n";
    for (const CLI::Option* option : command.app->get_options()) {
      std::string flags;
      for (const std::string& flag : flags_of(*option)) flags += (flags.empty() ? "" : ", ") + flag;
      const std::string takes = option->get_items_expected_max() > 0 ? option->get_type_name() : "";
      text += ".TP\n.B " + roff(flags.empty() ? option->get_name() : flags) +
              (takes.empty() ? "" : " \\fI" + roff(takes) + "\\fR") + "\n" + roff(option->get_description()) + "\n";
    }
    if (const std::string footer = command.app->get_footer(); !footer.empty()) text += ".PP\n.nf\n" + roff(footer) + "\n.fi\n";
  }
  return text + ".SH EXAMPLES AND EXIT CODES\n.nf\n" + roff(app.get_footer()) + "\n.fi\n";
}

}  // namespace

void add_shell(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* completion = app.add_subcommand("completion", "Completion for your shell");
  add_choice<std::string>(*completion, "shell", *shell, {{"bash", "bash"}, {"zsh", "zsh"}, {"fish", "fish"}}, "Which shell")
      ->required();
  completion->footer(
      "Examples:\n"
      "  source <(tilepath completion bash)         (in ~/.bashrc)\n"
      "  tilepath completion zsh > ~/.zfunc/_tilepath\n"
      "  tilepath completion fish > ~/.config/fish/completions/tilepath.fish");
  completion->callback([shell, &app, &action] {
    action = [shell, &app](const Context&) {
      fmt::print("{}", *shell == "bash" ? bash_completion(app) : *shell == "zsh" ? zsh_completion(app) : fish_completion(app));
      return kDone;
    };
  });
  CLI::App* man = app.add_subcommand("man", "The manual page, for man -l -");
  man->footer("Example:\n  tilepath man | man -l -");
  man->callback([&app, &action] {
    action = [&app](const Context&) {
      fmt::print("{}", man_page(app));
      return kDone;
    };
  });
}

}  // namespace tilepath::cli

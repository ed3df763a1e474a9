// Timeloop's YAML as our files, and ours as Timeloop's: problem, architecture (v0.3 subtrees, v0.4 nodes), constraints, mapping,
// ERT and ART. docs/from-timeloop.md tells what becomes what.
//
// What has no counterpart is never dropped in silence: on the way in it is named in `remarks`; on the way out it is named there
// and kept in a file of its own, tilepath.yaml, which Timeloop is not given and from which the import takes it back. So export
// and import together are the identity.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/formats/document.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

struct TimeloopImportOptions {
  std::string name;               ///< of architecture and workload; empty: what the files call them
  bool patched = false;           ///< by what an export kept; set by the import itself
  bool without_energies = false;  ///< a component that no ERT has gets energy 0, for latency alone; else it is an error
};

/// Files of ours; null where Timeloop's files have nothing of the kind.
struct TimeloopImport {
  Json arch, workload, mapping, dataflow;
};
/// Takes any number of YAML files, as Timeloop does: their top-level keys together are one specification; each problem becomes a
/// layer. Adds to `remarks` what has no counterpart, or is said another way ("FILE: /pointer: what"), also before it throws
/// InputError with file, pointer, what was found and what is allowed.
TimeloopImport import_timeloop(const std::vector<std::string>& files, const TimeloopImportOptions& given,
                               std::vector<std::string>& remarks);

enum class TimeloopVersion : std::uint8_t { v03, v04 };

/// What to export; a part that is null or empty is left out.
struct TimeloopSubject {
  const Hierarchy* hierarchy = nullptr;
  const Layer* layer = nullptr;
  const Nest* nest = nullptr;  ///< with both of the above
  Json dataflow = {};          ///< statements, with both of the above
};
struct TimeloopExport {
  std::vector<std::pair<std::string, std::string>> files;  ///< name, text
  std::vector<std::string> remarks;                        ///< what Timeloop has no word for, and tilepath.yaml keeps
};
/// Throws InputError where the nest is one that Timeloop cannot say: a level's storage nodes apart, a loop that stands twice in a
/// level, one dimension on both axes of a fanout.
TimeloopExport export_timeloop(const TimeloopSubject& subject, TimeloopVersion version);

}  // namespace tilepath

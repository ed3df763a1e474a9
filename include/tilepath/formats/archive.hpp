// Solutions in a folder: one file each, named by its problem's content. Many processes use one folder at once, on a shared file
// system too: files appear whole, by renaming, and two that write the same problem write the same bytes.
#pragma once

#include <filesystem>
#include <memory>

#include "tilepath/explore/solutions.hpp"

namespace tilepath {

/// Makes the folder. Throws InputError where it cannot. A file that cannot be read, is damaged or does not hold a legal mapping
/// counts as absent; one that cannot be written is left out.
std::unique_ptr<Archive> open_archive(const std::filesystem::path& folder);

}  // namespace tilepath

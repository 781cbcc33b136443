// Two reports of `./dev bench --json`, a line for each benchmark that is in both.
#pragma once

#include <string>

/// Prints name, unit, before, after and after ÷ before of every time and every counter to stdout.
/// What only one of them measured is listed below. 0, or 64 with a sentence on stderr.
int compare(const std::string& before_path, const std::string& after_path);

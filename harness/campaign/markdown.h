// A campaign on one screen, in GitHub's Markdown, for $GITHUB_STEP_SUMMARY or a comment.
#pragma once

#include <string>
#include <string_view>

#include "harness/campaign/campaign.h"

namespace faultline {

/// What did not pass first: a sentence, the command to repeat it, and its evidence folded. Then a
/// table of all tests. Always below GitHub's limit of 1 MiB.
std::string campaign_markdown(const CampaignResult& result);

/// Any text as one line of Markdown that shows just that text.
std::string markdown_text(std::string_view text);
/// The same as `code`.
std::string markdown_code(std::string_view text);

}  // namespace faultline

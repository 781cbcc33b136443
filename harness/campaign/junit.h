// JUnit XML, in the dialect that Jenkins, GitLab and GitHub's reporters all read (Jenkins' schema
// junit-10): a testcase per test of the campaign, not per run, under a name that does not change
// with the seeds, because that is what dashboards compare between builds. A suite per test holds
// its properties, which the dialect knows of suites only.
#pragma once

#include <string>

#include "harness/campaign/campaign.h"

namespace faultline {

/// A test that failed is a `failure` with the evidence in words, one that says nothing about the
/// store an `error`, one that was not run or not decided `skipped`. Well-formed UTF-8 whatever a
/// store wrote.
std::string junit_xml(const CampaignResult& result);

}  // namespace faultline

// The life of a node's init, after clone3. Private to harness/os.
#pragma once

namespace faultline {

/// Process 1 of a node, ruled by messages on `channel` (wire.h). Returns when the channel is
/// closed; then everything in the namespace dies.
int run_init(int channel);

}  // namespace faultline

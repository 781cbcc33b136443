// Adya's G-cursor (1999, §4.2.2): a cycle of one anti-dependency and one write dependency or more,
// all of one key. A transaction read a version of it, and its own comes after one that it missed:
// it wrote over what it did not know. With G1, that is what cursor stability forbids.
#pragma once

#include "checkers/transactional/offences.h"

namespace faultline::transactional {

class Lists;
class Registers;

/// One of each transaction and key, in linear time: of a list the order of the versions is known,
/// so that these are all there are. Of the appends that nobody read no more is known than that they
/// come after all others: whose transaction had read all these should be the first of several, and
/// whether it can be is not known. Only what a transaction read of a key before it appended to it
/// counts. What it reads afterwards is a matter of its own (internal): where that would make such a
/// cycle, nothing is noted, and nothing is known.
void note_cursors(const Lists& lists, Offences& offences);

/// Some. Of registers only that order counts without which there would be a G1c: who read of
/// another transaction and wrote a key which that one wrote, comes after it; and before all is nil.
/// What tells more of the order implies consistent view, and so does not refute less.
void note_cursors(const Registers& registers, Offences& offences);

}  // namespace faultline::transactional

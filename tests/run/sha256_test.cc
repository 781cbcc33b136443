#include "harness/run/sha256.h"

#include <doctest/doctest.h>

using namespace faultline;

TEST_CASE("sha256: the examples of FIPS 180-4") {
  const auto hash = [](std::string_view text) {
    Sha256 h;
    h.update(text);
    return h.hex();
  };
  CHECK(hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Sha256 million;
  for (int i = 0; i < 1000; ++i) million.update(std::string(1000, 'a'));
  CHECK(million.hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  for (std::size_t size = 54; size <= 66; ++size) {  // around the padding's edges
    Sha256 pieces;
    for (std::size_t i = 0; i < size; ++i) pieces.update("x");
    CHECK(pieces.hex() == hash(std::string(size, 'x')));
  }
  CHECK_FALSE(sha256_of_file("/nonexistent"));
}

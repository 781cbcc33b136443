#include "harness/io/diagnosis.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace faultline {

Diagnosis diagnose(std::string_view line) {
  Diagnosis diagnosis;
  struct Silent : nlohmann::json_sax<nlohmann::json> {
    std::size_t at = 0;
    std::string what;
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return true; }
    bool key(string_t&) override { return true; }
    bool end_object() override { return true; }
    bool start_array(std::size_t) override { return true; }
    bool end_array() override { return true; }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception& failure) override {
      at = position;
      what = failure.what();
      return false;
    }
  } sax;
  if (nlohmann::json::sax_parse(line, &sax)) return diagnosis;
  diagnosis.is_json = sax.what.find("out_of_range") != std::string::npos;
  diagnosis.column = std::clamp<std::size_t>(sax.at, 1, line.size() + 1);
  // "[json.exception.parse_error.101] parse error at line 1, column 9: syntax error while …"
  const std::size_t colon = sax.what.find(": ");
  diagnosis.expected = "expected a whole JSON object on the line";
  if (colon != std::string::npos) diagnosis.expected += ": " + sax.what.substr(colon + 2);
  return diagnosis;
}

}  // namespace faultline

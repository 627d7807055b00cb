#include <string.h>

#include "sums.h"
#include "wasm_roles_testing.h"

static bool starts(const char *algorithm, wr_error *error) {
    wr_test_role("Checksum", 1);
    wr_test_endpoint("Checksum", "Sum", WR_INTERNAL, WR_TCP);
    wr_test_setting("Algorithm", algorithm);
    return wr_test_start(error);
}

WR_TEST(the_sums_are_the_published_ones) {
    wr_expect(sum_named("crc32")("123456789", 9) == 0xCBF43926u);
    wr_expect(sum_named("fnv1a")("foobar", 6) == 0xBF9CF968u);
}

WR_TEST(it_answers_with_the_sum_and_its_id) {
    wr_expect(starts("crc32", NULL));
    wr_expect_text(wr_test_ask("Sum", "SUM 123456789\n"), "OK cbf43926 Checksum_IN_0\n");
}

WR_TEST(a_changed_setting_counts_from_the_next_request_on) {
    wr_expect(starts("crc32", NULL));
    wr_expect(wr_test_change_setting("Algorithm", "fnv1a") == WR_ACCEPT);
    wr_expect_text(wr_test_ask("Sum", "SUM foobar\n"), "OK bf9cf968 Checksum_IN_0\n");
}

WR_TEST(an_unknown_algorithm_keeps_it_from_starting) {
    wr_error error;
    wr_expect(!starts("md5", &error));
    wr_expect_text(error.text, "Algorithm is `md5`: it has to be `crc32` or `fnv1a`");
}

WR_TEST(what_it_does_not_understand_is_an_error) {
    wr_expect(starts("crc32", NULL));
    wr_expect_text(wr_test_ask("Sum", "COUNT x\n"), "ERROR this role understands SUM and a text after it\n");
    wr_expect_text(wr_test_ask("Sum", "\n"), "ERROR this role understands SUM and a text after it\n");
    wr_expect_text(wr_test_ask("Sum", ""), "");
}

WR_TEST(a_line_has_a_greatest_length) {
    static char line[5000];
    wr_expect(starts("crc32", NULL));
    memset(line, 'x', sizeof line - 2);
    memcpy(line, "SUM ", 4);
    line[sizeof line - 2] = '\n';
    wr_expect_text(wr_test_ask("Sum", line), "ERROR a line has at most 4096 bytes\n");
    line[4096] = '\n';
    line[4097] = '\0';
    wr_expect(strncmp(wr_test_ask("Sum", line), "OK ", 3) == 0);
}

#include "wasm_roles_testing.h"

static bool starts(const char *tick_seconds, wr_error *error) {
    wr_test_role("Worker", 1);
    wr_test_endpoint("Worker", "Ask", WR_INTERNAL, WR_TCP);
    wr_test_setting("TickSeconds", tick_seconds);
    return wr_test_start(error);
}

WR_TEST(it_ticks_as_often_as_the_setting_says_also_when_that_changes) {
    wr_expect(starts("10", NULL));
    wr_test_pass(0);
    wr_expect_text(wr_test_ask("Ask", ""), "Worker_IN_0 has ticked 1 times\n");
    wr_test_pass(20000);
    wr_expect_text(wr_test_ask("Ask", ""), "Worker_IN_0 has ticked 3 times\n");
    wr_test_change_setting("TickSeconds", "60");
    wr_test_pass(70000);
    wr_expect_text(wr_test_ask("Ask", ""), "Worker_IN_0 has ticked 5 times\n");
}

WR_TEST(a_setting_that_is_no_number_keeps_it_from_starting) {
    wr_error error;
    wr_expect(!starts("often", &error));
    wr_expect_text(error.text, "TickSeconds is `often`: it has to be a whole number from 1");
}

WR_TEST(no_seconds_at_all_keep_it_from_starting) {
    wr_expect(!starts("0", NULL));
}

/* Reading lines from a connection. */
#include <string.h>

#include "wasm_roles_testing.h"

static wr_line kind;
static char line[8];

static void read_one(wr_connection *connection, void *context) {
    (void)context;
    kind = wr_read_line(connection, line, sizeof line);
}

static void read_all(wr_connection *connection, void *context) {
    char one[32];
    (void)context;
    while (wr_read_line(connection, one, sizeof one) == WR_LINE)
        wr_printf(connection, "<%s>", one);
}

static void listen_with(wr_handler handler) {
    wr_test_role("Reader", 1);
    wr_test_endpoint("Reader", "In", WR_INTERNAL, WR_TCP);
    wr_expect(wr_serve("In", handler, NULL, NULL));
}

WR_TEST(lines_come_one_after_the_other_without_their_breaks) {
    listen_with(read_all);
    wr_expect_text(wr_test_ask("In", "one\r\n\ntwo\nlast"), "<one><><two><last>");
    wr_expect_text(wr_test_ask("In", "a\rb\n"), "<a\rb>");
    wr_expect_text(wr_test_ask("In", ""), "");
}

WR_TEST(a_line_that_just_fits_is_a_line) {
    listen_with(read_one);
    wr_test_ask("In", "1234567\n");
    wr_expect(kind == WR_LINE);
    wr_expect_text(line, "1234567");
    wr_test_ask("In", "1234567\r\n");
    wr_expect(kind == WR_LINE);
    wr_expect_text(line, "1234567");
    wr_test_ask("In", "1234567");
    wr_expect(kind == WR_LINE);
    wr_expect_text(line, "1234567");
}

WR_TEST(a_line_that_does_not_fit_is_cut_and_says_so) {
    listen_with(read_one);
    wr_test_ask("In", "12345678\n");
    wr_expect(kind == WR_TOO_LONG);
    wr_expect_text(line, "1234567");
    wr_test_ask("In", "1234567\rx\n");
    wr_expect(kind == WR_TOO_LONG);
}

WR_TEST(a_peer_that_has_said_nothing_gives_no_line) {
    listen_with(read_one);
    wr_test_ask("In", "");
    wr_expect(kind == WR_END);
    wr_expect_text(line, "");
}

/* The double of tests itself: it is what roles are tested with. */
#include <stdio.h>
#include <string.h>

#include "wasm_roles_testing.h"

static unsigned ticks;
static char heard[128];
static wr_timer *first;

static void tick(void *context) {
    ticks++;
    if (context != NULL)
        wr_cancel(*(wr_timer **)context);
}

wr_verdict wr_changing(const wr_change *changes, size_t count) {
    wr_expect(count == 1 && changes[0].kind == WR_CONFIGURATION_SETTING);
    snprintf(heard, sizeof heard, "changing %s from %s", changes[0].name, wr_setting(changes[0].name));
    return strcmp(changes[0].name, "Fixed") == 0 ? WR_RECYCLE : WR_ACCEPT;
}

WR_TEST(a_timer_is_called_when_its_time_has_come_and_not_before) {
    wr_every(100, tick, NULL);
    wr_test_pass(99);
    wr_expect(ticks == 0);
    wr_test_pass(1);
    wr_expect(ticks == 1);
    wr_test_pass(1000);
    wr_expect(ticks == 11);
    wr_expect(wr_now() == 1100);
}

WR_TEST(a_cancelled_timer_is_not_called_also_when_it_cancels_itself) {
    first = wr_every(10, tick, &first);
    wr_cancel(wr_after(10, tick, NULL));
    wr_test_pass(1000);
    wr_expect(ticks == 1);
}

WR_TEST(what_a_change_of_a_setting_does_is_up_to_the_role) {
    wr_test_role("Shop", 1);
    wr_test_setting("Open", "no");
    wr_test_setting("Fixed", "1");
    wr_expect(wr_test_change_setting("Open", "yes") == WR_ACCEPT);
    wr_expect_text(heard, "changing Open from no");
    wr_expect_text(wr_setting("Open"), "yes");
    wr_expect(wr_test_change_setting("Fixed", "2") == WR_RECYCLE);
    wr_expect_text(wr_setting("Fixed"), "1");
    wr_expect_text(wr_setting("Unknown"), NULL);
}

WR_TEST(instances_of_others_are_seen_only_with_an_internal_endpoint) {
    wr_test_role("Shop", 3);
    wr_test_role("Stock", 2);
    wr_test_role("Public", 2);
    wr_test_endpoint("Stock", "Ask", WR_INTERNAL, WR_TCP);
    wr_test_endpoint("Public", "Http", WR_INPUT, WR_HTTP);
    wr_expect(wr_role("Shop")->instance_count == 1);
    wr_expect(wr_role("Stock")->instance_count == 2);
    wr_expect(wr_role("Public")->instance_count == 0);
    wr_expect(wr_role("Other") == NULL);
    wr_expect_text(wr_role("Stock")->instances[1].id, "Stock_IN_1");
    wr_expect_text(wr_role("Stock")->instances[1].endpoints[0].address, "10.0.0.8");
}

static void stock(wr_connection *connection, void *context) {
    char line[32];
    wr_read_line(connection, line, sizeof line);
    wr_printf(connection, "%s of %s", (const char *)context, line);
}

WR_TEST(what_the_test_answers_for_another_role_is_read_from_a_connection) {
    char line[32];
    wr_test_role("Shop", 1);
    wr_test_role("Stock", 1);
    wr_test_endpoint("Stock", "Ask", WR_INTERNAL, WR_TCP);
    const wr_endpoint *endpoint = wr_endpoint_of(&wr_role("Stock")->instances[0], "Ask");
    wr_error error;
    wr_expect(wr_connect(endpoint->address, endpoint->port, &error) == NULL);
    wr_expect_text(error.text, "connecting to 10.0.0.5:20000: connection-refused");
    wr_test_answers("Stock", "Ask", stock, "plenty");
    wr_connection *connection = wr_connect(endpoint->address, endpoint->port, &error);
    wr_expect(wr_printf(connection, "%s\n", "pears"));
    wr_expect(wr_read_line(connection, line, sizeof line) == WR_LINE);
    wr_expect_text(line, "plenty of pears");
    wr_close(connection);
}

WR_TEST(an_endpoint_that_is_not_defined_is_an_error_that_names_it) {
    wr_error error;
    wr_test_role("Shop", 1);
    wr_expect(!wr_serve("Ask", stock, NULL, &error));
    wr_expect_text(error.text, "the service definition has no endpoint named Ask for the role Shop");
}

WR_TEST(the_end_of_the_work_and_wishes_for_a_recycle_are_seen) {
    const char *reason;
    wr_expect(!wr_test_finished(NULL));
    wr_finish("the table is gone");
    wr_expect(wr_test_finished(&reason));
    wr_expect_text(reason, "the table is gone");
    wr_request_recycle();
    wr_expect(wr_test_recycle_requests() == 1);
}

WR_TEST(urls_answer_what_the_test_says) {
    char body[8];
    wr_error error;
    wr_test_url("http://Stock:8080/pears", 200, "a hundred");
    wr_expect(wr_http_get("http://Stock:8080/pears", body, sizeof body, &error) == 200);
    wr_expect_text(body, "a hundr");
    wr_expect(wr_http_get("http://Stock:8080/plums", body, sizeof body, &error) == -1);
    wr_expect_text(error.text, "GET http://Stock:8080/plums: destination-unavailable");
}

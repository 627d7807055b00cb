#include "wasm_roles_testing.h"

static void worker(wr_connection *connection, void *context) {
    (void)context;
    wr_printf(connection, "Worker_IN_0 has ticked 7 times\n");
}

static void define(void) {
    wr_test_role("Web", 1);
    wr_test_role("Worker", 2);
    wr_test_endpoint("Worker", "Ask", WR_INTERNAL, WR_TCP);
    wr_test_setting("Greeting", "Good morning");
    wr_test_start(NULL);
}

WR_TEST(it_greets_and_shows_what_the_worker_says) {
    define();
    wr_test_answers("Worker", "Ask", worker, NULL);
    wr_test_response response = wr_test_request("GET", "/", NULL);
    wr_expect(response.status == 200);
    wr_expect_text(response.body, "Good morning, says Web_IN_0\nWorker_IN_0 has ticked 7 times\n");
}

WR_TEST(it_greets_also_when_the_worker_does_not_answer) {
    define();
    wr_test_response response = wr_test_request("GET", "/", NULL);
    wr_expect(response.status == 200);
    wr_expect_text(response.body, "Good morning, says Web_IN_0\n"
                                  "Worker does not answer: connecting to 10.0.0.6:20000: connection-refused\n");
}

WR_TEST(other_paths_are_not_found) {
    define();
    wr_expect(wr_test_request("GET", "/elsewhere", NULL).status == 404);
}

#include "wasm_roles_testing.h"

static wr_test_response get(const char *path) {
    wr_test_role("Web", 1);
    wr_test_setting("Greeting", "Good morning");
    wr_test_start(NULL);
    return wr_test_request("GET", path, NULL);
}

WR_TEST(it_greets_as_the_setting_says) {
    wr_test_response response = get("/");
    wr_expect(response.status == 200);
    wr_expect_text(response.body, "Good morning, says Web_IN_0\n");
}

WR_TEST(other_paths_are_not_found) {
    wr_expect(get("/elsewhere").status == 404);
}

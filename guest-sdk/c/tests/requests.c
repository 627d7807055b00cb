/* Requests and responses of a web role. */
#include <string.h>

#include "wasm_roles_testing.h"

void wr_answer(const wr_request *request, wr_response *response) {
    char value[8];
    size_t size;
    const char *body = wr_body(request, &size);
    if (wr_query_field(request, "name", value, sizeof value))
        wr_add_text(response, "name=%s\n", value);
    if (wr_query_field(request, "h\xc3\xb6he", value, sizeof value))
        wr_add_text(response, "height=%s\n", value);
    wr_add_text(response, "%s %s [%s] %zu %s\n", wr_method(request), wr_path(request), wr_query(request), size, body);
    wr_add_header(response, "X-Host", wr_header(request, "HOST"));
    wr_set_status(response, strcmp(wr_path(request), "/odd") == 0 ? 99 : 201);
}

WR_TEST(a_role_sees_method_path_query_headers_and_body) {
    wr_test_response response = wr_test_request("POST", "/orders?x=1", "two pears");
    wr_expect(response.status == 201);
    wr_expect_text(response.body, "POST /orders [x=1] 9 two pears\n");
    wr_expect_text(wr_test_response_header("x-host"), "localhost");
    wr_expect_text(wr_test_response_header("x-other"), NULL);
}

WR_TEST(fields_of_a_query_are_decoded_and_cut_to_what_fits) {
    wr_expect_text(wr_test_request("GET", "/?nam=x&name=a+b%2Bc&name=y", NULL).body,
                   "name=a b+c\nGET / [nam=x&name=a+b%2Bc&name=y] 0 \n");
    wr_expect_text(wr_test_request("GET", "/?name=123456789", NULL).body, "name=1234567\nGET / [name=123456789] 0 \n");
    wr_expect_text(wr_test_request("GET", "/?h%C3%B6he=7", NULL).body, "height=7\nGET / [h%C3%B6he=7] 0 \n");
    wr_expect_text(wr_test_request("GET", "/?name", NULL).body, "name=\nGET / [name] 0 \n");
}

WR_TEST(what_is_no_escape_in_a_query_stays_as_it_is) {
    wr_expect_text(wr_test_request("GET", "/?name=%zz%4", NULL).body, "name=%zz%4\nGET / [name=%zz%4] 0 \n");
}

WR_TEST(a_status_that_there_is_not_becomes_500) {
    wr_expect(wr_test_request("GET", "/odd", NULL).status == 500);
}

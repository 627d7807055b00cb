/* Texts in pages and in JSON. They have a response of their own: only a double makes one. */
#include <string.h>

#include "inside.h"
#include "wasm_roles_testing.h"

WR_TEST(texts_in_json_are_escaped) {
    wr_response response = {0};
    wr_add_json(&response, "a \"b\" \\ \n\x01 \xc3\xa4");
    wr_expect_text(response.body.bytes, "\"a \\\"b\\\" \\\\ \\u000a\\u0001 \xc3\xa4\"");
}

WR_TEST(texts_in_pages_are_escaped) {
    wr_response response = {0};
    wr_add_html(&response, "<a href=\"x\">Q&A's</a>");
    wr_expect_text(response.body.bytes, "&lt;a href=&quot;x&quot;&gt;Q&amp;A&#39;s&lt;/a&gt;");
}

WR_TEST(an_error_is_cut_to_what_fits_and_nobody_need_want_it) {
    wr_error error;
    char longer[2 * sizeof error.text];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    wr_expect(!wr_fail(&error, "%s", longer));
    wr_expect(strlen(error.text) == sizeof error.text - 1);
    wr_expect(!wr_fail(NULL, "nobody sees this"));
}

/* Requests to the role, and requests of the role. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

struct page {
    char *url;
    int status;
    char *body;
};

static struct page *pages;
static size_t page_count;
static wr_response last;

/* A worker role defines none. */
__attribute__((weak)) void wr_answer(const wr_request *request, wr_response *response) {
    (void)request;
    (void)response;
    double_give_up("the role does not define it", "wr_answer");
}

wr_test_response wr_test_request(const char *method, const char *target, const char *body) {
    wr_request request = {.method = wr__copy(method, strlen(method))};
    wr__set_target(&request, target, strlen(target));
    wr__add_request_header(&request, "host", 4, "localhost", 9);
    wr__add(&request.body, body != NULL ? body : "", body != NULL ? strlen(body) : 0);
    last = (wr_response){.status = 200};
    wr__add(&last.body, "", 0);
    wr_answer(&request, &last);
    wr__free_request(&request);
    return (wr_test_response){last.status, last.body.bytes, last.body.length};
}

const char *wr_test_response_header(const char *name) {
    wr_request lookup = {.headers = last.headers, .header_count = last.header_count};
    return wr_header(&lookup, name);
}

void wr_test_url(const char *url, int status, const char *body) {
    pages = wr__grow(pages, (page_count + 1) * sizeof *pages);
    pages[page_count++] = (struct page){wr__copy(url, strlen(url)), status, wr__copy(body, strlen(body))};
}

int wr_http_get(const char *url, char *body, size_t size, wr_error *error) {
    for (size_t i = 0; i < page_count; i++) {
        if (strcmp(pages[i].url, url) != 0)
            continue;
        if (body != NULL && size > 0)
            snprintf(body, size, "%s", pages[i].body);
        return pages[i].status;
    }
    wr_fail(error, "GET %s: destination-unavailable", url);
    return -1;
}

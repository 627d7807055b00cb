/* The environment, as the test has told it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

#define FIRST_PORT 20000

struct pair {
    char *name;
    char *value;
};

struct role {
    char *name;
    size_t instance_count;
    size_t first_address; /* the last part of the first instance's address */
    wr_endpoint *endpoints;
    size_t endpoint_count;
};

static struct role *roles;
static size_t role_count;
static struct pair *settings;
static size_t setting_count;
static wr_local_resource_info *storages;
static size_t storage_count;
static size_t recycle_requests;

static char *text(const char *from) {
    return wr__copy(from, strlen(from));
}

_Noreturn void double_give_up(const char *sentence, const char *name) {
    printf("  %s: %s\n", sentence, name);
    fflush(stdout);
    _Exit(1);
}

static struct role *known(const char *name) {
    for (size_t i = 0; i < role_count; i++)
        if (strcmp(roles[i].name, name) == 0)
            return &roles[i];
    double_give_up("the test has defined no role of this name with wr_test_role", name);
}

const char *double_own_role(void) {
    if (role_count == 0)
        double_give_up("the test has to begin with it", "wr_test_role");
    return roles[0].name;
}

void wr_test_role(const char *role, size_t instances) {
    size_t address = role_count == 0 ? 4 : roles[role_count - 1].first_address + roles[role_count - 1].instance_count;
    roles = wr__grow(roles, (role_count + 1) * sizeof *roles);
    roles[role_count++] = (struct role){.name = text(role), .instance_count = instances, .first_address = address};
}

void wr_test_endpoint(const char *role, const char *endpoint, wr_endpoint_kind kind, wr_protocol protocol) {
    static uint16_t next_port = FIRST_PORT;
    struct role *of = known(role);
    uint16_t port = next_port++;
    of->endpoints = wr__grow(of->endpoints, (of->endpoint_count + 1) * sizeof *of->endpoints);
    of->endpoints[of->endpoint_count++] = (wr_endpoint){
        .name = text(endpoint),
        .kind = kind,
        .protocol = protocol,
        .address = NULL,
        .port = port,
        .public_port = kind == WR_INTERNAL ? 0 : port,
    };
}

void wr_test_setting(const char *name, const char *value) {
    for (size_t i = 0; i < setting_count; i++) {
        if (strcmp(settings[i].name, name) == 0) {
            settings[i].value = text(value);
            return;
        }
    }
    settings = wr__grow(settings, (setting_count + 1) * sizeof *settings);
    settings[setting_count++] = (struct pair){text(name), text(value)};
}

void wr_test_local_resource(const char *name, const char *path, uint64_t size_in_megabytes) {
    storages = wr__grow(storages, (storage_count + 1) * sizeof *storages);
    storages[storage_count++] = (wr_local_resource_info){text(name), text(path), size_in_megabytes};
}

/* An instance of a role. What is asked for is kept until the test ends. */
static wr_instance instance(const struct role *role, size_t number) {
    char id[128], address[32];
    snprintf(id, sizeof id, "%s_IN_%zu", role->name, number);
    snprintf(address, sizeof address, "10.0.0.%zu", role->first_address + number);
    wr_endpoint *endpoints = wr__new(role->endpoint_count * sizeof *endpoints);
    for (size_t i = 0; i < role->endpoint_count; i++) {
        endpoints[i] = role->endpoints[i];
        endpoints[i].address = text(address);
    }
    return (wr_instance){
        .id = text(id),
        .role = role->name,
        .fault_domain = (uint32_t)(number % 2),
        .update_domain = (uint32_t)(number % 5),
        .endpoints = endpoints,
        .endpoint_count = role->endpoint_count,
    };
}

const char *wr_deployment_id(void) {
    return "00000000000000000000000000000000";
}

bool wr_is_emulated(void) {
    return true;
}

const wr_instance *wr_current_instance(void) {
    static wr_instance current;
    double_own_role();
    current = instance(&roles[0], 0);
    return &current;
}

/* The instances of a role are seen by others if it has an internal endpoint. */
static size_t visible(const struct role *role) {
    for (size_t i = 0; i < role->endpoint_count; i++)
        if (role->endpoints[i].kind == WR_INTERNAL)
            return role->instance_count;
    return role == &roles[0] ? 1 : 0;
}

const wr_role_info *wr_roles(size_t *count) {
    wr_role_info *shown = wr__new(role_count * sizeof *shown);
    for (size_t i = 0; i < role_count; i++) {
        size_t seen = visible(&roles[i]);
        wr_instance *instances = wr__new(seen * sizeof *instances);
        for (size_t j = 0; j < seen; j++)
            instances[j] = instance(&roles[i], j);
        shown[i] = (wr_role_info){roles[i].name, instances, seen};
    }
    if (count != NULL)
        *count = role_count;
    return shown;
}

const char *wr_setting(const char *name) {
    for (size_t i = 0; i < setting_count; i++)
        if (strcmp(settings[i].name, name) == 0)
            return settings[i].value;
    return NULL;
}

const wr_local_resource_info *wr_local_resource(const char *name) {
    for (size_t i = 0; i < storage_count; i++)
        if (strcmp(storages[i].name, name) == 0)
            return &storages[i];
    return NULL;
}

void wr_request_recycle(void) {
    recycle_requests++;
}

size_t wr_test_recycle_requests(void) {
    return recycle_requests;
}

bool wr_test_start(wr_error *error) {
    wr_error unseen;
    double_own_role();
    return wr_on_start(error != NULL ? error : &unseen);
}

wr_verdict wr_test_change_setting(const char *name, const char *value) {
    wr_change change = {WR_CONFIGURATION_SETTING, name};
    wr_verdict verdict = wr_changing(&change, 1);
    if (verdict == WR_ACCEPT) {
        wr_test_setting(name, value);
        wr_changed(&change, 1);
    }
    return verdict;
}

void wr_test_stop(void) {
    wr_stopping();
    wr_on_stop();
}

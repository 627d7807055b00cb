/* The environment, as the fabric tells it. */
#include <string.h>

#include "inside.h"
#include "role.h"

static char *copied(const role_string_t *text) {
    return wr__copy((const char *)text->ptr, text->len);
}

static wr_endpoint endpoint(const wasm_roles_role_types_endpoint_t *from) {
    static const wr_endpoint_kind kinds[] = {
        [WASM_ROLES_ROLE_TYPES_ENDPOINT_KIND_INPUT] = WR_INPUT,
        [WASM_ROLES_ROLE_TYPES_ENDPOINT_KIND_INSTANCE_INPUT] = WR_INSTANCE_INPUT,
        [WASM_ROLES_ROLE_TYPES_ENDPOINT_KIND_INTERNAL] = WR_INTERNAL,
    };
    static const wr_protocol protocols[] = {
        [WASM_ROLES_ROLE_TYPES_PROTOCOL_HTTP] = WR_HTTP, [WASM_ROLES_ROLE_TYPES_PROTOCOL_HTTPS] = WR_HTTPS,
        [WASM_ROLES_ROLE_TYPES_PROTOCOL_TCP] = WR_TCP,   [WASM_ROLES_ROLE_TYPES_PROTOCOL_UDP] = WR_UDP,
        [WASM_ROLES_ROLE_TYPES_PROTOCOL_ANY] = WR_ANY,
    };
    return (wr_endpoint){
        .name = copied(&from->name),
        .kind = kinds[from->kind],
        .protocol = protocols[from->protocol],
        .address = copied(&from->address),
        .port = from->port,
        .last_port = from->port_max.is_some ? from->port_max.val : 0,
        .public_port = from->public_port.is_some ? from->public_port.val : 0,
    };
}

static wr_instance instance(const wasm_roles_role_types_role_instance_t *from) {
    wr_endpoint *endpoints = wr__new(from->endpoints.len * sizeof *endpoints);
    for (size_t i = 0; i < from->endpoints.len; i++)
        endpoints[i] = endpoint(&from->endpoints.ptr[i]);
    return (wr_instance){
        .id = copied(&from->id),
        .role = copied(&from->role),
        .fault_domain = from->fault_domain,
        .update_domain = from->update_domain,
        .endpoints = endpoints,
        .endpoint_count = from->endpoints.len,
    };
}

static void free_instance(wr_instance *instance) {
    for (size_t i = 0; i < instance->endpoint_count; i++) {
        wr__release(instance->endpoints[i].name);
        wr__release(instance->endpoints[i].address);
    }
    wr__release(instance->endpoints);
    wr__release(instance->id);
    wr__release(instance->role);
}

const char *wr_deployment_id(void) {
    static char *id;
    if (id == NULL) {
        role_string_t told;
        wasm_roles_role_environment_deployment_id(&told);
        id = copied(&told);
        role_string_free(&told);
    }
    return id;
}

bool wr_is_emulated(void) {
    return wasm_roles_role_environment_is_emulated();
}

static bool same(const wr_instance *one, const wr_instance *other) {
    bool same = strcmp(one->id, other->id) == 0 && one->fault_domain == other->fault_domain &&
                one->update_domain == other->update_domain && one->endpoint_count == other->endpoint_count;
    for (size_t i = 0; same && i < one->endpoint_count; i++) {
        const wr_endpoint *a = &one->endpoints[i], *b = &other->endpoints[i];
        same = strcmp(a->name, b->name) == 0 && strcmp(a->address, b->address) == 0 && a->kind == b->kind &&
               a->protocol == b->protocol && a->port == b->port && a->last_port == b->last_port &&
               a->public_port == b->public_port;
    }
    return same;
}

const wr_instance *wr_current_instance(void) {
    static wr_instance *current;
    wasm_roles_role_environment_role_instance_t told;
    wasm_roles_role_environment_current_instance(&told);
    wr_instance now = instance(&told);
    wasm_roles_role_environment_role_instance_free(&told);
    if (current != NULL && same(current, &now)) {
        free_instance(&now);
        return current;
    }
    /* The one before is kept: the role may still look at it. Hardly anything of an instance ever changes. */
    current = wr__new(sizeof *current);
    *current = now;
    return current;
}

/* What a role is shown is its to look at until it returns. */
static void retire_instance(const wr_instance *instance) {
    for (size_t i = 0; i < instance->endpoint_count; i++) {
        wr__retire(instance->endpoints[i].name);
        wr__retire(instance->endpoints[i].address);
    }
    wr__retire(instance->endpoints);
    wr__retire(instance->id);
    wr__retire(instance->role);
}

static void retire_roles(const wr_role_info *roles, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < roles[i].instance_count; j++)
            retire_instance(&roles[i].instances[j]);
        wr__retire(roles[i].instances);
        wr__retire(roles[i].name);
    }
    wr__retire(roles);
}

const wr_role_info *wr_roles(size_t *count) {
    wasm_roles_role_environment_list_role_t told;
    wasm_roles_role_environment_roles(&told);
    wr_role_info *roles = wr__new(told.len * sizeof *roles);
    for (size_t i = 0; i < told.len; i++) {
        const wasm_roles_role_types_list_role_instance_t *from = &told.ptr[i].instances;
        wr_instance *instances = wr__new(from->len * sizeof *instances);
        for (size_t j = 0; j < from->len; j++)
            instances[j] = instance(&from->ptr[j]);
        roles[i] = (wr_role_info){copied(&told.ptr[i].name), instances, from->len};
    }
    if (count != NULL)
        *count = told.len;
    retire_roles(roles, told.len);
    wasm_roles_role_environment_list_role_free(&told);
    return roles;
}

const char *wr_setting(const char *name) {
    role_string_t asked, told;
    wasm_roles_role_environment_lookup_error_t unknown;
    role_string_set(&asked, name);
    if (!wasm_roles_role_environment_configuration_setting_value(&asked, &told, &unknown))
        return NULL;
    const char *value = copied(&told);
    wr__retire(value);
    role_string_free(&told);
    return value;
}

const wr_local_resource_info *wr_local_resource(const char *name) {
    role_string_t asked;
    wasm_roles_role_environment_local_storage_t told;
    wasm_roles_role_environment_lookup_error_t unknown;
    role_string_set(&asked, name);
    if (!wasm_roles_role_environment_local_resource(&asked, &told, &unknown))
        return NULL;
    wr_local_resource_info *storage = wr__new(sizeof *storage);
    storage->name = copied(&told.name);
    storage->path = copied(&told.root_path);
    storage->size_in_megabytes = told.maximum_size_in_megabytes;
    wasm_roles_role_environment_local_storage_free(&told);
    wr__retire(storage->name);
    wr__retire(storage->path);
    wr__retire(storage);
    return storage;
}

void wr_request_recycle(void) {
    wasm_roles_role_environment_request_recycle();
}

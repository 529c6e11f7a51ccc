/* A plugin that counts into labelled series what its requests tell it to.
 *
 * GET /OPERATION/SERIES/LABEL/VALUE does one operation on one series and answers its value as this
 * process sees it; GET /dump answers all families as the server reads them back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uwsgi_plugin.h"

static const struct uwsgi_server *server;
static int app;

static struct uwsgi_str text(const char *given) {
    struct uwsgi_str out = { given, strlen(given) };
    return out;
}

static const double bounds[] = { 0.1, 1 };

static struct definition {
    const char *name, *label;
    uint32_t kind, mode, family;
    size_t buckets;
} definitions[] = {
    { "shop_orders", "kind", UWSGI_FAMILY_COUNTER, UWSGI_GAUGE_SHARED, 0, 0 },
    { "shop_stock", "kind", UWSGI_FAMILY_GAUGE, UWSGI_GAUGE_SHARED, 0, 0 },
    { "shop_busy", NULL, UWSGI_FAMILY_GAUGE, UWSGI_GAUGE_LIVESUM, 0, 0 },
    { "shop_peak", NULL, UWSGI_FAMILY_GAUGE, UWSGI_GAUGE_MAX, 0, 0 },
    { "shop_each", NULL, UWSGI_FAMILY_GAUGE, UWSGI_GAUGE_LIVEALL, 0, 0 },
    { "shop_wait_seconds", "kind", UWSGI_FAMILY_HISTOGRAM, UWSGI_GAUGE_SHARED, 0, 2 },
    { "shop_size_bytes", NULL, UWSGI_FAMILY_SUMMARY, UWSGI_GAUGE_SHARED, 0, 0 },
    { "uwsgi_up", NULL, UWSGI_FAMILY_GAUGE, UWSGI_GAUGE_SHARED, 0, 0 },
};
enum { DEFINITIONS = sizeof(definitions) / sizeof(*definitions) };

static const char *const operations[] = { "add", "set", "observe", "add-bucket", "set-bucket", "remove" };

static void define(struct definition *of) {
    struct uwsgi_str label = of->label ? text(of->label) : text("");
    struct uwsgi_family family = {
        text(of->name), text("Counted by the series plugin."), text(strstr(of->name, "_seconds") ? "seconds" : ""),
        of->kind, of->mode, &label, of->label != NULL, bounds, of->buckets,
    };
    if (server->family(&family, &of->family) != 0)
        server->log(text("series: no room for a family"));
}

static int init(const struct uwsgi_server *given) {
    struct uwsgi_family wrong = { 0 };
    uint32_t out = 0;
    server = given;
    wrong.name = text("not a name");
    if (server->family(&wrong, &out) == UWSGI_FAMILY_INVALID)
        server->log(text("series: a name that is none is refused"));
    for (int i = 0; i < DEFINITIONS; i++)
        define(&definitions[i]);
    return 0;
}

static double change(char *path) {
    char *operation = strtok(path, "/"), *name = strtok(NULL, "/"), *label = strtok(NULL, "/"), *value = strtok(NULL, "/");
    for (uint32_t op = 0; value && op < sizeof(operations) / sizeof(*operations); op++)
        for (int i = 0; i < DEFINITIONS && strcmp(operation, operations[op]) == 0; i++)
            if (strcmp(name, definitions[i].name) == 0) {
                struct uwsgi_str given = text(label);
                uint32_t series = server->series(definitions[i].family, &given, definitions[i].label != NULL);
                if (server->series_update(series, op, 0, atof(value)) != 0)
                    return -1;
                return server->series_value(series, UWSGI_SERIES_VALUE);
            }
    return -2;
}

static void on_family(void *context, const struct uwsgi_family *family) {
    char *out = context;
    sprintf(out + strlen(out), "%.*s %u %u\n", (int)family->name.len, family->name.ptr, family->kind, family->mode);
}

static void on_sample(void *context, const struct uwsgi_sample *sample) {
    char *out = context;
    sprintf(out + strlen(out), "  %g worker %d", sample->value, (int)sample->worker);
    for (size_t i = 0; i < sample->values_len; i++)
        sprintf(out + strlen(out), " %.*s", (int)sample->values[i].len, sample->values[i].ptr);
    for (size_t i = 0; i < sample->buckets_len; i++)
        sprintf(out + strlen(out), " [%d]", (int)sample->buckets[i]);
    strcat(out, "\n");
}

static int request(struct uwsgi_request *request) {
    char path[256] = "", out[16384] = "";
    struct uwsgi_pair type = { UWSGI_STR("Content-Type"), UWSGI_STR("text/plain") };
    struct uwsgi_str status = UWSGI_STR("200 OK");
    struct uwsgi_series_visitor visitor = { out, on_family, on_sample };
    server->begin_app(request, app);
    for (size_t i = 0; i < request->vars_len; i++)
        if (request->vars[i].key.len == 9 && memcmp(request->vars[i].key.ptr, "PATH_INFO", 9) == 0)
            snprintf(path, sizeof(path), "%.*s", (int)request->vars[i].value.len, request->vars[i].value.ptr);
    if (strcmp(path, "/dump") == 0)
        server->series_each(&visitor);
    else
        sprintf(out, "%g", change(path));
    server->head(request, status, &type, 1);
    return server->write(request, text(out), UWSGI_WRITE_LAST);
}

static int init_apps(void) {
    struct uwsgi_app_info info = { UWSGI_STR("/shop"), { 0 }, 0, 252, 1 };
    app = server->register_app(&info);
    return app < 0 ? 0 : 1;
}

static const struct uwsgi_plugin plugin = {
    UWSGI_ABI_VERSION, sizeof(plugin), UWSGI_STR("series"), 252, 0, NULL, 0,
    init, init_apps, NULL, NULL, NULL, NULL, NULL, NULL, request, NULL, NULL,
};

const struct uwsgi_plugin *uwsgi_plugin(void) { return &plugin; }

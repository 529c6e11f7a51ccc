/* A plugin that tests shape by macros: who it is, and what it does wrong. */
#include <stdlib.h>
#include <string.h>

#include "uwsgi_plugin.h"

#ifndef NAME
#define NAME "probe"
#endif
#ifndef MODIFIER
#define MODIFIER 251
#endif
#ifndef VERSION
#define VERSION UWSGI_ABI_VERSION
#endif
#ifndef INIT_RESULT
#define INIT_RESULT 0
#endif
#ifndef APPS_RESULT
#define APPS_RESULT 0
#endif
#ifndef VALUE_KIND
#define VALUE_KIND UWSGI_VALUE_INT
#endif
#ifndef REQUEST
#define REQUEST answer(request)
#endif

static const struct uwsgi_server *server;

static void say(const char *text) {
    struct uwsgi_str line = { text, strlen(text) };
    server->log(line);
}

static int answer(struct uwsgi_request *request) {
    struct uwsgi_str status = UWSGI_STR("200 OK"), body = UWSGI_STR("probe\n"), level;
    struct uwsgi_pair type = { UWSGI_STR("Content-Type"), UWSGI_STR("text/plain") };
    struct uwsgi_str name = UWSGI_STR("probe-level");
    server->head(request, status, &type, 1);
    if (server->option(name, 0, &level) == 1)
        server->write(request, level, 0);
    return server->write(request, body, UWSGI_WRITE_LAST);
}

/* Part of an answer, and then no more of it. */
static int half(struct uwsgi_request *request) {
    struct uwsgi_str status = UWSGI_STR("200 OK"), body = UWSGI_STR("half");
    server->head(request, status, NULL, 0);
    server->write(request, body, 0);
    return -1;
}

__attribute__((unused)) static int serve(struct uwsgi_request *request) {
    (void)half, (void)answer, (void)request;
    return REQUEST;
}

#ifdef LOG_VARIABLE
/* The name of the first variable of the request. */
static size_t log_value(const struct uwsgi_log_line *line, uint8_t *out, size_t room) {
    if (line->vars_len == 0 || line->vars[0].key.len > room)
        return 0;
    memcpy(out, line->vars[0].key.ptr, line->vars[0].key.len);
    return line->vars[0].key.len;
}
#endif

static int init(const struct uwsgi_server *given) {
    server = given;
#ifdef LOG_VARIABLE
    struct uwsgi_str own = UWSGI_STR("of_probe"), taken = UWSGI_STR("uri");
    if (server->log_variable(own, log_value) != 0 || server->log_variable(taken, log_value) == 0 || server->log_variable(own, NULL) == 0)
        return 1;
#endif
    say(NAME " init");
    return INIT_RESULT;
}

static int init_apps(void) { say(NAME " init_apps"); return APPS_RESULT; }
static void before_fork(void) { say(NAME " before_fork"); }
static void after_fork_parent(void) { say(NAME " after_fork_parent"); }
static void after_fork_child(uint32_t kind, uint32_t id) { say(kind == UWSGI_PROCESS_WORKER && id ? NAME " after_fork_child" : "?"); }
static void init_thread(uint32_t core) { say(core ? NAME " init_thread 1" : NAME " init_thread 0"); }
static void end_thread(uint32_t core) { say(core ? NAME " end_thread 1" : NAME " end_thread 0"); }
static void at_exit(void) { say(NAME " atexit"); }

static const struct uwsgi_option_row options[] = {
    { UWSGI_STR(NAME "-level"), UWSGI_STR("a number of the " NAME " plugin"), { 0 }, { 0 }, 0, UWSGI_ARG_REQUIRED, VALUE_KIND, UWSGI_OPTION_MASTER },
};

__attribute__((unused)) static const struct uwsgi_plugin plugin = {
    VERSION, sizeof(plugin), UWSGI_STR(NAME), MODIFIER, 0, options, sizeof(options) / sizeof(*options),
    init, init_apps, before_fork, after_fork_parent, after_fork_child, init_thread, end_thread, NULL,
#ifdef GENERIC
    NULL,
#else
    serve,
#endif
    at_exit,
};

void set_up(void) { setenv("PROBE_SET_UP", "called", 1); }

#ifdef FOREIGN
int foreign_plugin = 1;
#elif defined(REFUSE)
const struct uwsgi_plugin *uwsgi_plugin(void) { return NULL; }
#elif !defined(NO_SYMBOL)
const struct uwsgi_plugin *uwsgi_plugin(void) { return &plugin; }
#endif

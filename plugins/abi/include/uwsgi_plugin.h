/* The plugin interface for C: the layouts of the crate uwsgi-abi, version 3.
 *
 * A plugin is a shared object that exports
 *
 *     const struct uwsgi_plugin *uwsgi_plugin(void);
 *
 * The documentation of every member is in the crate; docs/plugins.md tells how to write one.
 * Strings are a pointer and a length, never terminated. Hooks that are not needed are NULL. */
#ifndef UWSGI_PLUGIN_H
#define UWSGI_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define UWSGI_ABI_VERSION 4

struct uwsgi_str {
    const char *ptr;
    size_t len;
};

#define UWSGI_STR(text) { text, sizeof(text) - 1 }

struct uwsgi_pair {
    struct uwsgi_str key, value;
};

enum { UWSGI_ARG_NONE = 0, UWSGI_ARG_REQUIRED = 1, UWSGI_ARG_OPTIONAL = 2 };

enum {
    UWSGI_VALUE_FLAG = 1,
    UWSGI_VALUE_INT = 2,
    UWSGI_VALUE_UNSIGNED = 3,
    UWSGI_VALUE_MEGABYTES = 4,
    UWSGI_VALUE_TEXT = 5,
    UWSGI_VALUE_LIST = 6,
    UWSGI_VALUE_DICT = 7
};

enum {
    UWSGI_OPTION_MASTER = 1,
    UWSGI_OPTION_THREADS = 2,
    UWSGI_OPTION_MEMORY = 4,
    UWSGI_OPTION_METRICS = 8
};

struct uwsgi_option_row {
    struct uwsgi_str name, help, unit, default_value;
    uint32_t letter, argument, value, flags;
};

/* Bits of a request's flags and of a write's, and results of calls. */
enum {
    UWSGI_REQUEST_CHUNKED = 1,
    UWSGI_REQUEST_RAW = 2,
    UWSGI_REQUEST_DYNAMIC = 4,
    UWSGI_REQUEST_SETENV = 8,
    UWSGI_WRITE_LAST = 1
};
enum { UWSGI_OK = 0, UWSGI_WRITE_ERROR = -1, UWSGI_HEADERS_SENT = -2, UWSGI_HEADERS_LIMIT = -3 };
enum { UWSGI_READ_ERROR = -1, UWSGI_READ_TIMEOUT = -2 };
enum {
    UWSGI_DEED_SET_LOGVAR = 0,
    UWSGI_DEED_LOGVAR = 1,
    UWSGI_DEED_ADD_VAR = 2,
    UWSGI_DEED_LOG_ALWAYS = 3,
    UWSGI_DEED_DISCONNECT = 4
};
enum { UWSGI_FACT_RELOADS = 0, UWSGI_FACT_SOCKET = 1, UWSGI_FACT_BUFFER_SIZE = 2 };
#define UWSGI_CHUNK_NOW INT64_MIN
enum { UWSGI_CHUNK_LATER = -3 };
enum { UWSGI_MULE_DROPPED = -1, UWSGI_MULE_NONE = -2, UWSGI_MULE_INVALID = -3 };
enum { UWSGI_PROCESS_WORKER = 1, UWSGI_PROCESS_OTHER = 2 };

struct uwsgi_request {
    const struct uwsgi_pair *vars;
    size_t vars_len;
    uint64_t content_length;
    uint32_t core, flags;
    int32_t fd;
    uint8_t modifier1, modifier2;
    uint16_t reserved;
    struct uwsgi_str scheme, script_name;
    void *host;
};

struct uwsgi_info {
    struct uwsgi_str version, hostname, binary;
    uint32_t processes, cores, master, lazy_apps, max_apps, metrics;
    uint64_t started_on;
};

struct uwsgi_identity {
    uint32_t worker;
    int32_t master_pid, pid;
    uint32_t mule;
};

struct uwsgi_app_info {
    struct uwsgi_str mountpoint, chdir;
    uint64_t startup_time;
    uint32_t modifier1, default_app;
};

struct uwsgi_worker_stat;
struct uwsgi_app_stat;

/* Labelled series: kinds of families, modes of gauges, operations. */
enum {
    UWSGI_FAMILY_COUNTER = 0,
    UWSGI_FAMILY_GAUGE = 1,
    UWSGI_FAMILY_HISTOGRAM = 2,
    UWSGI_FAMILY_SUMMARY = 3,
    UWSGI_FAMILY_INFO = 4,
    UWSGI_FAMILY_STATESET = 5,
    UWSGI_FAMILY_UNKNOWN = 6
};
enum {
    UWSGI_GAUGE_SHARED = 0,
    UWSGI_GAUGE_ALL = 1,
    UWSGI_GAUGE_LIVEALL = 2,
    UWSGI_GAUGE_MIN = 3,
    UWSGI_GAUGE_LIVEMIN = 4,
    UWSGI_GAUGE_MAX = 5,
    UWSGI_GAUGE_LIVEMAX = 6,
    UWSGI_GAUGE_SUM = 7,
    UWSGI_GAUGE_LIVESUM = 8,
    UWSGI_GAUGE_MOSTRECENT = 9,
    UWSGI_GAUGE_LIVEMOSTRECENT = 10
};
enum {
    UWSGI_SERIES_ADD = 0,
    UWSGI_SERIES_SET = 1,
    UWSGI_SERIES_OBSERVE = 2,
    UWSGI_SERIES_ADD_BUCKET = 3,
    UWSGI_SERIES_SET_BUCKET = 4,
    UWSGI_SERIES_REMOVE = 5
};
enum { UWSGI_FAMILY_INVALID = -1, UWSGI_FAMILY_FULL = -2 };
#define UWSGI_NO_SERIES UINT32_MAX
#define UWSGI_SERIES_VALUE UINT32_MAX

struct uwsgi_family {
    struct uwsgi_str name, help, unit;
    uint32_t kind, mode;
    const struct uwsgi_str *labels;
    size_t labels_len;
    const double *bounds;
    size_t bounds_len;
};

struct uwsgi_sample {
    const struct uwsgi_str *values;
    size_t values_len;
    int64_t worker;
    double value;
    const uint64_t *buckets;
    size_t buckets_len;
};

struct uwsgi_series_visitor {
    void *context;
    void (*family)(void *context, const struct uwsgi_family *family);
    void (*sample)(void *context, const struct uwsgi_sample *sample);
};

/* What is known of a request when its line is written. */
struct uwsgi_log_line {
    uint32_t size, worker, core;
    int32_t app;
    uint32_t status, reserved;
    uint64_t duration_us, body_bytes;
    const struct uwsgi_pair *vars;
    size_t vars_len;
};

/* Writes up to `room` bytes to `out` and returns how many; 0 is none. */
typedef size_t (*uwsgi_log_variable)(const struct uwsgi_log_line *line, uint8_t *out, size_t room);

struct uwsgi_server {
    uint32_t abi_version, size;
    struct uwsgi_info info;
    int32_t (*option)(struct uwsgi_str name, size_t nth, struct uwsgi_str *out);
    int32_t (*option_at)(size_t index, struct uwsgi_str *key, struct uwsgi_str *value);
    void (*log)(struct uwsgi_str line);
    void (*log_verbose)(struct uwsgi_str line);
    void (*identity)(struct uwsgi_identity *out);
    int32_t (*register_app)(const struct uwsgi_app_info *app);
    int32_t (*metric)(uint32_t op, struct uwsgi_str name, int64_t value, int64_t *out);
    int32_t (*worker)(uint32_t id, struct uwsgi_worker_stat *out);
    int32_t (*app)(uint32_t worker, uint32_t app, struct uwsgi_app_stat *out);
    int32_t (*control)(uint32_t op);
    void (*begin_app)(struct uwsgi_request *, int32_t app);
    int32_t (*head)(struct uwsgi_request *, struct uwsgi_str status, const struct uwsgi_pair *headers,
                    size_t headers_len);
    int32_t (*write)(struct uwsgi_request *, struct uwsgi_str data, uint32_t flags);
    int32_t (*sendfile)(struct uwsgi_request *, int32_t fd, uint64_t offset, uint64_t len);
    ssize_t (*read)(struct uwsgi_request *, uint8_t *buffer, size_t len);
    void (*exception)(struct uwsgi_request *, struct uwsgi_str class_name, struct uwsgi_str message);
    uint32_t (*response_state)(const struct uwsgi_request *, uint64_t *body_bytes);
    int32_t (*register_signal)(uint32_t number, struct uwsgi_str target, uint32_t modifier1);
    int32_t (*signal)(uint32_t number);
    int32_t (*signal_registered)(uint32_t number);
    int32_t (*signal_wait)(uint32_t core, int32_t number);
    int32_t (*family)(const struct uwsgi_family *family, uint32_t *out);
    uint32_t (*series)(uint32_t family, const struct uwsgi_str *values, size_t values_len);
    int32_t (*series_update)(uint32_t series, uint32_t op, uint32_t bucket, double value);
    double (*series_value)(uint32_t series, uint32_t bucket);
    void (*series_each)(const struct uwsgi_series_visitor *visitor);
    void (*alarm)(struct uwsgi_str name, struct uwsgi_str message);
    void (*warning)(struct uwsgi_str text);
    int64_t (*listen_queue)(uint32_t socket);
    void (*metric_names)(void (*each)(void *context, struct uwsgi_str name), void *context);
    int32_t (*mule_msg)(uint32_t mule, struct uwsgi_str message);
    ssize_t (*mule_receive)(uint8_t *buffer, size_t len, uint32_t signals, int64_t milliseconds);
    int32_t (*signal_to)(struct uwsgi_str node, uint32_t number);
    int32_t (*add_timer)(uint32_t number, uint64_t milliseconds, uint64_t rounds);
    int32_t (*snmp_value)(uint32_t op, uint32_t kind, uint32_t number, uint64_t value);
    int32_t (*snmp_community)(struct uwsgi_str text);
    int32_t (*lock)(uint32_t op, uint32_t number);
    void (*user_harakiri)(uint64_t seconds);
    int64_t (*seek)(struct uwsgi_request *, int64_t offset, uint32_t whence);
    int32_t (*deed)(struct uwsgi_request *, uint32_t op, struct uwsgi_str key, struct uwsgi_str value,
                    struct uwsgi_str *out);
    int32_t (*chunk)(struct uwsgi_request *, int64_t seconds, struct uwsgi_str *out);
    int32_t (*send)(struct uwsgi_request *, struct uwsgi_str data);
    int64_t (*fact)(uint32_t fact, size_t nth);
    void (*title)(struct uwsgi_str text);
    int32_t (*log_variable)(struct uwsgi_str name, uwsgi_log_variable value);
};

struct uwsgi_plugin {
    uint32_t abi_version, size;
    struct uwsgi_str name;
    uint32_t modifier1, reserved;
    const struct uwsgi_option_row *options;
    size_t options_len;
    int32_t (*init)(const struct uwsgi_server *);
    int32_t (*init_apps)(void);
    void (*before_fork)(void);
    void (*after_fork_parent)(void);
    void (*after_fork_child)(uint32_t kind, uint32_t id);
    void (*init_thread)(uint32_t core);
    void (*end_thread)(uint32_t core);
    void (*release)(void);
    int32_t (*request)(struct uwsgi_request *);
    void (*atexit)(void);
    int32_t (*signal)(uint32_t core, uint32_t number);
    int32_t (*mule)(struct uwsgi_str program);
    int32_t (*mule_msg)(struct uwsgi_str message);
};

const struct uwsgi_plugin *uwsgi_plugin(void);

#endif

//! The routers that stand before the workers.

use crate::row::{Kind, Row, flag, opt, req};

pub(super) const FASTROUTER: &[Row] = &[
    req("fastrouter", Kind::Socket, "?"),
    req("fastrouter-processes", Kind::Int, "number of router processes")
        .aliases(&["fastrouter-workers"]),
    req("fastrouter-zerg", Kind::List, "take sockets from the given zerg server"),
    opt("fastrouter-use-cache", Kind::Str, "find nodes in the given cache"),
    req("fastrouter-use-pattern", Kind::List, "build the node address from a pattern with %s"),
    req(
        "fastrouter-use-base",
        Kind::List,
        "build the node address by appending the key to a base path",
    ),
    req("fastrouter-fallback", Kind::List, "node used when no other answers"),
    req(
        "fastrouter-use-code-string",
        Kind::List,
        "find nodes with a function of a language plugin",
    ),
    opt("fastrouter-use-socket", Kind::List, "forward to one of the sockets of this instance"),
    req("fastrouter-to", Kind::List, "forward to the given node"),
    req("fastrouter-gracetime", Kind::Int, "seconds to retry a node before giving up").unit("s"),
    req("fastrouter-events", Kind::Int, "number of events taken per wait"),
    req("fastrouter-quiet", Kind::Flag, "do not log connection problems"),
    flag("fastrouter-cheap", "pause the workers while no node is subscribed"),
    req(
        "fastrouter-subscription-server",
        Kind::List,
        "accept node subscriptions on the given address",
    ),
    req("fastrouter-subscription-slot", Kind::Noop, "no effect, kept for old configurations"),
    req("fastrouter-timeout", Kind::Int, "internal timeout of a session").unit("s"),
    req("fastrouter-post-buffering", Kind::U64, "buffer request bodies larger than this")
        .unit("bytes"),
    req("fastrouter-post-buffering-dir", Kind::Str, "directory of buffered request bodies"),
    req("fastrouter-stats", Kind::Str, "serve the statistics of the router as JSON")
        .aliases(&["fastrouter-stats-server", "fastrouter-ss"]),
    req("fastrouter-harakiri", Kind::Int, "kill the router when one turn takes longer").unit("s"),
    req("fastrouter-uid", Kind::User, "user of the router process"),
    req("fastrouter-gid", Kind::Group, "group of the router process"),
    req("fastrouter-resubscribe", Kind::List, "pass subscriptions on to another server"),
    req("fastrouter-resubscribe-bind", Kind::Str, "local address for passing subscriptions on"),
    req("fastrouter-buffer-size", Kind::U64, "internal buffer size").unit("bytes"),
    flag("fastrouter-fallback-on-no-key", "use the fallback node for requests without key"),
    req("fastrouter-force-key", Kind::Str, "use this key for every request"),
    req(
        "fastrouter-subscription-fallback-key",
        Kind::Str,
        "key used when the wanted one has no node",
    ),
];

pub(super) const FORKPTYROUTER: &[Row] = &[
    req("forkptyrouter", Kind::Socket, "?").aliases(&["forkpty-router"]),
    req("forkptyurouter", Kind::List, "?").aliases(&["forkpty-urouter"]),
    req("forkptyrouter-command", Kind::Str, "?").aliases(&[
        "forkpty-router-command",
        "forkptyrouter-cmd",
        "forkpty-router-cmd",
    ]),
    req("forkptyrouter-rows", Kind::U16, "?"),
    req("forkptyrouter-cols", Kind::U16, "?"),
    req("forkptyrouter-processes", Kind::Int, "number of router processes")
        .aliases(&["forkptyrouter-workers"]),
    req("forkptyrouter-zerg", Kind::List, "take sockets from the given zerg server"),
    req("forkptyrouter-fallback", Kind::List, "node used when no other answers"),
    req("forkptyrouter-events", Kind::Int, "number of events taken per wait"),
    flag("forkptyrouter-cheap", "pause the workers while no node is subscribed"),
    req("forkptyrouter-timeout", Kind::Int, "internal timeout of a session").unit("s"),
    req("forkptyrouter-stats", Kind::Str, "serve the statistics of the router as JSON")
        .aliases(&["forkptyrouter-stats-server", "forkptyrouter-ss"]),
    req("forkptyrouter-harakiri", Kind::Int, "kill the router when one turn takes longer")
        .unit("s"),
];

pub(super) const HTTP: &[Row] = &[
    req("http", Kind::Socket, "?").aliases(&["httprouter"]),
    req("https", Kind::Socket, "?"),
    req("https2", Kind::List, "?"),
    flag("https-export-cert", "?"),
    req("https-session-context", Kind::Str, "?"),
    req("http-to-https", Kind::List, "?"),
    req("http-processes", Kind::Int, "number of router processes").aliases(&["http-workers"]),
    req("http-var", Kind::List, "?"),
    req("http-to", Kind::List, "forward to the given node"),
    req("http-zerg", Kind::List, "take sockets from the given zerg server"),
    req("http-fallback", Kind::List, "node used when no other answers"),
    req("http-modifier1", Kind::Int, "?"),
    req("http-modifier2", Kind::Int, "?"),
    opt("http-use-cache", Kind::Str, "find nodes in the given cache"),
    req("http-use-pattern", Kind::List, "build the node address from a pattern with %s"),
    req("http-use-base", Kind::List, "build the node address by appending the key to a base path"),
    req("http-events", Kind::Int, "number of events taken per wait"),
    req("http-subscription-server", Kind::List, "accept node subscriptions on the given address"),
    req("http-timeout", Kind::Int, "internal timeout of a session").unit("s").default("60"),
    opt("http-manage-expect", Kind::U64, "?"),
    opt("http-keepalive", Kind::Int, "?"),
    flag("http-auto-chunked", "?"),
    flag("http-auto-gzip", "?"),
    flag("http-raw-body", "?"),
    flag("http-websockets", "?"),
    flag("http-chunked-input", "?"),
    req("http-use-code-string", Kind::List, "find nodes with a function of a language plugin"),
    opt("http-use-socket", Kind::List, "forward to one of the sockets of this instance"),
    req("http-gracetime", Kind::Int, "seconds to retry a node before giving up").unit("s"),
    req("http-quiet", Kind::Flag, "do not log connection problems"),
    flag("http-cheap", "pause the workers while no node is subscribed"),
    req("http-stats", Kind::Str, "serve the statistics of the router as JSON")
        .aliases(&["http-stats-server", "http-ss"]),
    req("http-harakiri", Kind::Int, "kill the router when one turn takes longer").unit("s"),
    req("http-stud-prefix", Kind::Address, "?"),
    req("http-uid", Kind::User, "user of the router process"),
    req("http-gid", Kind::Group, "group of the router process"),
    req("http-resubscribe", Kind::List, "pass subscriptions on to another server"),
    req("http-buffer-size", Kind::U64, "internal buffer size").unit("bytes"),
    req("http-server-name-as-http-host", Kind::Flag, "?"),
    req("http-headers-timeout", Kind::Int, "?").unit("s"),
    req("http-connect-timeout", Kind::Int, "time allowed for connecting to a node").unit("s"),
    flag("http-manage-source", "?"),
    opt("http-enable-proxy-protocol", Kind::Flag, "?"),
    flag("http-backend-http", "?"),
    flag("http-manage-rtsp", "?"),
    req("http-subscription-fallback-key", Kind::Str, "key used when the wanted one has no node"),
    flag("http-path-info-no-decode-slashes", "?"),
];

pub(super) const RAWROUTER: &[Row] = &[
    req("rawrouter", Kind::Socket, "?"),
    req("rawrouter-processes", Kind::Int, "number of router processes")
        .aliases(&["rawrouter-workers"]),
    req("rawrouter-zerg", Kind::List, "take sockets from the given zerg server"),
    opt("rawrouter-use-cache", Kind::Str, "find nodes in the given cache"),
    req("rawrouter-use-pattern", Kind::List, "build the node address from a pattern with %s"),
    req(
        "rawrouter-use-base",
        Kind::List,
        "build the node address by appending the key to a base path",
    ),
    req("rawrouter-fallback", Kind::List, "node used when no other answers"),
    req("rawrouter-use-code-string", Kind::List, "find nodes with a function of a language plugin"),
    opt("rawrouter-use-socket", Kind::List, "forward to one of the sockets of this instance"),
    req("rawrouter-to", Kind::List, "forward to the given node"),
    req("rawrouter-gracetime", Kind::Int, "seconds to retry a node before giving up").unit("s"),
    req("rawrouter-events", Kind::Int, "number of events taken per wait"),
    req("rawrouter-max-retries", Kind::Int, "how many nodes to try before giving up"),
    req("rawrouter-quiet", Kind::Flag, "do not log connection problems"),
    flag("rawrouter-cheap", "pause the workers while no node is subscribed"),
    req(
        "rawrouter-subscription-server",
        Kind::List,
        "accept node subscriptions on the given address",
    ),
    req("rawrouter-subscription-slot", Kind::Noop, "no effect, kept for old configurations"),
    req("rawrouter-timeout", Kind::Int, "internal timeout of a session").unit("s"),
    req("rawrouter-stats", Kind::Str, "serve the statistics of the router as JSON")
        .aliases(&["rawrouter-stats-server", "rawrouter-ss"]),
    req("rawrouter-harakiri", Kind::Int, "kill the router when one turn takes longer").unit("s"),
    flag("rawrouter-xclient", "send the xclient header of the client"),
    req("rawrouter-buffer-size", Kind::U64, "internal buffer size").unit("bytes"),
];

pub(super) const SSLROUTER: &[Row] = &[
    req("sslrouter", Kind::Socket, "?"),
    req("sslrouter2", Kind::List, "?"),
    req("sslrouter-session-context", Kind::Str, "?"),
    req("sslrouter-processes", Kind::Int, "number of router processes")
        .aliases(&["sslrouter-workers"]),
    req("sslrouter-zerg", Kind::List, "take sockets from the given zerg server"),
    opt("sslrouter-use-cache", Kind::Str, "find nodes in the given cache"),
    req("sslrouter-use-pattern", Kind::List, "build the node address from a pattern with %s"),
    req(
        "sslrouter-use-base",
        Kind::List,
        "build the node address by appending the key to a base path",
    ),
    req("sslrouter-fallback", Kind::List, "node used when no other answers"),
    req("sslrouter-use-code-string", Kind::List, "find nodes with a function of a language plugin"),
    opt("sslrouter-use-socket", Kind::List, "forward to one of the sockets of this instance"),
    req("sslrouter-to", Kind::List, "forward to the given node"),
    req("sslrouter-gracetime", Kind::Int, "seconds to retry a node before giving up").unit("s"),
    req("sslrouter-events", Kind::Int, "number of events taken per wait"),
    req("sslrouter-max-retries", Kind::Int, "how many nodes to try before giving up"),
    req("sslrouter-quiet", Kind::Flag, "do not log connection problems"),
    flag("sslrouter-cheap", "pause the workers while no node is subscribed"),
    req(
        "sslrouter-subscription-server",
        Kind::List,
        "accept node subscriptions on the given address",
    ),
    req("sslrouter-timeout", Kind::Int, "internal timeout of a session").unit("s"),
    req("sslrouter-stats", Kind::Str, "serve the statistics of the router as JSON")
        .aliases(&["sslrouter-stats-server", "sslrouter-ss"]),
    req("sslrouter-harakiri", Kind::Int, "kill the router when one turn takes longer").unit("s"),
    flag("sslrouter-sni", "route by the SNI name of the handshake"),
    req("sslrouter-buffer-size", Kind::U64, "internal buffer size").unit("bytes"),
];

pub(super) const TUNTAP: &[Row] = &[
    req("tuntap-router", Kind::List, "?"),
    req("tuntap-device", Kind::List, "?"),
    opt("tuntap-use-credentials", Kind::Str, "?"),
    req("tuntap-router-firewall-in", Kind::List, "?"),
    req("tuntap-router-firewall-out", Kind::List, "?"),
    req("tuntap-router-route", Kind::List, "?"),
    req("tuntap-router-stats", Kind::Str, "?"),
    req("tuntap-device-rule", Kind::List, "?"),
];

pub(super) const ZERGPOOL: &[Row] = &[req("zergpool", Kind::List, "?").aliases(&["zerg-pool"])];

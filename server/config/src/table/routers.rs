//! The routers that stand before the workers.

use crate::row::{Kind, Row, flag, opt, req};

pub(super) const FASTROUTER: &[Row] = &[
    req("fastrouter", Kind::Socket, "run a uwsgi protocol router on this address"),
    req("fastrouter-processes", Kind::Int, "number of router processes")
        .default("1")
        .most(64)
        .aliases(&["fastrouter-workers"]),
    req("fastrouter-zerg", Kind::Str, "take sockets from the given zerg server"),
    opt("fastrouter-use-cache", Kind::Str, "find nodes in the given cache"),
    req("fastrouter-use-pattern", Kind::Str, "build the node address from a pattern with %s"),
    req(
        "fastrouter-use-base",
        Kind::Str,
        "build the node address by appending the key to a base path",
    ),
    req("fastrouter-fallback", Kind::Address, "node used when no other answers"),
    req("fastrouter-use-code-string", Kind::Str, "find nodes with a function of a language plugin"),
    opt("fastrouter-use-socket", Kind::Int, "forward to one of the sockets of this instance"),
    req("fastrouter-to", Kind::Address, "forward to the given node"),
    req("fastrouter-gracetime", Kind::Int, "how long a failed node is left out")
        .default("30")
        .unit("s"),
    req("fastrouter-events", Kind::Int, "number of events taken per wait").default("64"),
    req("fastrouter-quiet", Kind::Flag, "do not log connection problems"),
    flag("fastrouter-cheap", "pause the workers while no node is subscribed"),
    req(
        "fastrouter-subscription-server",
        Kind::Address,
        "accept node subscriptions on the given address",
    ),
    req("fastrouter-subscription-slot", Kind::Noop, "no effect, kept for old configurations"),
    req("fastrouter-timeout", Kind::Int, "internal timeout of a session").default("60").unit("s"),
    req("fastrouter-post-buffering", Kind::U64, "buffer request bodies larger than this")
        .unit("bytes"),
    req("fastrouter-post-buffering-dir", Kind::Str, "directory of buffered request bodies"),
    req("fastrouter-stats", Kind::Address, "serve the statistics of the router as JSON")
        .aliases(&["fastrouter-stats-server", "fastrouter-ss"]),
    req("fastrouter-harakiri", Kind::Int, "kill the router when one turn takes longer")
        .default("0")
        .unit("s"),
    req("fastrouter-uid", Kind::User, "user of the router process"),
    req("fastrouter-gid", Kind::Group, "group of the router process"),
    req("fastrouter-resubscribe", Kind::Address, "pass subscriptions on to another server"),
    req("fastrouter-resubscribe-bind", Kind::Str, "local address for passing subscriptions on"),
    req("fastrouter-buffer-size", Kind::U64, "internal buffer size").default("4096").unit("bytes"),
    flag("fastrouter-fallback-on-no-key", "use the fallback node for requests without key"),
    req("fastrouter-force-key", Kind::Str, "use this key for every request"),
    req("fastrouter-max-retries", Kind::Int, "how many nodes to try before giving up").default("3"),
    req("fastrouter-emperor-socket", Kind::Address, "ask this Emperor to start missing nodes"),
    req("fastrouter-defer-connect-timeout", Kind::Int, "how long a request waits for its node")
        .unit("s"),
    req(
        "fastrouter-subscription-fallback-key",
        Kind::Str,
        "key used when the wanted one has no node",
    ),
];

pub(super) const FORKPTYROUTER: &[Row] = &[
    req(
        "forkptyrouter",
        Kind::Socket,
        "run a router that gives each client a terminal, on this address",
    )
    .aliases(&["forkpty-router"]),
    req("forkptyurouter", Kind::Socket, "terminal router on a UNIX address with credentials")
        .aliases(&["forkpty-urouter"]),
    req("forkptyrouter-command", Kind::Str, "command of each terminal").aliases(&[
        "forkpty-router-command",
        "forkptyrouter-cmd",
        "forkpty-router-cmd",
    ]),
    req("forkptyrouter-rows", Kind::U16, "rows of each terminal").default("24"),
    req("forkptyrouter-cols", Kind::U16, "columns of each terminal").default("80"),
    req("forkptyrouter-processes", Kind::Int, "number of router processes")
        .default("1")
        .aliases(&["forkptyrouter-workers"]),
    req("forkptyrouter-zerg", Kind::Str, "take sockets from the given zerg server"),
    req("forkptyrouter-fallback", Kind::Address, "node used when no other answers"),
    req("forkptyrouter-events", Kind::Int, "number of events taken per wait").default("64"),
    flag("forkptyrouter-cheap", "pause the workers while no node is subscribed"),
    req("forkptyrouter-timeout", Kind::Int, "internal timeout of a session")
        .default("60")
        .unit("s"),
    req("forkptyrouter-stats", Kind::Address, "serve the statistics of the router as JSON")
        .aliases(&["forkptyrouter-stats-server", "forkptyrouter-ss"]),
    req("forkptyrouter-harakiri", Kind::Int, "kill the router when one turn takes longer")
        .default("0")
        .unit("s"),
];

pub(super) const HTTP: &[Row] = &[
    req("http", Kind::Socket, "run an HTTP router in front of the workers on this address")
        .aliases(&["httprouter"]),
    req("https", Kind::Socket, "run an HTTPS router: address,certificate,key"),
    req("https2", Kind::List, "run an HTTPS router, key-value form").keys(&[
        "addr",
        "cert",
        "crt",
        "key",
        "ciphers",
        "clientca",
        "client_ca",
        "spdy",
        "h2",
        "alpn",
    ]),
    flag("https-export-cert", "pass the client certificate on"),
    req("https-session-context", Kind::Str, "name of the TLS session context"),
    req("http-to-https", Kind::Socket, "answer HTTP on this address with a redirect to HTTPS"),
    req("http-processes", Kind::Int, "number of router processes")
        .default("1")
        .aliases(&["http-workers"]),
    req("http-var", Kind::List, "add a request variable: key=value"),
    req("http-to", Kind::Address, "forward to the given node"),
    req("http-zerg", Kind::Str, "take sockets from the given zerg server"),
    req("http-fallback", Kind::Address, "node used when no other answers"),
    req("http-modifier1", Kind::Int, "modifier1 of routed requests").range(0, 255),
    req("http-modifier2", Kind::Int, "modifier2 of routed requests").range(0, 255),
    opt("http-use-cache", Kind::Str, "find nodes in the given cache"),
    req("http-use-pattern", Kind::Str, "build the node address from a pattern with %s"),
    req("http-use-base", Kind::Str, "build the node address by appending the key to a base path"),
    req("http-events", Kind::Int, "number of events taken per wait").default("64"),
    req(
        "http-subscription-server",
        Kind::Address,
        "accept node subscriptions on the given address",
    ),
    req("http-timeout", Kind::Int, "internal timeout of a session").default("60").unit("s"),
    opt("http-manage-expect", Kind::U64, "answer Expect: 100-continue, up to this body size"),
    opt("http-keepalive", Kind::Int, "keep client connections open, idle for so many seconds"),
    flag("http-auto-chunked", "send chunks to HTTP/1.1 clients when the length is unknown"),
    flag("http-auto-gzip", "compress responses that ask for it"),
    flag("http-raw-body", "pass the body without looking at its length"),
    flag("http-websockets", "pass websocket connections through"),
    flag("http-chunked-input", "pass chunked request bodies through"),
    req("http-use-code-string", Kind::Str, "find nodes with a function of a language plugin"),
    opt("http-use-socket", Kind::Int, "forward to one of the sockets of this instance"),
    req("http-gracetime", Kind::Int, "how long a failed node is left out").default("30").unit("s"),
    req("http-quiet", Kind::Flag, "do not log connection problems"),
    flag("http-cheap", "pause the workers while no node is subscribed"),
    req("http-stats", Kind::Address, "serve the statistics of the router as JSON")
        .aliases(&["http-stats-server", "http-ss"]),
    req("http-harakiri", Kind::Int, "kill the router when one turn takes longer")
        .default("0")
        .unit("s"),
    req("http-stud-prefix", Kind::Ip, "addresses that put the client address before the request"),
    req("http-uid", Kind::User, "user of the router process"),
    req("http-gid", Kind::Group, "group of the router process"),
    req("http-resubscribe", Kind::Address, "pass subscriptions on to another server"),
    req("http-post-buffering", Kind::U64, "buffer request bodies larger than this").unit("bytes"),
    req("http-post-buffering-dir", Kind::Str, "directory of buffered request bodies"),
    req("http-buffer-size", Kind::U64, "internal buffer size").default("4096").unit("bytes"),
    req("http-server-name-as-http-host", Kind::Flag, "use SERVER_NAME where HTTP_HOST is missing"),
    req("http-headers-timeout", Kind::Int, "longest wait for the request headers").unit("s"),
    req("http-connect-timeout", Kind::Int, "time allowed for connecting to a node").unit("s"),
    flag("http-manage-source", "pass SOURCE requests to a body stream"),
    opt("http-enable-proxy-protocol", Kind::Flag, "read a PROXY protocol line from clients"),
    flag("http-backend-http", "speak HTTP to the nodes"),
    flag("http-manage-rtsp", "route RTSP too"),
    req("http-subscription-fallback-key", Kind::Str, "key used when the wanted one has no node"),
    flag("http-path-info-no-decode-slashes", "leave %2F undecoded in PATH_INFO"),
];

pub(super) const RAWROUTER: &[Row] = &[
    req("rawrouter", Kind::Socket, "run a TCP router on this address"),
    req("rawrouter-processes", Kind::Int, "number of router processes")
        .default("1")
        .aliases(&["rawrouter-workers"]),
    req("rawrouter-zerg", Kind::Str, "take sockets from the given zerg server"),
    opt("rawrouter-use-cache", Kind::Str, "find nodes in the given cache"),
    req("rawrouter-use-pattern", Kind::Str, "build the node address from a pattern with %s"),
    req(
        "rawrouter-use-base",
        Kind::Str,
        "build the node address by appending the key to a base path",
    ),
    req("rawrouter-fallback", Kind::Address, "node used when no other answers"),
    req("rawrouter-use-code-string", Kind::Str, "find nodes with a function of a language plugin"),
    opt("rawrouter-use-socket", Kind::Int, "forward to one of the sockets of this instance"),
    req("rawrouter-to", Kind::Address, "forward to the given node"),
    req("rawrouter-gracetime", Kind::Int, "how long a failed node is left out")
        .default("30")
        .unit("s"),
    req("rawrouter-events", Kind::Int, "number of events taken per wait").default("64"),
    req("rawrouter-max-retries", Kind::Int, "how many nodes to try before giving up").default("3"),
    req("rawrouter-quiet", Kind::Flag, "do not log connection problems"),
    flag("rawrouter-cheap", "pause the workers while no node is subscribed"),
    req(
        "rawrouter-subscription-server",
        Kind::Address,
        "accept node subscriptions on the given address",
    ),
    req("rawrouter-subscription-slot", Kind::Noop, "no effect, kept for old configurations"),
    req("rawrouter-timeout", Kind::Int, "internal timeout of a session").default("60").unit("s"),
    req("rawrouter-stats", Kind::Address, "serve the statistics of the router as JSON")
        .aliases(&["rawrouter-stats-server", "rawrouter-ss"]),
    req("rawrouter-harakiri", Kind::Int, "kill the router when one turn takes longer")
        .default("0")
        .unit("s"),
    flag("rawrouter-xclient", "send the xclient header of the client"),
    req("rawrouter-buffer-size", Kind::U64, "internal buffer size").default("4096").unit("bytes"),
];

pub(super) const SSLROUTER: &[Row] = &[
    req("sslrouter", Kind::Socket, "run a TLS router: address,certificate,key"),
    req("sslrouter2", Kind::List, "run a TLS router, key-value form").keys(&[
        "addr",
        "cert",
        "crt",
        "key",
        "ciphers",
        "clientca",
        "client_ca",
    ]),
    req("sslrouter-session-context", Kind::Str, "name of the TLS session context"),
    req("sslrouter-processes", Kind::Int, "number of router processes")
        .default("1")
        .aliases(&["sslrouter-workers"]),
    req("sslrouter-zerg", Kind::Str, "take sockets from the given zerg server"),
    opt("sslrouter-use-cache", Kind::Str, "find nodes in the given cache"),
    req("sslrouter-use-pattern", Kind::Str, "build the node address from a pattern with %s"),
    req(
        "sslrouter-use-base",
        Kind::Str,
        "build the node address by appending the key to a base path",
    ),
    req("sslrouter-fallback", Kind::Address, "node used when no other answers"),
    req("sslrouter-use-code-string", Kind::Str, "find nodes with a function of a language plugin"),
    opt("sslrouter-use-socket", Kind::Int, "forward to one of the sockets of this instance"),
    req("sslrouter-to", Kind::Address, "forward to the given node"),
    req("sslrouter-gracetime", Kind::Int, "how long a failed node is left out")
        .default("30")
        .unit("s"),
    req("sslrouter-events", Kind::Int, "number of events taken per wait").default("64"),
    req("sslrouter-max-retries", Kind::Int, "how many nodes to try before giving up").default("3"),
    req("sslrouter-quiet", Kind::Flag, "do not log connection problems"),
    flag("sslrouter-cheap", "pause the workers while no node is subscribed"),
    req(
        "sslrouter-subscription-server",
        Kind::Address,
        "accept node subscriptions on the given address",
    ),
    req("sslrouter-timeout", Kind::Int, "internal timeout of a session").default("60").unit("s"),
    req("sslrouter-stats", Kind::Address, "serve the statistics of the router as JSON")
        .aliases(&["sslrouter-stats-server", "sslrouter-ss"]),
    req("sslrouter-harakiri", Kind::Int, "kill the router when one turn takes longer")
        .default("0")
        .unit("s"),
    flag("sslrouter-sni", "route by the SNI name of the handshake"),
    req("sslrouter-buffer-size", Kind::U64, "internal buffer size").default("4096").unit("bytes"),
];

pub(super) const TUNTAP: &[Row] = &[
    req("tuntap-router", Kind::List, "run a router between tun devices: device socket"),
    req("tuntap-device", Kind::List, "add a tun device to the instance"),
    opt("tuntap-use-credentials", Kind::Str, "check the user of tun clients"),
    req("tuntap-router-firewall-in", Kind::List, "filter packets that enter the router"),
    req("tuntap-router-firewall-out", Kind::List, "filter packets that leave the router"),
    req("tuntap-router-route", Kind::List, "add a route to the tun router"),
    req("tuntap-router-stats", Kind::Address, "serve the statistics of the tun router as JSON"),
    req("tuntap-device-rule", Kind::List, "filter packets of the tun device"),
];

pub(super) const ZERGPOOL: &[Row] =
    &[req("zergpool", Kind::List, "hand out sockets to zergs: address:socket,socket")
        .aliases(&["zerg-pool"])];

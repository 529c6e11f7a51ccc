//! Sockets, protocols and the limits of a request on the wire.

use crate::row::{Flags, Kind, Row, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("socket", Kind::Socket, "listen on this TCP or UNIX address with the default protocol")
        .short('s'),
    req("uwsgi-socket", Kind::Socket, "listen with the uwsgi protocol").short('s'),
    req("suwsgi-socket", Kind::Socket, "listen with the uwsgi protocol over TLS"),
    req("ssl-socket", Kind::Socket, "listen with the uwsgi protocol over TLS, old spelling"),
    req(
        "http-socket",
        Kind::Socket,
        "listen with HTTP, one request per connection, without a router",
    ),
    req("http-socket-modifier1", Kind::U64, "modifier1 for requests of http-socket").range(0, 255),
    req("http-socket-modifier2", Kind::U64, "modifier2 for requests of http-socket").range(0, 255),
    req("http11-socket", Kind::Socket, "listen with HTTP/1.1 and keep-alive, without a router"),
    req("https-socket", Kind::Socket, "listen with HTTPS, without a router"),
    req("https-socket-modifier1", Kind::U64, "modifier1 for requests of https-socket")
        .range(0, 255),
    req("https-socket-modifier2", Kind::U64, "modifier2 for requests of https-socket")
        .range(0, 255),
    req("fastcgi-socket", Kind::Socket, "listen with FastCGI"),
    req(
        "fastcgi-nph-socket",
        Kind::Socket,
        "listen with FastCGI, answers carry a full status line",
    ),
    req("fastcgi-modifier1", Kind::U64, "modifier1 for FastCGI requests").range(0, 255),
    req("fastcgi-modifier2", Kind::U64, "modifier2 for FastCGI requests").range(0, 255),
    req("scgi-socket", Kind::Socket, "listen with SCGI"),
    req("scgi-nph-socket", Kind::Socket, "listen with SCGI, answers carry a full status line"),
    req("scgi-modifier1", Kind::U64, "modifier1 for SCGI requests").range(0, 255),
    req("scgi-modifier2", Kind::U64, "modifier2 for SCGI requests").range(0, 255),
    req("raw-socket", Kind::Socket, "listen for raw connections that a plugin handles"),
    req("raw-modifier1", Kind::U64, "modifier1 for raw connections").range(0, 255),
    req("raw-modifier2", Kind::U64, "modifier2 for raw connections").range(0, 255),
    req("socket-modifier1", Kind::U64, "modifier1 for packets that carry none").range(0, 255),
    req("socket-modifier2", Kind::U64, "modifier2 for packets that carry none").range(0, 255),
    req("puwsgi-socket", Kind::Socket, "listen with the uwsgi protocol on persistent connections"),
    req("protocol", Kind::Str, "protocol of sockets opened with the plain socket option")
        .aliases(&["socket-protocol"])
        .default("uwsgi"),
    req(
        "shared-socket",
        Kind::Socket,
        "open a socket early, for routers, jails and custom protocols",
    ),
    req("undeferred-shared-socket", Kind::Socket, "shared socket without deferred accept"),
    flag(
        "thunder-lock",
        "take turns in accept, so that connections are spread evenly over idle workers",
    ),
    req("listen", Kind::Int, "length of the queue of connections waiting for accept")
        .short('l')
        .default("100")
        .on(Flags::IMMEDIATE),
    req("max-vars", Kind::Int, "most variables one request may carry")
        .short('v')
        .default("64")
        .most(65_536),
    req("buffer-size", Kind::U16, "room for the variables of one request")
        .short('b')
        .unit("bytes")
        .default("4096"),
    flag("abstract-socket", "put UNIX sockets into the abstract namespace").short('a'),
    opt("chmod-socket", Kind::Chmod, "mode of UNIX sockets, 666 when no value is given")
        .short('C')
        .aliases(&["chmod"]),
    req("chown-socket", Kind::Str, "owner of UNIX sockets, user or user:group"),
    req("umask", Kind::Umask, "file creation mask of the instance").on(Flags::IMMEDIATE),
    flag("freebind", "allow addresses that this host does not have yet"),
    req("map-socket", Kind::List, "give a socket to chosen workers: socket:worker,worker"),
    req("emperor-proxy-socket", Kind::Str, "socket vassals use to reach a proxy Emperor"),
    req("socket-timeout", Kind::Int, "longest wait for a slow client or server socket")
        .short('z')
        .unit("s")
        .default("4"),
    flag("no-fd-passing", "do not pass file descriptors over UNIX sockets"),
    req("setns-socket", Kind::Str, "offer the namespaces of this instance on a UNIX socket")
        .on(Flags::MASTER),
    req("setns-socket-skip", Kind::List, "namespace to leave out of setns-socket")
        .aliases(&["setns-skip"]),
    req("fork-socket", Kind::Str, "fork new instances on request from this UNIX socket")
        .aliases(&["fork-server"]),
    req("weight", Kind::U64, "weight of this instance in load balancing subscriptions")
        .default("1"),
    req("auto-weight", Kind::Flag, "use the number of CPU cores as weight"),
    flag("no-defer-accept", "accept TCP connections before their first byte"),
    flag("tcp-nodelay", "send small TCP segments at once"),
    flag("so-keepalive", "probe idle TCP connections"),
    req("so-send-timeout", Kind::Int, "longest wait of one send on a socket")
        .default("0")
        .aliases(&["socket-send-timeout", "so-write-timeout", "socket-write-timeout"])
        .unit("s"),
    req(
        "drain-limit",
        Kind::U64,
        "answers kept for one slow client without a core; 0 waits for it",
    )
    .unit("bytes")
    .default("524288"),
    req("drain-limit-worker", Kind::U64, "the same for all clients of one worker")
        .unit("bytes")
        .default("67108864"),
    req("socket-sndbuf", Kind::U64, "kernel send buffer of sockets").default("0").unit("bytes"),
    req("socket-rcvbuf", Kind::U64, "kernel receive buffer of sockets").default("0").unit("bytes"),
    req("limit-post", Kind::U64, "largest request body accepted").default("0").unit("bytes"),
    req(
        "post-buffering",
        Kind::U64,
        "buffer request bodies larger than this on disk before the application runs",
    )
    .default("0")
    .unit("bytes"),
    req("post-buffering-bufsize", Kind::U64, "read size while buffering a request body")
        .unit("bytes")
        .default("8192"),
    req(
        "body-read-warning",
        Kind::U64,
        "warn when one read of a request body asks for more than this",
    )
    .default("8")
    .unit("MiB"),
    req("upload-progress", Kind::Str, "write the progress of uploads as JSON into this directory"),
    req("socket-header-timeout", Kind::U64, "longest time for the head of a request, 0 for any")
        .default("60")
        .unit("s"),
    req(
        "socket-body-timeout",
        Kind::U64,
        "how long a client may be waited for while its request body comes, 0 for ever",
    )
    .default("60")
    .unit("s"),
    req(
        "socket-body-min-rate",
        Kind::U64,
        "bytes of a request body that extend its time by a second, 0 for none",
    )
    .default("100")
    .unit("bytes/s"),
    req(
        "socket-response-timeout",
        Kind::U64,
        "how long a client may be waited for while it takes a response, 0 for ever",
    )
    .default("60")
    .unit("s"),
    req(
        "socket-response-min-rate",
        Kind::U64,
        "bytes of a response that extend its time by a second, 0 for none",
    )
    .default("100")
    .unit("bytes/s"),
    flag(
        "close-silently",
        "close the connections of clients that would be told why they are refused",
    ),
    req("udp", Kind::Address, "serve statistics and messages on this UDP address")
        .on(Flags::MASTER),
    req("multicast", Kind::Address, "join this multicast group for subscriptions and UDP")
        .on(Flags::MASTER),
    req("multicast-ttl", Kind::Int, "hops a multicast packet may travel")
        .range(0, 255)
        .default("1"),
    req("multicast-loop", Kind::Int, "deliver multicast packets to this host too").default("1"),
    req("notify-socket", Kind::Str, "open a datagram socket for service notifications")
        .on(Flags::MASTER),
    req("subscription-notify-socket", Kind::Str, "notification socket named in subscriptions")
        .on(Flags::MASTER),
    req("subscribe-with-modifier1", Kind::Str, "modifier1 named in subscriptions")
        .on(Flags::MASTER),
    flag("ssl-verbose", "log every TLS error"),
    opt("ssl-sessions-use-cache", Kind::Str, "keep TLS sessions in the given cache")
        .aliases(&["ssl-session-use-cache"])
        .on(Flags::MASTER),
    req("ssl-sessions-timeout", Kind::Int, "how long a TLS session may be resumed")
        .default("300")
        .aliases(&["ssl-session-timeout"])
        .unit("s"),
    req("sni", Kind::List, "add a certificate for a server name"),
    req("sni-dir", Kind::Str, "find certificates for server names in this directory"),
    req("sni-dir-ciphers", Kind::Str, "cipher list for certificates of sni-dir"),
    flag("ssl-enable3", "allow SSL version 3"),
    req("ssl-option", Kind::List, "set a numeric option of the TLS library"),
    req("sni-regexp", Kind::List, "add a certificate for server names that match"),
    req("ssl-tmp-dir", Kind::Str, "directory for certificates that came over the network"),
    req("max-fd", Kind::Int, "most open file descriptors, soft and hard limit"),
    req("log-socket", Kind::List, "send the log to this UDP or UNIX datagram address")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("websockets-ping-freq", Kind::Int, "how often a websocket peer is pinged")
        .aliases(&["websocket-ping-freq"])
        .unit("s")
        .default("30"),
    req("websockets-pong-tolerance", Kind::Int, "how long a websocket peer may keep a pong back")
        .aliases(&["websocket-pong-tolerance"])
        .unit("s")
        .default("3"),
    req("websockets-max-size", Kind::U64, "largest websocket message")
        .unit("KiB")
        .aliases(&["websocket-max-size"])
        .default("1024"),
    req("chunked-input-limit", Kind::U64, "largest chunk of a chunked request body")
        .unit("bytes")
        .default("1048576"),
    req("chunked-input-timeout", Kind::Int, "longest wait for a chunk of a request body")
        .unit("s")
        .default("4"),
    flag("close-on-exec", "close connections when a process is executed"),
    flag("close-on-exec2", "close server sockets when a process is executed"),
    flag("enable-proxy-protocol", "read a PROXY protocol line on HTTP sockets"),
    req("proxy-protocol-from", Kind::List, "peers whose PROXY protocol header is believed"),
    flag("proxy-protocol-strict", "refuse connections without a PROXY protocol header"),
    req(
        "http-lenient",
        Kind::Words,
        "what is let pass in HTTP requests that are not to the letter",
    )
    .words(&["underscores", "folding", "host", "length", "all"]),
    flag("keep-http-proxy-header", "let applications see the header Proxy of HTTP requests"),
    flag("reuse-port", "let several instances listen on one port (SO_REUSEPORT)"),
    req("tcp-fast-open", Kind::Int, "allow this many pending TCP fast open requests")
        .aliases(&["tcp-fastopen"]),
    flag("tcp-fast-open-client", "use TCP fast open for connections to others")
        .aliases(&["tcp-fastopen-client"]),
    req("zerg", Kind::List, "take listening sockets from this zerg server"),
    flag("zerg-fallback", "open sockets itself when no zerg server answers"),
    req("zerg-server", Kind::Str, "hand out the listening sockets on this UNIX address")
        .on(Flags::MASTER),
    req("allowed-modifiers", Kind::Str, "comma list of modifier1 values that are served"),
    req("remap-modifier", Kind::Str, "serve one modifier as another: from:to"),
    req("response-headers-limit", Kind::Int, "largest response header block from an application"),
    flag("shutdown-sockets", "refuse new connections at once when a graceful stop begins"),
    flag("ssl-enable-sslv3", "allow SSL version 3"),
    flag("ssl-enable-tlsv1", "allow TLS version 1.0"),
    opt("ssl-verify-depth", Kind::Int, "longest chain of client certificates"),
    req("wait-for-socket", Kind::Address, "wait at start until this address accepts connections"),
    req("wait-for-socket-timeout", Kind::Int, "longest wait of wait-for-socket")
        .unit("s")
        .default("60"),
    req(
        "emperor-command-socket",
        Kind::Str,
        "listen for commands to the Emperor on this UNIX address",
    ),
    req("emperor-trigger-socket", Kind::Str, "start an on-demand vassal from this UNIX address"),
    flag("thunder-lock-watchdog", "free the accept lock when its holder died"),
];

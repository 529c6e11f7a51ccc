//! Legion and subscriptions.

use crate::row::{Flags, Kind, Row, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    opt("subscription-mountpoints", Kind::Int, "route subscriptions by mount point, to this depth")
        .default("0")
        .aliases(&["subscription-mountpoint"])
        .on(Flags::MASTER),
    req("legion", Kind::List, "join a legion: name, address, valor, cipher and secret")
        .on(Flags::MASTER),
    req("legion-mcast", Kind::List, "join a legion over multicast").on(Flags::MASTER),
    req("legion-node", Kind::List, "add a node to a legion").on(Flags::MASTER),
    req("legion-freq", Kind::Int, "how often legion packets are sent")
        .default("3")
        .unit("s")
        .on(Flags::MASTER),
    req("legion-tolerance", Kind::Int, "how long a legion node may be silent")
        .default("15")
        .unit("s")
        .on(Flags::MASTER),
    req(
        "legion-death-on-lord-error",
        Kind::Int,
        "stay out of the legion for this long when a hook of the lord fails",
    )
    .default("0")
    .unit("s")
    .on(Flags::MASTER),
    req("legion-skew-tolerance", Kind::Int, "largest difference of clocks in a legion")
        .default("60")
        .unit("s")
        .on(Flags::MASTER),
    req("legion-lord", Kind::List, "hook run when this node becomes lord").on(Flags::MASTER),
    req("legion-unlord", Kind::List, "hook run when this node is no longer lord").on(Flags::MASTER),
    req("legion-setup", Kind::List, "hook run when a legion is set up").on(Flags::MASTER),
    req("legion-death", Kind::List, "hook run when this node leaves the legion").on(Flags::MASTER),
    req("legion-join", Kind::List, "hook run when this node joined the legion").on(Flags::MASTER),
    req("legion-node-joined", Kind::List, "hook run when another node joined").on(Flags::MASTER),
    req("legion-node-left", Kind::List, "hook run when another node left").on(Flags::MASTER),
    req("legion-quorum", Kind::List, "nodes that must agree on a lord").on(Flags::MASTER),
    req("legion-scroll", Kind::List, "text that this node tells its legion").on(Flags::MASTER),
    req("legion-scroll-max-size", Kind::U16, "longest text of one node")
        .default("4096")
        .unit("bytes"),
    req("legion-scroll-list-max-size", Kind::U64, "longest list of all texts")
        .default("32768")
        .unit("bytes"),
    req(
        "subscriptions-sign-check",
        Kind::Str,
        "accept only subscriptions signed with keys of this directory",
    )
    .on(Flags::MASTER),
    req("subscriptions-sign-check-tolerance", Kind::Int, "largest age of a signed subscription")
        .default("86400")
        .unit("s")
        .on(Flags::MASTER),
    req("subscriptions-sign-skip-uid", Kind::List, "user whose subscriptions need no signature")
        .on(Flags::MASTER),
    req(
        "subscriptions-credentials-check",
        Kind::List,
        "directory with the credentials of subscribers",
    )
    .on(Flags::MASTER),
    flag("subscriptions-use-credentials", "send the process credentials with subscriptions"),
    req("subscription-algo", Kind::Str, "how a subscribed node is chosen")
        .default("wrr")
        .hints(&["wrr", "lrc", "wlrc", "iphash"]),
    flag("subscription-dotsplit", "try parent domains of an unknown name"),
    req("subscribe-to", Kind::List, "subscribe to a router: address:key")
        .aliases(&["st", "subscribe"])
        .on(Flags::MASTER),
    req("subscribe2", Kind::List, "subscribe to a router, key-value form")
        .keys(&[
            "server",
            "key",
            "socket",
            "addr",
            "address",
            "weight",
            "modifier1",
            "modifier2",
            "sign",
            "check",
            "sni_key",
            "sni_crt",
            "sni_ca",
            "proto",
            "algo",
            "backup",
            "vassal",
            "inactive",
        ])
        .on(Flags::MASTER),
    req("subscribe-freq", Kind::Int, "how often subscriptions are renewed").unit("s").default("10"),
    req("subscription-tolerance", Kind::Int, "how long a subscribed node may be silent")
        .unit("s")
        .default("17"),
    flag("unsubscribe-on-graceful-reload", "unsubscribe while reloading"),
    flag("start-unsubscribed", "subscribe only when told to"),
    req("legion-cron", Kind::Cron, "run a command at given times when this node is lord")
        .aliases(&["cron-legion"])
        .on(Flags::MASTER),
    req("unique-legion-cron", Kind::Cron, "like legion-cron, never two at a time")
        .aliases(&["unique-cron-legion"])
        .on(Flags::MASTER),
    req("legion-attach-daemon", Kind::List, "run a daemon while this node is lord")
        .on(Flags::MASTER),
    req(
        "legion-smart-attach-daemon",
        Kind::List,
        "run a daemon with a pidfile while this node is lord",
    )
    .on(Flags::MASTER),
    req(
        "legion-smart-attach-daemon2",
        Kind::List,
        "run a forking daemon with a pidfile while this node is lord",
    )
    .on(Flags::MASTER),
    flag("subscription-clear-on-shutdown", "drop all nodes when a router stops"),
    req("subscription-tolerance-inactive", Kind::Int, "how long an unused node may be silent")
        .unit("s"),
    flag("subscription-vassal-required", "accept subscriptions only from vassals"),
];

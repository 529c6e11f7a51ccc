//! Static files and offloading.

use crate::row::{Flags, Kind, Row, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("check-static", Kind::List, "?").aliases(&["static-check"]).on(Flags::MIME),
    flag("check-static-docroot", "?").on(Flags::MIME),
    req("static-map", Kind::List, "?").on(Flags::MIME),
    req("static-map2", Kind::List, "?").on(Flags::MIME),
    req("static-skip-ext", Kind::List, "?").on(Flags::MIME),
    req("static-index", Kind::List, "?").on(Flags::MIME),
    req("static-safe", Kind::List, "?").on(Flags::MIME),
    req("static-cache-paths", Kind::Int, "?").default("0").on(Flags::MASTER).on(Flags::MIME),
    req("static-cache-paths-name", Kind::Str, "?").on(Flags::MASTER).on(Flags::MIME),
    req("mimefile", Kind::List, "?").aliases(&["mime-file"]).on(Flags::MIME),
    req("static-expires-type", Kind::Dict, "?").on(Flags::MIME),
    req("static-expires-type-mtime", Kind::Dict, "?").on(Flags::MIME),
    req("static-expires", Kind::RegexpDict, "?").on(Flags::MIME),
    req("static-expires-mtime", Kind::RegexpDict, "?").on(Flags::MIME),
    req("static-expires-uri", Kind::RegexpDict, "?").on(Flags::MIME),
    req("static-expires-uri-mtime", Kind::RegexpDict, "?").on(Flags::MIME),
    req("static-expires-path-info", Kind::RegexpDict, "?").on(Flags::MIME),
    req("static-expires-path-info-mtime", Kind::RegexpDict, "?").on(Flags::MIME),
    req("static-gzip", Kind::Regexp, "?").on(Flags::MIME),
    flag("static-gzip-all", "?").on(Flags::MIME),
    req("static-gzip-dir", Kind::List, "?").aliases(&["static-gzip-prefix"]).on(Flags::MIME),
    req("static-gzip-ext", Kind::List, "?").aliases(&["static-gzip-suffix"]).on(Flags::MIME),
    flag("honour-range", "?"),
    req("offload-threads", Kind::Int, "?").aliases(&["offload-thread"]),
    req("file-serve-mode", Kind::List, "?").aliases(&["fileserve-mode"]).on(Flags::MIME),
    flag("disable-sendfile", "?"),
    opt("check-cache", Kind::Str, "?"),
];

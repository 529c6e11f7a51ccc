//! Static files and offloading.

use crate::row::{Flags, Kind, Row, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("check-static", Kind::List, "serve files of this directory when they exist")
        .aliases(&["static-check"])
        .on(Flags::MIME),
    flag("check-static-docroot", "serve files of DOCUMENT_ROOT when they exist").on(Flags::MIME),
    req("static-map", Kind::List, "serve a directory at a path: path=directory").on(Flags::MIME),
    req("static-map2", Kind::List, "like static-map, the path stays part of the file name")
        .on(Flags::MIME),
    req("static-skip-ext", Kind::List, "suffix that is never served as a file").on(Flags::MIME),
    req("static-index", Kind::List, "file served for a directory").on(Flags::MIME),
    req("static-safe", Kind::List, "directory that symbolic links may lead to").on(Flags::MIME),
    req("static-cache-paths", Kind::Int, "remember where files were found for so long")
        .unit("s")
        .default("0")
        .on(Flags::MASTER)
        .on(Flags::MIME),
    req("static-cache-paths-name", Kind::Str, "cache that remembers found files")
        .on(Flags::MASTER)
        .on(Flags::MIME),
    req("mimefile", Kind::List, "read MIME types from this file")
        .aliases(&["mime-file"])
        .on(Flags::MIME),
    req("static-expires-type", Kind::Dict, "expiry by MIME type: type=seconds").on(Flags::MIME),
    req("static-expires-type-mtime", Kind::Dict, "expiry by MIME type, counted from the file time")
        .on(Flags::MIME),
    req("static-expires", Kind::RegexpDict, "expiry by file name: regexp seconds").on(Flags::MIME),
    req(
        "static-expires-mtime",
        Kind::RegexpDict,
        "expiry by file name, counted from the file time",
    )
    .on(Flags::MIME),
    req("static-expires-uri", Kind::RegexpDict, "expiry by REQUEST_URI: regexp seconds")
        .on(Flags::MIME),
    req(
        "static-expires-uri-mtime",
        Kind::RegexpDict,
        "expiry by REQUEST_URI, counted from the file time",
    )
    .on(Flags::MIME),
    req("static-expires-path-info", Kind::RegexpDict, "expiry by PATH_INFO: regexp seconds")
        .on(Flags::MIME),
    req(
        "static-expires-path-info-mtime",
        Kind::RegexpDict,
        "expiry by PATH_INFO, counted from the file time",
    )
    .on(Flags::MIME),
    req("static-gzip", Kind::Regexp, "prefer a compressed twin of files that match")
        .on(Flags::MIME),
    flag("static-gzip-all", "prefer a compressed twin of every file").on(Flags::MIME),
    req("static-gzip-dir", Kind::List, "prefer compressed twins of files in this directory")
        .aliases(&["static-gzip-prefix"])
        .on(Flags::MIME),
    req("static-gzip-ext", Kind::List, "prefer compressed twins of files with this suffix")
        .aliases(&["static-gzip-suffix"])
        .on(Flags::MIME),
    flag("honour-range", "answer Range requests"),
    req("offload-threads", Kind::Int, "threads that move bytes for workers")
        .default("0")
        .aliases(&["offload-thread", "static-offload-to-thread"]),
    req("file-serve-mode", Kind::Str, "how files leave: sendfile, nginx or x-sendfile headers")
        .hints(&["x-sendfile", "xsendfile", "x-accel-redirect", "xaccelredirect", "nginx"])
        .aliases(&["fileserve-mode"])
        .on(Flags::MIME),
    flag("disable-sendfile", "never use sendfile"),
    opt("check-cache", Kind::Str, "answer from a cache when the page is there"),
];

//! Every committed seed of the fuzz targets runs in an ordinary test run.
#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]
#![allow(dead_code, reason = "the targets share more with the fuzzer than this test uses")]

#[path = "../fuzz/src/drive.rs"]
mod drive;
mod support;

use std::path::Path;

#[test]
fn seeds_of_every_target_run_to_their_end() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in drive::TARGETS {
        let seeds = std::fs::read_dir(corpus.join(name)).expect("a directory of seeds");
        let seeds: Vec<_> = seeds.map(|seed| seed.expect("a seed").path()).collect();
        assert!(!seeds.is_empty(), "no seeds for {name}");
        for seed in seeds {
            target(&std::fs::read(seed).expect("a readable seed"));
        }
    }
}

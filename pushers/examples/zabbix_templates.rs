//! Writes the Zabbix templates of the classic list into a directory: any number of workers and
//! cores, found by discovery, and the first socket.

use std::path::PathBuf;

use uwsgi_metrics::schema::{ListOptions, list};
use uwsgi_metrics::{Arena, Shape};
use uwsgi_pushers::{Format, zabbix_template};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory: PathBuf = std::env::args_os().nth(1).ok_or("a directory is missing")?.into();
    std::fs::create_dir_all(&directory)?;
    let arena = Arena::create(&Shape { workers: 1, cores: 1, sockets: 1, ..Shape::default() })?;
    let items = list(&arena.snapshot(), ListOptions::default());
    for (name, format) in [("uwsgi-6.0.yaml", Format::Yaml6), ("uwsgi-7.0.yaml", Format::Yaml7)] {
        std::fs::write(directory.join(name), zabbix_template(format, "uwsgi", true, &items))?;
    }
    Ok(())
}

//! `zabbix[:ADDR[;ADDR2][,PREFIX][,KEY=VALUE...]]`: values to a Zabbix server or proxy, as
//! `zabbix_sender` gives them, or as an agent does whom the server tells what it wants; and the
//! template that makes a server know them (`zabbix-template`).

mod active;
mod answer;
mod encode;
mod frame;
mod link;
mod names;
mod options;
mod refusals;
mod template;
mod transport;

pub(crate) use options::read;
pub(crate) use template::read as read_template;
pub use template::{Format, zabbix_template};

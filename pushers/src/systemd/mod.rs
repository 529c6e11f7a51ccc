//! `systemd[:freq=S]`: one line about the instance for `systemctl status`, sent to the socket that
//! systemd names in `NOTIFY_SOCKET`. The unit has to say `NotifyAccess=all`: it is not the main
//! process that sends it.

mod encode;
mod options;

pub(crate) use options::read;

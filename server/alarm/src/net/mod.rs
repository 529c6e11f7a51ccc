//! What network actions share beyond [`uwsgi_net`]: deadlines from arguments, mail.

pub(crate) mod mail;
pub(crate) mod smtp;

use std::time::Duration;

pub(crate) use uwsgi_net::{Limits, Trust, dial, http, plain, target, tls, within};

use crate::Facts;
use crate::action::arguments::Arguments;

/// No delivery is given more than this, whatever its alarm says: a stream without any deadline
/// would hold its alarm for ever.
const LONGEST: u64 = 120;

/// `timeout` and `conn_timeout` of an argument; what is missing is the instance's.
pub(crate) fn limits(arguments: &Arguments<'_>, facts: &Facts) -> Result<Limits, String> {
    let seconds = |key: &str| -> Result<Duration, String> {
        let wanted = arguments.seconds(key)?.unwrap_or(facts.timeout);
        // 0 is "no limit" to libcurl.
        Ok(Duration::from_secs(if wanted == 0 { LONGEST } else { wanted.min(LONGEST) }))
    };
    Ok(Limits { connect: seconds("conn_timeout")?, whole: seconds("timeout")? })
}

//! The driver's errors for the log: one line of bounded length, the same as long as the state is the
//! same. The driver tells times and sets in an order of chance, and a line that changes each second
//! would be a new reason each second.

use mongodb::error::{Error, ErrorKind, WriteFailure};

/// Longest reason in the log.
const LONGEST: usize = 400;

/// See the module.
pub(super) fn reason(error: &Error) -> String {
    let text = match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(e)) => format!("{} (code {})", e.message, e.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(e)) => {
            format!("write concern: {} (code {})", e.message, e.code)
        }
        ErrorKind::ServerSelection { message, .. } => selection(message),
        other => without_labels(&other.to_string()).to_owned(),
    };
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST).collect()
}

/// What is missing, and what is known of each server.
fn selection(message: &str) -> String {
    let (what, topology) = message.split_once(". Topology: ").unwrap_or((message, ""));
    let mut servers: Vec<String> = topology.split("{ Address: ").skip(1).map(server).collect();
    servers.sort_unstable();
    match servers.is_empty() {
        true => what.to_owned(),
        false => format!("{what}: {}", servers.join("; ")),
    }
}

fn server(told: &str) -> String {
    let (address, rest) = told.split_once(", Type: ").unwrap_or((told, ""));
    match rest.split_once("Error: Kind: ") {
        Some((_, error)) => format!("{address}: {}", without_labels(error)),
        None => {
            let role: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
            format!("{address}: {role}")
        }
    }
}

/// What the driver says of itself stands behind what happened.
fn without_labels(text: &str) -> &str {
    text.split(", labels: {").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_of_the_servers_has_no_times_and_no_order_of_chance() {
        let refused = |labels: &str| {
            format!(
                "{{ Address: h2:1, Type: Unknown, Error: Kind: I/O error: Connection refused (os error 111), labels: {{{labels}}}, source: None, server response: None }}"
            )
        };
        let other = |took: &str| {
            format!(
                "{{ Address: h1:1, Type: RsSecondary, Average RTT: {took}, Max Wire Version: 21 }}"
            )
        };
        let what = "Server selection timeout: None of the available servers suitable for criteria X. Topology: { Type: ReplicaSetNoPrimary, Servers: [ ";
        let one = format!("{what}{}, {} ] }}", refused("\"a\", \"b\""), other("1.5ms"));
        let two = format!("{what}{}, {} ] }}", other("7ms"), refused("\"b\", \"a\""));
        let wanted = "Server selection timeout: None of the available servers suitable for criteria X: h1:1: RsSecondary; h2:1: I/O error: Connection refused (os error 111)";
        assert_eq!((selection(&one).as_str(), selection(&two).as_str()), (wanted, wanted));
    }

    #[test]
    fn what_has_another_form_stays() {
        assert_eq!(selection("No server."), "No server.");
        assert_eq!(selection("No server. Topology: {}"), "No server");
        assert_eq!(server("h:1 }"), "h:1 }: ");
    }

    #[test]
    fn a_reason_is_one_bounded_line() {
        let long = format!("a\n  b {}", "é".repeat(1000));
        let said = reason(&Error::custom(long));
        assert!(!said.contains('\n') && said.chars().count() <= LONGEST, "{said}");
    }
}

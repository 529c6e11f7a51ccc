//! `signal:<0-255>`: a uwsgi signal; the message is not part of it.

use super::{Action, Delivery, Failure, Parsed};
use crate::{Event, Facts};

struct Signal {
    number: u8,
    raise: Option<fn(u8) -> Result<(), String>>,
}

/// Reads the argument: a number, as C's `atoi` reads one.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let digits = argument.trim();
    let number = digits.parse::<u8>();
    let number =
        number.map_err(|_| format!("\"{argument}\" is no uwsgi signal, which is 0 to 255"))?;
    Ok(Box::new(Signal { number, raise: facts.signal }))
}

impl Action for Signal {
    fn deliver<'a>(&'a mut self, _event: &'a Event) -> Delivery<'a> {
        let raised = match self.raise {
            Some(raise) => raise(self.number),
            None => Err("there are no uwsgi signals here".to_owned()),
        };
        Box::pin(async move { raised.map_err(|text| Failure { text, again: false }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_a_small_number() {
        for (argument, good) in
            [("0", true), ("17", true), ("255", true), ("256", false), ("-1", false), ("", false)]
        {
            assert_eq!(parse(argument, &Facts::default()).is_ok(), good, "{argument}");
        }
    }
}

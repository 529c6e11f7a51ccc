//! `mule:[id]`: the message goes to a mule, or to whichever is free.

use super::{Action, Delivery, Failure, Parsed};
use crate::{Event, Facts, SendToMule};

struct Mule {
    id: u32,
    send: Option<SendToMule>,
}

/// Reads the argument; a mule that does not exist is any mule.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let argument = argument.trim();
    let id = if argument.is_empty() { Ok(0) } else { argument.parse::<u32>() };
    let id = id.map_err(|_| format!("\"{argument}\" is no number of a mule"))?;
    if id > facts.mules
        && let Some(log) = facts.log
    {
        let mules = facts.mules;
        log(&format!("[uwsgi-alarm] invalid mule_id ({mules} mules available), fallback to 0"));
    }
    let id = if id > facts.mules { 0 } else { id };
    // Without mules the message goes nowhere, as ever.
    let send = facts.mule.filter(|_| facts.mules > 0);
    Ok(Box::new(Mule { id, send }))
}

impl Action for Mule {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        let sent = self.send.map_or(Ok(()), |send| send(self.id, &event.text));
        Box::pin(async move { sent.map_err(|text| Failure { text, again: true }) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    static SENT: Mutex<Vec<(u32, Vec<u8>)>> = Mutex::new(Vec::new());

    fn send(id: u32, text: &[u8]) -> Result<(), String> {
        SENT.lock().unwrap().push((id, text.to_vec()));
        Ok(())
    }

    #[test]
    fn a_mule_that_is_not_there_is_any_mule() {
        let facts = Facts { mules: 2, mule: Some(send), ..Facts::default() };
        let event = Event { text: b"x".to_vec(), ..Event::default() };
        for (argument, id) in [("", 0), ("0", 0), ("2", 2), ("3", 0)] {
            let mut action = parse(argument, &facts).ok().unwrap();
            drop(action.deliver(&event));
            assert_eq!(SENT.lock().unwrap().pop(), Some((id, b"x".to_vec())), "{argument}");
        }
        assert!(parse("x", &facts).is_err());
    }
}

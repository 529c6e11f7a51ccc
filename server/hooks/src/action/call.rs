//! Arguments of actions that call something: symbols, RPC, handlers of signals.

use super::words::split;
use super::{Action, Wrong, whole};
use crate::phase::{Hand, Vassal};

/// Words of an RPC, its function included.
const MAX_WORDS: usize = 256;

/// A call of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub symbol: String,
    /// What it gets.
    pub args: Args,
    /// It answers an int, and all but 0 is a failure. Without this its answer is nobody's.
    pub checked: bool,
}

/// What a symbol gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Args {
    /// Nothing: `f(void)`.
    Nothing,
    /// A text: `f(char *)`.
    Text(String),
    /// A number: `f(int)`.
    Number(i32),
    /// A text and up to three numbers: `f(char *, int, ...)`, pids, then users, then groups.
    TextNumbers(String, Vec<i32>),
}

/// A call of a function of the RPC table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// Its name.
    pub function: String,
    /// Address of the node; nothing for this instance.
    pub node: Option<String>,
    /// What it gets.
    pub args: Vec<String>,
    /// Tries again every two seconds until it succeeds.
    pub retry: bool,
}

impl Rpc {
    /// Function and node as they were written.
    pub fn called(&self) -> String {
        match &self.node {
            Some(node) => format!("{}@{node}", self.function),
            None => self.function.clone(),
        }
    }
}

impl Args {
    /// What a function of a `call-` option gets.
    pub(crate) fn handed(hand: Hand, vassal: &Vassal) -> Args {
        let name = || vassal.name.clone();
        let (uid, gid) = (vassal.uid.cast_signed(), vassal.gid.cast_signed());
        match hand {
            Hand::Nothing => Args::Nothing,
            Hand::Name => Args::Text(name()),
            Hand::NamePid => Args::TextNumbers(name(), vec![vassal.pid]),
            Hand::NameIds => Args::TextNumbers(name(), vec![uid, gid]),
            Hand::NamePidIds => Args::TextNumbers(name(), vec![vassal.pid, uid, gid]),
        }
    }
}

/// `symbol [text]`.
pub(super) fn text(argument: &str, checked: bool) -> Result<Action, Wrong> {
    let (symbol, args) = match argument.split_once(' ') {
        Some((symbol, text)) => (symbol, Args::Text(text.to_owned())),
        None => (argument, Args::Nothing),
    };
    Ok(Action::Call(Call { symbol: whole(symbol)?, args, checked }))
}

/// `symbol [number]`; no number is 0. What is no number at all is a text: manuals show
/// `callint:putenv PATH=/bin`.
pub(super) fn number(argument: &str, checked: bool) -> Result<Action, Wrong> {
    let (symbol, number) = argument.split_once(' ').unwrap_or((argument, "0"));
    let number = number.trim();
    let args = match number.parse() {
        Ok(number) => Args::Number(number),
        Err(_) if number.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) => {
            return Err(Wrong::Form);
        }
        Err(_) => Args::Text(number.to_owned()),
    };
    Ok(Action::Call(Call { symbol: whole(symbol)?, args, checked }))
}

/// `function[@node] words`.
pub(super) fn rpc(argument: &str, retry: bool) -> Result<Action, Wrong> {
    let words = split(argument);
    if words.len() > MAX_WORDS {
        return Err(Wrong::Text(format!("hook rpc: more than {MAX_WORDS} words")));
    }
    let mut words = words.into_iter();
    let target = words.next().unwrap_or_default();
    let (function, node) = match target.split_once('@') {
        Some((function, node)) => (function, Some(whole(node)?)),
        None => (target.as_str(), None),
    };
    let function = whole(function)?;
    Ok(Action::Rpc(Rpc { function, node, args: words.collect(), retry }))
}

/// `signum symbol`.
pub(super) fn unix_signal(argument: &str) -> Result<Action, Wrong> {
    let (signal, symbol) = super::first(argument)?;
    let signal = signal.parse().ok().filter(|number| (1..=64).contains(number));
    let symbol = whole(symbol.trim())?;
    Ok(Action::UnixSignal { signal: signal.ok_or(Wrong::Form)?, symbol })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(symbol: &str, args: Args, checked: bool) -> Result<Action, Wrong> {
        Ok(Action::Call(Call { symbol: symbol.to_owned(), args, checked }))
    }

    #[test]
    fn a_symbol_gets_a_text_a_number_or_nothing() {
        assert_eq!(text("f", false), call("f", Args::Nothing, false));
        assert_eq!(text("chdir /a b", true), call("chdir", Args::Text("/a b".into()), true));
        assert_eq!(text("f ", false), call("f", Args::Text(String::new()), false));
        assert_eq!(number("umask 18", true), call("umask", Args::Number(18), true));
        assert_eq!(number("f", false), call("f", Args::Number(0), false));
        assert_eq!(number("f -3", false), call("f", Args::Number(-3), false));
        assert_eq!(
            number("putenv A=b c", false),
            call("putenv", Args::Text("A=b c".into()), false)
        );
        for argument in ["f 1x", "f 99999999999", " 1"] {
            assert_eq!(number(argument, false), Err(Wrong::Form), "{argument}");
        }
        assert_eq!(text("", false), Err(Wrong::Form));
    }

    #[test]
    fn an_rpc_is_words_with_quotes() {
        let rpc_of = |function: &str, node: Option<&str>, args: &[&str], retry| {
            let args = args.iter().map(|&arg| arg.to_owned()).collect();
            let node = node.map(str::to_owned);
            Ok(Action::Rpc(Rpc { function: function.to_owned(), node, args, retry }))
        };
        assert_eq!(rpc("f", false), rpc_of("f", None, &[], false));
        let with_node = rpc_of("f", Some("10.0.0.1:3031"), &["a b", "c"], true);
        assert_eq!(rpc("f@10.0.0.1:3031 'a b'\tc", true), with_node);
        for argument in ["", "@node", "f@", "'' a"] {
            assert_eq!(rpc(argument, false), Err(Wrong::Form), "{argument}");
        }
        assert!(rpc(&"a ".repeat(256), false).is_ok());
        let told = Wrong::Text("hook rpc: more than 256 words".into());
        assert_eq!(rpc(&"a ".repeat(257), false), Err(told));
    }

    #[test]
    fn a_handler_has_a_number_and_a_symbol() {
        let handler = Action::UnixSignal { signal: 10, symbol: "f".into() };
        assert_eq!(unix_signal("10 f"), Ok(handler));
        for argument in ["10", "0 f", "65 f", "USR1 f", "10 ", ""] {
            assert_eq!(unix_signal(argument), Err(Wrong::Form), "{argument}");
        }
    }

    #[test]
    fn functions_of_vassals_get_what_their_number_says() {
        let vassal = Vassal { name: "a".into(), pid: 1, uid: 2, gid: u32::MAX };
        for (hand, args) in [
            (Hand::Nothing, Args::Nothing),
            (Hand::Name, Args::Text("a".into())),
            (Hand::NamePid, Args::TextNumbers("a".into(), vec![1])),
            (Hand::NameIds, Args::TextNumbers("a".into(), vec![2, -1])),
            (Hand::NamePidIds, Args::TextNumbers("a".into(), vec![1, 2, -1])),
        ] {
            assert_eq!(Args::handed(hand, &vassal), args);
        }
    }
}

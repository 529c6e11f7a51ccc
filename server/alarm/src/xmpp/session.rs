//! The life of a connection: online as long as the instance is, with what must be said.
//!
//! ```text
//! Connecting ──online──▶ Online ──lost──▶ Waiting (1 s, doubled while it fails, at most 30 s)
//!     ▲  └───failed──────────────────────▶ Waiting                       │
//!     └──────────────due, or an order and 1 s over───────────────────────┘
//! ```
//! It ends when nobody can give orders any more.

use std::time::Duration;

use quick_xml::escape::escape;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::Account;
use super::channel::Channel;
use super::login::login;
use super::node::Node;
use crate::action::Failure;
use crate::net;

/// How soon a lost server is tried again.
const SOON: Duration = Duration::from_secs(1);

/// How late a server is tried again that has been gone for long.
const LATE: Duration = Duration::from_secs(30);

/// A server that has said nothing for that long is asked whether it is there, and one that does
/// not answer for as long again is not.
const SILENCE: Duration = Duration::from_secs(60);

/// One message and who waits for it to be taken.
pub(crate) struct Order {
    pub(crate) text: String,
    pub(crate) done: oneshot::Sender<Result<(), Failure>>,
}

/// Keeps `account` online and carries out orders.
pub(crate) async fn run(account: Account, log: fn(&str), mut orders: mpsc::Receiver<Order>) {
    let jid = account.jid();
    let (mut pause, mut waiting) = (SOON, None);
    loop {
        let place = format!("the login of {jid}");
        match net::within(account.limits.whole, &place, login(&account)).await {
            Ok(channel) => {
                log(&format!("[uwsgi-alarm-xmpp] ({jid}) connected to the XMPP server"));
                pause = SOON;
                let mut online = Online::new(&account, channel, log);
                match online.live(waiting.take(), &mut orders).await {
                    Ok(()) => return,
                    Err(failure) => tell(log, &jid, &failure),
                }
            }
            Err(failure) => {
                tell(log, &jid, &failure);
                refuse(waiting.take(), &mut orders, &failure);
            }
        }
        let earliest = Instant::now() + SOON;
        tokio::select! {
            () = sleep(pause) => {}
            order = orders.recv() => match order {
                None => return,
                some => waiting = some,
            },
        }
        sleep_until(earliest).await;
        pause = (pause * 2).min(LATE);
        log(&format!("[uwsgi-alarm-xmpp] ({jid}) trying reconnect to the XMPP server..."));
    }
}

fn tell(log: fn(&str), jid: &str, failure: &Failure) {
    log(&format!("[uwsgi-alarm-xmpp] ({jid}) {}", failure.text));
}

/// Whoever waits learns why there is no connection.
fn refuse(waiting: Option<Order>, orders: &mut mpsc::Receiver<Order>, failure: &Failure) {
    let more = std::iter::from_fn(|| orders.try_recv().ok());
    for order in waiting.into_iter().chain(more) {
        let _ = order.done.send(Err(failure.clone()));
    }
}

/// Messages whose fate is open until the server answers the ping behind them.
struct Pending {
    ping: String,
    refused: Vec<String>,
    done: oneshot::Sender<Result<(), Failure>>,
}

struct Online<'a> {
    account: &'a Account,
    channel: Channel,
    log: fn(&str),
    number: u64,
    pending: Option<Pending>,
    /// When the server last said anything, and whether it was asked since.
    heard: Instant,
    asked: bool,
}

impl<'a> Online<'a> {
    fn new(account: &'a Account, channel: Channel, log: fn(&str)) -> Self {
        Self {
            account,
            channel,
            log,
            number: 0,
            pending: None,
            heard: Instant::now(),
            asked: false,
        }
    }

    /// Works until the connection is lost, or nobody gives orders any more.
    async fn live(
        &mut self,
        waiting: Option<Order>,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), Failure> {
        if let Some(order) = waiting {
            self.carry_out(order).await?;
        }
        loop {
            let silent = self.heard + if self.asked { 2 * SILENCE } else { SILENCE };
            tokio::select! {
                node = self.channel.next() => {
                    let node = node?;
                    (self.heard, self.asked) = (Instant::now(), false);
                    self.take(&node).await?;
                }
                order = orders.recv() => match order {
                    Some(order) => self.carry_out(order).await?,
                    None => {
                        let _ = self.channel.send("</stream:stream>").await;
                        return Ok(());
                    }
                },
                () = sleep_until(silent) => {
                    if self.asked {
                        return Err(Failure::passing("lost the XMPP server (it is silent)"));
                    }
                    self.asked = true;
                    self.ping().await?;
                }
            }
        }
    }

    /// Sends the messages of an order and a ping: servers work in order, so an answer to the ping
    /// says that they have the messages.
    async fn carry_out(&mut self, order: Order) -> Result<(), Failure> {
        if order.done.is_closed() {
            // Given up; whoever ordered it may order it again.
            return Ok(());
        }
        let body = escape(clean(&order.text)).into_owned();
        for recipient in &self.account.recipients {
            self.number += 1;
            let (to, id) = (escape(recipient.as_str()), self.number);
            let message =
                format!("<message to='{to}' type='chat' id='m{id}'><body>{body}</body></message>");
            self.channel.send(&message).await?;
        }
        let ping = self.ping().await?;
        self.pending = Some(Pending { ping, refused: Vec::new(), done: order.done });
        Ok(())
    }

    async fn ping(&mut self) -> Result<String, Failure> {
        self.number += 1;
        let (id, to) = (format!("p{}", self.number), escape(self.account.domain.as_str()));
        let ping = format!("<iq type='get' id='{id}' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>");
        self.channel.send(&ping).await?;
        Ok(id)
    }

    async fn take(&mut self, node: &Node) -> Result<(), Failure> {
        let kind = node.attribute("type").unwrap_or_default();
        match (node.name.as_str(), kind) {
            ("iq", "result" | "error") => self.settle(node.attribute("id").unwrap_or_default()),
            ("iq", "get" | "set") => self.answer(node).await?,
            ("message", "error") => self.bounced(node),
            _ => {}
        }
        Ok(())
    }

    /// The server answered a ping.
    fn settle(&mut self, id: &str) {
        let Some(pending) = self.pending.take_if(|pending| pending.ping == id) else { return };
        let all = pending.refused.len() >= self.account.recipients.len();
        let _ = pending.done.send(match pending.refused.into_iter().next() {
            Some(why) if all => Err(Failure::lasting(why)),
            _ => Ok(()),
        });
    }

    fn bounced(&mut self, node: &Node) {
        let condition = node.child("error").map(Node::condition).unwrap_or_default();
        let from = node.attribute("from").unwrap_or_default().escape_debug();
        let why = format!("{from} does not take the message ({condition})");
        (self.log)(&format!("[uwsgi-alarm-xmpp] ({}) {why}", self.account.jid()));
        if let Some(pending) = &mut self.pending {
            pending.refused.push(why);
        }
    }

    /// Answers who asks whether we are there; anything else is not done here.
    async fn answer(&mut self, node: &Node) -> Result<(), Failure> {
        let id = escape(node.attribute("id").unwrap_or_default()).into_owned();
        let to = node.attribute("from").map(|from| format!(" to='{}'", escape(from)));
        let to = to.unwrap_or_default();
        let answer = match node.child("ping") {
            Some(_) => format!("<iq type='result' id='{id}'{to}/>"),
            None => format!(
                "<iq type='error' id='{id}'{to}><error type='cancel'><service-unavailable \
                 xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            ),
        };
        self.channel.send(&answer).await
    }
}

/// Without the characters that no XML document may hold; one of them would end the stream.
fn clean(text: &str) -> String {
    let fits = |c: &char| {
        (!c.is_control() || matches!(c, '\n' | '\t')) && !matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    text.chars().filter(fits).collect()
}

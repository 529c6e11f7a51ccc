//! From nothing to online: connect, encrypt, prove, bind, be present.

use std::fmt::Display;

use quick_xml::escape::escape;

use super::channel::Channel;
use super::node::Node;
use super::sasl::{Mechanism, Scram, nonce, plain};
use super::{Account, PORT, srv};
use crate::action::Failure;
use crate::net::dial;

const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";

/// A stream on which the account is online.
pub(super) async fn login(account: &Account) -> Result<Channel, Failure> {
    let mut channel = connect(account).await?;
    let mut features = channel.open(&account.domain).await?;
    if features.child("starttls").is_some() {
        features = encrypt(&mut channel, account).await?;
    }
    prove(&mut channel, account, &features).await?;
    let features = channel.open(&account.domain).await?;
    bind(&mut channel, account).await?;
    // Servers of today mark the session as optional or do not offer it.
    let session = features.child("session");
    if session.is_some_and(|session| session.child("optional").is_none()) {
        let ask = format!("<session xmlns='{SESSION}'/>");
        request(&mut channel, "session", &ask, "onSessionCreateError()").await?;
    }
    channel.send("<presence/>").await?;
    Ok(channel)
}

/// Connects to the configured server, else to where the domain says, else to the domain.
async fn connect(account: &Account) -> Result<Channel, Failure> {
    let mut places: Vec<(String, u16)> = account.server.iter().cloned().collect();
    if places.is_empty() {
        let told = srv::places(&account.domain).await;
        places.extend(told.into_iter().map(|place| (place.host, place.port)));
    }
    if places.is_empty() {
        places.push((account.domain.clone(), PORT));
    }
    let share = account.limits.connect / u32::try_from(places.len()).unwrap_or(u32::MAX);
    let mut last = None;
    for (host, port) in places {
        match dial::connect(&host, port, share).await {
            Ok(stream) => return Ok(Channel::new(Box::new(stream), format!("{host}:{port}"))),
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| Failure::passing("Couldn't connect to server")))
}

async fn encrypt(channel: &mut Channel, account: &Account) -> Result<Node, Failure> {
    channel.send(&format!("<starttls xmlns='{TLS}'/>")).await?;
    let answer = channel.next().await?;
    if answer.name != "proceed" {
        return Err(Failure::passing("Requested SSL level failed (the server does not proceed)"));
    }
    channel.encrypt(&account.domain, account.trust).await?;
    channel.open(&account.domain).await
}

async fn prove(channel: &mut Channel, account: &Account, features: &Node) -> Result<(), Failure> {
    let offered = features.child("mechanisms").map_or(&[][..], |list| &list.children);
    let offered: Vec<&str> = offered.iter().map(|mechanism| mechanism.text.trim()).collect();
    let Some(mechanism) = Mechanism::choose(&offered, channel.encrypted) else {
        let how = if channel.encrypted { "" } else { " without encryption" };
        return Err(denied(format!("the server offers {}{how}", offered.join(" "))));
    };
    let Account { user, password, .. } = account;
    let mut scram = Scram::new(mechanism, user, password, nonce().map_err(denied)?);
    let first = match mechanism {
        Mechanism::Plain => plain(user, password),
        _ => scram.first(),
    };
    let name = mechanism.name();
    channel.send(&format!("<auth xmlns='{SASL}' mechanism='{name}'>{first}</auth>")).await?;
    let mut answer = channel.next().await?;
    if mechanism != Mechanism::Plain && answer.name == "challenge" {
        let response = scram.answer(&answer.text).map_err(denied)?;
        channel.send(&format!("<response xmlns='{SASL}'>{response}</response>")).await?;
        answer = channel.next().await?;
        if answer.name == "success" {
            return scram.verify(&answer.text).map_err(denied);
        }
    }
    match answer.name.as_str() {
        "success" if mechanism == Mechanism::Plain => Ok(()),
        // The server has trouble of its own, which says nothing about the password.
        "failure" if answer.child("temporary-auth-failure").is_some() => {
            Err(Failure::passing("Login denied (temporary-auth-failure)"))
        }
        "failure" => Err(denied(answer.condition())),
        other => Err(denied(format!("the server said <{other}>"))),
    }
}

async fn bind(channel: &mut Channel, account: &Account) -> Result<(), Failure> {
    let resource = account.resource.as_ref();
    let resource = resource.map(|name| format!("<resource>{}</resource>", escape(name)));
    let ask = format!("<bind xmlns='{BIND}'>{}</bind>", resource.unwrap_or_default());
    request(channel, "bind", &ask, "onResourceBindError()").await
}

/// Asks the server for something that it must grant.
async fn request(channel: &mut Channel, id: &str, ask: &str, what: &str) -> Result<(), Failure> {
    channel.send(&format!("<iq type='set' id='{id}'>{ask}</iq>")).await?;
    loop {
        let answer = channel.next().await?;
        if answer.name != "iq" || answer.attribute("id") != Some(id) {
            continue;
        }
        if answer.attribute("type") == Some("result") {
            return Ok(());
        }
        let condition = answer.child("error").map(Node::condition).unwrap_or_default();
        return Err(Failure::passing(format!("{what} ({condition})")));
    }
}

fn denied(why: impl Display) -> Failure {
    Failure::lasting(format!("Login denied ({why})"))
}

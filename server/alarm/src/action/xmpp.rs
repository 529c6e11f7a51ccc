//! `xmpp:JID;PASSWORD;RECIPIENTS;key=value...`: a message as a chat message.
//!
//! The account is online while the instance lives, so that one sees whether alarms would arrive.

#[cfg(not(feature = "tls"))]
pub(super) fn parse(_: &str, _: &crate::Facts) -> super::Parsed {
    Err("xmpp: this build has no TLS (feature \"tls\"), without which no XMPP server logs in"
        .to_owned())
}

#[cfg(feature = "tls")]
pub(super) use with::parse;

#[cfg(feature = "tls")]
mod with {
    use tokio::sync::{mpsc, oneshot};

    use crate::action::arguments::Arguments;
    use crate::action::secrets::Secrets;
    use crate::action::{Action, Delivery, Failure, Parsed};
    use crate::net::target::Login;
    use crate::net::{self, Trust};
    use crate::xmpp::{Account, Order, run};
    use crate::{Event, Facts};

    const KEYS: &[&str] = &["server", "ssl_insecure", "timeout", "conn_timeout"];

    /// What the argument must look like.
    const FORM: &str = "xmpp: the argument must be <jid>;<password>;<recipient>,<recipient>...";

    struct Xmpp {
        account: Account,
        log: fn(&str),
        secrets: Secrets,
        orders: Option<mpsc::Sender<Order>>,
    }

    /// Reads the argument.
    pub(crate) fn parse(argument: &str, facts: &Facts) -> Parsed {
        let account = account(argument, facts)?;
        let mut secrets = Secrets::default();
        let login = Login { user: account.user.clone(), password: account.password.clone() };
        secrets.add_login(&login);
        Ok(Box::new(Xmpp { account, log: facts.log.unwrap_or(|_| ()), secrets, orders: None }))
    }

    fn account(argument: &str, facts: &Facts) -> Result<Account, String> {
        let mut parts = argument.splitn(4, ';');
        let mut part = || parts.next().filter(|part| !part.is_empty()).ok_or(FORM);
        let (jid, password, recipients) = (part()?, part()?, part()?);
        let arguments = Arguments::split(parts.next().unwrap_or_default(), KEYS);
        arguments.tell_unknown("xmpp", facts);
        let (address, resource) = match jid.split_once('/') {
            Some((address, resource)) => (address, Some(resource.to_owned())),
            None => (jid, None),
        };
        let halves =
            address.split_once('@').filter(|(user, domain)| !user.is_empty() && !domain.is_empty());
        let (user, domain) =
            halves.ok_or_else(|| format!("xmpp: \"{jid}\" is not of the form user@domain"))?;
        let recipients = recipients.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Account {
            user: user.to_owned(),
            domain: domain.to_owned(),
            resource: resource.filter(|resource| !resource.is_empty()),
            password: password.to_owned(),
            server: arguments.get("server").map(server).transpose()?,
            recipients: recipients.map(str::to_owned).collect(),
            trust: if arguments.is_on("ssl_insecure") { Trust::Anybody } else { Trust::System },
            limits: net::limits(&arguments, facts)?,
        })
    }

    /// `host` or `host:port`.
    fn server(text: &str) -> Result<(String, u16), String> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !text.ends_with(']') => (host, port.parse().ok()),
            _ => (text, Some(5222)),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port.filter(|_| !host.is_empty());
        Ok((
            host,
            port.ok_or_else(|| format!("xmpp: server \"{text}\" is not of the form host:port"))?,
        ))
    }

    impl Xmpp {
        fn orders(&mut self) -> mpsc::Sender<Order> {
            let (account, log) = (&self.account, self.log);
            let orders = self.orders.get_or_insert_with(|| {
                let (orders, taken) = mpsc::channel(1);
                tokio::spawn(run(account.clone(), log, taken));
                orders
            });
            orders.clone()
        }

        async fn say(&mut self, text: &[u8]) -> Result<(), Failure> {
            let lost = || Failure::passing("lost the XMPP server");
            let (done, told) = oneshot::channel();
            let text = String::from_utf8_lossy(text).trim_end().to_owned();
            self.orders().send(Order { text, done }).await.map_err(|_| lost())?;
            told.await.unwrap_or_else(|_| Err(lost()))
        }
    }

    impl Action for Xmpp {
        fn begin(&mut self) {
            self.orders();
        }

        fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
            Box::pin(async move {
                let (limit, place) =
                    (self.account.limits.whole, format!("the server of {}", self.account.jid()));
                let done = net::within(limit, &place, self.say(&event.text)).await;
                done.map_err(|failure| self.secrets.blot_failure(failure))
            })
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_argument_is_account_password_and_recipients() {
            let facts = Facts { timeout: 4, ..Facts::default() };
            let read = account("me@x/r1;p=w;a@y, b@z;server=[::1]:5,;ssl_insecure=1", &facts);
            assert_eq!(
                read.err().as_deref(),
                Some("xmpp: server \"[::1]:5,\" is not of the form host:port")
            );
            let read =
                account("me@x/r1;p=w;a@y, b@z;server=[::1]:5;ssl_insecure=1", &facts).unwrap();
            assert_eq!(read.jid(), "me@x/r1");
            assert_eq!(read.password, "p=w");
            assert_eq!(read.recipients, ["a@y", "b@z"]);
            assert_eq!(read.server, Some(("::1".to_owned(), 5)));
            assert_eq!(read.trust, Trust::Anybody);
            let read = account("me@x;p;a@y", &facts).unwrap();
            assert_eq!(
                (read.jid().as_str(), read.server, read.trust),
                ("me@x", None, Trust::System)
            );
        }

        #[test]
        fn what_is_missing_is_told() {
            for (argument, expected) in [
                ("", FORM),
                ("me@x;p", FORM),
                ("me@x;;a@y", FORM),
                ("me;p;a@y", "xmpp: \"me\" is not of the form user@domain"),
            ] {
                let error = account(argument, &Facts::default()).err();
                assert_eq!(error.as_deref(), Some(expected), "{argument}");
            }
        }
    }
}

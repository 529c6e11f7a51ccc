//! Dialogues with mail servers.

use uwsgi_alarm::Failure;

use crate::{deliver, event, mail};

const GREETING: &str = "220 sink ESMTP\r\n";
const AUTH: (&str, &str) = ("EHLO", "250-sink\r\n250 AUTH PLAIN\r\n");
const EHLO: &str = "EHLO h1\r\n";

/// Starts of lines and the answers to them.
type Rules = &'static [(&'static str, &'static str)];

/// What is said between the greeting and the mail, and the mail's first and last lines.
async fn dialogue(
    rules: &[(&'static str, &'static str)],
    more: &str,
) -> (Result<(), Failure>, String) {
    let (port, said) = mail(GREETING, rules).await;
    let argument = format!("curl:smtp://127.0.0.1:{port};mail_to=root,b@x;mail_from=me@x{more}");
    let done = deliver(&argument, &event("one\n.two\n")).await;
    (done, said.await.unwrap())
}

#[tokio::test]
async fn a_mail_is_handed_over_whole() {
    let (done, said) =
        dialogue(&[("EHLO", "250-sink\r\n250 8BITMIME\r\n")], ";subject=help !!!").await;
    assert_eq!(done, Ok(()));
    let expected = "EHLO h1\r\nMAIL FROM:<me@x>\r\nRCPT TO:<root>\r\nRCPT TO:<b@x>\r\nDATA\r\n\
        From: me@x\r\nTo: root,\r\n b@x\r\nSubject: help !!!\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\
        Message-ID: <1700000000000000.7.a@h1>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
        one\r\n..two\r\n.\r\nQUIT\r\n";
    assert_eq!(said, expected);
}

#[tokio::test]
async fn the_server_learns_the_login_as_it_wants_it() {
    let login = ";auth_user=uwsgi;auth_pass=secret";
    for (offered, expected) in [
        ("250-sink\r\n250 AUTH LOGIN PLAIN\r\n", "AUTH PLAIN AHV3c2dpAHNlY3JldA==\r\n"),
        ("250-sink\r\n250 auth=login\r\n", "AUTH LOGIN\r\ndXdzZ2k=\r\nc2VjcmV0\r\n"),
        ("250 sink\r\n", ""),
    ] {
        let rules = [
            ("EHLO", offered),
            ("AUTH PLAIN", "235 ok\r\n"),
            ("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"),
            ("dXdzZ2k=", "334 UGFzc3dvcmQ6\r\n"),
            ("c2VjcmV0", "235 ok\r\n"),
        ];
        let (done, said) = dialogue(&rules, login).await;
        assert_eq!(done, Ok(()), "{offered}");
        assert!(said.starts_with(&format!("{EHLO}{expected}MAIL FROM:<me@x>\r\n")), "{said}");
    }
}

#[tokio::test]
async fn a_server_without_ehlo_is_greeted_the_old_way() {
    let (done, said) = dialogue(&[("EHLO", "502 what?\r\n")], "").await;
    assert_eq!(done, Ok(()));
    assert!(said.starts_with("EHLO h1\r\nHELO h1\r\nMAIL FROM"), "{said}");
}

#[tokio::test]
async fn one_refused_recipient_does_not_keep_the_mail_from_others() {
    let (done, said) = dialogue(&[("RCPT TO:<root>", "550 who?\r\n")], "").await;
    assert_eq!(done, Ok(()));
    assert!(said.ends_with("\r\n.\r\nQUIT\r\n"), "{said}");
}

#[tokio::test]
async fn a_refusal_says_who_said_what_and_whether_it_passes() {
    let cases: [(Rules, &str, &str, bool); 8] = [
        (
            &[AUTH, ("AUTH", "535 no secret for you\r\n")],
            "Login denied (PLACE said 535 no *** for you)",
            "auth_user=u;auth_pass=secret",
            false,
        ),
        (
            &[AUTH, ("AUTH", "454 later\r\n")],
            "Login denied (PLACE said 454 later)",
            "auth_user=u;auth_pass=p",
            true,
        ),
        (
            &[("EHLO", "250-s\r\n250 AUTH CRAM-MD5\r\n")],
            "Login denied (PLACE offers CRAM-MD5, not PLAIN or LOGIN)",
            "auth_user=u",
            false,
        ),
        (
            &[("RCPT", "451-grey\r\n451 listed\r\n")],
            "Failed sending data to the peer (PLACE said 451 grey listed)",
            "",
            true,
        ),
        (
            &[("MAIL", "530 login first\r\n")],
            "Failed sending data to the peer (PLACE said 530 login first)",
            "",
            false,
        ),
        (
            &[(".\r\n", "554 spam\r\n")],
            "Failed sending data to the peer (PLACE said 554 spam)",
            "",
            false,
        ),
        (&[], "Requested SSL level failed (PLACE does not offer STARTTLS)", "ssl=1", false),
        (
            &[("EHLO", "250-s\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 go\r\n250 injected\r\n")],
            "Weird server reply (PLACE said more than STARTTLS)",
            "ssl=1",
            false,
        ),
    ];
    for (rules, text, more, again) in cases {
        let (port, said) = mail(GREETING, rules).await;
        let argument = format!("curl:smtp://127.0.0.1:{port};mail_to=root;{more}");
        let failure = deliver(&argument, &event("x")).await.unwrap_err();
        let text = text.replace("PLACE", &format!("127.0.0.1:{port}"));
        assert_eq!(failure, Failure { text: format!("curl_easy_perform() failed: {text}"), again });
        said.await.unwrap();
    }
}

#[tokio::test]
async fn a_greeting_may_be_a_refusal_or_no_smtp() {
    for (greeting, expected, again) in [
        ("554 go away\r\n", "Failed to connect", false),
        ("421 busy\r\n", "Failed to connect", true),
        ("SSH-2.0-x\r\n", "does not speak SMTP", true),
        ("+OK\r\n", "does not speak SMTP", true),
    ] {
        let (port, said) = mail(greeting, &[]).await;
        let argument = format!("curl:smtp://127.0.0.1:{port};mail_to=root");
        let failure = deliver(&argument, &event("x")).await.unwrap_err();
        assert!(failure.text.contains(expected) && failure.again == again, "{failure:?}");
        assert_eq!(said.await.unwrap(), "");
    }
}

#[tokio::test]
async fn a_mail_without_recipient_is_not_sent() {
    let failure = deliver("curl:smtp://127.0.0.1:1", &event("x")).await.unwrap_err();
    assert_eq!(failure.text, "curl_easy_perform() failed: the mail has no recipient (mail_to)");
    assert!(!failure.again);
}

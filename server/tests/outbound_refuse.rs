//! SECURITY H01: the addresses to which the outbound HTTP client connects, and how it treats answers.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Request;
use doorward_config::Network;
use doorward_outbound::{CallLimits, Finding, HttpClient, HttpResponse, Names};

use crate::post::service::{Mood, Service};

const LIMITS: CallLimits = CallLimits { time: Duration::from_secs(20), bytes: 64 * 1024 };

/// A resolver that gives the next answer at each lookup and repeats the last one.
struct Fickle(Mutex<VecDeque<Vec<IpAddr>>>);

impl Names for Fickle {
    fn find(&self, _: &str) -> Finding {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(std::future::ready(answer.ok_or_else(|| io::Error::other("no such name"))))
    }
}

fn client(allow: &[&str], answers: &[&[&str]]) -> HttpClient {
    let addresses = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
    let names = Fickle(Mutex::new(answers.iter().map(addresses).collect()));
    HttpClient::with(allow.iter().map(|text| Network::parse(text).unwrap()).collect(), Arc::new(names))
        .unwrap()
}

async fn get(client: &HttpClient, url: &str) -> Result<HttpResponse, String> {
    get_within(client, url, LIMITS).await
}

async fn get_within(client: &HttpClient, url: &str, limits: CallLimits) -> Result<HttpResponse, String> {
    client.send(Request::builder().uri(url).body(Vec::new()).unwrap(), limits).await
}

#[tokio::test]
async fn sec_h01_no_connection_is_opened_to_this_machine_in_any_spelling() {
    let service = Service::start().await;
    let port = service.port;
    let client = client(&[], &[&["127.0.0.1"], &["::1"], &["::ffff:127.0.0.1"], &["10.0.0.1", "127.0.0.1"]]);
    for host in [
        "127.0.0.1",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "127.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
        "localhost",
        "localhost.",
        "one.example.com",
        "two.example.com",
        "three.example.com",
        "four.example.com",
    ] {
        for scheme in ["https", "http"] {
            let cause = get(&client, &format!("{scheme}://{host}:{port}/")).await.expect_err(host);
            assert!(cause.contains("outbound.allow") || cause.contains("is not https"), "{host}: {cause}");
            assert!(!cause.contains("127.") && !cause.contains("example"), "{cause}");
        }
    }
    assert_eq!(service.connections(), 0);
}

#[tokio::test]
async fn sec_h01_dns_rebinding_does_not_reach_an_internal_address() {
    let service = Service::start().await;
    // The first answer is an allowed address, the next one is not.
    let client = client(&["127.0.0.2"], &[&["127.0.0.2"], &["127.0.0.1"]]);
    let url = format!("https://rebinding.example.com:{}/", service.port);
    client.check(&url.parse().unwrap()).unwrap();
    for _ in 0..3 {
        get(&client, &url).await.unwrap_err();
    }
    assert!(get(&client, &url).await.unwrap_err().contains("leads to a loopback address"));
    assert_eq!(service.connections(), 0);
}

#[tokio::test]
async fn sec_h01_localhost_names_are_not_resolved_by_dns() {
    let service = Service::start().await;
    let client = client(&["127.0.0.0/8"], &[&["10.1.2.3"]]);
    let answer = get(&client, &format!("http://api.localhost:{}/", service.port)).await.unwrap();
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn sec_h01_a_redirect_is_an_answer_and_is_not_followed() {
    let (service, inside) = (Service::start().await, Service::start().await);
    let client = client(&["127.0.0.0/8"], &[]);
    for status in [301, 302, 303, 307, 308] {
        service.be(Mood::Redirects(status, format!("http://127.0.0.1:{}/", inside.port)));
        assert_eq!(get(&client, &service.url("/")).await.unwrap().status, status);
    }
    assert_eq!((service.heard().len(), inside.connections()), (5, 0));
}

#[tokio::test]
async fn sec_h01_a_slow_server_delays_a_call_by_at_most_its_timeout() {
    let service = Service::start().await;
    let client = client(&["127.0.0.0/8"], &[]);
    for mood in [Mood::Hangs, Mood::Drips] {
        service.be(mood);
        let limits = CallLimits { time: Duration::from_millis(300), ..LIMITS };
        let cause = get_within(&client, &service.url("/"), limits).await.unwrap_err();
        assert_eq!(cause, "no answer in time");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_an_error_without_its_text() {
    let service = Service::start().await;
    let client = client(&["127.0.0.0/8"], &[]);
    for mood in [Mood::Babbles, Mood::HangsUp] {
        service.be(mood);
        let cause = get(&client, &service.url("/secret-path")).await.unwrap_err();
        assert!(!cause.contains("ESMTP") && !cause.contains("secret-path"), "{cause}");
    }
}

#[tokio::test]
async fn sec_h01_a_long_answer_is_read_only_up_to_the_limit() {
    let service = Service::start().await;
    service.be(Mood::Says(200, "x".repeat(10 << 20)));
    let answer = get(&client(&["127.0.0.0/8"], &[]), &service.url("/")).await.unwrap();
    assert_eq!((answer.whole, answer.body.len()), (false, LIMITS.bytes));
}

//! Plays of connections and metadata, with a producer as the one who wants something of them.

use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::messages::ApiVersionsResponseData;
use odradek_wire::messages::api_versions_response::ApiVersion;
use odradek_wire::request::Request;
use odradek_wire::response;

use crate::config::ProducerConfig;
use crate::io::Input;
use crate::producer::{Command, Producer, Token};
use crate::record::ProducerRecord;
use crate::testing::{Plan, Stage, common, orders};

fn stage(plan: Plan, change: impl FnOnce(&mut ProducerConfig)) -> Stage<Producer> {
    let mut config = ProducerConfig::new(common());
    config.linger_ms = 0;
    change(&mut config);
    Stage::new(Producer::new(config, odradek_machine::Seed(7)).expect("the configuration is sound"), plan)
}

fn send(stage: &mut Stage<Producer>) {
    stage.command(Command::Send { token: Token(1), record: ProducerRecord::new(orders(), "a").to(0) });
}

#[test]
fn network_dials_again_later_and_later_while_a_node_refuses() {
    let mut stage = stage(Plan { accept: false, ..Plan::one_node(1) }, |_| ());
    send(&mut stage);
    let mut dialed_ms = Vec::new();
    for _ in 0..8_000 {
        while let Some((connection, _)) = stage.dials.pop_front() {
            dialed_ms.push(stage.now.mono.as_ms());
            stage.feed(Input::Dialed { connection, result: Err("refused".into()) });
        }
        stage.pass_ms(1);
    }
    let pauses: Vec<u64> = dialed_ms.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, middle) in pauses.iter().zip([50, 100, 200, 400, 800, 1_000, 1_000]) {
        assert!((middle * 8 / 10..=middle * 12 / 10 + 1).contains(pause), "{pause} ms where {middle} was due: {pauses:?}");
    }
    assert!(pauses.len() >= 8, "{pauses:?}");
}

#[test]
fn network_gives_up_a_dial_that_takes_too_long() {
    let mut stage = stage(Plan { accept: false, ..Plan::one_node(1) }, |c| c.common.connection_setup_timeout_ms = 700);
    send(&mut stage);
    let (late, _) = stage.dials.pop_front().expect("the bootstrap server is dialed");
    stage.pass_ms(1_000);
    let (again, _) = stage.dials.pop_front().expect("it is dialed again");
    assert_ne!(late, again, "a connection's id is never used again");
    stage.feed(Input::Dialed { connection: late, result: Ok(()) });
    assert!(stage.requests.is_empty(), "a dial that was given up is used");
}

#[test]
fn network_asks_for_versions_again_by_the_range_that_an_old_broker_returns() {
    let mut stage = stage(Plan { versions: false, ..Plan::one_node(1) }, |_| ());
    send(&mut stage);
    let first = stage.next();
    assert_eq!((first.header.api, first.header.version), (ApiKey::ApiVersions, 4));
    let own = ApiVersion::default().with_api_key(ApiKey::ApiVersions.key()).with_min_version(0).with_max_version(2);
    let refusal = ApiVersionsResponseData::default().with_error_code(ErrorCode::UnsupportedVersion.code()).with_api_keys(vec![own]);
    stage.refuse_version(&first, refusal);
    let second = stage.next();
    assert_eq!((second.header.api, second.header.version), (ApiKey::ApiVersions, 2));
    let versions = stage.versions();
    stage.plan.versions = true;
    stage.answer(&second, versions);
    assert!(matches!(stage.next().request, Request::Produce(_)));
}

#[test]
fn network_closes_a_connection_whose_broker_refuses_every_version() {
    let mut stage = stage(Plan { versions: false, ..Plan::one_node(1) }, |_| ());
    send(&mut stage);
    for _ in 0..2 {
        let asked = stage.next();
        let response::Response::ApiVersions(body) = response::unsupported_api_versions() else { unreachable!("it is its answer") };
        stage.refuse_version(&asked, body);
        if stage.requests.is_empty() {
            assert!(!stage.is_open(asked.connection));
            return;
        }
    }
    panic!("versions are asked for without an end");
}

#[test]
fn network_speaks_the_newest_version_that_both_have() {
    let mut plan = Plan::one_node(1);
    plan.newest.insert(ApiKey::Produce, 9);
    let mut stage = stage(plan, |_| ());
    send(&mut stage);
    assert_eq!(stage.next().header.version, 9);
}

#[test]
fn network_closes_the_connection_of_a_request_that_times_out() {
    let mut stage = stage(Plan::one_node(1), |_| ());
    send(&mut stage);
    let asked = stage.next();
    stage.pass_ms(29_999);
    assert!(stage.is_open(asked.connection));
    stage.pass_ms(1);
    assert!(!stage.is_open(asked.connection));
    stage.pass_ms(300);
    let again = stage.next();
    assert_ne!(again.connection, asked.connection);
}

#[test]
fn network_does_not_believe_garbage_or_answers_to_nothing() {
    for frame in [&b""[..], b"\0\0", b"\0\0\0\x63garbage", &[0xff; 40]] {
        let mut stage = stage(Plan::one_node(1), |_| ());
        send(&mut stage);
        let asked = stage.next();
        stage.feed(Input::Response { connection: asked.connection, frame: bytes::Bytes::copy_from_slice(frame) });
        assert!(!stage.is_open(asked.connection), "{frame:?} was taken for an answer");
        stage.feed(Input::Response { connection: asked.connection, frame: bytes::Bytes::from_static(b"late") });
        stage.pass_ms(300);
        assert!(matches!(stage.next().request, Request::Produce(_)));
    }
}

#[test]
fn network_goes_back_to_the_bootstrap_servers_when_the_cluster_moved_away() {
    let mut stage = stage(Plan { nodes: vec![5], ..Plan::one_node(1) }, |_| ());
    stage.plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(5, 0)];
    send(&mut stage);
    let asked = stage.next();
    assert_eq!(asked.port, 9005);
    // Node 5 is gone for good, and its partition is led by node 6.
    stage.plan.nodes = vec![6];
    stage.plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(6, 1)];
    stage.plan.refused = vec![9005];
    stage.cut_all();
    stage.pass_ms(2_000);
    assert_eq!(stage.next().port, 9006);
}

#[test]
fn network_waits_as_long_as_a_broker_asks() {
    let mut stage = stage(Plan::one_node(1), |_| ());
    send(&mut stage);
    let asked = stage.next();
    let body = odradek_wire::messages::ProduceResponseData::default().with_throttle_time_ms(5_000);
    stage.answer(&asked, body);
    stage.pass_ms(4_999);
    assert!(stage.requests.is_empty(), "a request left while the broker wanted quiet");
    stage.pass_ms(1);
    assert!(matches!(stage.next().request, Request::Produce(_)));
}

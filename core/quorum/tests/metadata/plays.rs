//! Plays: protocol stories of one node's metadata as text. `UPDATE_PLAYS=1` writes down what the machines say; the diff is reviewed.

use crate::host::{DIRECTORY, Node, heartbeat, register_broker, register_controller};
use odradek_cluster::controller::ControllerRequest;
use odradek_cluster::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use odradek_cluster::messages::delete_topics_request::DeleteTopicState;
use odradek_cluster::messages::{AllocateProducerIdsRequestData, CreateTopicsRequestData, DeleteTopicsRequestData, text};
use odradek_machine::Seed;
use odradek_wire::ids::{NodeId, Uuid};

#[test]
fn a_fresh_node_registers_and_is_unfenced() {
    play("register", include_str!("plays/register.txt"));
}

#[test]
fn a_topic_is_created_and_deleted() {
    play("topic", include_str!("plays/topic.txt"));
}

#[test]
fn a_node_stops_cleanly_and_comes_back() {
    play("controlled-shutdown", include_str!("plays/controlled-shutdown.txt"));
}

#[test]
fn a_node_is_killed_and_comes_back() {
    play("kill", include_str!("plays/kill.txt"));
}

#[test]
fn a_snapshot_replaces_the_log_before_it() {
    play("snapshot", include_str!("plays/snapshot.txt"));
}

fn play(name: &str, script: &str) {
    let mut node = Node::new();
    let mut played = String::new();
    let mut told = script.lines().peekable();
    if let Some(title) = told.next() {
        played += &format!("{title}\n");
    }
    while told.peek().is_some() {
        let commands: Vec<&str> = told.by_ref().take_while(|line| *line != "----").filter(|line| !line.is_empty()).collect();
        told.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
        if commands.is_empty() {
            break;
        }
        for command in &commands {
            played += &format!("\n{command}");
            command_of(&mut node, command);
        }
        played += "\n----\n";
        for line in node.said.drain(..) {
            played += &format!("{line}\n");
        }
    }
    compare(name, script, &played);
}

#[expect(clippy::disallowed_methods, reason = "a play is written down on demand, by whoever runs the tests")]
fn compare(name: &str, script: &str, played: &str) {
    if std::env::var("UPDATE_PLAYS").is_ok() {
        let path = format!("{}/tests/metadata/plays/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, played).expect("the play can be written");
    } else {
        assert_eq!(played, script, "play {name}; UPDATE_PLAYS=1 writes it down");
    }
}

fn command_of(node: &mut Node, command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let incarnation = |node: &Node| Uuid(Seed(node.life).named("incarnation").uuid());
    let epoch = |node: &Node| node.controller.as_ref().and_then(|c| c.image().broker(NodeId(0))).map_or(-1, |b| b.epoch.0);
    let read = |node: &Node| node.quorum.as_ref().and_then(odradek_quorum::Quorum::high_watermark).map_or(-1, |hw| hw.0 - 1);
    match &*words {
        ["start"] => {
            if let Err(e) = node.start() {
                node.said.push(format!("refused: {e}"));
            }
        }
        ["kill"] => node.kill(),
        ["power", "cut"] => node.power_cut(),
        ["hold", "syncs"] => node.hold_sync = true,
        ["sync"] => node.release_sync(),
        ["directory", "fails"] => node.tell(odradek_quorum::Input::DirectoryFailed),
        ["advance", ms] => {
            node.advance_ms(ms.parse().expect("milliseconds"));
            node.due();
        }
        ["snapshots", "after", bytes] => node.quorum_config.snapshot_bytes_max = bytes.parse().expect("bytes"),
        ["register", "controller"] => {
            node.ask(&register_controller(incarnation(node)));
        }
        ["register", "broker"] => {
            node.ask(&register_broker(0, incarnation(node), DIRECTORY, -1));
        }
        ["register", "broker", "after", "epoch", previous] => {
            let previous = previous.parse().expect("an epoch");
            node.ask(&register_broker(0, incarnation(node), DIRECTORY, previous));
        }
        ["heartbeat"] => {
            node.ask(&heartbeat(0, epoch(node), read(node), false, false));
        }
        ["heartbeat", "behind"] => {
            node.ask(&heartbeat(0, epoch(node), 0, false, false));
        }
        ["heartbeat", "wants", "to", "stop"] => {
            node.ask(&heartbeat(0, epoch(node), read(node), false, true));
        }
        ["producer", "ids"] => {
            let request = AllocateProducerIdsRequestData { broker_id: 0, broker_epoch: epoch(node), ..Default::default() };
            node.ask(&ControllerRequest::AllocateProducerIds(request));
        }
        ["create", name, partitions, configs @ ..] => {
            let config = |c: &&str| {
                let (name, value) = c.split_once('=').expect("key=value");
                CreatableTopicConfig { name: text(name), value: Some(text(value)), ..Default::default() }
            };
            let topic = CreatableTopic {
                name: text(name),
                num_partitions: partitions.parse().expect("a number of partitions"),
                replication_factor: -1,
                configs: configs.iter().map(config).collect(),
                ..Default::default()
            };
            let request = CreateTopicsRequestData { topics: vec![topic], ..Default::default() };
            node.ask(&ControllerRequest::CreateTopics(request));
        }
        ["delete", name] => {
            let topic = DeleteTopicState { name: Some(text(name)), ..Default::default() };
            let request = DeleteTopicsRequestData { topics: vec![topic], ..Default::default() };
            node.ask(&ControllerRequest::DeleteTopics(request));
        }
        ["image"] => {
            let mut lines = Vec::new();
            for topic in node.image().topics() {
                for (index, p) in &topic.partitions {
                    let line =
                        format!("{}-{index} isr {:?} elr {:?} leader {:?} epoch {}", topic.name, p.isr, p.elr, p.leader, p.leader_epoch.0);
                    lines.push(line.replace("NodeId", ""));
                }
            }
            node.said.extend(lines);
        }
        _ => panic!("no such command: {command}"),
    }
}

//! Plays of the admin client with a scripted broker.

use odradek_machine::Seed;
use odradek_wire::api::ApiKey;
use odradek_wire::error::ErrorCode;
use odradek_wire::ids::{TopicPartition, Uuid};
use odradek_wire::messages::create_topics_response::CreatableTopicResult;
use odradek_wire::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use odradek_wire::messages::describe_log_dirs_response::DescribeLogDirsResult;
use odradek_wire::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use odradek_wire::messages::{
    CreateTopicsResponseData, DeleteRecordsResponseData, DescribeConfigsResponseData, DescribeLogDirsResponseData,
    DescribeTopicPartitionsResponseData, describe_configs_response as configs, text,
};
use odradek_wire::request::Request;

use crate::admin::{Admin, Command, ConfigResource, Event, NewTopic, Operation, Reply, Token};
use crate::config::AdminConfig;
use crate::error::ClientError;
use crate::testing::{Asked, Plan, Stage, common, orders};

fn stage(plan: Plan) -> Stage<Admin> {
    Stage::new(Admin::new(AdminConfig::new(common()), Seed(7)), plan)
}

fn begin(stage: &mut Stage<Admin>, operation: Operation) {
    stage.command(Command::Do { token: Token(1), operation, timeout_ms: Some(10_000) });
}

fn ended(stage: &mut Stage<Admin>) -> Result<Reply, ClientError> {
    let mut events = stage.take_events();
    assert_eq!(events.len(), 1, "one operation, one answer: {events:?}");
    match events.remove(0) {
        Event::Done { token: Token(1), result } => result,
        other => panic!("{other:?}"),
    }
}

fn created(results: &[(&str, ErrorCode)]) -> CreateTopicsResponseData {
    let topics = results.iter().map(|(name, code)| {
        let topic = CreatableTopicResult::default().with_name(text(name)).with_error_code(code.code()).with_topic_id(Uuid([3; 16]).into());
        topic.with_num_partitions(4).with_replication_factor(1)
    });
    CreateTopicsResponseData::default().with_topics(topics.collect())
}

fn names(asked: &Asked) -> Vec<String> {
    let Request::CreateTopics(body) = &asked.request else { panic!("no CreateTopics: {:?}", asked.request) };
    body.topics.iter().map(|t| t.name.to_string()).collect()
}

fn of(partition: i32) -> TopicPartition {
    TopicPartition { topic: orders(), partition }
}

#[test]
fn admin_creates_topics_and_tries_those_again_that_met_no_controller() {
    let mut stage = stage(Plan::one_node(1));
    let topics = ["a", "b", "c", "d"].map(|name| NewTopic::new(name, 4, 1)).to_vec();
    begin(&mut stage, Operation::CreateTopics { topics, validate_only: false });
    let asked = stage.next();
    assert_eq!(names(&asked), ["a", "b", "c", "d"]);
    let answer = created(&[
        ("a", ErrorCode::None),
        ("b", ErrorCode::NotController),
        ("c", ErrorCode::TopicAlreadyExists),
        ("d", ErrorCode::KafkaStorageError),
    ]);
    stage.answer(&asked, answer);
    stage.pass_ms(300);
    let again = stage.next();
    assert_eq!(names(&again), ["b"]);
    stage.answer(&again, created(&[("b", ErrorCode::None)]));
    let Ok(Reply::CreateTopics(results)) = ended(&mut stage) else { panic!("another reply") };
    assert!(results[0].1.is_ok() && results[1].1.as_ref().is_ok_and(|t| t.id == Uuid([3; 16]) && t.partitions == 4));
    let exists = ClientError::Broker { code: ErrorCode::TopicAlreadyExists.code(), message: None };
    assert_eq!((&*results[2].0, results[2].1.clone().unwrap_err()), ("c", exists));
    let full = ClientError::Broker { code: ErrorCode::KafkaStorageError.code(), message: None };
    assert_eq!((&*results[3].0, results[3].1.clone().unwrap_err()), ("d", full), "it is there; another try would be told so");
}

#[test]
fn admin_asks_again_after_a_lost_answer_and_ends_in_time() {
    let mut stage = stage(Plan::one_node(1));
    begin(&mut stage, Operation::CreateTopics { topics: vec![NewTopic::new("a", 1, 1)], validate_only: false });
    let connection = stage.next().connection;
    stage.cut(connection);
    stage.pass_ms(1_000);
    assert_eq!(names(&stage.next()), ["a"]);
    assert!(stage.marks.contains(&"admin.answer_lost"));
    stage.pass_ms(9_000);
    let Ok(Reply::CreateTopics(results)) = ended(&mut stage) else { panic!("another reply") };
    assert!(results[0].1.is_err());
    assert!(stage.machine.deadline().is_some_and(|d| d.why == "metadata refresh" || d.why == "request timeout"));
}

#[test]
fn admin_deletes_records_at_each_leader_and_follows_one_that_moved() {
    let mut plan = Plan::one_node(2);
    plan.nodes = vec![1, 2];
    plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(1, 0), (2, 0)];
    let mut stage = stage(plan);
    begin(&mut stage, Operation::DeleteRecords { before: vec![(of(0), 5), (of(1), -1)] });
    let answer = |asked: &Asked, code: ErrorCode, low: i64| {
        let Request::DeleteRecords(body) = &asked.request else { panic!("no DeleteRecords: {:?}", asked.request) };
        let partition = DeleteRecordsPartitionResult::default()
            .with_partition_index(body.topics[0].partitions[0].partition_index)
            .with_error_code(code.code())
            .with_low_watermark(low);
        let topic = DeleteRecordsTopicResult::default().with_name(text("orders")).with_partitions(vec![partition]);
        DeleteRecordsResponseData::default().with_topics(vec![topic])
    };
    let (first, second) = (stage.next(), stage.next());
    assert_eq!([first.port, second.port], [9001, 9002]);
    stage.plan.topics.get_mut("orders").expect("it is planned").leaders = vec![(1, 0), (1, 1)];
    stage.answer(&first, answer(&first, ErrorCode::None, 5));
    stage.answer(&second, answer(&second, ErrorCode::NotLeaderOrFollower, -1));
    let moved = stage.until(|asked| asked.port == 9001, |asked| answer(asked, ErrorCode::NotLeaderOrFollower, -1).into());
    stage.answer(&moved, answer(&moved, ErrorCode::None, 9));
    assert_eq!(ended(&mut stage), Ok(Reply::DeleteRecords(vec![(of(0), Ok(5)), (of(1), Ok(9))])));
}

#[test]
fn admin_describes_topics_page_by_page() {
    let mut stage = stage(Plan::one_node(1));
    begin(&mut stage, Operation::DescribeTopics { topics: vec!["b".into(), "a".into(), "none".into()] });
    let page = |name: &str, partitions: std::ops::Range<i32>| {
        let partitions = partitions.map(|p| DescribeTopicPartitionsResponsePartition::default().with_partition_index(p).with_leader_id(1));
        DescribeTopicPartitionsResponseTopic::default().with_name(Some(text(name))).with_partitions(partitions.collect())
    };
    let first = stage.next();
    let Request::DescribeTopicPartitions(body) = &first.request else { panic!("no DescribeTopicPartitions") };
    assert_eq!(body.topics.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["a", "b", "none"]);
    let cursor = Cursor { topic_name: text("b"), partition_index: 2, ..Cursor::default() };
    let answer = DescribeTopicPartitionsResponseData::default().with_topics(vec![page("a", 0..1), page("b", 0..2)]);
    stage.answer(&first, answer.with_next_cursor(Some(Box::new(cursor))));
    let second = stage.next();
    let Request::DescribeTopicPartitions(body) = &second.request else { panic!("no DescribeTopicPartitions") };
    assert_eq!(body.cursor.as_ref().map(|c| (c.topic_name.as_str(), c.partition_index)), Some(("b", 2)));
    let unknown = page("none", 0..0).with_error_code(ErrorCode::UnknownTopicOrPartition.code());
    stage.answer(&second, DescribeTopicPartitionsResponseData::default().with_topics(vec![page("b", 2..3), unknown]));
    let Ok(Reply::DescribeTopics(results)) = ended(&mut stage) else { panic!("another reply") };
    let counts: Vec<Option<usize>> = results.iter().map(|(_, r)| r.as_ref().ok().map(|t| t.partitions.len())).collect();
    assert_eq!(counts, [Some(3), Some(1), None]);
}

#[test]
fn admin_falls_back_to_metadata_where_topics_cannot_be_described_by_page() {
    let mut plan = Plan::one_node(3);
    plan.absent = vec![ApiKey::DescribeTopicPartitions];
    let mut stage = stage(plan);
    begin(&mut stage, Operation::DescribeTopics { topics: vec![orders()] });
    let Ok(Reply::DescribeTopics(results)) = ended(&mut stage) else { panic!("another reply") };
    assert_eq!(results[0].1.as_ref().map(|t| t.partitions.len()), Ok(3));
}

#[test]
fn admin_says_which_api_a_broker_has_not() {
    let mut plan = Plan::one_node(1);
    plan.absent = vec![ApiKey::DescribeCluster];
    let mut stage = stage(plan);
    begin(&mut stage, Operation::DescribeCluster);
    assert!(matches!(ended(&mut stage), Err(ClientError::UnsupportedVersion { api: "DescribeCluster", .. })));
}

#[test]
fn admin_asks_every_broker_for_its_log_directories() {
    let mut plan = Plan::one_node(1);
    plan.nodes = vec![1, 2];
    let mut stage = stage(plan);
    begin(&mut stage, Operation::DescribeLogDirs { brokers: Vec::new() });
    for path in ["/one", "/two"] {
        let asked = stage.next();
        let dir = DescribeLogDirsResult::default().with_log_dir(text(path));
        stage.answer(&asked, DescribeLogDirsResponseData::default().with_results(vec![dir]));
    }
    let Ok(Reply::DescribeLogDirs(results)) = ended(&mut stage) else { panic!("another reply") };
    let paths: Vec<(i32, &str)> = results.iter().map(|(id, dirs)| (*id, &*dirs.as_ref().expect("it answered")[0].path)).collect();
    assert_eq!(paths, [(1, "/one"), (2, "/two")]);
}

#[test]
fn admin_asks_a_broker_itself_for_its_configuration() {
    let mut plan = Plan::one_node(1);
    plan.nodes = vec![1, 2];
    let mut stage = stage(plan);
    let of = ConfigResource::Broker("2".to_owned());
    begin(&mut stage, Operation::DescribeConfigs { resources: vec![(of.clone(), None)], synonyms: false, documentation: false });
    let asked = stage.next();
    assert_eq!(asked.port, 9002);
    let entry = configs::DescribeConfigsResourceResult::default().with_name(text("log.dirs")).with_value(Some(text("/data")));
    let result = configs::DescribeConfigsResult::default().with_resource_type(4).with_resource_name(text("2")).with_configs(vec![entry]);
    stage.answer(&asked, DescribeConfigsResponseData::default().with_results(vec![result]));
    let Ok(Reply::DescribeConfigs(results)) = ended(&mut stage) else { panic!("another reply") };
    assert_eq!(results[0].0, of);
    assert_eq!(results[0].1.as_ref().expect("it answered")[0].value.as_deref(), Some("/data"));
}

#[test]
fn admin_lists_topics_without_internal_ones() {
    let mut stage = stage(Plan::one_node(2));
    stage.plan.metadata = true;
    begin(&mut stage, Operation::ListTopics { internal: false });
    let Ok(Reply::ListTopics(listings)) = ended(&mut stage) else { panic!("another reply") };
    assert_eq!(listings.iter().map(|t| (&*t.name, t.partitions)).collect::<Vec<_>>(), [("orders", 2)]);
}

#[test]
fn admin_close_answers_what_is_in_hand() {
    let mut stage = stage(Plan::one_node(1));
    begin(&mut stage, Operation::DescribeCluster);
    stage.command(Command::Close);
    assert_eq!(stage.take_events(), [Event::Done { token: Token(1), result: Err(ClientError::Closed) }, Event::Closed]);
    assert!(stage.machine.deadline().is_none());
}

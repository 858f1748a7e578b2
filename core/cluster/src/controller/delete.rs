//! Topics are deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use odradek_wire::ids::Uuid;

use super::refusal::delete_topic_result;
use super::topics::{check_record_total, repeated};
use super::{Controller, ControllerResponse, Decision, Refusal};
use crate::messages::delete_topics_response::DeletableTopicResult;
use crate::messages::{DeleteTopicsRequestData, DeleteTopicsResponseData, ErrorCode, KafkaString, KafkaUuid, text};
use crate::record::{MetadataRecord, RemoveTopicRecord};

impl Controller {
    pub(super) fn delete_topics(&self, r: &DeleteTopicsRequestData) -> Result<Decision, Refusal> {
        let invalid = |message: &str| Refusal::new(ErrorCode::InvalidRequest, message);
        let mut responses = Vec::new();
        if !self.config.defaults.boolean("delete.topic.enable") {
            return Err(Refusal::new(ErrorCode::TopicDeletionDisabled, "Topic deletion is disabled."));
        }
        let mut names: Vec<&str> = r.topic_names.iter().map(KafkaString::as_str).collect();
        let mut ids: Vec<Uuid> = Vec::new();
        for t in &r.topics {
            match (&t.name, t.topic_id == KafkaUuid::ZERO) {
                (Some(name), true) => names.push(name.as_str()),
                (None, false) => ids.push(t.topic_id.into()),
                (None, true) => {
                    let why = invalid("Neither topic name nor id were specified.");
                    responses.push(delete_topic_result(None, KafkaUuid::ZERO, Some(&why)));
                }
                (Some(name), false) => {
                    let why = invalid("You may not specify both topic name and topic id.");
                    responses.push(delete_topic_result(Some(name), t.topic_id, Some(&why)));
                }
            }
        }
        let repeated_names = repeated(names.iter().copied());
        let repeated_ids = repeated(ids.iter().copied());
        let why = invalid("Duplicate topic name.");
        responses.extend(repeated_names.iter().map(|n| delete_topic_result(Some(&text(n)), KafkaUuid::ZERO, Some(&why))));
        let why = invalid("Duplicate topic id.");
        responses.extend(repeated_ids.iter().map(|&id| delete_topic_result(None, id.into(), Some(&why))));
        names.retain(|n| !repeated_names.contains(n));
        ids.retain(|id| !repeated_ids.contains(id));
        let doomed = self.find_doomed(&names, &ids, &repeated_ids, &mut responses);
        let remove = |&topic_id: &Uuid| MetadataRecord::RemoveTopic(RemoveTopicRecord { topic_id });
        let records: Vec<_> = doomed.keys().map(remove).collect();
        responses.extend(doomed.iter().map(|(&id, name)| delete_topic_result(Some(&text(name)), id.into(), None)));
        check_record_total(&records)?;
        Ok(Decision { records, reply: ControllerResponse::DeleteTopics(DeleteTopicsResponseData { responses, ..Default::default() }) })
    }

    /// The topics to delete, each once; what cannot be found, or was asked for by name and by id, is answered.
    fn find_doomed(
        &self,
        names: &[&str],
        ids: &[Uuid],
        repeated_ids: &BTreeSet<Uuid>,
        responses: &mut Vec<DeletableTopicResult>,
    ) -> BTreeMap<Uuid, Arc<str>> {
        let mut doomed = BTreeMap::new();
        let unknown_id = Refusal::new(ErrorCode::UnknownTopicId, "There is no topic of this id.");
        for &id in ids {
            match self.image.topic_by_id(id) {
                Some(topic) => drop(doomed.insert(id, Arc::clone(&topic.name))),
                None => responses.push(delete_topic_result(None, id.into(), Some(&unknown_id))),
            }
        }
        for &name in names {
            let Some(id) = self.image.topic_id(name) else {
                let why = Refusal::new(ErrorCode::UnknownTopicOrPartition, "There is no topic of this name.");
                responses.push(delete_topic_result(Some(&text(name)), KafkaUuid::ZERO, Some(&why)));
                continue;
            };
            if repeated_ids.contains(&id) || doomed.contains_key(&id) {
                doomed.remove(&id);
                let why = Refusal::new(ErrorCode::InvalidRequest, "The provided topic name maps to an ID that was already supplied.");
                responses.push(delete_topic_result(Some(&text(name)), id.into(), Some(&why)));
            } else {
                doomed.insert(id, Arc::from(name));
            }
        }
        doomed
    }
}

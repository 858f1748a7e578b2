//! Topics are given more partitions.

use odradek_wire::ids::{NodeId, Offset};

use super::directories::DirectoryLoad;
use super::refusal::create_partitions_result;
use super::topics::{EXCESSIVE, check_record_total, nodes, repeated};
use super::{Controller, ControllerResponse, Decision, PARTITIONS_PER_REQUEST_MAX, Refusal};
use crate::image::Topic;
use crate::messages::create_partitions_request::CreatePartitionsTopic;
use crate::messages::{CreatePartitionsRequestData, CreatePartitionsResponseData, ErrorCode, text};
use crate::record::MetadataRecord;

impl Controller {
    pub(super) fn create_partitions(&self, r: &CreatePartitionsRequestData, next: Offset) -> Result<Decision, Refusal> {
        let repeated = repeated(r.topics.iter().map(|t| t.name.as_str()));
        let duplicate = Refusal::new(ErrorCode::InvalidRequest, "Duplicate topic name.");
        let mut results: Vec<_> = repeated.iter().map(|name| create_partitions_result(&text(name), Some(&duplicate))).collect();
        let mut load = DirectoryLoad::of(&self.image);
        let mut records = Vec::new();
        for topic in r.topics.iter().filter(|t| !repeated.contains(t.name.as_str())) {
            let outcome = self.add_partitions(topic, next, &mut load, &mut records);
            results.push(create_partitions_result(&topic.name, outcome.err().as_ref()));
        }
        check_record_total(&records)?;
        if r.validate_only {
            records.clear();
        }
        let reply = CreatePartitionsResponseData { results, ..Default::default() };
        Ok(Decision { records, reply: ControllerResponse::CreatePartitions(reply) })
    }

    fn add_partitions(
        &self,
        wanted: &CreatePartitionsTopic,
        next: Offset,
        load: &mut DirectoryLoad,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<(), Refusal> {
        let name = wanted.name.as_str();
        let topic = self.image.topic(name).ok_or(Refusal::bare(ErrorCode::UnknownTopicOrPartition))?;
        let count = topic.partitions.len() as i32;
        if wanted.count == count {
            return Err(Refusal::new(ErrorCode::InvalidPartitions, format!("Topic already has {count} partition(s).")));
        }
        if wanted.count < count {
            let message = format!("The topic {name} currently has {count} partition(s); {} would not be an increase.", wanted.count);
            return Err(Refusal::new(ErrorCode::InvalidPartitions, message));
        }
        let additional = (wanted.count - count) as usize;
        if additional as i64 > PARTITIONS_PER_REQUEST_MAX {
            return Err(Refusal::new(ErrorCode::PolicyViolation, EXCESSIVE));
        }
        let assignments = self.additional_assignments(topic, wanted, count, additional, next)?;
        records.extend((count..).zip(&assignments).map(|(index, replicas)| self.partition_record(topic.id, index, replicas, load)));
        Ok(())
    }

    fn additional_assignments(
        &self,
        topic: &Topic,
        wanted: &CreatePartitionsTopic,
        count: i32,
        additional: usize,
        next: Offset,
    ) -> Result<Vec<Vec<NodeId>>, Refusal> {
        let factor = topic.partitions.values().next().map_or(1, |p| p.replicas.len());
        let Some(manual) = &wanted.assignments else {
            return self.place(&topic.name, additional, factor as i32, next);
        };
        if manual.len() != additional {
            let message =
                format!("Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.", manual.len());
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        for (index, a) in (count..).zip(manual) {
            self.check_manual_assignment(index, &a.broker_ids, Some(factor))?;
        }
        Ok(manual.iter().map(|a| nodes(&a.broker_ids)).collect())
    }
}

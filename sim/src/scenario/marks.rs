//! The marks that scenarios may wait for: collected from the sources when this crate is built.

include!(concat!(env!("OUT_DIR"), "/marks.rs"));

#[cfg(test)]
mod tests {
    use super::MARKS;

    #[test]
    fn marks_of_core_clients_and_world_are_collected() {
        for mark in ["log.rolled", "leader.elected", "producer.retried", "node.fell_between_outputs", "hostile.replay_recognised"] {
            assert!(MARKS.contains(&mark), "{mark}");
        }
    }
}

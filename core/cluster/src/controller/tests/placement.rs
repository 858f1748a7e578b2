//! Where replicas go.

use odradek_machine::Seed;
use odradek_wire::ids::NodeId;
use proptest::prelude::*;

use crate::controller::place::{UsableBroker, place};

fn broker(id: i32, rack: Option<u8>, fenced: bool) -> UsableBroker {
    UsableBroker { id: NodeId(id), rack: rack.map(|r| format!("r{r}")), fenced }
}

proptest! {
    #[test]
    fn replicas_are_distinct_and_led_by_the_unfenced_and_spread_over_racks(
        racks in prop::collection::vec((prop::option::of(0u8..3), any::<bool>()), 1..9),
        partitions in 1usize..30, replicas in 1i32..6, seed: u64,
    ) {
        let brokers: Vec<_> = (0..).zip(&racks).map(|(id, &(rack, fenced))| broker(id, rack, fenced)).collect();
        let unfenced = brokers.iter().filter(|b| !b.fenced).count();
        let placed = place(&brokers, partitions, replicas, Seed(seed));
        prop_assert_eq!(placed.is_ok(), unfenced > 0 && replicas as usize <= brokers.len());
        let rack_of = |id: NodeId| brokers.iter().find(|b| b.id == id).map(|b| b.rack.clone());
        let mut rack_names: Vec<_> = brokers.iter().map(|b| b.rack.clone()).collect();
        rack_names.sort();
        rack_names.dedup();
        for assignment in placed.unwrap_or_default() {
            let mut distinct = assignment.clone();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), replicas as usize);
            prop_assert!(brokers.iter().any(|b| b.id == assignment[0] && !b.fenced));
            let mut used: Vec<_> = assignment.iter().map(|&id| rack_of(id)).collect();
            used.sort();
            used.dedup();
            prop_assert_eq!(used.len(), rack_names.len().min(replicas as usize), "{:?} over {:?}", assignment, racks);
        }
    }
}

#[test]
fn leaders_take_turns() {
    let brokers: Vec<_> = (0..4).map(|id| broker(id, None, false)).collect();
    let placed = place(&brokers, 8, 2, Seed(3)).expect("enough brokers");
    for id in 0..4 {
        assert_eq!(placed.iter().filter(|a| a[0] == NodeId(id)).count(), 2, "{placed:?}");
    }
}

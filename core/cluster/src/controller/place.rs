//! Where the replicas of partitions go when nobody says where: leaders and replicas in stripes over racks and brokers.

use odradek_machine::Seed;
use odradek_wire::ids::NodeId;

/// A broker that can be given replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsableBroker {
    pub(super) id: NodeId,
    pub(super) rack: Option<String>,
    pub(super) fenced: bool,
}

/// The replicas of `partitions` partitions, the preferred leader first; or Kafka's sentence.
///
/// The first replica is never on a fenced broker; racks take turns, brokers of a rack take turns, and after as many partitions as there are unfenced
/// brokers both are shuffled, so that assignments do not repeat.
///
/// Source: KIP-500's striped placement. Draws: by rack and by round, from `seed`.
pub(super) fn place(brokers: &[UsableBroker], partitions: usize, replicas: i32, seed: Seed) -> Result<Vec<Vec<NodeId>>, String> {
    let replicas_wanted = usize::try_from(replicas).ok().filter(|&n| n > 0);
    let replicas_wanted =
        replicas_wanted.ok_or_else(|| format!("Invalid replication factor {replicas}: the replication factor must be positive."))?;
    let mut racks = Racks::new(brokers, seed);
    if racks.unfenced == 0 {
        return Err("All brokers are currently fenced, or have all their log directories cordoned.".to_owned());
    }
    if replicas_wanted > brokers.len() {
        return Err(format!(
            "The target replication factor of {replicas} cannot be reached because only {} broker(s) are registered or some brokers have all their \
             log directories cordoned.",
            brokers.len()
        ));
    }
    Ok((0..partitions).map(|_| racks.place(replicas_wanted)).collect())
}

struct Racks {
    racks: Vec<Rack>,
    unfenced: usize,
    /// How many partitions were placed since the last shuffle.
    epoch: usize,
    /// Which rack the next leader is taken from.
    turn: usize,
    seed: Seed,
    shuffles: u64,
}

struct Rack {
    name: Option<String>,
    unfenced: Ring,
    fenced: Ring,
}

/// Brokers that take turns: each partition begins one further.
#[derive(Default)]
struct Ring {
    brokers: Vec<NodeId>,
    taken: usize,
    offset: usize,
    epoch: usize,
}

impl Ring {
    fn next(&mut self, epoch: usize) -> Option<NodeId> {
        let n = self.brokers.len();
        if n == 0 {
            return None;
        }
        if self.epoch != epoch {
            self.epoch = epoch;
            self.taken = 0;
            self.offset = (self.offset + 1) % n;
        }
        if self.taken >= n {
            return None;
        }
        let broker = self.brokers[(self.taken + self.offset) % n];
        self.taken += 1;
        Some(broker)
    }

    fn begin(&mut self, seed: Seed) {
        self.brokers.sort_unstable();
        if !self.brokers.is_empty() {
            self.offset = seed.below(self.brokers.len() as u64) as usize;
        }
    }
}

impl Racks {
    fn new(brokers: &[UsableBroker], seed: Seed) -> Racks {
        let mut racks: Vec<Rack> = Vec::new();
        for broker in brokers {
            let at = racks.iter().position(|r| r.name == broker.rack).unwrap_or_else(|| {
                racks.push(Rack { name: broker.rack.clone(), unfenced: Ring::default(), fenced: Ring::default() });
                racks.len() - 1
            });
            let ring = if broker.fenced { &mut racks[at].fenced } else { &mut racks[at].unfenced };
            ring.brokers.push(broker.id);
        }
        racks.sort_by(|a, b| a.name.cmp(&b.name));
        for rack in &mut racks {
            let seed = seed.named("rack").named(rack.name.as_deref().unwrap_or(""));
            rack.unfenced.begin(seed.named("unfenced"));
            rack.fenced.begin(seed.named("fenced"));
        }
        let turn = if racks.is_empty() { 0 } else { seed.named("turn").below(racks.len() as u64) as usize };
        let unfenced = brokers.iter().filter(|b| !b.fenced).count();
        Racks { racks, unfenced, epoch: 0, turn, seed, shuffles: 0 }
    }

    fn place(&mut self, replicas: usize) -> Vec<NodeId> {
        if self.epoch == self.unfenced && self.unfenced > 1 {
            self.shuffle();
        }
        let count = self.racks.len();
        self.turn %= count;
        let mut placed = Vec::with_capacity(replicas);
        let leader = (0..count).map(|i| (self.turn + i) % count).find_map(|rack| {
            let broker = self.racks[rack].unfenced.next(self.epoch)?;
            placed.push(broker);
            Some(rack)
        });
        let mut passed_over = Some(leader.expect("each unfenced broker is free again for each partition"));
        let mut rack = self.turn;
        while placed.len() < replicas {
            // The leader's rack had its turn: it is passed over once.
            if passed_over == Some(rack) {
                passed_over = None;
            } else {
                let Rack { unfenced, fenced, .. } = &mut self.racks[rack];
                placed.extend(unfenced.next(self.epoch).or_else(|| fenced.next(self.epoch)));
            }
            rack = (rack + 1) % count;
        }
        self.epoch += 1;
        self.turn += 1;
        placed
    }

    fn shuffle(&mut self) {
        self.epoch = 0;
        self.shuffles += 1;
        let seed = self.seed.named("shuffle").number(self.shuffles);
        shuffle(&mut self.racks, seed.named("racks"));
        for rack in &mut self.racks {
            let seed = seed.named(rack.name.as_deref().unwrap_or(""));
            shuffle(&mut rack.unfenced.brokers, seed.named("unfenced"));
            shuffle(&mut rack.fenced.brokers, seed.named("fenced"));
        }
    }
}

fn shuffle<T>(items: &mut [T], seed: Seed) {
    for i in (1..items.len()).rev() {
        items.swap(i, seed.number(i as u64).below(i as u64 + 1) as usize);
    }
}

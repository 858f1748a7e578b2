use odradek_sim::run::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let seeds: Vec<u64> = args[1].split("..").map(|s| s.parse().unwrap()).collect();
    let files = args[2..].iter().map(Into::into).collect();
    let request = Request { files, seeds: seeds[0]..seeds[1], jobs: 2, mutant: None, capsules: None };
    let lines = std::sync::Mutex::new(std::collections::BTreeMap::new());
    let c = run(&request, &|r| {
        let v = format!("{:?}", r.verdict);
        let v: String = v.chars().take(260).collect();
        if !v.starts_with("Clean") {
            lines.lock().unwrap().entry((r.scenario.clone(), v)).or_insert((0u64, r.seed));
        }
    })
    .map_err(|e| println!("{e}"))
    .unwrap();
    for ((s, v), (_, seed)) in lines.lock().unwrap().iter() {
        println!("{s} seed {seed}: {v}");
    }
    for s in &c.scenarios {
        println!("{:<55} runs {} clean {} void {} failed {} unseen {:?}", s.scenario, s.runs, s.clean, s.void, s.failed, s.unseen);
    }
    println!("runs {} simulated {} ms exit {}", c.runs, c.simulated_ms, c.exit_code());
}

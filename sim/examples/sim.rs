fn main() {
    let args: Vec<String> = std::env::args().collect();
    let seed: u64 = args[2].parse().unwrap();
    let mut out = std::io::stdout().lock();
    let report = odradek_sim::run::trace(args[1].as_ref(), seed, None, &mut out).unwrap();
    println!("{report:#?}");
}

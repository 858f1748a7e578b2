//! The world under one seed: network, disks, clocks, processes, workloads, oracle.

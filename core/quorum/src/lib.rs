//! The metadata log __cluster_metadata-0 and its Raft quorum, as KRaft speaks it.

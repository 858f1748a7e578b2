//! ApiVersions and DescribeCluster.

use kacrab_protocol::generated::{ApiVersionsRequestData, DescribeClusterRequestData};

use super::message::text;
use super::twins::Twins;

pub fn run(twins: &mut Twins) {
    for (name, version) in [("answers", "1.0"), ("", ""), ("a b", "1"), ("-a", "1"), ("a-", "1"), ("librdkafka", "v2.3.0_x"), ("a", "")] {
        twins.each(&format!("software '{name}' '{version}'"), |_, v| {
            let request = ApiVersionsRequestData::default();
            if v < 3 {
                return request;
            }
            request.with_client_software_name(text(name)).with_client_software_version(text(version))
        });
    }
    for operations in [false, true] {
        twins.each(&format!("cluster, operations {operations}"), |_, _| {
            DescribeClusterRequestData::default().with_include_cluster_authorized_operations(operations)
        });
    }
    for endpoint in [0, 2, 3, -1] {
        twins.each_of(&format!("endpoint type {endpoint}"), 1..=2, |_, _| {
            DescribeClusterRequestData::default().with_endpoint_type(endpoint)
        });
    }
    twins.ask("fenced brokers too", 2, |_| DescribeClusterRequestData::default().with_include_fenced_brokers(true));
}

"""What each step measured: requests, failures, latency, throughput, resources."""

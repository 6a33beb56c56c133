"""The load generator: starts Locust, drives the steps, records every request. Only here is Locust imported."""

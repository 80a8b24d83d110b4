"""Tests of the components, each under Pulumi's mocks."""

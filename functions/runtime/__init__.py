"""Composition roots: put adapters and engine together for Lambda and for the operator's tool."""

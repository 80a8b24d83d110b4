"""What is mended without a person: the decision, the remediator, and both on an embedded AWS."""

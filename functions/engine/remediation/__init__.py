"""What is mended without a person, how often, and why not more: pure decisions, and what people are told of them."""

"""The product's tables on Amazon DynamoDB."""

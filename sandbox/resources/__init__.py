"""What makes the resources of a program through the AWS API: one creator for each type that Pulumi registers."""

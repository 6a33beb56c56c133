"""Whether the numbers can be trusted: of the steps, of the votes, of the records."""

"""What a run folder holds, as data frames."""

"""What differs between sides, and how sure that is."""

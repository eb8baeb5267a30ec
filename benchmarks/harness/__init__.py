"""What all systems of a benchmark share: data, measures, one run, the results."""

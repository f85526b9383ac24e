"""From a plan to finished runs: the supervisor, the runner of each run, and what they share out."""

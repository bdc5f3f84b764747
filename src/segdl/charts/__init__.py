"""Pages with pictures in them: what reports of benchmarks and of mirrors are made of."""

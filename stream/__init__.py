"""The shell: Kafka, Faust, Redis, SMPP, HTTP, metrics and the command line."""

"""The stages of a job: each reads committed inputs and writes one commit; alone imports Ray."""

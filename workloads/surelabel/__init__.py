"""The science and the stages; knows neither Kubernetes nor the operator."""

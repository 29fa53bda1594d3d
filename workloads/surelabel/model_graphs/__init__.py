"""Trained models as ONNX graphs, where the packages that write them are installed."""

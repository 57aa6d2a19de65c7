"""How blindlink's networks are made: data, codecs, channels for training, polarity networks, export to ONNX."""

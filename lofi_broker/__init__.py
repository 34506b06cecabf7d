"""The broker: owns the queue, the workers, the track library and both front ends. Never computes."""

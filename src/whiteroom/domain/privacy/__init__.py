"""What may leave the room: analysis rules, differential privacy, policies, what is masked."""

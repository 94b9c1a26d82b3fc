"""What may leave the collaboration: analysis rules, differential privacy, policies, masking."""
